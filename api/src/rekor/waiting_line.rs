//! Entries on their way to a published checkpoint, and who is to be told.
//!
//! An entry is sequenced, and a moment later published. Who waits for the second has no use for the
//! first, but cannot ignore it, because that is where an entry fails; and to wake a request, one of
//! thousands, costs as much as parsing it. So one task for each log waits for all of its entries:
//! they are published in the order in which they came, and so it waits for the oldest and finds
//! others done with it. A request is woken once, with its answer.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use engine::{Log, PublishedHead, Sequenced, Ticket, UnfinishedEntry};
use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};

use crate::error::Refusal;
use crate::limits::PUBLISHING_COUNT_MAX;
use crate::verify_pool::Teller;

/// The line of one log. Its task begins with the first entry, and ends with it.
#[derive(Debug, Default)]
pub(crate) struct WaitingLine {
    end: OnceLock<Sender<Waiting>>,
}

/// An entry that is published.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) leaf: Bytes,
    pub(super) place: Sequenced,
    pub(super) head: Arc<PublishedHead>,
}

/// Whom to tell what became of an entry.
pub(super) type LoggedTeller = Teller<Result<Logged, Refusal>>;

/// One who waits.
#[derive(Debug)]
struct Waiting {
    leaf: Bytes,
    ticket: Ticket,
    teller: LoggedTeller,
}

/// Where entries get in line; clones are the same place.
#[derive(Clone, Debug)]
pub(super) struct Entrance(Sender<Waiting>);

impl WaitingLine {
    /// To be called where tasks can be started.
    pub(super) fn entrance(&self) -> Entrance {
        let begin = || {
            let (end, front) = mpsc::channel(PUBLISHING_COUNT_MAX);
            tokio::spawn(follow(front));
            end
        };
        Entrance(self.end.get_or_init(begin).clone())
    }
}

impl Entrance {
    /// Lets an entry into the log, and has somebody told once it is published, or refused.
    pub(super) fn add(&self, log: &Log, entry: UnfinishedEntry, teller: LoggedTeller) {
        // A place in line comes first: an entry that was let in is waited for.
        let place = match self.0.try_reserve() {
            Ok(place) => place,
            Err(TrySendError::Full(())) => return teller.tell(Err(Refusal::PoolFull)),
            Err(TrySendError::Closed(())) => return teller.tell(Err(Refusal::Internal)),
        };
        let leaf = entry.content().clone();
        match log.add(entry) {
            Ok(ticket) => place.send(Waiting {
                leaf,
                ticket,
                teller,
            }),
            Err(error) => teller.tell(Err(Refusal::rekor_not_admitted(error))),
        }
    }
}

/// Tells each in turn. Between threads two may have changed places, and then the older is told with
/// the younger.
async fn follow(mut front: Receiver<Waiting>) {
    while let Some(waiting) = front.recv().await {
        let Waiting {
            leaf,
            ticket,
            teller,
        } = waiting;
        if teller.is_alone() {
            continue;
        }
        let published = ticket.published().await;
        teller.tell(match published {
            Ok((place, head)) => Ok(Logged { leaf, place, head }),
            Err(error) => Err(error.into()),
        });
    }
}

#[cfg(test)]
mod tests;
