//! Workloads by their SPIFFE ID (SPIFFE-ID section 2), within one trust domain.

use sigstore::cert::extensions::FulcioExtensions;
use sigstore::cert::san::SubjectAltName;

use super::san_uri::URI_LEN_BYTES_MAX;
use super::{Principal, common};
use crate::error::{Refusal, excerpt};
use crate::oidc::Claims;

pub(super) fn principal(
    trust_domain: &str,
    claims: &Claims,
    issuer: &str,
) -> Result<Principal, Refusal> {
    let id = common::required(claims, issuer, "sub")?;
    if !is_id_within(&id, trust_domain) {
        return Err(Refusal::ClaimInvalid {
            issuer: issuer.to_owned(),
            claim: "sub".to_owned(),
            found: excerpt(&id),
            wanted: format!("a SPIFFE ID: spiffe://{trust_domain}/..."),
        });
    }
    let san = SubjectAltName::Uri(id);
    common::principal(claims, issuer, san, FulcioExtensions::new())
}

/// Whether a text can be a trust domain.
pub(crate) fn is_trust_domain(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(is_part)
}

fn is_id_within(id: &str, trust_domain: &str) -> bool {
    let Some(path) = id
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.strip_prefix(trust_domain))
    else {
        return false;
    };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_segment =
        |segment: &str| !["", ".", ".."].contains(&segment) && segment.bytes().all(is_part);
    let has_right_path = match path.strip_prefix('/') {
        Some(segments) => segments.split('/').all(is_segment),
        None => path.is_empty(),
    };
    id.len() <= URI_LEN_BYTES_MAX && has_right_path
}
