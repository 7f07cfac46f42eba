//! A copy of the hot store at one instant, by RocksDB's own means (which calls it a checkpoint).
//!
//! What is in memory is flushed, the table files, which never change, are linked, and the manifest
//! and the open write-ahead logs are copied up to the length they have. On another file system
//! everything is copied. Commits go on meanwhile and wait only for what the flush takes from the
//! disk.

use std::path::Path;

use rocksdb::checkpoint::Checkpoint;

use super::Db;
use crate::error::StoreError;

/// Makes the copy at `to`.
pub(super) fn take(db: &Db, to: &Path) -> Result<(), StoreError> {
    Ok(Checkpoint::new(db)?.create_checkpoint(to)?)
}
