//! The Sigstore bundle: one signature and everything that is needed to verify it without asking
//! anybody (`dev.sigstore.bundle.v1.Bundle`, as protobuf JSON).
//!
//! | version | media type | signer | entries of logs |
//! |---|---|---|---|
//! | 0.1 | `...bundle+json;version=0.1` | certificates, or key hint | each with a promise |
//! | 0.2 | `...bundle+json;version=0.2` | the same | each with proof and checkpoint |
//! | 0.3 | `...bundle.v0.3+json` | one certificate, or key hint | each with proof and checkpoint |
//!
//! Version 0.3 has an older spelling, `...bundle+json;version=0.3`, which is read and not written.
//! A proof without a checkpoint, as early bundles of version 0.1 have it, leads to a root hash that
//! nobody signed: it is passed over, and the promise is what counts.
//!
//! Not here: whether anything in a bundle is true. That is `verify`, and only there.
//!
//! Invariant: exactly one signature; what its version demands is there; nothing is there twice;
//! `SigstoreBundle::parse(&bundle.encode())` gives `bundle` again.
//!
//! Spec: `sigstore_bundle.proto` of protobuf-specs; the Sigstore client specification, section 4.

use std::borrow::Cow;

use serde_json::Value;

use crate::canonical_json::{JsonLimits, excerpt, parse_limited};
use crate::dsse::{DsseEnvelope, DsseSignature};
use crate::entry::log_entry::{InclusionProof, LogEntryError, TransparencyLogEntry};
use crate::key_details::HashAlgorithm;
use crate::proto_json::{self, FieldName};

pub use convert::ConversionError;
pub use cosign::parse_promised_entry;
pub use error::BundleError;

mod convert;
mod cosign;
mod encode;
mod error;

/// The longest bundle that is read: an attestation of 100 MB in base64, and room to spare.
pub const BUNDLE_LEN_BYTES_MAX: usize = 192 * 1024 * 1024;
/// The most entries of logs, and the most timestamps: as many as sigstore-go takes.
pub const WITNESS_COUNT_MAX: usize = 32;
/// The most certificates of a chain.
pub const CERTIFICATE_COUNT_MAX: usize = 10;

/// Nests six levels deep; thirty-two entries with sixty-four hashes each are most of the values.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 4096,
};

/// A signature with what is needed to verify it. Nothing in it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigstoreBundle {
    /// Which version of the format.
    pub format: BundleFormat,
    /// Who signed, as the bundle has it.
    pub signer: SignerMaterial,
    /// What logs say of the signature; at most [`WITNESS_COUNT_MAX`].
    pub log_entries: Vec<TransparencyLogEntry>,
    /// RFC 3161 responses about the signature, DER; at most [`WITNESS_COUNT_MAX`].
    pub timestamps: Vec<Vec<u8>>,
    /// What was signed, and the signature.
    pub content: BundleContent,
}

/// A version of the bundle format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BundleFormat {
    /// 0.1, of 2022: relies on promises.
    V01,
    /// 0.2: relies on proofs.
    V02,
    /// 0.3, what is written today: the leaf certificate alone.
    V03,
}

impl BundleFormat {
    /// The media type that is written.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::V01 => "application/vnd.dev.sigstore.bundle+json;version=0.1",
            Self::V02 => "application/vnd.dev.sigstore.bundle+json;version=0.2",
            Self::V03 => "application/vnd.dev.sigstore.bundle.v0.3+json",
        }
    }

    fn from_media_type(text: &str) -> Option<Self> {
        if text == "application/vnd.dev.sigstore.bundle+json;version=0.3" {
            return Some(Self::V03);
        }
        let all = [Self::V01, Self::V02, Self::V03];
        all.into_iter().find(|format| format.media_type() == text)
    }
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerMaterial {
    /// The certificate of the signer, DER.
    Certificate(Vec<u8>),
    /// The certificate of the signer and those above it, DER; at least one. Not in version 0.3.
    CertificateChain(Vec<Vec<u8>>),
    /// A key that the verifier has to have; what is here may help to find it.
    PublicKey {
        /// Any text; often the key's fingerprint, or empty.
        hint: String,
    },
}

impl SignerMaterial {
    /// The signer's own certificate, if the signer has one.
    #[must_use]
    pub fn leaf(&self) -> Option<&[u8]> {
        match self {
            Self::Certificate(leaf) => Some(leaf),
            Self::CertificateChain(chain) => chain.first().map(Vec::as_slice),
            Self::PublicKey { .. } => None,
        }
    }

    /// The certificates that the bundle has above the signer's.
    #[must_use]
    pub fn above_leaf(&self) -> &[Vec<u8>] {
        match self {
            Self::CertificateChain(chain) => chain.get(1..).unwrap_or_default(),
            Self::Certificate(_) | Self::PublicKey { .. } => &[],
        }
    }
}

/// What was signed, and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleContent {
    /// An artifact, which is not in the bundle.
    Message(MessageSignature),
    /// An envelope with a statement about artifacts. It has exactly one signature.
    Envelope(DsseEnvelope),
}

impl BundleContent {
    /// The bytes of the signature, which are what timestamps are over.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        match self {
            Self::Message(message) => &message.signature,
            Self::Envelope(envelope) => envelope
                .signatures
                .first()
                .map_or(&[], |signature| &signature.signature),
        }
    }
}

/// A signature over an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSignature {
    /// What the signer says the artifact's digest is: a hint, which nobody signed.
    pub digest: Option<MessageDigest>,
    /// The signature; not empty.
    pub signature: Vec<u8>,
}

/// A digest and its algorithm. It has that algorithm's length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageDigest {
    /// Which hash.
    pub algorithm: HashAlgorithm,
    /// The digest.
    pub digest: Vec<u8>,
}

impl SigstoreBundle {
    /// Reads a bundle of any version. Cost: linear.
    ///
    /// # Errors
    ///
    /// [`BundleError`] names the field, what was found there and what was wanted.
    pub fn parse(json: &[u8]) -> Result<SigstoreBundle, BundleError> {
        let (found, max) = (json.len(), BUNDLE_LEN_BYTES_MAX);
        if found > max {
            return Err(BundleError::TooLong { found, max });
        }
        let value = parse_limited(json, JSON_LIMITS)?;
        let [media_type, material, message, envelope] =
            proto_json::fields(&value, "bundle", &BUNDLE_FIELDS)?;
        let media_type = proto_json::string(media_type, "mediaType")?;
        let format =
            BundleFormat::from_media_type(&media_type).ok_or_else(|| BundleError::MediaType {
                found: excerpt(&media_type),
            })?;
        let material = required(material, "verificationMaterial")?;
        let [key, chain, certificate, entries, timestamps] =
            proto_json::fields(material, "verificationMaterial", &MATERIAL_FIELDS)?;
        Ok(SigstoreBundle {
            format,
            signer: parse_signer(format, key, chain, certificate)?,
            log_entries: parse_entries(format, entries)?,
            timestamps: parse_timestamps(timestamps)?,
            content: parse_content(message, envelope)?,
        })
    }
}

fn parse_signer(
    format: BundleFormat,
    key: Option<&Value>,
    chain: Option<&Value>,
    certificate: Option<&Value>,
) -> Result<SignerMaterial, BundleError> {
    let path = "verificationMaterial";
    proto_json::at_most_one(path, (PUBLIC_KEY, key), (CHAIN, chain))?;
    proto_json::at_most_one(path, (PUBLIC_KEY, key), (CERTIFICATE, certificate))?;
    proto_json::at_most_one(path, (CHAIN, chain), (CERTIFICATE, certificate))?;
    if let Some(key) = key {
        let [hint] = proto_json::fields(key, "publicKey", &[HINT])?;
        let hint = proto_json::string(hint, "publicKey.hint")?;
        return Ok(SignerMaterial::PublicKey { hint });
    }
    if let Some(certificate) = certificate {
        let path = "verificationMaterial.certificate";
        return Ok(SignerMaterial::Certificate(raw_bytes(certificate, path)?));
    }
    let Some(chain) = chain else {
        let path = "verificationMaterial.certificate".to_owned();
        return Err(BundleError::Missing { path });
    };
    if format == BundleFormat::V03 {
        return Err(BundleError::ChainInV03);
    }
    let path = "x509CertificateChain.certificates";
    let [certificates] = proto_json::fields(chain, "x509CertificateChain", &[CERTIFICATES])?;
    let certificates = items(certificates, path, CERTIFICATE_COUNT_MAX, raw_bytes)?;
    if certificates.is_empty() {
        let path = path.to_owned();
        return Err(BundleError::Missing { path });
    }
    Ok(SignerMaterial::CertificateChain(certificates))
}

fn parse_entries(
    format: BundleFormat,
    value: Option<&Value>,
) -> Result<Vec<TransparencyLogEntry>, BundleError> {
    items(value, "tlogEntries", WITNESS_COUNT_MAX, |item, path| {
        let at_entry = |source| BundleError::LogEntry {
            path: path.to_owned(),
            source,
        };
        let missing = |field: &str| BundleError::Missing {
            path: format!("{path}.{field}"),
        };
        if format != BundleFormat::V01 {
            let entry = TransparencyLogEntry::parse_value(item).map_err(at_entry)?;
            return match entry.inclusion_proof {
                Some(_) => Ok(entry),
                None => Err(missing("inclusionProof")),
            };
        }
        let item = without_unsigned_proof(item).map_err(at_entry)?;
        let entry = TransparencyLogEntry::parse_value(&item).map_err(at_entry)?;
        match entry.signed_entry_timestamp {
            Some(_) => Ok(entry),
            None => Err(missing("inclusionPromise")),
        }
    })
}

/// The entry less a proof that has no checkpoint.
fn without_unsigned_proof(entry: &Value) -> Result<Cow<'_, Value>, LogEntryError> {
    let proof = entry.get("inclusionProof").filter(|proof| !proof.is_null());
    let signed = proof.map_or(Ok(true), InclusionProof::is_signed)?;
    let Some(fields) = entry.as_object().filter(|_| !signed) else {
        return Ok(Cow::Borrowed(entry));
    };
    let mut kept = fields.clone();
    kept.remove("inclusionProof");
    Ok(Cow::Owned(Value::Object(kept)))
}

fn parse_timestamps(value: Option<&Value>) -> Result<Vec<Vec<u8>>, BundleError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let path = "timestampVerificationData";
    let [responses] = proto_json::fields(value, path, &[RFC3161])?;
    let path = "timestampVerificationData.rfc3161Timestamps";
    items(responses, path, WITNESS_COUNT_MAX, |item, path| {
        let [response] = proto_json::fields(item, path, &[SIGNED_TIMESTAMP])?;
        bytes(response, &format!("{path}.signedTimestamp"))
    })
}

fn parse_content(
    message: Option<&Value>,
    envelope: Option<&Value>,
) -> Result<BundleContent, BundleError> {
    proto_json::at_most_one("bundle", (MESSAGE, message), (ENVELOPE, envelope))?;
    if let Some(envelope) = envelope {
        return parse_envelope(envelope).map(BundleContent::Envelope);
    }
    let [digest, signature] = proto_json::fields(
        required(message, "messageSignature")?,
        "messageSignature",
        &[MESSAGE_DIGEST, SIGNATURE],
    )?;
    Ok(BundleContent::Message(MessageSignature {
        digest: digest.map(parse_digest).transpose()?,
        signature: bytes(signature, "messageSignature.signature")?,
    }))
}

fn parse_digest(value: &Value) -> Result<MessageDigest, BundleError> {
    let path = "messageSignature.messageDigest";
    let [algorithm, digest] = proto_json::fields(value, path, &[ALGORITHM, DIGEST])?;
    let number = proto_json::enumeration(
        algorithm,
        "messageSignature.messageDigest.algorithm",
        HashAlgorithm::number_of_name,
    )?;
    let algorithm =
        HashAlgorithm::from_number(number).ok_or(BundleError::HashAlgorithm { found: number })?;
    let digest = bytes(digest, "messageSignature.messageDigest.digest")?;
    let (found, wanted) = (digest.len(), algorithm.digest_len_bytes());
    if found != wanted {
        return Err(BundleError::DigestLen {
            algorithm,
            found,
            wanted,
        });
    }
    Ok(MessageDigest { algorithm, digest })
}

fn parse_envelope(value: &Value) -> Result<DsseEnvelope, BundleError> {
    let [payload, payload_type, signatures] =
        proto_json::fields(value, "dsseEnvelope", &ENVELOPE_FIELDS)?;
    let path = "dsseEnvelope.signatures";
    let signatures = items(signatures, path, WITNESS_COUNT_MAX, |item, path| {
        let [signature, key_id] = proto_json::fields(item, path, &[SIG, KEY_ID])?;
        Ok(DsseSignature {
            signature: bytes(signature, &format!("{path}.sig"))?,
            key_id: proto_json::string(key_id, &format!("{path}.keyid"))?,
        })
    })?;
    if signatures.len() != 1 {
        let found = signatures.len();
        return Err(BundleError::SignatureCount { found });
    }
    Ok(DsseEnvelope {
        payload: proto_json::bytes(payload, "dsseEnvelope.payload")?,
        payload_type: proto_json::string(payload_type, "dsseEnvelope.payloadType")?,
        signatures,
    })
}

/// Reads each item of a list that may be absent, and refuses one that is there twice.
fn items<T: PartialEq>(
    value: Option<&Value>,
    path: &str,
    max: usize,
    read: impl Fn(&Value, &str) -> Result<T, BundleError>,
) -> Result<Vec<T>, BundleError> {
    let list = proto_json::list(value, path)?;
    let found = list.len();
    if found > max {
        let path = path.to_owned();
        return Err(BundleError::TooMany { path, found, max });
    }
    let mut items = Vec::with_capacity(found);
    for (number, item) in list.iter().enumerate() {
        let path = format!("{path}[{number}]");
        let item = read(item, &path)?;
        if items.contains(&item) {
            return Err(BundleError::Twice { path });
        }
        items.push(item);
    }
    Ok(items)
}

fn raw_bytes(value: &Value, path: &str) -> Result<Vec<u8>, BundleError> {
    let [raw] = proto_json::fields(value, path, &[RAW_BYTES])?;
    bytes(raw, &format!("{path}.rawBytes"))
}

fn bytes(value: Option<&Value>, path: &str) -> Result<Vec<u8>, BundleError> {
    let bytes = proto_json::bytes(value, path)?;
    if bytes.is_empty() {
        let path = path.to_owned();
        return Err(BundleError::Missing { path });
    }
    Ok(bytes)
}

fn required<'a>(value: Option<&'a Value>, path: &str) -> Result<&'a Value, BundleError> {
    value.ok_or_else(|| BundleError::Missing {
        path: path.to_owned(),
    })
}

const MESSAGE: FieldName = FieldName::new("messageSignature", "message_signature");
const ENVELOPE: FieldName = FieldName::new("dsseEnvelope", "dsse_envelope");
const BUNDLE_FIELDS: [FieldName; 4] = [
    FieldName::new("mediaType", "media_type"),
    FieldName::new("verificationMaterial", "verification_material"),
    MESSAGE,
    ENVELOPE,
];
const PUBLIC_KEY: FieldName = FieldName::new("publicKey", "public_key");
const CHAIN: FieldName = FieldName::new("x509CertificateChain", "x509_certificate_chain");
const CERTIFICATE: FieldName = FieldName::new("certificate", "certificate");
const MATERIAL_FIELDS: [FieldName; 5] = [
    PUBLIC_KEY,
    CHAIN,
    CERTIFICATE,
    FieldName::new("tlogEntries", "tlog_entries"),
    FieldName::new("timestampVerificationData", "timestamp_verification_data"),
];
const ENVELOPE_FIELDS: [FieldName; 3] = [
    FieldName::new("payload", "payload"),
    FieldName::new("payloadType", "payload_type"),
    FieldName::new("signatures", "signatures"),
];
const HINT: FieldName = FieldName::new("hint", "hint");
const CERTIFICATES: FieldName = FieldName::new("certificates", "certificates");
const RAW_BYTES: FieldName = FieldName::new("rawBytes", "raw_bytes");
const RFC3161: FieldName = FieldName::new("rfc3161Timestamps", "rfc3161_timestamps");
const SIGNED_TIMESTAMP: FieldName = FieldName::new("signedTimestamp", "signed_timestamp");
const MESSAGE_DIGEST: FieldName = FieldName::new("messageDigest", "message_digest");
const SIGNATURE: FieldName = FieldName::new("signature", "signature");
const ALGORITHM: FieldName = FieldName::new("algorithm", "algorithm");
const DIGEST: FieldName = FieldName::new("digest", "digest");
const SIG: FieldName = FieldName::new("sig", "sig");
const KEY_ID: FieldName = FieldName::new("keyid", "keyid");

#[cfg(test)]
mod tests;
