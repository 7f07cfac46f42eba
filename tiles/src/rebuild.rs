//! Re-hashing a whole log from its bytes, and comparing everything it publishes with the result.
//!
//! Every entry bundle is read once and hashed; from that every full tile and every partial tile on
//! the right edge is built again and compared byte for byte with what the log holds; at the end
//! the root hash is compared with that of the log's head. The first difference ends the work, and
//! is named. What passes is a log in which every path that a client may ask for at that size is
//! right.
//!
//! Nearly all of the work is below the level-0 tiles, and each of those is independent of the
//! others: [`CheckedBundle::check`] does it for one bundle, on whatever thread it is called.
//! [`Rebuild`] takes the results in their order and does the little that is left, so whoever has
//! many cores finds the same first difference as [`rebuild()`], which does one after the other.
//! Memory is one bundle for each thread and one tile for each level.

mod bundle;
mod fold;

use std::fmt;

use crate::entry_bundle::{BundleError, EntryBundle};
use crate::hash::{HASH_LEN_BYTES, Hash, leaf_hashes};
use crate::index::{LeafIndex, TreeSize};
use crate::path::tile_path;
use crate::tile::{BundleRef, TILE_WIDTH_MAX, Tile, TileLevel, TileRef, TileWidth, bundles_at};

pub use bundle::CheckedBundle;
pub use fold::Rebuild;

/// The bytes of a log as it publishes them, encoded as their specification says.
///
/// Each resource is asked for once, at the width that it has in the tree that is checked. A log
/// that holds only a wider version answers with that one cut to the width.
pub trait LogBytes {
    /// Why a resource could not be had.
    type Error;

    /// The bytes of a resource, owned or shared.
    type Bytes: AsRef<[u8]>;

    /// The bytes of a tile.
    ///
    /// # Errors
    /// The tile cannot be had; checking then stops with [`RebuildError::Source`].
    fn tile(&self, tile: TileRef) -> Result<Self::Bytes, Self::Error>;

    /// The bytes of an entry bundle.
    ///
    /// # Errors
    /// As for [`Self::tile`].
    fn bundle(&self, bundle: BundleRef) -> Result<Self::Bytes, Self::Error>;
}

/// Gets the leaf hashes out of the bytes of a bundle of that width, or says why it cannot.
pub type LeavesOf<'a, W> = dyn Fn(&[u8], TileWidth) -> Result<Vec<Hash>, W> + Sync + 'a;

/// What was read and found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many entries the log has.
    pub size: TreeSize,
    /// The root hash over them.
    pub root_hash: Hash,
    /// How many bundles were read.
    pub bundle_count: u64,
    /// How many tiles were compared.
    pub tile_count: u64,
}

/// The first thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError<E> {
    /// The head claims more leaves than a log is ever grown to.
    #[error(
        "the head claims {found} entries, a log has at most {}",
        TreeSize::MAX_GROWN
    )]
    TooLarge {
        /// What the head claims.
        found: TreeSize,
    },
    /// The log does not hand out a resource.
    #[error("cannot read {path}")]
    Source {
        /// The path of the resource.
        path: String,
        /// What the log says.
        source: E,
    },
    /// A bundle is not the entries it should be.
    #[error("{path} is malformed: {why}")]
    BundleMalformed {
        /// The path of the bundle.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The tile of leaf hashes has another hash for an entry than the entry has.
    #[error("{path} does not have the hash of entry {index}")]
    LeafDiffers {
        /// The path of the tile.
        path: String,
        /// The entry.
        index: LeafIndex,
    },
    /// A tile above the leaves is not what the tiles below make it.
    #[error("{path} differs from the tiles below it, first in element {element}")]
    TileDiffers {
        /// The path of the tile.
        path: String,
        /// The first element that differs, is missing or is too many, from 0.
        element: usize,
    },
    /// Everything fits together, but not with the head.
    #[error("the entries have root hash {found}, the head claims {wanted}")]
    RootDiffers {
        /// The root hash over the entries.
        found: Hash,
        /// What the head claims.
        wanted: Hash,
    },
}

/// The leaf hashes of an entry bundle as tlog-tiles frames it.
///
/// # Errors
/// The bytes are not exactly `width` entries.
pub fn tlog_tiles_leaves(bytes: &[u8], width: TileWidth) -> Result<Vec<Hash>, BundleError> {
    let bundle = EntryBundle::parse(bytes, width)?;
    let mut leaves = Vec::with_capacity(width.count());
    leaf_hashes(bundle.entries(), &mut leaves);
    Ok(leaves)
}

/// Checks all entries and all tiles of a log against its head.
///
/// `leaves_of` gets the leaf hashes out of a bundle: [`tlog_tiles_leaves`], or what fits another
/// framing. `progress` is told after each bundle how many entries are done.
///
/// # Errors
/// The first difference, or the first resource that cannot be had.
pub fn rebuild<L: LogBytes, W: fmt::Display>(
    log: &L,
    head: (TreeSize, Hash),
    leaves_of: &LeavesOf<'_, W>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, RebuildError<L::Error>> {
    let mut rebuilt = Rebuild::new(log, head)?;
    for bundle in bundles_at(head.0) {
        rebuilt.append(&CheckedBundle::check(log, bundle, leaves_of)?)?;
        progress(rebuilt.entries_done());
    }
    rebuilt.finish()
}

/// Compares a tile with what the log holds in its place.
fn compare<L: LogBytes>(
    log: &L,
    tile_ref: TileRef,
    wanted: &Tile,
) -> Result<(), RebuildError<L::Error>> {
    let path = || tile_path(tile_ref);
    let found = log.tile(tile_ref);
    let found = found.map_err(|source| RebuildError::Source {
        path: path(),
        source,
    })?;
    match first_difference(found.as_ref(), wanted.hashes()) {
        None => Ok(()),
        Some(element) => Err(differs(tile_ref, path(), element)),
    }
}

/// The first hash in which the bytes of a tile differ from the hashes they should be.
fn first_difference(found: &[u8], wanted: &[Hash]) -> Option<usize> {
    let (hashes, rest) = found.as_chunks::<HASH_LEN_BYTES>();
    let pairs = hashes.iter().zip(wanted);
    let same = pairs.take_while(|(found, wanted)| *found == wanted.as_bytes());
    let same = same.count();
    (same < wanted.len() || same < hashes.len() || !rest.is_empty()).then_some(same)
}

fn differs<E>(tile: TileRef, path: String, element: usize) -> RebuildError<E> {
    if tile.id.level != TileLevel::LEAF {
        return RebuildError::TileDiffers { path, element };
    }
    let before = tile.id.index.saturating_mul(u64::from(TILE_WIDTH_MAX));
    let element = u64::try_from(element).unwrap_or(u64::MAX);
    let index = LeafIndex::new(before.saturating_add(element));
    RebuildError::LeafDiffers { path, index }
}

#[cfg(test)]
mod tests;
