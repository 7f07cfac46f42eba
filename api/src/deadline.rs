//! How long an accepted entry is waited for.
//!
//! The log always ends a wait, with an index or an error; this bounds how long the client sees
//! nothing meanwhile. Running out of time takes nothing back: the entry goes its way, and sending
//! it again finds it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use engine::{Log, PublishedHead, Sequenced, Ticket};
use tokio::time::Instant;

use crate::error::Refusal;
use crate::limits::Limits;

/// When one request's wait ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    time_max: Duration,
}

impl Deadline {
    /// Begins now and takes most of the time one request may take; the rest is for checking it
    /// before and proving it after.
    pub(crate) fn new(limits: &Limits) -> Deadline {
        let time_max = limits.publish_wait_max();
        Deadline {
            at: Instant::now() + time_max,
            time_max,
        }
    }

    /// The index of an entry, once it durably has one.
    pub(crate) async fn sequenced(self, ticket: &Ticket) -> Result<Sequenced, Refusal> {
        Ok(self.within(ticket.sequenced()).await??)
    }

    /// A head that covers every one of `places`, once there is one: for new entries the first
    /// such, for others the current one.
    pub(crate) async fn published(
        self,
        log: &Log,
        places: &[Sequenced],
    ) -> Result<Arc<PublishedHead>, Refusal> {
        // The largest index decides; without any, the current head will do.
        match places.iter().map(|place| place.index).max() {
            None => Ok(log.published()),
            Some(last) => Ok(self.within(log.reader().published_covering(last)).await??),
        }
    }

    async fn within<T>(self, wait: impl Future<Output = T>) -> Result<T, Refusal> {
        let timeout = Refusal::PublishTimeout(self.time_max);
        tokio::time::timeout_at(self.at, wait)
            .await
            .map_err(|_| timeout)
    }
}
