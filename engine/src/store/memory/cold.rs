//! The cold store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{Coin, Faults, Write};
use crate::error::StoreError;
use crate::store::{ColdStore, ObjectId, StoredBytes};

/// A cold store in memory. Clones share their content.
#[derive(Clone, Debug)]
pub struct MemoryCold {
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
}

/// What readers see, and what is left of it if the machine stops now. Each object is a file of its
/// own, so that those not synced are kept or lost one by one, in any order.
#[derive(Clone, Debug, Default)]
struct Disk {
    seen: BTreeMap<ObjectId, Bytes>,
    durable: BTreeMap<ObjectId, Bytes>,
    /// Put since the last sync.
    unsynced: Vec<ObjectId>,
    /// Of a put that failed in its middle, or of a sync that failed: the system has told of it
    /// and will not tell again, so no later sync makes these durable. Each may be there or not.
    uncertain: Vec<(ObjectId, Bytes)>,
}

impl MemoryCold {
    /// An empty store.
    #[must_use]
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            disk: Arc::default(),
            faults,
        }
    }

    /// Another store with the same content, which shares nothing with this one.
    #[must_use]
    pub fn copy(&self, faults: Arc<Faults>) -> Self {
        let disk = crate::lock(&self.disk).clone();
        Self {
            disk: Arc::new(Mutex::new(disk)),
            faults,
        }
    }

    /// The machine stops and starts again: each unsynced object is kept or lost.
    pub fn crash(&self, coin: &mut Coin<'_>) {
        let disk = &mut *crate::lock(&self.disk);
        for id in std::mem::take(&mut disk.unsynced) {
            if let Some(bytes) = disk.seen.get(&id).filter(|_| coin()) {
                disk.durable.insert(id, bytes.clone());
            }
        }
        for (id, bytes) in std::mem::take(&mut disk.uncertain) {
            if coin() {
                disk.durable.insert(id, bytes);
            }
        }
        disk.seen = disk.durable.clone();
    }

    /// The process ends and the store is opened by another, which knows nothing of what is still to
    /// be synced. A put that failed in its middle is seen or not.
    pub fn restart(&self, coin: &mut Coin<'_>) {
        self.doubt_unsynced();
        let disk = &mut *crate::lock(&self.disk);
        for (id, bytes) in &disk.uncertain {
            if coin() {
                disk.seen.entry(*id).or_insert_with(|| bytes.clone());
            }
        }
    }

    fn doubt_unsynced(&self) {
        let disk = &mut *crate::lock(&self.disk);
        for id in std::mem::take(&mut disk.unsynced) {
            let bytes = disk.seen.get(&id).cloned();
            disk.uncertain.extend(bytes.map(|bytes| (id, bytes)));
        }
    }
}

impl ColdStore for MemoryCold {
    fn put(&self, id: ObjectId, bytes: &[u8]) -> Result<(), StoreError> {
        let found = crate::lock(&self.disk).seen.get(&id).cloned();
        if found.is_some_and(|found| found != bytes) {
            return Err(StoreError::Differs { object: id });
        }
        let bytes = Bytes::copy_from_slice(bytes);
        let torn = bytes.clone();
        self.faults.write(
            Write::ColdPut,
            || {
                let disk = &mut *crate::lock(&self.disk);
                disk.seen.insert(id, bytes);
                disk.unsynced.push(id);
                Ok(())
            },
            || crate::lock(&self.disk).uncertain.push((id, torn)),
        )
    }

    fn sync(&self) -> Result<(), StoreError> {
        let met = self.faults.met();
        let synced = self.faults.write(
            Write::ColdSync,
            || {
                let disk = &mut *crate::lock(&self.disk);
                for id in std::mem::take(&mut disk.unsynced) {
                    if let Some(bytes) = disk.seen.get(&id) {
                        disk.durable.insert(id, bytes.clone());
                    }
                }
                Ok(())
            },
            || (),
        );
        if self.faults.met() > met {
            self.doubt_unsynced();
        }
        synced
    }

    fn get(&self, id: ObjectId) -> Result<Option<StoredBytes>, StoreError> {
        let found = crate::lock(&self.disk).seen.get(&id).cloned();
        Ok(found.map(StoredBytes::Plain))
    }
}
