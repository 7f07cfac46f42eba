//! Private keys behind one interface: whoever signs need not know where the key is.
//!
//! Today a key is in memory, read from a file ([`FileSigner`]). One in a hardware token or a key
//! management service signs by the same trait, which is why signing may fail at any time.
//!
//! Only the algorithms that every Sigstore client accepts of an authority are known: ECDSA on P-256
//! and P-384, and RSA with PKCS #1 v1.5. Not here: reading encrypted key files.
//!
//! Invariant: a signature that leaves a signer has been checked with its public key. A fault while
//! signing would not only be useless to others: of an RSA key it would give the key away.

use std::fmt;

use sigstore::cert::oids;
use sigstore::{KeyKind, SignatureError};
use spki::ObjectIdentifier;
use thiserror::Error;

pub use file::{FileSigner, Pkcs8, generate};

mod file;

/// How a signer signs: scheme and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 over SHA-256, as DER.
    EcdsaP256Sha256,
    /// ECDSA on P-384 over SHA-384, as DER.
    EcdsaP384Sha384,
    /// RSA PKCS #1 v1.5 over SHA-256.
    RsaPkcs1Sha256,
}

impl SignatureAlgorithm {
    /// The algorithm that goes with a kind of key, if an authority may have such a key.
    ///
    /// Ed25519 is left out because sigstore-python refuses an authority with such a key, P-521
    /// because few verifiers know it.
    #[must_use]
    pub const fn for_key_kind(kind: KeyKind) -> Option<Self> {
        match kind {
            KeyKind::EcdsaP256 => Some(Self::EcdsaP256Sha256),
            KeyKind::EcdsaP384 => Some(Self::EcdsaP384Sha384),
            KeyKind::Rsa {
                modulus_bits: 2048 | 3072 | 4096,
            } => Some(Self::RsaPkcs1Sha256),
            KeyKind::Rsa { .. } | KeyKind::EcdsaP521 | KeyKind::Ed25519 => None,
        }
    }

    /// The identifier of the signature algorithm in certificates.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaP256Sha256 => oids::ECDSA_WITH_SHA256,
            Self::EcdsaP384Sha384 => oids::ECDSA_WITH_SHA384,
            Self::RsaPkcs1Sha256 => oids::RSA_WITH_SHA256,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256Sha256 => "ecdsa p-256 over sha-256",
            Self::EcdsaP384Sha384 => "ecdsa p-384 over sha-384",
            Self::RsaPkcs1Sha256 => "rsa pkcs #1 v1.5 over sha-256",
        })
    }
}

/// A private key that signs.
///
/// A call of [`Signer::sign`] may block, for as long as a key that is elsewhere takes to answer.
/// It changes nothing that a later call would see, so after an error it may be called again.
pub trait Signer: Send + Sync + fmt::Debug {
    /// How it signs, the same at every call.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The public key as DER `SubjectPublicKeyInfo`, the same at every call.
    fn public_key(&self) -> &[u8];

    /// Signs a message, which it hashes itself.
    ///
    /// # Errors
    ///
    /// [`SignerError`]: the key could not be used, or what it made does not verify.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Why a key could not be read, made or used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignerError {
    /// Not an unencrypted PKCS #8 private key.
    #[error("private key is not well-formed pkcs #8 der: {reason}")]
    Malformed {
        /// What the parser met. It has nothing of the key.
        reason: String,
    },
    /// A kind of key that an authority should not have.
    #[error("{found} key, wanted ecdsa p-256, ecdsa p-384 or rsa with 2048, 3072 or 4096 bits")]
    Kind {
        /// What it is.
        found: String,
    },
    /// A key that does not hold together.
    #[error("private key is refused: {reason}")]
    Rejected {
        /// What is wrong. It has nothing of the key.
        reason: String,
    },
    /// No key could be made.
    #[error("no key could be made: the cryptography library gives no reason")]
    Generate,
    /// Signing failed.
    #[error("signing failed: the cryptography library gives no reason")]
    Sign,
    /// A signature came out that is none.
    #[error("a fresh signature does not verify, so it was thrown away: {0}")]
    Faulty(SignatureError),
}
