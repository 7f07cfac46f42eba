//! What a log takes on disk.
//!
//! Nothing is walked for it: the hot store knows the size of its files, and what the cold store
//! takes is added up as objects are moved there, and recorded with them.

use crate::error::ReadError;
use crate::reader::Reader;
use crate::store::INDEX_PART;

/// Bytes on disk of one log, without the write-ahead log, which does not grow with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskUsage {
    /// Bytes of each part of the hot store, by its name there.
    pub hot: Vec<(&'static str, u64)>,
    /// Bytes of the files in the cold store.
    pub cold_len_bytes: u64,
}

impl DiskUsage {
    /// Bytes of the hot store but for the identity index: objects that did not move yet, and what
    /// else it keeps.
    #[must_use]
    pub fn hot_len_bytes(&self) -> u64 {
        let parts = self.hot.iter().filter(|(part, _)| *part != INDEX_PART);
        parts.map(|(_, bytes)| bytes).sum()
    }

    /// Bytes of the identity index. It is derived data and of no use to anybody who reads the log.
    #[must_use]
    pub fn index_len_bytes(&self) -> u64 {
        let parts = self.hot.iter().filter(|(part, _)| *part == INDEX_PART);
        parts.map(|(_, bytes)| bytes).sum()
    }
}

impl Reader {
    /// What the log takes on disk now. Costs a few look-ups in memory.
    ///
    /// # Errors
    /// If the record of what was moved to the cold store cannot be read.
    pub fn disk_usage(&self) -> Result<DiskUsage, ReadError> {
        Ok(DiskUsage {
            hot: self.hot.disk_usage(),
            cold_len_bytes: self.hot.cold_len_bytes()?,
        })
    }
}
