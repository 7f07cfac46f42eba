//! Users by a name that means something only within a domain, such as that of a machine account.
//!
//! The subject is an `otherName`, `NAME!DOMAIN`: a form of its own, so that no name can pass for
//! an email address.

use sigstore::cert::extensions::FulcioExtensions;
use sigstore::cert::san::SubjectAltName;

use super::{Principal, common, email};
use crate::error::{Refusal, excerpt};
use crate::oidc::Claims;

/// The longest name.
const NAME_LEN_BYTES_MAX: usize = 255;

pub(super) fn principal(domain: &str, claims: &Claims, issuer: &str) -> Result<Principal, Refusal> {
    let name = common::required(claims, issuer, "sub")?;
    let is_name = name.len() <= NAME_LEN_BYTES_MAX
        && !name.contains('!')
        && !name.chars().any(char::is_control)
        && !email::is_address(&name);
    if !is_name {
        return Err(Refusal::ClaimInvalid {
            issuer: issuer.to_owned(),
            claim: "sub".to_owned(),
            found: excerpt(&name),
            wanted: "a name of at most 255 bytes without \"!\", and no email address".to_owned(),
        });
    }
    let san = SubjectAltName::OtherName(format!("{name}!{domain}"));
    common::principal(claims, issuer, san, FulcioExtensions::new())
}
