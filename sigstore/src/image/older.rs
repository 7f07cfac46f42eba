//! The older layout of cosign, which cosign 2 writes unless told otherwise: layers of a manifest
//! under a tag, with the rest of the evidence in their annotations.
//!
//! | annotation | what |
//! |---|---|
//! | `dev.cosignproject.cosign/signature` | the signature in base64; empty for an attestation |
//! | `dev.sigstore.cosign/certificate`, `.../chain` | PEM; none of them if a key signed |
//! | `dev.sigstore.cosign/bundle` | the promise of a log, [`parse_promised_entry`] |
//! | `dev.sigstore.cosign/rfc3161timestamp` | `{"SignedRFC3161Timestamp":BASE64}` |
//!
//! A signature is not over the image but over a payload that names the digest of one; the payload
//! is the layer. An attestation is an envelope; the envelope is the layer. Its timestamp is over
//! the bytes of that layer instead of the signature, so that it proves no more than the promise
//! does, and it is passed over.
//!
//! Each becomes a [`SigstoreBundle`] of version 0.1, which relies on promises, too.
//!
//! Spec: cosign `specs/SIGNATURE_SPEC.md`, and its code where that is silent or spells differently.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use thiserror::Error;

use super::ImageDigest;
use crate::bundle::{
    BundleContent, BundleError, BundleFormat, CERTIFICATE_COUNT_MAX, MessageSignature,
    SignerMaterial, SigstoreBundle, parse_promised_entry,
};
use crate::canonical_json::{JsonError, JsonLimits, excerpt, parse_limited};
use crate::dsse::{DsseEnvelope, DsseSignature};
use crate::pem::{self, PemError};

/// The media type of a layer that is the payload of a signature.
pub const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The media type of a layer that is an envelope.
pub const ENVELOPE_MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The longest payload: it names one image, and whatever the signer added.
pub const PAYLOAD_LEN_BYTES_MAX: usize = 1024 * 1024;

/// The annotation of an attestation that repeats the predicate type of its statement.
pub const PREDICATE_TYPE: &str = "predicateType";

/// What the payload of a signature says it is.
const PAYLOAD_TYPE: &str = "cosign container image signature";

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 32,
    value_count_max: 4096,
};

/// What a layer says besides its bytes.
pub type Annotations = BTreeMap<String, String>;

/// Reads the digest of the image that a payload names.
///
/// # Errors
///
/// [`OlderError`]: not the payload of a signature of cosign.
pub fn parse_payload(json: &[u8]) -> Result<ImageDigest, OlderError> {
    let value = parse_limited(json, JSON_LIMITS)?;
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let missing = |path: &str| OlderError::Field {
        path: path.to_owned(),
    };
    let found = text("/critical/type").ok_or_else(|| missing("critical.type"))?;
    if found != PAYLOAD_TYPE {
        let found = excerpt(found);
        return Err(OlderError::PayloadType { found });
    }
    // The specification capitalises the name, but nobody writes it so; a reader that took either
    // could be shown two digests.
    text("/critical/image/docker-manifest-digest")
        .and_then(ImageDigest::parse)
        .ok_or_else(|| missing("critical.image.docker-manifest-digest"))
}

/// Reads what the annotations of a payload say of its signature: a bundle about the payload.
///
/// # Errors
///
/// [`OlderError`] names the annotation that is missing, or not what it should be.
pub fn parse_signature(annotations: &Annotations) -> Result<SigstoreBundle, OlderError> {
    let message = MessageSignature {
        digest: None,
        signature: base64(annotation(annotations, SIGNATURE), SIGNATURE)?,
    };
    let mut bundle = bundle(BundleContent::Message(message), annotations)?;
    if let Some(json) = annotation(annotations, TIMESTAMP) {
        let value = parse_limited(json.as_bytes(), JSON_LIMITS)?;
        let response = value.get("SignedRFC3161Timestamp").and_then(Value::as_str);
        bundle.timestamps.push(base64(response, TIMESTAMP)?);
    }
    Ok(bundle)
}

/// Reads an attestation: an envelope, and what its annotations say.
///
/// # Errors
///
/// [`OlderError`] names the field or annotation that is missing, or not what it should be.
pub fn parse_attestation(
    envelope: &[u8],
    annotations: &Annotations,
) -> Result<SigstoreBundle, OlderError> {
    let value = parse_limited(envelope, JSON_LIMITS)?;
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let signatures = value.get("signatures").and_then(Value::as_array);
    if signatures.is_none_or(|signatures| signatures.len() != 1) {
        return Err(OlderError::Field {
            path: "signatures".to_owned(),
        });
    }
    let payload_type = text("/payloadType").ok_or_else(|| OlderError::Field {
        path: "payloadType".to_owned(),
    })?;
    let envelope = DsseEnvelope {
        payload_type: payload_type.to_owned(),
        payload: base64(text("/payload"), "payload")?,
        signatures: vec![DsseSignature {
            signature: base64(text("/signatures/0/sig"), "signatures[0].sig")?,
            key_id: text("/signatures/0/keyid").unwrap_or_default().to_owned(),
        }],
    };
    bundle(BundleContent::Envelope(envelope), annotations)
}

fn bundle(content: BundleContent, annotations: &Annotations) -> Result<SigstoreBundle, OlderError> {
    let entry = annotation(annotations, BUNDLE);
    let entry = entry.map(|json| parse_promised_entry(json.as_bytes()));
    Ok(SigstoreBundle {
        format: BundleFormat::V01,
        signer: signer(annotations)?,
        log_entries: entry.transpose()?.into_iter().collect(),
        timestamps: Vec::new(),
        content,
    })
}

fn signer(annotations: &Annotations) -> Result<SignerMaterial, OlderError> {
    let certificates = |name: &str| match annotation(annotations, name) {
        None => Ok(Vec::new()),
        Some(text) => pem::parse_certificates(text.as_bytes(), CERTIFICATE_COUNT_MAX),
    };
    let mut chain = certificates(CERTIFICATE)?;
    let above = certificates(CHAIN)?;
    if chain.is_empty() {
        if !above.is_empty() {
            let path = CERTIFICATE.to_owned();
            return Err(OlderError::Field { path });
        }
        return Ok(SignerMaterial::PublicKey {
            hint: String::new(),
        });
    }
    chain.extend(above);
    if chain.len() > CERTIFICATE_COUNT_MAX {
        let max = CERTIFICATE_COUNT_MAX;
        return Err(PemError::Count { max }.into());
    }
    Ok(SignerMaterial::CertificateChain(chain))
}

/// An annotation that says something: cosign writes some of them empty.
fn annotation<'a>(annotations: &'a Annotations, name: &str) -> Option<&'a str> {
    let text = annotations.get(name).map(String::as_str);
    text.filter(|text| !text.is_empty())
}

fn base64(text: Option<&str>, path: &str) -> Result<Vec<u8>, OlderError> {
    let bytes = text.and_then(|text| STANDARD.decode(text).ok());
    bytes
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| OlderError::Field {
            path: path.to_owned(),
        })
}

/// Why a layer is no evidence.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OlderError {
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field or annotation is missing or not what it should be.
    #[error("{path}: missing, or not what cosign has there")]
    Field {
        /// Which.
        path: String,
    },
    /// The payload of something else.
    #[error("critical.type: found {found}, wanted {PAYLOAD_TYPE:?}")]
    PayloadType {
        /// What it says, quoted.
        found: String,
    },
    /// The entry of a log is none.
    #[error("{BUNDLE}: {0}")]
    Entry(#[from] BundleError),
    /// The certificates are none.
    #[error("{CERTIFICATE} or {CHAIN}: {0}")]
    Certificate(#[from] PemError),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload() -> Value {
        json!({
            "critical": {
                "identity": { "docker-reference": "a.b/c" },
                "image": { "docker-manifest-digest": ImageDigest::of(b"").to_string() },
                "type": PAYLOAD_TYPE
            },
            "optional": { "any": { "thing": [1] } }
        })
    }

    fn annotations() -> Annotations {
        let pem = pem::encode_certificate(&[0x30, 0]);
        let entry = json!({
            "SignedEntryTimestamp": "MAE=",
            "Payload": {
                "body": STANDARD.encode(r#"{"apiVersion":"0.0.1","kind":"hashedrekord"}"#),
                "integratedTime": 1_689_177_396,
                "logIndex": 7,
                "logID": "c0".repeat(32)
            }
        });
        [
            (SIGNATURE, "MAA=".to_owned()),
            (CERTIFICATE, pem.clone()),
            (CHAIN, pem),
            (BUNDLE, entry.to_string()),
            (TIMESTAMP, r#"{"SignedRFC3161Timestamp":"MAI="}"#.to_owned()),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
    }

    fn envelope() -> Value {
        json!({
            "payloadType": "application/vnd.in-toto+json",
            "payload": "e30=",
            "signatures": [{ "keyid": "k", "sig": "MAA=" }]
        })
    }

    #[test]
    fn a_payload_names_one_image() {
        let parse = |value: &Value| parse_payload(value.to_string().as_bytes());
        assert_eq!(parse(&payload()), Ok(ImageDigest::of(b"")));
        for (pointer, wrong) in [
            ("/critical/type", json!("atomic container signature")),
            ("/critical/type", json!(1)),
            ("/critical/image", json!({})),
            ("/critical/image/docker-manifest-digest", json!("sha256:00")),
        ] {
            let mut value = payload();
            *value.pointer_mut(pointer).unwrap() = wrong;
            assert!(parse(&value).is_err(), "{value}");
        }
        let mut capital = payload();
        let image = capital["critical"]["image"].as_object_mut().unwrap();
        let digest = image.remove("docker-manifest-digest").unwrap();
        image.insert("Docker-manifest-digest".to_owned(), digest);
        assert!(parse(&capital).is_err());
        let twice = payload().to_string().replacen('{', r#"{"critical":1,"#, 1);
        assert!(parse_payload(twice.as_bytes()).is_err());
    }

    #[test]
    fn annotations_become_a_bundle_that_relies_on_a_promise() {
        let parsed = parse_signature(&annotations()).unwrap();
        assert_eq!(parsed.signer.leaf(), Some(&[0x30, 0][..]));
        assert_eq!(parsed.signer.above_leaf(), [[0x30, 0]]);
        assert_eq!(parsed.content.signature(), [0x30, 0]);
        assert_eq!(parsed.timestamps, [[0x30, 2]]);
        assert_eq!(parsed.log_entries.len(), 1);
        let bytes = envelope().to_string();
        let attested = parse_attestation(bytes.as_bytes(), &annotations()).unwrap();
        assert_eq!(attested.content.signature(), [0x30, 0]);
        assert_eq!(attested.log_entries, parsed.log_entries);
        assert!(attested.timestamps.is_empty(), "it is over other bytes");
        let bare = Annotations::from([(SIGNATURE.to_owned(), "MAA=".to_owned())]);
        let keyed = parse_signature(&bare).unwrap();
        assert_eq!(keyed.signer.leaf(), None);
        assert!(keyed.log_entries.is_empty());
    }

    #[test]
    fn each_annotation_is_missed() {
        for (name, wrong) in [
            (SIGNATURE, ""),
            (SIGNATURE, "!"),
            (CERTIFICATE, ""),
            (CERTIFICATE, "PEM"),
            (CHAIN, "PEM"),
            (BUNDLE, "{}"),
            (TIMESTAMP, "{}"),
            (TIMESTAMP, "MAI="),
        ] {
            let mut annotations = annotations();
            annotations.insert(name.to_owned(), wrong.to_owned());
            assert!(parse_signature(&annotations).is_err(), "{name} {wrong}");
        }
        for (pointer, wrong) in [
            ("/payloadType", json!(1)),
            ("/payload", json!("!")),
            ("/signatures", json!([])),
            ("/signatures/0/sig", json!("")),
        ] {
            let mut value = envelope();
            *value.pointer_mut(pointer).unwrap() = wrong;
            let bytes = value.to_string();
            assert!(parse_attestation(bytes.as_bytes(), &annotations()).is_err());
        }
        let mut two = envelope();
        let signature = two["signatures"][0].clone();
        two["signatures"].as_array_mut().unwrap().push(signature);
        assert!(parse_attestation(two.to_string().as_bytes(), &annotations()).is_err());
    }
}
