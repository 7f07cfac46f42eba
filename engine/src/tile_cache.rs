//! The tiles that proofs were built from lately, in memory.
//!
//! A proof needs nodes inside a handful of tiles, and a parsed [`Tile`] keeps them once computed.
//! New entries lie in the same few tiles at the right edge, so their proofs find all of them here.
//!
//! Tiles are kept under their width too: a wider tile is another one. Two generations bound the
//! memory: when the young one is full it becomes the old one, and what nobody asked for since the
//! last such change is forgotten.

use std::collections::HashMap;
use std::mem;
use std::sync::Mutex;

use tiles::{Tile, TileRef};

/// Tiles in one generation. A tile with its nodes takes 16 KiB, so a log keeps 16 MiB at most,
/// which covers the newest quarter of a million entries.
const GENERATION_COUNT_MAX: usize = 512;

/// Tiles by place and width.
#[derive(Debug, Default)]
pub(crate) struct TileCache {
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<TileRef, Tile>,
    old: HashMap<TileRef, Tile>,
}

impl TileCache {
    /// The tile, if it is still known.
    pub(crate) fn get(&self, tile: TileRef) -> Option<Tile> {
        let mut generations = crate::lock(&self.generations);
        if let Some(found) = generations.young.get(&tile) {
            return Some(found.clone());
        }
        let found = generations.old.remove(&tile)?;
        generations.insert(tile, found.clone());
        Some(found)
    }

    /// Remembers a tile of the committed tree.
    pub(crate) fn insert(&self, tile: TileRef, content: Tile) {
        crate::lock(&self.generations).insert(tile, content);
    }
}

impl Generations {
    fn insert(&mut self, tile: TileRef, content: Tile) {
        if self.young.len() >= GENERATION_COUNT_MAX {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(tile, content);
    }
}

#[cfg(test)]
mod tests {
    use tiles::{Hash, TileId, TileLevel, TileWidth};

    use super::*;

    fn tile(index: usize) -> (TileRef, Tile) {
        let index = u64::try_from(index).unwrap();
        let id = TileId::new(TileLevel::LEAF, index);
        let hash = tiles::leaf_hash(&index.to_be_bytes());
        let content = Tile::new(vec![hash]).unwrap();
        (TileRef::new(id, TileWidth::new(1).unwrap()), content)
    }

    fn insert(cache: &TileCache, index: usize) {
        let (tile_ref, content) = tile(index);
        cache.insert(tile_ref, content);
    }

    fn holds(cache: &TileCache, index: usize) -> bool {
        let (tile_ref, content) = tile(index);
        let found = cache.get(tile_ref);
        assert!(found.is_none_or(|found| found == content), "another tile");
        cache.get(tile_ref).is_some()
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let cache = TileCache::default();
        insert(&cache, 0);
        insert(&cache, 1);
        for index in 2..10 * GENERATION_COUNT_MAX {
            insert(&cache, index);
            assert!(holds(&cache, 0), "after {index}");
        }
        assert!(!holds(&cache, 1));
        let generations = crate::lock(&cache.generations);
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION_COUNT_MAX);
    }

    #[test]
    fn a_wider_tile_is_another_one() {
        let cache = TileCache::default();
        insert(&cache, 0);
        let (tile_ref, _) = tile(0);
        let wider = TileRef::new(tile_ref.id, TileWidth::new(2).unwrap());
        assert_eq!(cache.get(wider), None);
        let content = Tile::new(vec![Hash::new([0; 32]); 2]).unwrap();
        cache.insert(wider, content.clone());
        assert_eq!(cache.get(wider), Some(content));
        assert!(holds(&cache, 0));
    }
}
