//! The committer: makes prepared batches durable, in order, and tells everyone in them.
//!
//! It has a thread of its own, so that the sequencer prepares the next batch while the disk syncs
//! this one. Between the two is a [`Handoff`] of few places: a sequencer that runs ahead leaves
//! entries in the pool, where the next batch grows meanwhile.
//!
//! A batch that holds nothing new passes through here as well: the entries it repeats may belong
//! to the batch before it, and nobody is told an index before it is durable.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

use crate::clock::{Clock, UnixMillis};
use crate::dedup::Place;
use crate::driver::Step;
use crate::error::{AddError, StoreError};
use crate::fail_stop::FailStop;
use crate::metrics::Metrics;
use crate::pool::Batch;
use crate::signal::Signal;
use crate::store::{Commit, Head, HotStore};
use crate::ticket::Sequenced;

/// What is committed, for the publisher to see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub(crate) head: Head,
    /// No further head will come.
    pub(crate) ended: bool,
}

/// A batch with everything decided, not yet written.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) batch: Batch,
    /// Where each entry of the batch belongs.
    pub(crate) places: Vec<Place>,
    /// Time of the batch.
    pub(crate) time: UnixMillis,
    /// What to write, if anything in the batch is new.
    pub(crate) commit: Option<Commit>,
}

/// Prepared batches on their way from the sequencer to the committer, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Handoff {
    state: Mutex<Waiting>,
    changed: Condvar,
}

/// Under the lock of [`Handoff`].
#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Prepared>,
    /// Either side will not come back.
    ended: bool,
}

/// Batches that wait for the committer while it writes another. One is enough to keep the disk
/// busy; more would only make entries wait here that could still join a larger batch.
const WAITING_MAX: usize = 1;

impl Handoff {
    /// Whether the sequencer has to wait.
    pub(crate) fn is_full(&self) -> bool {
        crate::lock(&self.state).batches.len() >= WAITING_MAX
    }

    /// Passes a batch on; the caller has seen that there is room. If nobody will take it, those who
    /// wait for it are told by its end.
    pub(crate) fn pass(&self, prepared: Prepared) {
        let mut waiting = crate::lock(&self.state);
        if !waiting.ended {
            waiting.batches.push_back(prepared);
        }
        drop(waiting);
        self.changed.notify_all();
    }

    /// Nothing further will be passed on, or taken.
    pub(crate) fn end(&self) {
        crate::lock(&self.state).ended = true;
        self.changed.notify_all();
    }

    /// Blocks while there is no room, unless the other side is gone.
    pub(crate) fn wait_for_room(&self) {
        self.wait_while(|waiting| waiting.batches.len() >= WAITING_MAX);
    }

    /// Blocks while there is nothing to take, unless the other side is gone.
    pub(crate) fn wait_for_batch(&self) {
        self.wait_while(|waiting| waiting.batches.is_empty());
    }

    fn wait_while(&self, idle: impl Fn(&Waiting) -> bool) {
        let mut waiting = crate::lock(&self.state);
        while idle(&waiting) && !waiting.ended {
            waiting = crate::wait(&self.changed, waiting);
        }
    }

    /// The oldest batch; an error if there is none, saying whether any can follow.
    fn take(&self) -> Result<Prepared, Step> {
        let mut waiting = crate::lock(&self.state);
        let ended = waiting.ended;
        let taken = waiting.batches.pop_front();
        drop(waiting);
        self.changed.notify_all();
        taken.ok_or(if ended { Step::Done } else { Step::Wait(None) })
    }
}

/// Writes batches. See the module.
#[derive(Debug)]
pub(crate) struct Committer {
    pub(crate) store: Arc<dyn HotStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) handoff: Arc<Handoff>,
    pub(crate) committed: Arc<Signal<Committed>>,
    pub(crate) fail_stop: Arc<FailStop>,
}

impl Committer {
    /// Commits at most one batch.
    pub(crate) fn step(&mut self) -> Step {
        let prepared = match self.handoff.take() {
            Ok(prepared) => prepared,
            Err(step) => {
                if step == Step::Done {
                    self.committed.update(|committed| committed.ended = true);
                }
                return step;
            }
        };
        let outcome = match self.fail_stop.reason() {
            // What follows a failed commit was prepared on top of it.
            Some(reason) => Err(AddError::Fatal(reason.to_owned())),
            None => self.commit(&prepared).map(Arc::from).map_err(|error| {
                let why = format!("sequencing: {error}");
                self.fail_stop.trip(&why)
            }),
        };
        prepared.batch.resolve(outcome);
        Step::Again
    }

    fn commit(&self, prepared: &Prepared) -> Result<Vec<Sequenced>, StoreError> {
        if let Some(commit) = &prepared.commit {
            #[cfg(feature = "planted-bugs")]
            if crate::planted::is(crate::planted::Bug::PublishedBeforeCommitted) {
                self.committed
                    .update(|committed| committed.head = commit.head);
            }
            let started = self.clock.monotonic();
            self.store.commit(commit)?;
            let took = self.clock.monotonic().saturating_sub(started);
            self.metrics.commit_time.observe(took);
            let added = commit.head.size.get() - commit.previous.size.get();
            self.metrics.entries.add(added);
            self.metrics.batches.add(1);
            self.committed
                .update(|committed| committed.head = commit.head);
        }
        let places = prepared.places.iter();
        places
            .map(|place| self.sequenced(*place, prepared.time))
            .collect()
    }

    fn sequenced(&self, place: Place, time: UnixMillis) -> Result<Sequenced, StoreError> {
        let (index, time, duplicate) = match place {
            Place::New(index) => (index, time, false),
            Place::Repeated(index) => (index, time, true),
            Place::Known(index) => {
                let known = self.store.time_of(index)?;
                let missing = || {
                    let what = format!("the time of entry {}", index.get());
                    StoreError::damaged(what, "it is missing")
                };
                (index, known.ok_or_else(missing)?, true)
            }
        };
        if duplicate {
            self.metrics.duplicates.add(1);
        }
        Ok(Sequenced {
            index,
            time,
            duplicate,
        })
    }
}
