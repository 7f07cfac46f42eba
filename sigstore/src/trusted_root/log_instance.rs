//! A log as trust files name it: its address, its key and the id that clients look it up by.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::key_details::{HashAlgorithm, describe_number, number_of_name};
use crate::proto_json::{self, FieldName};
use crate::time_range::TimeRange;
use crate::trust_json::{TrustFileError, bytes, required, text};

/// How a log signs: the labels of `PublicKeyDetails` that at least one client takes for a log.
///
/// A log of Rekor v2 has [`LogKeyDetails::Ed25519`]; a log of Rekor v1 or certificate
/// transparency has [`LogKeyDetails::EcdsaP256Sha256`]. Every client takes these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogKeyDetails {
    /// RSA in PKCS #1 form, of long ago.
    Pkcs1RsaV15,
    /// RSA of any size, of long ago.
    RsaV15,
    /// ECDSA on P-256 over SHA-256.
    EcdsaP256Sha256,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits, PKCS #1 v1.5 over SHA-256.
    Rsa2048Sha256,
    /// RSA with 3072 bits, PKCS #1 v1.5 over SHA-256.
    Rsa3072Sha256,
    /// RSA with 4096 bits, PKCS #1 v1.5 over SHA-256.
    Rsa4096Sha256,
    /// ECDSA on P-384 over SHA-384.
    EcdsaP384Sha384,
    /// ECDSA on P-521 over SHA-512.
    EcdsaP521Sha512,
}

impl LogKeyDetails {
    /// Every label with its name in `PublicKeyDetails`.
    const NAMES: [(LogKeyDetails, &'static str); 9] = [
        (LogKeyDetails::Pkcs1RsaV15, "PKCS1_RSA_PKCS1V5"),
        (LogKeyDetails::RsaV15, "PKIX_RSA_PKCS1V5"),
        (LogKeyDetails::EcdsaP256Sha256, "PKIX_ECDSA_P256_SHA_256"),
        (LogKeyDetails::Ed25519, "PKIX_ED25519"),
        (
            LogKeyDetails::Rsa2048Sha256,
            "PKIX_RSA_PKCS1V15_2048_SHA256",
        ),
        (
            LogKeyDetails::Rsa3072Sha256,
            "PKIX_RSA_PKCS1V15_3072_SHA256",
        ),
        (
            LogKeyDetails::Rsa4096Sha256,
            "PKIX_RSA_PKCS1V15_4096_SHA256",
        ),
        (LogKeyDetails::EcdsaP384Sha384, "PKIX_ECDSA_P384_SHA_384"),
        (LogKeyDetails::EcdsaP521Sha512, "PKIX_ECDSA_P521_SHA_512"),
    ];

    /// The name in `PublicKeyDetails`.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(label, _)| *label == self);
        named.map_or("", |(_, name)| name)
    }

    fn from_number(number: i32) -> Option<LogKeyDetails> {
        let mut named = Self::NAMES.iter();
        let found = named.find(|(_, name)| number_of_name(name) == Some(number));
        found.map(|(label, _)| *label)
    }
}

/// A signature log or a certificate transparency log. Its tree is of SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransparencyLogInstance {
    /// Where it is. Of a log of Rekor v2, the host is also the checkpoints' origin.
    pub base_url: String,
    /// The key as DER: `SubjectPublicKeyInfo`, but for [`LogKeyDetails::Pkcs1RsaV15`].
    pub public_key: Vec<u8>,
    /// What the key is and how it signs.
    pub key_details: LogKeyDetails,
    /// When it may sign. Clients compare the times of entries and SCTs with it.
    pub valid_for: TimeRange,
    /// What clients find the log by.
    pub log_id: [u8; 32],
    /// What the log's checkpoints are found by where that is not `log_id`: usually absent.
    pub checkpoint_key_id: Option<Vec<u8>>,
    /// Who runs it; may be empty.
    pub operator: String,
}

impl TransparencyLogInstance {
    /// A log that signs checkpoints with Ed25519: Rekor v2. The id is that of its note key.
    #[must_use]
    pub fn with_note_key(
        base_url: String,
        origin: &str,
        public_key: &[u8; 32],
        valid_for: TimeRange,
    ) -> TransparencyLogInstance {
        TransparencyLogInstance {
            base_url,
            public_key: [ED25519_SPKI_PREFIX.as_slice(), public_key].concat(),
            key_details: LogKeyDetails::Ed25519,
            valid_for,
            log_id: ed25519_log_id(origin, public_key),
            checkpoint_key_id: None,
            operator: String::new(),
        }
    }

    /// A log with an ECDSA key on P-256: Rekor v1 and certificate transparency (RFC 6962). The id
    /// is the SHA-256 of the key's DER.
    #[must_use]
    pub fn with_p256_key(
        base_url: String,
        spki_der: Vec<u8>,
        valid_for: TimeRange,
    ) -> TransparencyLogInstance {
        TransparencyLogInstance {
            base_url,
            log_id: Sha256::digest(&spki_der).into(),
            public_key: spki_der,
            key_details: LogKeyDetails::EcdsaP256Sha256,
            valid_for,
            checkpoint_key_id: None,
            operator: String::new(),
        }
    }

    pub(super) fn parse_value(value: &Value, path: &str) -> Result<Self, TrustFileError> {
        let [base_url, hash, key, log_id, checkpoint_key_id, operator] =
            proto_json::fields(value, path, &LOG_FIELDS)?;
        check_hash(hash, &format!("{path}.hashAlgorithm"))?;
        let key_path = format!("{path}.publicKey");
        let [raw_bytes, key_details, valid_for] =
            proto_json::fields(required(key, &key_path)?, &key_path, &KEY_FIELDS)?;
        let id_path = format!("{path}.logId");
        let checkpoint_key_id = match checkpoint_key_id {
            None => None,
            Some(id) => Some(parse_id(Some(id), &format!("{path}.checkpointKeyId"))?),
        };
        let log_id = parse_id(log_id, &id_path)?;
        Ok(TransparencyLogInstance {
            base_url: text(base_url, &format!("{path}.baseUrl"))?,
            public_key: bytes(raw_bytes, &format!("{key_path}.rawBytes"))?,
            key_details: parse_key_details(key_details, &format!("{key_path}.keyDetails"))?,
            valid_for: TimeRange::parse_value(valid_for, &format!("{key_path}.validFor"))?,
            log_id: log_id
                .try_into()
                .map_err(|id: Vec<u8>| TrustFileError::IdLen {
                    path: id_path,
                    found: id.len(),
                })?,
            checkpoint_key_id,
            operator: proto_json::string(operator, &format!("{path}.operator"))?,
        })
    }
}

/// The id of an Ed25519 log in trust files: the SHA-256 of which a note's key id (C2SP
/// signed-note) is the first four bytes.
fn ed25519_log_id(origin: &str, public_key: &[u8; 32]) -> [u8; 32] {
    const ED25519: u8 = 0x01;
    let mut hash = Sha256::new();
    hash.update(origin);
    hash.update([b'\n', ED25519]);
    hash.update(public_key);
    hash.finalize().into()
}

/// What precedes the 32 bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

fn check_hash(value: Option<&Value>, path: &str) -> Result<(), TrustFileError> {
    let number = proto_json::enumeration(value, path, HashAlgorithm::number_of_name)?;
    if HashAlgorithm::from_number(number) == Some(HashAlgorithm::Sha256) {
        return Ok(());
    }
    Err(TrustFileError::Unsupported {
        path: path.to_owned(),
        found: format!("hash algorithm {number}"),
        wanted: "SHA2_256".to_owned(),
    })
}

fn parse_key_details(value: Option<&Value>, path: &str) -> Result<LogKeyDetails, TrustFileError> {
    let number = proto_json::enumeration(value, path, number_of_name)?;
    LogKeyDetails::from_number(number).ok_or_else(|| TrustFileError::Unsupported {
        path: path.to_owned(),
        found: describe_number(number),
        wanted: LogKeyDetails::NAMES.map(|(_, name)| name).join(", "),
    })
}

fn parse_id(value: Option<&Value>, path: &str) -> Result<Vec<u8>, TrustFileError> {
    let [key_id] = proto_json::fields(required(value, path)?, path, &[KEY_ID])?;
    bytes(key_id, &format!("{path}.keyId"))
}

const LOG_FIELDS: [FieldName; 6] = [
    FieldName::new("baseUrl", "base_url"),
    FieldName::new("hashAlgorithm", "hash_algorithm"),
    FieldName::new("publicKey", "public_key"),
    FieldName::new("logId", "log_id"),
    FieldName::new("checkpointKeyId", "checkpoint_key_id"),
    FieldName::new("operator", "operator"),
];
const KEY_FIELDS: [FieldName; 3] = [
    FieldName::new("rawBytes", "raw_bytes"),
    FieldName::new("keyDetails", "key_details"),
    FieldName::new("validFor", "valid_for"),
];
const KEY_ID: FieldName = FieldName::new("keyId", "key_id");
