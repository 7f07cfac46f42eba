//! Re-hashing a whole log from its bytes, and comparing everything it publishes with the result.
//!
//! Every entry bundle is read once and hashed; from that every full tile and every partial tile on
//! the right edge is built again and compared byte for byte with what the log holds; at the end
//! the root hash is compared with that of the log's head. The first difference ends the work, and
//! is named. What passes is a log in which every path that a client may ask for at that size is
//! right.
//!
//! The bytes are streamed, left to right: memory is one bundle and one tile for each level.

use std::fmt;

use crate::entry_bundle::{BundleError, EntryBundle};
use crate::hash::{Hash, leaf_hashes};
use crate::index::{LeafIndex, NodeId, NodeLevel, TreeSize};
use crate::path::{entries_path, tile_path};
use crate::range::CompactRange;
use crate::tile::{
    BundleRef, TILE_WIDTH_MAX, Tile, TileId, TileLevel, TileRef, TileWidth, bundles_at,
};

/// The bytes of a log as it publishes them, encoded as their specification says.
///
/// Each resource is asked for once, at the width that it has in the tree that is checked. A log
/// that holds only a wider version answers with that one cut to the width.
pub trait LogBytes {
    /// Why a resource could not be had.
    type Error;

    /// The bytes of a tile.
    ///
    /// # Errors
    /// The tile cannot be had; checking then stops with [`RebuildError::Source`].
    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, Self::Error>;

    /// The bytes of an entry bundle.
    ///
    /// # Errors
    /// As for [`Self::tile`].
    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, Self::Error>;
}

/// Gets the leaf hashes out of the bytes of a bundle of that width, or says why it cannot.
pub type LeavesOf<'a, W> = dyn Fn(&[u8], TileWidth) -> Result<Vec<Hash>, W> + 'a;

/// Tile levels of the largest tree that is grown, 2^62 leaves.
const TILE_LEVEL_COUNT: u8 = 8;

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
    let (size, wanted) = head;
    if size > TreeSize::MAX_GROWN {
        return Err(RebuildError::TooLarge { found: size });
    }
    let mut rebuilt = Rebuilt::new(log);
    let mut bundle_count = 0;
    for bundle in bundles_at(size) {
        rebuilt.take_up(read_leaves(log, bundle, leaves_of)?)?;
        bundle_count += 1;
        progress(rebuilt.range.end().get());
    }
    rebuilt.compare_edge()?;
    let root_hash = rebuilt.root_hash();
    if root_hash != wanted {
        let found = root_hash;
        return Err(RebuildError::RootDiffers { found, wanted });
    }
    Ok(Report {
        size,
        root_hash,
        bundle_count,
        tile_count: rebuilt.tile_count,
    })
}

fn read_leaves<L: LogBytes, W: fmt::Display>(
    log: &L,
    bundle: BundleRef,
    leaves_of: &LeavesOf<'_, W>,
) -> Result<Vec<Hash>, RebuildError<L::Error>> {
    let path = || entries_path(bundle);
    let bytes = log.bundle(bundle);
    let bytes = bytes.map_err(|source| RebuildError::Source {
        path: path(),
        source,
    })?;
    let malformed = |why| RebuildError::BundleMalformed { path: path(), why };
    let leaves = leaves_of(&bytes, bundle.width).map_err(|why| malformed(why.to_string()))?;
    // What gets the leaves out comes from outside: it is held to the width here.
    if leaves.len() != bundle.width.count() {
        let found = leaves.len();
        return Err(malformed(format!(
            "{found} leaves, wanted {}",
            bundle.width.get()
        )));
    }
    Ok(leaves)
}

/// The tree of the entries so far.
struct Rebuilt<'a, L> {
    log: &'a L,
    /// The growing tile of each level, from the leaves up. Nothing is kept of what was compared.
    edge: Vec<Growing>,
    range: CompactRange,
    tile_count: u64,
}

/// The right-most tile of a level. It may be empty, but is never full for long.
struct Growing {
    id: TileId,
    hashes: Vec<Hash>,
}

impl Growing {
    /// Takes the tile out, and starts the next one on its right; `None` if it is empty.
    fn take(&mut self) -> Option<(TileRef, Tile)> {
        if self.hashes.is_empty() {
            return None;
        }
        let tile = Tile::new(std::mem::take(&mut self.hashes));
        let tile = tile.expect("it is taken out as soon as it has 256 hashes");
        let tile_ref = TileRef::new(self.id, tile.width());
        self.id.index += 1;
        Some((tile_ref, tile))
    }
}

impl<'a, L: LogBytes> Rebuilt<'a, L> {
    fn new(log: &'a L) -> Self {
        let levels = (0..TILE_LEVEL_COUNT).filter_map(TileLevel::new);
        let growing = |level| Growing {
            id: TileId::new(level, 0),
            hashes: Vec::new(),
        };
        Self {
            log,
            edge: levels.map(growing).collect(),
            range: CompactRange::empty(LeafIndex::ZERO),
            tile_count: 0,
        }
    }

    /// Adds the leaves of one bundle, and compares every tile that this fills.
    fn take_up(&mut self, leaves: Vec<Hash>) -> Result<(), RebuildError<L::Error>> {
        if leaves.len() < usize::from(TILE_WIDTH_MAX) {
            for leaf in &leaves {
                self.range.append(*leaf);
            }
        }
        let mut hashes = leaves;
        for growing in &mut self.edge {
            growing.hashes.append(&mut hashes);
            if growing.hashes.len() < usize::from(TILE_WIDTH_MAX) {
                break;
            }
            let (tile_ref, tile) = growing.take().expect("the tile has 256 hashes");
            compare(self.log, tile_ref, &tile)?;
            self.tile_count += 1;
            // A full tile is one hash of the level above.
            hashes.extend(tile.root_hash());
            if tile_ref.id.level == TileLevel::LEAF {
                append_subtree(&mut self.range, tile_ref.id.index, &tile);
            }
        }
        Ok(())
    }

    /// Compares the partial tiles that are left at the right edge.
    fn compare_edge(&mut self) -> Result<(), RebuildError<L::Error>> {
        for (tile_ref, tile) in self.edge.iter_mut().filter_map(Growing::take) {
            compare(self.log, tile_ref, &tile)?;
            self.tile_count += 1;
        }
        Ok(())
    }

    fn root_hash(&self) -> Hash {
        let root_hash = self.range.root_hash();
        root_hash.expect("the range starts at the first leaf")
    }
}

/// Adds a full level-0 tile to the range of all leaves, as one node.
fn append_subtree(range: &mut CompactRange, index: u64, tile: &Tile) {
    let node = NodeLevel::new(8).and_then(|level| NodeId::new(level, index));
    let (node, root) = node
        .zip(tile.root_hash())
        .expect("the tile is full, in a tree of at most 2^62");
    range
        .append_node(node, root)
        .expect("full bundles follow each other from the first leaf on");
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
    match first_difference(&found, &wanted.encode()) {
        None => Ok(()),
        Some(element) => Err(differs(tile_ref, path(), element)),
    }
}

/// The first hash in which two tiles differ.
fn first_difference(found: &[u8], wanted: &[u8]) -> Option<usize> {
    if found == wanted {
        return None;
    }
    let same = found
        .iter()
        .zip(wanted)
        .take_while(|(found, wanted)| found == wanted);
    Some(same.count() / crate::hash::HASH_LEN_BYTES)
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
