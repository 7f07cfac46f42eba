//! Signatures over whole messages, by the algorithm that a certificate or a token names.
//!
//! Wider than what a log takes (`public_key`): any of three hashes with any curve, as authorities
//! use them, but of RSA only PKCS #1 v1.5.

use aws_lc_rs::digest as aws_digest;
use aws_lc_rs::signature::{self as aws, VerificationAlgorithm};
use der::asn1::ObjectIdentifier;

use crate::cert::oids;
use crate::key_details::HashAlgorithm;
use crate::public_key::{KeyKind, PublicKey, message_algorithm};

/// The digest of a message.
pub(crate) fn digest(hash: HashAlgorithm, message: &[u8]) -> aws_digest::Digest {
    let algorithm = match hash {
        HashAlgorithm::Sha256 => &aws_digest::SHA256,
        HashAlgorithm::Sha384 => &aws_digest::SHA384,
        HashAlgorithm::Sha512 => &aws_digest::SHA512,
    };
    aws_digest::digest(algorithm, message)
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
    if hash == key.kind().hash() {
        // The usual case, for which the key is parsed already.
        let checked = key.verify_message(message, signature);
        return checked.map_err(|_| BadSignature::Mismatch);
    }
    aws::UnparsedPublicKey::new(verifier, key.spki_der())
        .verify(message, signature)
        .map_err(|_| BadSignature::Mismatch)
}

/// Checks the signature on a certificate, and says in words why it does not hold.
pub(crate) fn verify_signed(
    key: &PublicKey,
    algorithm: ObjectIdentifier,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), String> {
    verify(key, algorithm, None, signed, signature).map_err(|bad| match bad {
        BadSignature::Unsupported => {
            format!("{algorithm} with {} is not supported", key.kind())
        }
        BadSignature::Mismatch => "its signature is not by the issuer's key".to_owned(),
    })
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
    let of_scheme = match scheme {
        Scheme::Rsa => matches!(key, KeyKind::Rsa { .. }),
        Scheme::Ecdsa => !matches!(key, KeyKind::Rsa { .. }),
    };
    of_scheme.then(|| message_algorithm(key, hash)).flatten()
}
