//! People by their email address, which the issuer must vouch for.
//!
//! An issuer that only passes on what others said (Dex) can name them: with `issuer_claim`, the
//! certificate names that one, and verifiers judge it instead of the go-between.

use serde_json::Value;
use sigstore::cert::extensions::FulcioExtensions;
use sigstore::cert::san::SubjectAltName;

use super::{Principal, common};
use crate::error::{Refusal, excerpt, excerpt_of};
use crate::oidc::Claims;

/// The settings of an issuer of email addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Email {
    /// The claim that names who vouches, if it is not the issuer.
    pub(crate) issuer_claim: Option<String>,
    /// Whether `email_verified` may be missing or false.
    pub(crate) skip_verification: bool,
}

/// The longest address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const ADDRESS_LEN_MAX: usize = 254;

impl Email {
    pub(super) fn principal(&self, claims: &Claims, issuer: &str) -> Result<Principal, Refusal> {
        let address = self.address(claims, issuer)?;
        let named = match &self.issuer_claim {
            None => issuer.to_owned(),
            Some(claim) => common::required(claims, issuer, claim)?,
        };
        let san = SubjectAltName::Email(address.clone());
        let extensions = FulcioExtensions::new();
        let mut principal = common::principal(claims, issuer, san, extensions)?;
        common::set_issuer(&mut principal, &named);
        let subject = std::mem::replace(&mut principal.proof_subject, address);
        principal.proof_alternative = Some(subject);
        Ok(principal)
    }

    /// The address, if it is one and it is verified.
    pub(crate) fn address(&self, claims: &Claims, issuer: &str) -> Result<String, Refusal> {
        let address = common::required(claims, issuer, "email")?;
        if !self.skip_verification {
            check_verified(claims, issuer)?;
        }
        if !is_address(&address) {
            return Err(Refusal::ClaimInvalid {
                issuer: issuer.to_owned(),
                claim: "email".to_owned(),
                found: excerpt(&address),
                wanted: "an email address in ASCII".to_owned(),
            });
        }
        Ok(address)
    }
}

/// `email_verified` must be true. Some issuers send it as text.
fn check_verified(claims: &Claims, issuer: &str) -> Result<(), Refusal> {
    match claims.find("email_verified") {
        Some(Value::Bool(true)) => Ok(()),
        Some(Value::String(text)) if text == "true" || text == "True" => Ok(()),
        found => Err(Refusal::EmailUnverified {
            issuer: issuer.to_owned(),
            found: found.map_or_else(|| "missing".to_owned(), excerpt_of),
        }),
    }
}

/// A dot-atom, an at sign, and a domain name of at least two labels (RFC 5322 section 3.4.1).
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_atom_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atom_byte);
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let has_hyphen_outside = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.bytes().all(is_inner) && !has_hyphen_outside
    };
    text.len() <= ADDRESS_LEN_MAX
        && local.len() <= 64
        && local.split('.').all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(is_label)
}
