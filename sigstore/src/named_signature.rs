//! Signatures by the algorithm that a certificate, a token or a signer names.
//!
//! Wider than what a log takes (`public_key`): any of three hashes with any curve, as authorities
//! and older signers use them, but of RSA only PKCS #1 v1.5.

use aws_lc_rs::digest as aws_digest;
use aws_lc_rs::signature::{self as aws, VerificationAlgorithm};
use der::asn1::ObjectIdentifier;

use crate::cert::oids;
use crate::key_details::HashAlgorithm;
use crate::public_key::{KeyKind, PublicKey};

/// The digest of a message.
pub(crate) fn digest(hash: HashAlgorithm, message: &[u8]) -> aws_digest::Digest {
    aws_digest::digest(algorithm_of(hash), message)
}

const fn algorithm_of(hash: HashAlgorithm) -> &'static aws_digest::Algorithm {
    match hash {
        HashAlgorithm::Sha256 => &aws_digest::SHA256,
        HashAlgorithm::Sha384 => &aws_digest::SHA384,
        HashAlgorithm::Sha512 => &aws_digest::SHA512,
    }
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadSignature {
    /// Nothing here can check it.
    Unsupported,
    /// It is by another key or about another message.
    Mismatch,
}

/// Checks a signature. `hash` is the one that CMS names beside the signature algorithm; it must
/// agree with it. A certificate's signature has none.
pub(crate) fn verify(
    key: &PublicKey,
    algorithm: ObjectIdentifier,
    hash: Option<HashAlgorithm>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let (scheme, named) = match algorithm {
        oids::ECDSA_WITH_SHA256 => (Scheme::Ecdsa, Some(HashAlgorithm::Sha256)),
        oids::ECDSA_WITH_SHA384 => (Scheme::Ecdsa, Some(HashAlgorithm::Sha384)),
        oids::ECDSA_WITH_SHA512 => (Scheme::Ecdsa, Some(HashAlgorithm::Sha512)),
        oids::RSA_WITH_SHA256 => (Scheme::Rsa, Some(HashAlgorithm::Sha256)),
        oids::RSA_WITH_SHA384 => (Scheme::Rsa, Some(HashAlgorithm::Sha384)),
        oids::RSA_WITH_SHA512 => (Scheme::Rsa, Some(HashAlgorithm::Sha512)),
        // CMS may name the hash beside it (RFC 5754 section 3.2).
        oids::RSA_ENCRYPTION => (Scheme::Rsa, None),
        _ => return Err(BadSignature::Unsupported),
    };
    let hash = match (named, hash) {
        (Some(named), Some(hash)) if named != hash => return Err(BadSignature::Unsupported),
        (named, hash) => named.or(hash).ok_or(BadSignature::Unsupported)?,
    };
    let verifier = verifier(key.kind(), scheme, hash).ok_or(BadSignature::Unsupported)?;
    aws::UnparsedPublicKey::new(verifier, key.spki_der())
        .verify(message, signature)
        .map_err(|_| BadSignature::Mismatch)
}

/// Checks a signature over something of which only the digest is known, by an ECDSA or RSA key
/// with any of the hashes. ECDSA signatures are ASN.1.
pub(crate) fn verify_digest(
    key: &PublicKey,
    hash: HashAlgorithm,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let scheme = match key.kind() {
        KeyKind::Ed25519 => return Err(BadSignature::Unsupported),
        KeyKind::Rsa { .. } => Scheme::Rsa,
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => Scheme::Ecdsa,
    };
    let verifier = verifier(key.kind(), scheme, hash).ok_or(BadSignature::Unsupported)?;
    let digest = aws_digest::Digest::import_less_safe(digest, algorithm_of(hash))
        .map_err(|_| BadSignature::Unsupported)?;
    aws::UnparsedPublicKey::new(verifier, key.spki_der())
        .verify_digest(&digest, signature)
        .map_err(|_| BadSignature::Mismatch)
}

#[derive(Clone, Copy)]
enum Scheme {
    Ecdsa,
    Rsa,
}

fn verifier(
    key: KeyKind,
    scheme: Scheme,
    hash: HashAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    Some(match (scheme, key, hash) {
        (Scheme::Ecdsa, KeyKind::EcdsaP256, Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP256, Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP256, Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP384, Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP384, Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP384, Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP521, Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP521, Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
        (Scheme::Ecdsa, KeyKind::EcdsaP521, Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
        (Scheme::Rsa, KeyKind::Rsa { .. }, Sha256) => &aws::RSA_PKCS1_2048_8192_SHA256,
        (Scheme::Rsa, KeyKind::Rsa { .. }, Sha384) => &aws::RSA_PKCS1_2048_8192_SHA384,
        (Scheme::Rsa, KeyKind::Rsa { .. }, Sha512) => &aws::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}
