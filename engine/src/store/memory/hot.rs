//! The hot store in memory.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::{Bound, RangeInclusive};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::{Bytes, BytesMut};
use tiles::{LeafIndex, TreeSize};

use super::{Coin, Faults, Write};
use crate::UnixMillis;
use crate::error::StoreError;
use crate::format::Identity;
#[cfg(feature = "planted-bugs")]
use crate::planted;
use crate::store::{
    Commit, Head, HotStore, IdentityRun, LogIdentity, OBJECT_WIDTH, ObjectId, full_objects,
};

/// A hot store in memory. Clones share their content.
#[derive(Clone, Debug)]
pub struct MemoryHot {
    identity: Arc<LogIdentity>,
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
    after_find: Arc<OnceLock<Hook>>,
}

/// What happens on another thread, as far as the caller can tell.
struct Hook(Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}

/// What readers see, and what is left of it if the machine stops now.
///
/// The log of writes is one file: a write that is not synced may be lost, and then so are all
/// after it; a synced write takes all before it along.
#[derive(Clone, Debug, Default)]
struct Disk {
    seen: Content,
    durable: Content,
    /// In `seen` and not in `durable`, in order.
    unsynced: VecDeque<HotWrite>,
    /// The last write of a store that failed in the middle of it: in neither yet.
    torn: Option<HotWrite>,
}

#[derive(Clone, Debug)]
enum HotWrite {
    Commit(Commit),
    /// Up to this size, and what the cold store got.
    Drop(TreeSize, u64),
    /// The size up to which the index is complete. The run itself is a file of its own.
    Indexed(TreeSize),
    /// A run, if its file was torn.
    Run(IdentityRun),
}

#[derive(Clone, Debug)]
struct Content {
    head: Head,
    objects: BTreeMap<ObjectId, (u16, BytesMut)>,
    owners: BTreeMap<Identity, LeafIndex>,
    indexed: TreeSize,
    /// Size after each batch, and its time.
    times: BTreeMap<u64, UnixMillis>,
    tiered: TreeSize,
    cold_len_bytes: u64,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            head: Head::EMPTY,
            objects: BTreeMap::new(),
            owners: BTreeMap::new(),
            indexed: TreeSize::ZERO,
            times: BTreeMap::new(),
            tiered: TreeSize::ZERO,
            cold_len_bytes: 0,
        }
    }
}

impl MemoryHot {
    /// An empty store for the log `identity`.
    #[must_use]
    pub fn new(identity: LogIdentity, faults: Arc<Faults>) -> Self {
        Self {
            identity: Arc::new(identity),
            disk: Arc::default(),
            faults,
            after_find: Arc::default(),
        }
    }

    /// Another store with the same content, which shares nothing with this one.
    #[must_use]
    pub fn copy(&self, faults: Arc<Faults>) -> Self {
        let disk = crate::lock(&self.disk).clone();
        Self {
            identity: Arc::clone(&self.identity),
            disk: Arc::new(Mutex::new(disk)),
            faults,
            after_find: Arc::default(),
        }
    }

    /// From now on `what` happens whenever identities were looked up and before the caller is told:
    /// the answer is as old as that.
    pub fn after_find(&self, what: impl Fn() + Send + Sync + 'static) {
        self.after_find.get_or_init(|| Hook(Box::new(what)));
    }

    /// Changes a stored object behind the engine's back.
    pub fn tamper(&self, id: ObjectId, change: impl FnOnce(&mut BytesMut)) {
        if let Some((_, bytes)) = crate::lock(&self.disk).seen.objects.get_mut(&id) {
            change(bytes);
        }
    }

    /// Loses a stored object behind the engine's back.
    pub fn lose(&self, id: ObjectId) {
        crate::lock(&self.disk).seen.objects.remove(&id);
    }

    /// The head that is left if the machine stops now and everything unsynced is lost.
    #[must_use]
    pub fn durable_head(&self) -> Head {
        crate::lock(&self.disk).durable.head
    }

    /// The machine stops and starts again: unsynced writes are kept up to some point.
    pub fn crash(&self, coin: &mut Coin<'_>) {
        let disk = &mut *crate::lock(&self.disk);
        while let Some(write) = disk.unsynced.pop_front().filter(|_| coin()) {
            disk.durable.write(&write);
        }
        disk.unsynced.clear();
        if let Some(torn) = disk.torn.take() {
            disk.durable.write_some(&torn, coin);
        }
        disk.seen = disk.durable.clone();
    }

    /// The process ends and the store is opened by another: all that was seen is there, and a torn
    /// write is or is not.
    pub fn restart(&self, coin: &mut Coin<'_>) {
        let disk = &mut *crate::lock(&self.disk);
        if let Some(torn) = disk.torn.take() {
            disk.sync();
            disk.durable.write_some(&torn, coin);
            disk.seen = disk.durable.clone();
        }
    }

    /// A store that failed in the middle of a write takes no others until it is opened again.
    fn is_whole(&self) -> Result<(), StoreError> {
        let why = "simulated: the store failed before and must be reopened";
        let torn = crate::lock(&self.disk).torn.is_some();
        let broken = || StoreError::Backend(why.to_owned());
        (!torn).then_some(()).ok_or_else(broken)
    }

    /// Writes durably, under the plan of faults.
    fn write(&self, kind: Write, write: HotWrite) -> Result<(), StoreError> {
        self.is_whole()?;
        let torn = write.clone();
        self.faults.write(
            kind,
            || {
                let disk = &mut *crate::lock(&self.disk);
                disk.seen.write(&write);
                disk.unsynced.push_back(write);
                #[cfg(feature = "planted-bugs")]
                if kind == Write::Commit && planted::is(planted::Bug::CommitNotSynced) {
                    return Ok(());
                }
                disk.sync();
                Ok(())
            },
            || crate::lock(&self.disk).torn = Some(torn),
        )
    }
}

impl Disk {
    fn sync(&mut self) {
        for write in self.unsynced.drain(..) {
            self.durable.write(&write);
        }
    }
}

impl Content {
    fn write(&mut self, write: &HotWrite) {
        match write {
            HotWrite::Commit(commit) => self.commit(commit),
            HotWrite::Drop(size, len) => {
                self.drop_objects(*size, &mut || true);
                self.note_drop(*size, *len);
            }
            HotWrite::Indexed(size) => self.indexed = *size.max(&self.indexed),
            HotWrite::Run(run) => self.owners.extend(run.owners.iter().copied()),
        }
    }

    /// What a tear may leave: a commit or a run is whole or absent; of a drop, any of the objects
    /// may be gone, whether or not it is remembered.
    fn write_some(&mut self, torn: &HotWrite, coin: &mut Coin<'_>) {
        let written = coin();
        match torn {
            HotWrite::Drop(size, len) => {
                self.drop_objects(*size, coin);
                if written {
                    self.note_drop(*size, *len);
                }
            }
            HotWrite::Commit(commit) if commit.previous != self.head => {}
            HotWrite::Commit(_) | HotWrite::Indexed(_) | HotWrite::Run(_) if written => {
                self.write(torn);
            }
            HotWrite::Commit(_) | HotWrite::Indexed(_) | HotWrite::Run(_) => {}
        }
    }

    fn commit(&mut self, commit: &Commit) {
        for write in &commit.objects {
            let (count, bytes) = self.objects.entry(write.id).or_default();
            assert_eq!(
                *count, write.start,
                "{} grows from where it ended",
                write.id
            );
            if write.completes() {
                bytes.clear();
            }
            bytes.extend_from_slice(&write.bytes);
            *count = write.end;
        }
        self.times.insert(commit.head.size.get(), commit.head.time);
        self.head = commit.head;
    }

    fn drop_objects(&mut self, size: TreeSize, goes: &mut Coin<'_>) {
        for id in full_objects(TreeSize::ZERO, size) {
            if goes() {
                self.objects.remove(&id);
            }
        }
    }

    fn note_drop(&mut self, size: TreeSize, len_bytes: u64) {
        if size > self.tiered {
            self.tiered = size;
            self.cold_len_bytes += len_bytes;
        }
    }
}

impl HotStore for MemoryHot {
    fn log_identity(&self) -> Result<LogIdentity, StoreError> {
        Ok((*self.identity).clone())
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(crate::lock(&self.disk).seen.head)
    }

    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        if commit.previous != self.head()? {
            return Err(StoreError::Backend(
                "the commit does not follow the stored head".to_owned(),
            ));
        }
        self.write(Write::Commit, HotWrite::Commit(commit.clone()))
    }

    fn object(&self, id: ObjectId) -> Result<Option<Bytes>, StoreError> {
        let disk = crate::lock(&self.disk);
        let found = disk.seen.objects.get(&id);
        Ok(found.map(|(_, bytes)| Bytes::copy_from_slice(bytes)))
    }

    /// The run is durable at once; that the index is complete up to its end is known after the next
    /// commit.
    fn index(&self, run: &IdentityRun) -> Result<(), StoreError> {
        self.is_whole()?;
        self.faults.write(
            Write::IndexRun,
            || {
                let disk = &mut *crate::lock(&self.disk);
                let (run, end) = (HotWrite::Run(run.clone()), HotWrite::Indexed(run.end));
                disk.durable.write(&run);
                disk.seen.write(&run);
                disk.seen.write(&end);
                disk.unsynced.push_back(end);
                Ok(())
            },
            || crate::lock(&self.disk).torn = Some(HotWrite::Run(run.clone())),
        )
    }

    fn indexed(&self) -> Result<TreeSize, StoreError> {
        Ok(crate::lock(&self.disk).seen.indexed)
    }

    fn visit_owners(
        &self,
        first_bytes: RangeInclusive<u8>,
        visit: &mut dyn FnMut(Identity, LeafIndex),
    ) -> Result<bool, StoreError> {
        let disk = crate::lock(&self.disk);
        let within = |identity: &Identity| {
            let first = identity.as_bytes().first();
            first.is_some_and(|first| first_bytes.contains(first))
        };
        let owners = disk.seen.owners.iter();
        owners
            .filter(|(identity, _)| within(identity))
            .for_each(|(identity, index)| visit(*identity, *index));
        Ok(true)
    }

    fn identities_after(
        &self,
        last: Option<&Identity>,
        count: usize,
    ) -> Result<Vec<Identity>, StoreError> {
        let disk = crate::lock(&self.disk);
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let following = disk.seen.owners.range((from, Bound::Unbounded));
        let identities = following.map(|(identity, _)| *identity);
        Ok(identities.take(count).collect())
    }

    fn find(&self, identities: &[Identity]) -> Result<Vec<Option<LeafIndex>>, StoreError> {
        let disk = crate::lock(&self.disk);
        let owner = |identity| disk.seen.owners.get(identity).copied();
        let found = identities.iter().map(owner).collect();
        drop(disk);
        if let Some(Hook(happens)) = self.after_find.get() {
            happens();
        }
        Ok(found)
    }

    fn time_of(&self, index: LeafIndex) -> Result<Option<UnixMillis>, StoreError> {
        let disk = crate::lock(&self.disk);
        let after = index.get().saturating_add(1);
        let mut later = disk.seen.times.range(after..);
        Ok(later.next().map(|(_, time)| *time))
    }

    fn tiered(&self) -> Result<TreeSize, StoreError> {
        Ok(crate::lock(&self.disk).seen.tiered)
    }

    fn cold_len_bytes(&self) -> Result<u64, StoreError> {
        Ok(crate::lock(&self.disk).seen.cold_len_bytes)
    }

    fn drop_full(&self, size: TreeSize, added_len_bytes: u64) -> Result<(), StoreError> {
        assert_eq!(
            size.get() % OBJECT_WIDTH,
            0,
            "only full objects are dropped"
        );
        self.write(Write::HotDrop, HotWrite::Drop(size, added_len_bytes))
    }
}
