//! Reads through the reader: full tiles and bundles, single entries, inclusion proofs.
//!
//! Machine: the sketch is for a virtual core of an AMD EPYC. The log is in the temporary directory,
//! see the crate's header.
//! Data: a log of 65536 entries of 256 bytes, 17 MB of bundles and 2 MB of tiles, read at
//! pseudo-random places by one thread; all of it fits into RocksDB's memory and the page cache, so
//! no read waits for a disk. Once with all of it in the hot store, once in the cold store.
//! Sketch: network and disk none. Memory: a tile is 8 KiB, a bundle 66 KB, each copied once or
//! twice: a microsecond, ten. CPU: the store's look-up and a checksum of all that is read: 10 us
//! and 30 us. An entry costs as much as its bundle. A proof finds its tiles in the log's cache, all
//! of them at this size: a microsecond or two. The cold store opens a file for each tile or bundle:
//! tens of microseconds.
//!
//! Plain alternative: copying as many bytes from one place in memory to another.

use std::hint::black_box;

use bench::log::BenchLog;
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use engine::{Limits, Reader};
use tiles::{BundleRef, LeafIndex, TileId, TileLevel, TileRef, TileWidth};

const ENTRIES: u64 = 65_536;
const OBJECTS: u64 = ENTRIES / 256;
const TILE_LEN_BYTES: usize = 256 * 32;
const BUNDLE_LEN_BYTES: usize = 256 * (2 + bench::ENTRY_LEN_BYTES);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("reads");
    for len in [TILE_LEN_BYTES, BUNDLE_LEN_BYTES] {
        copy(&mut group, len);
    }

    let hot = BenchLog::create(Limits::default())?;
    hot.fill(ENTRIES)?;
    assert_eq!(hot.log.metrics().bundles_tiered.get(), 0);
    read(&mut group, "hot", &hot.log.reader());
    drop(hot);

    let cold = BenchLog::create(Limits {
        hot_entries: 0,
        ..Limits::default()
    })?;
    cold.fill(ENTRIES)?;
    while cold.log.metrics().bundles_tiered.get() < OBJECTS {
        std::thread::yield_now();
    }
    read(&mut group, "cold", &cold.log.reader());
    drop(cold);
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn copy(group: &mut BenchmarkGroup<'_, WallTime>, len: usize) {
    let from = vec![0x5a_u8; len];
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("copy {len} bytes"), |bencher| {
        bencher.iter(|| black_box(&from[..]).to_vec());
    });
}

fn read(group: &mut BenchmarkGroup<'_, WallTime>, store: &str, reader: &Reader) {
    let size = reader.published().size;
    let mut places = (0_u64..).map(|step| step * 0x9_e377);
    let mut below = |end: u64| places.next().expect("steps do not end") % end;

    group.bench_function(format!("{store}: tile"), |bencher| {
        bencher.iter(|| {
            let id = TileId::new(TileLevel::LEAF, below(OBJECTS));
            let read = reader.tile(TileRef::new(id, TileWidth::FULL));
            read.expect("the store answers").expect("it was published")
        });
    });
    group.bench_function(format!("{store}: bundle"), |bencher| {
        bencher.iter(|| {
            let read = reader.bundle(BundleRef::new(below(OBJECTS), TileWidth::FULL));
            let stored = read.expect("the store answers").expect("it was published");
            stored.plain().expect("it is what was stored")
        });
    });
    group.bench_function(format!("{store}: entry"), |bencher| {
        bencher.iter(|| {
            let read = reader.entry(LeafIndex::new(below(ENTRIES)));
            read.expect("the store answers").expect("it was published")
        });
    });
    group.bench_function(format!("{store}: inclusion proof"), |bencher| {
        bencher.iter(|| {
            let index = LeafIndex::new(below(ENTRIES));
            let proof = reader.inclusion_proof(index, size);
            proof.expect("the size is published")
        });
    });
}
