//! Certificate signing requests (RFC 2986): the key inside, and that it signed the request.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Reader, SliceReader};
use sigstore::KeyKind;
use sigstore::cert::oids;
use sigstore::pem::{self, PemBlock};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier};

use super::{ChallengeError, CheckedKey, KeyParseError, check_len, strong_key};

/// The longest request that is read, with whatever text is around it: an RSA key with 4096 bits
/// and its signature take two thousand, the rest is for names and attributes, which are ignored.
pub const CSR_LEN_BYTES_MAX: usize = 32_768;

/// Checks a request in PEM, in any layout: `CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST`.
///
/// Cost: one public-key operation.
///
/// # Errors
///
/// [`ChallengeError`]: no request, a weak key, an algorithm that does not go with the key, or a
/// signature by another key.
pub fn check_csr(pem: &[u8]) -> Result<CheckedKey, ChallengeError> {
    let der = der_of(pem).map_err(ChallengeError::Csr)?;
    let csr = Csr::parse(&der).map_err(|error| ChallengeError::Csr(error.into()))?;
    let key = strong_key(csr.spki)?;
    check_algorithm(key.kind(), csr.algorithm)?;
    key.verify_message(csr.signed, csr.signature)
        .map_err(ChallengeError::Proof)?;
    Ok(CheckedKey(key))
}

fn der_of(pem: &[u8]) -> Result<Vec<u8>, KeyParseError> {
    check_len(pem, CSR_LEN_BYTES_MAX)?;
    let (PemBlock { label, der }, _) = pem::parse_first(pem)?;
    match label.as_str() {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Ok(der),
        _ => Err(KeyParseError::Label {
            found: label,
            wanted: "CERTIFICATE REQUEST",
        }),
    }
}

/// What matters of a request, as it stands.
struct Csr<'a> {
    signed: &'a [u8],
    spki: &'a [u8],
    algorithm: ObjectIdentifier,
    signature: &'a [u8],
}

impl<'a> Csr<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(der)?;
        let (signed, algorithm, signature) = reader.sequence(|request| {
            let signed = request.tlv_bytes()?;
            let algorithm = AlgorithmIdentifierRef::decode(request)?;
            let signature = BitStringRef::decode(request)?;
            Ok::<_, der::Error>((signed, algorithm, signature))
        })?;
        reader.finish()?;
        let mut reader = SliceReader::new(signed)?;
        let spki = reader.sequence(|info| {
            u8::decode(info)?;
            AnyRef::decode(info)?;
            let spki = info.tlv_bytes()?;
            // Attributes: what they ask for is not granted, so they need not be understood.
            while !info.is_finished() {
                AnyRef::decode(info)?;
            }
            Ok::<_, der::Error>(spki)
        })?;
        Ok(Self {
            signed,
            spki,
            algorithm: algorithm.oid,
            signature: signature.raw_bytes(),
        })
    }
}

/// A request must be signed with the one hash that its kind of key is used with.
fn check_algorithm(kind: KeyKind, oid: ObjectIdentifier) -> Result<(), ChallengeError> {
    let hash = match oid {
        oids::ECDSA_WITH_SHA256 | oids::RSA_WITH_SHA256 => "SHA-256",
        oids::ECDSA_WITH_SHA384 | oids::RSA_WITH_SHA384 => "SHA-384",
        oids::ECDSA_WITH_SHA512 | oids::RSA_WITH_SHA512 => "SHA-512",
        oids::ED25519 => "no hash of its own",
        oid => return Err(ChallengeError::UnknownAlgorithm { oid }),
    };
    let permitted = match kind {
        KeyKind::EcdsaP256 => oid == oids::ECDSA_WITH_SHA256,
        KeyKind::EcdsaP384 => oid == oids::ECDSA_WITH_SHA384,
        KeyKind::EcdsaP521 => oid == oids::ECDSA_WITH_SHA512,
        KeyKind::Ed25519 => oid == oids::ED25519,
        KeyKind::Rsa { .. } => oid == oids::RSA_WITH_SHA256,
    };
    if permitted {
        return Ok(());
    }
    Err(ChallengeError::NotPermitted { kind, hash })
}
