//! Writing a bundle: protobuf JSON in the order of its definition, in one line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{BundleContent, SignerMaterial, SigstoreBundle};
use crate::dsse::DsseEnvelope;

impl SigstoreBundle {
    /// Writes the bundle, without a final newline.
    ///
    /// # Panics
    ///
    /// As [`TransparencyLogEntry::to_json`](crate::TransparencyLogEntry::to_json), for numbers
    /// that the format cannot hold.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let wire = Bundle {
            media_type: self.format.media_type(),
            verification_material: Material::from(self),
            content: Content::from(&self.content),
        };
        serde_json::to_vec(&wire).expect("strings and lists always have a JSON form")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    media_type: &'static str,
    verification_material: Material<'a>,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Material<'a> {
    #[serde(flatten)]
    signer: Signer<'a>,
    tlog_entries: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Timestamps>,
}

impl<'a> From<&'a SigstoreBundle> for Material<'a> {
    fn from(bundle: &'a SigstoreBundle) -> Self {
        let entries = bundle.log_entries.iter().map(|entry| {
            RawValue::from_string(entry.to_json()).expect("an entry is written as JSON")
        });
        let responses = bundle.timestamps.iter().map(|response| Response {
            signed_timestamp: STANDARD.encode(response),
        });
        Material {
            signer: Signer::from(&bundle.signer),
            tlog_entries: entries.collect(),
            timestamp_verification_data: (!bundle.timestamps.is_empty()).then(|| Timestamps {
                rfc3161_timestamps: responses.collect(),
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Signer<'a> {
    Certificate(RawBytes),
    X509CertificateChain { certificates: Vec<RawBytes> },
    PublicKey { hint: &'a str },
}

impl<'a> From<&'a SignerMaterial> for Signer<'a> {
    fn from(signer: &'a SignerMaterial) -> Self {
        match signer {
            SignerMaterial::Certificate(leaf) => Self::Certificate(RawBytes::of(leaf)),
            SignerMaterial::CertificateChain(chain) => Self::X509CertificateChain {
                certificates: chain.iter().map(|der| RawBytes::of(der)).collect(),
            },
            SignerMaterial::PublicKey { hint } => Self::PublicKey { hint },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

impl RawBytes {
    fn of(der: &[u8]) -> Self {
        let raw_bytes = STANDARD.encode(der);
        Self { raw_bytes }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    rfc3161_timestamps: Vec<Response>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    signed_timestamp: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Content<'a> {
    #[serde(rename_all = "camelCase")]
    MessageSignature {
        #[serde(skip_serializing_if = "Option::is_none")]
        message_digest: Option<Digest>,
        signature: String,
    },
    DsseEnvelope(Envelope<'a>),
}

impl<'a> From<&'a BundleContent> for Content<'a> {
    fn from(content: &'a BundleContent) -> Self {
        match content {
            BundleContent::Message(message) => Self::MessageSignature {
                message_digest: message.digest.as_ref().map(|digest| Digest {
                    algorithm: digest.algorithm.name(),
                    digest: STANDARD.encode(&digest.digest),
                }),
                signature: STANDARD.encode(&message.signature),
            },
            BundleContent::Envelope(envelope) => Self::DsseEnvelope(Envelope::from(envelope)),
        }
    }
}

#[derive(Serialize)]
struct Digest {
    algorithm: &'static str,
    digest: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    payload: String,
    payload_type: &'a str,
    signatures: Vec<EnvelopeSignature<'a>>,
}

impl<'a> From<&'a DsseEnvelope> for Envelope<'a> {
    fn from(envelope: &'a DsseEnvelope) -> Self {
        let signatures = envelope
            .signatures
            .iter()
            .map(|signature| EnvelopeSignature {
                sig: STANDARD.encode(&signature.signature),
                keyid: &signature.key_id,
            });
        Envelope {
            payload: STANDARD.encode(&envelope.payload),
            payload_type: &envelope.payload_type,
            signatures: signatures.collect(),
        }
    }
}

#[derive(Serialize)]
struct EnvelopeSignature<'a> {
    sig: String,
    keyid: &'a str,
}
