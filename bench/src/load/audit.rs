//! Checking a raw log after the run: every entry is where the answer said it is.
//!
//! For each level-0 tile that holds entries of the run, the leaf hashes in it are compared with
//! the entries, made again from their numbers. Then one inclusion proof is built, for one leaf of
//! the tile, and checked against the signed root: its other hashes are made from all the other
//! leaves of the tile, so it proves all of them at once.

use std::cell::RefCell;
use std::collections::HashMap;

use tiles::{
    Checkpoint, LeafIndex, ProofBuildError, TILE_WIDTH_MAX, Tile, TileId, TileLevel, TileRef,
    TileSource, inclusion_proof, leaf_hash, tile_path, verify_inclusion,
};

use super::errors::{Errors, Fault};
use super::recorder::Placed;
use super::workload::RawEntries;

/// Where the tiles of a log come from.
pub(super) trait FetchTile {
    /// The bytes of a resource of the log.
    fn fetch(&self, path: &str) -> anyhow::Result<Vec<u8>>;
}

/// What the audit found.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// Entries that the log holds where it said.
    pub(super) checked: u64,
    pub(super) errors: Errors,
}

/// Checks all entries of a run against the last checkpoint of the log.
pub(super) fn audit<F: FetchTile>(
    log: &F,
    head: &Checkpoint,
    entries: &RawEntries,
    mut placed: Vec<Placed>,
) -> Audit {
    placed.sort_unstable_by_key(|placed| placed.index);
    let tiles = Tiles::new(log);
    let mut audit = Audit::default();
    let width = u64::from(TILE_WIDTH_MAX);
    for group in placed.chunk_by(|a, b| a.index / width == b.index / width) {
        let Some(first) = group.first() else { continue };
        match tiles.authentic(head, first.index) {
            Ok(tile) => compare(&tile, group, entries, &mut audit),
            Err(error) => {
                let count = u64::try_from(group.len()).unwrap_or(u64::MAX);
                let index = first.index;
                let text = || format!("entries from {index} on cannot be proven: {error:#}");
                audit.errors.add_many(Fault::Unverified, count, text);
            }
        }
    }
    audit
}

/// Compares entries with the leaves of their tile, which was proven.
fn compare(tile: &Tile, group: &[Placed], entries: &RawEntries, audit: &mut Audit) {
    for placed in group {
        let place = placed.index % u64::from(TILE_WIDTH_MAX);
        let found = u8::try_from(place).ok().and_then(|at| tile.get(at));
        let wanted = leaf_hash(&entries.entry(placed.number));
        if found == Some(wanted) {
            audit.checked += 1;
        } else {
            let index = placed.index;
            audit.errors.add(Fault::Unverified, || {
                format!("the log does not hold the entry at {index} that it acknowledged there")
            });
        }
    }
}

/// Tiles of a log; those above the leaves are kept, because all proofs share them.
struct Tiles<'a, F> {
    log: &'a F,
    parsed: RefCell<HashMap<TileRef, Tile>>,
}

impl<'a, F: FetchTile> Tiles<'a, F> {
    fn new(log: &'a F) -> Self {
        let parsed = RefCell::default();
        Self { log, parsed }
    }

    /// The level-0 tile with that leaf, all of whose leaves are proven to be in the tree.
    fn authentic(&self, head: &Checkpoint, index: u64) -> anyhow::Result<Tile> {
        let (index, size) = (LeafIndex::new(index), head.size());
        let proof = inclusion_proof(self, index, size).map_err(|error| match error {
            ProofBuildError::Source(source) => source,
            other => anyhow::anyhow!("{other}"),
        })?;
        let id = TileId::new(TileLevel::LEAF, index.get() / u64::from(TILE_WIDTH_MAX));
        let wanted = TileRef::at(id, size);
        let wanted = wanted.ok_or_else(|| anyhow::anyhow!("leaf {index} is not in the tree"))?;
        let tile = self.tile(wanted)?;
        let place = u8::try_from(index.get() % u64::from(TILE_WIDTH_MAX))?;
        let leaf = tile.get(place);
        let leaf = leaf.ok_or_else(|| anyhow::anyhow!("leaf {index} is not in its tile"))?;
        verify_inclusion(index, size, &leaf, &proof, &head.root_hash())?;
        // Everything else there was proven by it is not needed any more.
        self.parsed.borrow_mut().remove(&wanted);
        Ok(tile)
    }
}

impl<F: FetchTile> TileSource for Tiles<'_, F> {
    type Error = anyhow::Error;

    fn tile(&self, tile: TileRef) -> Result<Tile, anyhow::Error> {
        if let Some(known) = self.parsed.borrow().get(&tile) {
            return Ok(known.clone());
        }
        let parsed = Tile::parse(&self.log.fetch(&tile_path(tile))?, tile.width)?;
        self.parsed.borrow_mut().insert(tile, parsed.clone());
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests;
