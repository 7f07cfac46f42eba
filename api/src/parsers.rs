//! The parsers of outside bytes that this crate has, for whoever feeds them any bytes (feature
//! `testing`). Each is what the server or a command calls, and gives what can be told of its result
//! without the crate's own types.
//!
//! What parses log formats and Sigstore's is in `tiles` and `sigstore`.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::admin::Answer;
use crate::client_address::TrustedProxies;
use crate::command::backup::mark;
use crate::config::Config;
use crate::dev::Form;
use crate::fulcio::{self, Proof, SigningRequest};
use crate::grpc::Encoding;
use crate::{content_coding, ct, ntp, raw, rekor, route};

/// A cairn.toml that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedConfig(Config);

impl AcceptedConfig {
    /// Name and origin of each log.
    pub fn logs(&self) -> impl Iterator<Item = (&str, &str)> {
        let logs = self.0.logs.iter();
        logs.map(|log| (log.name.as_str(), log.origin.as_str()))
    }
}

/// Reads `text` as the cairn.toml of a directory that is not there.
///
/// # Errors
/// The line that is wrong, from 1, and what the operator is told.
pub fn config(text: &str) -> Result<AcceptedConfig, (usize, String)> {
    let parsed = Config::parse(Path::new("/nonexistent/cairn"), text);
    parsed
        .map(AcceptedConfig)
        .map_err(|error| (error.line, error.to_string()))
}

/// The entries in the body of `POST /add-batch`.
///
/// # Errors
/// What the client is told.
pub fn raw_batch(body: &Bytes, count_max: usize) -> Result<Vec<Bytes>, String> {
    let entries = raw::split(body, count_max).map_err(|refusal| refusal.to_string())?;
    Ok(entries
        .iter()
        .map(|entry| entry.content().clone())
        .collect())
}

/// The requests in the body of `POST /api/v2/log/entries/batch`.
///
/// # Errors
/// What the client is told.
pub fn rekor_batch(body: &Bytes, count_max: usize) -> Result<Vec<Bytes>, String> {
    rekor::batch::split(body, count_max).map_err(|refusal| refusal.to_string())
}

/// A request for a certificate, in the newer form of the API or the older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedSigningRequest {
    /// That in the body.
    pub token: Option<String>,
    /// The public key, and the signature that proves its owner has the private one.
    pub key: Option<(Vec<u8>, Vec<u8>)>,
    /// The certificate signing request that may stand in place of both.
    pub csr: Option<Vec<u8>>,
}

/// The body of `POST /api/v2/signingCert`, or of v1's.
///
/// # Errors
/// What the client is told.
pub fn signing_request(newer: bool, body: &[u8]) -> Result<AcceptedSigningRequest, String> {
    let form = if newer {
        fulcio::Form::V2
    } else {
        fulcio::Form::V1
    };
    accepted_signing_request(form, body)
}

/// The body of the call `CreateSigningCertificate`.
///
/// # Errors
/// What the caller is told.
pub fn signing_call(body: &[u8]) -> Result<AcceptedSigningRequest, String> {
    accepted_signing_request(fulcio::Form::Call, body)
}

fn accepted_signing_request(
    form: fulcio::Form,
    body: &[u8],
) -> Result<AcceptedSigningRequest, String> {
    let parsed = SigningRequest::parse(form, body).map_err(|refusal| refusal.to_string())?;
    let (key, csr) = match parsed.proof {
        Proof::Key { content, signature } => (Some((content, signature)), None),
        Proof::Csr(csr) => (None, Some(csr)),
    };
    Ok(AcceptedSigningRequest {
        token: parsed.token,
        key,
        csr,
    })
}

/// The certificates in the body of `POST ct/v1/add-chain`.
///
/// # Errors
/// What the client is told.
pub fn add_chain(body: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    ct::parse_chain(body).map_err(|refusal| refusal.to_string())
}

/// The fields of a form that OAuth clients send.
#[must_use]
pub fn form(body: &[u8]) -> Vec<(String, String)> {
    let form = Form::parse(body);
    let fields = form.fields();
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The entry that the call `CreateEntry` with this body would log, its signature checked.
///
/// # Errors
/// What the caller is told.
pub fn rekor_call(body: &[u8]) -> Result<Bytes, String> {
    let entry = rekor::check(body, Encoding::Grpc).map_err(|refusal| refusal.to_string())?;
    Ok(entry.content().clone())
}

/// How far ahead of `now_ms` a time server's clock is, by its answer to a request with that nonce.
///
/// # Errors
/// Why it says nothing of use.
pub fn time_answer(answer: &[u8], nonce: [u8; 8], now_ms: u64) -> Result<i64, String> {
    let now = sigstore::UnixMillis::new(now_ms);
    let offset = ntp::offset_ms(answer, nonce, now, Duration::ZERO);
    offset.map_err(|error| error.to_string())
}

/// What a server says on its admin socket, as it would be sent; `None` if it is not understood.
#[must_use]
pub fn admin_answer(mut sent: &[u8]) -> Option<Vec<u8>> {
    Answer::read(&mut sent).ok()?.to_line().ok()
}

/// The file `BACKUP` as it would be written; `None` if it is not the mark of a whole backup.
#[must_use]
pub fn backup_mark(text: &str) -> Option<String> {
    mark::parse(text).map(|logs| mark::encode(&logs))
}

/// The content coding that `Accept-Encoding: value` asks for. `None` is identity.
#[must_use]
pub fn content_coding(value: &HeaderValue) -> Option<&'static str> {
    content_coding::negotiate(&header(ACCEPT_ENCODING, value)).name()
}

/// Who sent a request with `X-Forwarded-For: value` that came from `peer`, if the proxies in
/// 10.0.0.0/8 are trusted.
#[must_use]
pub fn client_address(peer: IpAddr, value: &HeaderValue) -> IpAddr {
    let network = ipnet::Ipv4Net::new_assert([10, 0, 0, 0].into(), 8);
    let proxies = TrustedProxies::new(vec![network.into()]);
    let forwarded = HeaderName::from_static("x-forwarded-for");
    proxies.client(peer, &header(forwarded, value)).0
}

/// The host that a request for a path with `Host: value` names.
#[must_use]
pub fn host(value: &HeaderValue) -> Option<String> {
    route::host(&Uri::from_static("/checkpoint"), &header(HOST, value))
}

fn header(name: HeaderName, value: &HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(name, value.clone())])
}
