//! Reads: checkpoint, tiles, entry bundles, entries and proofs, never beyond the published tree.
//!
//! A reader shares nothing with the sequencer but the published head. It looks for an object in
//! the hot store, then in the cold one. Objects move only in that direction, and are in both stores
//! while they do, so one of the two looks finds it.

use std::sync::Arc;

use bytes::Bytes;
use tiles::{
    BundleRef, Hash, LeafIndex, ProofBuildError, Tile, TileId, TileRef, TileSource, TileWidth,
    TreeSize,
};

use crate::UnixMillis;
use crate::dedup::Dedup;
use crate::error::{AddError, ReadError, StoreError};
use crate::fail_stop::FailStop;
use crate::format::{Format, Identity};
use crate::publish::{Publication, PublishedHead};
use crate::signal::Signal;
use crate::store::{ColdStore, HotStore, OBJECT_WIDTH, ObjectId, StoredBytes};
use crate::tile_cache::TileCache;

/// Reads one log. Cheap to clone; every call blocks for as long as the store takes.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(crate) hot: Arc<dyn HotStore>,
    pub(crate) cold: Arc<dyn ColdStore>,
    pub(crate) format: Arc<dyn Format>,
    pub(crate) publication: Arc<Signal<Publication>>,
    /// Shared by all readers of the log.
    pub(crate) tile_cache: Arc<TileCache>,
    /// Every identity there is; nobody but the log's owner has it.
    pub(crate) dedup: Option<Arc<Dedup>>,
    /// Tripped by a damaged record: a log that cannot be read must not grow.
    pub(crate) fail_stop: Option<Arc<FailStop>>,
}

impl Reader {
    /// The newest published head.
    #[must_use]
    pub fn published(&self) -> Arc<PublishedHead> {
        self.publication.get().head
    }

    /// Waits for a published head that covers `index`.
    ///
    /// # Errors
    /// If the log stops before there is one.
    pub async fn published_covering(
        &self,
        index: LeafIndex,
    ) -> Result<Arc<PublishedHead>, AddError> {
        self.publication
            .wait(|publication| publication.covering(index))
            .await
    }

    /// As [`Reader::published_covering`], blocking the thread.
    ///
    /// # Errors
    /// As [`Reader::published_covering`].
    pub fn published_covering_blocking(
        &self,
        index: LeafIndex,
    ) -> Result<Arc<PublishedHead>, AddError> {
        self.publication
            .wait_blocking(|publication| publication.covering(index))
    }

    /// The log's format.
    #[must_use]
    pub fn format(&self) -> &dyn Format {
        self.format.as_ref()
    }

    /// The bytes of a tile, exactly as wide as asked for; `None` if the published tree has no such
    /// tile, or not that wide.
    ///
    /// # Errors
    /// If a store fails.
    pub fn tile(&self, tile: TileRef) -> Result<Option<Bytes>, ReadError> {
        let available = tile.id.width_at(self.published().size);
        if available.is_none_or(|available| available < tile.width) {
            return Ok(None);
        }
        self.tile_prefix(tile).map(Some)
    }

    /// The bytes of an entry bundle, with exactly as many entries as asked for; `None` if the
    /// published tree has no such bundle, or not that many entries in it.
    ///
    /// # Errors
    /// If a store fails.
    pub fn bundle(&self, bundle: BundleRef) -> Result<Option<StoredBytes>, ReadError> {
        let available = BundleRef::at(bundle.index, self.published().size);
        if available.is_none_or(|available| available.width < bundle.width) {
            return Ok(None);
        }
        let id = ObjectId::Bundle(bundle.index);
        let stored = self.object(id)?;
        if let StoredBytes::Zstd { .. } = stored
            && bundle.width == TileWidth::FULL
        {
            return Ok(Some(stored));
        }
        let bytes = self.checked(stored.plain())?;
        let len = self.checked(
            self.format
                .bundle_prefix_len(&bytes, bundle.width.count())
                .map_err(|error| StoreError::damaged(id.to_string(), error.to_string())),
        )?;
        Ok(Some(StoredBytes::Plain(bytes.slice(..len))))
    }

    /// The stored entry at `index`; `None` beyond the published tree.
    ///
    /// # Errors
    /// If a store fails.
    pub fn entry(&self, index: LeafIndex) -> Result<Option<Bytes>, ReadError> {
        let bundle = bundle_ending_with(index);
        let Some(stored) = self.bundle(bundle)? else {
            return Ok(None);
        };
        let bytes = self.checked(stored.plain())?;
        let entries = self.format.split_bundle(&bytes, bundle.width.count());
        let entries = self.checked(entries.map_err(|error| {
            StoreError::damaged(
                ObjectId::Bundle(bundle.index).to_string(),
                error.to_string(),
            )
        }))?;
        Ok(entries.last().map(|entry| bytes.slice_ref(entry)))
    }

    /// Time of the batch that sequenced the entry at `index`; `None` beyond the published tree.
    ///
    /// # Errors
    /// If the store fails.
    pub fn time_of(&self, index: LeafIndex) -> Result<Option<UnixMillis>, ReadError> {
        if !self.published().size.contains(index) {
            return Ok(None);
        }
        Ok(self.checked(self.hot.time_of(index))?)
    }

    /// The index that `identity` owns, if it is within the published tree.
    ///
    /// # Errors
    /// If the store fails, or another process has the log open.
    pub fn find(&self, identity: &Identity) -> Result<Option<LeafIndex>, ReadError> {
        let dedup = self.dedup.as_ref().ok_or(ReadError::NotTheOwner)?;
        let found = self.checked(dedup.find(identity))?;
        let size = self.published().size;
        Ok(found.filter(|index| size.contains(*index)))
    }

    /// Inclusion proof of the leaf at `index` in the tree of `size` (RFC 6962 section 2.1.1).
    ///
    /// # Errors
    /// If `size` is not published, `index` is not within it, or a store fails.
    pub fn inclusion_proof(
        &self,
        index: LeafIndex,
        size: TreeSize,
    ) -> Result<Vec<Hash>, ReadError> {
        self.within(size)?;
        tiles::inclusion_proof(self, index, size).map_err(|error| self.proof_error(error))
    }

    /// Consistency proof between two tree sizes (RFC 6962 section 2.1.2).
    ///
    /// # Errors
    /// If `new` is not published, `old` is zero or larger than `new`, or a store fails.
    pub fn consistency_proof(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Hash>, ReadError> {
        self.within(new)?;
        tiles::consistency_proof(self, old, new).map_err(|error| self.proof_error(error))
    }

    /// Root hash of the tree of `size`.
    ///
    /// # Errors
    /// If `size` is not published or a store fails.
    pub fn root_hash(&self, size: TreeSize) -> Result<Hash, ReadError> {
        self.within(size)?;
        tiles::root_hash(self, size).map_err(|error| self.proof_error(error))
    }

    fn within(&self, size: TreeSize) -> Result<(), ReadError> {
        let published = self.published().size;
        if size <= published {
            return Ok(());
        }
        Err(ReadError::OutOfRange {
            what: format!("size {}", size.get()),
            published,
        })
    }

    fn proof_error(&self, error: ProofBuildError<ReadError>) -> ReadError {
        match error {
            ProofBuildError::Source(error) => error,
            other => {
                let published = self.published().size;
                ReadError::OutOfRange {
                    what: other.to_string(),
                    published,
                }
            }
        }
    }

    /// The first hashes of a tile that some committed head covers.
    fn tile_prefix(&self, tile: TileRef) -> Result<Bytes, ReadError> {
        let id = ObjectId::Tile(tile.id);
        let bytes = self.checked(self.object(id)?.plain())?;
        let len = tile.width.count() * tiles::HASH_LEN_BYTES;
        if bytes.len() < len {
            let why = format!("{} bytes are stored, {len} are published", bytes.len());
            let damaged = StoreError::damaged(id.to_string(), why);
            return self.checked(Err(damaged)).map_err(ReadError::Store);
        }
        Ok(bytes.slice(..len))
    }

    fn object(&self, id: ObjectId) -> Result<StoredBytes, ReadError> {
        if let Some(bytes) = self.checked(self.hot.object(id))? {
            return Ok(StoredBytes::Plain(bytes));
        }
        if let Some(stored) = self.checked(self.cold.get(id))? {
            return Ok(stored);
        }
        if let Some(fail_stop) = &self.fail_stop {
            fail_stop.trip(&ReadError::Missing(id).to_string());
        }
        Err(ReadError::Missing(id))
    }

    /// Lets a damaged record stop the log.
    fn checked<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let (Err(error @ StoreError::Damaged { .. }), Some(fail_stop)) =
            (&result, &self.fail_stop)
        {
            fail_stop.trip(&error.to_string());
        }
        result
    }
}

impl TileSource for Reader {
    type Error = ReadError;

    fn tile(&self, tile: TileRef) -> Result<Tile, ReadError> {
        if let Some(known) = self.tile_cache.get(tile) {
            return Ok(known);
        }
        let bytes = self.tile_prefix(tile)?;
        let parsed = Tile::parse(&bytes, tile.width).map_err(|error| {
            StoreError::damaged(ObjectId::Tile(tile.id).to_string(), error.to_string())
        });
        let parsed = self.checked(parsed)?;
        self.tile_cache.insert(tile, parsed.clone());
        Ok(parsed)
    }
}

/// The part of an entry bundle whose last entry is the one at `index`.
fn bundle_ending_with(index: LeafIndex) -> BundleRef {
    let count = u16::try_from(index.get() % OBJECT_WIDTH + 1).expect("1 to 256");
    let width = TileWidth::new(count).expect("1 to 256");
    BundleRef {
        index: index.get() / OBJECT_WIDTH,
        width,
    }
}

/// Reads the tiles of a store without regard to what is published: for recovery.
#[derive(Debug)]
pub(crate) struct StoredTiles<'a> {
    pub(crate) hot: &'a dyn HotStore,
    pub(crate) cold: &'a dyn ColdStore,
}

impl StoredTiles<'_> {
    /// All stored bytes of an object.
    pub(crate) fn object(&self, id: ObjectId) -> Result<Bytes, StoreError> {
        if let Some(bytes) = self.hot.object(id)? {
            return Ok(bytes);
        }
        let stored = self.cold.get(id)?;
        stored
            .ok_or_else(|| StoreError::damaged(id.to_string(), "it is missing"))?
            .plain()
    }

    /// The first `width` hashes of a tile.
    pub(crate) fn hashes(&self, id: TileId, width: TileWidth) -> Result<Tile, StoreError> {
        let id = ObjectId::Tile(id);
        let bytes = self.object(id)?;
        let len = width.count() * tiles::HASH_LEN_BYTES;
        let too_short = || StoreError::damaged(id.to_string(), "it holds too few hashes");
        let prefix = bytes.get(..len).ok_or_else(too_short)?;
        Tile::parse(prefix, width)
            .map_err(|error| StoreError::damaged(id.to_string(), error.to_string()))
    }
}

impl TileSource for StoredTiles<'_> {
    type Error = StoreError;

    fn tile(&self, tile: TileRef) -> Result<Tile, StoreError> {
        self.hashes(tile.id, tile.width)
    }
}
