//! Full tiles that were read lately, in memory: their bytes never change, and a log's readers all
//! want the same ones, while the store checks what it reads each time.
//!
//! Two generations bound the memory: when the young one is full it becomes the old one, and what
//! nobody asked for since the last such change is forgotten.

use std::collections::HashMap;
use std::mem;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use tiles::TileId;

/// Tiles in one generation. A tile has 8 KiB, so the tiles of one log take 16 MiB at most.
const GENERATION_COUNT_MAX: usize = 1024;

/// The cached tiles of one log.
#[derive(Debug, Default)]
pub(crate) struct FullTiles(RwLock<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<TileId, Bytes>,
    old: HashMap<TileId, Bytes>,
}

impl FullTiles {
    /// The bytes of a tile, if they are still known.
    pub(super) fn get(&self, tile: TileId) -> Option<Bytes> {
        let generations = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(young) = generations.young.get(&tile) {
            return Some(young.clone());
        }
        let old = generations.old.get(&tile)?.clone();
        drop(generations);
        self.insert(tile, old.clone());
        Some(old)
    }

    /// Remembers a full tile of the published tree.
    pub(super) fn insert(&self, tile: TileId, bytes: Bytes) {
        let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= GENERATION_COUNT_MAX {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(tile, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use tiles::TileLevel;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let tiles = FullTiles::default();
        let id = |index| TileId::new(TileLevel::LEAF, index);
        let bytes = |index: u64| Bytes::copy_from_slice(&index.to_be_bytes());
        let count = 10 * u64::try_from(GENERATION_COUNT_MAX).unwrap();
        for index in 0..count {
            tiles.insert(id(index), bytes(index));
            assert_eq!(tiles.get(id(index)), Some(bytes(index)));
            assert_eq!(tiles.get(id(0)), Some(bytes(0)), "after {index}");
        }
        assert_eq!(tiles.get(id(1)), None);
        let generations = tiles.0.into_inner().unwrap();
        assert!(generations.young.len() <= GENERATION_COUNT_MAX);
        assert!(generations.old.len() <= GENERATION_COUNT_MAX);
    }
}
