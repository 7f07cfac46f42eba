//! `TransparencyLogEntry` in protobuf's binary form, as gRPC carries it.
//!
//! Only written: whoever checks a proof reads it from a bundle, which is JSON.
//!
//! Spec: `sigstore_rekor.proto` of protobuf-specs.

use prost::Message;

use super::TransparencyLogEntry;

impl TransparencyLogEntry {
    /// Writes protobuf's binary form.
    ///
    /// # Panics
    ///
    /// As [`TransparencyLogEntry::to_json`].
    #[must_use]
    pub fn to_protobuf(&self) -> Vec<u8> {
        let promise = self.signed_entry_timestamp.as_ref();
        let message = Entry {
            log_index: int64(self.log_index.get()),
            log_id: Some(Bytes {
                content: self.log_id.to_vec(),
            }),
            kind_version: Some(KindVersion {
                kind: self.kind_version.kind.clone(),
                version: self.kind_version.version.clone(),
            }),
            integrated_time: int64(self.integrated_time),
            inclusion_promise: promise.map(|signature| Bytes {
                content: signature.clone(),
            }),
            inclusion_proof: self.inclusion_proof.as_ref().map(InclusionProof::from),
            canonicalized_body: self.canonicalized_body.clone(),
        };
        message.encode_to_vec()
    }
}

/// The one integer type of the format is signed.
fn int64(number: u64) -> i64 {
    i64::try_from(number).expect("no log grows to 2^63 entries, nor time to as many seconds")
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(int64, tag = "1")]
    log_index: i64,
    #[prost(message, optional, tag = "2")]
    log_id: Option<Bytes>,
    #[prost(message, optional, tag = "3")]
    kind_version: Option<KindVersion>,
    #[prost(int64, tag = "4")]
    integrated_time: i64,
    #[prost(message, optional, tag = "5")]
    inclusion_promise: Option<Bytes>,
    #[prost(message, optional, tag = "6")]
    inclusion_proof: Option<InclusionProof>,
    #[prost(bytes = "vec", tag = "7")]
    canonicalized_body: Vec<u8>,
}

/// `LogId` and `InclusionPromise` alike: one field of bytes.
#[derive(Clone, PartialEq, Message)]
struct Bytes {
    #[prost(bytes = "vec", tag = "1")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct KindVersion {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct InclusionProof {
    #[prost(int64, tag = "1")]
    log_index: i64,
    #[prost(bytes = "vec", tag = "2")]
    root_hash: Vec<u8>,
    #[prost(int64, tag = "3")]
    tree_size: i64,
    #[prost(bytes = "vec", repeated, tag = "4")]
    hashes: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "5")]
    checkpoint: Option<Checkpoint>,
}

impl From<&super::InclusionProof> for InclusionProof {
    fn from(proof: &super::InclusionProof) -> Self {
        let hashes = proof.hashes.iter().map(|hash| hash.as_bytes().to_vec());
        Self {
            log_index: int64(proof.log_index.get()),
            root_hash: proof.root_hash.as_bytes().to_vec(),
            tree_size: int64(proof.tree_size.get()),
            hashes: hashes.collect(),
            checkpoint: Some(Checkpoint {
                envelope: proof.checkpoint.clone(),
            }),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Checkpoint {
    #[prost(string, tag = "1")]
    envelope: String,
}

#[cfg(test)]
mod tests {
    use tiles::{Hash, LeafIndex, TreeSize};

    use crate::entry::log_entry::{InclusionProof, KindVersion, TransparencyLogEntry};

    /// Each field at the place that the definition gives it.
    #[test]
    fn an_entry_has_the_bytes_of_its_definition() {
        let entry = TransparencyLogEntry {
            log_index: LeafIndex::new(300),
            log_id: [7; 32],
            kind_version: KindVersion {
                kind: "k".to_owned(),
                version: "v".to_owned(),
            },
            integrated_time: 0,
            signed_entry_timestamp: None,
            inclusion_proof: Some(InclusionProof {
                log_index: LeafIndex::new(1),
                root_hash: Hash::new([8; 32]),
                tree_size: TreeSize::new(2),
                hashes: vec![Hash::new([9; 32])],
                checkpoint: "c\n".to_owned(),
            }),
            canonicalized_body: b"{}".to_vec(),
        };
        let wanted = [
            b"\x08\xac\x02".as_slice(),
            b"\x12\x22\x0a\x20",
            &[7; 32],
            b"\x1a\x06\x0a\x01k\x12\x01v",
            b"\x32\x4e\x08\x01\x12\x20",
            &[8; 32],
            b"\x18\x02\x22\x20",
            &[9; 32],
            b"\x2a\x04\x0a\x02c\n",
            b"\x3a\x02{}",
        ];
        assert_eq!(entry.to_protobuf(), wanted.concat());
        let promised = TransparencyLogEntry {
            integrated_time: 5,
            signed_entry_timestamp: Some(b"s".to_vec()),
            ..entry
        };
        let bytes = promised.to_protobuf();
        let promise = b"\x1a\x06\x0a\x01k\x12\x01v\x20\x05\x2a\x03\x0a\x01s\x32";
        assert!(bytes.windows(promise.len()).any(|part| part == promise));
    }
}
