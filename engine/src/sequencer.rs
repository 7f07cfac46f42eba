//! The sequencer: takes a batch, gives each entry its index, and commits the grown tree.
//!
//! One sequencer runs for each log, on one thread, as a step function: a step looks at the pool
//! and the clock, does at most one batch, and says when to look again. It alone owns the edge and
//! the committed head.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rayon::prelude::*;
use tiles::{Hash, LeafIndex, TreeSize};

use crate::clock::{Clock, UnixMillis};
use crate::dedup::{self, Place};
use crate::driver::Step;
use crate::error::{AddError, StoreError};
use crate::fail_stop::FailStop;
use crate::format::{FinishedEntry, Format, FormatError, Identity};
use crate::integrate::{Edge, integrate};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pool::{Batch, Pool, Ready};
use crate::signal::Signal;
use crate::store::{Commit, Head, HotStore, OBJECT_WIDTH, ObjectId, ObjectWrite};
use crate::ticket::Sequenced;

/// What the sequencer has committed, for the publisher to see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub(crate) head: Head,
    /// No further head will come.
    pub(crate) ended: bool,
}

/// The tail of a log, as the sequencer keeps it in memory.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    pub(crate) head: Head,
    pub(crate) edge: Edge,
    /// Bytes of the entry bundle that still grows.
    pub(crate) bundle: Vec<u8>,
}

/// Gives out indices. See the module.
#[derive(Debug)]
pub(crate) struct Sequencer {
    pub(crate) store: Arc<dyn HotStore>,
    pub(crate) format: Arc<dyn Format>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hashing: Arc<rayon::ThreadPool>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) committed: Arc<Signal<Committed>>,
    pub(crate) fail_stop: Arc<FailStop>,
    /// Why batches are refused right now, for those who watch the log.
    pub(crate) refusing: Arc<Mutex<Option<String>>>,
    /// Owned by the sequencer.
    pub(crate) tail: Tail,
    /// A batch that waits for the clock to catch up. Owned by the sequencer.
    pub(crate) held: Option<Batch>,
    /// Monotonic time since when the clock is behind the last batch. Owned by the sequencer.
    pub(crate) behind_since: Option<Duration>,
}

/// A batch with everything decided, not yet written.
struct Prepared {
    commit: Commit,
    tail: Tail,
}

impl Sequencer {
    /// Sequences at most one batch.
    pub(crate) fn step(&mut self) -> Step {
        let now = self.clock.monotonic();
        let batch = match self.held.take() {
            Some(held) => held,
            None => match self.pool.take(now) {
                Ready::Batch(batch) => batch,
                Ready::Wait(timeout) => return Step::Wait(timeout),
                Ready::Drained => {
                    self.committed.update(|committed| committed.ended = true);
                    return Step::Done;
                }
            },
        };
        let time = self.clock.now();
        if time > self.tail.head.time {
            if self.behind_since.take().is_some() {
                *crate::lock(&self.refusing) = None;
            }
            self.sequence(&batch, time);
            return Step::Again;
        }
        let behind = self.tail.head.time.since(time) + Duration::from_millis(1);
        let behind_since = *self.behind_since.get_or_insert(now);
        if now.saturating_sub(behind_since) < self.limits.clock_wait_max {
            self.held = Some(batch);
            return Step::Sleep(behind.min(CLOCK_POLL));
        }
        self.refuse(&batch, behind);
        Step::Again
    }

    /// Turns a batch away because the clock stayed behind. The next one is turned away without
    /// waiting again, until the clock is right.
    fn refuse(&self, batch: &Batch, behind: Duration) {
        let behind_ms = behind.as_millis();
        let why = format!("the clock is {behind_ms} ms behind the last batch; correct the clock");
        tracing::error!(%why, "batch refused");
        *crate::lock(&self.refusing) = Some(why.clone());
        self.metrics.batches_failed.add(1);
        batch.resolve(Err(AddError::BatchFailed(why)));
    }

    /// Sequences one batch and tells everyone in it.
    fn sequence(&mut self, batch: &Batch, time: UnixMillis) {
        let outcome = match self.try_sequence(batch, time) {
            Ok(places) => Ok(Arc::from(places)),
            Err(SequenceError::Format(error)) => {
                self.metrics.batches_failed.add(1);
                Err(AddError::BatchFailed(error.to_string()))
            }
            Err(SequenceError::Full) => Err(AddError::BatchFailed(
                "the log has reached its largest size".to_owned(),
            )),
            Err(SequenceError::Store(error)) => {
                Err(self.fail_stop.trip(&format!("sequencing: {error}")))
            }
        };
        batch.resolve(outcome);
    }

    fn try_sequence(
        &mut self,
        batch: &Batch,
        time: UnixMillis,
    ) -> Result<Vec<Sequenced>, SequenceError> {
        let size = self.tail.head.size;
        let places = dedup::resolve(self.store.as_ref(), size, &batch.entries)?;
        if let Some(prepared) = self.prepare(batch, &places, time)? {
            let started = self.clock.monotonic();
            self.store.commit(&prepared.commit)?;
            self.metrics
                .commit_time
                .observe(self.clock.monotonic().saturating_sub(started));
            let added = prepared.tail.head.size.get() - size.get();
            self.tail = prepared.tail;
            self.metrics.entries.add(added);
            self.metrics.batches.add(1);
            self.committed
                .update(|committed| committed.head = self.tail.head);
        }
        let sequenced: Result<Vec<Sequenced>, StoreError> = places
            .iter()
            .map(|place| self.sequenced(*place, time))
            .collect();
        Ok(sequenced?)
    }

    /// Finishes, frames, hashes and integrates the new entries; `None` if there are none.
    fn prepare(
        &self,
        batch: &Batch,
        places: &[Place],
        time: UnixMillis,
    ) -> Result<Option<Prepared>, SequenceError> {
        let new = || {
            batch
                .entries
                .iter()
                .zip(places)
                .filter_map(|(entry, place)| match place {
                    Place::New(index) => Some((entry, *index)),
                    Place::Repeated(_) | Place::Committed(_) => None,
                })
        };
        let identities: Vec<(Identity, LeafIndex)> = new()
            .map(|(entry, index)| (entry.identity(), index))
            .collect();
        if identities.is_empty() {
            return Ok(None);
        }
        let added = u64::try_from(identities.len()).unwrap_or(u64::MAX);
        let size = self
            .tail
            .head
            .size
            .checked_add(added)
            .filter(|size| *size <= TreeSize::MAX_GROWN);
        let size = size.ok_or(SequenceError::Full)?;

        let finished: Vec<FinishedEntry> = new()
            .map(|(entry, index)| self.format.finish(entry.content(), index, time))
            .collect();
        let integration = self.hashing.install(|| {
            let leaves: Vec<&Bytes> = finished.iter().map(|entry| &entry.leaf).collect();
            let hashed = leaves.par_chunks(LEAVES_PER_TASK).map(|leaves| {
                let mut hashes = Vec::with_capacity(leaves.len());
                tiles::leaf_hashes(leaves, &mut hashes);
                hashes
            });
            integrate(
                &self.tail.edge,
                &hashed.flatten_iter().collect::<Vec<Hash>>(),
            )
        });
        let mut objects = integration.tiles;
        let bundle = self.frame(&finished, &mut objects)?;
        let head = Head {
            size,
            root_hash: integration.root_hash,
            time,
        };
        let commit = Commit {
            previous: self.tail.head,
            head,
            objects,
            identities,
        };
        Ok(Some(Prepared {
            commit,
            tail: Tail {
                head,
                edge: integration.edge,
                bundle,
            },
        }))
    }

    /// Frames finished entries into bundles; gives back the bytes of the bundle that still grows.
    fn frame(
        &self,
        finished: &[FinishedEntry],
        objects: &mut Vec<ObjectWrite>,
    ) -> Result<Vec<u8>, FormatError> {
        let mut index = self.tail.head.size.get() / OBJECT_WIDTH;
        let mut start = position_in_bundle(self.tail.head.size);
        let mut bundle = self.tail.bundle.clone();
        let mut rest = finished;
        while !rest.is_empty() {
            let room = usize::from(BUNDLE_WIDTH - start);
            let (now, later) = rest.split_at(room.min(rest.len()));
            rest = later;
            let stored_len = bundle.len();
            for entry in now {
                self.format.append_to_bundle(&entry.stored, &mut bundle)?;
            }
            let end = start + u16::try_from(now.len()).expect("a bundle has 256 entries at most");
            let id = ObjectId::Bundle(index);
            if end == BUNDLE_WIDTH {
                let bytes = Bytes::from(std::mem::take(&mut bundle));
                objects.push(ObjectWrite {
                    id,
                    start,
                    end,
                    bytes,
                });
                index += 1;
                start = 0;
            } else {
                let bytes = Bytes::copy_from_slice(bundle.split_at(stored_len).1);
                objects.push(ObjectWrite {
                    id,
                    start,
                    end,
                    bytes,
                });
            }
        }
        Ok(bundle)
    }

    fn sequenced(&self, place: Place, time: UnixMillis) -> Result<Sequenced, StoreError> {
        match place {
            Place::New(index) => Ok(Sequenced {
                index,
                time,
                duplicate: false,
            }),
            Place::Repeated(index) => {
                self.metrics.duplicates.add(1);
                Ok(Sequenced {
                    index,
                    time,
                    duplicate: true,
                })
            }
            Place::Committed(index) => {
                self.metrics.duplicates.add(1);
                let time = self.store.time_of(index)?.ok_or_else(|| {
                    StoreError::damaged(
                        format!("the time of entry {}", index.get()),
                        "it is missing",
                    )
                })?;
                Ok(Sequenced {
                    index,
                    time,
                    duplicate: true,
                })
            }
        }
    }
}

/// Entries in a full bundle.
const BUNDLE_WIDTH: u16 = 256;

/// Leaves that one task hashes: enough to be worth handing out.
const LEAVES_PER_TASK: usize = 64;

/// How often a sequencer that waits for the clock looks at it.
const CLOCK_POLL: Duration = Duration::from_millis(50);

fn position_in_bundle(size: TreeSize) -> u16 {
    u16::try_from(size.get() % OBJECT_WIDTH).expect("a remainder of 256")
}

/// Why a batch was not sequenced.
enum SequenceError {
    /// An entry cannot be stored: nothing was written.
    Format(FormatError),
    /// The tree cannot grow further: nothing was written.
    Full,
    /// The outcome is unknown, or the store is damaged.
    Store(StoreError),
}

impl From<FormatError> for SequenceError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl From<StoreError> for SequenceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
