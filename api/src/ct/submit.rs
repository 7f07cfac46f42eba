//! From a chain to a promise. The order of the steps is the safety of it; see `ct`.

use std::sync::Arc;

use bytes::Bytes;
use engine::{Identity, Log, Sequenced, UnfinishedEntry};
use sigstore::ct_entry::chain::SubmittedAs;
use sigstore::ct_entry::{TileLeaf, index_extensions};
use sigstore::{ChainError, SignedCertificateTimestamp, SubmittedChain, UnixMillis};
use tiles::LeafIndex;

use super::{CertificateLog, certificate_log};
use crate::app::ServedLog;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::read;
use crate::route::Service;

/// Logs a precertificate, its chain in DER and leaf first, for the certificate authority of this
/// process. What comes back is a promise about an entry that is on disk under its index.
///
/// # Errors
/// The chain does not lead to a root of the log, or the log can't take it now; without a promise no
/// certificate may be issued.
pub(crate) async fn add_pre_chain(
    service: &Service,
    served: &ServedLog,
    certificates: Vec<Vec<u8>>,
    deadline: &Deadline<'_>,
) -> Result<SignedCertificateTimestamp, Refusal> {
    if served.read_only {
        return Err(Refusal::Frozen);
    }
    let submission = (SubmittedAs::Precertificate, certificates);
    add(service, served, submission, deadline).await
}

/// Logs what was submitted.
pub(super) async fn add(
    service: &Service,
    served: &ServedLog,
    (submitted_as, certificates): (SubmittedAs, Vec<Vec<u8>>),
    deadline: &Deadline<'_>,
) -> Result<SignedCertificateTimestamp, Refusal> {
    let (log, certificate_log) = (read::open(served)?, certificate_log(served)?.clone());
    let checking = service.verify.run({
        let certificate_log = certificate_log.clone();
        move || check(&certificate_log, submitted_as, certificates)
    });
    let (chain, entry) = checking.await??;
    keep_issuers(&certificate_log, &chain).await?;
    let ticket = log.add(entry).map_err(Refusal::not_admitted)?;
    let place = deadline.sequenced(&ticket).await?;
    let promised = if place.duplicate {
        known(log, place, deadline).await?
    } else {
        let time = UnixMillis::new(place.time.get());
        Promised::of(&chain.leaf(place.index, time))?
    };
    let signing = service
        .verify
        .run(move || sign(&certificate_log, &promised));
    signing.await?
}

/// Checks the chain and makes the entry that the log's format will finish.
fn check(
    log: &CertificateLog,
    submitted_as: SubmittedAs,
    certificates: Vec<Vec<u8>>,
) -> Result<(Arc<SubmittedChain>, UnfinishedEntry), Refusal> {
    let chain = SubmittedChain::check(submitted_as, certificates, &log.inner.roots)?;
    let unfinished = chain.leaf(LeafIndex::new(0), UnixMillis::default());
    let content = unfinished.encode().map_err(ChainError::from)?;
    let identity = Identity::new(chain.logged().identity());
    let entry = UnfinishedEntry::with_identity(identity, Bytes::from(content));
    Ok((Arc::new(chain), entry))
}

/// Makes the certificates above the entry durable. Nearly always they are there.
async fn keep_issuers(log: &CertificateLog, chain: &Arc<SubmittedChain>) -> Result<(), Refusal> {
    if log.inner.issuers.have(chain.issuers()) {
        return Ok(());
    }
    let (log, chain) = (log.clone(), Arc::clone(chain));
    let kept = tokio::task::spawn_blocking(move || log.inner.issuers.keep(chain.issuers())).await;
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

/// What the log signs, and what the promise says of it.
#[derive(Debug)]
struct Promised {
    timestamp: UnixMillis,
    index: LeafIndex,
    tree_leaf: Vec<u8>,
}

impl Promised {
    fn of(leaf: &TileLeaf<'_>) -> Result<Promised, Refusal> {
        Ok(Promised {
            timestamp: leaf.timestamp,
            index: leaf.index,
            tree_leaf: leaf.tree_leaf().map_err(ChainError::from)?,
        })
    }
}

/// The entry that is there already. Its own bytes say when it was taken: the log may have been
/// restored from a copy since, which has them and nothing else.
async fn known(log: &Log, place: Sequenced, deadline: &Deadline<'_>) -> Result<Promised, Refusal> {
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
    Promised::of(&leaf)
}

fn sign(log: &CertificateLog, promised: &Promised) -> Result<SignedCertificateTimestamp, Refusal> {
    let signature = log
        .inner
        .signer
        .sign(&promised.tree_leaf)
        .map_err(|error| {
            tracing::error!(%error, "a promise was not signed");
            Refusal::Internal
        })?;
    let extensions = index_extensions(promised.index).map_err(ChainError::from)?;
    Ok(SignedCertificateTimestamp {
        log_id: log.inner.log_id,
        timestamp: promised.timestamp,
        extensions: extensions.to_vec(),
        signature,
    })
}
