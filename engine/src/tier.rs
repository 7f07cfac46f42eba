//! Tiering: full bundles and tiles move from the hot to the cold store.
//!
//! Order: every object of a step is put and the cold store is synced before the hot store forgets
//! any of them, so at each instant at least one store has each object. Nothing past the published
//! size moves.

use std::sync::Arc;
use std::time::Duration;

use tiles::TreeSize;

use crate::clock::Clock;
use crate::driver::Step;
use crate::error::ReadError;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::publish::Publication;
use crate::signal::Signal;
use crate::store::{ColdStore, HotStore, OBJECT_WIDTH, full_objects};

/// Moves objects to the cold store. See the module.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) hot: Arc<dyn HotStore>,
    pub(crate) cold: Arc<dyn ColdStore>,
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
            Err(error) => {
                self.metrics.tier_failures.add(1);
                tracing::error!(%error, "moving full tiles to the cold store failed; trying again");
                self.failed_at = Some(now);
                Step::Again
            }
        }
    }

    /// Moves what is due, up to the bound of one step; says whether anything was.
    fn advance(&self, published: TreeSize) -> Result<bool, ReadError> {
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
            let bytes = self.hot.object(id)?.ok_or(ReadError::Missing(id))?;
            self.cold.put(id, &bytes)?;
        }
        self.cold.sync()?;
        self.hot.drop_full(target)?;
        self.metrics
            .bundles_tiered
            .add((target.get() - tiered.get()) / OBJECT_WIDTH);
        Ok(true)
    }
}
