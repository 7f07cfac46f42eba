//! From the right edge of a tree and new leaf hashes to changed tiles, new edge and root. Pure.
//!
//! The *edge* is the tile of each level that still grows. It is all a writer needs to know of the
//! tree: a level's full tile becomes one hash of the level above, and the root follows from the
//! growing tiles alone. New hashes are cut into tiles level by level; the full tiles of one level
//! are independent of each other and hashed on every core.

use bytes::Bytes;
use rayon::prelude::*;
use tiles::{CompactRange, Hash, LeafIndex, TileId, TileLevel, TreeSize, node_hash, node_hashes};

use crate::store::{OBJECT_WIDTH, ObjectId, ObjectWrite};

/// Hashes in a full tile.
const TILE_WIDTH: usize = 256;

/// The growing tile of each level, level 0 first. Each holds 0..=255 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    size: TreeSize,
    levels: Vec<Vec<Hash>>,
}

/// What a batch does to the tree.
#[derive(Debug)]
pub(crate) struct Integration {
    /// The edge after it.
    pub(crate) edge: Edge,
    /// Root hash after it.
    pub(crate) root_hash: Hash,
    /// New elements of tiles.
    pub(crate) tiles: Vec<ObjectWrite>,
}

impl Edge {
    /// The edge of a tree of `size` from its growing tiles; `None` if their widths are not the
    /// ones that follow from `size`.
    pub(crate) fn new(size: TreeSize, levels: Vec<Vec<Hash>>) -> Option<Self> {
        let mut full = size.get();
        for level in &levels {
            if u64::try_from(level.len()).ok()? != full % OBJECT_WIDTH {
                return None;
            }
            full /= OBJECT_WIDTH;
        }
        (full == 0).then_some(Self { size, levels })
    }

    /// Root hash of the tree: the perfect subtrees of every growing tile, folded from the right.
    pub(crate) fn root_hash(&self) -> Hash {
        let mut subtrees: Vec<Hash> = Vec::new();
        for level in self.levels.iter().rev() {
            let mut range = CompactRange::empty(LeafIndex::ZERO);
            for hash in level {
                range.append(*hash);
            }
            subtrees.extend_from_slice(range.hashes());
        }
        let folded = subtrees
            .into_iter()
            .rev()
            .reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or(tiles::EMPTY_ROOT_HASH)
    }
}

/// Appends `leaf_hashes` to the tree with this edge.
///
/// Costs about one node hash for each leaf, spread over the threads of the rayon pool it runs in. A
/// batch of no more leaves than a tile has needs no pool.
///
/// # Panics
/// If the tree outgrows 64-bit sizes, which the sequencer rules out long before.
pub(crate) fn integrate(edge: &Edge, leaf_hashes: &[Hash]) -> Integration {
    let added = u64::try_from(leaf_hashes.len()).expect("a batch is bounded by the limits");
    let size = edge.size.checked_add(added).expect("sizes end at 2^62");
    let mut levels = edge.levels.clone();
    let mut tiles = Vec::new();
    let mut new = leaf_hashes.to_vec();
    let mut position = edge.size.get();
    for level in 0.. {
        let Some(level) = TileLevel::new(level).filter(|_| !new.is_empty()) else {
            break;
        };
        let depth = usize::from(level.get());
        if levels.len() <= depth {
            levels.push(Vec::new());
        }
        let growing = levels
            .get_mut(depth)
            .expect("a level was just pushed if there was none");
        new = grow_level(level, position, growing, &new, &mut tiles);
        position /= OBJECT_WIDTH;
    }
    let edge = Edge { size, levels };
    Integration {
        root_hash: edge.root_hash(),
        edge,
        tiles,
    }
}

/// Appends `new` hashes to one level that holds `position` of them, the last of which are in
/// `growing`. Returns the roots of the tiles that became full: the new hashes one level up.
fn grow_level(
    level: TileLevel,
    position: u64,
    growing: &mut Vec<Hash>,
    new: &[Hash],
    writes: &mut Vec<ObjectWrite>,
) -> Vec<Hash> {
    let mut start = growing.len();
    let mut hashes = std::mem::take(growing);
    hashes.extend_from_slice(new);
    for (index, tile) in (position / OBJECT_WIDTH..).zip(hashes.chunks(TILE_WIDTH)) {
        let id = ObjectId::Tile(TileId { level, index });
        let stored = if tile.len() == TILE_WIDTH {
            tile
        } else {
            tile.split_at(start).1
        };
        writes.push(ObjectWrite {
            id,
            start: width(start),
            end: width(tile.len()),
            bytes: encode(stored),
        });
        start = 0;
    }
    let (full_tiles, rest) = hashes.as_chunks::<TILE_WIDTH>();
    growing.extend_from_slice(rest);
    match full_tiles {
        [] => Vec::new(),
        // Alone it is no work to hand out, nor may it be outside a pool.
        [tile] => vec![tile_root(tile)],
        tiles => tiles.par_iter().map(|tile| tile_root(tile)).collect(),
    }
}

/// Root hash of 256 hashes.
fn tile_root(tile: &[Hash]) -> Hash {
    let mut level = Vec::with_capacity(TILE_WIDTH / 2);
    node_hashes(tile.as_chunks().0, &mut level);
    while level.len() > 1 {
        let mut above = Vec::with_capacity(level.len() / 2);
        node_hashes(level.as_chunks().0, &mut above);
        level = above;
    }
    level.first().copied().expect("a full tile has hashes")
}

fn encode(hashes: &[Hash]) -> Bytes {
    let mut bytes = Vec::with_capacity(hashes.len() * tiles::HASH_LEN_BYTES);
    for hash in hashes {
        bytes.extend_from_slice(hash.as_bytes());
    }
    Bytes::from(bytes)
}

fn width(count: usize) -> u16 {
    u16::try_from(count).expect("a tile has 256 hashes at most")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use tiles::{leaf_hash, reference};

    use super::*;

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| n.to_string().into_bytes()).collect()
    }

    /// Integrates `batches` one after another and checks root, edge and every tile write.
    fn check(batches: &[usize]) {
        let all = leaves(batches.iter().sum());
        let mut edge = Edge::default();
        let mut objects: BTreeMap<ObjectId, Vec<u8>> = BTreeMap::new();
        let mut done = 0;
        for batch in batches {
            let new: Vec<Hash> = all[done..done + batch]
                .iter()
                .map(|leaf| leaf_hash(leaf))
                .collect();
            done += batch;
            let integration = integrate(&edge, &new);
            for write in &integration.tiles {
                let object = objects.entry(write.id).or_default();
                assert_eq!(object.len(), usize::from(write.start) * 32);
                if write.completes() {
                    object.clear();
                }
                object.extend_from_slice(&write.bytes);
                assert_eq!(object.len(), usize::from(write.end) * 32);
            }
            edge = integration.edge;
            assert_eq!(integration.root_hash, reference::root_hash(&all[..done]));
            assert_eq!(
                Edge::new(edge.size, edge.levels.clone()),
                Some(edge.clone())
            );
        }
        let size = TreeSize::new(u64::try_from(done).unwrap());
        let expected: Vec<ObjectId> = tiles::tiles_at(size)
            .map(|tile| ObjectId::Tile(tile.id))
            .collect();
        let mut stored: Vec<ObjectId> = objects.keys().copied().collect();
        stored.sort_unstable();
        let mut wanted = expected;
        wanted.sort_unstable();
        assert_eq!(stored, wanted);
    }

    #[test]
    fn batches_around_tile_boundaries_agree_with_the_reference() {
        check(&[1, 254, 1, 1, 255, 256, 257, 3]);
        check(&[512, 1]);
        check(&[65_535, 1, 1]);
    }

    #[test]
    fn an_edge_of_the_wrong_shape_is_refused() {
        let hash = Hash::new([0; 32]);
        assert!(Edge::new(TreeSize::new(2), vec![vec![hash; 2]]).is_some());
        assert!(Edge::new(TreeSize::new(2), vec![vec![hash; 1]]).is_none());
        assert!(Edge::new(TreeSize::new(256), vec![vec![]]).is_none());
        assert!(Edge::new(TreeSize::new(256), vec![vec![], vec![hash]]).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_split_into_batches_agrees_with_the_reference(
            batches in proptest::collection::vec(1_usize..300, 1..6)
        ) {
            check(&batches);
        }
    }
}
