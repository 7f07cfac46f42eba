//! The server over HTTP. Every answer has a limit in length and in time, and what it means is for
//! the caller to check.

use std::io::Read as _;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use http::header::{CONTENT_TYPE, DATE};
use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;
use sigstore::UnixSeconds;

/// How long one answer may take: a submission is answered after some hundred milliseconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes of an answer: more than any document that is asked for here has.
const ANSWER_LEN_BYTES_MAX: u64 = 4 << 20;

/// An instance.
#[derive(Debug)]
pub(super) struct Site {
    client: Client,
    /// Without a trailing slash.
    url: String,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// What the server's clock said.
    pub(super) date: Option<UnixSeconds>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body, if the status is 200 or 201.
    ///
    /// # Errors
    /// Says what the server said.
    pub(super) fn done(self) -> anyhow::Result<Vec<u8>> {
        if [StatusCode::OK, StatusCode::CREATED].contains(&self.status) {
            return Ok(self.body);
        }
        bail!("answered {}: {}", self.status, self.said())
    }

    /// The beginning of the body, for a person.
    pub(super) fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        text.trim().chars().take(SAID_LEN_MAX).collect()
    }
}

const SAID_LEN_MAX: usize = 200;

impl Site {
    pub(super) fn new(url: &str) -> anyhow::Result<Site> {
        ensure!(
            url.starts_with("http://") || url.starts_with("https://"),
            "{url:?} is no URL; write the instance's public URL, with https:// or http://"
        );
        let client = Client::builder()
            .user_agent(concat!("cairnd/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .build()
            .context("no HTTP client can be made")?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Site { client, url })
    }

    /// The instance's own URL, without a slash at the end.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A document of the instance, at a path from the root, or of another site, at a URL.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub(super) fn get(&self, place: &str) -> anyhow::Result<Answer> {
        let url = self.place(place);
        read(self.client.get(&url)).with_context(|| format!("GET {url}"))
    }

    /// As [`Site::get`], with something to say.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub(super) fn post(
        &self,
        place: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let url = self.place(place);
        let request = self.client.post(&url).header(CONTENT_TYPE, media_type);
        read(request.body(body)).with_context(|| format!("POST {url}"))
    }

    fn place(&self, place: &str) -> String {
        if place.starts_with('/') {
            format!("{}{place}", self.url)
        } else {
            place.to_owned()
        }
    }
}

fn read(request: RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send()?;
    let (status, date) = (response.status(), date_of(&response));
    let mut body = Vec::new();
    response
        .take(ANSWER_LEN_BYTES_MAX + 1)
        .read_to_end(&mut body)?;
    let len = u64::try_from(body.len()).unwrap_or(u64::MAX);
    ensure!(
        len <= ANSWER_LEN_BYTES_MAX,
        "answered with more than {ANSWER_LEN_BYTES_MAX} bytes"
    );
    Ok(Answer { status, date, body })
}

/// The text at a place in a document, if there is one.
pub(super) fn text<'a>(document: &'a Value, pointer: &str) -> Option<&'a str> {
    document.pointer(pointer)?.as_str()
}

/// The list at a place in a document; empty if there is none.
pub(super) fn list<'a>(document: &'a Value, pointer: &str) -> &'a [Value] {
    let list = document.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn date_of(response: &Response) -> Option<UnixSeconds> {
    let text = response.headers().get(DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(text).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    Some(UnixSeconds::new(since.as_secs()))
}
