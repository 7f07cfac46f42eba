//! The key of the dev issuers, its JWK Set, and signing JWTs with it.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca::oidc::key_set::KeySetError;
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Why there is no key to sign tokens with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DevKeyError {
    #[error("the system gave no RSA key for the dev issuers")]
    Generate,
    #[error("not an RSA key in PKCS#8: {0}")]
    Malformed(String),
    #[error("the CA can't use the dev issuers' key: {0}")]
    Unusable(#[from] KeySetError),
}

/// An RSA key for RS256 (RFC 7518, section 3.3), the one algorithm that every client knows.
pub(crate) struct DevKey {
    key: RsaKeyPair,
    kid: String,
    /// The public key as a JWK has it.
    modulus: String,
    exponent: String,
}

impl fmt::Debug for DevKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevKey({})", self.kid)
    }
}

impl DevKey {
    /// A new key as PKCS#8 DER. Takes some tenths of a second.
    pub(crate) fn generate() -> Result<Zeroizing<Vec<u8>>, DevKeyError> {
        let generated =
            RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| DevKeyError::Generate)?;
        let der: Pkcs8V1Der<'_> = generated.as_der().map_err(|_| DevKeyError::Generate)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    pub(crate) fn from_pkcs8_der(der: &[u8]) -> Result<DevKey, DevKeyError> {
        let key = RsaKeyPair::from_pkcs8(der)
            .map_err(|error| DevKeyError::Malformed(error.to_string()))?;
        let components = components(&key);
        let (modulus, exponent) =
            components.map_err(|error| DevKeyError::Malformed(error.to_string()))?;
        Ok(DevKey {
            kid: kid(&modulus, &exponent),
            key,
            modulus,
            exponent,
        })
    }

    /// The public half as a JWK Set.
    pub(super) fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": self.modulus, "e": self.exponent,
        }]})
    }

    /// A JWT (RFC 7519) of these claims.
    pub(super) fn sign_token(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": self.kid, "typ": "JWT"});
        let [header, claims] = [&header, claims].map(|part| encoded(part.to_string().as_bytes()));
        let message = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        let signed: Result<(), Unspecified> = self.key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message.as_bytes(),
            &mut signature,
        );
        if signed.is_err() {
            // A token that nobody accepts; a key of this size always fits SHA-256.
            tracing::error!("a dev token could not be signed");
        }
        format!("{message}.{}", encoded(&signature))
    }
}

/// A name for the key: the beginning of its thumbprint (RFC 7638).
fn kid(modulus: &str, exponent: &str) -> String {
    let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
    let mut kid = encoded(&Sha256::digest(canonical));
    kid.truncate(16);
    kid
}

/// Modulus and exponent as a JWK has them.
fn components(key: &RsaKeyPair) -> Result<(String, String), der::Error> {
    // RFC 8017, appendix A.1.1.
    let (modulus, exponent) = SliceReader::new(key.public_key().as_ref())?.sequence(|fields| {
        let modulus = UintRef::decode(fields)?;
        Ok::<_, der::Error>((modulus, UintRef::decode(fields)?))
    })?;
    Ok((encoded(modulus.as_bytes()), encoded(exponent.as_bytes())))
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
