//! `POST /api/v1/timestamp`: a digest in, an RFC 3161 timestamp out; and the authority's chain.
//!
//! The request is DER or, for clients that cannot write that, JSON; the answer is DER. What is
//! wrong is told as HTTP and JSON and not as a `PKIStatus`, because that is what clients look at.
//!
//! A time is given only while the clock is to be trusted; see `ca::timestamp`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use ca::timestamp::{
    ClockGuard, ClockReading, TimestampAuthority, TimestampRefusal, TrustedTime,
    random_serial_number,
};
use engine::UnixMillis;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use sigstore::cert::CertificateView;
use sigstore::timestamp_token::{REQUEST_LEN_BYTES_MAX, TimestampRequest};
use sigstore::{UnixSeconds, pem};
use tokio::sync::watch;

use crate::answer::answer as answered;
use crate::error::Refusal;
use crate::live::Live;
use crate::route::{Asked, Service};
use crate::{ntp, wall_clock};

/// A timestamp authority and the guard of its clock.
#[derive(Debug)]
pub(crate) struct Tsa {
    /// Replaced when the operator rotates its key.
    authority: Live<TimestampAuthority>,
    guard: Mutex<ClockGuard>,
    /// Who is asked whether the clock is right. Nobody: the operator's word counts.
    time_servers: Vec<String>,
}

/// What is wanted of the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TsaPath {
    Timestamp,
    Chain,
}

/// What a path means.
pub(crate) fn locate(path: &str) -> Option<TsaPath> {
    match path {
        "api/v1/timestamp" => Some(TsaPath::Timestamp),
        "api/v1/timestamp/certchain" => Some(TsaPath::Chain),
        _ => None,
    }
}

impl TsaPath {
    pub(crate) fn allow(self) -> &'static str {
        match self {
            TsaPath::Timestamp => "POST, OPTIONS",
            TsaPath::Chain => "GET, HEAD, OPTIONS",
        }
    }
}

impl Tsa {
    /// An authority that gives no time before `floor`: the latest that the logs have signed. With
    /// time servers it gives none before more than half of them agree with the clock.
    pub(crate) fn new(
        authority: TimestampAuthority,
        floor: UnixMillis,
        time_servers: Vec<String>,
    ) -> Tsa {
        let floor = sigstore::UnixMillis::new(floor.get());
        let quorum = (!time_servers.is_empty()).then(|| ntp::quorum(time_servers.len()));
        let guard = ClockGuard::new(reading(), floor, quorum);
        Tsa {
            authority: Live::new(authority),
            guard: Mutex::new(guard),
            time_servers,
        }
    }

    /// Asks the time servers, if there are any, until the server stops.
    pub(crate) async fn keep_asking(&self, stopped: watch::Receiver<bool>) {
        if self.time_servers.is_empty() {
            return;
        }
        let hear = |offsets_ms: &[Option<i64>]| self.guard().hear(reading(), offsets_ms);
        ntp::follow(&self.time_servers, hear, stopped).await;
    }

    /// The authority's certificates, its own first.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        let authority = self.authority.load();
        authority
            .chain()
            .certificates()
            .map(<[u8]>::to_vec)
            .collect()
    }

    /// The last moment at which all of them are valid.
    pub(crate) fn not_after(&self) -> UnixSeconds {
        let chain = self.chain();
        let ends = chain
            .iter()
            .filter_map(|der| Some(CertificateView::parse(der).ok()?.not_after()));
        ends.min().unwrap_or_default()
    }

    /// Signs with another key from now on. The clock goes on.
    pub(crate) fn replace(&self, authority: TimestampAuthority) {
        self.authority.replace(authority);
    }

    fn time(&self) -> Result<TrustedTime, TimestampRefusal> {
        Ok(self.guard().time(reading())?)
    }

    fn guard(&self) -> MutexGuard<'_, ClockGuard> {
        // The guard changes nothing when it refuses, and nothing panics half-way.
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// CPU bound.
    fn answer(&self, form: Form, request: &[u8]) -> Result<Vec<u8>, TimestampRefusal> {
        let request = match form {
            Form::Der => TimestampRequest::parse_der(request)?,
            Form::Json => TimestampRequest::parse_json(request)?,
        };
        self.authority
            .load()
            .answer(&request, self.time()?, random_serial_number()?)
    }
}

/// Both clocks, at one moment.
fn reading() -> ClockReading {
    ClockReading {
        wall: wall_clock::millis(),
        monotonic: wall_clock::since_boot(),
    }
}

/// What a request is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Der,
    Json,
}

impl Form {
    /// By the media type alone; parameters do not matter.
    fn of(headers: &HeaderMap) -> Result<Form, Refusal> {
        let value = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media_type = value
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        match media_type.trim().to_ascii_lowercase().as_str() {
            "application/timestamp-query" => Ok(Form::Der),
            "application/json" => Ok(Form::Json),
            _ => Err(Refusal::TimestampMediaType),
        }
    }
}

/// Answers a request to the authority.
pub(crate) async fn answer(
    service: &Service,
    path: TsaPath,
    asked: Asked,
) -> Result<Response, Refusal> {
    let tsa = service.app.instance.tsa()?;
    if path == TsaPath::Chain {
        let authority = tsa.authority.load();
        let certificates = authority.chain().certificates();
        let pem: String = certificates.map(pem::encode_certificate).collect();
        return Ok(binary(
            pem.into_bytes(),
            "application/pem-certificate-chain",
        ));
    }
    let form = Form::of(asked.request.headers())?;
    let by_address = &service.rates.timestamps_by_address;
    by_address.take_address(asked.client, wall_clock::since_boot())?;
    let max = REQUEST_LEN_BYTES_MAX;
    let asked = asked.read(service, max, Refusal::TimestampTooLarge { max });
    let whole = asked.await?.body;
    let app = std::sync::Arc::clone(&service.app);
    let signing = service.verify.run(move || {
        let answer = app.instance.tsa()?.answer(form, whole.bytes());
        answer.map_err(|refusal| refused(&refusal))
    });
    Ok(binary(signing.await??, "application/timestamp-reply"))
}

/// The detail of the authority's own trouble is for the operator.
fn refused(refusal: &TimestampRefusal) -> Refusal {
    if refusal.is_callers_fault() {
        return Refusal::Timestamp(refusal.to_string());
    }
    tracing::error!(%refusal, code = refusal.code(), "no timestamp could be given");
    match refusal {
        TimestampRefusal::Clock(_) => Refusal::TimestampClock,
        _ => Refusal::TimestampFailed,
    }
}

fn binary(body: Vec<u8>, content_type: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")];
    answered(StatusCode::OK, headers, body)
}
