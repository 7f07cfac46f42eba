//! Entries that wait for an index.
//!
//! The pool is the only queue between callers and the sequencer. It is bounded in entries and in
//! bytes; beyond either it turns callers away, because an unbounded queue only moves the failure
//! to the moment when memory ends. What the sequencer takes from it at once is a batch, and all
//! entries of a batch share one ticket: a waiter costs no allocation of its own.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::error::{AddError, Rejection};
use crate::format::UnfinishedEntry;
use crate::limits::Limits;
use crate::publish::Publication;
use crate::signal::Signal;
use crate::ticket::{BatchOutcome, Ticket};

/// So many waiting entries halve the time that the first of them waits. Fewer would cut the log
/// into batches that cost more to commit than their entries do to take.
const CROWD: usize = 16;

/// Entries taken for sequencing, in the order they came.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<UnfinishedEntry>,
    outcome: Arc<Signal<Option<BatchOutcome>>>,
}

impl Batch {
    /// Tells everyone who waits for an entry of this batch.
    pub(crate) fn resolve(&self, outcome: BatchOutcome) {
        self.outcome.set(Some(outcome));
    }
}

impl Drop for Batch {
    /// A batch that nobody resolved was in the hands of a thread that panicked.
    fn drop(&mut self) {
        self.outcome.update(|outcome| {
            outcome.get_or_insert_with(|| {
                Err(AddError::Fatal("a bug stopped the sequencer".to_owned()))
            });
        });
    }
}

/// What the pool has to say to a driver that asks for work.
#[derive(Debug)]
pub(crate) enum Ready {
    /// A batch to sequence.
    Batch(Batch),
    /// Nothing is old enough; ask again after this long, or when entries arrive.
    Wait(Option<Duration>),
    /// The pool is closed and empty: nothing will ever come again.
    Drained,
}

/// The bounded pool. Shared by all callers of `add` and the sequencer.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    publication: Arc<Signal<Publication>>,
    state: Mutex<State>,
    arrived: Condvar,
}

/// Under the pool's lock.
#[derive(Debug)]
struct State {
    /// Batches in the making, oldest first; only the last one still grows.
    batches: std::collections::VecDeque<Forming>,
    count: usize,
    bytes: usize,
    /// Whether anything came since the sequencer last looked.
    changed: bool,
    /// Why no entry is taken any more.
    closed: Option<AddError>,
}

/// A batch that still grows.
#[derive(Debug)]
struct Forming {
    batch: Batch,
    bytes: usize,
    /// Monotonic time at which its first entry came.
    since: Duration,
}

impl Pool {
    pub(crate) fn new(limits: Limits, publication: Arc<Signal<Publication>>) -> Self {
        let state = State {
            batches: std::collections::VecDeque::new(),
            count: 0,
            bytes: 0,
            changed: false,
            closed: None,
        };
        Self {
            limits,
            publication,
            state: Mutex::new(state),
            arrived: Condvar::new(),
        }
    }

    /// Lets `entries` wait for their indices, all of them or none.
    pub(crate) fn add(
        &self,
        entries: Vec<UnfinishedEntry>,
        now: Duration,
    ) -> Result<Vec<Ticket>, AddError> {
        let mut state = crate::lock(&self.state);
        if let Some(closed) = &state.closed {
            return Err(closed.clone());
        }
        let bytes: usize = entries.iter().map(|entry| entry.content().len()).sum();
        self.admit(&state, entries.len(), bytes)?;
        let due_before = self.due_in(&state, now);
        state.count += entries.len();
        state.bytes += bytes;
        let tickets = entries
            .into_iter()
            .map(|entry| self.append(&mut state, entry, now))
            .collect();
        state.changed = true;
        // The sequencer sleeps until the oldest batch is due: it need not know of every entry, only
        // of the first, and of those that make the batch due earlier.
        let wake = self.due_in(&state, now) != due_before;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(tickets)
    }

    /// How long the oldest batch may still grow; `None` if there is none.
    ///
    /// The more entries wait, the less a longer wait would gain: a lone entry waits for the whole
    /// age, and a crowd hardly at all, because further entries gather during the commit anyway. It
    /// is halved step by step: each step wakes the sequencer, and a smooth curve would wake it for
    /// every few entries.
    fn due_in(&self, state: &State, now: Duration) -> Option<Duration> {
        let oldest = state.batches.front()?;
        let full = state.batches.len() > 1
            || oldest.batch.entries.len() >= self.limits.batch_count_max
            || oldest.bytes >= self.limits.batch_bytes_max;
        if full || state.closed.is_some() {
            return Some(Duration::ZERO);
        }
        let crowd = 1 + oldest.batch.entries.len() / CROWD;
        let halvings = 2_u32.saturating_pow(crowd.ilog2());
        let age = now.saturating_sub(oldest.since);
        Some((self.limits.batch_age / halvings).saturating_sub(age))
    }

    fn admit(&self, state: &State, count: usize, bytes: usize) -> Result<(), Rejection> {
        if count > self.limits.pool_count_max {
            return Err(Rejection::TooMany {
                found: count,
                max: self.limits.pool_count_max,
            });
        }
        if bytes > self.limits.pool_bytes_max {
            return Err(Rejection::TooManyBytes {
                found: bytes,
                max: self.limits.pool_bytes_max,
            });
        }
        let fits = state.count + count <= self.limits.pool_count_max
            && state.bytes.saturating_add(bytes) <= self.limits.pool_bytes_max;
        if fits {
            Ok(())
        } else {
            Err(Rejection::PoolFull {
                count: state.count,
                bytes: state.bytes,
            })
        }
    }

    fn append(&self, state: &mut State, entry: UnfinishedEntry, now: Duration) -> Ticket {
        let len = entry.content().len();
        let fits = state.batches.back().is_some_and(|last| {
            last.batch.entries.len() < self.limits.batch_count_max
                && last.bytes + len <= self.limits.batch_bytes_max
        });
        if !fits {
            let batch = Batch {
                entries: Vec::new(),
                outcome: Arc::new(Signal::new(None)),
            };
            state.batches.push_back(Forming {
                batch,
                bytes: 0,
                since: now,
            });
        }
        let last = state
            .batches
            .back_mut()
            .expect("a batch was just pushed if there was none");
        last.bytes += len;
        let slot = last.batch.entries.len();
        last.batch.entries.push(entry);
        Ticket::new(
            Arc::clone(&last.batch.outcome),
            slot,
            Arc::clone(&self.publication),
        )
    }

    /// The oldest batch if it is full or old enough, or if the pool is closed.
    pub(crate) fn take(&self, now: Duration) -> Ready {
        let mut state = crate::lock(&self.state);
        state.changed = false;
        match self.due_in(&state, now) {
            None if state.closed.is_some() => return Ready::Drained,
            None => return Ready::Wait(None),
            Some(wait) if !wait.is_zero() => return Ready::Wait(Some(wait)),
            Some(_) => {}
        }
        let taken = state
            .batches
            .pop_front()
            .expect("looked at under the same lock");
        state.count -= taken.batch.entries.len();
        state.bytes -= taken.bytes;
        Ready::Batch(taken.batch)
    }

    /// Blocks until a batch may be due, the pool closes, or `timeout` passes. Returns at once if
    /// anything came since the last look.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let state = crate::lock(&self.state);
        if state.changed || state.closed.is_some() {
            return;
        }
        match timeout {
            Some(timeout) => drop(self.arrived.wait_timeout(state, timeout)),
            None => drop(self.arrived.wait(state)),
        }
    }

    /// Blocks until `time` has passed, whatever arrives; may return early.
    pub(crate) fn pause(&self, time: Duration) {
        drop(self.arrived.wait_timeout(crate::lock(&self.state), time));
    }

    /// Takes no further entries. What waits already is still sequenced.
    pub(crate) fn close(&self) {
        let mut state = crate::lock(&self.state);
        state
            .closed
            .get_or_insert(AddError::Rejected(Rejection::Closed));
        drop(state);
        self.arrived.notify_all();
    }

    /// Takes no further entries and gives up on those that wait, telling everyone `error`.
    pub(crate) fn fail(&self, error: &AddError) {
        let mut state = crate::lock(&self.state);
        state.closed = Some(error.clone());
        state.count = 0;
        state.bytes = 0;
        let batches = std::mem::take(&mut state.batches);
        drop(state);
        self.arrived.notify_all();
        for forming in batches {
            forming.batch.resolve(Err(error.clone()));
        }
    }

    /// Entries and bytes that wait right now.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = crate::lock(&self.state);
        (state.count, state.bytes)
    }
}

#[cfg(test)]
mod tests;
