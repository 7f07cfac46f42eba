//! Re-hashes everything a log has published and compares it with what it holds.
//!
//! The comparison itself is `tiles::rebuild`, the same that audits a log over HTTP. Here it is fed
//! from the stores, and followed by a check that only the log itself can make: every entry whose
//! identity is its leaf hash must be found under that identity, or a later copy of it would get an
//! index of its own. Identities that the index does not cover yet are read from the entries when
//! the log is opened, so there is nothing to check for them.

use std::sync::Arc;

use tiles::{BundleRef, Hash, LeafIndex, LogBytes, RebuildError, TileRef, TileWidth};

use crate::error::ReadError;
use crate::format::{Format, FormatError, Identity};
use crate::publish::PublishedHead;
use crate::reader::Reader;
use crate::store::{OBJECT_WIDTH, ObjectId};

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
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Checks the published tree of `reader`. `progress` is told how many entries are done.
///
/// Costs one hash for each entry and node, and reads every bundle and tile once.
///
/// # Errors
/// The first difference, naming tile or entry.
pub fn fsck(reader: &Reader, progress: &mut dyn FnMut(u64)) -> Result<FsckReport, FsckError> {
    let head = reader.published();
    let format = reader.format();
    let leaves = |bytes: &[u8], width: TileWidth| bundle_leaves(format, bytes, width);
    let log = Checked { reader };
    let report = tiles::rebuild(&log, (head.size, head.root_hash), &leaves, progress)?;
    check_identities(reader, &head)?;
    Ok(FsckReport {
        head,
        bundle_count: report.bundle_count,
        tile_count: report.tile_count,
    })
}

fn bundle_leaves(
    format: &dyn Format,
    bytes: &[u8],
    width: TileWidth,
) -> Result<Vec<Hash>, FormatError> {
    let entries = format.split_bundle(bytes, width.count())?;
    entries
        .into_iter()
        .map(|entry| Ok(tiles::leaf_hash(&format.leaf_of(entry)?)))
        .collect()
}

/// Every entry of a format whose identity is the leaf hash must own its index.
fn check_identities(reader: &Reader, head: &PublishedHead) -> Result<(), FsckError> {
    if !reader.format.identity_is_leaf_hash() {
        return Ok(());
    }
    let indexed = reader.hot.indexed().map_err(ReadError::Store)?;
    for tile in tiles::tiles_at(head.size.min(indexed))
        .filter(|tile| tile.id.level == tiles::TileLevel::LEAF)
    {
        let id = ObjectId::Tile(tile.id);
        let bytes = reader.tile(tile)?.ok_or(ReadError::Missing(id))?;
        let hashes = bytes
            .chunks_exact(tiles::HASH_LEN_BYTES)
            .filter_map(|hash| hash.try_into().ok());
        let identities: Vec<Identity> = hashes.map(Identity::new).collect();
        let owners = reader.hot.find(&identities).map_err(ReadError::Store)?;
        for (index, owner) in (tile.id.index * OBJECT_WIDTH..).zip(owners) {
            if owner != Some(LeafIndex::new(index)) {
                return Err(FsckError::Identity {
                    index,
                    found: owner.map(LeafIndex::get),
                });
            }
        }
    }
    Ok(())
}

/// The published bytes of a log, where a missing object is an error.
struct Checked<'a> {
    reader: &'a Reader,
}

impl LogBytes for Checked<'_> {
    type Error = ReadError;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, ReadError> {
        let bytes = self.reader.tile(tile)?;
        Ok(bytes
            .ok_or(ReadError::Missing(ObjectId::Tile(tile.id)))?
            .to_vec())
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, ReadError> {
        let id = ObjectId::Bundle(bundle.index);
        let stored = self.reader.bundle(bundle)?.ok_or(ReadError::Missing(id))?;
        Ok(stored.plain()?.to_vec())
    }
}
