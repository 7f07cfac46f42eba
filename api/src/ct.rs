//! Certificate logs, by C2SP static-ct-api: certificates in, promises out.
//!
//! | method | path under `/logs/NAME/` | what |
//! |---|---|---|
//! | POST | `ct/v1/add-chain`, `ct/v1/add-pre-chain` | a chain in, the log's promise (SCT) out |
//! | GET | `ct/v1/get-roots` | the roots that a chain may lead to |
//! | GET | `issuer/FINGERPRINT` | a certificate above logged ones |
//! | GET | `checkpoint`, `tile/L/N[.p/W]`, `tile/data/N[.p/W]` | reads, in `read` |
//!
//! A promise states the index, so it is made after the entry durably has one: there is no delay in
//! which the log could forget. In order: the chain is checked, the certificates above the entry are
//! kept where readers will look for them, the entry is sequenced, and only then the log signs. What
//! is submitted again gets a promise about the entry there is, with its time and index.
//!
//! The certificate authority of the same process submits by [`add_own`], whose types say what has
//! been checked already.

mod format;
mod issuers;
mod known_issuers;
mod note_signer;
mod request;
mod submit;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ca::Signer;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde_json::json;
use sigstore::AcceptedRoots;
use sigstore::ct_entry::Fingerprint;
use sigstore::ct_entry::chain::SubmittedAs;

use crate::answer::answer;
use crate::app::ServedLog;
use crate::config::LogSettings;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::limits::CT_BODY_LEN_BYTES_MAX;
use crate::route::{Asked, Service, WithBody};

pub(crate) use format::StaticCt;
pub(crate) use issuers::{DIR as ISSUER_DIR, IssuerError, Issuers, copy_all as copy_issuers};
use known_issuers::KnownIssuers;
pub(crate) use note_signer::TreeHeadSigner;
#[cfg(feature = "testing")]
pub(crate) use request::parse as parse_chain;
pub(crate) use submit::add_own;

/// What a certificate log has beside its entries.
#[derive(Clone, Debug)]
pub(crate) struct CertificateLog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    signer: Arc<dyn Signer>,
    known_issuers: KnownIssuers,
    roots_json: Bytes,
    issuers: Issuers,
}

/// Where the certificates above logged ones are kept.
#[derive(Clone, Debug)]
pub(crate) struct IssuerDirs {
    /// The log's own.
    pub(crate) own: PathBuf,
    /// That of the log's plain copy, if there is one.
    pub(crate) copy: Option<PathBuf>,
}

impl IssuerDirs {
    /// Those of a log of the data directory `dir`.
    pub(crate) fn of(log: &LogSettings, dir: &Path) -> IssuerDirs {
        IssuerDirs {
            own: log.store_dir(dir).join(ISSUER_DIR),
            copy: log.publish_dir.as_ref().map(|copy| copy.join(ISSUER_DIR)),
        }
    }
}

impl CertificateLog {
    /// The certificate log with this key and these roots. Reads the kept certificates; blocks.
    ///
    /// # Errors
    /// If one of them is damaged, or can't be read or copied.
    pub(crate) fn open(
        signer: Arc<dyn Signer>,
        roots: AcceptedRoots,
        dirs: &IssuerDirs,
    ) -> anyhow::Result<CertificateLog> {
        let certificates: Vec<String> = roots.iter().map(|der| STANDARD.encode(der)).collect();
        let roots_json = json!({ "certificates": certificates }).to_string();
        Ok(CertificateLog {
            inner: Arc::new(Inner {
                signer,
                roots_json: Bytes::from(roots_json),
                known_issuers: KnownIssuers::new(roots),
                issuers: Issuers::open(dirs)?,
            }),
        })
    }
}

/// `POST ct/v1/add-chain` and `ct/v1/add-pre-chain`.
pub(crate) async fn add(
    service: &Service,
    served: &ServedLog,
    asked: Asked,
    submitted_as: SubmittedAs,
) -> Result<Response, Refusal> {
    let max = CT_BODY_LEN_BYTES_MAX;
    let asked = asked.read(service, max, Refusal::BodyTooLarge { max });
    let WithBody { body, timers, .. } = asked.await?;
    let parsing = service.verify.run(move || request::parse(body.bytes()));
    let certificates = parsing.await??;
    let deadline = Deadline::new(&service.app.limits, &timers);
    let submitted = (submitted_as, certificates);
    let promised = submit::add(service, served, submitted, &deadline).await?;
    let sct = service.verify.run(move || promised.sign()).await??;
    Ok(respond_json(request::answer(&sct.into_sct())))
}

/// `GET ct/v1/get-roots`.
pub(crate) fn roots(served: &ServedLog) -> Result<Response, Refusal> {
    Ok(respond_json(
        certificate_log(served)?.inner.roots_json.clone(),
    ))
}

/// `GET issuer/FINGERPRINT`.
pub(crate) fn issuer(served: &ServedLog, fingerprint: &Fingerprint) -> Result<Response, Refusal> {
    let log = certificate_log(served)?;
    let der = log.inner.issuers.find(fingerprint);
    let headers = [
        (CONTENT_TYPE, "application/pkix-cert"),
        (CACHE_CONTROL, "public, max-age=604800, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok(answer(
        StatusCode::OK,
        headers,
        der.ok_or(Refusal::NoSuchIssuer)?,
    ))
}

/// The fingerprint in the path of an issuer: 64 lower-case digits.
pub(crate) fn parse_fingerprint(text: &str) -> Option<Fingerprint> {
    let bytes = hex::decode(text).ok()?;
    let fingerprint: Fingerprint = bytes.try_into().ok()?;
    (hex::encode(fingerprint) == text).then_some(fingerprint)
}

fn certificate_log(served: &ServedLog) -> Result<&CertificateLog, Refusal> {
    served.certificates.as_ref().ok_or(Refusal::LogFailed)
}

fn respond_json(json: impl Into<Bytes>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    answer(StatusCode::OK, headers, json.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_one_form() {
        let text = "0f".repeat(32);
        assert_eq!(parse_fingerprint(&text), Some([15; 32]));
        for other in [
            text.to_uppercase(),
            text[2..].to_owned(),
            format!("{text}00"),
        ] {
            assert_eq!(parse_fingerprint(&other), None, "{other}");
        }
    }
}
