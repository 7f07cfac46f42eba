//! Cross-origin access for pages in a browser: anybody may read, and anybody may submit.
//!
//! A log is public and holds no session: no cookie is ever set or looked at, so `*` gives a page
//! nothing that `curl` does not have. A bearer token is sent only by a page that was given it.

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
};
use http::{HeaderMap, HeaderValue, StatusCode};

/// Marks an answer, error or not, as readable by any page.
pub(crate) fn allow_any_origin(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("retry-after, x-log-index, x-request-id"),
    );
}

/// The answer to `OPTIONS` on a resource with these methods, preflight or not.
pub(crate) fn preflight(allow: &'static str) -> Response {
    let headers = [
        (ALLOW, allow),
        (ACCESS_CONTROL_ALLOW_METHODS, allow),
        // `*` would not cover authorization.
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        // A day, which is more than any browser keeps.
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
