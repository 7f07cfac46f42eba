//! The signature algorithms that an ID token may name (RFC 7518 section 3.1, RFC 8037).
//!
//! Invariant: there is no `none` and no HMAC among them, so neither can be asked for: a token that
//! is "signed" with a public key as a shared secret names an algorithm that does not exist here.

use std::fmt;

use aws_lc_rs::signature::{self as aws, EcdsaVerificationAlgorithm, RsaParameters};

/// A signature algorithm for ID tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JwsAlgorithm {
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    Rs512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// RSA PSS with SHA-384.
    Ps384,
    /// RSA PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

/// How a key and a signature are used under an algorithm.
pub(super) enum Scheme {
    /// By an RSA key.
    Rsa(&'static RsaParameters),
    /// By a key on one curve; signatures are r||s.
    Ecdsa(&'static EcdsaVerificationAlgorithm),
    /// By an Ed25519 key.
    Ed25519,
}

impl JwsAlgorithm {
    /// Every algorithm there is.
    pub const ALL: [JwsAlgorithm; 10] = [
        JwsAlgorithm::Rs256,
        JwsAlgorithm::Rs384,
        JwsAlgorithm::Rs512,
        JwsAlgorithm::Ps256,
        JwsAlgorithm::Ps384,
        JwsAlgorithm::Ps512,
        JwsAlgorithm::Es256,
        JwsAlgorithm::Es384,
        JwsAlgorithm::Es512,
        JwsAlgorithm::EdDsa,
    ];

    /// The name in a token's header. Names are compared case by case, as RFC 7515 has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            JwsAlgorithm::Rs256 => "RS256",
            JwsAlgorithm::Rs384 => "RS384",
            JwsAlgorithm::Rs512 => "RS512",
            JwsAlgorithm::Ps256 => "PS256",
            JwsAlgorithm::Ps384 => "PS384",
            JwsAlgorithm::Ps512 => "PS512",
            JwsAlgorithm::Es256 => "ES256",
            JwsAlgorithm::Es384 => "ES384",
            JwsAlgorithm::Es512 => "ES512",
            JwsAlgorithm::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name, if tokens may use it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<JwsAlgorithm> {
        JwsAlgorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn scheme(self) -> Scheme {
        match self {
            JwsAlgorithm::Rs256 => Scheme::Rsa(&aws::RSA_PKCS1_2048_8192_SHA256),
            JwsAlgorithm::Rs384 => Scheme::Rsa(&aws::RSA_PKCS1_2048_8192_SHA384),
            JwsAlgorithm::Rs512 => Scheme::Rsa(&aws::RSA_PKCS1_2048_8192_SHA512),
            JwsAlgorithm::Ps256 => Scheme::Rsa(&aws::RSA_PSS_2048_8192_SHA256),
            JwsAlgorithm::Ps384 => Scheme::Rsa(&aws::RSA_PSS_2048_8192_SHA384),
            JwsAlgorithm::Ps512 => Scheme::Rsa(&aws::RSA_PSS_2048_8192_SHA512),
            JwsAlgorithm::Es256 => Scheme::Ecdsa(&aws::ECDSA_P256_SHA256_FIXED),
            JwsAlgorithm::Es384 => Scheme::Ecdsa(&aws::ECDSA_P384_SHA384_FIXED),
            JwsAlgorithm::Es512 => Scheme::Ecdsa(&aws::ECDSA_P521_SHA512_FIXED),
            JwsAlgorithm::EdDsa => Scheme::Ed25519,
        }
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
