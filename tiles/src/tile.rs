//! Tiles: how a tree is cut into resources of up to 256 hashes (C2SP tlog-tiles).
//!
//! Element i of the tile at tile level l and index n is the perfect node at level 8l and index
//! 256n + i. The seven levels in between are not stored; they are recomputed from the tile. A tile
//! level holds hashes of *full* tiles below only, so a tree of `size` leaves has `size / 256^l`
//! hashes there (rounded down), in full tiles and at most one partial tile, which is never empty.

use std::num::NonZeroU16;

use crate::index::{NodeId, TreeSize};

mod content;

pub use content::{Tile, TileError};

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH_MAX: u16 = 256;

/// How many node levels a tile spans: 2^8 is [`TILE_WIDTH_MAX`].
const TILE_HEIGHT: u8 = 8;
const WIDTH: u64 = 1 << TILE_HEIGHT;

/// Tile levels that a tree of up to 2^64-1 leaves can have hashes on.
const USED_LEVELS: u8 = 64 / TILE_HEIGHT;

/// The level of a tile, 0 to 63: its elements are nodes at eight times that level.
///
/// Paths may name all 64 levels; no tree has anything above level 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileLevel(u8);

impl TileLevel {
    /// The tiles of leaf hashes.
    pub const LEAF: Self = Self(0);
    /// The highest level that a path may name.
    pub const MAX: Self = Self(63);

    /// `None` above 63.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if level <= Self::MAX.0 {
            Some(Self(level))
        } else {
            None
        }
    }

    /// The level as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// How many hashes a tree of this size has at this level.
    fn hash_count(self, size: TreeSize) -> u64 {
        let shift = u32::from(self.0) * u32::from(TILE_HEIGHT);
        size.get().checked_shr(shift).unwrap_or(0)
    }
}

/// How many hashes a tile has, or entries a bundle: 1 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileWidth(NonZeroU16);

impl TileWidth {
    /// Width 256, that of every tile but the last of its level.
    pub const FULL: Self = Self(NonZeroU16::new(TILE_WIDTH_MAX).expect("256 is not zero"));

    /// `None` for 0 and above 256.
    #[must_use]
    pub const fn new(width: u16) -> Option<Self> {
        match NonZeroU16::new(width) {
            Some(width) if width.get() <= TILE_WIDTH_MAX => Some(Self(width)),
            _ => None,
        }
    }

    /// The width as a number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The width as a count of elements.
    #[must_use]
    pub fn count(self) -> usize {
        usize::from(self.get())
    }

    /// Whether this is the full width.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.get() == TILE_WIDTH_MAX
    }

    /// The width of the tile at `index`, when its level has `hash_count` hashes.
    fn at(index: u64, hash_count: u64) -> Option<Self> {
        let before = index.checked_mul(WIDTH)?;
        let width = hash_count.checked_sub(before)?.min(WIDTH);
        Self::new(u16::try_from(width).ok()?)
    }
}

/// The place of a tile, whatever its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Tile level.
    pub level: TileLevel,
    /// Position among the tiles of the level, from 0.
    pub index: u64,
}

impl TileId {
    /// The tile at that level and index.
    #[must_use]
    pub const fn new(level: TileLevel, index: u64) -> Self {
        Self { level, index }
    }

    /// How wide the tile is in a tree of that size; `None` if it holds nothing there.
    #[must_use]
    pub fn width_at(self, size: TreeSize) -> Option<TileWidth> {
        TileWidth::at(self.index, self.level.hash_count(size))
    }
}

/// A tile at one of its widths: what a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileRef {
    /// Which tile.
    pub id: TileId,
    /// How many of its hashes.
    pub width: TileWidth,
}

impl TileRef {
    /// The tile at that width.
    #[must_use]
    pub const fn new(id: TileId, width: TileWidth) -> Self {
        Self { id, width }
    }

    /// The tile as it is in a tree of that size; `None` if it holds nothing there.
    #[must_use]
    pub fn at(id: TileId, size: TreeSize) -> Option<Self> {
        let width = id.width_at(size)?;
        Some(Self { id, width })
    }

    /// Whether the tile is full.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width.is_full()
    }
}

/// An entry bundle at one of its widths: the entries below the level-0 tile of the same index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleRef {
    /// Position among the bundles, from 0.
    pub index: u64,
    /// How many of its entries.
    pub width: TileWidth,
}

impl BundleRef {
    /// The bundle at that width.
    #[must_use]
    pub const fn new(index: u64, width: TileWidth) -> Self {
        Self { index, width }
    }

    /// The bundle as it is in a tree of that size; `None` if it holds nothing there.
    #[must_use]
    pub fn at(index: u64, size: TreeSize) -> Option<Self> {
        let width = TileWidth::at(index, size.get())?;
        Some(Self { index, width })
    }

    /// Whether the bundle is full.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width.is_full()
    }

    /// The level-0 tile with the hashes of these entries.
    #[must_use]
    pub const fn tile(self) -> TileRef {
        TileRef::new(TileId::new(TileLevel::LEAF, self.index), self.width)
    }
}

/// Every tile of a tree: level by level, the full ones and then the partial one.
pub fn tiles_at(size: TreeSize) -> impl Iterator<Item = TileRef> {
    tiles_changed(TreeSize::ZERO, size)
}

/// The tiles that have to be written when a tree grows from `old` to `new`.
///
/// Level by level, the tiles that became full and then the new partial one. A tile that was
/// partial before comes again at its new width. Nothing if `new` is not above `old`.
pub fn tiles_changed(old: TreeSize, new: TreeSize) -> impl Iterator<Item = TileRef> {
    (0..USED_LEVELS).map(TileLevel).flat_map(move |level| {
        let changed = changed_indices(level.hash_count(old), level.hash_count(new));
        changed.filter_map(move |index| TileRef::at(TileId { level, index }, new))
    })
}

/// Every entry bundle of a tree: the full ones and then the partial one.
pub fn bundles_at(size: TreeSize) -> impl Iterator<Item = BundleRef> {
    bundles_changed(TreeSize::ZERO, size)
}

/// The entry bundles that have to be written when a tree grows from `old` to `new`.
///
/// As [`tiles_changed`], for entries.
pub fn bundles_changed(old: TreeSize, new: TreeSize) -> impl Iterator<Item = BundleRef> {
    changed_indices(old.get(), new.get()).filter_map(move |index| BundleRef::at(index, new))
}

/// Which tiles of a level are touched when its hashes grow from `old` to `new`.
fn changed_indices(old: u64, new: u64) -> std::ops::Range<u64> {
    if old < new {
        old / WIDTH..new.div_ceil(WIDTH)
    } else {
        0..0
    }
}

/// Where a node is found: in which tile, and where inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeInTile {
    /// The tile.
    pub tile: TileId,
    /// Height above the elements of the tile, 0 to 7. Only level 0 is stored.
    pub level_in_tile: u8,
    /// Position among the nodes of that height in the tile.
    pub index_in_tile: u8,
}

/// Finds the tile from which a node's hash is taken or computed.
#[must_use]
pub fn locate(node: NodeId) -> NodeInTile {
    let level_in_tile = node.level().get() % TILE_HEIGHT;
    let nodes_per_tile = WIDTH >> level_in_tile;
    // The remainder is below 256: its lowest byte is all of it.
    let [.., index_in_tile] = (node.index() % nodes_per_tile).to_be_bytes();
    NodeInTile {
        tile: TileId {
            level: TileLevel(node.level().get() / TILE_HEIGHT),
            index: node.index() / nodes_per_tile,
        },
        level_in_tile,
        index_in_tile,
    }
}

#[cfg(test)]
mod tests;
