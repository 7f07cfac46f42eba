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
        let was_empty = state.batches.is_empty();
        state.count += entries.len();
        state.bytes += bytes;
        let tickets = entries
            .into_iter()
            .map(|entry| self.append(&mut state, entry, now))
            .collect();
        // The sequencer sleeps for as long as the oldest batch may still grow: it need not know of
        // every entry, only of the first and of a full batch.
        let wake = was_empty
            || state
                .batches
                .front()
                .is_some_and(|oldest| self.is_full(oldest, &state));
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(tickets)
    }

    /// Whether a batch, the oldest of `state`, will not grow any more.
    fn is_full(&self, oldest: &Forming, state: &State) -> bool {
        state.batches.len() > 1
            || oldest.batch.entries.len() >= self.limits.batch_count_max
            || oldest.bytes >= self.limits.batch_bytes_max
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
        let Some(oldest) = state.batches.front() else {
            return if state.closed.is_some() {
                Ready::Drained
            } else {
                Ready::Wait(None)
            };
        };
        let age = now.saturating_sub(oldest.since);
        let full = self.is_full(oldest, &state);
        if !full && age < self.limits.batch_age && state.closed.is_none() {
            return Ready::Wait(Some(self.limits.batch_age.saturating_sub(age)));
        }
        let taken = state
            .batches
            .pop_front()
            .expect("looked at under the same lock");
        state.count -= taken.batch.entries.len();
        state.bytes -= taken.bytes;
        Ready::Batch(taken.batch)
    }

    /// Blocks until the first entry of a batch arrives, a batch is full, the pool closes, or
    /// `timeout` passes. Returns at once if that is so already.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let state = crate::lock(&self.state);
        let full = state
            .batches
            .front()
            .is_some_and(|oldest| self.is_full(oldest, &state));
        if full || state.closed.is_some() {
            return;
        }
        match timeout {
            Some(timeout) => drop(self.arrived.wait_timeout(state, timeout)),
            None if state.batches.is_empty() => drop(self.arrived.wait(state)),
            None => {}
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
