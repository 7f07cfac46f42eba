//! ID tokens: from a string that somebody sent to a [`Principal`], or to a [`Refusal`].
//!
//! The order of the checks (OIDC Core 1.0 section 3.1.3.7): form and algorithm, issuer,
//! audience, time, key, signature, claims, allow rules. What costs nothing comes before what
//! costs a public-key operation or has an issuer's keys read again, so that garbage causes neither.
//! Nothing that comes before the signature is believed: it can only refuse.
//!
//! A token can be used again within its time, as with every Sigstore CA: whoever uses it must also
//! prove that they have the key they want certified.
//!
//! Not here: fetching. Whoever calls gets an issuer's [`Discovery`] and [`KeySet`] and keeps them
//! in a [`KeySets`]; [`Refusal::keys_wanted_of`] says when reading them again may help.

pub mod algorithm;
pub mod claims;
pub mod discovery;
pub mod key_set;
pub mod token;

use std::sync::Arc;

use serde_json::Value;
use sigstore::UnixSeconds;

pub use algorithm::JwsAlgorithm;
pub use claims::{Claims, ClaimsError};
pub use discovery::{Discovery, DiscoveryError};
pub use key_set::{KeySet, KeySetError};
pub use token::{TOKEN_LEN_BYTES_MAX, Token};

use crate::error::{Refusal, excerpt, excerpt_of, joined};
use crate::identity::Principal;
use crate::issuers::{Issuer, IssuerTable};
use key_set::SignatureCheck;

/// How far ahead an issuer's clock may be when it says from when a token is valid.
pub const NOT_BEFORE_LEEWAY_SECONDS: u64 = 300;

/// How long an issuer's keys are trusted while they cannot be read again. Long enough for an
/// issuer that is down over night; short enough that a withdrawn key does not live on.
pub const KEYS_AGE_SECONDS_MAX: u64 = 86_400;

/// Where an issuer's keys are kept.
///
/// Looking up must not wait: what is not there is not there, and the caller fetches it.
pub trait KeySets {
    /// What was last read from an issuer, by the exact `iss` of a token.
    fn issuer_keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>>;
}

/// What was read from an issuer, and when.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    /// The algorithms that its discovery document lists.
    pub algorithms: Vec<JwsAlgorithm>,
    /// Its keys.
    pub key_set: KeySet,
    /// When its keys were read.
    pub read_at: UnixSeconds,
}

/// A token that passed every check.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    /// Whom the certificate names.
    pub principal: Principal,
    /// The section of the configuration that the token came in by.
    pub issuer: &'a Issuer,
    /// The allow rule that let it in, from 1; none if the section has no rules.
    pub rule: Option<usize>,
    /// When the token expires.
    pub expires: UnixSeconds,
}

/// Checks a token. Cost: one signature check, or one for each key of the issuer if the token
/// names none; all else is linear in the token.
///
/// # Errors
///
/// The [`Refusal`] of the first check that fails, in the order that the module's header gives.
pub fn verify_token<'a>(
    token: &str,
    issuers: &'a IssuerTable,
    keys: &dyn KeySets,
    now: UnixSeconds,
) -> Result<Verified<'a>, Refusal> {
    let token = Token::parse(token)?;
    let url = token.claims.string("iss").unwrap_or_default();
    let issuer = choose_issuer(&token, url, issuers)?;
    let expires = check_time(&token.claims, url, now)?;
    check_signature(&token, url, keys, now)?;
    let principal = issuer.principal(&token.claims)?;
    let rule = issuer.admit(&token.claims)?;
    Ok(Verified {
        principal,
        issuer,
        rule,
        expires,
    })
}

/// The section for a token's issuer, and among several the first whose audience the token is for.
fn choose_issuer<'a>(
    token: &Token<'_>,
    url: &str,
    issuers: &'a IssuerTable,
) -> Result<&'a Issuer, Refusal> {
    let candidates = issuers.find(url);
    let Some(first) = candidates.first() else {
        let issuer = excerpt(url);
        return Err(Refusal::UnknownIssuer { issuer });
    };
    let audience = token.claims.find("aud").unwrap_or(&Value::Null);
    let meant = |issuer: &&&Issuer| is_audience(audience, issuer.audience());
    match candidates.iter().find(meant) {
        Some(issuer) => Ok(issuer),
        None => Err(Refusal::Audience {
            issuer: url.to_owned(),
            found: excerpt_of(audience),
            wanted: first.audience().to_owned(),
        }),
    }
}

/// `aud` is one text or a list of them (RFC 7519 section 4.1.3).
fn is_audience(claim: &Value, wanted: &str) -> bool {
    match claim {
        Value::String(one) => one == wanted,
        Value::Array(all) => all.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    }
}

/// `exp` must be there and is taken at its word; `nbf` may lie a little ahead. `iat` says nothing
/// that these two do not, and is not looked at.
fn check_time(claims: &Claims, url: &str, now: UnixSeconds) -> Result<UnixSeconds, Refusal> {
    let issuer = || url.to_owned();
    let Some(expired) = seconds(claims, url, "exp")? else {
        let claim = "exp".to_owned();
        return Err(Refusal::ClaimMissing {
            issuer: issuer(),
            claim,
        });
    };
    let now = now.get();
    if now >= expired {
        let issuer = issuer();
        return Err(Refusal::Expired {
            issuer,
            expired,
            now,
        });
    }
    match seconds(claims, url, "nbf")? {
        Some(begins) if begins > now.saturating_add(NOT_BEFORE_LEEWAY_SECONDS) => {
            let issuer = issuer();
            Err(Refusal::NotYetValid {
                issuer,
                begins,
                now,
            })
        }
        _ => Ok(UnixSeconds::new(expired)),
    }
}

/// A `NumericDate` (RFC 7519 section 2): a number that may have a fraction, which is dropped.
fn seconds(claims: &Claims, url: &str, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = claims.find(name) else {
        return Ok(None);
    };
    let whole = value.as_u64().or_else(|| {
        let text = value.as_f64()?.floor().to_string();
        text.parse().ok()
    });
    whole.map(Some).ok_or_else(|| Refusal::ClaimInvalid {
        issuer: url.to_owned(),
        claim: name.to_owned(),
        found: excerpt_of(value),
        wanted: "seconds since 1970".to_owned(),
    })
}

fn check_signature(
    token: &Token<'_>,
    url: &str,
    keys: &dyn KeySets,
    now: UnixSeconds,
) -> Result<(), Refusal> {
    let issuer = url.to_owned();
    let Some(keys) = keys.issuer_keys(url) else {
        return Err(Refusal::NoKeys { issuer });
    };
    let age_seconds = now.get().saturating_sub(keys.read_at.get());
    if age_seconds > KEYS_AGE_SECONDS_MAX {
        let max = KEYS_AGE_SECONDS_MAX;
        return Err(Refusal::StaleKeys {
            issuer,
            age_seconds,
            max,
        });
    }
    let algorithm = token.algorithm.name();
    if !keys.algorithms.contains(&token.algorithm) {
        let offered = joined(&keys.algorithms, ", ");
        let found = algorithm;
        return Err(Refusal::AlgorithmNotOffered {
            issuer,
            found,
            offered,
        });
    }
    let kid = token.kid.as_deref();
    let kid = || kid.map_or_else(|| "(none named)".to_owned(), excerpt);
    match keys.key_set.verify(token) {
        SignatureCheck::Right => Ok(()),
        SignatureCheck::Wrong => Err(Refusal::Signature { issuer, kid: kid() }),
        SignatureCheck::NoKey => Err(Refusal::UnknownKey {
            issuer,
            kid: kid(),
            algorithm,
        }),
    }
}

#[cfg(test)]
pub(crate) mod test_issuer;
#[cfg(test)]
mod tests;
