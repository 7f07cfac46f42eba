//! From a chain to a promise. The order of the steps is the safety of it; see `ct`.

use std::sync::Arc;

use bytes::Bytes;
use ca::{OwnPromise, Precertificate};
use engine::{Identity, Log, Sequenced, UnfinishedEntry};
use sigstore::ct_entry::chain::SubmittedAs;
use sigstore::ct_entry::{Logged, TileLeaf, index_extensions};
use sigstore::{ChainError, CheckedIssuers, SubmittedChain, UnixMillis};
use tiles::LeafIndex;

use super::{CertificateLog, certificate_log};
use crate::app::ServedLog;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::read;
use crate::route::Service;

/// Logs a precertificate for the certificate authority of this process. What comes back may be
/// promised: the entry is on disk under its index.
///
/// # Errors
/// The authority does not lead to a root of the log, or the log can't take it now; without a
/// promise no certificate may be issued.
pub(crate) async fn add_own(
    served: &ServedLog,
    precertificate: &Precertificate,
    deadline: &Deadline<'_>,
) -> Result<Promised, Refusal> {
    if served.read_only {
        return Err(Refusal::Frozen);
    }
    let log = certificate_log(served)?;
    let above = precertificate.chain().certificates();
    let issuers = log.inner.known_issuers.leading_to_a_root(above)?;
    let submission = Submission::Own(precertificate.clone(), issuers);
    submission.add(served, deadline).await
}

/// Logs what was submitted from outside.
pub(super) async fn add(
    service: &Service,
    served: &ServedLog,
    (submitted_as, certificates): (SubmittedAs, Vec<Vec<u8>>),
    deadline: &Deadline<'_>,
) -> Result<Promised, Refusal> {
    let log = certificate_log(served)?.clone();
    let check = move || {
        let issuers = &log.inner.known_issuers;
        issuers.check(submitted_as, certificates)
    };
    let checked = service.verify.run(check).await??;
    Submission::Checked(checked).add(served, deadline).await
}

/// What may be logged.
enum Submission {
    /// It came from outside, and was checked.
    Checked(SubmittedChain),
    /// It was made here, below issuers that were checked.
    Own(Precertificate, Arc<CheckedIssuers>),
}

impl Submission {
    async fn add(self, served: &ServedLog, deadline: &Deadline<'_>) -> Result<Promised, Refusal> {
        let (log, certificate_log) = (read::open(served)?, certificate_log(served)?);
        let entry = self.entry()?;
        keep_issuers(certificate_log, self.issuers()).await?;
        let ticket = log.add(entry).map_err(Refusal::not_admitted)?;
        let place = deadline.sequenced(&ticket).await?;
        if place.duplicate {
            return known(certificate_log, log, place, deadline).await;
        }
        let time = UnixMillis::new(place.time.get());
        Promised::of(certificate_log, &self.leaf(place.index, time))
    }

    /// The entry that the log's format will finish.
    fn entry(&self) -> Result<UnfinishedEntry, Refusal> {
        let unfinished = self.leaf(LeafIndex::new(0), UnixMillis::default());
        let content = unfinished.encode().map_err(ChainError::from)?;
        let identity = Identity::new(self.logged().identity());
        Ok(UnfinishedEntry::with_identity(
            identity,
            Bytes::from(content),
        ))
    }

    fn leaf(&self, index: LeafIndex, timestamp: UnixMillis) -> TileLeaf<'_> {
        TileLeaf {
            timestamp,
            index,
            logged: self.logged(),
            issuers: self.issuers().fingerprints().to_vec(),
        }
    }

    fn logged(&self) -> Logged<'_> {
        match self {
            Submission::Checked(chain) => chain.logged(),
            Submission::Own(precertificate, _) => precertificate.logged(),
        }
    }

    fn issuers(&self) -> &Arc<CheckedIssuers> {
        match self {
            Submission::Checked(chain) => chain.issuers(),
            Submission::Own(_, issuers) => issuers,
        }
    }
}

/// Makes the certificates above the entry durable. Nearly always they are there.
async fn keep_issuers(log: &CertificateLog, above: &Arc<CheckedIssuers>) -> Result<(), Refusal> {
    if log.inner.issuers.have(above.fingerprints()) {
        return Ok(());
    }
    let (log, above) = (log.clone(), Arc::clone(above));
    let keep = move || log.inner.issuers.keep(above.certificates());
    let kept = tokio::task::spawn_blocking(keep).await;
    match kept {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "an issuer was not kept, so nothing was logged");
            Err(error.into())
        }
        Err(error) => {
            tracing::error!(%error, "keeping an issuer panicked");
            Err(Refusal::Internal)
        }
    }
}

/// What the log may promise: an entry that is on disk under its index.
#[derive(Debug)]
pub(crate) struct Promised {
    log: CertificateLog,
    timestamp: UnixMillis,
    index: LeafIndex,
    tree_leaf: Vec<u8>,
}

impl Promised {
    fn of(log: &CertificateLog, leaf: &TileLeaf<'_>) -> Result<Promised, Refusal> {
        Ok(Promised {
            log: log.clone(),
            timestamp: leaf.timestamp,
            index: leaf.index,
            tree_leaf: leaf.tree_leaf().map_err(ChainError::from)?,
        })
    }

    /// The promise. CPU bound.
    ///
    /// # Errors
    /// The log's key could not be used.
    pub(crate) fn sign(self) -> Result<OwnPromise, Refusal> {
        let extensions = index_extensions(self.index).map_err(ChainError::from)?;
        let signer = self.log.inner.signer.as_ref();
        let promise = OwnPromise::sign(signer, self.timestamp, &extensions, self.tree_leaf);
        promise.map_err(|error| {
            tracing::error!(%error, "a promise was not signed");
            Refusal::Internal
        })
    }
}

/// The entry that is there already. Its own bytes say when it was taken: the log may have been
/// restored from a copy since, which has them and nothing else.
async fn known(
    certificate_log: &CertificateLog,
    log: &Log,
    place: Sequenced,
    deadline: &Deadline<'_>,
) -> Result<Promised, Refusal> {
    deadline.published(log, &[place]).await?;
    let reader = log.reader();
    let read = tokio::task::spawn_blocking(move || reader.entry(place.index)).await;
    let stored = read.map_err(|error| {
        tracing::error!(%error, "reading an entry panicked");
        Refusal::Internal
    })??;
    let stored = stored.ok_or(Refusal::NotPublished)?;
    let leaf = TileLeaf::parse(&stored).map_err(|error| {
        tracing::error!(index = place.index.get(), %error, "a stored entry is not a leaf");
        Refusal::ReadFailed
    })?;
    Promised::of(certificate_log, &leaf)
}
