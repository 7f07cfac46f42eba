//! Answers that are right, and the same with one thing wrong.

use sigstore::{InclusionProof, KindVersion};
use tiles::{
    Ed25519NoteSigner, Hash, KeyName, NoteSigner as _, Origin, TreeSize, node_hash, sign_note,
};

use super::*;

const LEAF: &[u8] = b"the entry";

fn signer(seed: u8) -> Ed25519NoteSigner {
    Ed25519NoteSigner::from_seed(KeyName::new("log.example").unwrap(), [seed; 32]).unwrap()
}

fn checkpoint(seed: u8, size: u64, root_hash: Hash) -> String {
    let origin = Origin::new("log.example").unwrap();
    let text = Checkpoint::new(origin, TreeSize::new(size), root_hash).encode();
    sign_note(&text, &[&signer(seed)]).unwrap().encode()
}

/// The entry at index 1 of a log of two.
fn right() -> TransparencyLogEntry {
    let sibling = leaf_hash(b"another");
    let root_hash = node_hash(&sibling, &leaf_hash(LEAF));
    TransparencyLogEntry {
        log_index: LeafIndex::new(1),
        log_id: signer(1).verifier().log_id(),
        kind_version: KindVersion {
            kind: "hashedrekord".to_owned(),
            version: "0.0.2".to_owned(),
        },
        integrated_time: 0,
        signed_entry_timestamp: None,
        inclusion_proof: Some(InclusionProof {
            log_index: LeafIndex::new(1),
            root_hash,
            tree_size: TreeSize::new(2),
            hashes: vec![sibling],
            checkpoint: checkpoint(1, 2, root_hash),
        }),
        canonicalized_body: LEAF.to_vec(),
    }
}

fn proof(answer: &mut TransparencyLogEntry) -> &mut InclusionProof {
    answer.inclusion_proof.as_mut().unwrap()
}

fn check(spoil: impl FnOnce(&mut TransparencyLogEntry)) -> String {
    let key = LogKey::Named(signer(1).verifier().clone());
    let mut answer = right();
    spoil(&mut answer);
    let json = answer.to_json();
    match AnswerCheck::new(key).check(json.as_bytes(), LEAF) {
        Ok(index) => format!("index {index}"),
        Err(error) => format!("{error:#}"),
    }
}

#[track_caller]
fn refused(spoil: impl FnOnce(&mut TransparencyLogEntry), wanted: &str) {
    let said = check(spoil);
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn a_right_answer_gives_its_index() {
    assert_eq!(check(|_| ()), "index 1");
}

#[test]
fn another_body_is_refused() {
    refused(
        |answer| answer.canonicalized_body = b"another".to_vec(),
        "the log holds another, wanted the entry",
    );
}

#[test]
fn a_wrong_proof_is_refused() {
    refused(
        |answer| proof(answer).hashes = vec![leaf_hash(b"x")],
        "the inclusion proof is wrong",
    );
    refused(
        |answer| proof(answer).hashes.clear(),
        "the inclusion proof is wrong",
    );
    refused(
        |answer| proof(answer).log_index = LeafIndex::ZERO,
        "the entry has index 1, its proof is for 0",
    );
}

#[test]
fn a_wrong_signature_is_refused() {
    let root_hash = right().proof().unwrap().root_hash;
    refused(
        |answer| proof(answer).checkpoint = checkpoint(2, 2, root_hash),
        "the checkpoint is not signed as it should be",
    );
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let other = leaf_hash(b"x");
    refused(
        |answer| proof(answer).checkpoint = checkpoint(1, 2, other),
        "its checkpoint for 2 and",
    );
    refused(|answer| answer.log_id = [0; 32], "another log by its id");
}

#[test]
fn without_a_key_the_proof_is_still_checked() {
    let mut check = AnswerCheck::new(LogKey::Unknown);
    let mut answer = right();
    answer.log_id = [0; 32];
    assert!(check.check(answer.to_json().as_bytes(), LEAF).is_ok());
    proof(&mut answer).hashes = vec![leaf_hash(b"x")];
    assert!(check.check(answer.to_json().as_bytes(), LEAF).is_err());
}

#[test]
fn an_index_for_each_entry() {
    assert_eq!(indices(b"17", 1).unwrap(), [17]);
    assert_eq!(indices(b"3\n1\n2\n", 3).unwrap(), [3, 1, 2]);
    for (wrong, count) in [
        (&b"1\n2\n"[..], 3),
        (b"", 1),
        (b"-1", 1),
        (b"x", 1),
        (&[255], 1),
    ] {
        assert!(indices(wrong, count).is_err(), "{wrong:?}");
    }
}
