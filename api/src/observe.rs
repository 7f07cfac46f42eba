//! What an operator can see of a running server: health, metrics, structured logs.
//!
//! Logs go to stderr, one event a line; each request has an id that its events carry and its answer
//! returns. Metrics and the detailed health are on a listener of their own; the public `/healthz`
//! names the class of a failure and leaves the detail to the log.

mod expiry;
mod health;
mod issuers;
mod metrics;
mod request;
mod volume;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use crate::answer::leave_out_body;
use crate::app::App;
use crate::error::Refusal;
use crate::wall_clock;
pub(crate) use health::{Detail, Health, NO_ANCHOR};
pub(crate) use metrics::Metrics;
use request::WithRequest;
pub(crate) use request::observe;
pub(crate) use volume::Volume;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A filter that `CAIRND_LOG` can't mean.
#[derive(Debug, thiserror::Error)]
#[error(
    "CAIRND_LOG={found:?} is not a filter ({why}); write for example `info` or \
    `warn,cairnd=debug`"
)]
pub(crate) struct FilterError {
    found: String,
    why: String,
}

/// Starts logging to stderr, at level `info` unless `filter` says otherwise.
pub(crate) fn start_logging(format: LogFormat, filter: Option<&str>) -> Result<(), FilterError> {
    let text = filter.unwrap_or("info");
    let filter = EnvFilter::try_new(text).map_err(|error| FilterError {
        found: text.to_owned(),
        why: error.to_string(),
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // Both fail only if logging was started before; then it already works.
    let _already_started = match format {
        LogFormat::Text => builder.map_event_format(WithRequest).try_init(),
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true);
            builder.map_event_format(WithRequest).try_init()
        }
    };
    Ok(())
}

/// The public `/healthz`.
pub(crate) fn healthz(app: &App, method: &Method) -> Response {
    let mut response = match *method {
        Method::GET | Method::HEAD => health_response(app, Detail::Class),
        _ => NOT_READ.into_response(),
    };
    if *method == Method::HEAD {
        leave_out_body(&mut response);
    }
    response
}

/// What the metrics listener serves: `/metrics`, and `/healthz` with the reasons.
pub(crate) fn metrics_router(app: &Arc<App>) -> Router {
    let registry = Arc::new(metrics::registry(app));
    let detailed = Arc::clone(app);
    Router::new()
        .route(
            "/metrics",
            refusing(get(move || async move { metrics_response(&registry) })),
        )
        .route(
            "/healthz",
            refusing(get(move || async move {
                health_response(&detailed, Detail::Reason)
            })),
        )
}

/// `route`, refusing other methods as every path does.
fn refusing(route: MethodRouter) -> MethodRouter {
    route.fallback(|| async { NOT_READ })
}

const NOT_READ: Refusal = Refusal::MethodNotAllowed { allow: "GET, HEAD" };

fn metrics_response(registry: &Registry) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics::encode(registry) {
        Some(text) => ([(CONTENT_TYPE, content_type)], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn health_response(app: &App, detail: Detail) -> Response {
    let clock = engine::SystemClock::new();
    let mut health = Health::of(&app.logs(), engine::Clock::now(&clock), detail);
    if let Ok(fulcio) = app.instance.fulcio() {
        health = health.with_issuers(&fulcio.keys, wall_clock::seconds(), detail);
    }
    health = health.with_endings(&expiry::endings(app), wall_clock::seconds());
    let status = if health.is_serving() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let no_store = HeaderValue::from_static("no-store");
    let json = HeaderValue::from_static("application/json");
    (
        status,
        [(CONTENT_TYPE, json), (CACHE_CONTROL, no_store)],
        health.to_json(),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    use axum::body::Body;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use crate::testing::{TestServer, request};

    #[tokio::test]
    async fn a_wrong_method_is_refused_as_elsewhere() {
        let router = metrics_router(&TestServer::raw().app);
        for (method, path) in [
            (Method::POST, "/healthz"),
            (Method::OPTIONS, "/healthz"),
            (Method::PUT, "/metrics"),
        ] {
            let asked = request(method, path, Body::empty());
            let response = router.clone().oneshot(asked).await.unwrap();
            assert_eq!(response.status(), 405);
            assert_eq!(response.headers()["allow"], "GET, HEAD");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(body.starts_with(br#"{"code":12,"message":"Method Not Allowed"#));
        }
    }
}
