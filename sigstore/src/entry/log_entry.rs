//! `TransparencyLogEntry`: an entry together with the proof that a log holds it.
//!
//! It is what Rekor v2 answers to a request and what a Sigstore bundle carries
//! (`dev.sigstore.rekor.v1`, as protobuf JSON). 64-bit integers are strings, bytes are base64
//! with padding, no list is null, and clients refuse any field that is not in the definition.
//! An answer for an entry of Rekor v2 has no time of its own (`integratedTime` is 0) and no
//! promise (`inclusionPromise` is null): the proof takes their place.
//!
//! Not here: checking the proof (`tiles`), or the checkpoint's signature.
//!
//! Invariant: a value from [`TransparencyLogEntry::parse`] has its proof's index below its tree
//! size, at most 64 hashes, and survives [`TransparencyLogEntry::to_json`] unchanged.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use thiserror::Error;
use tiles::{Hash, LeafIndex, TreeSize};

use crate::canonical_json::{JsonError, JsonLimits, excerpt, parse_limited};
use crate::proto_json::{self, FieldName, ProtoJsonError};

mod protobuf;

/// The most hashes an inclusion proof can have: one for each level of a tree below 2^64.
pub const PROOF_HASH_COUNT_MAX: usize = 64;

/// An answer nests four levels deep and holds 64 hashes and about 20 other values; the rest is
/// room for a clear error.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 256,
};

/// The largest 64-bit integer that the protobuf type holds.
const INT64_MAX: u64 = 0x7fff_ffff_ffff_ffff;

/// An entry of a log with the proof that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransparencyLogEntry {
    /// The entry's place in the log. Rekor v1 counts it through all shards, the proof does not.
    pub log_index: LeafIndex,
    /// Which log: in Rekor v2 the SHA-256 of which the first four bytes are the key id of the
    /// checkpoint's signature.
    pub log_id: [u8; 32],
    /// What kind of entry.
    pub kind_version: KindVersion,
    /// Seconds since 1970, from the log's own clock; 0 in Rekor v2. Never negative.
    pub integrated_time: u64,
    /// The log's signed promise to include the entry; absent in Rekor v2.
    pub signed_entry_timestamp: Option<Vec<u8>>,
    /// The proof, and the checkpoint that it leads to. Absent only in a bundle of the oldest form,
    /// which relies on the promise alone.
    pub inclusion_proof: Option<InclusionProof>,
    /// The leaf.
    pub canonicalized_body: Vec<u8>,
}

/// Kind and version of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KindVersion {
    /// For example `hashedrekord`.
    pub kind: String,
    /// For example `0.0.2`.
    pub version: String,
}

/// Path from a leaf to the root hash of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The leaf's index in this tree, below `tree_size`.
    pub log_index: LeafIndex,
    /// The root hash that the checkpoint names.
    pub root_hash: Hash,
    /// The size that the checkpoint names.
    pub tree_size: TreeSize,
    /// The siblings, from the leaf up; at most 64.
    pub hashes: Vec<Hash>,
    /// The checkpoint: a signed note with its final newline.
    pub checkpoint: String,
}

impl TransparencyLogEntry {
    /// Writes the JSON, without white space, unset fields included, in the order of the protobuf
    /// definition.
    ///
    /// # Panics
    ///
    /// If an index, the tree size or the time is above 2^63 - 1, which the format cannot hold and
    /// no log here grows to.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.json_len_estimate());
        let _infallible = self.write_json(&mut json);
        json
    }

    /// The proof, which a log always gives and a bundle nearly always has.
    ///
    /// # Errors
    ///
    /// [`LogEntryError::Missing`].
    pub fn proof(&self) -> Result<&InclusionProof, LogEntryError> {
        let path = "inclusionProof";
        let proof = self.inclusion_proof.as_ref();
        proof.ok_or(LogEntryError::Missing { path })
    }

    /// Piece by piece into one buffer: a log writes this for every entry it takes, and most of it
    /// is base64, which never needs escaping.
    fn write_json(&self, json: &mut String) -> fmt::Result {
        write!(json, r#"{{"logIndex":"{}","#, int64(self.log_index.get()))?;
        json.push_str(r#""logId":{"keyId":"#);
        push_base64(json, &self.log_id);
        json.push_str(r#"},"kindVersion":{"kind":"#);
        push_text(json, &self.kind_version.kind);
        json.push_str(r#","version":"#);
        push_text(json, &self.kind_version.version);
        let time = int64(self.integrated_time);
        write!(json, r#"}},"integratedTime":"{time}","inclusionPromise":"#)?;
        match &self.signed_entry_timestamp {
            None => json.push_str("null"),
            Some(signature) => {
                json.push_str(r#"{"signedEntryTimestamp":"#);
                push_base64(json, signature);
                json.push('}');
            }
        }
        json.push_str(r#","inclusionProof":"#);
        match &self.inclusion_proof {
            None => json.push_str("null"),
            Some(proof) => proof.write_json(json)?,
        }
        json.push_str(r#","canonicalizedBody":"#);
        push_base64(json, &self.canonicalized_body);
        json.push('}');
        Ok(())
    }

    /// Enough for the JSON of most entries, so that its buffer never grows.
    fn json_len_estimate(&self) -> usize {
        let proof = self.inclusion_proof.as_ref();
        let hash_count = proof.map_or(0, |proof| proof.hashes.len());
        let hashes_len = hash_count.saturating_mul(HASH_JSON_LEN);
        let checkpoint_len = proof.map_or(0, |proof| proof.checkpoint.len());
        let body_len = self.canonicalized_body.len() / 3 * 4;
        let signature_len = self.signed_entry_timestamp.as_ref().map_or(0, Vec::len) * 2;
        [hashes_len, checkpoint_len, body_len, signature_len]
            .into_iter()
            .fold(FIXED_JSON_LEN, usize::saturating_add)
    }

    /// Reads the JSON that a log answered, which has a proof.
    ///
    /// # Errors
    ///
    /// [`LogEntryError`] says which field is missing or wrong.
    pub fn parse(json: &[u8]) -> Result<TransparencyLogEntry, LogEntryError> {
        let entry = TransparencyLogEntry::parse_value(&parse_limited(json, JSON_LIMITS)?)?;
        entry.proof()?;
        Ok(entry)
    }

    /// As [`TransparencyLogEntry::parse`], for a part of a bundle that was parsed without duplicate
    /// keys; there may be no proof.
    ///
    /// # Errors
    ///
    /// As [`TransparencyLogEntry::parse`].
    pub fn parse_value(value: &Value) -> Result<TransparencyLogEntry, LogEntryError> {
        let [index, log_id, kind_version, time, promise, proof, body] =
            proto_json::fields(value, "entry", &ENTRY_FIELDS)?;
        let [key_id] = proto_json::fields(required(log_id, "logId")?, "logId", &[KEY_ID])?;
        let kind_version = required(kind_version, "kindVersion")?;
        let [kind, version] = proto_json::fields(kind_version, "kindVersion", &[KIND, VERSION])?;
        let signed_entry_timestamp = match promise {
            None => None,
            Some(promise) => {
                let [signature] = proto_json::fields(promise, "inclusionPromise", &[SET])?;
                Some(proto_json::bytes(
                    signature,
                    "inclusionPromise.signedEntryTimestamp",
                )?)
            }
        };
        let entry = TransparencyLogEntry {
            log_index: LeafIndex::new(parse_int64(index, "logIndex")?),
            log_id: bytes32(key_id, "logId.keyId")?,
            kind_version: KindVersion {
                kind: proto_json::string(kind, "kindVersion.kind")?,
                version: proto_json::string(version, "kindVersion.version")?,
            },
            integrated_time: parse_int64(time, "integratedTime")?,
            signed_entry_timestamp,
            inclusion_proof: proof.map(InclusionProof::parse_value).transpose()?,
            canonicalized_body: proto_json::bytes(body, "canonicalizedBody")?,
        };
        if entry.canonicalized_body.is_empty() {
            return Err(LogEntryError::Missing {
                path: "canonicalizedBody",
            });
        }
        Ok(entry)
    }
}

impl InclusionProof {
    fn write_json(&self, json: &mut String) -> fmt::Result {
        let index = int64(self.log_index.get());
        write!(json, r#"{{"logIndex":"{index}","rootHash":"#)?;
        push_base64(json, self.root_hash.as_bytes());
        let size = int64(self.tree_size.get());
        write!(json, r#","treeSize":"{size}","hashes":["#)?;
        for (number, hash) in self.hashes.iter().enumerate() {
            if number > 0 {
                json.push(',');
            }
            push_base64(json, hash.as_bytes());
        }
        json.push_str(r#"],"checkpoint":{"envelope":"#);
        push_text(json, &self.checkpoint);
        json.push_str("}}");
        Ok(())
    }

    /// Whether a proof has a checkpoint. Early ones have none, and nothing that others have not.
    pub(crate) fn is_signed(value: &Value) -> Result<bool, LogEntryError> {
        let [.., checkpoint] = proto_json::fields(value, "inclusionProof", &PROOF_FIELDS)?;
        Ok(checkpoint.is_some())
    }

    fn parse_value(value: &Value) -> Result<InclusionProof, LogEntryError> {
        let [index, root_hash, size, hashes, checkpoint] =
            proto_json::fields(value, "inclusionProof", &PROOF_FIELDS)?;
        let log_index = parse_int64(index, "inclusionProof.logIndex")?;
        let tree_size = parse_int64(size, "inclusionProof.treeSize")?;
        if log_index >= tree_size {
            return Err(LogEntryError::IndexOutsideTree {
                log_index,
                tree_size,
            });
        }
        let path = "inclusionProof.checkpoint";
        let checkpoint = required(checkpoint, path)?;
        let [envelope] = proto_json::fields(checkpoint, path, &[ENVELOPE])?;
        let checkpoint = proto_json::string(envelope, "inclusionProof.checkpoint.envelope")?;
        if checkpoint.is_empty() {
            return Err(LogEntryError::Missing {
                path: "inclusionProof.checkpoint.envelope",
            });
        }
        Ok(InclusionProof {
            log_index: LeafIndex::new(log_index),
            root_hash: Hash::new(bytes32(root_hash, "inclusionProof.rootHash")?),
            tree_size: TreeSize::new(tree_size),
            hashes: parse_hashes(hashes)?,
            checkpoint,
        })
    }
}

/// Why bytes are not an answer that could be checked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogEntryError {
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not the message.
    #[error(transparent)]
    Message(#[from] ProtoJsonError),
    /// A part without which nothing can be checked is absent or empty.
    #[error("{path}: missing or empty")]
    Missing {
        /// The field.
        path: &'static str,
    },
    /// A 64-bit integer is not a string of decimal digits, or negative, or too large.
    #[error("{path}: {found}, wanted a string with a decimal from 0 to 2^63 - 1")]
    Integer {
        /// The field.
        path: &'static str,
        /// What was found.
        found: String,
    },
    /// A hash or a log id is not 32 bytes long.
    #[error("{path}: {found} bytes, wanted 32")]
    HashLen {
        /// The field.
        path: &'static str,
        /// Its length in bytes.
        found: usize,
    },
    /// More hashes than any tree needs.
    #[error("inclusionProof.hashes: {found} hashes, at most {max} are possible")]
    TooManyHashes {
        /// How many there are.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The proof's index is not inside its tree.
    #[error("inclusionProof: logIndex {log_index} is not below treeSize {tree_size}")]
    IndexOutsideTree {
        /// The index.
        log_index: u64,
        /// The size.
        tree_size: u64,
    },
}

const ENTRY_FIELDS: [FieldName; 7] = [
    FieldName::new("logIndex", "log_index"),
    FieldName::new("logId", "log_id"),
    FieldName::new("kindVersion", "kind_version"),
    FieldName::new("integratedTime", "integrated_time"),
    FieldName::new("inclusionPromise", "inclusion_promise"),
    FieldName::new("inclusionProof", "inclusion_proof"),
    FieldName::new("canonicalizedBody", "canonicalized_body"),
];
const PROOF_FIELDS: [FieldName; 5] = [
    FieldName::new("logIndex", "log_index"),
    FieldName::new("rootHash", "root_hash"),
    FieldName::new("treeSize", "tree_size"),
    FieldName::new("hashes", "hashes"),
    FieldName::new("checkpoint", "checkpoint"),
];
const KEY_ID: FieldName = FieldName::new("keyId", "key_id");
const KIND: FieldName = FieldName::new("kind", "kind");
const VERSION: FieldName = FieldName::new("version", "version");
const SET: FieldName = FieldName::new("signedEntryTimestamp", "signed_entry_timestamp");
const ENVELOPE: FieldName = FieldName::new("envelope", "envelope");

/// A hash in base64, its quotes and a comma.
const HASH_JSON_LEN: usize = 47;

/// Names, punctuation, numbers and the fixed hashes, and the escapes of a checkpoint.
const FIXED_JSON_LEN: usize = 640;

/// A number that the format can hold.
fn int64(value: u64) -> u64 {
    assert!(value <= INT64_MAX, "{value} does not fit into an int64");
    value
}

fn push_base64(json: &mut String, bytes: &[u8]) {
    json.push('"');
    STANDARD.encode_string(bytes, json);
    json.push('"');
}

/// Appends a string, with what JSON escapes escaped.
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ') {
        let (plain, special) = rest.split_at(at);
        json.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('\n') => json.push_str("\\n"),
            Some(c @ ('"' | '\\')) => json.extend(['\\', c]),
            Some(c) => {
                let _infallible = write!(json, "\\u{:04x}", u32::from(c));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

fn parse_hashes(value: Option<&Value>) -> Result<Vec<Hash>, LogEntryError> {
    let path = "inclusionProof.hashes";
    let hashes = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(hashes)) => hashes,
        Some(other) => return Err(proto_json::wrong_type(path, other, "an array").into()),
    };
    if hashes.len() > PROOF_HASH_COUNT_MAX {
        let (found, max) = (hashes.len(), PROOF_HASH_COUNT_MAX);
        return Err(LogEntryError::TooManyHashes { found, max });
    }
    hashes
        .iter()
        .map(|hash| bytes32(Some(hash), path).map(Hash::new))
        .collect()
}

fn required<'a>(value: Option<&'a Value>, path: &'static str) -> Result<&'a Value, LogEntryError> {
    value.ok_or(LogEntryError::Missing { path })
}

/// Reads an int64, which is a string in protobuf JSON; an unset one is 0.
fn parse_int64(value: Option<&Value>, path: &'static str) -> Result<u64, LogEntryError> {
    let text = match value {
        None => return Ok(0),
        Some(Value::String(text)) => text.as_str(),
        Some(other) => {
            let wanted = "a string with a decimal";
            return Err(proto_json::wrong_type(path, other, wanted).into());
        }
    };
    let parsed = text
        .parse::<u64>()
        .ok()
        .filter(|n| *n <= INT64_MAX && n.to_string() == text);
    parsed.ok_or_else(|| LogEntryError::Integer {
        path,
        found: excerpt(text),
    })
}

fn bytes32(value: Option<&Value>, path: &'static str) -> Result<[u8; 32], LogEntryError> {
    let bytes = proto_json::bytes(value, path)?;
    <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| LogEntryError::HashLen {
        path,
        found: bytes.len(),
    })
}

#[cfg(test)]
mod tests;
