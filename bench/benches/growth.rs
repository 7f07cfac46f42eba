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

#![allow(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::path::Path;
use std::time::Instant;

use bench::log::{BenchLog, stream};
use bench::process;
use engine::Limits;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked = Asked::parse(std::env::args().skip(1))?;
    let limits = Limits {
        hot_entries: if asked.tiering {
            Limits::default().hot_entries
        } else {
            u64::MAX
        },
        ..Limits::default()
    };
    let log = BenchLog::create_with(limits, asked.deduplication)?;
    println!("{asked:?}");
    println!("   entries   entries/s   MiB now   MiB peak   bytes/entry   tiered");
    let mut size = 0;
    while size < asked.entries {
        let step = asked.step.min(asked.entries - size);
        let started = Instant::now();
        stream(&log.log, size..size + step, asked.entry_len)?;
        let seconds = started.elapsed().as_secs_f64();
        size += step;
        let memory = process::memory()?;
        let disk = process::disk_bytes(log.path())?;
        println!(
            "{size:>10}  {:>10.0}  {:>8}  {:>9}  {:>12}  {:>7}",
            bench::ratio(step, seconds),
            memory.now_mib,
            memory.peak_mib,
            disk / size,
            log.log.metrics().bundles_tiered.get() * 256,
        );
    }
    Ok(())
}

/// What the command line asks for.
#[derive(Debug)]
struct Asked {
    entries: u64,
    step: u64,
    entry_len: usize,
    deduplication: bool,
    tiering: bool,
}
