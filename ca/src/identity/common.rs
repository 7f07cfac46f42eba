//! What the principals of all sources have in common.

use sigstore::cert::extensions::{ExtensionField, FulcioExtensions};
use sigstore::cert::san::SubjectAltName;

use super::Principal;
use crate::error::{Refusal, excerpt_of};
use crate::oidc::Claims;

/// The longest claim that becomes part of a certificate by itself.
const CLAIM_LEN_BYTES_MAX: usize = 2048;

/// Adds the issuer and the token's subject, which every certificate names.
pub(super) fn principal(
    claims: &Claims,
    issuer: &str,
    san: SubjectAltName,
    mut extensions: FulcioExtensions,
) -> Result<Principal, Refusal> {
    let subject = required(claims, issuer, "sub")?;
    extensions.set(ExtensionField::Issuer, issuer);
    extensions.set(ExtensionField::TokenSubject, subject.as_str());
    let address = claims.string("email").filter(|text| !text.is_empty());
    Ok(Principal {
        san,
        extensions,
        proof_subject: subject,
        proof_alternative: address.map(str::to_owned),
    })
}

/// Has a certificate name somebody else than the token's issuer.
pub(super) fn set_issuer(principal: &mut Principal, issuer: &str) {
    principal.extensions.set(ExtensionField::Issuer, issuer);
}

/// A claim that must be text, with something in it.
pub(super) fn required(claims: &Claims, issuer: &str, claim: &str) -> Result<String, Refusal> {
    let invalid = |found: String| Refusal::ClaimInvalid {
        issuer: issuer.to_owned(),
        claim: claim.to_owned(),
        found,
        wanted: format!("text of 1 to {CLAIM_LEN_BYTES_MAX} bytes"),
    };
    let Some(value) = claims.find(claim) else {
        return Err(Refusal::ClaimMissing {
            issuer: issuer.to_owned(),
            claim: claim.to_owned(),
        });
    };
    match value.as_str() {
        Some(text) if (1..=CLAIM_LEN_BYTES_MAX).contains(&text.len()) => Ok(text.to_owned()),
        _ => Err(invalid(excerpt_of(value))),
    }
}
