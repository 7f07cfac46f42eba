//! Kubernetes workloads by the service account they run as.

use sigstore::cert::extensions::FulcioExtensions;
use sigstore::cert::san::SubjectAltName;

use super::{Principal, common};
use crate::error::{Refusal, excerpt};
use crate::oidc::Claims;

/// Where the names are in a projected service account token.
pub(super) const NAMESPACE: &str = "/kubernetes.io/namespace";
pub(super) const SERVICE_ACCOUNT: &str = "/kubernetes.io/serviceaccount/name";

pub(super) fn principal(claims: &Claims, issuer: &str) -> Result<Principal, Refusal> {
    let namespace = name(claims, issuer, NAMESPACE)?;
    let account = name(claims, issuer, SERVICE_ACCOUNT)?;
    let uri = format!("https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{account}");
    let san = SubjectAltName::Uri(uri);
    common::principal(claims, issuer, san, FulcioExtensions::new())
}

/// A name as Kubernetes allows it (RFC 1123), so that none can reach into the rest of the subject.
fn name(claims: &Claims, issuer: &str, claim: &str) -> Result<String, Refusal> {
    let name = common::required(claims, issuer, claim)?;
    let is_part =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if name.len() <= 253 && name.bytes().all(is_part) && !name.starts_with('.') {
        return Ok(name);
    }
    Err(Refusal::ClaimInvalid {
        issuer: issuer.to_owned(),
        claim: claim.to_owned(),
        found: excerpt(&name),
        wanted: "a name of lower case letters, digits, \"-\" and \".\"".to_owned(),
    })
}
