//! One identity, one index: exact, because a single sequencer decides.
//!
//! An identity is looked for in three places, newest first: the batch itself, the *recent*
//! identities in memory, and the index in the hot store. The recent ones are those of every batch
//! since the last sorted run was written, batches included that are not committed yet; so a look-up
//! sees every index that was ever given out.
//!
//! The index is derived data. It is written behind the commits, a sorted run at a time, because
//! random keys cost a store more than all the rest of an entry. The hot store knows up to which
//! size it is complete, and what follows is read from the entries again when a log is opened:
//! nothing depends on when a run was written, or whether a crash came first.
//!
//! Recent identities are held in *segments*. One grows; full ones are frozen and wait for the
//! [`Indexer`](crate::indexer::Indexer), which writes them out and lets go of them. A filter in
//! memory says of nearly every new identity that the stored index need not be asked.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use foldhash::fast::RandomState;
use tiles::{LeafIndex, TreeSize};

use self::filter::Filter;
use crate::error::StoreError;
use crate::format::{Identity, UnfinishedEntry};
use crate::store::{HotStore, IdentityRun};

/// Where an entry of a batch belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A new index, given in this batch.
    New(LeafIndex),
    /// An index given earlier in this batch to the same identity.
    Repeated(LeafIndex),
    /// An index given by an earlier batch, which is committed or will be before this one.
    Known(LeafIndex),
}

/// Every identity that has an index. Shared by the sequencer, who asks and adds, the indexer, and
/// readers.
pub(crate) struct Dedup {
    store: Arc<dyn HotStore>,
    /// Identities in a full segment.
    segment_len: usize,
    /// Off only where a bench measures what deduplication costs.
    enabled: bool,
    recent: Mutex<Recent>,
    /// What may be in the stored index; the indexer adds to it.
    filter: Filter,
    /// Told when a segment is frozen or there will be no more.
    frozen: Condvar,
}

/// Under the lock of [`Dedup`].
#[derive(Default)]
struct Recent {
    growing: Owners,
    /// Frozen segments, oldest first.
    frozen: VecDeque<Arc<Segment>>,
    ended: bool,
}

/// Places in a batch, ascending, and the index that the store has for the entry there.
type Stored = std::iter::Peekable<std::vec::IntoIter<(usize, LeafIndex)>>;

/// Keyed at random, so that nobody can choose entries that collide.
type Owners = HashMap<Identity, LeafIndex, RandomState>;

/// Recent identities that no longer change.
pub(crate) struct Segment {
    owners: Owners,
    /// Size of the tree in which the newest of them is the last entry, or a later one.
    end: TreeSize,
}

impl Segment {
    /// Size that the log must have committed before the segment may be written.
    pub(crate) const fn end(&self) -> TreeSize {
        self.end
    }

    /// The segment as the hot store wants it.
    pub(crate) fn run(&self) -> IdentityRun {
        let mut owners: Vec<(Identity, LeafIndex)> = self
            .owners
            .iter()
            .map(|(identity, index)| (*identity, *index))
            .collect();
        owners.sort_unstable();
        IdentityRun {
            end: self.end,
            owners,
        }
    }
}

impl Dedup {
    /// Knows what the index in `store` knows; a segment takes `segment_len` identities.
    pub(crate) fn new(store: Arc<dyn HotStore>, segment_len: usize) -> Self {
        Self {
            store,
            segment_len,
            enabled: true,
            recent: Mutex::default(),
            filter: Filter::default(),
            frozen: Condvar::new(),
        }
    }

    /// If not enabled, takes every entry for a new one.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// Decides the place of every entry of a batch that follows a tree of `size`, and remembers it.
    ///
    /// New indices are given in the order of the batch, without gaps.
    pub(crate) fn resolve(
        &self,
        size: TreeSize,
        entries: &[UnfinishedEntry],
    ) -> Result<Vec<Place>, StoreError> {
        if !self.enabled {
            let indices = size.get()..;
            let indices = indices.zip(entries).map(|(index, _)| LeafIndex::new(index));
            return Ok(indices.map(Place::New).collect());
        }
        let frozen = self.frozen_before(size, entries.len());
        let mut stored = self.find_stored(entries)?;
        let growing = &mut crate::lock(&self.recent).growing;
        let first = size.next_index();
        let mut next = first;
        let places = entries.iter().enumerate().map(|(number, entry)| {
            let identity = entry.identity();
            let stored = stored.next_if(|(of, _)| *of == number);
            let known = stored.map_or_else(|| find_in(&frozen, &identity), |(_, i)| Some(i));
            if let Some(index) = known {
                return Place::Known(index);
            }
            #[cfg(feature = "planted-bugs")]
            if crate::planted::is(crate::planted::Bug::InFlightDedupSkipped) {
                growing.remove(&identity);
            }
            match growing.entry(identity) {
                Entry::Occupied(given) if *given.get() < first => Place::Known(*given.get()),
                Entry::Occupied(given) => Place::Repeated(*given.get()),
                Entry::Vacant(vacant) => {
                    let index = *vacant.insert(next);
                    next = LeafIndex::new(next.get() + 1);
                    Place::New(index)
                }
            }
        });
        Ok(places.collect())
    }

    /// Makes room for `count` identities that follow `size`, and gives back the frozen segments.
    ///
    /// They are to be held while the store is asked: one that is written and let go of meanwhile
    /// may have been in neither place when it was looked for there.
    fn frozen_before(&self, size: TreeSize, count: usize) -> VecDeque<Arc<Segment>> {
        let mut recent = crate::lock(&self.recent);
        self.make_room(&mut recent, size, count);
        recent.frozen.clone()
    }

    /// Which entries the stored index knows, by their place in the batch, and their indices.
    fn find_stored(&self, entries: &[UnfinishedEntry]) -> Result<Stored, StoreError> {
        let filter = self.filter.view();
        let asked: Vec<(usize, Identity)> = entries
            .iter()
            .map(UnfinishedEntry::identity)
            .enumerate()
            .filter(|(_, identity)| filter.may_hold(identity))
            .collect();
        if asked.is_empty() {
            return Ok(Vec::new().into_iter().peekable());
        }
        let identities: Vec<Identity> = asked.iter().map(|(_, identity)| *identity).collect();
        let found = self.store.find(&identities)?;
        let known = asked.iter().zip(found);
        let known: Vec<(usize, LeafIndex)> = known
            .filter_map(|((number, _), found)| Some((*number, found?)))
            .collect();
        Ok(known.into_iter().peekable())
    }

    /// Freezes the growing segment if it has not room for `count` identities that follow `size`.
    fn make_room(&self, recent: &mut Recent, size: TreeSize, count: usize) {
        if recent.growing.is_empty() {
            recent.growing.reserve(self.segment_len);
        } else if recent.growing.len().saturating_add(count) > self.segment_len {
            let fresh = Owners::with_capacity_and_hasher(self.segment_len, RandomState::default());
            let owners = std::mem::replace(&mut recent.growing, fresh);
            let segment = Segment { owners, end: size };
            recent.frozen.push_back(Arc::new(segment));
            self.frozen.notify_all();
        }
    }

    /// Takes back the indices that a batch was given which will never be committed.
    pub(crate) fn forget(&self, entries: &[UnfinishedEntry], places: &[Place]) {
        let growing = &mut crate::lock(&self.recent).growing;
        for (entry, place) in entries.iter().zip(places) {
            if matches!(place, Place::New(_)) {
                growing.remove(&entry.identity());
            }
        }
    }

    /// Adds an identity whose entry is committed and follows all that were added before.
    pub(crate) fn replay(&self, identity: Identity, index: LeafIndex) {
        let mut recent = crate::lock(&self.recent);
        let size = TreeSize::new(index.get());
        self.make_room(&mut recent, size, 1);
        recent.growing.entry(identity).or_insert(index);
    }

    /// The index that `identity` was given, by a batch that need not be committed yet.
    pub(crate) fn find(&self, identity: &Identity) -> Result<Option<LeafIndex>, StoreError> {
        if let Some(index) = crate::lock(&self.recent).find(identity) {
            return Ok(Some(index));
        }
        let stored = self.store.find(std::slice::from_ref(identity))?;
        Ok(stored.first().copied().flatten())
    }

    /// Whether so many segments wait to be written that no further batch should be taken.
    pub(crate) fn is_behind(&self) -> bool {
        crate::lock(&self.recent).frozen.len() >= FROZEN_MAX
    }

    /// The segment to write next.
    pub(crate) fn oldest_frozen(&self) -> Option<Arc<Segment>> {
        crate::lock(&self.recent).frozen.front().cloned()
    }

    /// Lets go of the oldest frozen segment, which the store has now.
    pub(crate) fn written(&self) {
        if let Some(segment) = self.oldest_frozen() {
            self.filter.add(segment.owners.keys().copied());
        }
        crate::lock(&self.recent).frozen.pop_front();
    }

    /// Adds to the filter some identities that were in the store when the log was opened, those
    /// after `last`; gives back the last of them, or `None` when there are no more.
    pub(crate) fn fill_filter(
        &self,
        last: Option<Identity>,
    ) -> Result<Option<Identity>, StoreError> {
        if last.is_none() {
            let count = self.store.indexed()?.get();
            self.filter
                .expect(usize::try_from(count).unwrap_or(usize::MAX));
        }
        let found = self.store.identities_after(last.as_ref(), FILL_COUNT)?;
        self.filter.add(found.iter().copied());
        if found.len() < FILL_COUNT {
            self.filter.completed();
            return Ok(None);
        }
        Ok(found.last().copied())
    }

    /// No further batch will come.
    pub(crate) fn end(&self) {
        crate::lock(&self.recent).ended = true;
        self.frozen.notify_all();
    }

    /// Whether no further batch will come.
    pub(crate) fn ended(&self) -> bool {
        crate::lock(&self.recent).ended
    }

    /// Blocks until a segment waits to be written, the end is near, or `timeout` has passed.
    pub(crate) fn wait_frozen(&self, timeout: Duration) {
        let recent = crate::lock(&self.recent);
        let idle = |recent: &mut Recent| recent.frozen.is_empty() && !recent.ended;
        drop(self.frozen.wait_timeout_while(recent, timeout, idle));
    }
}

impl Recent {
    fn find(&self, identity: &Identity) -> Option<LeafIndex> {
        let newest = self.growing.get(identity).copied();
        newest.or_else(|| find_in(&self.frozen, identity))
    }
}

fn find_in(frozen: &VecDeque<Arc<Segment>>, identity: &Identity) -> Option<LeafIndex> {
    let mut newest_first = frozen.iter().rev();
    newest_first.find_map(|segment| segment.owners.get(identity).copied())
}

impl fmt::Debug for Dedup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recent = crate::lock(&self.recent);
        f.debug_struct("Dedup")
            .field("growing", &recent.growing.len())
            .field("frozen", &recent.frozen.len())
            .finish_non_exhaustive()
    }
}

/// Frozen segments that may wait: bounds the memory of a log whose store takes runs more slowly
/// than entries come.
const FROZEN_MAX: usize = 3;

/// Identities that are added to the filter at a time while it is filled from the index.
const FILL_COUNT: usize = 1 << 16;

mod filter;

#[cfg(test)]
mod tests;
