//! Building proofs and root hashes from the tiles of a tree.
//!
//! A proof is a list of hashes, each the root over a range of leaves. First the ranges are worked
//! out by the recursive definitions of RFC 6962 section 2.1; then each is covered by perfect
//! nodes, the nodes are looked up in tiles, and where the right border of the tree makes a range
//! incomplete its nodes are folded into one hash. O(log n) tiles and hashes.
//!
//! Proofs are not checked here: a source that hands out wrong tiles gets proofs that fail.

use std::collections::BTreeMap;

use crate::hash::{EMPTY_ROOT_HASH, Hash};
use crate::index::{LeafIndex, NodeId, TreeSize, covering_nodes};
use crate::range::fold;
use crate::tile::{Tile, TileId, TileRef, TileWidth, locate};

/// The most hashes that an inclusion proof can have, in a tree of more than 2^63 leaves.
pub const INCLUSION_PROOF_LEN_MAX: usize = 64;

/// The most hashes that a consistency proof can have, in a tree of more than 2^63 leaves.
pub const CONSISTENCY_PROOF_LEN_MAX: usize = 65;

/// Where the tiles of a tree come from.
///
/// The source is asked for each tile at most once per proof, always at the width that the tile has
/// in the tree that the proof is for. It answers with a tile of exactly that width: who holds only
/// a wider one truncates it.
pub trait TileSource {
    /// Why a tile could not be had.
    type Error;

    /// The tile at that width.
    ///
    /// # Errors
    /// The tile cannot be had; the proof then fails with [`ProofBuildError::Source`].
    fn tile(&self, tile: TileRef) -> Result<Tile, Self::Error>;
}

impl<S: TileSource + ?Sized> TileSource for &S {
    type Error = S::Error;

    fn tile(&self, tile: TileRef) -> Result<Tile, S::Error> {
        (**self).tile(tile)
    }
}

/// Why a proof could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofBuildError<E> {
    /// The tree does not have the leaf.
    #[error("a tree of {size} leaves has no leaf {index}")]
    IndexBeyondSize {
        /// The leaf that was asked for.
        index: LeafIndex,
        /// The size of the tree.
        size: TreeSize,
    },
    /// The old tree is the larger one.
    #[error("the old tree has {old} leaves, more than the {new} of the new one")]
    OldBeyondNew {
        /// The size that should be the smaller one.
        old: TreeSize,
        /// The size that should be the larger one.
        new: TreeSize,
    },
    /// The old tree is empty: every tree is consistent with it, and there is no proof of that.
    #[error("there is no consistency proof from the empty tree")]
    OldIsEmpty,
    /// The source did not have a tile.
    #[error("cannot read a tile that the proof needs")]
    Source(#[source] E),
    /// The source answered with a tile of another width than it was asked for.
    #[error("asked for a tile of width {}, got one of {}", .wanted.width.get(), .found.get())]
    WrongWidth {
        /// The width of the answer.
        found: TileWidth,
        /// What was asked for.
        wanted: TileRef,
    },
}

/// The hashes that lead from a leaf to the root of the tree of that size, from the leaf up.
///
/// # Errors
/// The leaf is not in the tree, or the source fails.
pub fn inclusion_proof<S: TileSource>(
    source: &S,
    index: LeafIndex,
    size: TreeSize,
) -> Result<Vec<Hash>, ProofBuildError<S::Error>> {
    if !size.contains(index) {
        return Err(ProofBuildError::IndexBeyondSize { index, size });
    }
    hashes_of(source, &inclusion_ranges(index, size), size)
}

/// The hashes that show that the new tree begins with all of the old one.
///
/// Empty if both are the same tree.
///
/// # Errors
/// The old tree is empty or the larger one, or the source fails.
pub fn consistency_proof<S: TileSource>(
    source: &S,
    old: TreeSize,
    new: TreeSize,
) -> Result<Vec<Hash>, ProofBuildError<S::Error>> {
    if old == TreeSize::ZERO {
        return Err(ProofBuildError::OldIsEmpty);
    }
    if old > new {
        return Err(ProofBuildError::OldBeyondNew { old, new });
    }
    hashes_of(source, &consistency_ranges(old, new), new)
}

/// The root hash of the tree of that size, no larger than what the source holds.
///
/// # Errors
/// The source fails.
pub fn root_hash<S: TileSource>(
    source: &S,
    size: TreeSize,
) -> Result<Hash, ProofBuildError<S::Error>> {
    let hashes = hashes_of(source, &[Range::whole(size)], size)?;
    Ok(hashes.first().copied().unwrap_or(EMPTY_ROOT_HASH))
}

/// Leaves `begin..end` below one node, perfect or on the right border of the tree.
#[derive(Clone, Copy)]
struct Range {
    begin: LeafIndex,
    end: TreeSize,
}

impl Range {
    const fn whole(size: TreeSize) -> Self {
        Self {
            begin: LeafIndex::ZERO,
            end: size,
        }
    }

    fn leaf_count(self) -> u64 {
        self.end.get() - self.begin.get()
    }

    /// The children of the node: the left one has the largest power of two of leaves that is
    /// smaller than the whole. `None` for a leaf.
    fn children(self) -> Option<(Self, Self)> {
        let last = self.leaf_count().checked_sub(1)?;
        let left_count = 1 << last.checked_ilog2()?;
        let middle = self.begin.get() + left_count;
        let left = Self {
            begin: self.begin,
            end: TreeSize::new(middle),
        };
        let right = Self {
            begin: LeafIndex::new(middle),
            end: self.end,
        };
        Some((left, right))
    }
}

/// PATH of RFC 6962 section 2.1.1: the sibling at each step on the way from the leaf up.
fn inclusion_ranges(index: LeafIndex, size: TreeSize) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut node = Range::whole(size);
    while let Some((left, right)) = node.children() {
        let (next, sibling) = if left.end.contains(index) {
            (left, right)
        } else {
            (right, left)
        };
        ranges.push(sibling);
        node = next;
    }
    ranges.reverse();
    ranges
}

/// PROOF of RFC 6962 section 2.1.2: as the path from the right end of the old tree, but from the
/// highest node there that is the same in both trees, which opens the proof unless it is the old
/// tree itself.
fn consistency_ranges(old: TreeSize, new: TreeSize) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut node = Range::whole(new);
    while node.end != old
        && let Some((left, right)) = node.children()
    {
        let (next, sibling) = if old <= left.end {
            (left, right)
        } else {
            (right, left)
        };
        ranges.push(sibling);
        node = next;
    }
    if node.begin != LeafIndex::ZERO {
        ranges.push(node);
    }
    ranges.reverse();
    ranges
}

/// The root over each range that has leaves, from tiles of the tree of that size.
fn hashes_of<S: TileSource>(
    source: &S,
    ranges: &[Range],
    size: TreeSize,
) -> Result<Vec<Hash>, ProofBuildError<S::Error>> {
    let tiles = fetch_tiles(source, ranges, size)?;
    let roots = ranges.iter().filter_map(|range| {
        let nodes = covering_nodes(range.begin, range.end);
        let hashes: Vec<Hash> = nodes.map(|node| node_in(&tiles, node)).collect();
        fold(&hashes)
    });
    Ok(roots.collect())
}

fn fetch_tiles<S: TileSource>(
    source: &S,
    ranges: &[Range],
    size: TreeSize,
) -> Result<BTreeMap<TileId, Tile>, ProofBuildError<S::Error>> {
    let mut tiles = BTreeMap::new();
    for node in ranges
        .iter()
        .flat_map(|range| covering_nodes(range.begin, range.end))
    {
        let id = locate(node).tile;
        if tiles.contains_key(&id) {
            continue;
        }
        let wanted = TileRef::at(id, size).expect("a perfect node of the tree is in a tile of it");
        let tile = source.tile(wanted).map_err(ProofBuildError::Source)?;
        if tile.width() != wanted.width {
            let found = tile.width();
            return Err(ProofBuildError::WrongWidth { found, wanted });
        }
        tiles.insert(id, tile);
    }
    Ok(tiles)
}

fn node_in(tiles: &BTreeMap<TileId, Tile>, node: NodeId) -> Hash {
    let place = locate(node);
    let tile = tiles.get(&place.tile);
    tile.and_then(|tile| tile.node(place.level_in_tile, place.index_in_tile))
        .expect("the tile was fetched at the width it has in the tree, which has the whole node")
}

#[cfg(test)]
mod tests;
