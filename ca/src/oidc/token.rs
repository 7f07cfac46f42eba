//! Taking a compact JWS (RFC 7515 section 7.1) apart, before anything in it is believed.
//!
//! Strict: three parts, each unpadded base64url in its one form; header and payload JSON objects
//! that name no key twice. What a header says about keys (`jwk`, `jku`, `x5c`, `x5u`) is never
//! looked at: keys come from the issuer. `crit` is refused, because no extension is understood
//! here and RFC 7515 section 4.1.11 says that such a token must not be used.
//!
//! Not here: whether the signature is right (`key_set`) and who says so (the parent).
//!
//! Invariant: the algorithm of a [`Token`] is one of [`JwsAlgorithm`], so never `none` or an HMAC.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sigstore::canonical_json::parse_limited;

use super::algorithm::JwsAlgorithm;
use super::claims::{Claims, TOKEN_JSON_LIMITS};
use crate::error::Refusal;

/// The longest token that is read. Real ones have one to four kilobytes, those of directories
/// that list every group of a user some more.
pub const TOKEN_LEN_BYTES_MAX: usize = 16_384;

/// The longest key id that is looked up.
pub(super) const KID_LEN_BYTES_MAX: usize = 256;

/// Kinds of token that state an identity. Others (a logout token, a token of some other protocol)
/// may well carry the same issuer and audience (RFC 8725 section 3.11).
const TYPES: [&str; 3] = ["jwt", "jose", "at+jwt"];

/// A token of the right form, of which nothing is proven. Its `Debug` shows no part of it.
pub struct Token<'a> {
    /// The algorithm that its header names.
    pub algorithm: JwsAlgorithm,
    /// The key that its header names.
    pub kid: Option<String>,
    /// What it claims.
    pub claims: Claims,
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Cost: linear in at most [`TOKEN_LEN_BYTES_MAX`].
    ///
    /// # Errors
    ///
    /// [`Refusal::NoToken`], [`Refusal::TokenTooLong`], [`Refusal::Malformed`],
    /// [`Refusal::Algorithm`], [`Refusal::TokenType`].
    pub fn parse(token: &'a str) -> Result<Token<'a>, Refusal> {
        if token.is_empty() {
            return Err(Refusal::NoToken);
        }
        if token.len() > TOKEN_LEN_BYTES_MAX {
            let (found, max) = (token.len(), TOKEN_LEN_BYTES_MAX);
            return Err(Refusal::TokenTooLong { found, max });
        }
        let parts = token.matches('.').count() + 1;
        let (signed, signature) = token.rsplit_once('.').unwrap_or_default();
        let (Some((header, payload)), 3) = (signed.split_once('.'), parts) else {
            let reason = format!("{parts} parts between dots, wanted 3");
            return Err(malformed("token", reason));
        };
        let header = Header::parse(&decode("header", header)?)?;
        let claims = Claims::parse(&decode("payload", payload)?)
            .map_err(|error| malformed("payload", error.to_string()))?;
        let signature = decode("signature", signature)?;
        Ok(Token {
            algorithm: header.algorithm,
            kid: header.kid,
            claims,
            signed: signed.as_bytes(),
            signature,
        })
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The two things of a header that are used.
struct Header {
    algorithm: JwsAlgorithm,
    kid: Option<String>,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Header, Refusal> {
        let bad = |reason: &str| malformed("header", reason.to_owned());
        let value = parse_limited(bytes, TOKEN_JSON_LIMITS)
            .map_err(|error| malformed("header", error.to_string()))?;
        let Value::Object(header) = value else {
            return Err(bad("not a json object"));
        };
        // First, so that whoever asks for `none` hears about that and nothing else.
        let Some(name) = header.get("alg").and_then(Value::as_str) else {
            return Err(bad("no text under \"alg\""));
        };
        let algorithm = JwsAlgorithm::from_name(name).ok_or_else(|| Refusal::Algorithm {
            found: name.chars().take(16).collect(),
        })?;
        if header.contains_key("crit") {
            return Err(bad(
                "\"crit\" asks for extensions, of which none is known here",
            ));
        }
        if let Some(kind) = header.get("typ") {
            check_type(kind)?;
        }
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= KID_LEN_BYTES_MAX => Some(kid.clone()),
            Some(Value::String(_)) => return Err(bad("\"kid\" is too long")),
            Some(_) => return Err(bad("\"kid\" is not text")),
        };
        Ok(Header { algorithm, kid })
    }
}

fn check_type(kind: &Value) -> Result<(), Refusal> {
    let Some(kind) = kind.as_str() else {
        return Err(malformed("header", "\"typ\" is not text".to_owned()));
    };
    let lower = kind.to_ascii_lowercase();
    let short = lower.strip_prefix("application/").unwrap_or(&lower);
    if TYPES.contains(&short) {
        return Ok(());
    }
    Err(Refusal::TokenType {
        found: kind.chars().take(32).collect(),
    })
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, Refusal> {
    if text.is_empty() {
        return Err(malformed(part, "empty".to_owned()));
    }
    // The decoder's own error quotes a byte of the input; the input is a secret.
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| malformed(part, "not base64url without padding".to_owned()))
}

fn malformed(part: &'static str, reason: String) -> Refusal {
    Refusal::Malformed { part, reason }
}

#[cfg(test)]
mod tests;
