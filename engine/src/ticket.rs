//! What a caller of `add` holds while its entry is on the way.

use std::sync::Arc;

use tiles::LeafIndex;

use crate::UnixMillis;
use crate::error::AddError;
use crate::publish::{Publication, PublishedHead};
use crate::signal::Signal;

/// Where an entry ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequenced {
    /// The entry's index. It is on disk and will never hold anything else.
    pub index: LeafIndex,
    /// Time of the batch that gave the entry this index.
    pub time: UnixMillis,
    /// Whether the entry was in the log before this call, or came twice in one batch.
    pub duplicate: bool,
}

/// The fate of a batch: a place for each entry, in order, or why there is none.
pub(crate) type BatchOutcome = Result<Arc<[Sequenced]>, AddError>;

/// A claim on one entry of a batch.
#[derive(Clone, Debug)]
pub struct Ticket {
    outcome: Arc<Signal<Option<BatchOutcome>>>,
    slot: usize,
    publication: Arc<Signal<Publication>>,
}

impl Ticket {
    pub(crate) const fn new(
        outcome: Arc<Signal<Option<BatchOutcome>>>,
        slot: usize,
        publication: Arc<Signal<Publication>>,
    ) -> Self {
        Self {
            outcome,
            slot,
            publication,
        }
    }

    /// Waits until the entry durably owns an index.
    ///
    /// # Errors
    /// See [`AddError`]: only after [`AddError::Fatal`] is it unknown whether the entry is in the
    /// log.
    pub async fn sequenced(&self) -> Result<Sequenced, AddError> {
        self.outcome
            .wait(|outcome| self.pick(outcome.as_ref()))
            .await
    }

    /// As [`Ticket::sequenced`], if that is known already.
    #[must_use]
    pub fn sequenced_by_now(&self) -> Option<Result<Sequenced, AddError>> {
        self.outcome.look(|outcome| self.pick(outcome.as_ref()))
    }

    /// As [`Ticket::sequenced`], blocking the thread.
    ///
    /// # Errors
    /// As [`Ticket::sequenced`].
    pub fn sequenced_blocking(&self) -> Result<Sequenced, AddError> {
        self.outcome
            .wait_blocking(|outcome| self.pick(outcome.as_ref()))
    }

    /// Waits until a published head covers the entry; gives its place and the first such head that
    /// this call saw.
    ///
    /// # Errors
    /// As [`Ticket::sequenced`]; also if the log stops after sequencing the entry and before
    /// publishing it. It is published when the log is opened again.
    pub async fn published(&self) -> Result<(Sequenced, Arc<PublishedHead>), AddError> {
        let place = self.sequenced().await?;
        let wanted = |publication: &Publication| publication.covering(place.index);
        Ok((place, self.publication.wait(wanted).await?))
    }

    /// As [`Ticket::published`], blocking the thread.
    ///
    /// # Errors
    /// As [`Ticket::published`].
    pub fn published_blocking(&self) -> Result<(Sequenced, Arc<PublishedHead>), AddError> {
        let place = self.sequenced_blocking()?;
        let wanted = |publication: &Publication| publication.covering(place.index);
        Ok((place, self.publication.wait_blocking(wanted)?))
    }

    fn pick(&self, outcome: Option<&BatchOutcome>) -> Option<Result<Sequenced, AddError>> {
        Some(match outcome? {
            Ok(places) => Ok(*places
                .get(self.slot)
                .expect("a batch resolves every slot it gave out")),
            Err(error) => Err(error.clone()),
        })
    }
}
