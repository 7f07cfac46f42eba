//! From the numbers and points that formats of their own keep, to the one form of key that the rest
//! of this crate takes.

use super::error::{PkiError, Subject};
use crate::cert::oids;
use crate::der_writer::{bit_string, sequence, tag, tlv, unsigned};
use crate::public_key::{KeyKind, PublicKey};

/// An Ed25519 key of 32 bytes.
pub(super) fn ed25519(subject: Subject, key: &[u8]) -> Result<PublicKey, PkiError> {
    let algorithm = sequence(&[tlv(tag::OID, oids::ED25519.as_bytes())]);
    parse(subject, &algorithm, key)
}

/// A point on a curve, uncompressed.
pub(super) fn ecdsa(subject: Subject, curve: KeyKind, point: &[u8]) -> Result<PublicKey, PkiError> {
    let curve = match curve {
        KeyKind::EcdsaP384 => oids::P384,
        KeyKind::EcdsaP521 => oids::P521,
        KeyKind::EcdsaP256 | KeyKind::Ed25519 | KeyKind::Rsa { .. } => oids::P256,
    };
    let algorithm = sequence(&[
        tlv(tag::OID, oids::EC_PUBLIC_KEY.as_bytes()),
        tlv(tag::OID, curve.as_bytes()),
    ]);
    parse(subject, &algorithm, point)
}

/// An RSA key by modulus and exponent, both big-endian.
pub(super) fn rsa(
    subject: Subject,
    modulus: &[u8],
    exponent: &[u8],
) -> Result<PublicKey, PkiError> {
    pkcs1(subject, &sequence(&[unsigned(modulus), unsigned(exponent)]))
}

/// An RSA key as PKCS #1 has it (RFC 8017 appendix A.1.1).
pub(super) fn pkcs1(subject: Subject, rsa_public_key: &[u8]) -> Result<PublicKey, PkiError> {
    let algorithm = sequence(&[
        tlv(tag::OID, oids::RSA_ENCRYPTION.as_bytes()),
        tlv(tag::NULL, &[]),
    ]);
    parse(subject, &algorithm, rsa_public_key)
}

fn parse(subject: Subject, algorithm: &[u8], key: &[u8]) -> Result<PublicKey, PkiError> {
    let spki = sequence(&[algorithm, &bit_string(key)]);
    PublicKey::from_spki_der(&spki).map_err(|error| subject.malformed(error.to_string()))
}
