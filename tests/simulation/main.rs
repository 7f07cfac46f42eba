//! The whole engine on one thread, with simulated stores, clock, key and submitters: what happens,
//! and what goes wrong, follows from one seed.
//!
//! `CAIRN_SEED` and `CAIRN_STEPS` repeat or extend a run. With feature `planted-bugs` each of the
//! engine's planted bugs must be found.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod beginning;
mod breach;
mod checks;
mod dice;
mod dies_after;
mod entry;
mod fault_table;
mod machine;
mod model;

#[cfg(feature = "planted-bugs")]
mod planted;
mod run;
mod submitters;
mod world;

use cairn_tests::environment;

use crate::run::run;

/// Runs the seed of the environment, or `seed`, and says what was done.
fn check(seed: u64, steps: u64) {
    let seed = environment::number("CAIRN_SEED", seed);
    let steps = environment::number("CAIRN_STEPS", steps);
    eprintln!("CAIRN_SEED={seed} CAIRN_STEPS={steps}");
    match run(seed, steps) {
        Ok(report) => eprintln!("{report:?}"),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn a_log_keeps_its_promises_whatever_happens() {
    check(1, 1000);
}

#[test]
fn a_seed_replays_exactly() {
    let seed = environment::number("CAIRN_SEED", 7);
    let first = run(seed, 1000).unwrap_or_else(|failure| panic!("{failure}"));
    let second = run(seed, 1000).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(first, second);
    let other = run(seed + 1000, 1000).unwrap_or_else(|failure| panic!("{failure}"));
    assert_ne!(first.trace, other.trace);
}

#[cfg(feature = "slow")]
#[test]
fn a_log_keeps_its_promises_for_long() {
    check(100_000, 40_000);
}
