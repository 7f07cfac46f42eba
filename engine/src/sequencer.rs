//! The sequencer: takes a batch, gives each entry its index, and works out how the tree grows.
//!
//! One sequencer runs for each log, on one thread, as a step function: a step looks at the pool
//! and the clock, prepares at most one batch, and says when to look again. It alone owns the edge
//! of the tree as it will be once everything prepared is committed; the
//! [`Committer`](crate::commit::Committer) makes that true, in the same order, on another thread.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rayon::prelude::*;
use tiles::{Hash, LeafIndex, TreeSize};

use crate::clock::{Clock, UnixMillis};
use crate::commit::{Handoff, Prepared};
use crate::dedup::{Dedup, Place};
use crate::driver::Step;
use crate::error::{AddError, StoreError};
use crate::fail_stop::FailStop;
use crate::format::{FinishedEntry, Format, FormatError, UnfinishedEntry};
use crate::integrate::{Edge, integrate};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::pool::{Batch, Pool, Ready};
use crate::store::{Commit, Head, OBJECT_WIDTH, ObjectId, ObjectWrite};

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
    pub(crate) format: Arc<dyn Format>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hashing: Arc<rayon::ThreadPool>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) dedup: Arc<Dedup>,
    pub(crate) handoff: Arc<Handoff>,
    pub(crate) fail_stop: Arc<FailStop>,
    /// Why batches are refused right now, for those who watch the log.
    pub(crate) refusing: Arc<Mutex<Option<String>>>,
    /// The tail after everything prepared so far. Owned by the sequencer.
    pub(crate) tail: Tail,
    /// A batch that waits for the clock to catch up. Owned by the sequencer.
    pub(crate) held: Option<Batch>,
    /// Monotonic time since when the clock is behind the last batch. Owned by the sequencer.
    pub(crate) behind_since: Option<Duration>,
}

impl Sequencer {
    /// Prepares at most one batch.
    pub(crate) fn step(&mut self) -> Step {
        if let Some(reason) = self.fail_stop.reason() {
            let told = AddError::Fatal(reason.to_owned());
            if let Some(held) = self.held.take() {
                held.resolve(Err(told));
            }
            return self.end();
        }
        if self.handoff.is_full() {
            return Step::Wait(None);
        }
        if self.dedup.is_behind() {
            return Step::Sleep(INDEX_POLL);
        }
        let now = self.clock.monotonic();
        let batch = match self.held.take() {
            Some(held) => held,
            None => match self.pool.take(now) {
                Ready::Batch(batch) => batch,
                Ready::Wait(timeout) => return Step::Wait(timeout),
                Ready::Drained => return self.end(),
            },
        };
        let time = self.clock.now();
        if time > self.tail.head.time {
            if self.behind_since.take().is_some() {
                *crate::lock(&self.refusing) = None;
            }
            self.sequence(batch, time);
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

    /// Lets those who follow the sequencer end as well.
    fn end(&self) -> Step {
        self.dedup.end();
        self.handoff.end();
        Step::Done
    }

    /// Turns a batch away because the clock stayed behind. The next one is turned away without
    /// waiting again, until the clock is right.
    fn refuse(&self, batch: &Batch, behind: Duration) {
        let behind_ms = behind.as_millis();
        let last = self.tail.head.time.get();
        let why = format!(
            "the clock is {behind_ms} ms behind the last batch, of {last} ms after 1970; correct \
             the clock, or if it is right and was ahead before, wait until then"
        );
        tracing::error!(%why, "batch refused");
        *crate::lock(&self.refusing) = Some(why.clone());
        self.metrics.batches_failed.add(1);
        batch.resolve(Err(AddError::BatchFailed(why)));
    }

    /// Prepares one batch and passes it on, or tells everyone in it why not.
    fn sequence(&mut self, batch: Batch, time: UnixMillis) {
        let places = match self.dedup.resolve(self.tail.head.size, &batch.entries) {
            Ok(places) => places,
            Err(error) => {
                let told = self.stop(&error);
                return batch.resolve(Err(told));
            }
        };
        match self.prepare(&batch.entries, &places, time) {
            Ok(grown) => {
                let commit = grown.map(|(commit, tail)| {
                    self.tail = tail;
                    commit
                });
                self.handoff.pass(Prepared {
                    batch,
                    places,
                    time,
                    commit,
                });
            }
            Err(error) => {
                self.dedup.forget(&batch.entries, &places);
                self.metrics.batches_failed.add(1);
                batch.resolve(Err(AddError::BatchFailed(error.to_string())));
            }
        }
    }

    fn stop(&self, error: &StoreError) -> AddError {
        self.fail_stop.trip(&format!("sequencing: {error}"))
    }

    /// Finishes, frames, hashes and integrates the new entries; `None` if there are none.
    fn prepare(
        &self,
        entries: &[UnfinishedEntry],
        places: &[Place],
        time: UnixMillis,
    ) -> Result<Option<(Commit, Tail)>, PrepareError> {
        let new: Vec<(&UnfinishedEntry, LeafIndex)> = entries
            .iter()
            .zip(places)
            .filter_map(|(entry, place)| match place {
                Place::New(index) => Some((entry, *index)),
                Place::Repeated(_) | Place::Known(_) => None,
            })
            .collect();
        if new.is_empty() {
            return Ok(None);
        }
        let added = u64::try_from(new.len()).unwrap_or(u64::MAX);
        let size = self
            .tail
            .head
            .size
            .checked_add(added)
            .filter(|size| *size <= TreeSize::MAX_GROWN);
        let size = size.ok_or(PrepareError::Full)?;

        let finished: Vec<FinishedEntry<'_>> = new
            .iter()
            .map(|(entry, index)| self.format.finish(entry.content(), *index, time))
            .collect();
        let hash = || {
            let hashes = self.leaf_hashes(&new, &finished);
            integrate(&self.tail.edge, &hashes)
        };
        let integration = if new.len() <= IN_PLACE_MAX {
            hash()
        } else {
            self.hashing.install(hash)
        };
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
        };
        let tail = Tail {
            head,
            edge: integration.edge,
            bundle,
        };
        Ok(Some((commit, tail)))
    }

    /// The leaf hash of every new entry. Where it is the entry's identity, the caller of `add` has
    /// computed it already, on its own thread.
    fn leaf_hashes(
        &self,
        new: &[(&UnfinishedEntry, LeafIndex)],
        finished: &[FinishedEntry<'_>],
    ) -> Vec<Hash> {
        if self.format.identity_is_leaf_hash() {
            let identities = new.iter().map(|(entry, _)| entry.identity());
            return identities
                .map(|identity| Hash::new(*identity.as_bytes()))
                .collect();
        }
        let leaves: Vec<&[u8]> = finished.iter().map(|entry| entry.leaf.as_ref()).collect();
        if leaves.len() <= IN_PLACE_MAX {
            let mut hashes = Vec::with_capacity(leaves.len());
            tiles::leaf_hashes(&leaves, &mut hashes);
            return hashes;
        }
        let hashed = leaves.par_chunks(LEAVES_PER_TASK).map(|leaves| {
            let mut hashes = Vec::with_capacity(leaves.len());
            tiles::leaf_hashes(leaves, &mut hashes);
            hashes
        });
        hashed.flatten_iter().collect()
    }

    /// Frames finished entries into bundles; gives back the bytes of the bundle that still grows.
    fn frame(
        &self,
        finished: &[FinishedEntry<'_>],
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
}

/// Entries in a full bundle.
const BUNDLE_WIDTH: u16 = 256;

/// Entries of a batch that is hashed where it is: waking the threads that hash takes longer. No
/// more than a tile has, so that at most one tile of a level becomes full, which `integrate` hashes
/// in place as well.
const IN_PLACE_MAX: usize = 256;

/// Leaves that one task hashes: enough to be worth handing out.
const LEAVES_PER_TASK: usize = 64;

/// How often a sequencer that waits for the clock looks at it.
const CLOCK_POLL: Duration = Duration::from_millis(50);

/// How often a sequencer that ran ahead of the index of identities looks at it.
const INDEX_POLL: Duration = Duration::from_millis(5);

fn position_in_bundle(size: TreeSize) -> u16 {
    u16::try_from(size.get() % OBJECT_WIDTH).expect("a remainder of 256")
}

/// Why a batch cannot be sequenced. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
enum PrepareError {
    /// An entry cannot be stored.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The tree cannot grow further.
    #[error("the log has reached its largest size")]
    Full,
}
