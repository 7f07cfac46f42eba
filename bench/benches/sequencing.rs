//! Durable adds: from `Log::add` until every entry owns its index on disk.
//!
//! Machine: the sketch is for two virtual cores of an AMD EPYC and a disk that syncs in well under
//! a millisecond. The log is in the temporary directory, see the crate's header.
//! Data: new entries of 256 bytes, in calls of 1, 256 and 4096, deduplication on, on the store that
//! cairnd ships with. The log does not wait for more entries (`batch_age` 0), so each call becomes
//! one batch; checkpoints are signed beside that at their usual cadence.
//! Sketch: network none. Disk: one sync for a batch, and 258 bytes of bundle, 32 of tile and 48 of
//! identity for an entry: 1.4 MB for 4096. Memory: as much again, twice, in RocksDB's log and
//! table. CPU: identity and leaf hash, 200 and 100 ns, a node hash, 35 ns, and looking up and
//! writing the identity, a few microseconds. Hence a large batch is bound by CPU, and a lone entry
//! after another costs a sync, some wake-ups of threads, and the wait for the next millisecond:
//! no two batches have the same time.
//!
//! Plain alternative: the same entries as synced RocksDB write batches of one put for each, keyed
//! by number; no tree, no deduplication, no checksums but RocksDB's own.
//!
//! The last group streams: one caller adds half a million entries in calls of 4096 and only waits
//! when sixteen calls are on the way, so that batches form and overlap as they do under load. It
//! counts from the entry's bytes to its durable index, hashing of identities included. Its plain
//! alternative packs the same bytes in bundles of 256 and syncs one write batch for 10,000 entries:
//! what RocksDB can do with nothing but the disk in its way.

use std::time::Duration;

use bench::log::{BenchLog, stream, unfinished};
use bench::{ENTRY_LEN_BYTES, entries};
use criterion::{BatchSize, Criterion, Throughput};
use engine::{Limits, Log, UnfinishedEntry};
use rocksdb::{DB, WriteBatch, WriteOptions};

const COUNTS: [u64; 3] = [1, 256, 4096];
const SAMPLES: usize = 20;

/// Entries in a stream.
const STREAMED: u64 = 1 << 19;

/// Entries in a bundle, and in a write batch of whole bundles: some 10,000.
const BUNDLE: u64 = 256;
const SYNCED: usize = 39 * 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let log = BenchLog::create(limits())?;
    let plain_dir = tempfile::tempdir()?;
    let plain = DB::open_default(plain_dir.path())?;

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("sequencing");
    group.sample_size(SAMPLES);
    // Both go on counting, so that no entry comes twice.
    let (mut logged, mut put) = (0, 0);
    for count in COUNTS {
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} entries, Log::add"), |bencher| {
            let setup = || {
                logged += count;
                let batch = entries(logged - count, count);
                batch.into_iter().map(unfinished).collect()
            };
            bencher.iter_batched(setup, |batch| add(&log.log, batch), BatchSize::PerIteration);
        });
        group.bench_function(format!("{count} entries, RocksDB"), |bencher| {
            let setup = || {
                put += count;
                (put - count, entries(put - count, count))
            };
            let write = |(first, batch): (u64, Vec<Vec<u8>>)| write(&plain, first, &batch);
            bencher.iter_batched(setup, write, BatchSize::PerIteration);
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("streaming");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(STREAMED));
    group.bench_function("Log::add", |bencher| {
        let setup = || {
            logged += STREAMED;
            entries(logged - STREAMED, STREAMED)
        };
        bencher.iter_batched(setup, |all| stream(&log.log, all), BatchSize::PerIteration);
    });
    let without = BenchLog::without_deduplication(limits())?;
    group.bench_function("Log::add, no deduplication", |bencher| {
        let setup = || {
            logged += STREAMED;
            entries(logged - STREAMED, STREAMED)
        };
        bencher.iter_batched(
            setup,
            |all| stream(&without.log, all),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("RocksDB, packed in bundles", |bencher| {
        let setup = || {
            put += STREAMED;
            (put - STREAMED, entries(put - STREAMED, STREAMED))
        };
        let write = |(first, all): (u64, Vec<Vec<u8>>)| write_bundles(&plain, first, &all);
        bencher.iter_batched(setup, write, BatchSize::PerIteration);
    });
    group.finish();
    let size = |log: &BenchLog| log.log.status().committed.size.get();
    assert_eq!(size(&log) + size(&without), logged, "every entry was new");
    criterion.final_summary();
    Ok(())
}

fn limits() -> Limits {
    Limits {
        batch_age: Duration::ZERO,
        // What moves to the cold store is measured apart.
        hot_entries: u64::MAX,
        ..Limits::default()
    }
}

fn add(log: &Log, batch: Vec<UnfinishedEntry>) {
    let tickets = log.add_many(batch).expect("the pool has room");
    for ticket in tickets {
        ticket.sequenced_blocking().expect("the disk takes it");
    }
}

/// Writes the entries in bundles, synced as often as batches of 10,000 would be.
fn write_bundles(db: &DB, first: u64, entries: &[Vec<u8>]) {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    let mut numbers = first / BUNDLE..;
    for synced in entries.chunks(SYNCED) {
        let mut batch = WriteBatch::default();
        for (bundle, number) in synced.chunks(256).zip(numbers.by_ref()) {
            let mut packed = Vec::with_capacity(256 * (2 + ENTRY_LEN_BYTES));
            for entry in bundle {
                let len = u16::try_from(entry.len()).expect("short entries");
                packed.extend_from_slice(&len.to_be_bytes());
                packed.extend_from_slice(entry);
            }
            batch.put(number.to_be_bytes(), packed);
        }
        db.write_opt(batch, &options).expect("the disk takes it");
    }
}

fn write(db: &DB, first: u64, entries: &[Vec<u8>]) {
    let mut batch = WriteBatch::default();
    for (number, entry) in (first..).zip(entries) {
        assert_eq!(entry.len(), ENTRY_LEN_BYTES);
        batch.put(number.to_be_bytes(), entry);
    }
    let mut options = WriteOptions::default();
    options.set_sync(true);
    db.write_opt(batch, &options).expect("the disk takes it");
}
