//! Tests of tile arithmetic and of tiles themselves.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::hash::{Hash, leaf_hash};
use crate::index::NodeLevel;
use crate::reference;

fn width(width: u16) -> TileWidth {
    TileWidth::new(width).unwrap()
}

fn id(level: u8, index: u64) -> TileId {
    TileId::new(TileLevel::new(level).unwrap(), index)
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

#[test]
fn widths_are_1_to_256() {
    assert_eq!(TileWidth::new(0), None);
    assert_eq!(TileWidth::new(1).map(TileWidth::get), Some(1));
    assert_eq!(TileWidth::new(256), Some(TileWidth::FULL));
    assert_eq!(TileWidth::new(257), None);
    assert!(TileWidth::FULL.is_full() && !width(255).is_full());
}

#[test]
fn levels_are_0_to_63() {
    assert_eq!(TileLevel::new(63), Some(TileLevel::MAX));
    assert_eq!(TileLevel::new(64), None);
}

// Source of the numbers: C2SP tlog-tiles.md, the example of a tree of 70,000 leaves.
#[test]
fn widths_in_a_tree_of_70000() {
    let size = TreeSize::new(70_000);
    assert_eq!(id(0, 272).width_at(size), Some(TileWidth::FULL));
    assert_eq!(id(0, 273).width_at(size), Some(width(112)));
    assert_eq!(id(0, 274).width_at(size), None);
    assert_eq!(id(1, 0).width_at(size), Some(TileWidth::FULL));
    assert_eq!(id(1, 1).width_at(size), Some(width(17)));
    assert_eq!(id(2, 0).width_at(size), Some(width(1)));
    assert_eq!(id(2, 1).width_at(size), None);
    assert_eq!(id(3, 0).width_at(size), None);
    assert_eq!(tiles_at(size).count(), 273 + 1 + 1 + 1 + 1);
    assert_eq!(bundles_at(size).count(), 274);
}

// Same source: a full tile starts a level above it at once, and leaves no empty partial tile.
#[test]
fn widths_in_a_tree_of_256() {
    let tiles: Vec<TileRef> = tiles_at(TreeSize::new(256)).collect();
    assert_eq!(
        tiles,
        [
            TileRef::new(id(0, 0), TileWidth::FULL),
            TileRef::new(id(1, 0), width(1))
        ]
    );
}

#[test]
fn largest_sizes_do_not_overflow() {
    let size = TreeSize::new(u64::MAX);
    assert_eq!(id(7, 0).width_at(size), Some(width(255)));
    assert_eq!(id(8, 0).width_at(size), None);
    assert_eq!(id(63, u64::MAX).width_at(size), None);
    assert_eq!(id(0, u64::MAX / 256).width_at(size), Some(width(255)));
    assert_eq!(id(0, u64::MAX).width_at(size), None);
    assert_eq!(BundleRef::at(u64::MAX, size), None);
}

#[test]
fn nothing_changes_without_growth() {
    for (old, new) in [(0, 0), (7, 7), (300, 299)] {
        let (old, new) = (TreeSize::new(old), TreeSize::new(new));
        assert_eq!(tiles_changed(old, new).count(), 0);
        assert_eq!(bundles_changed(old, new).count(), 0);
    }
}

// Source of the values: transparency-dev/tessera api/layout/tile_test.go.
#[test]
fn nodes_are_located() {
    check_locate((0, 0), (0, 0), (0, 0));
    check_locate((0, 255), (0, 0), (0, 255));
    check_locate((0, 256), (0, 1), (0, 0));
    check_locate((1, 0), (0, 0), (1, 0));
    check_locate((8, 0), (1, 0), (0, 0));
    check_locate((15, 5), (1, 2), (7, 1));
    check_locate((63, 0), (7, 0), (7, 0));
}

fn check_locate(node: (u8, u64), tile: (u8, u64), inside: (u8, u8)) {
    let node = NodeId::new(NodeLevel::new(node.0).unwrap(), node.1).unwrap();
    let wanted = NodeInTile {
        tile: id(tile.0, tile.1),
        level_in_tile: inside.0,
        index_in_tile: inside.1,
    };
    assert_eq!(locate(node), wanted);
}

#[test]
fn refuses_bytes_of_another_length() {
    let wanted = 64;
    for found in [0, 32, 63, 65, 96] {
        assert_eq!(
            Tile::parse(&vec![0; found], width(2)),
            Err(TileError::Len { found, wanted })
        );
    }
}

#[test]
fn refuses_no_hashes_and_too_many() {
    for found in [0, 257] {
        assert_eq!(
            Tile::new(leaves(found)),
            Err(TileError::HashCount {
                found: usize::try_from(found).unwrap()
            })
        );
    }
}

#[test]
fn refuses_to_cut_a_tile_wider() {
    let tile = Tile::new(leaves(4)).unwrap();
    assert_eq!(
        tile.clone().truncate(width(5)),
        Err(TileError::TooNarrow {
            found: width(4),
            wanted: width(5)
        })
    );
    assert_eq!(tile.clone().truncate(width(4)), Ok(tile));
}

#[test]
fn cuts_to_what_was_there_before() {
    let tile = Tile::new(leaves(256))
        .unwrap()
        .truncate(width(100))
        .unwrap();
    assert_eq!(tile, Tile::new(leaves(100)).unwrap());
}

#[test]
fn only_full_tiles_have_a_root() {
    let full = Tile::new(leaves(256)).unwrap();
    assert_eq!(
        full.root_hash(),
        Some(reference::root_of_leaves(&leaves(256)))
    );
    assert_eq!(full.truncate(width(255)).unwrap().root_hash(), None);
}

#[test]
fn nodes_inside_a_tile() {
    let leaves = leaves(200);
    let tile = Tile::new(leaves.clone()).unwrap();
    for level in 0..8_u8 {
        for index in 0..=255_u8 {
            let begin = usize::from(index) << level;
            let wanted = leaves.get(begin..begin + (1 << level));
            let wanted = wanted.map(reference::root_of_leaves);
            assert_eq!(tile.node(level, index), wanted);
        }
    }
    assert_eq!(tile.node(8, 0), None);
    assert_eq!(tile.get(199), Some(leaves[199]));
    assert_eq!(tile.get(200), None);
}

proptest! {
    #[test]
    fn tiles_round_trip(count in 1u64..=256) {
        let tile = Tile::new(leaves(count)).unwrap();
        let bytes = tile.encode();
        prop_assert_eq!(Tile::parse(&bytes, tile.width()), Ok(tile));
    }

    /// Writing the changed tiles over what was there always gives the tiles of the new size.
    #[test]
    fn changes_lead_from_tree_to_tree(old in 0u64..140_000, growth in 0u64..140_000) {
        let (old, new) = (TreeSize::new(old), TreeSize::new(old + growth));
        let mut widths: BTreeMap<TileId, TileWidth> =
            tiles_at(old).map(|tile| (tile.id, tile.width)).collect();
        for tile in tiles_changed(old, new) {
            let before = widths.insert(tile.id, tile.width);
            prop_assert!(before.is_none_or(|before| before < tile.width));
        }
        let wanted: BTreeMap<TileId, TileWidth> =
            tiles_at(new).map(|tile| (tile.id, tile.width)).collect();
        prop_assert_eq!(widths, wanted);
    }

    /// Bundles change exactly where level-0 tiles do.
    #[test]
    fn bundles_follow_leaf_tiles(old in 0u64..5000, growth in 0u64..5000) {
        let (old, new) = (TreeSize::new(old), TreeSize::new(old + growth));
        let tiles: BTreeSet<TileRef> = tiles_changed(old, new)
            .filter(|tile| tile.id.level == TileLevel::LEAF)
            .collect();
        let bundles: BTreeSet<TileRef> =
            bundles_changed(old, new).map(BundleRef::tile).collect();
        prop_assert_eq!(tiles, bundles);
    }

    /// Every perfect node of a tree is in a tile of that tree.
    #[test]
    fn located_tiles_exist(size in 1u64..=u64::MAX, level in 0u8..64, index: u64) {
        let node = NodeId::new(NodeLevel::new(level).unwrap(), index >> level);
        if let Some(node) = node && node.end() <= TreeSize::new(size) {
            let place = locate(node);
            let width = place.tile.width_at(TreeSize::new(size)).unwrap();
            let end = (usize::from(place.index_in_tile) + 1) << place.level_in_tile;
            prop_assert!(end <= width.count());
        }
    }
}
