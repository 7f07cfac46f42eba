//! Objects leave the hot store for good, and their files with them.

use std::path::Path;

use bytes::Bytes;

use super::super::super::{Commit, Head, HotStore as _, ObjectWrite, contract, full_objects};
use super::*;
use crate::UnixMillis;

/// A full tile of the level above the leaves, and some more.
const SIZE: u64 = 300 * OBJECT_WIDTH;

fn leaf_tile(index: u64) -> ObjectId {
    ObjectId::Tile(TileId::new(TileLevel::LEAF, index))
}

fn head(size: u64) -> Head {
    Head {
        size: TreeSize::new(size),
        time: UnixMillis::new(size),
        ..Head::EMPTY
    }
}

/// A store with every object of a tree of `SIZE`, and its first bundle in pieces before.
fn filled(path: &Path) -> RocksStore {
    let store = RocksStore::create(path, &contract::log_identity()).unwrap();
    let piece = ObjectWrite {
        id: ObjectId::Bundle(0),
        start: 0,
        end: 3,
        bytes: Bytes::from_static(b"piece"),
    };
    let first = Commit {
        previous: Head::EMPTY,
        head: head(3),
        objects: vec![piece],
    };
    store.commit(&first).unwrap();
    let whole = |id| ObjectWrite {
        id,
        start: 0,
        end: 256,
        bytes: Bytes::from(vec![7; 8192]),
    };
    let rest = Commit {
        previous: head(3),
        head: head(SIZE),
        objects: full_objects(TreeSize::ZERO, TreeSize::new(SIZE))
            .into_iter()
            .map(whole)
            .collect(),
    };
    store.commit(&rest).unwrap();
    store
}

/// Moves everything out of memory and into the levels below the first, a file for each family.
fn settle(store: &RocksStore) {
    for name in [BUNDLES, TILES] {
        let family = store.family(name).unwrap();
        store.db.flush_cf(&family).unwrap();
        store
            .db
            .compact_range_cf(&family, None::<&[u8]>, None::<&[u8]>);
    }
}

fn size_of(store: &RocksStore, name: &str) -> u64 {
    let sizes = store.disk_usage();
    sizes.iter().find(|(part, _)| *part == name).unwrap().1
}

#[test]
fn files_with_nothing_else_in_them_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir.path().join("hot"));
    settle(&store);
    let before = size_of(&store, BUNDLES);
    assert!(before > 300 * 8192, "{before}");
    store.drop_full(TreeSize::new(SIZE), 0).unwrap();
    assert_eq!(size_of(&store, BUNDLES), 0);
}

#[test]
fn what_shares_a_file_with_newer_objects_is_hidden_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    let store = filled(&path);
    settle(&store);
    let size = TreeSize::new(258 * OBJECT_WIDTH);
    store.drop_full(size, 5).unwrap();
    assert!(size_of(&store, BUNDLES) > 0, "one file holds all of them");
    for store in [Some(store), None] {
        let store = store.unwrap_or_else(|| RocksStore::open(&path).unwrap());
        for index in [0, 256, 257] {
            assert_eq!(store.object(ObjectId::Bundle(index)).unwrap(), None);
            assert_eq!(store.object(leaf_tile(index)).unwrap(), None);
        }
        let above = TileLevel::new(1).unwrap();
        let above = ObjectId::Tile(TileId::new(above, 0));
        assert_eq!(store.object(above).unwrap(), None);
        assert!(store.object(ObjectId::Bundle(258)).unwrap().is_some());
        assert!(store.object(leaf_tile(299)).unwrap().is_some());
        assert_eq!(store.tiered_record().unwrap(), (size, 5));
    }
}

#[test]
fn a_growing_object_is_not_covered() {
    let dropped = Dropped::default();
    assert!(!dropped.covers(ObjectId::Bundle(0)));
    dropped.grow(TreeSize::new(65_536));
    let level = |level| TileLevel::new(level).unwrap();
    assert!(dropped.covers(ObjectId::Tile(TileId::new(level(0), 255))));
    assert!(dropped.covers(ObjectId::Tile(TileId::new(level(1), 0))));
    assert!(!dropped.covers(ObjectId::Tile(TileId::new(level(0), 256))));
    assert!(!dropped.covers(ObjectId::Tile(TileId::new(level(1), 1))));
    assert!(!dropped.covers(ObjectId::Tile(TileId::new(level(2), 0))));
    assert!(!dropped.covers(ObjectId::Bundle(256)));
}

#[test]
fn levels_above_the_leaves_are_given_up_as_they_fill() {
    let full = |old, new| {
        let full = full_above_leaves(TreeSize::new(old), TreeSize::new(new));
        full.map(|(level, range)| (level.get(), range))
            .collect::<Vec<_>>()
    };
    assert_eq!(full(0, 65_280), []);
    assert_eq!(full(65_280, 65_536), [(1, 0..1)]);
    assert_eq!(full(65_536, 1 << 24), [(1, 1..256), (2, 0..1)]);
}
