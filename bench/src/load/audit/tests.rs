//! Logs that hold what they acknowledged, and logs that do not.

use std::time::Duration;

use tiles::{
    Hash, Origin, ResourcePath, TileWidth, TreeSize, leaf_hash, node_hash, root_hash, tiles_at,
};

use super::*;

/// A log of all of whose tiles the level is 0 or 1.
struct MadeUp {
    leaves: Vec<Hash>,
}

impl MadeUp {
    fn new(entries: &RawEntries, count: u64) -> Self {
        let leaves = (0..count).map(|number| leaf_hash(&entries.entry(number)));
        let leaves = leaves.collect();
        Self { leaves }
    }

    fn head(&self) -> Checkpoint {
        let size = TreeSize::new(self.leaves.len().try_into().unwrap());
        let root_hash = root_hash(&Tiles::new(self), size).unwrap();
        Checkpoint::new(Origin::new("log.example").unwrap(), size, root_hash)
    }

    fn level(&self, level: u8) -> Vec<Hash> {
        if level == 0 {
            return self.leaves.clone();
        }
        let full = self.leaves.chunks_exact(256);
        full.map(|tile| Tile::new(tile.to_vec()).unwrap().root_hash().unwrap())
            .collect()
    }
}

impl FetchTile for MadeUp {
    fn fetch(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let ResourcePath::Tile(tile) = ResourcePath::parse(path)? else {
            anyhow::bail!("{path} is no tile");
        };
        let hashes = self.level(tile.id.level.get());
        let begin = usize::try_from(tile.id.index)? * 256;
        let hashes = hashes.get(begin..begin + tile.width.count());
        let hashes = hashes.ok_or_else(|| anyhow::anyhow!("{path}: not there"))?;
        Ok(Tile::new(hashes.to_vec())?.encode())
    }
}

fn placed(number: u64, index: u64) -> Placed {
    Placed {
        number,
        index,
        intended: Duration::ZERO,
    }
}

fn entries() -> RawEntries {
    RawEntries::new(9, 40, None)
}

#[test]
fn every_entry_of_a_right_log_is_found() {
    for count in [1, 2, 256, 257, 700, 1024] {
        let log = MadeUp::new(&entries(), count);
        let all = (0..count).rev().map(|at| placed(at, at)).collect();
        let found = audit(&log, &log.head(), &entries(), all);
        assert_eq!(found.checked, count);
        assert_eq!(found.errors.sum(), 0, "{:?}", found.errors.told());
    }
}

#[test]
fn an_entry_in_another_place_is_found() {
    let log = MadeUp::new(&entries(), 700);
    let all = vec![placed(3, 3), placed(4, 5), placed(6, 699)];
    let found = audit(&log, &log.head(), &entries(), all);
    assert_eq!((found.checked, found.errors.unverified), (1, 2));
    let told = &found.errors.told()[0];
    assert!(told.contains("does not hold the entry at 5"), "{told}");
}

#[test]
fn an_index_past_the_end_is_found() {
    let log = MadeUp::new(&entries(), 700);
    let found = audit(
        &log,
        &log.head(),
        &entries(),
        vec![placed(3, 3), placed(9, 768)],
    );
    assert_eq!((found.checked, found.errors.unverified), (1, 1));
}

#[test]
fn tiles_that_do_not_lead_to_the_root_prove_nothing() {
    let mut log = MadeUp::new(&entries(), 700);
    let head = log.head();
    // Not an entry of the run, but in the tile that would prove one.
    log.leaves[20] = node_hash(&log.leaves[20], &log.leaves[20]);
    let found = audit(
        &log,
        &head,
        &entries(),
        vec![placed(3, 3), placed(300, 300)],
    );
    assert_eq!((found.checked, found.errors.unverified), (0, 2));
}

#[test]
fn the_log_of_these_tests_has_the_tiles_it_should() {
    let log = MadeUp::new(&entries(), 700);
    let tiles: Vec<TileRef> = tiles_at(TreeSize::new(700)).collect();
    assert_eq!(tiles.len(), 4);
    for tile in tiles {
        assert!(log.fetch(&tile_path(tile)).is_ok(), "{tile:?}");
    }
    let beyond = TileRef::new(TileId::new(TileLevel::LEAF, 3), TileWidth::FULL);
    assert!(log.fetch(&tile_path(beyond)).is_err());
}
