//! Runs worlds one after the other until enough steps were done.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::breach::{Breach, Checked};
use crate::dice::mix;
use crate::world::World;

/// Steps in one world, at most: a long history is no better at finding bugs than several short
/// ones, and every check of it costs more.
const WORLD_STEPS: u64 = 2000;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) steps: u64,
    pub(crate) worlds: u64,
    pub(crate) entries: u64,
    pub(crate) reopened: u64,
    /// Writes that failed.
    pub(crate) faults_met: u64,
    /// Inclusion proofs, each with a consistency proof.
    pub(crate) proofs: u64,
    pub(crate) full_checks: u64,
    /// Depends on everything that happened.
    pub(crate) trace: u64,
}

/// A log that broke a promise.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The seed of the world that it happened in.
    pub(crate) seed: u64,
    /// Steps done in that world, and in the whole run.
    pub(crate) world_steps: u64,
    pub(crate) steps: u64,
    pub(crate) breach: Breach,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            world_steps,
            steps,
            breach,
        } = self;
        writeln!(f, "{breach}")?;
        write!(
            f,
            "after {world_steps} steps in the world of seed {seed} ({steps} steps in all); \
            repeat it with CAIRN_SEED={seed} CAIRN_STEPS={WORLD_STEPS}"
        )
    }
}

/// Runs the worlds of `seed`, `seed + 1` and so on for `steps` steps.
///
/// Everything runs on one thread, but for the reading of a large log by fsck, which has its own.
pub(crate) fn run(seed: u64, steps: u64) -> Result<Report, Failure> {
    run_with(seed, steps, || ())
}

/// As [`run`], keeping what `begin` gives, on the thread that everything runs on.
pub(crate) fn run_with<T>(
    seed: u64,
    steps: u64,
    begin: impl FnOnce() -> T + Send,
) -> Result<Report, Failure> {
    on_one_thread(|hashing| {
        let _kept = begin();
        worlds(hashing, seed, steps)
    })
}

/// Runs `what` on the only thread of the pool that it is given.
pub(crate) fn on_one_thread<R: Send>(what: impl FnOnce(&Arc<rayon::ThreadPool>) -> R + Send) -> R {
    let hashing = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let hashing = Arc::new(hashing.expect("the system has a thread"));
    let shared = Arc::clone(&hashing);
    hashing.install(move || what(&shared))
}

fn worlds(hashing: &Arc<rayon::ThreadPool>, seed: u64, steps: u64) -> Result<Report, Failure> {
    let mut report = Report::default();
    for seed in seed.. {
        if report.steps >= steps {
            break;
        }
        let budget = WORLD_STEPS.min(steps - report.steps);
        let mut done = 0;
        let lived = catch_unwind(AssertUnwindSafe(|| live(hashing, seed, budget, &mut done)));
        let lived = lived.unwrap_or_else(|panic| Err(said(panic.as_ref())));
        let world = lived.map_err(|breach| Failure {
            seed,
            world_steps: done,
            steps: report.steps + done,
            breach,
        })?;
        report.add(&world);
    }
    Ok(report)
}

/// One world from beginning to end.
fn live(
    hashing: &Arc<rayon::ThreadPool>,
    seed: u64,
    budget: u64,
    done: &mut u64,
) -> Checked<Report> {
    let mut world = World::new(hashing, seed)?;
    while world.steps < budget {
        let happened = world.event();
        *done = world.steps;
        happened?;
    }
    let ended = world.end();
    *done = world.steps;
    ended?;
    Ok(Report {
        steps: world.steps,
        worlds: 1,
        entries: world.model.submitted(),
        reopened: world.reopened,
        faults_met: world.faults_met,
        proofs: world.checks.proofs,
        full_checks: world.checks.full,
        trace: world.trace,
    })
}

impl Report {
    fn add(&mut self, world: &Self) {
        self.steps += world.steps;
        self.worlds += world.worlds;
        self.entries += world.entries;
        self.reopened += world.reopened;
        self.faults_met += world.faults_met;
        self.proofs += world.proofs;
        self.full_checks += world.full_checks;
        self.trace = mix(self.trace ^ world.trace);
    }
}

/// What a panic said: an assertion of the engine counts as found, too.
fn said(panic: &(dyn Any + Send)) -> Breach {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a panic: {}", text.unwrap_or_default())
}
