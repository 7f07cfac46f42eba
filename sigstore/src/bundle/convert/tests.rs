//! Each pair of versions, each reason to refuse, and cosign's older bundle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tiles::{Hash, LeafIndex, TreeSize};

use super::*;
use crate::TransparencyLogEntry;
use crate::bundle::{BundleContent, MessageSignature};
use crate::entry::log_entry::{InclusionProof, KindVersion};

const ALL: [BundleFormat; 3] = [BundleFormat::V01, BundleFormat::V02, BundleFormat::V03];

fn bundle(format: BundleFormat, signer: SignerMaterial) -> SigstoreBundle {
    SigstoreBundle {
        format,
        signer,
        log_entries: vec![entry()],
        timestamps: vec![vec![0x30, 0]],
        content: BundleContent::Message(MessageSignature {
            digest: None,
            signature: vec![1],
        }),
    }
}

/// With all that any version demands.
fn entry() -> TransparencyLogEntry {
    TransparencyLogEntry {
        log_index: LeafIndex::new(7),
        log_id: [1; 32],
        kind_version: KindVersion {
            kind: "hashedrekord".to_owned(),
            version: "0.0.1".to_owned(),
        },
        integrated_time: 1_689_177_396,
        signed_entry_timestamp: Some(vec![2]),
        inclusion_proof: Some(InclusionProof {
            log_index: LeafIndex::new(7),
            root_hash: Hash::new([3; 32]),
            tree_size: TreeSize::new(8),
            hashes: vec![Hash::new([4; 32])],
            checkpoint: "log\n".to_owned(),
        }),
        canonicalized_body: b"{}".to_vec(),
    }
}

fn chain(count: usize) -> SignerMaterial {
    SignerMaterial::CertificateChain(vec![vec![0x30, 0]; count])
}

fn key() -> SignerMaterial {
    SignerMaterial::PublicKey {
        hint: "hint".to_owned(),
    }
}

#[test]
fn every_version_becomes_every_other_and_comes_back() {
    for from in ALL {
        let certified = match from {
            BundleFormat::V03 => SignerMaterial::Certificate(vec![0x30, 0]),
            _ => chain(1),
        };
        for signer in [certified, key()] {
            let bundle = bundle(from, signer);
            for to in ALL {
                let converted = bundle.clone().convert(to).unwrap();
                assert_eq!(converted.format, to);
                // Read by the rules of its own version.
                let written = SigstoreBundle::parse(&converted.encode()).unwrap();
                assert_eq!(written, converted);
                assert_eq!(written.convert(from).unwrap(), bundle);
            }
        }
    }
}

#[test]
fn the_certificates_above_the_leaf_would_be_lost() {
    let bundle = bundle(BundleFormat::V02, chain(3));
    let refused = bundle.clone().convert(BundleFormat::V03);
    assert_eq!(refused, Err(ConversionError::AboveLeaf { count: 2 }));
    assert!(bundle.convert(BundleFormat::V01).is_ok());
}

#[test]
fn an_entry_without_a_proof_stays_in_version_01() {
    let mut bundle = bundle(BundleFormat::V01, key());
    let mut without = entry();
    without.inclusion_proof = None;
    bundle.log_entries.push(without);
    for to in [BundleFormat::V02, BundleFormat::V03] {
        let refused = bundle.clone().convert(to);
        assert_eq!(refused, Err(ConversionError::NoProof { entry: 1 }));
    }
}

#[test]
fn an_entry_without_a_promise_does_not_get_to_version_01() {
    for from in [BundleFormat::V02, BundleFormat::V03] {
        let mut bundle = bundle(from, key());
        bundle.log_entries[0].signed_entry_timestamp = None;
        let refused = bundle.convert(BundleFormat::V01);
        assert_eq!(refused, Err(ConversionError::NoPromise { entry: 0 }));
    }
}

/// Cosign's older bundle, signed by a key that its log entry repeats or not.
fn cosign(entry_key: &[u8]) -> Value {
    let pem = |der: &[u8]| {
        let body = STANDARD.encode(der);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        STANDARD.encode(pem)
    };
    let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": "ab".repeat(32)}},
        "signature": {"content": "MAA=", "publicKey": {"content": pem(entry_key)}}
    }});
    json!({
        "base64Signature": "MAA=",
        "cert": pem(&[0x30, 0]),
        "rekorBundle": {
            "SignedEntryTimestamp": "MAE=",
            "Payload": {
                "body": STANDARD.encode(body.to_string()),
                "integratedTime": 1_689_177_396,
                "logIndex": 7,
                "logID": "c0".repeat(32)
            }
        }
    })
}

fn convert_cosign(value: &Value, to: BundleFormat) -> Result<SigstoreBundle, ConversionError> {
    SigstoreBundle::convert_cosign(value.to_string().as_bytes(), to)
}

#[test]
fn cosigns_older_bundle_becomes_one_of_version_01() {
    let old = cosign(&[0x30, 0]);
    let converted = convert_cosign(&old, BundleFormat::V01).unwrap();
    assert_eq!(converted.format, BundleFormat::V01);
    assert_eq!(converted.log_entries.len(), 1);
    let refused = convert_cosign(&old, BundleFormat::V03);
    assert_eq!(refused, Err(ConversionError::NoProof { entry: 0 }));
}

#[test]
fn a_key_that_is_nowhere_else_would_be_lost() {
    let other = cosign(&[0x30, 1, 0]);
    let refused = convert_cosign(&other, BundleFormat::V01);
    assert_eq!(refused, Err(ConversionError::PublicKey));
    let mut alone = cosign(&[0x30, 0]);
    alone["rekorBundle"] = Value::Null;
    let refused = convert_cosign(&alone, BundleFormat::V01);
    assert_eq!(refused, Err(ConversionError::PublicKey));
    alone["cert"] = Value::Null;
    // Without entries there is nothing that a version could demand of them.
    assert!(convert_cosign(&alone, BundleFormat::V03).is_ok());
}

#[test]
fn what_is_no_bundle_is_not_converted() {
    let refused = SigstoreBundle::convert_cosign(b"{}", BundleFormat::V01);
    assert!(matches!(refused, Err(ConversionError::Bundle(_))));
}
