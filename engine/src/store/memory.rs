//! Both stores in memory, with faults on demand (feature `testing`).
//!
//! What is stored lives behind an `Arc` of its own, so that a test can drop a log, as a crash
//! would, and open another over what was durable.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use tiles::{LeafIndex, TreeSize};

use super::{
    CheckpointStore, ColdStore, Commit, Head, HotStore, IdentityRun, LogIdentity, OBJECT_WIDTH,
    ObjectId, StoredBytes, full_objects,
};
use crate::UnixMillis;
use crate::error::StoreError;
use crate::format::Identity;

/// What a durable write does instead of succeeding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails and stores nothing.
    Lost,
    /// It stores everything and reports failure.
    StoredButFailed,
}

/// Which writes fail, shared by the stores of one log.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Writes that still succeed before the fault.
    after: u64,
    fault: Option<Fault>,
    writes: u64,
}

impl Faults {
    /// Lets `after` more writes succeed; the one that follows meets `fault`, and so does every
    /// write after it, as on a machine that is going down.
    pub fn plan(&self, after: u64, fault: Fault) {
        let mut plan = crate::lock(&self.plan);
        plan.after = after;
        plan.fault = Some(fault);
    }

    /// Every write succeeds again.
    pub fn clear(&self) {
        crate::lock(&self.plan).fault = None;
    }

    /// Writes seen so far, failed ones included.
    pub fn writes(&self) -> u64 {
        crate::lock(&self.plan).writes
    }

    /// Runs one write under the plan.
    fn write(&self, store: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let fault = {
            let mut plan = crate::lock(&self.plan);
            plan.writes += 1;
            match (plan.fault, plan.after) {
                (None, _) => None,
                (Some(fault), 0) => Some(fault),
                (Some(_), _) => {
                    plan.after -= 1;
                    None
                }
            }
        };
        match fault {
            None => store(),
            Some(Fault::Lost) => Err(StoreError::Backend("simulated: write lost".to_owned())),
            Some(Fault::StoredButFailed) => {
                store()?;
                Err(StoreError::Backend(
                    "simulated: written, but reported as failed".to_owned(),
                ))
            }
        }
    }
}

/// A hot store in memory. Clones share their content.
#[derive(Clone, Debug)]
pub struct MemoryHot {
    content: Arc<Mutex<HotContent>>,
    faults: Arc<Faults>,
}

#[derive(Debug)]
struct HotContent {
    identity: LogIdentity,
    head: Head,
    objects: BTreeMap<ObjectId, (u16, BytesMut)>,
    owners: BTreeMap<Identity, LeafIndex>,
    indexed: TreeSize,
    /// Size after each batch, and its time.
    times: BTreeMap<u64, UnixMillis>,
    tiered: TreeSize,
    cold_len_bytes: u64,
}

impl MemoryHot {
    /// An empty store for the log `identity`.
    #[must_use]
    pub fn new(identity: LogIdentity, faults: Arc<Faults>) -> Self {
        let content = HotContent {
            identity,
            head: Head::EMPTY,
            objects: BTreeMap::new(),
            owners: BTreeMap::new(),
            indexed: TreeSize::ZERO,
            times: BTreeMap::new(),
            tiered: TreeSize::ZERO,
            cold_len_bytes: 0,
        };
        Self {
            content: Arc::new(Mutex::new(content)),
            faults,
        }
    }

    /// Loses a stored object behind the engine's back.
    pub fn lose(&self, id: ObjectId) {
        crate::lock(&self.content).objects.remove(&id);
    }

    /// Changes a stored object behind the engine's back.
    pub fn tamper(&self, id: ObjectId, change: impl FnOnce(&mut BytesMut)) {
        if let Some((_, bytes)) = crate::lock(&self.content).objects.get_mut(&id) {
            change(bytes);
        }
    }
}

impl HotContent {
    fn apply(&mut self, commit: &Commit) -> Result<(), StoreError> {
        if commit.previous != self.head {
            return Err(StoreError::Backend(
                "the commit does not follow the stored head".to_owned(),
            ));
        }
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
        Ok(())
    }
}

impl HotStore for MemoryHot {
    fn log_identity(&self) -> Result<LogIdentity, StoreError> {
        Ok(crate::lock(&self.content).identity.clone())
    }

    fn head(&self) -> Result<Head, StoreError> {
        Ok(crate::lock(&self.content).head)
    }

    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.faults
            .write(|| crate::lock(&self.content).apply(commit))
    }

    fn object(&self, id: ObjectId) -> Result<Option<Bytes>, StoreError> {
        let content = crate::lock(&self.content);
        Ok(content
            .objects
            .get(&id)
            .map(|(_, bytes)| Bytes::copy_from_slice(bytes)))
    }

    fn index(&self, run: &IdentityRun) -> Result<(), StoreError> {
        self.faults.write(|| {
            let mut content = crate::lock(&self.content);
            content.owners.extend(run.owners.iter().copied());
            content.indexed = content.indexed.max(run.end);
            Ok(())
        })
    }

    fn indexed(&self) -> Result<TreeSize, StoreError> {
        Ok(crate::lock(&self.content).indexed)
    }

    fn find(&self, identities: &[Identity]) -> Result<Vec<Option<LeafIndex>>, StoreError> {
        let content = crate::lock(&self.content);
        Ok(identities
            .iter()
            .map(|identity| content.owners.get(identity).copied())
            .collect())
    }

    fn identities_after(
        &self,
        last: Option<&Identity>,
        count: usize,
    ) -> Result<Vec<Identity>, StoreError> {
        let content = crate::lock(&self.content);
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let following = content.owners.range((from, Bound::Unbounded));
        Ok(following
            .take(count)
            .map(|(identity, _)| *identity)
            .collect())
    }

    fn visit_owners(
        &self,
        first_bytes: RangeInclusive<u8>,
        visit: &mut dyn FnMut(Identity, LeafIndex),
    ) -> Result<bool, StoreError> {
        let content = crate::lock(&self.content);
        let within = |identity: &Identity| {
            let first = identity.as_bytes().first();
            first.is_some_and(|first| first_bytes.contains(first))
        };
        let owners = content.owners.iter();
        owners
            .filter(|(identity, _)| within(identity))
            .for_each(|(identity, index)| visit(*identity, *index));
        Ok(true)
    }

    fn time_of(&self, index: LeafIndex) -> Result<Option<UnixMillis>, StoreError> {
        let content = crate::lock(&self.content);
        let after = index.get().saturating_add(1);
        Ok(content.times.range(after..).next().map(|(_, time)| *time))
    }

    fn tiered(&self) -> Result<TreeSize, StoreError> {
        Ok(crate::lock(&self.content).tiered)
    }

    fn cold_len_bytes(&self) -> Result<u64, StoreError> {
        Ok(crate::lock(&self.content).cold_len_bytes)
    }

    fn drop_full(&self, size: TreeSize, added_len_bytes: u64) -> Result<(), StoreError> {
        assert_eq!(
            size.get() % OBJECT_WIDTH,
            0,
            "only full objects are dropped"
        );
        self.faults.write(|| {
            let mut content = crate::lock(&self.content);
            for id in full_objects(content.tiered, size) {
                content.objects.remove(&id);
            }
            if size > content.tiered {
                content.tiered = size;
                content.cold_len_bytes += added_len_bytes;
            }
            Ok(())
        })
    }
}

/// A cold store in memory. Clones share their content.
#[derive(Clone, Debug)]
pub struct MemoryCold {
    objects: Arc<Mutex<BTreeMap<ObjectId, Bytes>>>,
    faults: Arc<Faults>,
}

impl MemoryCold {
    /// An empty store.
    #[must_use]
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            objects: Arc::default(),
            faults,
        }
    }
}

impl ColdStore for MemoryCold {
    fn put(&self, id: ObjectId, bytes: &[u8]) -> Result<(), StoreError> {
        self.faults.write(|| {
            let mut objects = crate::lock(&self.objects);
            let stored = objects
                .entry(id)
                .or_insert_with(|| Bytes::copy_from_slice(bytes));
            if *stored == bytes {
                Ok(())
            } else {
                Err(StoreError::Differs { object: id })
            }
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.faults.write(|| Ok(()))
    }

    fn get(&self, id: ObjectId) -> Result<Option<StoredBytes>, StoreError> {
        Ok(crate::lock(&self.objects)
            .get(&id)
            .cloned()
            .map(StoredBytes::Plain))
    }
}

/// A kept checkpoint in memory. Clones share their content.
#[derive(Clone, Debug)]
pub struct MemoryCheckpoint {
    kept: Arc<Mutex<Option<(Bytes, UnixMillis)>>>,
    faults: Arc<Faults>,
}

impl MemoryCheckpoint {
    /// An empty store.
    #[must_use]
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            kept: Arc::default(),
            faults,
        }
    }
}

impl CheckpointStore for MemoryCheckpoint {
    fn keep(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        self.faults.write(|| {
            let kept = (Bytes::copy_from_slice(checkpoint), UnixMillis::default());
            *crate::lock(&self.kept) = Some(kept);
            Ok(())
        })
    }

    fn load(&self) -> Result<Option<(Bytes, UnixMillis)>, StoreError> {
        Ok(crate::lock(&self.kept).clone())
    }
}
