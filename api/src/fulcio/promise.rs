//! The certificate log's promise: the precertificate is sequenced in this process, and only then is
//! a promise signed that it will be shown (RFC 6962, section 3).
//!
//! The log's entry is the `MerkleTreeLeaf` of RFC 6962, byte for byte what the promise signs.

use std::sync::Arc;

use ca::{IssuedCertificate, PendingCertificate, Signer};
use engine::UnfinishedEntry;
use sigstore::cert::{CertificateView, oids};
use sigstore::{CtEntry, PublicKey, SignedCertificateTimestamp};

use super::ca_failed;
use crate::app::ServedLog;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::read;
use crate::route::Service;
use crate::timers::Timers;
use crate::wall_clock;

/// The log that certificates go into, and the key of its promises.
#[derive(Debug)]
pub(crate) struct CertificateLog {
    pub(crate) log: Arc<ServedLog>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) key: PublicKey,
}

/// Has the log take a precertificate, and makes the certificate that shows its promise.
pub(super) async fn into_certificate(
    service: &Service,
    pending: PendingCertificate,
    timers: &Timers,
) -> Result<IssuedCertificate, Refusal> {
    let app = Arc::clone(&service.app);
    let certificate_log = &app.instance.fulcio()?.log;
    let (unsigned, leaf) = unsigned_promise(&pending, certificate_log)?;
    let log = read::open(&certificate_log.log)?;
    let ticket = log
        .add(UnfinishedEntry::new(leaf.clone().into()))
        .map_err(|error| not_logged(&Refusal::not_admitted(error)))?;
    let deadline = Deadline::new(&app.limits, timers);
    let sequenced = deadline.sequenced(&ticket).await;
    sequenced.map_err(|refusal| not_logged(&refusal))?;

    let app = Arc::clone(&service.app);
    let finishing = service.verify.run(move || {
        let certificate_log = &app.instance.fulcio()?.log;
        let signature = certificate_log.signer.sign(&leaf);
        let signature = signature.map_err(|error| {
            tracing::error!(%error, "no promise could be signed");
            Refusal::CtFailed
        })?;
        let promise = SignedCertificateTimestamp {
            signature,
            ..unsigned
        };
        let issued = pending.finish(promise, &certificate_log.key);
        issued.map_err(|error| ca_failed(&error))
    });
    finishing.await?
}

/// The promise without its signature, and what is signed and logged.
fn unsigned_promise(
    pending: &PendingCertificate,
    log: &CertificateLog,
) -> Result<(SignedCertificateTimestamp, Vec<u8>), Refusal> {
    let unsigned = SignedCertificateTimestamp {
        log_id: sigstore::sct::log_id(log.key.spki_der()),
        timestamp: wall_clock::millis(),
        extensions: Vec::new(),
        signature: Vec::new(),
    };
    let chain = pending.precertificate_chain();
    let precertificate = chain.first().copied().unwrap_or_default();
    let tbs = match CertificateView::parse(precertificate) {
        Ok(view) => view.tbs_without(oids::CT_POISON),
        Err(error) => {
            tracing::error!(%error, "our own precertificate is none");
            return Err(Refusal::CaFailed);
        }
    };
    let entry = CtEntry::Precert {
        issuer_key_hash: pending.issuer_key_hash(),
        tbs: &tbs,
    };
    let leaf = unsigned.signed_bytes(&entry).map_err(|error| {
        tracing::error!(%error, "our own precertificate can't be logged");
        Refusal::CtFailed
    })?;
    Ok((unsigned, leaf))
}

/// No certificate is issued without the log, whatever is the matter with it. A full or stopping
/// server says so, because the client should come back.
fn not_logged(refusal: &Refusal) -> Refusal {
    tracing::warn!(%refusal, "a precertificate was not logged");
    match refusal {
        Refusal::PoolFull | Refusal::ShuttingDown => refusal.clone(),
        _ => Refusal::CtFailed,
    }
}
