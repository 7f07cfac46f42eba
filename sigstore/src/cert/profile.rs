//! The certificate of a signer, byte for byte as Fulcio writes it
//! (`docs/certificate-specification.md` of that project).
//!
//! | field | value |
//! |---|---|
//! | version, serial | 3; at most 20 bytes, positive |
//! | subject | empty: whom it is for stands in the alternative name |
//! | `keyUsage` | critical: digital signature |
//! | `extKeyUsage` | code signing alone; not critical, which sigstore-python insists on |
//! | `subjectKeyIdentifier` | SHA-1 of the key's bits |
//! | `authorityKeyIdentifier` | that of the issuer |
//! | `subjectAltName` | critical, one name |
//! | Fulcio's extensions | in ascending order |
//! | poison, or list of promises | last: the poison in the precertificate, the list in its place |
//!
//! Precertificate and certificate are two writings of one [`LeafTbs`], so that nothing but the last
//! extension can differ between them: a log's promise about the one holds for the other only then.

use aws_lc_rs::digest;
use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};
use der::{DateTime, Encode};
use thiserror::Error;

use super::extensions::{Extension, ExtensionField, FulcioExtensions};
use super::oids;
use super::san::{SanError, SubjectAltName};
use super::signature_algorithm::SignatureAlgorithm;
use crate::der_writer::{bit_string, sequence, tag, tlv, unsigned};
use crate::public_key::PublicKey;
use crate::sct::{self, SctError, SignedCertificateTimestamp};
use crate::time::UnixSeconds;

/// The longest text of one extension: room for the longest URI of a workflow.
pub const EXTENSION_TEXT_LEN_BYTES_MAX: usize = 2048;

/// What a signer's certificate is made of.
#[derive(Clone, Debug)]
pub struct LeafProfile<'a> {
    /// Its number, different for every certificate.
    pub serial: SerialNumber,
    /// How it will be signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// The subject of the issuing certificate, its DER copied.
    pub issuer_name: &'a [u8],
    /// The subject key identifier of the issuing certificate.
    pub issuer_key_id: &'a [u8],
    /// When it is valid.
    pub validity: Validity,
    /// The signer's key.
    pub public_key: &'a PublicKey,
    /// Whom it is for.
    pub san: &'a SubjectAltName,
    /// What else the ID token said.
    pub extensions: &'a FulcioExtensions,
}

impl LeafProfile<'_> {
    /// Writes down everything but the last extension.
    ///
    /// # Errors
    ///
    /// [`ProfileError`]: the name cannot be written, a text is too long, or the validity has no
    /// date.
    pub fn to_tbs(&self) -> Result<LeafTbs, ProfileError> {
        let key_id = key_id(self.public_key);
        let san = self.san.encode()?;
        let fixed = [
            extension(oids::KEY_USAGE, true, DIGITAL_SIGNATURE.to_vec()),
            extension(
                oids::EXTENDED_KEY_USAGE,
                false,
                purposes(oids::CODE_SIGNING),
            ),
            subject_key_identifier(&key_id),
            authority_key_identifier(self.issuer_key_id),
            extension(oids::SUBJECT_ALT_NAME, true, san),
        ];
        for (field, text) in self.extensions.iter() {
            if text.len() > EXTENSION_TEXT_LEN_BYTES_MAX {
                let found = text.len();
                return Err(ProfileError::TextLength { field, found });
            }
        }
        let extensions = fixed.into_iter().chain(self.extensions.encode());
        let head = Head {
            serial: self.serial,
            signature_algorithm: self.signature_algorithm,
            issuer_name: self.issuer_name,
            validity: self.validity,
            subject_name: &EMPTY_NAME,
            public_key: self.public_key,
        };
        Ok(LeafTbs {
            head: head.encode()?,
            extensions: extensions.flat_map(|e| encode_extension(&e)).collect(),
        })
    }
}

/// The part of a signer's certificate that will be signed, but for its last extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafTbs {
    head: Vec<u8>,
    extensions: Vec<u8>,
}

impl LeafTbs {
    /// What a log's promise covers: without a last extension.
    #[must_use]
    pub fn logged(&self) -> Vec<u8> {
        self.ending_with(&[])
    }

    /// The to-be-signed part of the precertificate.
    #[must_use]
    pub fn poisoned(&self) -> Vec<u8> {
        let null = tlv(tag::NULL, &[]);
        let poison = extension(oids::CT_POISON, true, null);
        self.ending_with(&encode_extension(&poison))
    }

    /// The to-be-signed part of the certificate, with the promises that were made about it.
    ///
    /// # Errors
    ///
    /// [`SctError`]: no promise, or too many.
    pub fn with_scts(&self, scts: &[SignedCertificateTimestamp]) -> Result<Vec<u8>, SctError> {
        let list = extension(oids::CT_SCT_LIST, false, sct::encode_list(scts)?);
        Ok(self.ending_with(&encode_extension(&list)))
    }

    fn ending_with(&self, last: &[u8]) -> Vec<u8> {
        tbs(&self.head, &[&self.extensions, last].concat())
    }
}

/// A certificate's number: at most 20 bytes, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SerialNumber([u8; 20]);

impl SerialNumber {
    /// A number from random bytes: 159 of their bits, so that it never repeats.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 20]) -> Self {
        // The top bit is the sign. Zero is no serial number; it comes once in 2^159 times.
        let [first, .., last] = &mut bytes;
        *first &= 0x7f;
        if *first == 0 && *last == 0 {
            *last = 1;
        }
        Self(bytes)
    }

    /// The number, big-endian.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

/// From when until when a certificate is valid, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first moment.
    pub not_before: UnixSeconds,
    /// The last moment.
    pub not_after: UnixSeconds,
}

impl Validity {
    /// The DER: `UTCTime` until 2049, `GeneralizedTime` from then on (RFC 5280 section 4.1.2.5).
    fn encode(self) -> Result<Vec<u8>, ProfileError> {
        if self.not_after < self.not_before {
            return Err(ProfileError::Backwards);
        }
        Ok(sequence(&[
            encode_time(self.not_before)?,
            encode_time(self.not_after)?,
        ]))
    }
}

/// Why a certificate cannot be written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileError {
    /// The name cannot stand in a certificate.
    #[error(transparent)]
    San(#[from] SanError),
    /// The text of an extension is too long.
    #[error(
        "{} of {found} bytes, at most {EXTENSION_TEXT_LEN_BYTES_MAX} fit into a certificate",
        field.template_name()
    )]
    TextLength {
        /// Which field.
        field: ExtensionField,
        /// Its length in bytes.
        found: usize,
    },
    /// A moment beyond the year 9999.
    #[error("{seconds} seconds after 1970 has no date that a certificate can have")]
    Date {
        /// The moment.
        seconds: u64,
    },
    /// Invalid before it is valid.
    #[error("the certificate would end before it begins")]
    Backwards,
}

/// A certificate of its two halves: what is signed, and the signature.
#[must_use]
pub fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    sequence(&[tbs, &algorithm.to_der(), &bit_string(signature)])
}

/// The identifier of a key: SHA-1 of its bits (RFC 5280 section 4.2.1.2, method 1). It only helps
/// to find a certificate; nothing is proven by it.
#[must_use]
pub fn key_id(key: &PublicKey) -> [u8; 20] {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &key.key_bits());
    let mut id = [0; 20];
    for (place, byte) in id.iter_mut().zip(hash.as_ref()) {
        *place = *byte;
    }
    id
}

/// The fields of every certificate in front of its extensions.
pub(super) struct Head<'a> {
    pub(super) serial: SerialNumber,
    pub(super) signature_algorithm: SignatureAlgorithm,
    pub(super) issuer_name: &'a [u8],
    pub(super) validity: Validity,
    pub(super) subject_name: &'a [u8],
    pub(super) public_key: &'a PublicKey,
}

impl Head<'_> {
    /// The fields one after the other.
    pub(super) fn encode(&self) -> Result<Vec<u8>, ProfileError> {
        let fields: [&[u8]; 7] = [
            &VERSION_3,
            &unsigned(self.serial.as_bytes()),
            &self.signature_algorithm.to_der(),
            self.issuer_name,
            &self.validity.encode()?,
            self.subject_name,
            self.public_key.spki_der(),
        ];
        Ok(fields.concat())
    }
}

/// The to-be-signed part, from its fields and its encoded extensions.
pub(super) fn tbs(head: &[u8], extensions: &[u8]) -> Vec<u8> {
    let extensions = tlv(EXTENSIONS, &tlv(tag::SEQUENCE, extensions));
    sequence(&[head, &extensions])
}

pub(super) const fn extension(oid: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Extension {
    Extension {
        oid,
        critical,
        value,
    }
}

pub(super) fn encode_extension(extension: &Extension) -> Vec<u8> {
    let oid = tlv(tag::OID, extension.oid.as_bytes());
    // DER leaves a default value out, and the default is not critical.
    let critical = if extension.critical {
        tlv(tag::BOOLEAN, &[0xff])
    } else {
        Vec::new()
    };
    let value = tlv(tag::OCTET_STRING, &extension.value);
    sequence(&[oid, critical, value])
}

pub(super) fn subject_key_identifier(key_id: &[u8]) -> Extension {
    let value = tlv(tag::OCTET_STRING, key_id);
    extension(oids::SUBJECT_KEY_IDENTIFIER, false, value)
}

pub(super) fn authority_key_identifier(key_id: &[u8]) -> Extension {
    let value = sequence(&[tlv(KEY_IDENTIFIER, key_id)]);
    extension(oids::AUTHORITY_KEY_IDENTIFIER, false, value)
}

/// The value of an extended key usage with one purpose.
pub(super) fn purposes(purpose: ObjectIdentifier) -> Vec<u8> {
    sequence(&[tlv(tag::OID, purpose.as_bytes())])
}

/// `keyUsage`: bit 0 of a named bit list.
pub(super) const DIGITAL_SIGNATURE: [u8; 4] = [tag::BIT_STRING, 2, 7, 0x80];
/// `[0]` with the number 2, which means version 3.
const VERSION_3: [u8; 5] = [0xa0, 3, 2, 1, 2];
/// A name without parts.
const EMPTY_NAME: [u8; 2] = [tag::SEQUENCE, 0];
/// `[3]`, constructed.
const EXTENSIONS: u8 = 0xa3;
/// `[0]`, implicit.
const KEY_IDENTIFIER: u8 = 0x80;
/// The first year that `UTCTime` cannot say.
const GENERALIZED_TIME_YEAR_MIN: u16 = 2050;

fn encode_time(moment: UnixSeconds) -> Result<Vec<u8>, ProfileError> {
    let seconds = moment.get();
    let no_date = |_: der::Error| ProfileError::Date { seconds };
    let since_epoch = std::time::Duration::from_secs(seconds);
    let date = DateTime::from_unix_duration(since_epoch).map_err(no_date)?;
    if date.year() < GENERALIZED_TIME_YEAR_MIN {
        let time = UtcTime::from_date_time(date).map_err(no_date)?;
        return time.to_der().map_err(no_date);
    }
    let time = GeneralizedTime::from_date_time(date);
    time.to_der().map_err(no_date)
}

#[cfg(test)]
mod tests;
