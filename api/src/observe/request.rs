//! Around every request: an id, a time limit, a count, and its name on whatever is logged about it.
//!
//! The id is the client's `x-request-id` if that is short and plain, else one of ours; either way
//! the answer carries it. Successes are logged at `debug`, because a busy log answers tens of
//! thousands a second and counts them anyway; server errors at `warn`, other refusals at `info`.
//!
//! A request has a span in what is written about it, and nowhere else: a span for every request
//! costs a sixth of what an add takes, and hardly any of them has anything to say.

use std::fmt;
use std::future::Future;
use std::io::Write as _;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::metrics::Route;
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::error::Refusal;
use crate::grpc;
use crate::route::Asked;
use crate::timers::Elapsed;

/// The request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of a client's request id; longer ones are replaced by ours.
const REQUEST_ID_LEN_MAX: usize = 64;

/// Bytes of a path that are logged.
const LOGGED_PATH_LEN_MAX: usize = 256;

/// Answers a request by `handle`, with all that surrounds it.
pub(crate) async fn observe<F: Future<Output = Response>>(
    app: &App,
    client: ClientAddress,
    asked: Asked,
    handle: impl FnOnce(Asked) -> F,
) -> Response {
    let started = Instant::now();
    let id = request_id(asked.request.headers());
    let route = Route::of(asked.request.uri().path());
    let about = Arc::new(About::new(&asked.request, &id, client));
    let limit = app
        .limits
        .body_timeout
        .saturating_add(app.limits.request_timeout);
    let timers = asked.timers.clone();
    let handling = pin!(handle(asked));
    let handling = pin!(CURRENT.scope(Arc::clone(&about), handling));
    let answered = timers.within(started + limit, handling).await;
    CURRENT.sync_scope(about, || {
        // Handlers have tighter limits of their own; this one holds even if a handler forgets.
        let mut response = answered.unwrap_or_else(|Elapsed| {
            let limit_ms = limit.as_millis();
            tracing::error!(limit_ms, "the handler exceeded the time limit");
            Refusal::Internal.into_response()
        });
        response.headers_mut().insert(REQUEST_ID, id);
        let took = started.elapsed();
        let status = grpc::counted_status(&response);
        log_answer(status, took);
        app.metrics.answered(route, status, took);
        response
    })
}

tokio::task_local! {
    /// The request that the running task answers.
    static CURRENT: Arc<About>;
}

/// What is said of a request wherever something is logged about it.
#[derive(Debug)]
struct About {
    id: HeaderValue,
    method: Method,
    /// A copy: the request's own would hold on to a network buffer.
    path: Box<str>,
    client: ClientAddress,
}

impl About {
    fn new(request: &Request, id: &HeaderValue, client: ClientAddress) -> About {
        let path = request.uri().path();
        let end = path.floor_char_boundary(LOGGED_PATH_LEN_MAX);
        About {
            id: id.clone(),
            method: request.method().clone(),
            path: path.get(..end).unwrap_or("").into(),
            client,
        }
    }

    /// At `error`, so that no filter which lets an event through keeps its request back.
    fn span(&self) -> Span {
        tracing::error_span!(
            "request",
            id = self.id.to_str().unwrap_or(""),
            method = self.method.as_str(),
            path = &*self.path,
            client = %self.client.0,
        )
    }
}

/// Writes events as `F` does, those of a request inside a span that describes it.
#[derive(Debug)]
pub(crate) struct WithRequest<F>(pub(crate) F);

impl<S, N, F> FormatEvent<S, N> for WithRequest<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let _request = CURRENT.try_with(|about| about.span().entered());
        self.0.format_event(context, writer, event)
    }
}

fn log_answer(status: StatusCode, took: Duration) {
    let (status_code, took_us) = (status.as_u16(), took.as_micros());
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(status = status_code, took_us, "answered");
    } else if status.is_success() || status.is_redirection() || status == StatusCode::NOT_FOUND {
        tracing::debug!(status = status_code, took_us, "answered");
    } else {
        tracing::info!(status = status_code, took_us, "refused");
    }
}

/// The client's id if it is short and plain, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    match headers.get(REQUEST_ID) {
        Some(id) if is_plain(id.as_bytes()) => id.clone(),
        _ => new_request_id(),
    }
}

fn is_plain(id: &[u8]) -> bool {
    (1..=REQUEST_ID_LEN_MAX).contains(&id.len())
        && id
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// An id unlike any other: random bytes of this process, then a counter. Not a secret.
fn new_request_id() -> HeaderValue {
    static PROCESS: LazyLock<[u8; PROCESS_LEN]> = LazyLock::new(|| {
        let (mut random, mut text) = ([0_u8; PROCESS_LEN / 2], [b'0'; PROCESS_LEN]);
        // Without randomness ids of two processes may be alike, which only makes logs harder to
        // read.
        let _best_effort = aws_lc_rs::rand::fill(&mut random);
        let _fits = hex::encode_to_slice(random, &mut text);
        text
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut id = [0; PROCESS_LEN + 1 + 16];
    let len = {
        let mut rest: &mut [u8] = &mut id;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let _fits = rest.write_all(PROCESS.as_slice());
        let _fits = write!(rest, "-{count:x}");
        rest.len()
    };
    let text = id.get(..id.len() - len).unwrap_or(b"none");
    HeaderValue::from_bytes(text).unwrap_or(HeaderValue::from_static("none"))
}

/// Characters of an id that are the same for all of a process.
const PROCESS_LEN: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, sent.parse().unwrap());
        request_id(&headers).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_plain_id_is_kept() {
        let uuid = "4f9b1c7e-0d2a-4c59-9a43-6a1f6a6f0001";
        assert_eq!(id_for(uuid), uuid);
        assert_eq!(id_for("a_B.9"), "a_B.9");
    }

    #[test]
    fn an_id_that_is_not_plain_is_replaced() {
        for sent in ["", "a b", "a\"b", "a=b", &"a".repeat(65)] {
            let id = id_for(sent);
            assert_ne!(id, sent);
            assert!(is_plain(id.as_bytes()), "{id}");
        }
    }

    #[test]
    fn new_ids_differ() {
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
