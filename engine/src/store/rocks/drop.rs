//! How full objects leave the hot store, and the options that let them leave as whole files.
//!
//! The record of what was tiered is written first, and synced. From then on everything below it is
//! hidden, however much of it is still there; so nothing has to vanish at once, and a crash at any
//! point leaves a state that is simply behind. Then the files that hold nothing else are taken out
//! of the store: no tombstones, no rewriting. What shares a file with newer objects goes with the
//! file when those go.
//!
//! Files can be dropped because keys grow with the log: a file holds neighbours. Tiles sort by
//! level; those above the leaves are one in 256, too few to fill files, and are deleted by range.
//!
//! Should a crash lose the record and not the files (a damaged end of the write-ahead log), the
//! objects are in the cold store, and are moved from there once more.

use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{DBCompressionType, Options, properties};
use tiles::{TileId, TileLevel, TreeSize};

use super::super::{OBJECT_WIDTH, ObjectId, record};
use super::{BUNDLES, FAMILIES, KEY_TIERED, META, RocksStore, TILES, encoding};
use super::{object_prefix, piece_key};
use crate::error::StoreError;

/// How many bundles are given up before files are looked for: a look takes a lock that writers
/// need, and no file is smaller than this many bundles or tiles.
const BUNDLES_PER_LOOK: u64 = 256;

/// The size below which full objects are hidden; it only grows.
#[derive(Debug, Default)]
pub(super) struct Dropped(AtomicU64);

impl Dropped {
    /// Whether the object is full in the tree that was moved away.
    pub(super) fn covers(&self, id: ObjectId) -> bool {
        let size = TreeSize::new(self.0.load(Ordering::Acquire));
        match id {
            ObjectId::Bundle(index) => index < size.get() / OBJECT_WIDTH,
            ObjectId::Tile(id) => id.width_at(size).is_some_and(tiles::TileWidth::is_full),
        }
    }

    fn grow(&self, size: TreeSize) {
        self.0.fetch_max(size.get(), Ordering::AcqRel);
    }
}

impl RocksStore {
    /// Hides what the record says was moved. A record that cannot be read hides nothing: whoever
    /// asks for it is told.
    pub(super) fn hide_what_was_dropped(&self) {
        if let Ok((size, _)) = self.tiered_record() {
            self.dropped.grow(size);
        }
    }

    /// Size that was moved to the cold store, and the bytes it takes there.
    pub(super) fn tiered_record(&self) -> Result<(TreeSize, u64), StoreError> {
        encoding::decode_tiered(&self.meta(KEY_TIERED)?).ok_or_else(|| {
            StoreError::damaged("meta/tiered in the hot store", "it cannot be decoded")
        })
    }

    pub(super) fn drop_objects(
        &self,
        size: TreeSize,
        added_len_bytes: u64,
    ) -> Result<(), StoreError> {
        assert_eq!(
            size.get() % OBJECT_WIDTH,
            0,
            "only full objects are dropped"
        );
        let (old, len_bytes) = self.tiered_record()?;
        if size <= old {
            return Ok(());
        }
        let len_bytes = len_bytes.saturating_add(added_len_bytes);
        let mut batch = self.mark.batch();
        let tiered = record::seal(KEY_TIERED, &encoding::encode_tiered(size, len_bytes));
        batch.put_cf(&self.family(META)?, KEY_TIERED, tiered);
        let tiles = self.family(TILES)?;
        for (level, gone) in full_above_leaves(old, size) {
            let prefix = |index| object_prefix(ObjectId::Tile(TileId { level, index }));
            batch.delete_range_cf(&tiles, prefix(gone.start), prefix(gone.end));
        }
        self.write(batch)?;
        self.dropped.grow(size);
        let look = |size: TreeSize| size.get() / OBJECT_WIDTH / BUNDLES_PER_LOOK;
        if look(size) > look(old) {
            self.drop_files(size)?;
        }
        Ok(())
    }

    /// Drops the files that hold nothing but bundles and leaf tiles that are hidden.
    fn drop_files(&self, size: TreeSize) -> Result<(), StoreError> {
        let Some(last) = (size.get() / OBJECT_WIDTH).checked_sub(1) else {
            return Ok(());
        };
        let leaf_tile = |index| ObjectId::Tile(TileId::new(TileLevel::LEAF, index));
        let ranges = [
            (BUNDLES, ObjectId::Bundle(0), ObjectId::Bundle(last)),
            (TILES, leaf_tile(0), leaf_tile(last)),
        ];
        for (family, first, last) in ranges {
            let from = piece_key(&object_prefix(first), 0);
            let to = piece_key(&object_prefix(last), u16::MAX);
            let family = self.family(family)?;
            self.db.delete_file_in_range_cf(&family, from, to)?;
        }
        Ok(())
    }

    /// Bytes of the files of each column family.
    pub(super) fn sizes_on_disk(&self) -> Vec<(&'static str, u64)> {
        let size_of = |name| {
            let family = self.family(name).ok()?;
            let size = self
                .db
                .property_int_value_cf(&family, properties::TOTAL_SST_FILES_SIZE);
            Some((name, size.ok()??))
        };
        FAMILIES.into_iter().filter_map(size_of).collect()
    }
}

/// Which tiles of each level above the leaves become full between two sizes.
fn full_above_leaves(
    old: TreeSize,
    new: TreeSize,
) -> impl Iterator<Item = (TileLevel, std::ops::Range<u64>)> {
    let mut full = old.get() / OBJECT_WIDTH..new.get() / OBJECT_WIDTH;
    let levels = (1..).map_while(TileLevel::new);
    levels.map_while(move |level| {
        full = full.start / OBJECT_WIDTH..full.end / OBJECT_WIDTH;
        (!full.is_empty()).then(|| (level, full.clone()))
    })
}

/// What is particular about column families whose keys grow with the log.
pub(super) fn set_options(name: &str, options: &mut Options) {
    // A file leaves as a whole, so files are small enough that little stays behind with the few
    // newer objects that share one. What memory gives up at once becomes one such file.
    let file_bytes = if name == BUNDLES {
        BUNDLES_FILE_BYTES
    } else {
        TILES_FILE_BYTES
    };
    options.set_write_buffer_size(file_bytes);
    options.set_target_file_size_base(u64::try_from(file_bytes).unwrap_or(u64::MAX));
    // Files are dropped from every level but the first; two of them there are enough to be merged,
    // which costs no more than later: neighbours overlap in one object at most.
    options.set_level_zero_file_num_compaction_trigger(2);
    // Nothing is compressed here. The newest objects are a bounded part of a log, and what they
    // save on disk for a while they cost in CPU twice: written, and read again to be moved.
    options.set_compression_type(DBCompressionType::None);
}

/// About 400 bundles of 256 entries of 300 bytes.
const BUNDLES_FILE_BYTES: usize = 32 * 1024 * 1024;

/// A thousand tiles of 256 hashes.
const TILES_FILE_BYTES: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests;
