//! What is in a tile: its hashes, and the nodes that follow from them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{TILE_HEIGHT, TILE_WIDTH_MAX, TileWidth};
use crate::hash::{HASH_LEN_BYTES, Hash, node_hashes};

/// The hashes of a tile.
///
/// Clones share the hashes, and the nodes over them once somebody asked for one.
#[derive(Clone)]
pub struct Tile {
    content: Arc<Content>,
}

/// Invariant: there are as many hashes as `width` says.
struct Content {
    width: TileWidth,
    hashes: Vec<Hash>,
    /// The perfect nodes inside the tile, from the level over the hashes up.
    nodes: OnceLock<Vec<Vec<Hash>>>,
}

impl PartialEq for Tile {
    fn eq(&self, other: &Self) -> bool {
        self.hashes() == other.hashes()
    }
}

impl Eq for Tile {}

impl fmt::Debug for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tile").field(&self.hashes()).finish()
    }
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
        Ok(Self::of(width, hashes))
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
        Ok(Self::of(width, hashes))
    }

    fn of(width: TileWidth, hashes: Vec<Hash>) -> Self {
        let content = Content {
            width,
            hashes,
            nodes: OnceLock::new(),
        };
        Self {
            content: Arc::new(content),
        }
    }

    /// The bytes of the resource: the hashes one after the other.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.hashes()
            .iter()
            .flat_map(Hash::as_bytes)
            .copied()
            .collect()
    }

    /// How many hashes the tile has.
    #[must_use]
    pub fn width(&self) -> TileWidth {
        self.content.width
    }

    /// The hashes, left to right.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.content.hashes
    }

    /// The hash at that place; `None` beyond the width.
    #[must_use]
    pub fn get(&self, index_in_tile: u8) -> Option<Hash> {
        self.hashes().get(usize::from(index_in_tile)).copied()
    }

    /// The same tile at an earlier, smaller width.
    ///
    /// # Errors
    /// The tile has fewer hashes than that.
    pub fn truncate(self, width: TileWidth) -> Result<Self, TileError> {
        let found = self.width();
        if found == width {
            return Ok(self);
        }
        let hashes = self.hashes().get(..width.count());
        let wanted = width;
        let hashes = hashes.ok_or(TileError::TooNarrow { found, wanted })?;
        Ok(Self::of(width, hashes.to_vec()))
    }

    /// The hash that a full tile gives to the level above; `None` for a partial tile, which gives
    /// none. Costs as [`Self::node`].
    #[must_use]
    pub fn root_hash(&self) -> Option<Hash> {
        self.nodes()
            .get(usize::from(TILE_HEIGHT) - 1)?
            .first()
            .copied()
    }

    /// The hash of a node inside the tile; `None` if the tile is not wide enough for all of it, or
    /// the place is outside a tile.
    ///
    /// The first node that is not a hash of the tile itself costs as many hash operations as the
    /// tile has hashes; every further one, of any clone, costs none.
    #[must_use]
    pub fn node(&self, level_in_tile: u8, index_in_tile: u8) -> Option<Hash> {
        let Some(level) = level_in_tile.checked_sub(1) else {
            return self.get(index_in_tile);
        };
        if level_in_tile >= TILE_HEIGHT {
            return None;
        }
        let nodes = self.nodes().get(usize::from(level))?;
        nodes.get(usize::from(index_in_tile)).copied()
    }

    /// All perfect nodes over the hashes, level by level.
    fn nodes(&self) -> &[Vec<Hash>] {
        self.content.nodes.get_or_init(|| {
            let mut levels: Vec<Vec<Hash>> = Vec::with_capacity(TILE_HEIGHT.into());
            loop {
                let below = levels.last().map_or(self.hashes(), Vec::as_slice);
                let (pairs, _) = below.as_chunks();
                if pairs.is_empty() {
                    return levels;
                }
                let mut level = Vec::with_capacity(pairs.len());
                node_hashes(pairs, &mut level);
                levels.push(level);
            }
        })
    }
}
