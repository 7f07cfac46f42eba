//! The certificates of a timestamp authority: its own, and a root above it that issues nothing
//! else. A root of its own means that trust in timestamps and trust in identities never mix.
//!
//! Not here: keys. The bytes to sign are given, and the signature is taken.

use super::template::TokenSignature;
use super::{GenTime, SerialNumber, oids, writer};
use crate::key_details::HashAlgorithm;
use crate::named_signature;
use crate::public_key::PublicKey;

/// Whose certificate it is: organization and common name, the second first in importance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityName {
    /// The organization that runs it.
    pub organization: String,
    /// What it is called there.
    pub common_name: String,
}

/// A certificate to be signed.
#[derive(Clone, Debug)]
pub struct AuthorityCertificate<'a> {
    /// Its number; random, so that no two of an issuer are the same.
    pub serial_number: SerialNumber,
    /// Who it is for.
    pub subject: &'a AuthorityName,
    /// The key it is for.
    pub key: &'a PublicKey,
    /// Who issues it; none for a root, which issues itself.
    pub issuer: Option<(&'a AuthorityName, &'a PublicKey)>,
    /// The first second of its validity.
    pub not_before: GenTime,
    /// The last.
    pub not_after: GenTime,
}

impl AuthorityCertificate<'_> {
    /// The `TBSCertificate` (RFC 5280 section 4.1), to be signed in this way.
    #[must_use]
    pub fn signed_bytes(&self, signature: TokenSignature) -> Vec<u8> {
        let (issuer, issuer_key) = self.issuer.unwrap_or((self.subject, self.key));
        let version = writer::element(writer::CONTEXT_CONSTRUCTED, &[&writer::small_integer(2)]);
        let validity = writer::sequence(&[
            &self.not_before.to_signing_time_der(),
            &self.not_after.to_signing_time_der(),
        ]);
        let extensions = if self.issuer.is_some() {
            self.authority_extensions(issuer_key)
        } else {
            self.root_extensions()
        };
        let parts: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
        let extensions = writer::sequence(&parts);
        writer::sequence(&[
            &version,
            &self.serial_number.to_der(),
            &signature.algorithm_der(),
            &issuer.to_der(),
            &validity,
            &self.subject.to_der(),
            self.key.spki_der(),
            &writer::element(writer::CONTEXT_CONSTRUCTED | 3, &[&extensions]),
        ])
    }

    /// The certificate, from the bytes that were signed and the signature.
    #[must_use]
    pub fn finish(signed_bytes: &[u8], algorithm: TokenSignature, signature: &[u8]) -> Vec<u8> {
        let signature = writer::bit_string(signature);
        writer::sequence(&[signed_bytes, &algorithm.algorithm_der(), &signature])
    }

    fn authority_extensions(&self, issuer_key: &PublicKey) -> Vec<Vec<u8>> {
        let issuer_key_id = writer::element(writer::CONTEXT_PRIMITIVE, &[&key_id(issuer_key)]);
        vec![
            critical(&oids::KEY_USAGE, &named_bits(7, 0x80)),
            critical(
                &oids::EXTENDED_KEY_USAGE,
                &writer::sequence(&[&writer::oid(&oids::TIME_STAMPING)]),
            ),
            self.subject_key_id(),
            extension(
                &oids::AUTHORITY_KEY_IDENTIFIER,
                &[],
                &writer::sequence(&[&issuer_key_id]),
            ),
        ]
    }

    fn root_extensions(&self) -> Vec<Vec<u8>> {
        let ca = writer::element(writer::BOOLEAN, &[&[0xff]]);
        let no_ca_below = writer::small_integer(0);
        vec![
            critical(&oids::KEY_USAGE, &named_bits(1, 0x06)),
            critical(
                &oids::BASIC_CONSTRAINTS,
                &writer::sequence(&[&ca, &no_ca_below]),
            ),
            self.subject_key_id(),
        ]
    }

    fn subject_key_id(&self) -> Vec<u8> {
        let id = writer::element(writer::OCTET_STRING, &[&key_id(self.key)]);
        extension(&oids::SUBJECT_KEY_IDENTIFIER, &[], &id)
    }
}

impl AuthorityName {
    fn to_der(&self) -> Vec<u8> {
        let part = |oid, text: &str| {
            let value = writer::element(writer::UTF8_STRING, &[text.as_bytes()]);
            let pair = writer::sequence(&[&writer::oid(oid), &value]);
            writer::element(writer::SET, &[&pair])
        };
        writer::sequence(&[
            &part(&oids::ORGANIZATION, &self.organization),
            &part(&oids::COMMON_NAME, &self.common_name),
        ])
    }
}

/// RFC 7093 section 2, the fourth method: a hash of the whole `SubjectPublicKeyInfo`, so that
/// nothing needs SHA-1. Cut to the 160 bits that everybody expects.
fn key_id(key: &PublicKey) -> Vec<u8> {
    let digest = named_signature::digest(HashAlgorithm::Sha256, key.spki_der());
    digest.as_ref().iter().copied().take(20).collect()
}

/// A BIT STRING of named bits, in one byte.
fn named_bits(unused: u8, bits: u8) -> Vec<u8> {
    writer::element(writer::BIT_STRING, &[&[unused, bits]])
}

fn critical(oid: &der::asn1::ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    extension(oid, &writer::element(writer::BOOLEAN, &[&[0xff]]), value)
}

fn extension(oid: &der::asn1::ObjectIdentifier, critical: &[u8], value: &[u8]) -> Vec<u8> {
    let value = writer::element(writer::OCTET_STRING, &[value]);
    writer::sequence(&[&writer::oid(oid), critical, &value])
}
