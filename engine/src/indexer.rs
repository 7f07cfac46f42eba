//! The indexer: writes recent identities to the index in the hot store, behind the commits.
//!
//! It writes one frozen segment in a step, and only once everything in the segment is committed, so
//! that the index never names an entry that a crash could take back. What it has not written when
//! the log ends is read from the entries again when the log is opened.

use std::sync::Arc;
use std::time::Duration;

use crate::commit::Committed;
use crate::dedup::Dedup;
use crate::driver::Step;
use crate::fail_stop::FailStop;
use crate::metrics::Metrics;
use crate::signal::Signal;
use crate::store::HotStore;

/// Writes segments. See the module.
#[derive(Debug)]
pub(crate) struct Indexer {
    pub(crate) store: Arc<dyn HotStore>,
    pub(crate) dedup: Arc<Dedup>,
    pub(crate) committed: Arc<Signal<Committed>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) fail_stop: Arc<FailStop>,
}

impl Indexer {
    /// Writes at most one segment.
    pub(crate) fn step(&mut self) -> Step {
        if self.dedup.ended() || self.fail_stop.reason().is_some() {
            return Step::Done;
        }
        let Some(segment) = self.dedup.oldest_frozen() else {
            return Step::Wait(None);
        };
        if self.committed.get().head.size < segment.end() {
            return Step::Sleep(COMMIT_POLL);
        }
        match self.store.index(&segment.run()) {
            Ok(()) => {
                self.dedup.written();
                self.metrics.index_runs.add(1);
                Step::Again
            }
            Err(error) => {
                let why = format!("writing the index of identities: {error}");
                self.fail_stop.trip(&why);
                Step::Done
            }
        }
    }
}

/// How often to look whether the last batch of a segment is committed: it is frozen at most two
/// batches before that.
const COMMIT_POLL: Duration = Duration::from_millis(10);
