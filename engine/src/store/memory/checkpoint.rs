//! The kept checkpoint in memory.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{Coin, Faults, Write};
use crate::UnixMillis;
use crate::error::StoreError;
use crate::store::CheckpointStore;

/// A kept checkpoint in memory. Clones share their content.
#[derive(Clone, Debug)]
pub struct MemoryCheckpoint {
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    kept: Option<Bytes>,
    /// What a torn write may have put in its place.
    torn: Option<Bytes>,
}

impl MemoryCheckpoint {
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

    /// The store is opened again, by the same machine or after it stopped: a torn write has put
    /// the new checkpoint in place of the old, or not.
    pub fn restart(&self, coin: &mut Coin<'_>) {
        let disk = &mut *crate::lock(&self.disk);
        if let Some(torn) = disk.torn.take().filter(|_| coin()) {
            disk.kept = Some(torn);
        }
    }
}

impl CheckpointStore for MemoryCheckpoint {
    fn keep(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        let bytes = Bytes::copy_from_slice(checkpoint);
        let torn = bytes.clone();
        self.faults.write(
            Write::Checkpoint,
            || {
                crate::lock(&self.disk).kept = Some(bytes);
                Ok(())
            },
            || crate::lock(&self.disk).torn = Some(torn),
        )
    }

    fn load(&self) -> Result<Option<(Bytes, UnixMillis)>, StoreError> {
        let kept = crate::lock(&self.disk).kept.clone();
        Ok(kept.map(|kept| (kept, UnixMillis::default())))
    }
}
