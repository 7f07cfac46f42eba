//! Signatures with a hash that is not the one a log would expect of the kind of key.

use aws_lc_rs::digest::Digest;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{self as aws, VerificationAlgorithm};

use super::KeyKind;
use crate::key_details::HashAlgorithm::{self, Sha256, Sha384, Sha512};

/// Checks a signature over a digest with the key in this DER.
pub(super) fn verify_digest(
    kind: KeyKind,
    hash: HashAlgorithm,
    spki_der: &[u8],
    digest: &Digest,
    signature: &[u8],
) -> Result<(), Unspecified> {
    let algorithm = message_algorithm(kind, hash).ok_or(Unspecified)?;
    aws::UnparsedPublicKey::new(algorithm, spki_der).verify_digest(digest, signature)
}

/// ECDSA or PKCS #1 v1.5 with any of the three hashes; nothing for Ed25519, which has its own.
pub(crate) fn message_algorithm(
    kind: KeyKind,
    hash: HashAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, hash) {
        (KeyKind::EcdsaP256, Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
        (KeyKind::EcdsaP256, Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
        (KeyKind::EcdsaP256, Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
        (KeyKind::EcdsaP384, Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
        (KeyKind::EcdsaP384, Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
        (KeyKind::EcdsaP384, Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
        (KeyKind::EcdsaP521, Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
        (KeyKind::EcdsaP521, Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
        (KeyKind::EcdsaP521, Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
        (KeyKind::Rsa { .. }, Sha256) => &aws::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa { .. }, Sha384) => &aws::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa { .. }, Sha512) => &aws::RSA_PKCS1_2048_8192_SHA512,
        (KeyKind::Ed25519, _) => return None,
    })
}
