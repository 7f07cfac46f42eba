//! Large answers that their readers have not taken yet, within a budget.
//!
//! A client that asks for much and reads nothing would otherwise have the server hold all of it.
//! The share of the budget belongs to the bytes themselves, not to the body that carries them: the
//! transport takes a body's bytes over long before it may send them, and they count until then.
//!
//! While an answer finds no room, the readers of those that are there have less time: see
//! [`Unread::crowded`]. So whoever stalls shuts nobody out for long.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::error::Refusal;

/// The budget is kept in units, because a semaphore counts in 32 bits.
const UNIT_LEN_BYTES: usize = 1024;

/// Memory for answers of one kind. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct UnreadBudget {
    room: Arc<Semaphore>,
    units: usize,
    /// Told whenever an answer finds no room.
    crowded: Arc<Notify>,
}

impl UnreadBudget {
    pub(crate) fn new(len_bytes: usize) -> UnreadBudget {
        let units = (len_bytes / UNIT_LEN_BYTES).min(Semaphore::MAX_PERMITS);
        UnreadBudget {
            room: Arc::new(Semaphore::new(units)),
            units,
            crowded: Arc::default(),
        }
    }

    /// Whether there may be room for an answer; if not, none needs to be made.
    ///
    /// # Errors
    /// `AnswersFull` if there is none for the smallest.
    pub(crate) fn check_room(&self) -> Result<(), Refusal> {
        self.take(1).map(drop)
    }

    /// Room for an answer, if there is some now.
    ///
    /// # Errors
    /// `AnswersFull` if there is none.
    pub(crate) fn take(&self, len_bytes: usize) -> Result<Share, Refusal> {
        let taken = Arc::clone(&self.room).try_acquire_many_owned(self.units_of(len_bytes));
        taken.map(|permit| self.share(permit)).map_err(|_| {
            self.crowded.notify_waiters();
            Refusal::AnswersFull
        })
    }

    /// Room for an answer, waiting for it.
    ///
    /// # Errors
    /// `AnswersFull` if there is none in time.
    pub(crate) async fn take_within(
        &self,
        len_bytes: usize,
        time_max: Duration,
    ) -> Result<Share, Refusal> {
        if let Ok(share) = self.take(len_bytes) {
            return Ok(share);
        }
        let taking = Arc::clone(&self.room).acquire_many_owned(self.units_of(len_bytes));
        match tokio::time::timeout(time_max, taking).await {
            Ok(Ok(permit)) => Ok(self.share(permit)),
            _ => Err(Refusal::AnswersFull),
        }
    }

    fn share(&self, permit: OwnedSemaphorePermit) -> Share {
        Share {
            permit,
            crowded: Arc::clone(&self.crowded),
        }
    }

    /// One answer larger than the whole budget takes all of it.
    fn units_of(&self, len_bytes: usize) -> u32 {
        let units = len_bytes.div_ceil(UNIT_LEN_BYTES).clamp(1, self.units);
        u32::try_from(units).unwrap_or(u32::MAX)
    }
}

/// Room for one answer, given back when this or the answer made with it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    permit: OwnedSemaphorePermit,
    /// The budget's.
    crowded: Arc<Notify>,
}

impl Share {
    /// Makes `bytes` the body of `response`. They hold the share, less what it has too much, and
    /// [`Unread`] among the extensions tells whether they are still held.
    pub(crate) fn fill(mut self, response: &mut Response, bytes: Bytes) {
        let units = bytes.len().div_ceil(UNIT_LEN_BYTES).max(1);
        let excess = self.permit.num_permits().saturating_sub(units);
        drop(self.permit.split(excess));
        let alive = Arc::new(());
        let unread = Unread {
            alive: Arc::downgrade(&alive),
            crowded: Arc::clone(&self.crowded),
        };
        let held = Held {
            bytes,
            _share: self,
            _alive: alive,
        };
        response.extensions_mut().insert(unread);
        *response.body_mut() = Body::from(Bytes::from_owner(held));
    }
}

/// Bytes and what goes when the last reference to them does.
struct Held {
    bytes: Bytes,
    _share: Share,
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Tells whether some of an answer still waits to be sent.
#[derive(Clone)]
pub(crate) struct Unread {
    alive: Weak<()>,
    crowded: Arc<Notify>,
}

impl Unread {
    pub(crate) fn is_held(&self) -> bool {
        self.alive.strong_count() > 0
    }

    /// Returns the next time that another answer finds no room.
    pub(crate) async fn crowded(&self) {
        self.crowded.notified().await;
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unread").field(&self.is_held()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn bytes_count_until_the_last_of_them_is_gone() {
        let budget = UnreadBudget::new(4 * UNIT_LEN_BYTES);
        let mut response = Response::new(Body::empty());
        let share = budget.take(3 * UNIT_LEN_BYTES).unwrap();
        share.fill(&mut response, Bytes::from(vec![7; UNIT_LEN_BYTES + 1]));
        // Two units are the answer's, the third was too much.
        assert_eq!(
            budget.take(3 * UNIT_LEN_BYTES).unwrap_err(),
            Refusal::AnswersFull
        );
        let unread = response.extensions_mut().remove::<Unread>().unwrap();
        let mut body = response.into_body();
        let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
        drop(body);
        let last = bytes.split_off(UNIT_LEN_BYTES);
        drop(bytes);
        assert!(unread.is_held());
        assert!(budget.take(3 * UNIT_LEN_BYTES).is_err());
        drop(last);
        assert!(!unread.is_held());
        drop(budget.take(4 * UNIT_LEN_BYTES).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_wait_for_room_gets_it_or_an_end() {
        let budget = UnreadBudget::new(UNIT_LEN_BYTES);
        budget.check_room().unwrap();
        let share = budget.take(9 * UNIT_LEN_BYTES).unwrap();
        assert_eq!(budget.check_room(), Err(Refusal::AnswersFull));
        let second = Duration::from_secs(1);
        let waited = budget.take_within(1, second).await;
        assert_eq!(waited.unwrap_err(), Refusal::AnswersFull);
        tokio::spawn(async move {
            tokio::time::sleep(second / 2).await;
            drop(share);
        });
        budget.take_within(1, second).await.unwrap();
    }
}
