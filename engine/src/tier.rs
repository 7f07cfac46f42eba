//! Tiering: full bundles and tiles move from the hot to the cold store.
//!
//! Order: every object of a step is checked and put, and the cold store is synced, before the hot
//! store forgets any of them, so at each instant at least one store has each object. Nothing past
//! the published size moves.
//!
//! A put that fails is tried again. A sync that fails is not: the system reports a lost write once,
//! and a second sync would succeed over it. That, like an object that is not what it should be,
//! stops the log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rayon::prelude::*;
use tiles::{Tile, TileId, TileLevel, TileWidth, TreeSize};

use crate::clock::Clock;
use crate::driver::Step;
use crate::error::StoreError;
use crate::fail_stop::FailStop;
use crate::format::{Format, check_bundle};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::publish::Publication;
use crate::signal::Signal;
use crate::store::{ColdStore, HotStore, OBJECT_WIDTH, ObjectId, full_objects};

/// Bundles that are read, checked, compressed and put in one go. The log's batches are hashed by
/// the same threads and wait for no more than this: a millisecond or two.
const BUNDLES_AT_ONCE: usize = 8;

/// Moves objects to the cold store. See the module.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) hot: Arc<dyn HotStore>,
    pub(crate) cold: Arc<dyn ColdStore>,
    pub(crate) format: Arc<dyn Format>,
    pub(crate) fail_stop: Arc<FailStop>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hashing: Arc<rayon::ThreadPool>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) publication: Arc<Signal<Publication>>,
    /// Monotonic time of the last failed step. Owned by the tier.
    pub(crate) failed_at: Option<Duration>,
}

impl Tier {
    /// Moves a bounded number of objects.
    pub(crate) fn step(&mut self) -> Step {
        let publication = self.publication.get();
        if publication.ended.is_some() || self.fail_stop.reason().is_some() {
            return Step::Done;
        }
        let now = self.clock.monotonic();
        if let Some(failed_at) = self.failed_at {
            let retry_at = failed_at.saturating_add(self.limits.retry_delay);
            if now < retry_at {
                return Step::Wait(Some(retry_at.saturating_sub(now)));
            }
        }
        match self.advance(publication.head.size) {
            Ok(true) => {
                self.failed_at = None;
                Step::Again
            }
            Ok(false) => Step::Wait(None),
            Err(TierError::Retry(error)) => {
                self.metrics.tier_failures.add(1);
                tracing::error!(%error, "moving full tiles to the cold store failed; trying again");
                self.failed_at = Some(now);
                Step::Again
            }
            Err(TierError::Stop(error)) => {
                self.metrics.tier_failures.add(1);
                self.fail_stop
                    .trip(&format!("moving full tiles to the cold store: {error}"));
                Step::Done
            }
        }
    }

    /// Moves what is due, up to the bound of one step; says whether anything was.
    fn advance(&self, published: TreeSize) -> Result<bool, TierError> {
        let tiered = self.hot.tiered()?;
        #[cfg(feature = "planted-bugs")]
        let published = if crate::planted::is(crate::planted::Bug::HotDropPastPublished) {
            self.hot.head()?.size
        } else {
            published
        };
        let due = published.get().saturating_sub(self.limits.hot_entries);
        let due = due - due % OBJECT_WIDTH;
        let most = self
            .limits
            .tier_bundles_per_step
            .saturating_mul(OBJECT_WIDTH);
        let target = TreeSize::new(due.min(tiered.get().saturating_add(most)));
        if target <= tiered {
            return Ok(false);
        }
        let bundles: Vec<u64> =
            (tiered.get() / OBJECT_WIDTH..target.get() / OBJECT_WIDTH).collect();
        let mut len_bytes = 0_u64;
        for some in bundles.chunks(BUNDLES_AT_ONCE) {
            let put = self.hashing.install(|| self.put_bundles(some))?;
            len_bytes = len_bytes.saturating_add(put);
        }
        let put = self.put_tiles_above(tiered, target)?;
        self.cold.sync().map_err(TierError::Stop)?;
        self.hot
            .drop_full(target, len_bytes.saturating_add(put))
            .map_err(TierError::Stop)?;
        let moved = (target.get() - tiered.get()) / OBJECT_WIDTH;
        self.metrics.bundles_tiered.add(moved);
        Ok(true)
    }

    /// Puts some bundles and the tiles of their leaves; says how many bytes they take.
    fn put_bundles(&self, indices: &[u64]) -> Result<u64, StoreError> {
        let read: Vec<Result<[(ObjectId, Bytes); 2], StoreError>> = indices
            .par_iter()
            .map(|index| self.checked_bundle(*index))
            .collect();
        let mut objects = Vec::with_capacity(2 * indices.len());
        for pair in read {
            objects.extend(pair?);
        }
        self.cold.put_all(&objects)
    }

    /// A full bundle and the tile of its leaves; its entries hash to them.
    fn checked_bundle(&self, index: u64) -> Result<[(ObjectId, Bytes); 2], StoreError> {
        let bundle = ObjectId::Bundle(index);
        let tile = ObjectId::Tile(TileId::new(TileLevel::LEAF, index));
        let hashes = self.stored(tile)?;
        let leaves = parse_full(tile, &hashes)?;
        let entries = self.stored(bundle)?;
        check_bundle(self.format.as_ref(), index, &entries, &leaves)?;
        Ok([(bundle, entries), (tile, hashes)])
    }

    /// Puts the tiles above the leaves that became full.
    fn put_tiles_above(&self, old: TreeSize, new: TreeSize) -> Result<u64, StoreError> {
        let above = full_objects(old, new).into_iter().filter(|id| match id {
            ObjectId::Tile(tile) => tile.level != TileLevel::LEAF,
            ObjectId::Bundle(_) => false,
        });
        let read = |id| {
            let bytes = self.stored(id)?;
            parse_full(id, &bytes)?;
            Ok((id, bytes))
        };
        let objects: Result<Vec<_>, StoreError> = above.map(read).collect();
        self.cold.put_all(&objects?)
    }

    /// An object that is full. It may have left the hot store already, if the record of that was
    /// lost: then it is in the cold store, and is put there again.
    fn stored(&self, id: ObjectId) -> Result<Bytes, StoreError> {
        if let Some(bytes) = self.hot.object(id)? {
            return Ok(bytes);
        }
        let missing = || StoreError::damaged(id.to_string(), "it is missing in both stores");
        self.cold.get(id)?.ok_or_else(missing)?.plain()
    }
}

fn parse_full(id: ObjectId, bytes: &[u8]) -> Result<Tile, StoreError> {
    Tile::parse(bytes, TileWidth::FULL)
        .map_err(|error| StoreError::damaged(id.to_string(), error.to_string()))
}

/// Why nothing, or not everything, was moved.
enum TierError {
    /// Trying again may help and does no harm.
    Retry(StoreError),
    /// It is unknown what is on disk, or what is there is wrong.
    Stop(StoreError),
}

impl From<StoreError> for TierError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { .. } | StoreError::Differs { .. } => Self::Stop(error),
            _ => Self::Retry(error),
        }
    }
}
