//! The certificates of authorities, and of a timestamp authority's signer: what `init` makes.
//!
//! | role | key usage | purpose | constraints |
//! |---|---|---|---|
//! | root | sign certificates and lists of revoked ones | none: any | authority |
//! | intermediate | as above | its one purpose, not critical | authority, none below it |
//! | timestamp signer | digital signature | timestamping, critical (RFC 3161 section 2.3) | none |
//!
//! An intermediate's purpose is not critical, because sigstore-python refuses it otherwise.

use der::asn1::ObjectIdentifier;

use super::extensions::Extension;
use super::oids;
use super::profile::{
    DIGITAL_SIGNATURE, Head, ProfileError, SerialNumber, Validity, authority_key_identifier,
    encode_extension, extension, key_id, purposes, subject_key_identifier, tbs,
};
use super::signature_algorithm::SignatureAlgorithm;
use crate::der_writer::tag;
use crate::public_key::PublicKey;

/// What certificates below an intermediate authority are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing artifacts.
    CodeSigning,
    /// Signing timestamps.
    TimeStamping,
}

impl Purpose {
    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => oids::CODE_SIGNING,
            Self::TimeStamping => oids::TIME_STAMPING,
        }
    }
}

/// What a certificate lets its key do, and who vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// It vouches for itself.
    Root,
    /// It issues certificates for one purpose.
    Intermediate {
        /// What they are for.
        purpose: Purpose,
        /// The subject key identifier of the issuing certificate.
        issuer_key_id: &'a [u8],
    },
    /// It signs timestamps.
    TimestampSigner {
        /// The subject key identifier of the issuing certificate.
        issuer_key_id: &'a [u8],
    },
}

/// What the certificate of an authority is made of.
#[derive(Clone, Debug)]
pub struct AuthorityProfile<'a> {
    /// What it is for.
    pub role: Role<'a>,
    /// Its number.
    pub serial: SerialNumber,
    /// How it will be signed: by the issuer's key.
    pub signature_algorithm: SignatureAlgorithm,
    /// The issuer's name, DER. A root's is its own.
    pub issuer_name: &'a [u8],
    /// Its own name, DER.
    pub subject_name: &'a [u8],
    /// When it is valid.
    pub validity: Validity,
    /// Its own key.
    pub public_key: &'a PublicKey,
}

impl AuthorityProfile<'_> {
    /// The part that will be signed.
    ///
    /// # Errors
    ///
    /// [`ProfileError`]: the validity has no date.
    pub fn to_tbs(&self) -> Result<Vec<u8>, ProfileError> {
        let head = Head {
            serial: self.serial,
            signature_algorithm: self.signature_algorithm,
            issuer_name: self.issuer_name,
            validity: self.validity,
            subject_name: self.subject_name,
            public_key: self.public_key,
        };
        let extensions = self.extensions();
        let extensions: Vec<u8> = extensions.iter().flat_map(encode_extension).collect();
        Ok(tbs(&head.encode()?, &extensions))
    }

    fn extensions(&self) -> Vec<Extension> {
        let key_usage = |bits: [u8; 4]| extension(oids::KEY_USAGE, true, bits.to_vec());
        let constraints = |value: &[u8]| extension(oids::BASIC_CONSTRAINTS, true, value.to_vec());
        let purpose = |critical, purpose: Purpose| {
            extension(oids::EXTENDED_KEY_USAGE, critical, purposes(purpose.oid()))
        };
        let own_key = subject_key_identifier(&key_id(self.public_key));
        match self.role {
            Role::Root => vec![
                key_usage(SIGN_CERTIFICATES),
                constraints(&ANY_AUTHORITY),
                own_key,
            ],
            Role::Intermediate {
                purpose: below,
                issuer_key_id,
            } => vec![
                key_usage(SIGN_CERTIFICATES),
                purpose(false, below),
                constraints(&LAST_AUTHORITY),
                own_key,
                authority_key_identifier(issuer_key_id),
            ],
            Role::TimestampSigner { issuer_key_id } => vec![
                key_usage(DIGITAL_SIGNATURE),
                purpose(true, Purpose::TimeStamping),
                own_key,
                authority_key_identifier(issuer_key_id),
            ],
        }
    }
}

/// `keyUsage`: bits 5 and 6 of a named bit list, certificates and lists of revoked ones.
const SIGN_CERTIFICATES: [u8; 4] = [tag::BIT_STRING, 2, 1, 0x06];
/// `basicConstraints`: an authority.
const ANY_AUTHORITY: [u8; 5] = [tag::SEQUENCE, 3, tag::BOOLEAN, 1, 0xff];
/// `basicConstraints`: an authority with no other below it.
const LAST_AUTHORITY: [u8; 8] = [tag::SEQUENCE, 6, tag::BOOLEAN, 1, 0xff, tag::INTEGER, 1, 0];
