//! From checked bundles, left to right, to the tiles above them and the root hash.

use super::{CheckedBundle, LogBytes, RebuildError, Report, compare};
use crate::hash::Hash;
use crate::index::{LeafIndex, TreeSize};
use crate::range::CompactRange;
use crate::tile::{TILE_WIDTH_MAX, Tile, TileId, TileLevel, TileRef};

/// Tile levels of the largest tree that is grown, 2^62 leaves.
const TILE_LEVEL_COUNT: u8 = 8;

/// A tree that is built again from its checked bundles, in their order.
///
/// Costs one hash for each bundle; tiles above level 0 are read and compared as they fill up.
#[derive(Debug)]
pub struct Rebuild<'a, L> {
    log: &'a L,
    size: TreeSize,
    wanted: Hash,
    /// The growing tile of each level above the leaves. Nothing is kept of what was compared.
    edge: Vec<Growing>,
    range: CompactRange,
    bundle_count: u64,
    tile_count: u64,
}

/// The right-most tile of a level. It may be empty, but is never full for long.
#[derive(Debug)]
struct Growing {
    id: TileId,
    hashes: Vec<Hash>,
}

impl Growing {
    /// Takes the tile out, and starts the next one on its right; `None` if it is empty.
    fn take(&mut self) -> Option<(TileRef, Tile)> {
        if self.hashes.is_empty() {
            return None;
        }
        let tile = Tile::new(std::mem::take(&mut self.hashes));
        let tile = tile.expect("it is taken out as soon as it has 256 hashes");
        let tile_ref = TileRef::new(self.id, tile.width());
        self.id.index += 1;
        Some((tile_ref, tile))
    }
}

impl<'a, L: LogBytes> Rebuild<'a, L> {
    /// Nothing yet of the tree with this head.
    ///
    /// # Errors
    /// The head claims more entries than a log is ever grown to.
    pub fn new(log: &'a L, head: (TreeSize, Hash)) -> Result<Self, RebuildError<L::Error>> {
        let (size, wanted) = head;
        if size > TreeSize::MAX_GROWN {
            return Err(RebuildError::TooLarge { found: size });
        }
        let levels = (1..TILE_LEVEL_COUNT).filter_map(TileLevel::new);
        let growing = |level| Growing {
            id: TileId::new(level, 0),
            hashes: Vec::new(),
        };
        Ok(Self {
            log,
            size,
            wanted,
            edge: levels.map(growing).collect(),
            range: CompactRange::empty(LeafIndex::ZERO),
            bundle_count: 0,
            tile_count: 0,
        })
    }

    /// How many entries the tree has so far.
    #[must_use]
    pub const fn entries_done(&self) -> u64 {
        self.range.end().get()
    }

    /// Adds the next bundle, and compares every tile that this fills.
    ///
    /// # Errors
    /// The first tile that differs or cannot be had.
    ///
    /// # Panics
    /// If it is not the bundle that follows the last one.
    pub fn append(&mut self, bundle: &CheckedBundle) -> Result<(), RebuildError<L::Error>> {
        let merged = self.range.merge(bundle.range());
        merged.expect("bundles are appended in the order of their entries");
        self.bundle_count += 1;
        self.tile_count += 1;
        if !bundle.bundle().is_full() {
            return Ok(());
        }
        let mut hashes = bundle.range().hashes().to_vec();
        for growing in &mut self.edge {
            growing.hashes.append(&mut hashes);
            if growing.hashes.len() < usize::from(TILE_WIDTH_MAX) {
                break;
            }
            let (tile_ref, tile) = growing.take().expect("the tile has 256 hashes");
            compare(self.log, tile_ref, &tile)?;
            self.tile_count += 1;
            // A full tile is one hash of the level above.
            hashes.extend(tile.root_hash());
        }
        Ok(())
    }

    /// Compares the partial tiles that are left at the right edge, and the root hash.
    ///
    /// # Errors
    /// The first tile that differs or cannot be had, or that the root hash is another.
    ///
    /// # Panics
    /// If bundles are still missing.
    pub fn finish(mut self) -> Result<Report, RebuildError<L::Error>> {
        assert_eq!(
            self.range.end(),
            self.size,
            "every bundle is appended before the end"
        );
        for (tile_ref, tile) in self.edge.iter_mut().filter_map(Growing::take) {
            compare(self.log, tile_ref, &tile)?;
            self.tile_count += 1;
        }
        let root_hash = self.range.root_hash();
        let found = root_hash.expect("the range starts at the first leaf");
        if found != self.wanted {
            let wanted = self.wanted;
            return Err(RebuildError::RootDiffers { found, wanted });
        }
        Ok(Report {
            size: self.size,
            root_hash: found,
            bundle_count: self.bundle_count,
            tile_count: self.tile_count,
        })
    }
}
