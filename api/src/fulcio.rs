//! Certificates for identities, in Fulcio's words: an ID token and a key in, a certificate out that
//! the certificate log has promised to show.
//!
//! | method | path | answer |
//! |---|---|---|
//! | POST | `api/v2/signingCert` | 200, the chain as JSON |
//! | GET | `api/v2/trustBundle`, `api/v2/configuration` | 200, JSON |
//! | POST | `api/v1/signingCert` | 201, the chain as PEM |
//! | GET | `api/v1/rootCert` | 200, PEM |
//!
//! and the three of v2 over gRPC, in `dev.sigstore.fulcio.v2.CA`.
//!
//! Clients compare those statuses, and `Accept` is never looked at: some ask for PEM and then read
//! JSON. Everything that is wrong with a token or a key is a 400 here, whatever HTTP would say.
//!
//! Order of work: token, key and proof, precertificate; the log; the certificate. Nothing leaves
//! without the log's promise in it.

mod documents;
mod messages;
mod promise;
mod request;

use std::sync::Arc;

use axum::response::Response;
use ca::issue::CertificateRequest;
use ca::oidc::{IssuerKeys, KeySets};
use ca::{
    CertificateAuthority, CheckedKey, IssueError, IssuedCertificate, IssuerTable,
    PendingCertificate, Principal, chain, check_csr, check_public_key, verify_token,
};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::json;
use sigstore::{PublicKey, UnixSeconds};

use crate::answer::answer as answered;
use crate::app::{App, ServedLog};
use crate::body::WholeBody;
use crate::error::Refusal;
use crate::grpc::{self, Encoding};
use crate::issuer_keys::IssuerKeyCache;
use crate::live::Live;
use crate::rate::RateLimits;
use crate::route::{Asked, Service, WithBody};
use crate::timers::Timers;
use crate::wall_clock;
pub(crate) use request::{Proof, SigningRequest};

/// Bytes of a request: a token, a key, a proof and their base64, several times over.
const BODY_LEN_BYTES_MAX: usize = 256 << 10;

/// Where a call may have its token beside the message.
const CALL_TOKEN: HeaderName = HeaderName::from_static("oidcidentitytoken");

/// Who issues, whose tokens are believed, and where it is logged.
#[derive(Debug)]
pub(crate) struct Fulcio {
    /// Replaced when the operator rotates a key.
    pub(crate) issuing: Live<Issuing>,
    pub(crate) issuers: IssuerTable,
    /// The keys of the issuers that are elsewhere.
    pub(crate) keys: Arc<IssuerKeyCache>,
}

/// Who issues, and where it is logged.
#[derive(Clone, Debug)]
pub(crate) struct Issuing {
    pub(crate) authority: CertificateAuthority,
    /// The log that certificates go into.
    pub(crate) log: Arc<ServedLog>,
    /// Its key, by which its promises are checked before they leave; none if the log is not open,
    /// and then nothing is issued.
    pub(crate) log_key: Option<PublicKey>,
}

impl Issuing {
    /// The same beside these logs, of which the certificate log may have new settings.
    pub(crate) fn beside(&self, logs: &[Arc<ServedLog>]) -> Issuing {
        let log = logs.iter().find(|log| log.name == self.log.name);
        Issuing {
            log: Arc::clone(log.unwrap_or(&self.log)),
            ..self.clone()
        }
    }
}

/// What is wanted of the CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FulcioPath {
    Sign(Form),
    TrustBundle(Encoding),
    Configuration(Encoding),
    RootCertificate,
}

/// The forms that a request for a certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    V1,
    V2,
    /// V2 over gRPC.
    Call,
}

/// What a path means.
pub(crate) fn locate(path: &str) -> Option<FulcioPath> {
    if let Some(method) = path.strip_prefix(grpc::FULCIO) {
        return match method {
            "CreateSigningCertificate" => Some(FulcioPath::Sign(Form::Call)),
            "GetTrustBundle" => Some(FulcioPath::TrustBundle(Encoding::Grpc)),
            "GetConfiguration" => Some(FulcioPath::Configuration(Encoding::Grpc)),
            _ => None,
        };
    }
    match path {
        "api/v2/signingCert" => Some(FulcioPath::Sign(Form::V2)),
        "api/v1/signingCert" => Some(FulcioPath::Sign(Form::V1)),
        "api/v2/trustBundle" => Some(FulcioPath::TrustBundle(Encoding::Plain)),
        "api/v2/configuration" => Some(FulcioPath::Configuration(Encoding::Plain)),
        "api/v1/rootCert" => Some(FulcioPath::RootCertificate),
        _ => None,
    }
}

impl FulcioPath {
    pub(crate) fn allow(self) -> &'static str {
        match (self, self.encoding()) {
            (FulcioPath::Sign(_), _) | (_, Encoding::Grpc) => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    pub(crate) fn encoding(self) -> Encoding {
        match self {
            FulcioPath::Sign(Form::Call) => Encoding::Grpc,
            FulcioPath::TrustBundle(encoding) | FulcioPath::Configuration(encoding) => encoding,
            FulcioPath::Sign(_) | FulcioPath::RootCertificate => Encoding::Plain,
        }
    }
}

/// Answers a request to the CA.
pub(crate) async fn answer(
    service: &Service,
    path: FulcioPath,
    asked: Asked,
) -> Result<Response, Refusal> {
    let fulcio = service.app.instance.fulcio()?;
    let issuing = fulcio.issuing.load();
    let (chain, issuers) = (issuing.authority.chain(), &fulcio.issuers);
    let message = match path {
        FulcioPath::Sign(form) => return sign(service, form, asked).await,
        FulcioPath::RootCertificate => return Ok(pem_answer(StatusCode::OK, chain.to_pem())),
        FulcioPath::TrustBundle(Encoding::Plain) => {
            return Ok(json_answer(&documents::trust_bundle(chain)));
        }
        FulcioPath::Configuration(Encoding::Plain) => {
            return Ok(json_answer(&documents::configuration(issuers)));
        }
        FulcioPath::TrustBundle(Encoding::Grpc) => messages::trust_bundle(chain),
        FulcioPath::Configuration(Encoding::Grpc) => messages::configuration(issuers),
    };
    // Their requests are empty messages, which have nothing to say, but must be there.
    let (body, ..) = read_body(service, Encoding::Grpc, asked).await?;
    grpc::message(body.bytes())?;
    Ok(grpc::answer(&message))
}

async fn sign(service: &Service, form: Form, asked: Asked) -> Result<Response, Refusal> {
    let rates = &service.rates;
    let by_address = &rates.certificates_by_address;
    by_address.take_address(asked.client, wall_clock::since_boot())?;
    let encoding = FulcioPath::Sign(form).encoding();
    let (body, headers, timers) = read_body(service, encoding, asked).await?;
    let header_token = header_token(form, &headers);

    let (app, rates) = (Arc::clone(&service.app), Arc::clone(rates));
    let checking = service.verify.run(move || {
        let mut request = SigningRequest::parse(form, body.bytes())?;
        request.token = request.token.or(header_token);
        check(&app, &rates, request)
    });
    let pending = match checking.await?? {
        Checked::Pending(pending) => pending,
        Checked::KeysWanted(wanted) => check_by_new_keys(service, *wanted).await?,
    };
    let issued = promise::into_certificate(service, pending, &timers).await?;
    Ok(match form {
        Form::V1 => pem_answer(StatusCode::CREATED, issued.chain_pem().join("\n")),
        Form::V2 => json_answer(&chain_json(&issued)),
        Form::Call => grpc::answer(&messages::signing_certificate(issued.chain_pem())),
    })
}

async fn read_body(
    service: &Service,
    encoding: Encoding,
    asked: Asked,
) -> Result<(WholeBody, HeaderMap, Timers), Refusal> {
    let max = BODY_LEN_BYTES_MAX;
    let len_bytes_max = encoding.body_len_bytes_max(max);
    let asked = asked.read(service, len_bytes_max, Refusal::RekorBodyTooLarge { max });
    let WithBody {
        headers,
        body,
        timers,
    } = asked.await?;
    Ok((body, headers, timers))
}

fn chain_json(issued: &IssuedCertificate) -> serde_json::Value {
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": issued.chain_pem()}}})
}

/// The token of the `Authorization` header, as Fulcio's gateway takes it: the literal `Bearer ` is
/// dropped if it is there. Callers have another header for it.
fn header_token(form: Form, headers: &HeaderMap) -> Option<String> {
    let name = match form {
        Form::V1 | Form::V2 => AUTHORIZATION,
        Form::Call => CALL_TOKEN,
    };
    let value = headers.get(name)?.to_str().ok()?;
    let token = value.replacen("Bearer ", "", 1);
    Some(token.trim().to_owned())
}

/// What came of checking a request.
enum Checked {
    Pending(PendingCertificate),
    KeysWanted(Box<KeysWanted>),
}

/// A request whose token may be good by keys of its issuer that have not been read.
struct KeysWanted {
    issuer: String,
    request: SigningRequest,
    /// The answer as it stands.
    refusal: Refusal,
}

/// Checks a request once more when its issuer's keys have been read.
async fn check_by_new_keys(
    service: &Service,
    wanted: KeysWanted,
) -> Result<PendingCertificate, Refusal> {
    let keys = &service.app.instance.fulcio()?.keys;
    if !keys.read_again(&wanted.issuer).await {
        return Err(wanted.refusal);
    }
    let (app, rates) = (Arc::clone(&service.app), Arc::clone(&service.rates));
    let checking = service
        .verify
        .run(move || check(&app, &rates, wanted.request));
    match checking.await?? {
        Checked::Pending(pending) => Ok(pending),
        Checked::KeysWanted(wanted) => Err(wanted.refusal),
    }
}

/// The first half: whether this may be certified, and the precertificate. CPU bound.
fn check(app: &App, rates: &RateLimits, request: SigningRequest) -> Result<Checked, Refusal> {
    let fulcio = app.instance.fulcio()?;
    let now = wall_clock::seconds();
    let keys = KnownKeys { app, now };
    let token = request.token.as_deref().unwrap_or_default();
    match verify_token(token, &fulcio.issuers, &keys, now) {
        Ok(verified) => {
            // Whoever has no valid token does not use up another's share.
            let identity = (verified.issuer.url(), &verified.principal.san);
            let by_identity = &rates.certificates_by_identity;
            by_identity.take(&identity, wall_clock::since_boot())?;
            let pending = precertify(fulcio, &request.proof, &verified.principal, now)?;
            Ok(Checked::Pending(pending))
        }
        Err(refused) => {
            tracing::info!(%refused, code = refused.code(), "a token was refused");
            let refusal = Refusal::Token {
                code: refused.code(),
                text: refused.caller_text(),
            };
            match refused.keys_wanted_of() {
                Some(issuer) => Ok(Checked::KeysWanted(Box::new(KeysWanted {
                    issuer: issuer.to_owned(),
                    request,
                    refusal,
                }))),
                None => Err(refusal),
            }
        }
    }
}

fn precertify(
    fulcio: &Fulcio,
    proof: &Proof,
    principal: &Principal,
    now: UnixSeconds,
) -> Result<PendingCertificate, Refusal> {
    let key = check_proof(proof, principal)?;
    let serial = chain::random_serial_number().map_err(|error| ca_failed(&error.into()))?;
    let request = CertificateRequest {
        san: &principal.san,
        extensions: &principal.extensions,
        key: &key,
        now,
        serial,
    };
    let pending = fulcio.issuing.load().authority.precertify(&request);
    pending.map_err(|error| ca_failed(&error))
}

fn check_proof(proof: &Proof, principal: &Principal) -> Result<CheckedKey, Refusal> {
    let checked = match proof {
        Proof::Csr(pem) => check_csr(pem),
        Proof::Key { content, signature } => {
            check_public_key(content, signature, &principal.proof_subjects())
        }
    };
    checked.map_err(|error| {
        tracing::info!(%error, "a key was refused");
        Refusal::Challenge(error)
    })
}

/// The detail is for the operator.
fn ca_failed(error: &IssueError) -> Refusal {
    tracing::error!(%error, "no certificate could be issued");
    Refusal::CaFailed
}

/// The keys of issuers that are at hand.
struct KnownKeys<'a> {
    app: &'a App,
    now: UnixSeconds,
}

impl KeySets for KnownKeys<'_> {
    fn issuer_keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        let instance = &self.app.instance;
        let dev = instance.dev.as_ref();
        let at_hand = dev.and_then(|dev| dev.issuer_keys(issuer, self.now));
        at_hand.or_else(|| instance.fulcio().ok()?.keys.issuer_keys(issuer))
    }
}

fn json_answer(json: &serde_json::Value) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    answered(StatusCode::OK, headers, json.to_string())
}

fn pem_answer(status: StatusCode, pem: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/pem-certificate-chain"),
        (CACHE_CONTROL, "no-store"),
    ];
    answered(status, headers, pem)
}
