//! From host, path and method to a log and what is wanted of it.
//!
//! Every log answers under `/logs/NAME/`; the rekor-v2 log that a host names answers at that
//! host's root as well. Double and trailing slashes are tolerated, because clients join base URLs
//! and paths in every way there is; nothing else is: a percent sign, an upper-case letter or a
//! leading zero in a tile path is another path, and there is nothing at it.
//!
//! | method | path under a log's root | what |
//! |---|---|---|
//! | GET | `checkpoint`, `tile/L/N[.p/W]`, `tile/entries/N[.p/W]` | reads, every kind |
//! | GET | `api/v2/` and the same | reads, rekor-v2 |
//! | POST | `api/v2/log/entries`, `api/v2/log/entries/batch` | adds, rekor-v2 |
//! | POST | `add`, `add-batch` | adds, raw |
//! | gRPC | `dev.sigstore.rekor.v2.Rekor/CreateEntry` | adds, rekor-v2 |
//! | POST | `ct/v1/add-chain`, `ct/v1/add-pre-chain` | adds, ct |
//! | GET | `ct/v1/get-roots`, `issuer/FINGERPRINT`, `tile/data/N[.p/W]` | reads, ct |

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderMap, Method, Uri};
use sigstore::ct_entry::Fingerprint;
use sigstore::ct_entry::chain::SubmittedAs;
use tiles::{Layout, ResourcePath};

use crate::app::{App, LogKind, ServedLog};
use crate::ct;
use crate::error::Refusal;
use crate::grpc::{self, Encoding};

/// A log and what is wanted of it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) log: Arc<ServedLog>,
    pub(super) resource: Resource,
    pub(super) style: Style,
}

/// Whose conventions a wrong method meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Under `api/v2/`: 501, as the gateway in front of other Rekor v2 servers answers.
    RekorV2,
    /// Elsewhere: 405.
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Read(ResourcePath),
    RekorAdd(Encoding),
    RekorAddBatch,
    RawAdd,
    RawAddBatch,
    CtAdd(SubmittedAs),
    CtRoots,
    CtIssuer(Fingerprint),
}

impl Resource {
    pub(super) fn takes(self, method: &Method) -> bool {
        if self.is_read() {
            *method == Method::GET || *method == Method::HEAD
        } else {
            *method == Method::POST
        }
    }

    pub(super) fn encoding(self) -> Encoding {
        match self {
            Resource::RekorAdd(encoding) => encoding,
            _ => Encoding::Plain,
        }
    }

    pub(super) fn allow(self) -> &'static str {
        if self.is_read() {
            "GET, HEAD, OPTIONS"
        } else {
            "POST, OPTIONS"
        }
    }

    /// Whether it only reads, which anybody may, frozen or not.
    fn is_read(self) -> bool {
        matches!(
            self,
            Resource::Read(_) | Resource::CtRoots | Resource::CtIssuer(_)
        )
    }
}

/// The host a request names: HTTP/2's authority or the Host header, lower case, without the port.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let named = match uri.host() {
        Some(host) => host,
        None => without_port(headers.get(HOST)?.to_str().ok()?),
    };
    Some(named.trim_end_matches('.').to_ascii_lowercase())
}

/// `host` of `host:port`; an IPv6 address keeps its brackets, as in a URL.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Finds the log and the resource. Asks for the host only if the path does not name the log.
pub(super) fn locate(
    app: &App,
    host: impl FnOnce() -> Option<String>,
    path: &str,
) -> Result<Target, Refusal> {
    let path = normalize(path);
    if let Some(rest) = path.strip_prefix("logs/") {
        let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let log = app.log(name).ok_or(Refusal::NoSuchLog)?;
        return resource(&log, rest);
    }
    resource(
        &root_log(app, host().as_deref()).ok_or(Refusal::NoLogAtHost)?,
        &path,
    )
}

/// Segments joined by single slashes, without one at either end.
pub(super) fn normalize(path: &str) -> Cow<'_, str> {
    let path = path.trim_matches('/');
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    Cow::Owned(segments.join("/"))
}

/// The log at the root of `host`: the v2 log that names it, else the one that names no host.
fn root_log(app: &App, host: Option<&str>) -> Option<Arc<ServedLog>> {
    let logs = app.logs();
    let mut candidates = logs.iter().filter(|log| log.kind == LogKind::RekorV2);
    let named = |log: &&Arc<ServedLog>| {
        host.is_some_and(|host| log.hosts.iter().any(|known| known == host))
    };
    candidates
        .clone()
        .find(named)
        .or_else(|| candidates.find(|log| log.hosts.is_empty()))
        .cloned()
}

/// What `path` means under the root of `log`.
fn resource(log: &Arc<ServedLog>, path: &str) -> Result<Target, Refusal> {
    let plain = |resource| {
        Ok(Target {
            log: Arc::clone(log),
            resource,
            style: Style::Plain,
        })
    };
    let rekor = |resource| {
        Ok(Target {
            log: Arc::clone(log),
            resource,
            style: Style::RekorV2,
        })
    };
    match (log.kind, path) {
        (LogKind::RekorV2, "api/v2/log/entries") => rekor(Resource::RekorAdd(Encoding::Plain)),
        (LogKind::RekorV2, "api/v2/log/entries/batch") => rekor(Resource::RekorAddBatch),
        (LogKind::RekorV2, path) if path.strip_prefix(grpc::REKOR) == Some("CreateEntry") => {
            rekor(Resource::RekorAdd(Encoding::Grpc))
        }
        (LogKind::RekorV2, "add" | "add-batch") => Err(Refusal::OtherKind {
            kind: log.kind.as_str(),
            path: "api/v2/log/entries",
        }),
        (LogKind::Raw, "add") => plain(Resource::RawAdd),
        (LogKind::Raw, "add-batch") => plain(Resource::RawAddBatch),
        (LogKind::Raw, "api/v2/log/entries" | "api/v2/log/entries/batch") => {
            Err(Refusal::OtherKind {
                kind: log.kind.as_str(),
                path: "add and add-batch",
            })
        }
        (LogKind::Ct, path) => plain(certificate_resource(path)?),
        (kind, path) => {
            let read = |path| parse_read(Layout::TlogTiles, path).map(Resource::Read);
            match path.strip_prefix("api/v2/") {
                Some(path) if kind == LogKind::RekorV2 => rekor(read(path)?),
                Some(_) => Err(Refusal::NoSuchPath),
                None => plain(read(path)?),
            }
        }
    }
}

/// What `path` means under the root of a certificate log.
fn certificate_resource(path: &str) -> Result<Resource, Refusal> {
    if let Some(fingerprint) = path.strip_prefix("issuer/") {
        let fingerprint = ct::parse_fingerprint(fingerprint).ok_or(Refusal::NoSuchIssuer)?;
        return Ok(Resource::CtIssuer(fingerprint));
    }
    match path {
        "ct/v1/add-chain" => Ok(Resource::CtAdd(SubmittedAs::Certificate)),
        "ct/v1/add-pre-chain" => Ok(Resource::CtAdd(SubmittedAs::Precertificate)),
        "ct/v1/get-roots" => Ok(Resource::CtRoots),
        "add" | "add-batch" | "api/v2/log/entries" => Err(Refusal::OtherKind {
            kind: LogKind::Ct.as_str(),
            path: "ct/v1/add-chain and ct/v1/add-pre-chain",
        }),
        path => Ok(Resource::Read(parse_read(Layout::StaticCt, path)?)),
    }
}

fn parse_read(layout: Layout, path: &str) -> Result<ResourcePath, Refusal> {
    layout.parse(path).map_err(|error| {
        if path.starts_with("tile/") {
            Refusal::NoSuchResource(error.to_string())
        } else {
            Refusal::NoSuchPath
        }
    })
}

#[cfg(test)]
mod tests;
