//! Telling a log of Rekor's first API: `hashedrekord` 0.0.1 for files, `dsse` 0.0.1 for envelopes,
//! which travel whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore::pem::{self, PemBlock};
use sigstore::{InclusionProof, KindVersion, TransparencyLogEntry, VerifierBytes};
use tiles::{Hash, LeafIndex, TreeSize};

use crate::failure::Failure;
use crate::http;

use super::Draft;
use super::rekor::{Log, unreadable};

/// The longest answer: an entry that holds an attestation's signatures, not the attestation.
const ENTRY_LEN_BYTES_MAX: usize = 1 << 20;

/// Logs a bundle's signature, or finds it where it is logged already.
pub(super) fn add(log: Log<'_>, draft: &Draft) -> Result<TransparencyLogEntry, Failure> {
    let url = http::join(log.url, "api/v1/log/entries");
    let (kind, body) = proposal(draft);
    let answer = log.post(&url, &body.to_string(), 4)?;
    let bytes = match answer.status {
        409 => {
            let location = answer
                .header("location")
                .and_then(|path| path.rsplit('/').next());
            let uuid = location.filter(|uuid| is_uuid(uuid)).ok_or_else(|| {
                answer.refused(&url, "has the signature already, but does not say where")
            })?;
            log.get(&http::join(&url, uuid), ENTRY_LEN_BYTES_MAX)?
        }
        _ if answer.is_success() => answer.body,
        _ => return Err(answer.refused(&url, "does not log the signature")),
    };
    read(&bytes, kind).ok_or_else(|| {
        let found = String::from_utf8_lossy(&bytes)
            .chars()
            .take(200)
            .collect::<String>();
        unreadable(&url, &found)
    })
}

/// What the log is asked to take, and its kind.
fn proposal(draft: &Draft) -> (&'static str, Value) {
    let record = &draft.record;
    let verifier = STANDARD.encode(match record.verifier() {
        VerifierBytes::X509Certificate(der) => pem::encode_certificate(der),
        VerifierBytes::PublicKey(der) => PemBlock {
            label: "PUBLIC KEY".to_owned(),
            der: der.clone(),
        }
        .encode(),
    });
    let Some(envelope) = draft.envelope() else {
        let spec = json!({
            "data": {"hash": {
                "algorithm": record.hash().lower_case_name(),
                "value": hex::encode(record.digest()),
            }},
            "signature": {
                "content": STANDARD.encode(record.signature()),
                "publicKey": {"content": verifier},
            },
        });
        return ("hashedrekord", of_kind("hashedrekord", &spec));
    };
    let signatures = envelope.signatures.iter();
    let signatures =
        signatures.map(|it| json!({"keyid": it.key_id, "sig": STANDARD.encode(&it.signature)}));
    let envelope = json!({
        "payloadType": envelope.payload_type,
        "payload": STANDARD.encode(&envelope.payload),
        "signatures": signatures.collect::<Vec<_>>(),
    });
    let spec = json!({"proposedContent": {
        "envelope": envelope.to_string(),
        "verifiers": [verifier],
    }});
    ("dsse", of_kind("dsse", &spec))
}

fn of_kind(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": VERSION, "kind": kind, "spec": spec})
}

const VERSION: &str = "0.0.1";

/// Reads the one entry of an answer: `{"<uuid>": {"body": ..., "verification": {...}, ...}}`.
fn read(json: &[u8], kind: &str) -> Option<TransparencyLogEntry> {
    let json: Value = serde_json::from_slice(json).ok()?;
    let entries = json.as_object().filter(|entries| entries.len() == 1)?;
    let entry = entries.values().next()?;
    let proof = entry.pointer("/verification/inclusionProof")?;
    let hashes = proof.get("hashes")?.as_array()?.iter();
    let hashes: Option<Vec<Hash>> = hashes.map(|hash| hash32(hash).map(Hash::new)).collect();
    let set = entry
        .pointer("/verification/signedEntryTimestamp")?
        .as_str()?;
    Some(TransparencyLogEntry {
        log_index: LeafIndex::new(entry.get("logIndex")?.as_u64()?),
        log_id: hash32(entry.get("logID")?)?,
        kind_version: KindVersion {
            kind: kind.to_owned(),
            version: VERSION.to_owned(),
        },
        integrated_time: entry.get("integratedTime")?.as_u64()?,
        signed_entry_timestamp: Some(STANDARD.decode(set).ok()?),
        inclusion_proof: Some(InclusionProof {
            log_index: LeafIndex::new(proof.get("logIndex")?.as_u64()?),
            root_hash: Hash::new(hash32(proof.get("rootHash")?)?),
            tree_size: TreeSize::new(proof.get("treeSize")?.as_u64()?),
            hashes: hashes?,
            checkpoint: proof.get("checkpoint")?.as_str()?.to_owned(),
        }),
        canonicalized_body: STANDARD.decode(entry.get("body")?.as_str()?).ok()?,
    })
}

fn hash32(value: &Value) -> Option<[u8; 32]> {
    hex::decode(value.as_str()?).ok()?.try_into().ok()
}

/// What comes after the path of the entries: hex digits, of a shard and an entry.
fn is_uuid(text: &str) -> bool {
    (64..=80).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_an_entry_or_nothing() {
        let hash = "ab".repeat(32);
        let good = json!({"cd".repeat(32): {
            "body": "e30=", "integratedTime": 7, "logID": hash, "logIndex": 1234,
            "verification": {
                "signedEntryTimestamp": "AQI=",
                "inclusionProof": {
                    "checkpoint": "log - 1\n", "hashes": [hash], "logIndex": 1,
                    "rootHash": hash, "treeSize": 2,
                },
            },
        }});
        let entry = read(good.to_string().as_bytes(), "dsse").unwrap();
        assert_eq!((entry.log_index.get(), entry.integrated_time), (1234, 7));
        assert_eq!(entry.signed_entry_timestamp, Some(vec![1, 2]));
        let proof = entry.inclusion_proof.unwrap();
        assert_eq!((proof.log_index.get(), proof.tree_size.get()), (1, 2));
        assert_eq!(proof.hashes, [Hash::new([0xab; 32])]);
        let text = good.to_string();
        for (from, to) in [
            ("\"logIndex\":1234", "\"logIndex\":\"1234\""),
            ("\"e30=\"", "\"e30\""),
            ("\"treeSize\"", "\"size\""),
            ("\"AQI=\"", "null"),
            ("[\"ab", "[\"xb"),
        ] {
            assert_ne!(text.replace(from, to), text, "{from}");
            assert_eq!(
                read(text.replace(from, to).as_bytes(), "dsse"),
                None,
                "{from}"
            );
        }
        assert_eq!(read(b"{}", "dsse"), None);
    }

    #[test]
    fn only_an_id_is_looked_up() {
        assert!(is_uuid(&"0a".repeat(32)) && is_uuid(&"0a".repeat(40)));
        assert!(!is_uuid("../../x") && !is_uuid("") && !is_uuid(&"0g".repeat(32)));
    }
}
