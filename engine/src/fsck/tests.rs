//! Many threads find what one finds, on logs with every kind of damage.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use proptest::prelude::*;
use tiles::{CompactRange, LeafIndex, Tile, append_entry, tlog_tiles_leaves};

use super::*;
use crate::store::OBJECT_WIDTH;

/// More than two windows of bundles, a full tile of the second level, and a ragged edge.
const SIZE: u64 = (2 * 512 + 3) * OBJECT_WIDTH + 77;

/// A log in memory.
#[derive(Clone)]
struct MemoryLog {
    head: (tiles::TreeSize, Hash),
    tiles: BTreeMap<TileRef, Bytes>,
    bundles: BTreeMap<BundleRef, Bytes>,
}

impl LogBytes for MemoryLog {
    type Error = String;
    type Bytes = Bytes;

    fn tile(&self, tile: TileRef) -> Result<Bytes, String> {
        let found = self.tiles.get(&tile).cloned();
        found.ok_or_else(|| format!("{tile:?} is gone"))
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Bytes, String> {
        let found = self.bundles.get(&bundle).cloned();
        found.ok_or_else(|| format!("{bundle:?} is gone"))
    }
}

/// A log as it should be.
fn honest() -> &'static MemoryLog {
    static LOG: OnceLock<MemoryLog> = OnceLock::new();
    LOG.get_or_init(|| {
        let size = tiles::TreeSize::new(SIZE);
        let entries: Vec<[u8; 8]> = (0..SIZE).map(u64::to_be_bytes).collect();
        let mut hashes = Vec::new();
        tiles::leaf_hashes(&entries, &mut hashes);
        let mut range = CompactRange::empty(LeafIndex::ZERO);
        for leaf in &hashes {
            range.append(*leaf);
        }
        let mut stored = BTreeMap::new();
        for tile in tiles::tiles_at(size) {
            if tile.id.index == 0 && tile.id.level > tiles::TileLevel::LEAF {
                let full = hashes.chunks_exact(256);
                let root = |hashes: &[Hash]| Tile::new(hashes.to_vec()).unwrap().root_hash();
                hashes = full.map(|hashes| root(hashes).unwrap()).collect();
            }
            let first = usize::try_from(tile.id.index * OBJECT_WIDTH).unwrap();
            let mine = &hashes[first..first + tile.width.count()];
            stored.insert(
                tile,
                mine.iter().flat_map(Hash::as_bytes).copied().collect(),
            );
        }
        let mut rest = entries.iter();
        let bundle = |bundle: BundleRef| {
            let mut bytes = Vec::new();
            for entry in rest.by_ref().take(bundle.width.count()) {
                append_entry(&mut bytes, entry).unwrap();
            }
            (bundle, Bytes::from(bytes))
        };
        MemoryLog {
            head: (size, range.root_hash().unwrap()),
            tiles: stored,
            bundles: tiles::bundles_at(size).map(bundle).collect(),
        }
    })
}

/// Flips one bit of a value, or takes the value away.
fn damage<K: Ord + Copy>(map: &mut BTreeMap<K, Bytes>, which: usize, bit: Option<usize>) {
    let Some(key) = map.keys().nth(which % map.len().max(1)).copied() else {
        return;
    };
    let Some(bit) = bit else {
        map.remove(&key);
        return;
    };
    let mut bytes = map[&key].to_vec();
    let bit = bit % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    map.insert(key, Bytes::from(bytes));
}

fn four_threads() -> Threads {
    Threads::new(NonZeroUsize::new(4).unwrap()).unwrap()
}

/// What one thread reports, what many report, and how far each said it was.
fn check(log: &MemoryLog) {
    let mut alone = Vec::new();
    let wanted = tiles::rebuild(log, log.head, &tlog_tiles_leaves, &mut |done| {
        alone.push(done);
    });
    let mut together = Vec::new();
    let threads = four_threads();
    let leaves = &tlog_tiles_leaves;
    let found = rebuild_on(&threads, log, log.head, leaves, &mut |done| {
        together.push(done);
    });
    assert_eq!(found, wanted);
    assert_eq!(together, alone);
}

#[test]
fn a_right_log_passes_on_many_threads() {
    check(honest());
    let tree = honest().head;
    let report = rebuild_on(
        &four_threads(),
        honest(),
        tree,
        &tlog_tiles_leaves,
        &mut |_| (),
    );
    assert_eq!(report.unwrap().size, tree.0);
}

#[test]
fn of_two_differences_the_first_is_named() {
    let mut log = honest().clone();
    damage(&mut log.bundles, 300, Some(100));
    damage(&mut log.bundles, 299, Some(100));
    let threads = four_threads();
    let found = rebuild_on(&threads, &log, log.head, &tlog_tiles_leaves, &mut |_| ());
    let found = found.unwrap_err().to_string();
    assert!(found.starts_with("tile/0/299 does not have"), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn many_threads_find_what_one_finds(
        hits in prop::collection::vec(any::<(bool, usize, Option<usize>)>(), 0..6),
    ) {
        let mut log = honest().clone();
        for (in_tiles, which, bit) in hits {
            if in_tiles {
                damage(&mut log.tiles, which, bit);
            } else {
                damage(&mut log.bundles, which, bit);
            }
        }
        check(&log);
    }
}
