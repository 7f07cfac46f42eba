//! Who asks for a certificate has to hold the private key: that is checked here.
//!
//! A signer proves it in one of two ways. It sends a public key and a signature over the name in
//! its ID token ([`check_public_key`]), or a certificate signing request, which signs itself
//! ([`check_csr`]). Of the request nothing but the key is used: names and extensions come from the
//! token alone.
//!
//! | key | signature |
//! |---|---|
//! | ECDSA P-256, P-384, P-521 | ASN.1 DER, over SHA-256, SHA-384, SHA-512 |
//! | RSA with 2048, 3072 or 4096 bits and exponent 65537 | PKCS #1 v1.5 over SHA-256 |
//! | Ed25519 | not prehashed |
//!
//! A proof is no secret and no nonce is in it, so it can be sent again with the same token: it
//! gives nothing that the token alone does not give.
//!
//! Invariant: a [`CheckedKey`] is not weak, and somebody who has its private key asked for it.

use der::asn1::{AnyRef, BitString, UintRef};
use der::{Decode, Encode, Reader, SliceReader};
use sigstore::cert::oids;
use sigstore::pem::{self, PemBlock, PemError};
use sigstore::{KeyKind, PublicKey, PublicKeyError, SignatureError};
use spki::{AlgorithmIdentifier, ObjectIdentifier, SubjectPublicKeyInfo};
use thiserror::Error;

pub use csr::{CSR_LEN_BYTES_MAX, check_csr};

mod csr;

/// The longest key that is read, with whatever text is around it.
pub const KEY_LEN_BYTES_MAX: usize = 16_384;

/// A key that a certificate may be made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedKey(PublicKey);

impl CheckedKey {
    /// The key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.0
    }
}

/// Checks a public key, and a signature over one of the names in its owner's token.
///
/// The key is PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`, in any layout) or DER. Clients do not agree
/// whether they sign mail address or subject when a token has both, so the caller gives every name
/// that counts; a signature over any of them shows that the key is there.
///
/// Cost: a public-key operation for each subject.
///
/// # Errors
///
/// [`ChallengeError`]: no key, a weak key, or a signature over none of the subjects.
pub fn check_public_key(
    content: &[u8],
    proof: &[u8],
    subjects: &[&str],
) -> Result<CheckedKey, ChallengeError> {
    let spki = spki_of(content).map_err(ChallengeError::PublicKey)?;
    let key = strong_key(&spki)?;
    let mut refused = None;
    for subject in subjects.iter().filter(|subject| !subject.is_empty()) {
        match key.verify_message(subject.as_bytes(), proof) {
            Ok(()) => return Ok(CheckedKey(key)),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.map_or(ChallengeError::NoSubject, ChallengeError::Proof))
}

/// Why a key was refused. Each variant is one class that Fulcio's answers tell apart.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChallengeError {
    /// No public key in what should be one.
    #[error("the public key cannot be read: {0}")]
    PublicKey(KeyParseError),
    /// A key that gives no security.
    #[error("the public key is insecure: {0}")]
    Insecure(WeakKey),
    /// A proof of possession, or a request's own signature, that does not verify.
    #[error("the key's possession is not proven: {0}")]
    Proof(SignatureError),
    /// There is no name that could have been signed.
    #[error("the key's possession is not proven: the token has no name to sign")]
    NoSubject,
    /// No certificate signing request in what should be one.
    #[error("the certificate signing request cannot be read: {0}")]
    Csr(KeyParseError),
    /// A request that is signed in a way that this kind of key is not allowed.
    #[error("signing algorithm not permitted: a key of kind {kind} with {hash}")]
    NotPermitted {
        /// The key.
        kind: KeyKind,
        /// The hash that it was used with.
        hash: &'static str,
    },
    /// A request that is signed with an algorithm that is not known, or too weak to be.
    #[error("unrecognized signature algorithm: {oid}")]
    UnknownAlgorithm {
        /// Which one.
        oid: ObjectIdentifier,
    },
}

/// Why bytes are no key, or no request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyParseError {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Longer than any that could be accepted.
    #[error("it has {found} bytes, at most {max} are accepted")]
    TooLong {
        /// The length in bytes.
        found: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// PEM of something else.
    #[error("pem block {found:?}, wanted {wanted}")]
    Label {
        /// What the block says it is.
        found: String,
        /// What it should say.
        wanted: &'static str,
    },
    /// Not DER.
    #[error("not well-formed der: {0}")]
    Malformed(#[from] der::Error),
    /// Not a key.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
}

/// Why a key is weak.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeakKey {
    /// A size or curve that is too small, or that clients do not know.
    #[error(transparent)]
    Refused(PublicKeyError),
    /// An unusual size of an RSA key.
    #[error("rsa modulus of {found} bits, wanted 2048, 3072 or 4096")]
    RsaModulus {
        /// Its length in bits.
        found: u32,
    },
    /// An unusual exponent of an RSA key.
    #[error("rsa exponent other than 65537")]
    RsaExponent,
}

/// Parses a key and refuses it if it is weak.
fn strong_key(spki: &[u8]) -> Result<PublicKey, ChallengeError> {
    let key = PublicKey::from_spki_der(spki).map_err(|error| match error {
        PublicKeyError::RsaModulus { .. } | PublicKeyError::Curve { .. } => {
            ChallengeError::Insecure(WeakKey::Refused(error))
        }
        other => ChallengeError::PublicKey(KeyParseError::Key(other)),
    })?;
    check_strength(&key).map_err(ChallengeError::Insecure)?;
    Ok(key)
}

/// The `SubjectPublicKeyInfo` in any of the forms that signers send.
fn spki_of(content: &[u8]) -> Result<Vec<u8>, KeyParseError> {
    check_len(content, KEY_LEN_BYTES_MAX)?;
    if !looks_like_pem(content) {
        return Ok(content.to_vec());
    }
    let (PemBlock { label, der }, _) = pem::parse_first(content)?;
    match label.as_str() {
        "PUBLIC KEY" => Ok(der),
        "RSA PUBLIC KEY" => Ok(spki_from_pkcs1(&der)?),
        _ => Err(KeyParseError::Label {
            found: label,
            wanted: "PUBLIC KEY or RSA PUBLIC KEY",
        }),
    }
}

fn check_len(content: &[u8], max: usize) -> Result<(), KeyParseError> {
    let found = content.len();
    match found {
        0 => Err(KeyParseError::Empty),
        _ if found > max => Err(KeyParseError::TooLong { found, max }),
        _ => Ok(()),
    }
}

fn looks_like_pem(content: &[u8]) -> bool {
    content.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// A `SubjectPublicKeyInfo` around an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn spki_from_pkcs1(key: &[u8]) -> Result<Vec<u8>, der::Error> {
    let algorithm = AlgorithmIdentifier {
        oid: oids::RSA_ENCRYPTION,
        parameters: Some(AnyRef::NULL),
    };
    let subject_public_key = BitString::from_bytes(key)?;
    let spki = SubjectPublicKeyInfo {
        algorithm,
        subject_public_key,
    };
    spki.to_der()
}

/// Refuses keys that are readable, but weak or so unusual that clients do not know them.
fn check_strength(key: &PublicKey) -> Result<(), WeakKey> {
    match key.kind() {
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 | KeyKind::Ed25519 => Ok(()),
        KeyKind::Rsa {
            modulus_bits: 2048 | 3072 | 4096,
        } => {
            if rsa_exponent_is_usual(&key.key_bits()).unwrap_or(false) {
                return Ok(());
            }
            Err(WeakKey::RsaExponent)
        }
        KeyKind::Rsa {
            modulus_bits: found,
        } => Err(WeakKey::RsaModulus { found }),
    }
}

fn rsa_exponent_is_usual(key: &[u8]) -> Result<bool, der::Error> {
    let mut reader = SliceReader::new(key)?;
    reader.sequence(|sequence| {
        UintRef::decode(sequence)?;
        Ok(UintRef::decode(sequence)?.as_bytes() == RSA_EXPONENT)
    })
}

const BEGIN: &[u8] = b"-----BEGIN ";
/// 65537.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

#[cfg(test)]
pub(crate) mod tests;
