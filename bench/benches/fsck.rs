//! fsck: re-hashing a whole local log and comparing every byte of it.
//!
//! Machine: the sketch is for two virtual cores of an AMD EPYC. The log is in the temporary
//! directory, see the crate's header.
//! Data: a log of 1048576 entries of 256 bytes that do not compress, all but the newest 65536 in
//! the cold store; 270 MB of bundles and 34 MB of tiles in files, which the page cache holds.
//! Sketch: network none, disk none, memory a few bundles for each thread. CPU, for each entry: a
//! leaf hash of five blocks 0.12 us, a node 0.03 us, reading and checksumming 300 bytes 0.15 us,
//! unpacking them 0.1 us; then its record in the index, 50 bytes of a sorted file and a checksum,
//! 0.3 us, and two hashes of 40 bytes for the comparison, 0.2 us. On two cores two million a
//! second.
//!
//! Plain alternative: leaf and node hashes of as many entries in memory, on as many cores.

use bench::log::BenchLog;
use criterion::{BatchSize, Criterion, Throughput};
use engine::Limits;
use rayon::prelude::*;
use tiles::{CompactRange, LeafIndex};

const ENTRIES: u64 = 1 << 20;
const HOT_ENTRIES: u64 = 1 << 16;
/// Entries of a bundle.
const WIDTH: u64 = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("fsck");
    group.sample_size(10);

    let some = bench::entries(0, 1 << 16);
    group.throughput(Throughput::Elements(1 << 16));
    group.bench_function("hashing alone", |bencher| {
        bencher.iter_batched(|| (), |()| hash(&some), BatchSize::PerIteration);
    });

    let log = BenchLog::create(Limits {
        hot_entries: HOT_ENTRIES,
        ..Limits::default()
    })?;
    log.fill(ENTRIES)?;
    while log.log.metrics().bundles_tiered.get() < (ENTRIES - HOT_ENTRIES) / WIDTH {
        std::thread::yield_now();
    }
    let reader = log.log.reader();
    group.throughput(Throughput::Elements(ENTRIES));
    group.bench_function("a local log", |bencher| {
        bencher.iter(|| {
            let report = engine::fsck(&reader, &mut |_| ()).expect("the log is as it was written");
            assert_eq!(report.head.size.get(), ENTRIES);
        });
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// The hashes of every node over bundles of entries.
fn hash(entries: &[Vec<u8>]) -> Vec<CompactRange> {
    let bundles = entries.par_chunks(256);
    bundles
        .map(|bundle| {
            let mut leaves = Vec::with_capacity(bundle.len());
            tiles::leaf_hashes(bundle, &mut leaves);
            let mut range = CompactRange::empty(LeafIndex::ZERO);
            for leaf in leaves {
                range.append(leaf);
            }
            range
        })
        .collect()
}
