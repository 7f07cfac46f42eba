//! From a `SubjectPublicKeyInfo` to a key that can verify: RFC 5480 (ECDSA), RFC 3279 section 2.3.1
//! (RSA) and RFC 8410 (Ed25519), each with the one set of parameters that it has.

use aws_lc_rs::signature as aws;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Reader, SliceReader};
use ed25519_dalek::VerifyingKey;
use spki::SubjectPublicKeyInfo;

use super::{KeyKind, PublicKeyError, RSA_MODULUS_BITS_MAX, RSA_MODULUS_BITS_MIN, Verifier};

/// A `SubjectPublicKeyInfo` that borrows its bytes.
pub(super) type Spki<'a> = SubjectPublicKeyInfo<AnyRef<'a>, BitStringRef<'a>>;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Takes the key out of its `SubjectPublicKeyInfo`, by algorithm.
pub(super) fn parse_key(spki: &Spki<'_>) -> Result<(KeyKind, Verifier), PublicKeyError> {
    let key = spki
        .subject_public_key
        .as_bytes()
        .ok_or_else(|| PublicKeyError::Malformed {
            what: "public key",
            reason: "the bit string has unused bits".to_owned(),
        })?;
    let parameters = spki.algorithm.parameters;
    match spki.algorithm.oid {
        EC_PUBLIC_KEY => parse_ecdsa(parameters, key),
        RSA_ENCRYPTION => parse_rsa(parameters, key),
        ED25519 => parse_ed25519(parameters, key),
        other => Err(PublicKeyError::Algorithm {
            oid: other.to_string(),
        }),
    }
}

fn parse_ecdsa(
    parameters: Option<AnyRef<'_>>,
    point: &[u8],
) -> Result<(KeyKind, Verifier), PublicKeyError> {
    let oid = parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    let (kind, algorithm, coordinate_len) = match oid {
        Some(P256) => (KeyKind::EcdsaP256, &aws::ECDSA_P256_SHA256_ASN1, 32_usize),
        Some(P384) => (KeyKind::EcdsaP384, &aws::ECDSA_P384_SHA384_ASN1, 48),
        Some(P521) => (KeyKind::EcdsaP521, &aws::ECDSA_P521_SHA512_ASN1, 66),
        Some(other) => {
            return Err(PublicKeyError::Curve {
                oid: other.to_string(),
            });
        }
        None => {
            return Err(PublicKeyError::Curve {
                oid: "not named".to_owned(),
            });
        }
    };
    // RFC 5480 allows compressed points; the other readers of these logs do not take them.
    let refuse = |reason: String| PublicKeyError::Key {
        algorithm: "ecdsa",
        reason,
    };
    if point.first() != Some(&4) || point.len() != 1 + 2 * coordinate_len {
        return Err(refuse(
            "wanted an uncompressed point of the curve's length".to_owned(),
        ));
    }
    let key =
        aws::ParsedPublicKey::new(algorithm, point).map_err(|error| refuse(error.to_string()))?;
    Ok((kind, Verifier::Aws(key)))
}

fn parse_rsa(
    parameters: Option<AnyRef<'_>>,
    key: &[u8],
) -> Result<(KeyKind, Verifier), PublicKeyError> {
    if !parameters.is_some_and(AnyRef::is_null) {
        return Err(PublicKeyError::Parameters {
            wanted: "null for rsa",
        });
    }
    let modulus_bits = rsa_modulus_bits(key).map_err(|error| PublicKeyError::Malformed {
        what: "rsa public key",
        reason: error.to_string(),
    })?;
    let (min, max) = (RSA_MODULUS_BITS_MIN, RSA_MODULUS_BITS_MAX);
    let accepted = u32::try_from(modulus_bits)
        .ok()
        .filter(|bits| (min..=max).contains(bits));
    let Some(accepted) = accepted else {
        return Err(PublicKeyError::RsaModulus {
            found: modulus_bits,
            min,
            max,
        });
    };
    let key =
        aws::ParsedPublicKey::new(&aws::RSA_PKCS1_2048_8192_SHA256, key).map_err(|error| {
            PublicKeyError::Key {
                algorithm: "rsa",
                reason: error.to_string(),
            }
        })?;
    Ok((
        KeyKind::Rsa {
            modulus_bits: accepted,
        },
        Verifier::Aws(key),
    ))
}

/// The bit length of the modulus in a PKCS #1 `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_modulus_bits(key: &[u8]) -> Result<usize, der::Error> {
    let mut reader = SliceReader::new(key)?;
    let modulus = reader.sequence(|sequence| {
        let modulus = UintRef::decode(sequence)?;
        UintRef::decode(sequence)?;
        Ok::<_, der::Error>(modulus)
    })?;
    reader.finish()?;
    let (Some(first), len) = (modulus.as_bytes().first(), modulus.as_bytes().len()) else {
        return Ok(0);
    };
    let unused = usize::try_from(first.leading_zeros()).unwrap_or(8);
    Ok(len.saturating_mul(8).saturating_sub(unused))
}

fn parse_ed25519(
    parameters: Option<AnyRef<'_>>,
    key: &[u8],
) -> Result<(KeyKind, Verifier), PublicKeyError> {
    if parameters.is_some() {
        return Err(PublicKeyError::Parameters {
            wanted: "none for ed25519",
        });
    }
    let refuse = |reason: &str| PublicKeyError::Key {
        algorithm: "ed25519",
        reason: reason.to_owned(),
    };
    let key = <&[u8; 32]>::try_from(key).map_err(|_| refuse("wanted 32 bytes"))?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| refuse("not a point on the curve"))?;
    if key.is_weak() {
        return Err(refuse("a point of small order, for which anybody can sign"));
    }
    Ok((KeyKind::Ed25519, Verifier::Ed25519ph(key)))
}
