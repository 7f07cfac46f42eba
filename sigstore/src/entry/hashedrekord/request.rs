//! The request to log a `hashedrekord` entry: `CreateEntryRequest` as protobuf JSON.
//!
//! ```text
//! {"hashedRekordRequestV002":{"digest":BASE64,"signature":{"content":BASE64,
//!   "verifier":{"publicKey" or "x509Certificate":{"rawBytes":BASE64},"keyDetails":LABEL}}}}
//! ```
//!
//! Decoding is lenient in spelling, as `proto_json` has it, and keeps whatever it finds.
//! [`HashedRekordRequest::verify`] then makes all the checks. A request to log a DSSE envelope is
//! taken for the request that it amounts to (`dsse_request`).
//!
//! Not here: the leaf that comes of it (`hashedrekord`).

use serde_json::Value;

use super::dsse_request::DsseRequest;
use super::error::{EntryError, RequestError};
use super::{HashedRekord, JSON_LIMITS, LEAF_LEN_BYTES_MAX, VerifierBytes};
use crate::canonical_json::parse_limited;
use crate::key_details::{self, KeyDetails};
use crate::proto_json::{self, FieldName, ProtoJsonError};
use crate::public_key::SIGNATURE_LEN_BYTES_MAX;

/// A request to log an entry, decoded but not yet checked. An absent field is empty or 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedRekordRequest {
    pub(super) digest: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// `None` if the request has no `verifier` at all.
    pub(super) verifier: Option<RequestVerifier>,
    /// Whether an envelope was sent, so that a refusal can say where its own fields come from.
    pub(super) of_envelope: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestVerifier {
    pub(super) key: Option<VerifierBytes>,
    /// As in the protobuf enum; any number, 0 if unset.
    pub(super) key_details: i32,
}

impl HashedRekordRequest {
    /// A request of a signer's own, to be verified and sent as [`HashedRekord::to_request_json`].
    #[must_use]
    pub fn new(
        digest: Vec<u8>,
        signature: Vec<u8>,
        verifier: VerifierBytes,
        key_details: KeyDetails,
    ) -> HashedRekordRequest {
        HashedRekordRequest {
            digest,
            signature,
            verifier: Some(RequestVerifier {
                key: Some(verifier),
                key_details: key_details.number(),
            }),
            of_envelope: false,
        }
    }

    /// Decodes a request body. An empty body is an empty message, as upstream has it.
    ///
    /// # Errors
    ///
    /// [`RequestError`] says which field, what was found and what is wanted.
    pub fn parse(body: &[u8]) -> Result<HashedRekordRequest, RequestError> {
        if body.trim_ascii().is_empty() {
            return Err(RequestError::NoRequest);
        }
        HashedRekordRequest::parse_value(&parse_limited(body, JSON_LIMITS)?)
    }

    /// Decodes a request that is part of something larger, for example an element of a batch.
    ///
    /// The value should come from [`parse_limited`]: a plain parser keeps one of two equal
    /// keys without a word.
    ///
    /// # Errors
    ///
    /// As [`HashedRekordRequest::parse`].
    pub fn parse_value(value: &Value) -> Result<HashedRekordRequest, RequestError> {
        let names = [HASHED_REKORD_REQUEST, DSSE_REQUEST];
        let [request, dsse] = proto_json::fields(value, "request", &names)?;
        proto_json::at_most_one("request", (names[0], request), (names[1], dsse))?;
        match (request, dsse) {
            (Some(request), _) => Ok(parse_request(request)?),
            (None, Some(dsse)) => DsseRequest::parse_value(dsse)?.into_hashedrekord(),
            (None, None) => Err(RequestError::NoRequest),
        }
    }

    /// Checks the request and makes it an entry.
    ///
    /// In this order: nothing is missing, the key parses, the label is an allowed one, it fits
    /// the key, the digest is as long as its hash makes it, the signature verifies, the leaf fits
    /// into the log. Cost: one public-key operation, at most.
    ///
    /// # Errors
    ///
    /// [`EntryError`] names the first check that failed.
    pub fn verify(self) -> Result<HashedRekord, EntryError> {
        if self.of_envelope {
            let checked = self.check();
            return checked.map_err(|error| EntryError::OfEnvelope(Box::new(error)));
        }
        self.check()
    }

    fn check(self) -> Result<HashedRekord, EntryError> {
        let missing = |path| EntryError::Missing { path };
        if self.signature.is_empty() {
            return Err(missing(SIGNATURE_CONTENT_PATH));
        }
        let verifier = self.verifier.ok_or_else(|| missing(VERIFIER_PATH))?;
        if self.digest.is_empty() {
            return Err(missing(DIGEST_PATH));
        }
        let key = verifier.key.ok_or_else(|| missing(VERIFIER_ARMS))?;
        if key.der().is_empty() {
            return Err(missing(key.path()));
        }
        check_len(
            SIGNATURE_CONTENT_PATH,
            self.signature.len(),
            SIGNATURE_LEN_BYTES_MAX,
        )?;
        check_len(key.path(), key.der().len(), key.len_bytes_max())?;
        let public_key = key.public_key()?;
        let key_details = KeyDetails::from_number(verifier.key_details).ok_or_else(|| {
            EntryError::KeyDetailsNotAllowed {
                found: key_details::describe_number(verifier.key_details),
                allowed: key_details::allowed_names(),
            }
        })?;
        let (digest, signature) = (self.digest, self.signature);
        let entry = HashedRekord {
            digest,
            signature,
            verifier: key,
            key_details,
        };
        entry.verify_with(&public_key)?;
        let found = entry.leaf_len();
        if found > LEAF_LEN_BYTES_MAX {
            return Err(EntryError::LeafTooLong {
                found,
                max: LEAF_LEN_BYTES_MAX,
            });
        }
        Ok(entry)
    }
}

const HASHED_REKORD_REQUEST: FieldName =
    FieldName::new("hashedRekordRequestV002", "hashed_rekord_request_v002");
const DSSE_REQUEST: FieldName = FieldName::new("dsseRequestV002", "dsse_request_v002");
pub(super) const DIGEST: FieldName = FieldName::new("digest", "digest");
pub(super) const SIGNATURE: FieldName = FieldName::new("signature", "signature");
const CONTENT: FieldName = FieldName::new("content", "content");
const VERIFIER: FieldName = FieldName::new("verifier", "verifier");
const PUBLIC_KEY: FieldName = FieldName::new("publicKey", "public_key");
const X509_CERTIFICATE: FieldName = FieldName::new("x509Certificate", "x509_certificate");
const KEY_DETAILS: FieldName = FieldName::new("keyDetails", "key_details");
const RAW_BYTES: FieldName = FieldName::new("rawBytes", "raw_bytes");
const REQUEST_PATH: &str = "hashedRekordRequestV002";
const DIGEST_PATH: &str = "hashedRekordRequestV002.digest";
const SIGNATURE_PATH: &str = "hashedRekordRequestV002.signature";
const SIGNATURE_CONTENT_PATH: &str = "hashedRekordRequestV002.signature.content";
const VERIFIER_PATH: &str = "hashedRekordRequestV002.signature.verifier";
const VERIFIER_ARMS: &str =
    "hashedRekordRequestV002.signature.verifier: publicKey or x509Certificate";
pub(super) const PUBLIC_KEY_RAW_BYTES_PATH: &str =
    "hashedRekordRequestV002.signature.verifier.publicKey.rawBytes";
pub(super) const CERTIFICATE_RAW_BYTES_PATH: &str =
    "hashedRekordRequestV002.signature.verifier.x509Certificate.rawBytes";
const VERIFIER_PATHS: VerifierPaths = VerifierPaths {
    verifier: VERIFIER_PATH,
    public_key: "hashedRekordRequestV002.signature.verifier.publicKey",
    public_key_raw_bytes: PUBLIC_KEY_RAW_BYTES_PATH,
    certificate: "hashedRekordRequestV002.signature.verifier.x509Certificate",
    certificate_raw_bytes: CERTIFICATE_RAW_BYTES_PATH,
    key_details: "hashedRekordRequestV002.signature.verifier.keyDetails",
};

/// Where a request has its verifier, for errors.
pub(super) struct VerifierPaths {
    pub(super) verifier: &'static str,
    pub(super) public_key: &'static str,
    pub(super) public_key_raw_bytes: &'static str,
    pub(super) certificate: &'static str,
    pub(super) certificate_raw_bytes: &'static str,
    pub(super) key_details: &'static str,
}

fn check_len(path: &'static str, found: usize, max: usize) -> Result<(), EntryError> {
    if found > max {
        return Err(EntryError::TooLong { path, found, max });
    }
    Ok(())
}

fn parse_request(value: &Value) -> Result<HashedRekordRequest, ProtoJsonError> {
    let [digest, signature] = proto_json::fields(value, REQUEST_PATH, &[DIGEST, SIGNATURE])?;
    let digest = proto_json::bytes(digest, DIGEST_PATH)?;
    let (signature, verifier) = parse_signature(signature)?;
    Ok(HashedRekordRequest {
        digest,
        signature,
        verifier,
        of_envelope: false,
    })
}

/// Reads signature and verifier, which stand alike in requests and leaves.
pub(super) fn parse_signature(
    value: Option<&Value>,
) -> Result<(Vec<u8>, Option<RequestVerifier>), ProtoJsonError> {
    let Some(value) = value else {
        return Ok((Vec::new(), None));
    };
    let [content, verifier] = proto_json::fields(value, SIGNATURE_PATH, &[CONTENT, VERIFIER])?;
    let content = proto_json::bytes(content, SIGNATURE_CONTENT_PATH)?;
    let verifier = verifier.map(|verifier| parse_verifier(verifier, &VERIFIER_PATHS));
    Ok((content, verifier.transpose()?))
}

/// Reads a verifier, which is the same message wherever it stands.
pub(super) fn parse_verifier(
    value: &Value,
    paths: &VerifierPaths,
) -> Result<RequestVerifier, ProtoJsonError> {
    let names = [PUBLIC_KEY, X509_CERTIFICATE, KEY_DETAILS];
    let [public_key, certificate, key_details] = proto_json::fields(value, paths.verifier, &names)?;
    let arms = ((PUBLIC_KEY, public_key), (X509_CERTIFICATE, certificate));
    proto_json::at_most_one(paths.verifier, arms.0, arms.1)?;
    let key = if let Some(value) = public_key {
        let raw = raw_bytes(value, paths.public_key, paths.public_key_raw_bytes)?;
        Some(VerifierBytes::PublicKey(raw))
    } else if let Some(value) = certificate {
        let raw = raw_bytes(value, paths.certificate, paths.certificate_raw_bytes)?;
        Some(VerifierBytes::X509Certificate(raw))
    } else {
        None
    };
    let number_of = key_details::number_of_name;
    let key_details = proto_json::enumeration(key_details, paths.key_details, number_of)?;
    Ok(RequestVerifier { key, key_details })
}

fn raw_bytes(value: &Value, path: &str, raw_path: &str) -> Result<Vec<u8>, ProtoJsonError> {
    let [raw] = proto_json::fields(value, path, &[RAW_BYTES])?;
    proto_json::bytes(raw, raw_path)
}
