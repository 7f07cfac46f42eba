//! Tests of rebuilding: a right log passes, and every planted difference is named.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::entry_bundle::append_entry;
use crate::hash::leaf_hash;
use crate::path::entries_path;
use crate::reference;
use crate::tile::tiles_at;

/// A log in memory, to be tampered with. Hands out each resource once.
#[derive(Clone)]
struct TestLog {
    head: (TreeSize, Hash),
    tiles: RefCell<BTreeMap<TileRef, Vec<u8>>>,
    bundles: RefCell<BTreeMap<BundleRef, Vec<u8>>>,
}

impl LogBytes for TestLog {
    type Error = &'static str;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, &'static str> {
        self.tiles.borrow_mut().remove(&tile).ok_or("gone")
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, &'static str> {
        self.bundles.borrow_mut().remove(&bundle).ok_or("gone")
    }
}

impl TestLog {
    fn new(size: u64) -> Self {
        let entries: Vec<[u8; 8]> = (0..size).map(u64::to_be_bytes).collect();
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let head = (TreeSize::new(size), reference::root_of_leaves(&leaves));
        let tile = |tile| (tile, reference::tile(&leaves, tile).unwrap().encode());
        let mut rest = entries.iter();
        let bundle = |bundle: BundleRef| {
            let mut bytes = Vec::new();
            for entry in rest.by_ref().take(bundle.width.count()) {
                append_entry(&mut bytes, entry).unwrap();
            }
            (bundle, bytes)
        };
        Self {
            head,
            tiles: RefCell::new(tiles_at(head.0).map(tile).collect()),
            bundles: RefCell::new(bundles_at(head.0).map(bundle).collect()),
        }
    }

    fn check(&self) -> Result<Report, RebuildError<&'static str>> {
        rebuild(self, self.head, &tlog_tiles_leaves, &mut |_| ())
    }

    /// As [`TestLog::check`], but with the bundles checked from the last one to the first.
    fn check_backwards(&self) -> Result<Report, RebuildError<&'static str>> {
        let bundles: Vec<BundleRef> = bundles_at(self.head.0).collect();
        let check = |bundle: &BundleRef| CheckedBundle::check(self, *bundle, &tlog_tiles_leaves);
        let mut checked: Vec<_> = bundles.iter().rev().map(check).collect();
        let mut rebuilt = Rebuild::new(self, self.head)?;
        while let Some(bundle) = checked.pop() {
            rebuilt.append(&bundle?)?;
        }
        rebuilt.finish()
    }

    fn with_tile(&self, path: &str, change: impl Fn(&mut Vec<u8>)) -> Self {
        let log = self.clone();
        for (tile, bytes) in log.tiles.borrow_mut().iter_mut() {
            if tile_path(*tile) == path {
                change(bytes);
            }
        }
        log
    }

    fn with_bundle(&self, path: &str, change: impl Fn(&mut Vec<u8>)) -> Self {
        let log = self.clone();
        for (bundle, bytes) in log.bundles.borrow_mut().iter_mut() {
            if entries_path(*bundle) == path {
                change(bytes);
            }
        }
        log
    }
}

#[test]
fn right_logs_pass_and_are_read_whole() {
    for size in [0, 1, 255, 256, 257, 512, 1000, 65_536, 65_537, 65_792] {
        let log = TestLog::new(size);
        let mut done = Vec::new();
        let mut progress = |entries_done| done.push(entries_done);
        let report = rebuild(&log, log.head, &tlog_tiles_leaves, &mut progress).unwrap();
        assert_eq!((report.size, report.root_hash), log.head);
        assert_eq!(report.bundle_count, size.div_ceil(256));
        let tile_count = u64::try_from(tiles_at(log.head.0).count()).unwrap();
        assert_eq!(report.tile_count, tile_count);
        assert!(log.tiles.borrow().is_empty() && log.bundles.borrow().is_empty());
        assert!(done.is_sorted() && done.last().copied().unwrap_or(0) == size);
    }
}

#[test]
fn names_a_leaf_hash_that_differs() {
    let log = TestLog::new(600).with_tile("tile/0/001", |bytes| bytes[32 * 7 + 31] ^= 1);
    let index = LeafIndex::new(256 + 7);
    let path = "tile/0/001".to_owned();
    assert_eq!(log.check(), Err(RebuildError::LeafDiffers { path, index }));
}

#[test]
fn names_an_entry_that_differs() {
    // Entry 2 of the last bundle, behind two entries of eight bytes with their lengths.
    let last_byte_of_entry = 3 * 10 - 1;
    let log = TestLog::new(600).with_bundle("tile/entries/002.p/88", |bytes| {
        bytes[last_byte_of_entry] ^= 1;
    });
    let index = LeafIndex::new(512 + 2);
    let path = "tile/0/002.p/88".to_owned();
    assert_eq!(log.check(), Err(RebuildError::LeafDiffers { path, index }));
}

#[test]
fn names_a_tile_above_that_differs() {
    let log = TestLog::new(600).with_tile("tile/1/000.p/2", |bytes| bytes[32] ^= 0x80);
    let path = "tile/1/000.p/2".to_owned();
    assert_eq!(
        log.check(),
        Err(RebuildError::TileDiffers { path, element: 1 })
    );
}

#[test]
fn names_a_tile_that_is_too_short_or_too_long() {
    let good = TestLog::new(600);
    for (len, element) in [(0, 0), (32, 1), (63, 1), (65, 2), (96, 2)] {
        let log = good.with_tile("tile/1/000.p/2", |bytes| bytes.resize(len, 0));
        let path = "tile/1/000.p/2".to_owned();
        assert_eq!(
            log.check(),
            Err(RebuildError::TileDiffers { path, element })
        );
    }
}

#[test]
fn names_a_bundle_that_is_malformed() {
    let log = TestLog::new(600).with_bundle("tile/entries/001", |bytes| bytes.push(0));
    let path = "tile/entries/001".to_owned();
    let why = "1 bytes follow the last of 256 entries".to_owned();
    assert_eq!(
        log.check(),
        Err(RebuildError::BundleMalformed { path, why })
    );
}

#[test]
fn holds_other_framings_to_the_width() {
    let log = TestLog::new(600);
    let too_few = |_: &[u8], _: TileWidth| Ok::<_, BundleError>(vec![leaf_hash(b"")]);
    let path = "tile/entries/000".to_owned();
    let why = "1 leaves, wanted 256".to_owned();
    assert_eq!(
        rebuild(&log, log.head, &too_few, &mut |_| ()),
        Err(RebuildError::BundleMalformed { path, why })
    );
}

#[test]
fn names_what_is_missing() {
    let log = TestLog::new(600);
    log.tiles
        .borrow_mut()
        .retain(|tile, _| tile_path(*tile) != "tile/1/000.p/2");
    let path = "tile/1/000.p/2".to_owned();
    assert_eq!(
        log.check(),
        Err(RebuildError::Source {
            path,
            source: "gone"
        })
    );

    let log = TestLog::new(600);
    log.bundles
        .borrow_mut()
        .retain(|bundle, _| bundle.index != 1);
    let path = "tile/entries/001".to_owned();
    assert_eq!(
        log.check(),
        Err(RebuildError::Source {
            path,
            source: "gone"
        })
    );
}

#[test]
fn refuses_another_root() {
    let mut log = TestLog::new(600);
    let found = log.head.1;
    let wanted = leaf_hash(b"other");
    log.head.1 = wanted;
    assert_eq!(
        log.check(),
        Err(RebuildError::RootDiffers { found, wanted })
    );
}

#[test]
fn refuses_a_size_that_no_log_has() {
    let mut log = TestLog::new(0);
    let found = TreeSize::MAX_GROWN.checked_add(1).unwrap();
    log.head.0 = found;
    assert_eq!(log.check(), Err(RebuildError::TooLarge { found }));
}

#[test]
#[should_panic(expected = "in the order of their entries")]
fn bundles_are_not_left_out() {
    let log = TestLog::new(600);
    let second = bundles_at(log.head.0).nth(1).unwrap();
    let second = CheckedBundle::check(&log, second, &tlog_tiles_leaves).unwrap();
    let _ = Rebuild::new(&log, log.head).unwrap().append(&second);
}

#[test]
#[should_panic(expected = "every bundle is appended")]
fn a_rebuild_does_not_end_early() {
    let log = TestLog::new(600);
    let _ = Rebuild::new(&log, log.head).unwrap().finish();
}

/// Flips one bit of a tile or bundle, or takes it away.
fn damage(log: &TestLog, in_tiles: bool, which: prop::sample::Index, bit: Option<usize>) {
    fn hit<K: Ord + Copy>(
        map: &mut BTreeMap<K, Vec<u8>>,
        which: prop::sample::Index,
        bit: Option<usize>,
    ) {
        let key = *map.keys().nth(which.index(map.len())).unwrap();
        match bit {
            None => drop(map.remove(&key)),
            Some(bit) => {
                let bytes = map.get_mut(&key).unwrap();
                let bit = bit % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
    if in_tiles {
        hit(&mut log.tiles.borrow_mut(), which, bit);
    } else {
        hit(&mut log.bundles.borrow_mut(), which, bit);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_flipped_bit_is_found(
        size in 1u64..1500,
        in_tiles: bool,
        which: prop::sample::Index,
        bit: usize,
    ) {
        let log = TestLog::new(size);
        damage(&log, in_tiles, which, Some(bit));
        prop_assert!(log.check().is_err());
    }

    #[test]
    fn the_first_difference_is_the_same_in_whatever_order_bundles_are_checked(
        size in prop_oneof![1_u64..1500, 65_000_u64..66_500],
        hits in prop::collection::vec(any::<(bool, prop::sample::Index, Option<usize>)>(), 0..4),
    ) {
        let log = TestLog::new(size);
        for (in_tiles, which, bit) in hits {
            if !(log.tiles.borrow().is_empty() || log.bundles.borrow().is_empty()) {
                damage(&log, in_tiles, which, bit);
            }
        }
        prop_assert_eq!(log.clone().check_backwards(), log.check());
    }
}
