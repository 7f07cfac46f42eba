//! What Rekor v1 answers: entries by their ids, each with its promise and its proof.
//!
//! ```text
//! {ID:{"body":BASE64,"integratedTime":NUMBER,"logID":HEX,"logIndex":NUMBER,"verification":
//!  {"inclusionProof":{"checkpoint":NOTE,"hashes":[HEX,...],"logIndex":NUMBER,"rootHash":HEX,
//!   "treeSize":NUMBER},"signedEntryTimestamp":BASE64}}}
//! ```

use serde_json::Value;
use sigstore::entry::log_entry::InclusionProof;
use sigstore::{KindVersion, TransparencyLogEntry};
use tiles::{Hash, LeafIndex, TreeSize};

use super::{Facts, InspectError, decode_base64, entry};

/// The most entries of one answer.
const ENTRY_COUNT_MAX: usize = 1000;

/// The entries, if that is what it is.
pub(super) fn facts(value: &Value) -> Result<Facts, InspectError> {
    let answers = value.as_object().filter(|answers| {
        let is_id = |id: &String| id.len() >= 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
        !answers.is_empty() && answers.len() <= ENTRY_COUNT_MAX && answers.keys().all(is_id)
    });
    let answers = answers.ok_or(InspectError::Unknown)?;
    let mut entries = Vec::new();
    for (id, answer) in answers {
        let malformed = || InspectError::malformed("answer of Rekor v1", format!("entry {id}"));
        let parsed = read(answer).ok_or_else(malformed)?;
        entries.push(entry::describe(&parsed).say("id", id));
    }
    Ok(Facts::new("answer of Rekor v1").several("entry", entries))
}

fn read(answer: &Value) -> Option<TransparencyLogEntry> {
    let body = decode_base64(answer.get("body")?.as_str()?)?;
    let inner: Value = serde_json::from_slice(&body).ok()?;
    let promise = answer.pointer("/verification/signedEntryTimestamp");
    let proof = answer.pointer("/verification/inclusionProof");
    Some(TransparencyLogEntry {
        log_index: LeafIndex::new(answer.get("logIndex")?.as_u64()?),
        log_id: *hash(answer.get("logID")?)?.as_bytes(),
        kind_version: KindVersion {
            kind: inner.get("kind")?.as_str()?.to_owned(),
            version: inner.get("apiVersion")?.as_str()?.to_owned(),
        },
        integrated_time: answer.get("integratedTime")?.as_u64()?,
        signed_entry_timestamp: promise.and_then(Value::as_str).and_then(decode_base64),
        inclusion_proof: match proof {
            None => None,
            Some(proof) => Some(read_proof(proof)?),
        },
        canonicalized_body: body,
    })
}

fn read_proof(proof: &Value) -> Option<InclusionProof> {
    let hashes: Option<Vec<Hash>> = proof.get("hashes")?.as_array()?.iter().map(hash).collect();
    Some(InclusionProof {
        log_index: LeafIndex::new(proof.get("logIndex")?.as_u64()?),
        root_hash: hash(proof.get("rootHash")?)?,
        tree_size: TreeSize::new(proof.get("treeSize")?.as_u64()?),
        hashes: hashes?,
        // Early answers have none.
        checkpoint: proof
            .get("checkpoint")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

fn hash(value: &Value) -> Option<Hash> {
    let bytes = hex::decode(value.as_str()?).ok()?;
    Hash::try_from(&bytes[..]).ok()
}
