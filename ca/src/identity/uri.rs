//! Subjects that are URIs already, within one scheme and host.

use sigstore::cert::extensions::FulcioExtensions;
use sigstore::cert::san::SubjectAltName;

use super::san_uri::{self, Uri};
use super::{Principal, common};
use crate::error::{Refusal, excerpt};
use crate::oidc::Claims;

/// `domain` is a scheme and an authority: `https://example.com`.
pub(super) fn principal(domain: &str, claims: &Claims, issuer: &str) -> Result<Principal, Refusal> {
    let subject = common::required(claims, issuer, "sub")?;
    let invalid = |wanted: String| Refusal::ClaimInvalid {
        issuer: issuer.to_owned(),
        claim: "sub".to_owned(),
        found: excerpt(&subject),
        wanted,
    };
    let uri = Uri::parse(&subject).map_err(|wanted| invalid(wanted.to_owned()))?;
    if format!("{}://{}", uri.scheme, uri.authority) != domain {
        return Err(invalid(format!("a URI that begins with {domain}")));
    }
    let san = san_uri::normalized(&subject).map_err(|wanted| invalid(wanted.to_owned()))?;
    let extensions = FulcioExtensions::new();
    common::principal(claims, issuer, SubjectAltName::Uri(san), extensions)
}
