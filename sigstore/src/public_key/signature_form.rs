//! The two signature forms that aws-lc-rs leaves to us: ECDSA as r||s, and `Ed25519ph`.

use der::asn1::{IntRef, UintRef};
use der::{Decode, Encode, Reader, SliceReader};
use ed25519_dalek::{SigningKey, StreamVerifier, VerifyingKey};
use sha2::digest::consts::U64;
use sha2::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};

use super::{KeyKind, SignatureError};
use crate::key_details::HashAlgorithm;

/// The longest r||s: two numbers of the 521-bit curve.
pub(super) const P1363_LEN_BYTES_MAX: usize = 132;

/// Turns r||s into ASN.1. `None` if the signature is ASN.1 already.
///
/// Which form it is follows sigstore's own rule: whatever begins with a sequence of two integers
/// is ASN.1, and is then held to DER; only other bytes are split in two halves.
pub(super) fn ecdsa_der_from_p1363(signature: &[u8]) -> Result<Option<Vec<u8>>, SignatureError> {
    let malformed = || SignatureError::Malformed {
        found: signature.len(),
        wanted: "ecdsa (asn.1 der, or r||s)",
    };
    if starts_with_two_integers(signature) {
        return Ok(None);
    }
    let even = signature.len().is_multiple_of(2);
    if signature.is_empty() || !even || signature.len() > P1363_LEN_BYTES_MAX {
        return Err(malformed());
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    let encode = || {
        // A sequence of one type is encoded as a sequence with two members is.
        [UintRef::new(r)?, UintRef::new(s)?].to_der()
    };
    encode().map(Some).map_err(|_: der::Error| malformed())
}

fn starts_with_two_integers(signature: &[u8]) -> bool {
    let parse = || {
        SliceReader::new(signature)?.sequence(|sequence| {
            IntRef::decode(sequence)?;
            IntRef::decode(sequence)?;
            Ok::<_, der::Error>(())
        })
    };
    parse().is_ok()
}

/// Checks an `Ed25519ph` signature with an empty context (RFC 8032 section 5.1).
pub(super) fn verify_ed25519ph(
    key: &VerifyingKey,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let malformed = SignatureError::Malformed {
        found: signature.len(),
        wanted: "ed25519ph (64 bytes)",
    };
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| malformed)?;
    let (found, wanted) = (digest.len(), HashAlgorithm::Sha512.digest_len_bytes());
    let digest =
        <[u8; 64]>::try_from(digest).map_err(|_| SignatureError::DigestLen { found, wanted })?;
    key.verify_prehashed_strict(FinishedSha512(digest), None, &signature)
        .map_err(|_| SignatureError::Mismatch {
            kind: KeyKind::Ed25519,
        })
}

/// Makes the signature that [`verify_ed25519ph`] checks.
pub(crate) fn sign_ed25519ph(key: &SigningKey, digest: [u8; 64]) -> Option<[u8; 64]> {
    let signature = key.sign_prehashed(FinishedSha512(digest), None);
    signature.ok().map(|signature| signature.to_bytes())
}

/// Checks an `Ed25519` signature (RFC 8032 section 5.1), as certificates have it.
pub(super) fn verify_ed25519(
    key: &VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let malformed = SignatureError::Malformed {
        found: signature.len(),
        wanted: "ed25519 (64 bytes)",
    };
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| malformed)?;
    let kind = KeyKind::Ed25519;
    key.verify_strict(message, &signature)
        .map_err(|_| SignatureError::Mismatch { kind })
}

/// Begins to check an `Ed25519` signature over a message that comes piece by piece.
pub(super) fn begin_ed25519(
    key: &VerifyingKey,
    signature: &[u8],
) -> Result<StreamVerifier, SignatureError> {
    let malformed = |_| SignatureError::Malformed {
        found: signature.len(),
        wanted: "ed25519 (64 bytes)",
    };
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(malformed)?;
    key.verify_stream(&signature).map_err(malformed)
}

/// A SHA-512 computation that is over: ed25519-dalek asks for the hasher and finalises it itself,
/// while a log is given the result. It is only ever finalised.
struct FinishedSha512([u8; 64]);

impl Default for FinishedSha512 {
    fn default() -> Self {
        FinishedSha512([0; 64])
    }
}

impl HashMarker for FinishedSha512 {}

impl OutputSizeUser for FinishedSha512 {
    type OutputSize = U64;
}

impl Update for FinishedSha512 {
    fn update(&mut self, _: &[u8]) {
        unreachable!("a finished digest takes no more input");
    }
}

impl FixedOutput for FinishedSha512 {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}
