//! A simulation that finds nothing proves something only if it would have found it.

use engine::planted::{Bug, plant};

use crate::run::{run, run_with};

/// Steps within which each bug is found, from every seed tried.
const STEPS: u64 = 60_000;
const SEEDS: [u64; 3] = [1, 1001, 2001];

/// Each seed finds the bug, and finds nothing without it.
fn check(bug: Bug, wanted: &[&str]) {
    for seed in SEEDS {
        let planted = move || plant(bug);
        let failure = run_with(seed, STEPS, planted).expect_err("a bug is planted");
        eprintln!("{bug:?}: {failure}");
        let named = wanted.iter().any(|wanted| failure.breach.contains(wanted));
        assert!(named, "{failure}");
        run(seed, failure.steps).unwrap_or_else(|failure| panic!("nothing is planted: {failure}"));
    }
}

#[test]
fn in_flight_dedup_skipped() {
    check(
        Bug::InFlightDedupSkipped,
        &["as well", "is found at", "as a new entry twice"],
    );
}

#[test]
fn published_before_committed() {
    check(
        Bug::PublishedBeforeCommitted,
        &["is committed for good", "the store ends at size"],
    );
}

#[test]
fn hot_drop_past_published() {
    check(Bug::HotDropPastPublished, &["objects left the hot store"]);
}

#[test]
fn older_head_signed() {
    check(Bug::OlderHeadSigned, &["was published after"]);
}

#[test]
fn commit_not_synced() {
    check(
        Bug::CommitNotSynced,
        &["for good", "the store ends at size"],
    );
}
