//! gRPC: another encoding of request, answer and refusal, for routes that take JSON as well.
//!
//! A call is a `POST` of `/SERVICE/METHOD` over HTTP/2 with `application/grpc`. Its body is one
//! message behind five bytes: a flag for compression, which is refused, and the message's length.
//! The answer is framed alike and ends with the outcome in trailers; a refusal has no body, and its
//! outcome in the headers. Either way the HTTP status is 200.
//!
//! | call | same as |
//! |---|---|
//! | `dev.sigstore.fulcio.v2.CA/CreateSigningCertificate` | `POST /api/v2/signingCert` |
//! | `dev.sigstore.fulcio.v2.CA/GetTrustBundle` | `GET /api/v2/trustBundle` |
//! | `dev.sigstore.fulcio.v2.CA/GetConfiguration` | `GET /api/v2/configuration` |
//! | `dev.sigstore.rekor.v2.Rekor/CreateEntry` | `POST /api/v2/log/entries` |
//!
//! Not here: the messages, which stand beside the JSON that says the same, and streams: each of
//! these methods takes one message and gives one. So this is no server of its own: connections,
//! limits and the way to a handler are those of every other request.
//!
//! Spec: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::{BufMut as _, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use tokio::time::Instant;

use crate::error::{Code, Refusal};
use crate::timers::{Elapsed, Timers};

/// The services, whose names begin the paths of calls.
pub(crate) const FULCIO: &str = "dev.sigstore.fulcio.v2.CA/";
pub(crate) const REKOR: &str = "dev.sigstore.rekor.v2.Rekor/";

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// Bytes before a message: the flag and the length.
const PREFIX_LEN_BYTES: usize = 5;

/// How a route takes its request, and so gives its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Most routes: JSON, or whatever else is HTTP's own.
    Plain,
    /// Protobuf in gRPC's frame.
    Grpc,
}

impl Encoding {
    /// The largest body that carries a message of `max` bytes.
    pub(crate) fn body_len_bytes_max(self, max: usize) -> usize {
        match self {
            Encoding::Plain => max,
            Encoding::Grpc => max.saturating_add(PREFIX_LEN_BYTES),
        }
    }

    /// Refuses a request for a route of this encoding that comes in the other.
    pub(crate) fn check(self, request: &Request) -> Result<(), Refusal> {
        match self {
            Encoding::Plain if is_call(request) => Err(Refusal::NoSuchMethod),
            Encoding::Grpc if request.version() != Version::HTTP_2 => Err(Refusal::CallVersion),
            Encoding::Grpc if !is_call(request) => Err(Refusal::CallMediaType),
            _ => Ok(()),
        }
    }
}

/// Whether a request is a call, whose answer and refusal must be gRPC's.
pub(crate) fn is_call(request: &Request) -> bool {
    let is_grpc = |value: &HeaderValue| {
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| rest.is_empty() || rest == b"+proto" || rest.starts_with(b";"))
    };
    *request.method() == Method::POST
        && request.version() == Version::HTTP_2
        && request.headers().get(CONTENT_TYPE).is_some_and(is_grpc)
}

/// The one message in the body of a call.
///
/// # Errors
/// If it is compressed, cut short, or not alone.
pub(crate) fn message(body: &[u8]) -> Result<&[u8], Refusal> {
    let Some((prefix, rest)) = body.split_first_chunk::<PREFIX_LEN_BYTES>() else {
        return Err(match body {
            [] => Refusal::CallMessages,
            _ => Refusal::BodyBroken,
        });
    };
    let [compressed, len @ ..] = *prefix;
    if compressed != 0 {
        return Err(Refusal::CallCompressed);
    }
    let len = usize::try_from(u32::from_be_bytes(len)).map_err(|_| Refusal::BodyBroken)?;
    if rest.len() > len {
        return Err(Refusal::CallMessages);
    }
    rest.get(..len).ok_or(Refusal::BodyBroken)
}

/// The answer to a call.
pub(crate) fn answer(message: &[u8]) -> Response {
    let Ok(len) = u32::try_from(message.len()) else {
        tracing::error!("an answer is too long for its frame");
        return refuse(&Refusal::Internal);
    };
    let mut frame = BytesMut::with_capacity(message.len().saturating_add(PREFIX_LEN_BYTES));
    frame.put_u8(0);
    frame.put_u32(len);
    frame.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(frame.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    response
}

/// The refusal of a call: the headers that it has elsewhere, and its outcome among them.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    let mut response = refusal.clone().into_response();
    let status = std::mem::replace(response.status_mut(), StatusCode::OK);
    response.extensions_mut().insert(ElsewhereStatus(status));
    *response.body_mut() = Body::empty();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, MEDIA_TYPE);
    let code = u8::from(code(refusal));
    headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(code)));
    headers.insert(GRPC_MESSAGE, percent_encode(&refusal.to_string()));
    if *refusal == Refusal::CallCompressed {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    response
}

/// The status that the same refusal has outside gRPC, for whoever counts and logs answers.
#[derive(Clone, Copy, Debug)]
struct ElsewhereStatus(StatusCode);

/// The status to count an answer by: that of a refused call is 200.
pub(crate) fn counted_status(response: &Response) -> StatusCode {
    let elsewhere = response.extensions().get::<ElsewhereStatus>();
    elsewhere.map_or(response.status(), |ElsewhereStatus(status)| *status)
}

/// Where gRPC has a code of its own for what the gateways in front of it call something else.
fn code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NoSuchPath | Refusal::OtherKind { .. } => Code::Unimplemented,
        Refusal::RekorBodyTooLarge { .. } => Code::ResourceExhausted,
        refusal => refusal.status().1,
    }
}

/// Text as a header may carry it: what is not printable ASCII, and the percent sign, in hex.
fn percent_encode(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | ..b' ' | 0x7f.. => {
                let _infallible = write!(encoded, "%{byte:02X}");
            }
            _ => encoded.push(char::from(byte)),
        }
    }
    HeaderValue::from_str(&encoded).unwrap_or(HeaderValue::from_static(""))
}

/// What `work` gives, unless the caller's own time limit passes first.
pub(crate) async fn within_limit_of<T>(
    headers: &HeaderMap,
    timers: &Timers,
    work: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let work = pin!(work);
    let Some(limit) = headers.get(GRPC_TIMEOUT) else {
        return work.await;
    };
    let limit = parse_timeout(limit.as_bytes()).ok_or(Refusal::CallTimeout)?;
    // One too far ahead to be told is none.
    let Some(at) = Instant::now().checked_add(limit) else {
        return work.await;
    };
    let done = timers.within(at, work).await;
    done.unwrap_or_else(|Elapsed| Err(Refusal::CallLate(limit)))
}

/// Up to eight digits and a unit.
fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let only_digits = digits.iter().all(u8::is_ascii_digit);
    if !only_digits || !(1..=8).contains(&digits.len()) {
        return None;
    }
    let count: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let unit = match unit {
        b'H' => Duration::from_hours(1),
        b'M' => Duration::from_mins(1),
        b'S' => Duration::from_secs(1),
        b'm' => Duration::from_millis(1),
        b'u' => Duration::from_micros(1),
        b'n' => Duration::from_nanos(1),
        _ => return None,
    };
    Some(unit.saturating_mul(count))
}

#[cfg(test)]
mod tests;
