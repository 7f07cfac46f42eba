//! Re-hashes everything a log has published and compares it with what it holds.
//!
//! The comparison itself is `tiles::rebuild`, the same that audits a log over HTTP. Here it is fed
//! from the stores, on every core, and followed by a check that only the log itself can make: every
//! entry whose identity is its leaf hash must be found under that identity, or a later copy of it
//! would get an index of its own. Identities that the index does not cover yet are read from the
//! entries when the log is opened, so there is nothing to check for them.

mod identities;
mod parallel;

use std::sync::Arc;

use bytes::Bytes;
use tiles::{BundleRef, Hash, LogBytes, RebuildError, TileRef, TileWidth};

use crate::error::ReadError;
use crate::format::{Format, FormatError};
use crate::publish::PublishedHead;
use crate::reader::Reader;
use crate::store::ObjectId;

pub use parallel::{Threads, rebuild_on};

/// What a clean check covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsckReport {
    /// The head that everything agrees with.
    pub head: Arc<PublishedHead>,
    /// Bundles re-hashed.
    pub bundle_count: u64,
    /// Tiles compared, partial ones included.
    pub tile_count: u64,
}

/// A difference, or a failure to look for one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FsckError {
    /// The stored tree is not the published one.
    #[error(transparent)]
    Tree(#[from] RebuildError<ReadError>),
    /// An entry is not found under its identity.
    #[error(
        "entry {index} is not found under its identity (the index says {found:?}): \
        a copy of it would be logged again"
    )]
    Identity {
        /// The entry.
        index: u64,
        /// The index recorded for its identity.
        found: Option<u64>,
    },
    /// The index knows identities that no entry has.
    #[error(
        "the index holds {count} identities that no entry has: \
        an entry with one of them would be taken for a duplicate and never logged"
    )]
    Foreign {
        /// How many.
        count: u64,
    },
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Checks the published tree of `reader`. `progress` is told how many entries are done.
///
/// Costs one hash for each entry and node, and reads every bundle and tile once; all cores share
/// the work. What is found does not depend on which of them was first.
///
/// # Errors
/// The first difference, naming tile or entry.
pub fn fsck(reader: &Reader, progress: &mut dyn FnMut(u64)) -> Result<FsckReport, FsckError> {
    let head = reader.published();
    let format = reader.format();
    let leaves = |bytes: &[u8], width: TileWidth| bundle_leaves(format, bytes, width);
    let log = Checked { reader };
    let threads = Threads::for_store(head.size).map_err(ReadError::Store)?;
    let tree = (head.size, head.root_hash);
    let report = rebuild_on(&threads, &log, tree, &leaves, progress)?;
    identities::check(&threads, reader, tree)?;
    Ok(FsckReport {
        head,
        bundle_count: report.bundle_count,
        tile_count: report.tile_count,
    })
}

/// The leaf hashes of an entry bundle of any format, for [`rebuild_on`].
///
/// # Errors
/// The bytes are not exactly `width` entries.
pub fn bundle_leaves(
    format: &dyn Format,
    bytes: &[u8],
    width: TileWidth,
) -> Result<Vec<Hash>, FormatError> {
    let entries = format.split_bundle(bytes, width.count())?;
    let leaves: Result<Vec<_>, FormatError> =
        entries.iter().map(|entry| format.leaf_of(entry)).collect();
    let mut hashes = Vec::with_capacity(width.count());
    tiles::leaf_hashes(&leaves?, &mut hashes);
    Ok(hashes)
}

/// The published bytes of a log, where a missing object is an error.
struct Checked<'a> {
    reader: &'a Reader,
}

impl LogBytes for Checked<'_> {
    type Error = ReadError;
    type Bytes = Bytes;

    fn tile(&self, tile: TileRef) -> Result<Bytes, ReadError> {
        let bytes = self.reader.tile(tile)?;
        bytes.ok_or(ReadError::Missing(ObjectId::Tile(tile.id)))
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Bytes, ReadError> {
        let id = ObjectId::Bundle(bundle.index);
        let stored = self.reader.bundle(bundle)?.ok_or(ReadError::Missing(id))?;
        Ok(stored.plain()?)
    }
}

#[cfg(test)]
mod tests;
