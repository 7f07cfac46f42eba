//! A log that grows: does it stay as fast, and how much memory and disk does it take?
//!
//! Machine: the sketch is for two virtual cores of an AMD EPYC and a disk that syncs in well under
//! a millisecond. The log is in the temporary directory, see the crate's header.
//! Data: new entries that do not compress, streamed as in `sequencing`; after each step a line with
//! the rate of that step, the memory of this process, which makes the entries as well, and the
//! bytes on disk.
//! Sketch: an entry costs the same at any size, but for merging the sorted runs of the identity
//! index, which is done once or twice for each identity, and for two bytes of filter in memory.
//!
//! ```text
//! cargo bench -p cairn-bench --features rocks --bench growth -- \
//!     [--entries 10000000] [--step 1000000] [--entry-bytes 256] [--no-dedup] [--no-tiering]
//! ```

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures real time, and saying what it measured is what it is for"
)]

use std::time::Instant;

use bench::log::{BenchLog, stream};
use bench::process::{Process, disk_len_bytes};
use bench::{ENTRY_LEN_BYTES, entry};
use clap::Parser as _;
use engine::Limits;

/// Grows a log and prints what each step took.
#[derive(clap::Parser, Debug)]
struct Args {
    /// Entries in all.
    #[arg(long, default_value_t = 10_000_000)]
    entries: u64,
    /// Entries for each line.
    #[arg(long, default_value_t = 1_000_000)]
    step: u64,
    /// Bytes of each entry, 16 to 256.
    #[arg(long, default_value_t = ENTRY_LEN_BYTES)]
    entry_bytes: usize,
    /// Takes every entry for a new one.
    #[arg(long)]
    no_dedup: bool,
    /// Leaves everything in the hot store.
    #[arg(long)]
    no_tiering: bool,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut limits = Limits::default();
    if args.no_tiering {
        limits.hot_entries = u64::MAX;
    }
    let log = if args.no_dedup {
        BenchLog::without_deduplication(limits)
    } else {
        BenchLog::create(limits)
    };
    let log = log.map_err(|error| anyhow::anyhow!("{error}"))?;
    println!(
        "{:>11} {:>11} {:>9} {:>11}  tiered",
        "entries", "entries/s", "peak MiB", "bytes/entry"
    );
    let mut size = 0;
    while size < args.entries {
        let numbers = size..args.entries.min(size + args.step);
        let started = Instant::now();
        stream(
            &log.log,
            numbers
                .clone()
                .map(|number| short(number, args.entry_bytes)),
        );
        let took_us = started.elapsed().as_micros().max(1);
        let rate = u128::from(numbers.end - numbers.start) * 1_000_000 / took_us;
        size = numbers.end;
        println!(
            "{size:>11} {rate:>11} {:>9} {:>11}  {}",
            Process::own().peak_kib()? / 1024,
            disk_len_bytes(&log.path())? / size,
            log.log.metrics().bundles_tiered.get() * 256,
        );
    }
    Ok(())
}

/// The first bytes of an entry, its number among them.
fn short(number: u64, len: usize) -> Vec<u8> {
    let mut entry = entry(number);
    entry.truncate(len.max(16));
    entry
}
