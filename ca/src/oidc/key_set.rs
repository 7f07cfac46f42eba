//! An issuer's public keys: a JWK Set (RFC 7517), and checking signatures by them.
//!
//! A key that cannot be used here is left out and counted, as RFC 7517 section 5 has it: sets may
//! hold keys for encryption, on other curves, or for algorithms to come. Symmetric keys are never
//! used, and neither is a key whose private half is published with it.
//!
//! Invariant: a key is used only under an algorithm that its type, its curve and, where the set
//! says so, its own `alg` allow. The token has no say in what a key is.

use std::fmt;

use aws_lc_rs::signature::RsaPublicKeyComponents;
use aws_lc_rs::signature::{self as aws, EcdsaVerificationAlgorithm, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sigstore::canonical_json::{JsonError, JsonLimits, parse_limited};
use thiserror::Error;

use super::algorithm::{JwsAlgorithm, Scheme};
use super::token::{KID_LEN_BYTES_MAX, Token};

/// The longest JWK Set that is read: sets of dozens of keys, each with its certificates.
pub const KEY_SET_LEN_BYTES_MAX: usize = 262_144;

/// The most keys of a set. More than this is no rotation.
pub const KEY_COUNT_MAX: usize = 64;

const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 6,
    value_count_max: 8192,
};

/// RSA moduli in bytes: 2048 to 8192 bits, as far as signatures are checked.
const MODULUS_LEN_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// An issuer's keys.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    left_out: Vec<&'static str>,
}

impl KeySet {
    /// Reads a JWK Set.
    ///
    /// # Errors
    ///
    /// [`KeySetError`]: too long, not strict JSON, no list of keys, too many, or none to use.
    pub fn parse(bytes: &[u8]) -> Result<KeySet, KeySetError> {
        if bytes.len() > KEY_SET_LEN_BYTES_MAX {
            let (found, max) = (bytes.len(), KEY_SET_LEN_BYTES_MAX);
            return Err(KeySetError::TooLong { found, max });
        }
        let set = parse_limited(bytes, JSON_LIMITS)?;
        let Some(listed) = set.get("keys").and_then(Value::as_array) else {
            return Err(KeySetError::NoList);
        };
        if listed.len() > KEY_COUNT_MAX {
            let (found, max) = (listed.len(), KEY_COUNT_MAX);
            return Err(KeySetError::TooMany { found, max });
        }
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for jwk in listed {
            match jwk.as_object().ok_or("not an object").and_then(Key::parse) {
                Ok(key) => keys.push(key),
                Err(reason) => left_out.push(reason),
            }
        }
        if keys.is_empty() {
            let reasons = left_out.join(", ");
            return Err(KeySetError::NoneUsable { reasons });
        }
        Ok(KeySet { keys, left_out })
    }

    /// How many keys can be used.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Why keys of the set were left out, one reason for each.
    #[must_use]
    pub fn left_out(&self) -> &[&'static str] {
        &self.left_out
    }

    /// Checks a token's signature by the key it names, or by every key if it names none.
    pub(super) fn verify(&self, token: &Token<'_>) -> SignatureCheck {
        let candidates = self.keys.iter().filter(|key| key.may_check(token));
        let mut check = SignatureCheck::NoKey;
        for key in candidates {
            if key.verify(token) {
                return SignatureCheck::Right;
            }
            check = SignatureCheck::Wrong;
        }
        // A token without `kid` may be by a key that came with a rotation not yet seen.
        if token.kid.is_none() {
            check = SignatureCheck::NoKey;
        }
        check
    }
}

/// What came of checking a signature by a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureCheck {
    /// One of the keys made it.
    Right,
    /// The key that the token names did not make it.
    Wrong,
    /// No such key is known, or none that fits the algorithm. A newer set may have it.
    NoKey,
}

#[derive(Clone)]
struct Key {
    kid: Option<String>,
    algorithm: Option<JwsAlgorithm>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    Ecdsa(&'static EcdsaVerificationAlgorithm, ParsedPublicKey),
    Ed25519(ParsedPublicKey),
}

impl Key {
    fn parse(jwk: &Map<String, Value>) -> Result<Key, &'static str> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if jwk.contains_key("d") || jwk.contains_key("k") {
            return Err("secret key material in a public set");
        }
        if text("use").is_some_and(|usage| usage != "sig") {
            return Err("not for signatures");
        }
        let operations = jwk.get("key_ops").and_then(Value::as_array);
        if operations.is_some_and(|all| !all.iter().any(|one| one == "verify")) {
            return Err("not for signatures");
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => {
                let known = name.as_str().and_then(JwsAlgorithm::from_name);
                Some(known.ok_or("an algorithm that is not allowed here")?)
            }
        };
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= KID_LEN_BYTES_MAX => Some(kid.clone()),
            Some(_) => return Err("a key id that is not text or too long"),
        };
        let material = match text("kty") {
            Some("RSA") => parse_rsa(jwk)?,
            Some("EC") => parse_ecdsa(jwk)?,
            Some("OKP") => parse_ed25519(jwk)?,
            _ => return Err("a type that is not known here"),
        };
        let key = Key {
            kid,
            algorithm,
            material,
        };
        match algorithm {
            Some(algorithm) if !key.fits(algorithm) => {
                Err("an algorithm that does not fit the key")
            }
            _ => Ok(key),
        }
    }

    /// Whether the key is of the type, and on the curve, that an algorithm needs.
    fn fits(&self, algorithm: JwsAlgorithm) -> bool {
        match (&self.material, algorithm.scheme()) {
            (Material::Rsa(_), Scheme::Rsa(_)) | (Material::Ed25519(_), Scheme::Ed25519) => true,
            (Material::Ecdsa(own, _), Scheme::Ecdsa(wanted)) => *own == wanted,
            _ => false,
        }
    }

    fn may_check(&self, token: &Token<'_>) -> bool {
        let named = token.kid.is_none() || token.kid == self.kid;
        let allowed = self.algorithm.is_none_or(|own| own == token.algorithm);
        named && allowed && self.fits(token.algorithm)
    }

    fn verify(&self, token: &Token<'_>) -> bool {
        let (signed, signature) = (token.signed, token.signature.as_slice());
        match (&self.material, token.algorithm.scheme()) {
            (Material::Rsa(key), Scheme::Rsa(parameters)) => {
                key.verify(parameters, signed, signature).is_ok()
            }
            (Material::Ecdsa(_, key), Scheme::Ecdsa(_))
            | (Material::Ed25519(key), Scheme::Ed25519) => {
                key.verify_sig(signed, signature).is_ok()
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn parse_rsa(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
    let (n, e) = (integer(jwk, "n")?, integer(jwk, "e")?);
    if !MODULUS_LEN_BYTES.contains(&n.len()) || n.first().is_none_or(|first| *first < 0x80) {
        return Err("an rsa modulus that is not of 2048 to 8192 bits, by whole bytes");
    }
    let is_odd = e.last().is_some_and(|last| last & 1 == 1);
    if !is_odd || e == [1] || e.len() > 4 {
        return Err("an rsa exponent that is even, 1 or larger than 32 bits");
    }
    Ok(Material::Rsa(RsaPublicKeyComponents { n, e }))
}

fn parse_ecdsa(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
    let (algorithm, len) = match jwk.get("crv").and_then(Value::as_str) {
        Some("P-256") => (&aws::ECDSA_P256_SHA256_FIXED, 32),
        Some("P-384") => (&aws::ECDSA_P384_SHA384_FIXED, 48),
        Some("P-521") => (&aws::ECDSA_P521_SHA512_FIXED, 66),
        _ => return Err("a curve that is not known here"),
    };
    let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
    if x.len() != len || y.len() != len {
        return Err("a coordinate of the wrong length");
    }
    let uncompressed = [&[0x04][..], &x, &y].concat();
    let key = ParsedPublicKey::new(algorithm, uncompressed).map_err(|_| "a point off its curve")?;
    Ok(Material::Ecdsa(algorithm, key))
}

fn parse_ed25519(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
    if jwk.get("crv").and_then(Value::as_str) != Some("Ed25519") {
        return Err("a curve that is not known here");
    }
    let key = ParsedPublicKey::new(&aws::ED25519, octets(jwk, "x")?);
    key.map(Material::Ed25519)
        .map_err(|_| "not an Ed25519 point")
}

/// A number without the leading zeros that some libraries write before it.
fn integer(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = octets(jwk, name)?;
    Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn octets(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let text = jwk.get(name).and_then(Value::as_str);
    let text = text.ok_or("a key without its numbers")?;
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| "numbers that are not base64url")
}

/// Why a JWK Set was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySetError {
    /// More bytes than are read.
    #[error("the key set has {found} bytes, at most {max} are read")]
    TooLong {
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not strict JSON within the limits.
    #[error("the key set is not usable json: {0}")]
    Json(#[from] JsonError),
    /// No `keys`, or not a list.
    #[error("the key set has no list \"keys\": is this the address of a jwk set?")]
    NoList,
    /// More keys than are read.
    #[error("the key set has {found} keys, at most {max} are read")]
    TooMany {
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// There is nothing to check a signature with.
    #[error("the key set has no key that can be used here; left out: {reasons}")]
    NoneUsable {
        /// Why each key was left out.
        reasons: String,
    },
}

#[cfg(test)]
mod tests;
