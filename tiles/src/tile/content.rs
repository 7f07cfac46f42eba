//! What is in a tile: its hashes, and the nodes that follow from them.

use super::{TILE_HEIGHT, TILE_WIDTH_MAX, TileWidth};
use crate::hash::{HASH_LEN_BYTES, Hash, node_hash, node_hashes};

/// The hashes of a tile.
///
/// Invariant: there are as many as `width` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    width: TileWidth,
    hashes: Vec<Hash>,
}

/// Why hashes or bytes are not the tile they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// No hashes, or more than 256.
    #[error("a tile has 1 to {TILE_WIDTH_MAX} hashes, found {found}")]
    HashCount {
        /// How many hashes there were.
        found: usize,
    },
    /// The bytes are not `width` hashes.
    #[error("a tile of this width has {wanted} bytes, found {found}")]
    Len {
        /// How many bytes there were.
        found: usize,
        /// How many bytes the hashes take.
        wanted: usize,
    },
    /// The tile has fewer hashes than it should be cut down to.
    #[error("a tile of width {} cannot be cut to {}", .found.get(), .wanted.get())]
    TooNarrow {
        /// How wide the tile is.
        found: TileWidth,
        /// How wide it should be.
        wanted: TileWidth,
    },
}

impl Tile {
    /// A tile of these hashes.
    ///
    /// # Errors
    /// There are none, or more than 256.
    pub fn new(hashes: Vec<Hash>) -> Result<Self, TileError> {
        let found = hashes.len();
        let width = u16::try_from(found).ok().and_then(TileWidth::new);
        let width = width.ok_or(TileError::HashCount { found })?;
        Ok(Self { width, hashes })
    }

    /// Reads a tile of a width that is known beforehand, from the tree's size.
    ///
    /// # Errors
    /// The bytes are not exactly `width` hashes.
    pub fn parse(bytes: &[u8], width: TileWidth) -> Result<Self, TileError> {
        let wanted = width.count() * HASH_LEN_BYTES;
        if bytes.len() != wanted {
            let found = bytes.len();
            return Err(TileError::Len { found, wanted });
        }
        let (hashes, _) = bytes.as_chunks();
        let hashes = hashes.iter().copied().map(Hash::new).collect();
        Ok(Self { width, hashes })
    }

    /// The bytes of the resource: the hashes one after the other.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.hashes
            .iter()
            .flat_map(Hash::as_bytes)
            .copied()
            .collect()
    }

    /// How many hashes the tile has.
    #[must_use]
    pub const fn width(&self) -> TileWidth {
        self.width
    }

    /// The hashes, left to right.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The hash at that place; `None` beyond the width.
    #[must_use]
    pub fn get(&self, index_in_tile: u8) -> Option<Hash> {
        self.hashes.get(usize::from(index_in_tile)).copied()
    }

    /// The same tile at an earlier, smaller width.
    ///
    /// # Errors
    /// The tile has fewer hashes than that.
    pub fn truncate(mut self, width: TileWidth) -> Result<Self, TileError> {
        if self.width < width {
            return Err(TileError::TooNarrow {
                found: self.width,
                wanted: width,
            });
        }
        self.width = width;
        self.hashes.truncate(width.count());
        Ok(self)
    }

    /// The hash that a full tile gives to the level above, with 255 hash operations; `None` for a
    /// partial tile, which gives none.
    #[must_use]
    pub fn root_hash(&self) -> Option<Hash> {
        self.width.is_full().then(|| perfect_root(&self.hashes))?
    }

    /// The hash of a node inside the tile, with `2^level_in_tile - 1` hash operations; `None` if
    /// the tile is not wide enough for all of it, or the place is outside a tile.
    #[must_use]
    pub fn node(&self, level_in_tile: u8, index_in_tile: u8) -> Option<Hash> {
        if level_in_tile >= TILE_HEIGHT {
            return None;
        }
        let width = 1_usize << level_in_tile;
        let begin = usize::from(index_in_tile) * width;
        perfect_root(self.hashes.get(begin..begin + width)?)
    }
}

/// The root over a power of two of hashes; `None` over none.
fn perfect_root(hashes: &[Hash]) -> Option<Hash> {
    if let [] | [_] = hashes {
        return hashes.first().copied();
    }
    if let [left, right] = hashes {
        return Some(node_hash(left, right));
    }
    let mut level = Vec::with_capacity(hashes.len() / 2);
    node_hashes(hashes.as_chunks().0, &mut level);
    while level.len() > 1 {
        let mut above = Vec::with_capacity(level.len() / 2);
        node_hashes(level.as_chunks().0, &mut above);
        level = above;
    }
    level.pop()
}
