//! Requests to services. Nothing that comes back is trusted: every answer has a length limit, and
//! what its bytes mean is for the caller to check.
//!
//! The client behind it is made at the first request, because making it reads the system's root
//! certificates, and commands that need no network must not wait for that. One that was told to
//! stay [`offline`](Http::offline) refuses every request before a socket is opened.
//!
//! Redirects are not followed: whoever is sent a token or asked for a signature is the one that the
//! trust root names.

use std::io::Read as _;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Failure;

/// How long reaching a service may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one answer may take: a log may publish every ten seconds.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The longest text of a refusal that is shown.
const EXCERPT_LEN_MAX: usize = 300;

/// What sends requests.
#[derive(Debug, Default)]
pub(crate) struct Http {
    client: OnceLock<Client>,
    is_offline: bool,
}

/// A request, all of it in memory.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    method: Method,
    url: &'a str,
    /// What is sent, and what it is; `None` for a GET.
    body: Option<(&'a str, &'a [u8])>,
    accept: &'a str,
    authorization: Option<&'a Zeroizing<String>>,
    len_bytes_max: usize,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// No request may be sent.
    #[error("--offline allows no request")]
    Offline,
    /// The request was not sent, because nobody took it.
    #[error("can't be reached: {0}")]
    Unreachable(String),
    /// The request may have been sent, but no answer came back.
    #[error("no answer came back: {0}")]
    Lost(String),
    /// The answer does not end where it should.
    #[error("answered with more than {0} bytes")]
    TooLong(usize),
}

impl<'a> Request<'a> {
    /// A GET of at most so many bytes.
    pub(crate) fn get(url: &'a str, len_bytes_max: usize) -> Request<'a> {
        Request {
            method: Method::GET,
            url,
            body: None,
            accept: "*/*",
            authorization: None,
            len_bytes_max,
        }
    }

    /// A POST of a body of a type, answered with at most so many bytes.
    pub(crate) fn post(
        url: &'a str,
        content_type: &'a str,
        body: &'a [u8],
        len_bytes_max: usize,
    ) -> Request<'a> {
        Request {
            method: Method::POST,
            body: Some((content_type, body)),
            ..Request::get(url, len_bytes_max)
        }
    }

    /// A PUT, otherwise like a POST.
    pub(crate) fn put(
        url: &'a str,
        content_type: &'a str,
        body: &'a [u8],
        len_bytes_max: usize,
    ) -> Request<'a> {
        Request {
            method: Method::PUT,
            ..Request::post(url, content_type, body, len_bytes_max)
        }
    }

    /// Where it goes.
    pub(crate) fn url(&self) -> &'a str {
        self.url
    }

    /// With the type that the answer is to have.
    pub(crate) fn accept(self, accept: &'a str) -> Request<'a> {
        Request { accept, ..self }
    }

    /// With a secret that says who asks.
    pub(crate) fn authorization(self, value: &'a Zeroizing<String>) -> Request<'a> {
        Request {
            authorization: Some(value),
            ..self
        }
    }
}

impl Http {
    /// Sends whatever it is asked to.
    pub(crate) fn online() -> Http {
        Http::default()
    }

    /// Refuses whatever it is asked to send.
    pub(crate) fn offline() -> Http {
        Http {
            is_offline: true,
            ..Http::default()
        }
    }

    /// Whether no request can be sent.
    pub(crate) fn is_offline(&self) -> bool {
        self.is_offline
    }

    /// Sends a request once.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, HttpError> {
        let client = self.client()?;
        let mut builder = client.request(request.method.clone(), request.url);
        if let Some((content_type, body)) = request.body {
            builder = builder
                .header(CONTENT_TYPE, content_type)
                .body(body.to_vec());
        }
        builder = builder.header(ACCEPT, request.accept);
        if let Some(value) = request.authorization {
            builder = builder.header(AUTHORIZATION, value.as_str());
        }
        let answer = builder.send().map_err(|error| sending(&error))?;
        read(answer, request.len_bytes_max)
    }

    fn client(&self) -> Result<&Client, HttpError> {
        if self.is_offline {
            return Err(HttpError::Offline);
        }
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .user_agent(concat!("cairn/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| HttpError::Unreachable(causes(&error)))?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl Answer {
    /// Whether it is what was asked for.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same request may fare better a little later.
    pub(crate) fn is_worth_another_try(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
    }

    /// How long the service asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header(RETRY_AFTER.as_str())?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// A header, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the service said, for people: the message of a JSON error, or how the text begins.
    pub(crate) fn message(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let field = |name| json.as_ref()?.get(name)?.as_str();
        let text = field("message").or_else(|| field("error_description"));
        let text = match text.or_else(|| field("error")) {
            Some(text) => text.to_owned(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        let text: String = plain.take(EXCERPT_LEN_MAX).collect();
        format!("status {}: {}", self.status, text.trim())
    }

    /// The failure that an answer is which is not the one that was hoped for.
    pub(crate) fn refused(&self, url: &str, what: &str) -> Failure {
        Failure::new(Exit::Service, url, what).found(self.message())
    }
}

impl HttpError {
    /// Whether the same request may fare better a little later.
    pub(crate) fn is_worth_another_try(&self) -> bool {
        matches!(self, HttpError::Unreachable(_) | HttpError::Lost(_))
    }

    /// The failure that it is for a command.
    pub(crate) fn failure(&self, url: &str) -> Failure {
        let failure = Failure::new(Exit::Service, url, self);
        match self {
            HttpError::Offline => failure.fix("leave out --offline, or name files that have it"),
            HttpError::Unreachable(_) => {
                failure.fix("check the address and the network, try again")
            }
            HttpError::Lost(_) => failure.fix("try again"),
            HttpError::TooLong(_) => failure,
        }
    }
}

/// Below this are addresses that a token may be sent to without TLS: those of this machine.
pub(crate) fn is_private_enough(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return url.starts_with("https://");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address: Option<std::net::IpAddr> = host.parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// A path below a base URL.
pub(crate) fn join(base: &str, path: &str) -> String {
    format!(
        "{}/{}",
        base.trim_end_matches('/'),
        path.trim_start_matches('/')
    )
}

fn read(answer: Response, len_bytes_max: usize) -> Result<Answer, HttpError> {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let limit = u64::try_from(len_bytes_max).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    // One byte more than fits tells a longer answer from one that just fits.
    let read = answer.take(limit.saturating_add(1)).read_to_end(&mut body);
    read.map_err(|error| HttpError::Lost(causes(&error)))?;
    if body.len() > len_bytes_max {
        return Err(HttpError::TooLong(len_bytes_max));
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

fn sending(error: &reqwest::Error) -> HttpError {
    if error.is_connect() || error.is_builder() {
        HttpError::Unreachable(causes(error))
    } else {
        HttpError::Lost(causes(error))
    }
}

/// The last cause is the one that says something: "connection refused", "certificate expired".
fn causes(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: body.to_vec(),
        }
    }

    #[test]
    fn offline_nothing_is_sent() {
        let request = Request::get("http://127.0.0.1:1/", 10);
        assert_eq!(
            Http::offline().send(&request).err(),
            Some(HttpError::Offline)
        );
        let refused = Http::online().send(&request).unwrap_err();
        assert!(matches!(refused, HttpError::Unreachable(_)), "{refused:?}");
    }

    #[test]
    fn a_token_goes_to_tls_and_to_this_machine_alone() {
        for url in [
            "https://a.example",
            "http://127.0.0.1:3000/x",
            "http://[::1]:1/",
            "http://localhost",
        ] {
            assert!(is_private_enough(url), "{url}");
        }
        for url in [
            "http://a.example",
            "http://localhost.example/",
            "ftp://127.0.0.1",
            "http://127.0.0.1.example",
        ] {
            assert!(!is_private_enough(url), "{url}");
        }
    }

    #[test]
    fn a_refusal_is_shown_in_short() {
        let said = |body: &[u8]| answer(400, body).message();
        assert_eq!(
            said(br#"{"code":3,"message":"bad\nthing"}"#),
            "status 400: bad thing"
        );
        assert_eq!(
            said(br#"{"error":"invalid_grant"}"#),
            "status 400: invalid_grant"
        );
        assert_eq!(said(b"<html>"), "status 400: <html>");
        assert!(said(&[b'x'; 9999]).len() < 400);
    }

    #[test]
    fn paths_are_joined_with_one_slash() {
        assert_eq!(join("https://a.example/", "/api"), "https://a.example/api");
        assert_eq!(
            join("https://a.example/b", "api"),
            "https://a.example/b/api"
        );
    }
}
