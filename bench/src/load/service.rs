//! Requests to the services beside the logs: certificates and timestamps.
//!
//! With a trusted root, every answer is verified as a client would; without one, only that it is
//! about what was asked for.

mod certificates;
mod timestamps;

use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use http::StatusCode;
use sigstore::trusted_root::TrustedRoot;

pub(super) use self::certificates::CertificateRequests;
pub(super) use self::timestamps::TimestampRequests;

/// What is asked of which service.
pub(super) enum ServiceRequests {
    Certificates(CertificateRequests),
    Timestamps(TimestampRequests),
}

impl ServiceRequests {
    /// The body of the request with that number.
    pub(super) fn body(&self, number: u64) -> Bytes {
        match self {
            ServiceRequests::Certificates(requests) => requests.body(number),
            ServiceRequests::Timestamps(requests) => requests.body(number),
        }
    }

    /// Whether that is the status of an answer. Timestamp servers differ.
    pub(super) fn is_answer(&self, status: StatusCode) -> bool {
        match self {
            ServiceRequests::Certificates(_) => status == StatusCode::OK,
            ServiceRequests::Timestamps(_) => status.is_success(),
        }
    }

    /// Checks the answer to the request with that number.
    pub(super) fn check(&self, number: u64, answer: &[u8]) -> anyhow::Result<()> {
        match self {
            ServiceRequests::Certificates(requests) => requests.check(number, answer),
            ServiceRequests::Timestamps(requests) => requests.check(number, answer),
        }
    }
}

/// Reads a `trusted_root.json`.
pub(super) fn read_trusted_root(path: &Path) -> anyhow::Result<TrustedRoot> {
    let text = std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
    TrustedRoot::parse(&text).with_context(|| format!("{} is no trusted root", path.display()))
}
