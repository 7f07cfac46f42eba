//! A certificate, read without changing a byte of it (RFC 5280 section 4.1).
//!
//! Most libraries read a certificate into a tree and write it again from there. Here the parts stay
//! the slices they are, because what depends on them is byte for byte: a log's promise covers the
//! to-be-signed part less one extension, and a name must be copied as its issuer wrote it.
//!
//! Not here: what the extensions mean, dates, whom to trust.
//!
//! Invariant: DER in its one form, version 3, no extension twice, and the algorithm inside is the
//! one outside.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Reader, SliceReader};
use spki::AlgorithmIdentifierRef;
use thiserror::Error;
use x509_cert::time::Time;

use super::oids;
use super::signature_algorithm::SignatureAlgorithm;
use crate::der_writer::{sequence, tag, tlv};
use crate::named_signature::{self, BadSignature};
use crate::public_key::{
    CERTIFICATE_LEN_BYTES_MAX, KeyKind, PublicKey, PublicKeyError, SignatureError,
};
use crate::time::UnixSeconds;

/// The most extensions of a certificate: twice what the fullest of ours has.
pub const EXTENSION_COUNT_MAX: usize = 64;

/// A certificate by its parts. It borrows the bytes.
#[derive(Clone, Debug)]
pub struct CertificateView<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    /// The content of the to-be-signed part, up to the extensions.
    head: &'a [u8],
    serial: &'a [u8],
    signature_algorithm: &'a [u8],
    issuer: &'a [u8],
    not_before: UnixSeconds,
    not_after: UnixSeconds,
    subject: &'a [u8],
    spki: &'a [u8],
    extensions: Vec<ExtensionView<'a>>,
    signature: &'a [u8],
}

/// One extension of a certificate.
#[derive(Clone, Copy, Debug)]
pub struct ExtensionView<'a> {
    /// Which one.
    pub oid: ObjectIdentifier,
    /// Whether a reader that does not know it has to refuse the certificate.
    pub critical: bool,
    /// The content of its octet string.
    pub value: &'a [u8],
    /// All of it, as it stands.
    raw: &'a [u8],
}

impl<'a> CertificateView<'a> {
    /// Reads one DER certificate. Cost: linear; no signature is checked.
    ///
    /// # Errors
    ///
    /// [`CertificateError`]: too long, not DER, another version than 3, two algorithms, unique
    /// identifiers, an extension twice, or too many of them.
    pub fn parse(der: &'a [u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_LEN_BYTES_MAX {
            return Err(CertificateError::TooLong { found: der.len() });
        }
        let mut reader = SliceReader::new(der)?;
        let (tbs, outer, signature) = reader.sequence(|certificate| {
            let tbs = certificate.tlv_bytes()?;
            let outer = certificate.tlv_bytes()?;
            let signature = BitStringRef::decode(certificate)?;
            Ok::<_, der::Error>((tbs, outer, signature))
        })?;
        reader.finish()?;
        let signature = signature
            .as_bytes()
            .ok_or(CertificateError::Part { part: "signature" })?;
        let view = parse_tbs(der, tbs, signature)?;
        if view.signature_algorithm != outer {
            return Err(CertificateError::TwoAlgorithms);
        }
        Ok(view)
    }

    /// All of it.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.der
    }

    /// The part that is signed.
    #[must_use]
    pub const fn tbs(&self) -> &'a [u8] {
        self.tbs
    }

    /// The serial number, big-endian, without zeros in front.
    #[must_use]
    pub const fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// How it is signed: a DER `AlgorithmIdentifier`.
    #[must_use]
    pub const fn signature_algorithm(&self) -> &'a [u8] {
        self.signature_algorithm
    }

    /// The issuer's name, DER.
    #[must_use]
    pub const fn issuer(&self) -> &'a [u8] {
        self.issuer
    }

    /// The first moment of its validity.
    #[must_use]
    pub const fn not_before(&self) -> UnixSeconds {
        self.not_before
    }

    /// The last moment of its validity.
    #[must_use]
    pub const fn not_after(&self) -> UnixSeconds {
        self.not_after
    }

    /// The subject's name, DER.
    #[must_use]
    pub const fn subject(&self) -> &'a [u8] {
        self.subject
    }

    /// The key, as DER `SubjectPublicKeyInfo`. It was not looked into.
    #[must_use]
    pub const fn spki(&self) -> &'a [u8] {
        self.spki
    }

    /// The extensions, in their order.
    #[must_use]
    pub fn extensions(&self) -> &[ExtensionView<'a>] {
        &self.extensions
    }

    /// The signature.
    #[must_use]
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// The extension with this identifier, if it is there.
    #[must_use]
    pub fn extension(&self, oid: ObjectIdentifier) -> Option<ExtensionView<'a>> {
        self.extensions.iter().find(|e| e.oid == oid).copied()
    }

    /// The part that is signed without one extension, the others as they stand.
    ///
    /// A log's promise is about a precertificate without its poison, which is the certificate
    /// without its list of promises.
    #[must_use]
    pub fn tbs_without(&self, oid: ObjectIdentifier) -> Vec<u8> {
        let kept = self.extensions.iter().filter(|e| e.oid != oid);
        let kept: Vec<&[u8]> = kept.map(|e| e.raw).collect();
        if kept.is_empty() {
            return sequence(&[self.head]);
        }
        let extensions = tlv(EXTENSIONS, &sequence(&kept));
        sequence(&[self.head, &extensions])
    }

    /// Checks that this certificate was signed with a key.
    ///
    /// # Errors
    ///
    /// [`CertificateError`]: the key is not one of an authority, the algorithm is not the key's,
    /// or the signature does not verify.
    pub fn verify_signed_by(&self, issuer_key: &PublicKey) -> Result<(), CertificateError> {
        let kind = issuer_key.kind();
        let wanted = SignatureAlgorithm::for_key_kind(kind).ok_or_else(|| {
            CertificateError::AuthorityKey {
                found: kind.to_string(),
            }
        })?;
        if self.signature_algorithm != wanted.to_der() {
            return Err(CertificateError::Algorithm { wanted });
        }
        issuer_key
            .verify_message(self.tbs, self.signature)
            .map_err(CertificateError::Signature)
    }

    /// Checks that this certificate was issued by another: by name, and signed with that one's
    /// key, by any algorithm that authorities use. What the issuer may issue is not looked at.
    ///
    /// # Errors
    ///
    /// [`CertificateError`]: another name, a key that is not known, or a signature that does not
    /// verify or is by an algorithm that is not known.
    pub fn verify_issued_by(&self, issuer: &CertificateView<'_>) -> Result<(), CertificateError> {
        if self.issuer != issuer.subject {
            return Err(CertificateError::IssuerName);
        }
        let key = issuer.public_key().map_err(CertificateError::IssuerKey)?;
        self.verify_issued_with(&key)
    }

    /// As [`CertificateView::verify_issued_by`], where the names are known to fit and the issuer's
    /// key is parsed.
    pub(crate) fn verify_issued_with(&self, key: &PublicKey) -> Result<(), CertificateError> {
        let algorithm = AlgorithmIdentifierRef::from_der(self.signature_algorithm)?;
        if algorithm.parameters.is_some_and(|any| !any.is_null()) {
            return Err(CertificateError::Part {
                part: "signature algorithm",
            });
        }
        if algorithm.oid == oids::ED25519 {
            let checked = key.verify_message(self.tbs, self.signature);
            return checked.map_err(CertificateError::Signature);
        }
        let signed = named_signature::verify(key, algorithm.oid, None, self.tbs, self.signature);
        signed.map_err(|bad| match bad {
            BadSignature::Unsupported => CertificateError::AlgorithmUnknown {
                oid: algorithm.oid,
                key: key.kind(),
            },
            BadSignature::Mismatch => {
                CertificateError::Signature(SignatureError::Mismatch { kind: key.kind() })
            }
        })
    }

    /// The key, parsed.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`]: it is of a kind that is not known, or no key at all.
    pub fn public_key(&self) -> Result<PublicKey, PublicKeyError> {
        PublicKey::from_spki_der(self.spki)
    }

    /// Whether this is a precertificate: it has the poison of RFC 6962 section 3.1, critical and
    /// with NULL inside.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.extension(oids::CT_POISON)
            .is_some_and(|poison| poison.critical && poison.value == [tag::NULL, 0])
    }
}

/// Why a certificate was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// Another certificate's name where the issuer's is wanted.
    #[error("it names another issuer")]
    IssuerName,
    /// The issuer's key cannot be used.
    #[error("the key of its issuer: {0}")]
    IssuerKey(PublicKeyError),
    /// No such algorithm, or not with such a key.
    #[error("it is signed by algorithm {oid}, which is not supported with {key}")]
    AlgorithmUnknown {
        /// The algorithm.
        oid: ObjectIdentifier,
        /// What key it would be checked by.
        key: KeyKind,
    },
    /// Longer than any certificate that could be accepted.
    #[error("certificate of {found} bytes, at most {CERTIFICATE_LEN_BYTES_MAX} are accepted")]
    TooLong {
        /// The length in bytes.
        found: usize,
    },
    /// Not DER, or not a certificate.
    #[error("certificate is not well-formed der: {0}")]
    Malformed(#[from] der::Error),
    /// A part that is not what should stand there.
    #[error("the certificate's {part} is not what it should be")]
    Part {
        /// Which part.
        part: &'static str,
    },
    /// One algorithm inside, another outside.
    #[error("the certificate names two signature algorithms, inside and outside of what is signed")]
    TwoAlgorithms,
    /// The same extension more than once.
    #[error("the certificate has the extension {oid} twice")]
    Twice {
        /// Which one.
        oid: ObjectIdentifier,
    },
    /// More extensions than any certificate needs.
    #[error("certificate with more than {EXTENSION_COUNT_MAX} extensions")]
    ExtensionCount,
    /// The issuer's key is of a kind that no authority has.
    #[error("the issuer has a key of kind {found}, wanted ecdsa p-256 or p-384, or rsa")]
    AuthorityKey {
        /// The kind of key.
        found: String,
    },
    /// Not the algorithm of the issuer's key.
    #[error("the certificate is not signed with {wanted}, which is what its issuer's key signs")]
    Algorithm {
        /// What the key signs.
        wanted: SignatureAlgorithm,
    },
    /// Another key signed it, or nobody.
    #[error("the certificate's signature does not verify: {0}")]
    Signature(SignatureError),
}

/// `[0]` with the number 2, which means version 3.
const VERSION_3: [u8; 5] = [0xa0, 3, 2, 1, 2];
/// `[3]`, constructed.
const EXTENSIONS: u8 = 0xa3;

fn parse_tbs<'a>(
    der: &'a [u8],
    tbs: &'a [u8],
    signature: &'a [u8],
) -> Result<CertificateView<'a>, CertificateError> {
    let content = content_of("to-be-signed part", tag::SEQUENCE, tbs)?;
    let mut reader = SliceReader::new(content)?;
    if reader.tlv_bytes()? != VERSION_3 {
        return Err(CertificateError::Part { part: "version" });
    }
    let serial = UintRef::decode(&mut reader)?.as_bytes();
    let signature_algorithm = sequence_of("signature algorithm", &mut reader)?;
    let issuer = sequence_of("issuer", &mut reader)?;
    let (not_before, not_after) = reader.sequence(|validity| {
        let not_before = Time::decode(validity)?;
        Ok::<_, der::Error>((not_before, Time::decode(validity)?))
    })?;
    let subject = sequence_of("subject", &mut reader)?;
    let spki = sequence_of("public key", &mut reader)?;
    let head_len = usize::try_from(reader.position())?;
    let head = content.get(..head_len).unwrap_or_default();
    let extensions = if reader.is_finished() {
        Vec::new()
    } else {
        // Unique identifiers would stand here; no certificate has had them in decades.
        let raw = content_of("extensions", EXTENSIONS, reader.tlv_bytes()?)?;
        parse_extensions(raw)?
    };
    reader.finish()?;
    Ok(CertificateView {
        der,
        tbs,
        head,
        serial,
        signature_algorithm,
        issuer,
        not_before: seconds(not_before),
        not_after: seconds(not_after),
        subject,
        spki,
        extensions,
        signature,
    })
}

fn parse_extensions(raw: &[u8]) -> Result<Vec<ExtensionView<'_>>, CertificateError> {
    let mut reader = SliceReader::new(content_of("extensions", tag::SEQUENCE, raw)?)?;
    let mut extensions: Vec<ExtensionView<'_>> = Vec::new();
    while !reader.is_finished() {
        if extensions.len() == EXTENSION_COUNT_MAX {
            return Err(CertificateError::ExtensionCount);
        }
        let extension = parse_extension(reader.tlv_bytes()?)?;
        let oid = extension.oid;
        if extensions.iter().any(|earlier| earlier.oid == oid) {
            return Err(CertificateError::Twice { oid });
        }
        extensions.push(extension);
    }
    if extensions.is_empty() {
        return Err(CertificateError::Part { part: "extensions" });
    }
    Ok(extensions)
}

fn parse_extension(raw: &[u8]) -> Result<ExtensionView<'_>, CertificateError> {
    let mut reader = SliceReader::new(content_of("extension", tag::SEQUENCE, raw)?)?;
    let oid = ObjectIdentifier::decode(&mut reader)?;
    let critical = Option::<bool>::decode(&mut reader)?;
    if critical == Some(false) {
        // DER leaves a default value out.
        return Err(CertificateError::Part { part: "extension" });
    }
    let value = <&OctetStringRef>::decode(&mut reader)?.as_bytes();
    reader.finish()?;
    Ok(ExtensionView {
        oid,
        critical: critical.is_some(),
        value,
        raw,
    })
}

/// A sequence as it stands.
fn sequence_of<'a>(
    part: &'static str,
    reader: &mut SliceReader<'a>,
) -> Result<&'a [u8], CertificateError> {
    let raw = reader.tlv_bytes()?;
    content_of(part, tag::SEQUENCE, raw)?;
    Ok(raw)
}

/// The content of one value, and nothing after it.
fn content_of<'a>(
    part: &'static str,
    wanted: u8,
    raw: &'a [u8],
) -> Result<&'a [u8], CertificateError> {
    if raw.first() != Some(&wanted) {
        return Err(CertificateError::Part { part });
    }
    let mut reader = SliceReader::new(raw)?;
    let value = AnyRef::decode(&mut reader)?.value();
    reader.finish()?;
    Ok(value)
}

fn seconds(time: Time) -> UnixSeconds {
    UnixSeconds::new(time.to_unix_duration().as_secs())
}

#[cfg(test)]
mod tests;
