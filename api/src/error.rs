//! The one map from a refused request to its status, headers and text.
//!
//! Every answer that is not a success is a [`Refusal`], and nothing else in this crate picks an
//! error status or words an error. The body is a `google.rpc.Status` in JSON, which is what Rekor
//! v2 clients parse; where other servers of that API send a fixed text, ours begins with it and
//! then says what to change. Outsiders get the class of an internal failure; its detail goes to the
//! trace, which carries the request's id.
//!
//! Invariant: no refusal may be cached, so a tile that does not exist yet is seen once it does.

use std::fmt;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use ca::ChallengeError;
use engine::{AddError, ReadError, Rejection, StoreError};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use sigstore::{ChainError, EntryError, RequestError};

use crate::ct::IssuerError;

/// The index an equivalent entry already has, on a 409 and on a duplicate's 201.
pub(crate) const LOG_INDEX: HeaderName = HeaderName::from_static("x-log-index");

/// Why a request was refused: one variant per refusal. Its `Display` is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    // The request went to the wrong place.
    #[error(
        "Not Found: there is nothing at this path; a log answers checkpoint, tile/... and \
        tile/entries/... under /logs/NAME/, and a rekor-v2 log api/v2/log/entries as well"
    )]
    NoSuchPath,
    #[error(
        "Not Found: {0}; level and width are plain decimals, the index is groups of \
        three digits, all but the last prefixed by x: tile/0/x001/234.p/56"
    )]
    NoSuchResource(String),
    #[error(
        "Not Found: no entry has an issuer of this fingerprint; it is SHA-256 of the certificate, \
        64 lower-case hex digits"
    )]
    NoSuchIssuer,
    #[error("Not Found: there is no log of this name; check the NAME in /logs/NAME/")]
    NoSuchLog,
    #[error(
        "Not Found: no log answers at the root of this host; use /logs/NAME/ or the host name \
        of the log's url"
    )]
    NoLogAtHost,
    #[error("Not Found: a {kind} log takes entries at {path} only")]
    OtherKind {
        kind: &'static str,
        path: &'static str,
    },
    #[error(
        "Not Found: not in the published tree; ask only for what the newest checkpoint implies, \
        and for the full tile once a partial one is gone"
    )]
    NotPublished,
    #[error("Method Not Allowed: use {allow}")]
    MethodNotAllowed { allow: &'static str },
    /// The Rekor v2 gateway calls a wrong method unimplemented.
    #[error("Method Not Allowed: use {allow}")]
    RekorMethodNotAllowed { allow: &'static str },

    #[error("there is no such method here; call one that this server has, or use its JSON routes")]
    NoSuchMethod,
    #[error("gRPC is spoken over HTTP/2 only; use that, or the JSON routes")]
    CallVersion,
    #[error("calls come with content-type application/grpc; send that, or use the JSON routes")]
    CallMediaType,

    // The request itself is wrong.
    #[error("an HTTP/1.1 request has one host header, this one has {found}; send exactly one")]
    NotOneHost { found: usize },
    #[error("the body is larger than {max} bytes; send at most that")]
    BodyTooLarge { max: usize },
    /// Rekor v2 servers meet the limit inside their decoder, which makes it a 400.
    #[error("request body too large: the limit is {max} bytes; send at most that")]
    RekorBodyTooLarge { max: usize },
    #[error("the body did not arrive within {} s; send it faster or in parts", .0.as_secs())]
    BodyTimeout(Duration),
    #[error("the body ended early or was malformed; send it again in full")]
    BodyBroken,
    #[error(
        "this server takes no content coding in requests; send the body without \
        content-encoding"
    )]
    BodyCoded,
    #[error("a call of this method has exactly one message; send one")]
    CallMessages,
    #[error("compressed messages are not taken; send the message as it is")]
    CallCompressed,
    #[error("grpc-timeout is not understood; send up to eight digits and one of H, M, S, m, u, n")]
    CallTimeout,
    #[error("the query is not understood; use ?wait=sequenced, ?wait=published or none")]
    UnknownQuery,
    #[error("adding to this log needs one of its tokens; send Authorization: Bearer TOKEN")]
    Unauthorized,
    #[error("{}", explain(&.0.upstream_message(), .0))]
    InvalidRequest(#[from] RequestError),
    #[error("{}", explain(.0.upstream_message(), .0))]
    InvalidEntry(#[from] EntryError),
    #[error("the body is not a JSON array of requests: {0}")]
    InvalidBatch(String),
    #[error("the entry has {found} bytes, the log takes at most {max}; log a hash of it instead")]
    EntryTooLarge { found: usize, max: usize },
    /// As every other bound under `api/v2/`, a 400.
    #[error("the entry has {found} bytes, the log takes at most {max}; log a hash of it instead")]
    RekorEntryTooLarge { found: usize, max: usize },
    #[error(
        "the body is not a sequence of entries, each behind its length in two big-endian \
        bytes: {0}"
    )]
    BatchFraming(String),
    #[error("the body is not {{\"chain\": [base64 DER, ...]}}: {0}")]
    InvalidChain(String),
    #[error(transparent)]
    ChainRefused(#[from] ChainError),
    #[error("the batch is empty; put at least one entry in it")]
    BatchEmpty,
    #[error("the batch has more than {max} entries; send at most that many at a time")]
    BatchTooMany { max: usize },
    /// As every other bound under `api/v2/`, a 400.
    #[error("the batch has more than {max} requests; send at most that many at a time")]
    RekorBatchTooMany { max: usize },
    /// Why, for each of a batch's elements. Never empty.
    #[error("none of the {} requests was logged; results says why, one by one", .0.len())]
    BatchRefused(Vec<Refusal>),
    #[error("an equivalent entry already exists in the transparency log with index {index}")]
    Duplicate { index: u64 },

    /// In the words of RFC 6749, section 5.2, which clients look for.
    #[error("{why}")]
    OAuth { error: &'static str, why: String },
    #[error(
        "the issuers of the dev profile answer under this server's own address only; use the URL \
        that `cairnd up` printed"
    )]
    DevHost,

    #[error("Not Found: the trust root has no such file")]
    NoTrustFile,
    #[error("There was an error processing the identity token: {text} ({code})")]
    Token { code: &'static str, text: String },
    #[error("{}", explain(challenge_text(.0), .0))]
    Challenge(ChallengeError),
    #[error("the body is not a request for a certificate: {0}")]
    FulcioRequest(String),
    #[error("{0}")]
    Timestamp(String),
    #[error("timestamp request is too large: the limit is {max} bytes")]
    TimestampTooLarge { max: usize },
    #[error(
        "a timestamp request is application/timestamp-query (DER) or application/json; say so in \
        content-type"
    )]
    TimestampMediaType,

    #[error("too many requests; send the next in {} s", whole_seconds(*.retry_after))]
    TooManyRequests { retry_after: Duration },

    // The request is fine, this server cannot serve it now.
    #[error("error communicating with CA backend; the operator's log has the reason")]
    CaFailed,
    #[error("Error entering certificate in CTL; the operator's log has the reason")]
    CtFailed,
    #[error("the clock is not to be trusted at the moment; try again later")]
    TimestampClock,
    #[error("Error generating timestamp response; the operator's log has the reason")]
    TimestampFailed,
    #[error("reached max pushback; retry")]
    PoolFull,
    #[error("reached max pushback; retry: too many signatures are waiting to be checked")]
    VerifyQueueFull,
    #[error("reached max pushback; retry: too many request bodies are being received")]
    BodiesFull,
    #[error("reached max pushback; retry: too many entry bundles or proofs are waiting their turn")]
    ReadsFull,
    #[error("reached max pushback; retry: too many large answers are waiting for their readers")]
    AnswersFull,
    #[error(
        "Method Not Allowed: this log has been frozen and serves reads only; add to its \
        successor"
    )]
    Frozen,
    /// Rekor v2 clients expect exactly this, as plain text.
    #[error("This log has been frozen, please switch to the latest log.")]
    RekorFrozen,
    #[error("this log could not be opened and serves nothing; its operator must repair it")]
    LogFailed,
    #[error("this log takes no entries until its operator reopens it; reads go on")]
    LogStopped,
    #[error("this log keeps no further issuer; its operator must say which it is to take")]
    IssuersFull,
    #[error("this server is shutting down; retry")]
    ShuttingDown,
    #[error("failed to integrate entry: it was not sequenced; send it again")]
    NotSequenced,
    #[error(
        "failed to integrate entry: the log stopped while it was being written; send it again \
        once the log is back, where it keeps its index if it has one"
    )]
    OutcomeUnknown,
    #[error("failed to integrate entry: it is still on its way after {} s; send it again, and \
        if it has an index by then it keeps it", .0.as_secs())]
    PublishTimeout(Duration),
    #[error("the call was not answered within its own time limit of {} ms", .0.as_millis())]
    CallLate(Duration),
    #[error("the log's data could not be read; the operator's log has the reason")]
    ReadFailed,
    #[error("internal error; the operator's log has the reason")]
    Internal,
}

/// `google.rpc.Code`, as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u8")]
pub(crate) enum Code {
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    Unimplemented,
    Internal,
    Unknown,
    Unavailable,
    Unauthenticated,
}

impl From<Code> for u8 {
    fn from(code: Code) -> u8 {
        match code {
            Code::Unknown => 2,
            Code::InvalidArgument => 3,
            Code::DeadlineExceeded => 4,
            Code::NotFound => 5,
            Code::AlreadyExists => 6,
            Code::PermissionDenied => 7,
            Code::ResourceExhausted => 8,
            Code::Unimplemented => 12,
            Code::Internal => 13,
            Code::Unavailable => 14,
            Code::Unauthenticated => 16,
        }
    }
}

/// The body of a refusal: `google.rpc.Status` as protobuf JSON.
#[derive(Serialize)]
struct Status {
    code: Code,
    message: String,
    /// Always empty.
    details: [(); 0],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<Status>,
}

impl Refusal {
    /// The HTTP status and the RPC code.
    pub(crate) fn status(&self) -> (StatusCode, Code) {
        use Refusal as R;
        match self {
            R::NoSuchPath
            | R::NoSuchResource(_)
            | R::NoSuchIssuer
            | R::NoSuchLog
            | R::NoLogAtHost
            | R::OtherKind { .. }
            | R::NotPublished
            | R::NoTrustFile => (StatusCode::NOT_FOUND, Code::NotFound),
            R::MethodNotAllowed { .. } | R::Frozen | R::RekorFrozen => {
                (StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented)
            }
            R::RekorMethodNotAllowed { .. } => (StatusCode::NOT_IMPLEMENTED, Code::Unimplemented),
            R::BodyTooLarge { .. } | R::EntryTooLarge { .. } | R::BatchTooMany { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, Code::InvalidArgument)
            }
            R::BodyTimeout(_) => (StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded),
            R::NoSuchMethod => (StatusCode::NOT_FOUND, Code::Unimplemented),
            R::CallVersion => (StatusCode::HTTP_VERSION_NOT_SUPPORTED, Code::Unimplemented),
            R::CallMessages | R::CallCompressed => (StatusCode::BAD_REQUEST, Code::Unimplemented),
            R::BodyCoded | R::TimestampMediaType | R::CallMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument)
            }
            R::Unauthorized => (StatusCode::UNAUTHORIZED, Code::Unauthenticated),
            R::NotOneHost { .. }
            | R::RekorBodyTooLarge { .. }
            | R::RekorEntryTooLarge { .. }
            | R::RekorBatchTooMany { .. }
            | R::BodyBroken
            | R::UnknownQuery
            | R::CallTimeout
            | R::InvalidRequest(_)
            | R::InvalidEntry(_)
            | R::InvalidBatch(_)
            | R::InvalidChain(_)
            | R::ChainRefused(_)
            | R::BatchFraming(_)
            | R::BatchEmpty
            | R::OAuth { .. }
            | R::Token { .. }
            | R::Challenge(_)
            | R::FulcioRequest(_)
            | R::Timestamp(_)
            | R::TimestampTooLarge { .. } => (StatusCode::BAD_REQUEST, Code::InvalidArgument),
            R::DevHost => (StatusCode::FORBIDDEN, Code::PermissionDenied),
            R::BatchRefused(results) => shared_status(results),
            R::TooManyRequests { .. } => (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted),
            R::Duplicate { .. } => (StatusCode::CONFLICT, Code::AlreadyExists),
            R::PoolFull
            | R::VerifyQueueFull
            | R::BodiesFull
            | R::ReadsFull
            | R::AnswersFull
            | R::IssuersFull
            | R::LogFailed
            | R::LogStopped
            | R::ShuttingDown
            | R::TimestampClock => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
            R::NotSequenced | R::OutcomeUnknown => {
                (StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown)
            }
            R::PublishTimeout(_) | R::CallLate(_) => {
                (StatusCode::GATEWAY_TIMEOUT, Code::DeadlineExceeded)
            }
            R::ReadFailed | R::Internal | R::CaFailed | R::CtFailed | R::TimestampFailed => {
                (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal)
            }
        }
    }

    /// Why an entry was not let into the log. A log that stopped earlier has done nothing with it.
    pub(crate) fn not_admitted(error: AddError) -> Refusal {
        match error {
            AddError::Fatal(reason) => Refusal::from(Rejection::ReadOnly(reason)),
            error => Refusal::from(error),
        }
    }

    /// As [`Refusal::not_admitted`] under `api/v2/`, where every bound is a 400.
    pub(crate) fn rekor_not_admitted(error: AddError) -> Refusal {
        match Refusal::not_admitted(error) {
            Refusal::BatchTooMany { max } => Refusal::RekorBatchTooMany { max },
            Refusal::BodyTooLarge { max } => Refusal::RekorBodyTooLarge { max },
            Refusal::EntryTooLarge { found, max } => Refusal::RekorEntryTooLarge { found, max },
            refusal => refusal,
        }
    }

    /// The body, which also stands for this refusal among the results of a batch.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.body()).unwrap_or_else(|error| {
            tracing::error!(%error, "a refusal could not be written");
            r#"{"code":13,"message":"internal error","details":[]}"#.to_owned()
        })
    }

    fn body(&self) -> Status {
        let results = match self {
            Refusal::BatchRefused(results) => results.iter().map(Refusal::body).collect(),
            _ => Vec::new(),
        };
        Status {
            code: self.status().1,
            message: self.to_string(),
            details: [],
            results,
        }
    }

    /// Headers beside the content type.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Refusal::MethodNotAllowed { allow } | Refusal::RekorMethodNotAllowed { allow } => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            Refusal::Frozen | Refusal::RekorFrozen => {
                headers.insert(ALLOW, HeaderValue::from_static(""));
            }
            Refusal::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Refusal::Duplicate { index } => {
                headers.insert(LOG_INDEX, HeaderValue::from(*index));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers
    }

    /// When the same request may succeed: soon for a full queue, later if somebody must act first.
    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Refusal::PoolFull
            | Refusal::VerifyQueueFull
            | Refusal::BodiesFull
            | Refusal::ReadsFull
            | Refusal::AnswersFull
            | Refusal::PublishTimeout(_) => Some(1),
            Refusal::TooManyRequests { retry_after } => Some(whole_seconds(*retry_after)),
            Refusal::ShuttingDown => Some(5),
            Refusal::LogFailed | Refusal::LogStopped | Refusal::IssuersFull => Some(60),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, _) = self.status();
        let (content_type, body) = match &self {
            Refusal::RekorFrozen => ("text/plain; charset=utf-8", format!("{self}\n")),
            Refusal::OAuth { error, why } => {
                let body = serde_json::json!({"error": error, "error_description": why});
                ("application/json", body.to_string())
            }
            _ => ("application/json", self.to_json()),
        };
        let mut response = (status, self.headers(), body).into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

/// Rounded up: who comes back then is not too early.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add((time.subsec_nanos() > 0).into())
}

/// The status that all of these have, or 400 if they differ.
fn shared_status(results: &[Refusal]) -> (StatusCode, Code) {
    let differ = (StatusCode::BAD_REQUEST, Code::InvalidArgument);
    let mut statuses = results.iter().map(Refusal::status);
    let first = statuses.next().unwrap_or(differ);
    if statuses.all(|status| status == first) {
        first
    } else {
        differ
    }
}

/// What other CAs say of a key or its proof.
fn challenge_text(error: &ChallengeError) -> &'static str {
    match error {
        ChallengeError::PublicKey(_) => {
            "The public key supplied in the request could not be parsed"
        }
        ChallengeError::Insecure(_) => "The public key supplied in the request is insecure",
        ChallengeError::Csr(_) => "The certificate signing request could not be parsed",
        ChallengeError::Proof(_) | ChallengeError::NoSubject => {
            "The signature supplied in the request could not be verified"
        }
        _ => "The key supplied in the request is not permitted",
    }
}

/// The text other servers send, then ours where it says more.
fn explain(upstream: &str, ours: &impl fmt::Display) -> String {
    let ours = ours.to_string();
    if ours == upstream {
        ours
    } else {
        format!("{upstream}: {ours}")
    }
}

impl From<AddError> for Refusal {
    fn from(error: AddError) -> Refusal {
        match &error {
            AddError::Rejected(rejection) => {
                tracing::debug!(%error, "an entry was turned away");
                Refusal::from(rejection.clone())
            }
            AddError::BatchFailed(_) => {
                tracing::warn!(%error, "a batch failed");
                Refusal::NotSequenced
            }
            AddError::Fatal(_) => {
                tracing::error!(%error, "the log stopped");
                Refusal::OutcomeUnknown
            }
            _ => {
                tracing::error!(%error, "an entry was not added");
                Refusal::Internal
            }
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Refusal {
        match rejection {
            Rejection::PoolFull { .. } => Refusal::PoolFull,
            Rejection::TooMany { max, .. } => Refusal::BatchTooMany { max },
            Rejection::TooManyBytes { max, .. } => Refusal::BodyTooLarge { max },
            Rejection::TooLarge { found, max } => Refusal::EntryTooLarge { found, max },
            Rejection::Closed => Refusal::ShuttingDown,
            Rejection::ReadOnly(reason) => {
                tracing::debug!(reason, "the log takes no entries");
                Refusal::LogStopped
            }
            other => {
                tracing::error!(rejection = %other, "an entry was turned away");
                Refusal::Internal
            }
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Refusal {
        match error {
            ReadError::OutOfRange { .. } => Refusal::NotPublished,
            other => {
                tracing::error!(error = %other, "a read failed");
                Refusal::ReadFailed
            }
        }
    }
}

impl From<IssuerError> for Refusal {
    fn from(error: IssuerError) -> Refusal {
        match error {
            IssuerError::Full => Refusal::IssuersFull,
            _ => Refusal::Internal,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::from(ReadError::Store(error))
    }
}

#[cfg(test)]
mod tests;
