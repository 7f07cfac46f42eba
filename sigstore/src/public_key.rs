//! Public keys, and checking a signature when only the digest of what was signed is at hand.
//!
//! A transparency log never sees the artifact: a request carries its digest, so its checks are
//! digest-only. An authority has the whole message, so there is a check for that, too. Keys come
//! as a DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7) or inside one DER certificate, of
//! which nothing but that key is looked at: no chain, no dates, no usage.
//!
//! ECDSA and RSA (PKCS #1 v1.5) are checked by aws-lc-rs, which takes a digest. It has no
//! `Ed25519ph` (RFC 8032 section 5.1, empty context), so that one is checked by ed25519-dalek.
//!
//! What people sign files with is wider than what a log takes: any of three hashes with any curve.
//! [`PublicKey::verify_digest`] is for that.
//!
//! Not here: private keys, PEM, and which labels a log allows (`key_details`).
//!
//! Invariant: a [`PublicKey`] came from canonical DER, its point is on its curve, and its kind is
//! what the key itself says, never what a caller claims.

use std::fmt;

use aws_lc_rs::{digest, signature as aws};
use der::{Decode, Encode};
use ed25519_dalek::{StreamVerifier, VerifyingKey};
use spki::SubjectPublicKeyInfo;
use x509_cert::Certificate;

use crate::key_details::HashAlgorithm;

pub use error::{PublicKeyError, SignatureError};
pub(crate) use signature_form::sign_ed25519ph;

pub(crate) use any_hash::message_algorithm;

mod any_hash;
mod error;
mod parse;
mod signature_form;

/// The longest `SubjectPublicKeyInfo` that is read. RSA with 8192 bits needs 1062 bytes.
pub const SPKI_LEN_BYTES_MAX: usize = 2048;
/// The longest certificate that is read: 48 KiB, beyond which its base64 alone would not fit into
/// a log entry.
pub const CERTIFICATE_LEN_BYTES_MAX: usize = 49_152;
/// The longest signature that is read: that of an RSA key with 8192 bits.
pub const SIGNATURE_LEN_BYTES_MAX: usize = 1024;
/// RSA keys below this are refused: too weak.
pub const RSA_MODULUS_BITS_MIN: u32 = 2048;
/// RSA keys above this are refused: checking them costs too much.
pub const RSA_MODULUS_BITS_MAX: u32 = 8192;

/// What sort of key a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// ECDSA on the curve P-384.
    EcdsaP384,
    /// ECDSA on the curve P-521.
    EcdsaP521,
    /// Ed25519, used as `Ed25519ph`.
    Ed25519,
    /// RSA.
    Rsa {
        /// The exact bit length of the modulus.
        modulus_bits: u32,
    },
}

impl KeyKind {
    /// The hash that signatures by this kind of key are checked with.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            KeyKind::EcdsaP256 | KeyKind::Rsa { .. } => HashAlgorithm::Sha256,
            KeyKind::EcdsaP384 => HashAlgorithm::Sha384,
            KeyKind::EcdsaP521 | KeyKind::Ed25519 => HashAlgorithm::Sha512,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyKind::EcdsaP256 => f.write_str("ecdsa p-256"),
            KeyKind::EcdsaP384 => f.write_str("ecdsa p-384"),
            KeyKind::EcdsaP521 => f.write_str("ecdsa p-521"),
            KeyKind::Ed25519 => f.write_str("ed25519"),
            KeyKind::Rsa { modulus_bits } => write!(f, "rsa with {modulus_bits} bits"),
        }
    }
}

/// A public key that was parsed and can check signatures. Equal by its DER.
#[derive(Clone)]
pub struct PublicKey {
    kind: KeyKind,
    verifier: Verifier,
    spki_der: Vec<u8>,
}

#[derive(Clone)]
enum Verifier {
    Aws(aws::ParsedPublicKey),
    Ed25519ph(VerifyingKey),
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`]: too long, PEM, not canonical DER, trailing bytes, an algorithm, curve
    /// or size that is not supported, parameters that do not belong there, or a bad point.
    pub fn from_spki_der(spki_der: &[u8]) -> Result<PublicKey, PublicKeyError> {
        check_der_input("public key", spki_der, SPKI_LEN_BYTES_MAX)?;
        let malformed = |error: der::Error| PublicKeyError::Malformed {
            what: "public key",
            reason: error.to_string(),
        };
        let spki: parse::Spki<'_> = SubjectPublicKeyInfo::from_der(spki_der).map_err(malformed)?;
        if spki.to_der().map_err(malformed)? != spki_der {
            let reason = "not in canonical form".to_owned();
            return Err(PublicKeyError::Malformed {
                what: "public key",
                reason,
            });
        }
        let (kind, verifier) = parse::parse_key(&spki)?;
        Ok(PublicKey {
            kind,
            verifier,
            spki_der: spki_der.to_vec(),
        })
    }

    /// Reads one DER X.509 certificate and takes its key. Nothing else in it is checked.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::from_spki_der`], for the certificate and for the key inside.
    pub fn from_certificate_der(certificate_der: &[u8]) -> Result<PublicKey, PublicKeyError> {
        check_der_input("certificate", certificate_der, CERTIFICATE_LEN_BYTES_MAX)?;
        let malformed = |error: der::Error| PublicKeyError::Malformed {
            what: "certificate",
            reason: error.to_string(),
        };
        let certificate = Certificate::from_der(certificate_der).map_err(malformed)?;
        let spki = certificate.tbs_certificate().subject_public_key_info();
        PublicKey::from_spki_der(&spki.to_der().map_err(malformed)?)
    }

    /// What sort of key this is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The bits of the key alone, without its algorithm: a point, an `RSAPublicKey`, 32 bytes.
    ///
    /// # Panics
    ///
    /// Never: the DER was parsed before.
    #[must_use]
    pub fn key_bits(&self) -> Vec<u8> {
        let spki: parse::Spki<'_> = SubjectPublicKeyInfo::from_der(&self.spki_der)
            .expect("a key was parsed from these bytes");
        spki.subject_public_key.raw_bytes().to_vec()
    }

    /// The key as DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// Checks a signature over a message, as certificates, requests for them and proofs of
    /// possession have it: ECDSA only as ASN.1 DER, RSA as PKCS #1 v1.5, each over the hash of
    /// [`KeyKind::hash`], and Ed25519 not prehashed.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] names the check that failed.
    pub fn verify_message(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        check_signature_len(signature)?;
        match &self.verifier {
            Verifier::Ed25519ph(key) => signature_form::verify_ed25519(key, message, signature),
            Verifier::Aws(key) => key
                .verify_sig(message, signature)
                .map_err(|_| SignatureError::Mismatch { kind: self.kind }),
        }
    }

    /// Checks a signature over something of which only the digest is known.
    ///
    /// ECDSA signatures may be ASN.1 DER, or r||s (IEEE P1363) if the bytes are not ASN.1. RSA is
    /// PKCS #1 v1.5. Ed25519 is `Ed25519ph`, without keys and signatures of small order, which
    /// would sign anything. Cost: one public-key operation, about 0.1 ms.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] names the check that failed. [`SignatureError::Mismatch`] is the one for
    /// a well-formed signature of something else or by somebody else.
    pub fn verify_prehashed(
        &self,
        hash: HashAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if hash != self.kind.hash() {
            let (kind, wanted) = (self.kind, self.kind.hash());
            return Err(SignatureError::Hash {
                kind,
                found: hash,
                wanted,
            });
        }
        self.verify_digest(hash, digest, signature)
    }

    /// Checks a signature over a digest by any of the hashes, as people make them with tools that
    /// let them choose. Signatures have the forms of [`PublicKey::verify_prehashed`]; `Ed25519ph`
    /// has but one hash. Cost: as there, and reading the key again for a hash that is not its own.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::verify_prehashed`].
    pub fn verify_digest(
        &self,
        hash: HashAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let (found, wanted) = (digest.len(), hash.digest_len_bytes());
        if found != wanted {
            return Err(SignatureError::DigestLen { found, wanted });
        }
        check_signature_len(signature)?;
        let key = match &self.verifier {
            Verifier::Ed25519ph(key) if hash == HashAlgorithm::Sha512 => {
                return signature_form::verify_ed25519ph(key, digest, signature);
            }
            Verifier::Ed25519ph(_) => {
                let (kind, found) = (self.kind, hash);
                let wanted = kind.hash();
                return Err(SignatureError::Hash {
                    kind,
                    found,
                    wanted,
                });
            }
            Verifier::Aws(key) => key,
        };
        let rsa = matches!(self.kind, KeyKind::Rsa { .. });
        let converted = if rsa {
            None
        } else {
            signature_form::ecdsa_der_from_p1363(signature)?
        };
        let digest = digest::Digest::import_less_safe(digest, aws_digest(hash))
            .map_err(|_| SignatureError::DigestLen { found, wanted })?;
        let signature = converted.as_deref().unwrap_or(signature);
        let verified = if hash == self.kind.hash() {
            key.verify_digest_sig(&digest, signature)
        } else {
            any_hash::verify_digest(self.kind, hash, &self.spki_der, &digest, signature)
        };
        verified.map_err(|_| SignatureError::Mismatch { kind: self.kind })
    }

    /// Begins to check a signature by an Ed25519 key, not prehashed, over a message that comes
    /// piece by piece; nothing for other keys.
    ///
    /// Keys of small order were refused when they were read, so that the looser check of the
    /// stream takes no signature that somebody without the key could make.
    pub(crate) fn begin_ed25519(
        &self,
        signature: &[u8],
    ) -> Option<Result<StreamVerifier, SignatureError>> {
        match &self.verifier {
            Verifier::Ed25519ph(key) => Some(signature_form::begin_ed25519(key, signature)),
            Verifier::Aws(_) => None,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.spki_der.len();
        f.debug_struct("PublicKey")
            .field("kind", &self.kind)
            .field("spki_len", &len)
            .finish_non_exhaustive()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki_der == other.spki_der
    }
}

impl Eq for PublicKey {}

fn check_der_input(what: &'static str, der: &[u8], max: usize) -> Result<(), PublicKeyError> {
    if der.len() > max {
        return Err(PublicKeyError::TooLong {
            what,
            found: der.len(),
            max,
        });
    }
    if der.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(PublicKeyError::Pem { what });
    }
    Ok(())
}

fn check_signature_len(signature: &[u8]) -> Result<(), SignatureError> {
    let (found, max) = (signature.len(), SIGNATURE_LEN_BYTES_MAX);
    if found > max {
        return Err(SignatureError::TooLong { found, max });
    }
    Ok(())
}

/// A hash as aws-lc-rs knows it.
pub(crate) const fn aws_digest(hash: HashAlgorithm) -> &'static digest::Algorithm {
    match hash {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    }
}

#[cfg(test)]
mod tests;
