//! The certificate log's promise: the precertificate is logged in this process, and only then is
//! there a promise that it will be shown (RFC 6962, section 3).

use ca::{IssuedCertificate, PendingCertificate};

use super::ca_failed;
use crate::ct;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::route::Service;
use crate::timers::Timers;

/// Has the log take a precertificate, and makes the certificate that shows its promise.
pub(super) async fn into_certificate(
    service: &Service,
    pending: PendingCertificate,
    timers: &Timers,
) -> Result<IssuedCertificate, Refusal> {
    let app = &service.app;
    let issuing = app.instance.fulcio()?.issuing.load();
    let deadline = Deadline::new(&app.limits, timers);
    let promised = ct::add_own(&issuing.log, pending.precertificate(), &deadline).await;
    let promised = promised.map_err(|refusal| not_logged(&refusal))?;

    let finishing = service.verify.run(move || {
        let promise = promised.sign().map_err(|refusal| not_logged(&refusal))?;
        let log_key = issuing.log_key.as_ref().ok_or(Refusal::CtFailed)?;
        let issued = pending.finish(promise, log_key);
        issued.map_err(|error| ca_failed(&error))
    });
    finishing.await?
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
