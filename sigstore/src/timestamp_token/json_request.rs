//! The JSON form of a request. Only what a client needs to say can be said in it, and a field that
//! is not known is refused: a misspelt `nonce` would otherwise be a token without one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::ObjectIdentifier;
use serde::Deserialize;

use super::error::RequestError;
use super::imprint::MessageImprint;
use super::integer::Nonce;
use super::request::TimestampRequest;
use super::tst_info::TimestampPolicy;
use crate::canonical_json::excerpt;
use crate::key_details::HashAlgorithm;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct JsonRequest {
    artifact_hash: String,
    hash_algorithm: String,
    #[serde(default)]
    certificates: bool,
    nonce: Option<u64>,
    #[serde(rename = "tsaPolicyOID")]
    tsa_policy_oid: Option<String>,
}

pub(super) fn parse(json: &[u8]) -> Result<TimestampRequest, RequestError> {
    let refuse = |reason: String| RequestError::Json { reason };
    let request: JsonRequest =
        serde_json::from_slice(json).map_err(|error| refuse(error.to_string()))?;
    let hash = hash(&request.hash_algorithm)?;
    let digest = STANDARD
        .decode(&request.artifact_hash)
        .map_err(|error| refuse(format!("artifactHash is not base64: {error}")))?;
    // An unset string is empty in the reference server's own client.
    let policy = request.tsa_policy_oid.filter(|oid| !oid.is_empty());
    let policy = match policy {
        Some(text) => Some(parse_policy(&text)?),
        None => None,
    };
    Ok(TimestampRequest {
        imprint: MessageImprint::new(hash, &digest)?,
        policy,
        nonce: request.nonce.map(Nonce::from_u64),
        wants_certificate: request.certificates,
    })
}

fn hash(name: &str) -> Result<HashAlgorithm, RequestError> {
    match name.to_ascii_lowercase().as_str() {
        "sha256" => Ok(HashAlgorithm::Sha256),
        "sha384" => Ok(HashAlgorithm::Sha384),
        "sha512" => Ok(HashAlgorithm::Sha512),
        "sha1" => Err(RequestError::WeakHash { name: "sha1" }),
        "md5" => Err(RequestError::WeakHash { name: "md5" }),
        _ => Err(RequestError::UnknownHash {
            found: excerpt(name),
        }),
    }
}

fn parse_policy(text: &str) -> Result<TimestampPolicy, RequestError> {
    let oid = ObjectIdentifier::new(text).map_err(|error| RequestError::Json {
        reason: format!("tsaPolicyOID {}: {error}", excerpt(text)),
    })?;
    Ok(TimestampPolicy::new(oid))
}
