//! Object identifiers of certificates, by where they are defined.

use der::asn1::ObjectIdentifier;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

// RFC 5280 section 4.2: extensions of every certificate.

/// Subject key identifier.
pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.14");
/// Key usage.
pub const KEY_USAGE: ObjectIdentifier = oid("2.5.29.15");
/// Subject alternative name.
pub const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");
/// Basic constraints: whether this is the certificate of an authority.
pub const BASIC_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
/// Authority key identifier.
pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.35");
/// Extended key usage.
pub const EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37");

/// The purpose of signing code (RFC 5280 section 4.2.1.12).
pub const CODE_SIGNING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.3");
/// The purpose of timestamping (RFC 5280 section 4.2.1.12).
pub const TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");

// RFC 6962 section 3: certificate transparency.

/// The poison that makes a precertificate useless as a certificate.
pub const CT_POISON: ObjectIdentifier = oid("1.3.6.1.4.1.11129.2.4.3");
/// The list of signed certificate timestamps inside a certificate.
pub const CT_SCT_LIST: ObjectIdentifier = oid("1.3.6.1.4.1.11129.2.4.2");

// Fulcio's own arc, `docs/oid-info.md` of that project.

/// The arc under which Fulcio's extensions are numbered.
pub const FULCIO_ARC: ObjectIdentifier = oid("1.3.6.1.4.1.57264.1");
/// The issuer as raw bytes, as it was first written.
pub const FULCIO_ISSUER_RAW: ObjectIdentifier = oid("1.3.6.1.4.1.57264.1.1");
/// The form of an `otherName` that is a user name.
pub const FULCIO_USERNAME: ObjectIdentifier = oid("1.3.6.1.4.1.57264.1.7");

// Signature algorithms and names.

/// ECDSA over SHA-256 (RFC 5758).
pub const ECDSA_WITH_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
/// ECDSA over SHA-384 (RFC 5758).
pub const ECDSA_WITH_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
/// ECDSA over SHA-512 (RFC 5758).
pub const ECDSA_WITH_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
/// RSA PKCS #1 v1.5 over SHA-256 (RFC 8017).
pub const RSA_WITH_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
/// RSA PKCS #1 v1.5 over SHA-384 (RFC 8017).
pub const RSA_WITH_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
/// RSA PKCS #1 v1.5 over SHA-512 (RFC 8017).
pub const RSA_WITH_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
/// Ed25519 (RFC 8410), as key and as signature algorithm.
pub const ED25519: ObjectIdentifier = oid("1.3.101.112");
/// An elliptic-curve key (RFC 5480).
pub const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
/// The curve P-256 (RFC 5480).
pub const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
/// The curve P-384 (RFC 5480).
pub const P384: ObjectIdentifier = oid("1.3.132.0.34");
/// The curve P-521 (RFC 5480).
pub const P521: ObjectIdentifier = oid("1.3.132.0.35");
/// An RSA key (RFC 3279).
pub const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
/// The common name of a distinguished name.
pub const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
/// The organisation of a distinguished name.
pub const ORGANIZATION: ObjectIdentifier = oid("2.5.4.10");
