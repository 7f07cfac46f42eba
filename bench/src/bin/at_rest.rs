//! What a log takes on disk once its objects are in the cold store, and what moving them costs.
//!
//! For each kind of entry a log is filled with all of it in the hot store, then opened again with
//! nothing to be kept there: the time and the CPU from there until the last full bundle has moved
//! are tiering's alone. The bytes are those of the cold store, whole log or not: length of the
//! files, and what the filesystem gives them, which is in blocks. The index is reported apart.
//!
//! ```text
//! at_rest [ENTRIES]    131072 of each kind, unless told
//! ```
//!
//! See [`bench::rekor`] for how alike the entries are.

#![allow(
    clippy::print_stdout,
    reason = "a program that reports to whoever ran it"
)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use bench::log::BenchLog;
use bench::rekor::Maker;
use engine::{Clock as _, Limits, SystemClock};
use rayon::prelude::*;

/// Entries added at once.
const ADD_COUNT: u64 = 8192;
const BUNDLE_WIDTH: u64 = 256;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let count = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 131_072,
    };
    let maker = Maker::new().map_err(|error| format!("{error:?}"))?;
    let made = |entry: Result<Vec<u8>, _>| entry.expect("the library signs");
    measure("256 random bytes", count, &bench::entry)?;
    measure("hashedrekord, key-signed", count, &|number| {
        made(maker.key_signed(number))
    })?;
    measure("hashedrekord, no key twice", count, &|number| {
        made(maker.key_signed_once(number))
    })?;
    measure("hashedrekord, certificate-signed", count, &|number| {
        made(maker.certificate_signed(number))
    })
}

fn measure(kind: &str, count: u64, entry: &(dyn Fn(u64) -> Vec<u8> + Sync)) -> Result<(), Failure> {
    let count = count - count % BUNDLE_WIDTH;
    let hot = Limits {
        hot_entries: u64::MAX,
        ..Limits::default()
    };
    let log = BenchLog::create(hot.clone())?;
    let mut raw_bytes = 0;
    let clock = SystemClock::new();
    let (mut fill_time, mut fill_cpu) = (Duration::ZERO, Duration::ZERO);
    for first in (0..count).step_by(usize::try_from(ADD_COUNT)?) {
        let numbers = first..count.min(first + ADD_COUNT);
        let some: Vec<Vec<u8>> = numbers.into_par_iter().map(entry).collect();
        raw_bytes += some.iter().map(Vec::len).sum::<usize>();
        let (began, cpu) = (clock.monotonic(), cpu_time());
        log.add(some)?;
        fill_time += clock.monotonic().saturating_sub(began);
        fill_cpu += cpu_time().saturating_sub(cpu);
    }
    let none = Limits {
        hot_entries: 0,
        ..hot
    };
    let log = log.reopen(none)?;
    let (began, cpu) = (clock.monotonic(), cpu_time());
    while log.log.metrics().bundles_tiered.get() < count / BUNDLE_WIDTH {
        // Nobody wakes this thread: it looks again, and leaves the CPU to the one that works.
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let took = clock.monotonic().saturating_sub(began);
    let cpu = cpu_time().saturating_sub(cpu);
    let cold = tree_usage(&log.path().join("cold"))?;
    let per_entry = |bytes: u64| ratio(bytes, count);
    println!(
        "{kind}: {count} entries of {:.0} bytes",
        per_entry(u64::try_from(raw_bytes)?)
    );
    println!(
        "  adding: {:.0} entries/s, {:.2} us CPU an entry",
        rate(count, fill_time),
        micros(fill_cpu, count)
    );
    println!(
        "  tiering: {:.0} entries/s, {:.2} us CPU an entry",
        rate(count, took),
        micros(cpu, count)
    );
    println!(
        "  cold store: {:.1} bytes an entry, {:.1} in blocks, {} files",
        per_entry(cold.len_bytes),
        per_entry(cold.block_bytes),
        cold.files
    );
    let usage = log.log.reader().disk_usage()?;
    println!(
        "  reported: cold {:.1}, hot {:.1}, index {:.1} bytes an entry",
        per_entry(usage.cold_len_bytes),
        per_entry(usage.hot_len_bytes()),
        per_entry(usage.index_len_bytes())
    );
    Ok(())
}

#[derive(Default)]
struct TreeUsage {
    files: u64,
    len_bytes: u64,
    block_bytes: u64,
}

/// Everything below a directory, directories included.
fn tree_usage(dir: &Path) -> Result<TreeUsage, Failure> {
    let mut usage = TreeUsage::default();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        // Blocks are counted by 512 bytes, whatever the filesystem.
        usage.block_bytes += metadata.blocks() * 512;
        if metadata.is_dir() {
            let below = tree_usage(&entry.path())?;
            usage.files += below.files;
            usage.len_bytes += below.len_bytes;
            usage.block_bytes += below.block_bytes;
        } else {
            usage.files += 1;
            usage.len_bytes += metadata.len();
        }
    }
    Ok(usage)
}

/// CPU that this process has used so far.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}

fn rate(count: u64, took: Duration) -> f64 {
    float(count) / took.as_secs_f64()
}

fn micros(cpu: Duration, count: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / float(count)
}

fn ratio(bytes: u64, count: u64) -> f64 {
    float(bytes) / float(count)
}

/// Exact for every count that fits 32 bits, and close enough beyond.
fn float(count: u64) -> f64 {
    u32::try_from(count).map_or_else(|_| f64::from(u32::MAX), f64::from)
}
