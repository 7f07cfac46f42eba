//! The indexer: writes recent identities to the index in the hot store, behind the commits.
//!
//! After opening it first fills the filter in front of the index, a part in a step. Then it writes
//! one frozen segment in a step, and only once everything in the segment is committed, so
//! that the index never names an entry that a crash could take back. What it has not written when
//! the log ends is read from the entries again when the log is opened.

use std::sync::Arc;
use std::time::Duration;

use crate::commit::Committed;
use crate::dedup::Dedup;
use crate::driver::Step;
use crate::error::StoreError;
use crate::fail_stop::FailStop;
use crate::format::Identity;
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
    /// How far the filter is filled from the index. Owned by the indexer.
    pub(crate) filling: Filling,
}

/// How far the filter of the index is filled after opening.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filling {
    /// Up to this identity; from the beginning if there is none.
    After(Option<Identity>),
    /// Whole.
    Done,
}

impl Indexer {
    /// Writes at most one segment, or fills a part of the filter.
    pub(crate) fn step(&mut self) -> Step {
        if self.dedup.ended() || self.fail_stop.reason().is_some() {
            return Step::Done;
        }
        self.advance().unwrap_or_else(|error| {
            let why = format!("the index of identities: {error}");
            self.fail_stop.trip(&why);
            Step::Done
        })
    }

    fn advance(&mut self) -> Result<Step, StoreError> {
        if let Some(segment) = self.dedup.oldest_frozen() {
            if self.committed.get().head.size < segment.end() {
                return Ok(Step::Sleep(COMMIT_POLL));
            }
            self.store.index(&segment.run())?;
            self.dedup.written();
            self.metrics.index_runs.add(1);
            return Ok(Step::Again);
        }
        let Filling::After(last) = self.filling else {
            return Ok(Step::Wait(None));
        };
        self.filling = match self.dedup.fill_filter(last)? {
            None => Filling::Done,
            further => Filling::After(further),
        };
        Ok(Step::Again)
    }
}

/// How often to look whether the last batch of a segment is committed: it is frozen at most two
/// batches before that.
const COMMIT_POLL: Duration = Duration::from_millis(10);
