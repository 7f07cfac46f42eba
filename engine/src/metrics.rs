//! What one log counts. Plain atomics: the engine knows no metrics library.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number so far, since the log was opened.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something happened and how long it took in all.
#[derive(Debug, Default)]
pub struct Durations {
    /// How often.
    pub count: Counter,
    /// Microseconds in all.
    pub total_us: Counter,
}

impl Durations {
    pub(crate) fn observe(&self, took: Duration) {
        self.count.add(1);
        self.total_us
            .add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// What one log counts, since it was opened.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Entries that got a new index.
    pub entries: Counter,
    /// Entries that were in the log already, or twice in one batch.
    pub duplicates: Counter,
    /// Calls turned away because too much was waiting.
    pub pushbacks: Counter,
    /// Batches committed.
    pub batches: Counter,
    /// Batches refused as a whole: the clock was behind, or an entry could not be stored.
    pub batches_failed: Counter,
    /// Durable commits of a batch.
    pub commit_time: Durations,
    /// Sorted runs written to the index of identities.
    pub index_runs: Counter,
    /// Checkpoints published, re-signed ones included.
    pub checkpoints: Counter,
    /// Attempts to sign a checkpoint that failed.
    pub sign_failures: Counter,
    /// Heads that were not published because an anchor could not be written.
    pub anchor_failures: Counter,
    /// Bundles moved to the cold store.
    pub bundles_tiered: Counter,
    /// Attempts to move bundles to the cold store that failed.
    pub tier_failures: Counter,
    /// Attempts to bring `publish_dir` up to date that failed.
    pub publish_dir_failures: Counter,
}
