//! Successful answers, made without formatting or copying what is the same in all of them.
//!
//! Refusals are made in `error`, and nowhere else.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Body as _;

/// Room for the headers of one answer: those of its route, and those that every answer gets.
const HEADERS_COUNT: usize = 8;

/// An answer with these headers.
pub(crate) fn answer<const COUNT: usize>(
    status: StatusCode,
    headers: [(HeaderName, &'static str); COUNT],
    body: impl Into<Body>,
) -> Response {
    let mut map = HeaderMap::with_capacity(HEADERS_COUNT);
    for (name, value) in headers {
        map.insert(name, HeaderValue::from_static(value));
    }
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = map;
    response
}

/// Makes the answer to `GET` that to `HEAD`: the same without the body, though with its length. One
/// in a content coding tells its length itself, if it can: nothing was encoded for it.
pub(crate) fn leave_out_body(response: &mut Response) {
    let len_bytes = response.body().size_hint().exact();
    let headers = response.headers_mut();
    if let Some(len_bytes) = len_bytes.filter(|_| !headers.contains_key(CONTENT_ENCODING)) {
        let len_bytes = HeaderValue::from(len_bytes);
        headers.entry(CONTENT_LENGTH).or_insert(len_bytes);
    }
    *response.body_mut() = Body::empty();
}
