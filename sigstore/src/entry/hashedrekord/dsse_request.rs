//! The request to log a DSSE envelope, which becomes a request to log a `hashedrekord` entry.
//!
//! ```text
//! {"dsseRequestV002":{"envelope":{"payload":BASE64,"payloadType":TEXT,
//!   "signatures":[{"sig":BASE64,"keyid":TEXT}]},"verifiers":[VERIFIER]}}
//! ```
//!
//! Rekor v2 has no kind of entry for envelopes, yet sigstore-js still asks for one. What every
//! verifier then looks for is the entry of the one signature over SHA-256 of the envelope's
//! pre-authentication encoding, so that is what is made of it. An entry has room for one signature
//! and one key: a request with more, or less, is refused.
//!
//! Not here: whether the signature is right; that is checked as in any other request.

use serde_json::Value;

use super::HashedRekordRequest;
use super::error::RequestError;
use super::request::{RequestVerifier, VerifierPaths, parse_verifier};
use crate::dsse;
use crate::proto_json::{self, FieldName, ProtoJsonError};

/// The request, decoded but not yet checked. An absent field is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DsseRequest {
    pub(super) payload_type: String,
    pub(super) payload: Vec<u8>,
    pub(super) signatures: Vec<Vec<u8>>,
    pub(super) verifiers: Vec<RequestVerifier>,
}

impl DsseRequest {
    pub(super) fn parse_value(value: &Value) -> Result<DsseRequest, ProtoJsonError> {
        let names = [ENVELOPE, VERIFIERS];
        let [envelope, verifiers] = proto_json::fields(value, "dsseRequestV002", &names)?;
        let [payload, payload_type, signatures] = match envelope {
            None => [None; 3],
            Some(envelope) => {
                let names = [PAYLOAD, PAYLOAD_TYPE, SIGNATURES];
                proto_json::fields(envelope, ENVELOPE_PATH, &names)?
            }
        };
        let signatures = proto_json::list(signatures, SIGNATURES_PATH)?.iter();
        let verifiers = proto_json::list(verifiers, VERIFIERS_PATH)?.iter();
        Ok(DsseRequest {
            payload_type: proto_json::string(payload_type, PAYLOAD_TYPE_PATH)?,
            payload: proto_json::bytes(payload, PAYLOAD_PATH)?,
            signatures: signatures.map(parse_signature).collect::<Result<_, _>>()?,
            verifiers: verifiers
                .map(|verifier| parse_verifier(verifier, &VERIFIER_PATHS))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The request for the entry that this one becomes.
    pub(super) fn into_hashedrekord(self) -> Result<HashedRekordRequest, RequestError> {
        for (path, is_empty) in [
            (PAYLOAD_TYPE_PATH, self.payload_type.is_empty()),
            (PAYLOAD_PATH, self.payload.is_empty()),
        ] {
            if is_empty {
                return Err(RequestError::DsseMissing { path });
            }
        }
        let digest = dsse::encoding_sha256(&self.payload_type, &self.payload);
        Ok(HashedRekordRequest {
            digest: digest.to_vec(),
            signature: the_one(self.signatures, SIGNATURES_PATH)?,
            verifier: Some(the_one(self.verifiers, VERIFIERS_PATH)?),
            of_envelope: true,
        })
    }
}

const ENVELOPE: FieldName = FieldName::new("envelope", "envelope");
const VERIFIERS: FieldName = FieldName::new("verifiers", "verifiers");
const PAYLOAD: FieldName = FieldName::new("payload", "payload");
// Its definition is older than the rule that such names have underscores.
const PAYLOAD_TYPE: FieldName = FieldName::new("payloadType", "payloadType");
const SIGNATURES: FieldName = FieldName::new("signatures", "signatures");
const SIG: FieldName = FieldName::new("sig", "sig");
const KEY_ID: FieldName = FieldName::new("keyid", "keyid");
const ENVELOPE_PATH: &str = "dsseRequestV002.envelope";
const PAYLOAD_PATH: &str = "dsseRequestV002.envelope.payload";
const PAYLOAD_TYPE_PATH: &str = "dsseRequestV002.envelope.payloadType";
pub(super) const SIGNATURES_PATH: &str = "dsseRequestV002.envelope.signatures";
pub(super) const VERIFIERS_PATH: &str = "dsseRequestV002.verifiers";
const VERIFIER_PATHS: VerifierPaths = VerifierPaths {
    verifier: VERIFIERS_PATH,
    public_key: "dsseRequestV002.verifiers.publicKey",
    public_key_raw_bytes: "dsseRequestV002.verifiers.publicKey.rawBytes",
    certificate: "dsseRequestV002.verifiers.x509Certificate",
    certificate_raw_bytes: "dsseRequestV002.verifiers.x509Certificate.rawBytes",
    key_details: "dsseRequestV002.verifiers.keyDetails",
};

/// The signature's bytes. Which key made it is said by the verifier, so the key's id is not needed.
fn parse_signature(value: &Value) -> Result<Vec<u8>, ProtoJsonError> {
    let [sig, key_id] = proto_json::fields(value, SIGNATURES_PATH, &[SIG, KEY_ID])?;
    let _unused = proto_json::string(key_id, "dsseRequestV002.envelope.signatures.keyid")?;
    proto_json::bytes(sig, "dsseRequestV002.envelope.signatures.sig")
}

/// Refuses a list of any other length than one.
pub(super) fn check_count(path: &'static str, found: usize) -> Result<(), RequestError> {
    if found != 1 {
        return Err(RequestError::DsseCount { path, found });
    }
    Ok(())
}

/// The only element of a list, which has no other.
fn the_one<T>(mut list: Vec<T>, path: &'static str) -> Result<T, RequestError> {
    check_count(path, list.len())?;
    list.pop().ok_or(RequestError::DsseCount { path, found: 0 })
}
