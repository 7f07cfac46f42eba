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

/// Moves objects to the cold store. See the module.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) hot: Arc<dyn HotStore>,
    pub(crate) cold: Arc<dyn ColdStore>,
    pub(crate) format: Arc<dyn Format>,
    pub(crate) fail_stop: Arc<FailStop>,
    pub(crate) clock: Arc<dyn Clock>,
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
        if publication.ended.is_some() {
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
        for id in full_objects(tiered, target) {
            let bytes = self.hot_object(id)?;
            self.check(id, &bytes)?;
            self.cold.put(id, &bytes)?;
        }
        self.cold.sync().map_err(TierError::Stop)?;
        self.hot.drop_full(target).map_err(TierError::Stop)?;
        let moved = (target.get() - tiered.get()) / OBJECT_WIDTH;
        self.metrics.bundles_tiered.add(moved);
        Ok(true)
    }

    fn hot_object(&self, id: ObjectId) -> Result<Bytes, StoreError> {
        let found = self.hot.object(id)?;
        found.ok_or_else(|| StoreError::damaged(id.to_string(), "it is missing in the hot store"))
    }

    /// Checks that an object is full and, if it is a bundle, that its entries hash to their leaves.
    fn check(&self, id: ObjectId, bytes: &[u8]) -> Result<(), StoreError> {
        match id {
            ObjectId::Tile(_) => parse_full(id, bytes).map(drop),
            ObjectId::Bundle(index) => {
                let leaves = ObjectId::Tile(TileId {
                    level: TileLevel::LEAF,
                    index,
                });
                let leaves = parse_full(leaves, &self.hot_object(leaves)?)?;
                check_bundle(self.format.as_ref(), index, bytes, &leaves)
            }
        }
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
