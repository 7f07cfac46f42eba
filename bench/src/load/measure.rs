//! The timed part of a run, and what the kernel counted meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::time::Instant;

use super::args::{Args, Kind};
use super::drive::{Run, drive};
use super::latency::Latencies;
use super::progress;
use super::recorder::Seen;
use super::watch::{Sighting, Until, watch};
use crate::process::{Process, disk_len_bytes};

/// What a run gave.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) seen: Seen,
    /// Checkpoints of a raw log.
    pub(super) sightings: Vec<Sighting>,
    /// How long was sent.
    pub(super) elapsed: Duration,
    /// Requests that were due and not sent.
    pub(super) unsent: u64,
    /// How long their entries had waited in the end; part of `seen.latencies`.
    pub(super) waited: Latencies,
    /// From the begin until the last answer.
    pub(super) server_cpu: Option<Duration>,
    pub(super) client_cpu: Duration,
    pub(super) peak_kib: Option<u64>,
    pub(super) disk_grown: Option<u64>,
}

/// Sends until the last answer is there, and waits until it is published.
pub(super) fn measure(args: &Args, run: &Arc<Run>) -> anyhow::Result<Measured> {
    let disk = || args.data_dir.as_deref().map(disk_len_bytes).transpose();
    let disk_before = disk()?;
    let server = args.pid.map(Process::new).transpose()?;
    // A peak that may lie before the run is not one of the run.
    let peak_is_ours = server.is_some_and(Process::reset_peak);
    let is_watched = matches!(args.kind, Kind::Raw | Kind::RawBatch);
    let watcher = is_watched.then(|| Watcher::start(run));
    let senders = Senders::start(run, args.connections());
    run.gate.wait();
    let cpu = || server.map(Process::cpu_time).transpose();
    let (cpu_before, own_before) = (cpu()?, Process::own().cpu_time()?);
    let begin = *run.begin.get_or_init(Instant::now);
    run.gate.wait();
    progress::watch(&run.totals, begin, run.schedule.end(), &senders.done);
    let mut seen = senders.join(run)?;
    let server_cpu = cpu()?.zip(cpu_before);
    let client_cpu = Process::own().cpu_time()?.saturating_sub(own_before);
    let peak_kib = server
        .filter(|_| peak_is_ours)
        .map(Process::peak_kib)
        .transpose()?;
    let sightings = match watcher {
        Some(watcher) => watcher.finish(&seen)?,
        None => Vec::new(),
    };
    let grown = disk()?.zip(disk_before);
    let waited = wait_of_unsent(args, run, &seen);
    seen.latencies.add(&waited);
    let used_up = run.used_up.load(Ordering::Relaxed);
    Ok(Measured {
        elapsed: if used_up {
            seen.last
        } else {
            run.schedule.end()
        },
        unsent: waited.count() / u64::from(args.entries_per_request()),
        waited,
        seen,
        sightings,
        server_cpu: server_cpu.map(|(after, before)| after.saturating_sub(before)),
        client_cpu,
        peak_kib,
        disk_grown: grown.map(|(after, before)| after.saturating_sub(before)),
    })
}

/// Entries that were due and not sent have waited until the end at least.
fn wait_of_unsent(args: &Args, run: &Run, seen: &Seen) -> Latencies {
    let mut waited = Latencies::exact();
    if !run.used_up.load(Ordering::Relaxed) {
        for intended in run.schedule.unsent(seen.sent) {
            let latency = run.schedule.end().saturating_sub(intended);
            waited.record(latency, args.entries_per_request().into());
        }
    }
    waited
}

/// The threads that send.
struct Senders {
    threads: Vec<JoinHandle<anyhow::Result<Seen>>>,
    /// Disconnected once all of them have ended.
    done: Receiver<()>,
}

impl Senders {
    fn start(run: &Arc<Run>, connections: u32) -> Self {
        let (sender, done) = channel();
        let threads = (0..run.threads).map(|at| {
            let share = connections / run.threads + u32::from(at < connections % run.threads);
            let (run, sender) = (Arc::clone(run), sender.clone());
            thread::spawn(move || {
                let seen = drive(&run, share);
                drop(sender);
                seen
            })
        });
        let threads = threads.collect();
        Self { threads, done }
    }

    fn join(self, run: &Run) -> anyhow::Result<Seen> {
        let mut all = Seen::new(run.schedule.end());
        for thread in self.threads {
            let seen = thread.join();
            all.merge(seen.map_err(|_| anyhow!("a thread that sends panicked"))??);
        }
        Ok(all)
    }
}

/// The thread that watches the checkpoint.
struct Watcher {
    until: Arc<Until>,
    thread: JoinHandle<anyhow::Result<Vec<Sighting>>>,
}

impl Watcher {
    fn start(run: &Arc<Run>) -> Self {
        let until = Arc::new(Until::unknown());
        let (run, told) = (Arc::clone(run), Arc::clone(&until));
        let thread = thread::spawn(move || watch(&run.target, &run.begin, &told));
        Self { until, thread }
    }

    /// Waits until all that was seen is published.
    fn finish(self, seen: &Seen) -> anyhow::Result<Vec<Sighting>> {
        let newest = seen.placed.iter().map(|placed| placed.index).max();
        self.until
            .size(newest.map_or(0, |index| index.saturating_add(1)));
        let sightings = self.thread.join();
        sightings
            .map_err(|_| anyhow!("the thread that watches the checkpoint panicked"))?
            .context("the checkpoint could not be watched")
    }
}
