//! How long an accepted entry is waited for.
//!
//! The log always ends a wait, with an index or an error; this bounds how long the client sees
//! nothing meanwhile. Running out of time takes nothing back: the entry goes its way, and sending
//! it again finds it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use engine::{Log, PublishedHead, Sequenced, Ticket};
use tokio::time::Instant;

use crate::error::Refusal;
use crate::limits::Limits;
use crate::timers::{Elapsed, Timers};
use crate::verify_pool::Answer;

/// When one request's wait ends.
#[derive(Debug)]
pub(crate) struct Deadline<'a> {
    at: Instant,
    time_max: Duration,
    timers: &'a Timers,
}

impl<'a> Deadline<'a> {
    /// Begins now and takes most of the time one request may take; the rest is for checking it
    /// before and proving it after.
    pub(crate) fn new(limits: &Limits, timers: &'a Timers) -> Deadline<'a> {
        let time_max = limits.publish_wait_max();
        Deadline {
            at: Instant::now() + time_max,
            time_max,
            timers,
        }
    }

    /// The index of an entry, once it durably has one.
    pub(crate) async fn sequenced(&self, ticket: &Ticket) -> Result<Sequenced, Refusal> {
        // Of many entries that got their indices together only the first is waited for.
        if let Some(known) = ticket.sequenced_by_now() {
            return Ok(known?);
        }
        Ok(self.within(pin!(ticket.sequenced())).await??)
    }

    /// A head that covers every one of `places`, once there is one: for new entries the first
    /// such, for others the current one.
    pub(crate) async fn published(
        &self,
        log: &Log,
        places: &[Sequenced],
    ) -> Result<Arc<PublishedHead>, Refusal> {
        // The largest index decides; without any, the current head will do.
        match places.iter().map(|place| place.index).max() {
            None => Ok(log.published()),
            Some(last) => {
                let reader = log.reader();
                Ok(self.within(pin!(reader.published_covering(last))).await??)
            }
        }
    }

    /// What a job of the verify pool answers, or whoever it handed that on to.
    pub(crate) async fn answered<T>(&self, answer: Answer<T>) -> Result<T, Refusal> {
        self.within(pin!(answer.wait())).await?
    }

    async fn within<T>(&self, wait: Pin<&mut impl Future<Output = T>>) -> Result<T, Refusal> {
        let done = self.timers.within(self.at, wait).await;
        done.map_err(|Elapsed| Refusal::PublishTimeout(self.time_max))
    }
}
