//! The object identifiers of timestamps.

use der::asn1::ObjectIdentifier;

use crate::key_details::HashAlgorithm;

pub(super) use crate::cert::oids::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, COMMON_NAME, ECDSA_WITH_SHA256, ECDSA_WITH_SHA384,
    ECDSA_WITH_SHA512, EXTENDED_KEY_USAGE, KEY_USAGE, ORGANIZATION, SUBJECT_KEY_IDENTIFIER,
    TIME_STAMPING,
};

/// CMS `SignedData`, RFC 5652 section 5.1.
pub(super) const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
/// The content type of timestamps, RFC 3161 section 2.4.2.
pub(super) const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");

/// Signed attributes, RFC 5652 section 11 and RFC 5035.
pub(super) const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
pub(super) const SIGNING_TIME: ObjectIdentifier = oid("1.2.840.113549.1.9.5");
pub(super) const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
pub(super) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");

pub(super) const SHA_1: ObjectIdentifier = oid("1.3.14.3.2.26");
pub(super) const MD_5: ObjectIdentifier = oid("1.2.840.113549.2.5");
pub(super) const SHA_256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
pub(super) const SHA_384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
pub(super) const SHA_512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");

/// The name of a hash in a request.
pub(super) const fn of_hash(hash: HashAlgorithm) -> ObjectIdentifier {
    match hash {
        HashAlgorithm::Sha256 => SHA_256,
        HashAlgorithm::Sha384 => SHA_384,
        HashAlgorithm::Sha512 => SHA_512,
    }
}

/// The hash with this name, of those that are strong enough.
pub(super) fn hash_of(oid: ObjectIdentifier) -> Option<HashAlgorithm> {
    match oid {
        SHA_256 => Some(HashAlgorithm::Sha256),
        SHA_384 => Some(HashAlgorithm::Sha384),
        SHA_512 => Some(HashAlgorithm::Sha512),
        _ => None,
    }
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}
