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

use sigstore::SignatureError;
use thiserror::Error;

pub use sigstore::cert::SignatureAlgorithm;

pub use file::{FileSigner, Pkcs8, generate};

mod file;
mod self_check;

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
