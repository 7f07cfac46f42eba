//! The worked answer for a tree of one entry, and each way for an answer to be wrong.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::entry::hashedrekord::tests::{A1_LEAF, A1_ROOT_HASH};

const A1_CHECKPOINT: &str = concat!(
    "log.example.org\n1\n6yIrl2HP5TPr74GzlGdhto/pARr9QG9ciFGELDUjulE=\n\n",
    "\u{2014} log.example.org s9S6OebUY2kklczduRqaUnKgTmzWiO+Z8dnl25nDCcYbMQVlGRq8zwjDaj2/9HFB",
    "+C6b3bhk0JwsUZW4YQU5apsCLAQ=\n"
);

/// The answer of the worked vector A.1 for Rekor v2 (tree of size 1, origin `log.example.org`).
fn a1() -> TransparencyLogEntry {
    TransparencyLogEntry {
        log_index: LeafIndex::new(0),
        log_id: STANDARD
            .decode("s9S6OcdSi1IvPRGqgL5pxJrWOP3j34llzaZFuY9Lr7c=")
            .unwrap()
            .try_into()
            .unwrap(),
        kind_version: KindVersion {
            kind: "hashedrekord".to_owned(),
            version: "0.0.2".to_owned(),
        },
        integrated_time: 0,
        signed_entry_timestamp: None,
        inclusion_proof: Some(InclusionProof {
            log_index: LeafIndex::new(0),
            root_hash: Hash::new(A1_ROOT_HASH),
            tree_size: TreeSize::new(1),
            hashes: Vec::new(),
            checkpoint: A1_CHECKPOINT.to_owned(),
        }),
        canonicalized_body: A1_LEAF.as_bytes().to_vec(),
    }
}

fn a1_json() -> Value {
    serde_json::from_str(&a1().to_json()).unwrap()
}

fn parse(value: &Value) -> Result<TransparencyLogEntry, LogEntryError> {
    TransparencyLogEntry::parse(value.to_string().as_bytes())
}

/// The answer of A.1 with one value changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut json = a1_json();
    *json.pointer_mut(pointer).unwrap() = value;
    json
}

/// The answer of A.1 without one field.
fn without(message: &str, field: &str) -> Value {
    let mut json = a1_json();
    json.pointer_mut(message)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(field)
        .unwrap();
    json
}

fn refusal(value: &Value) -> String {
    parse(value).unwrap_err().to_string()
}

/// Shape and order of the fields of a 201 answer, byte for byte.
#[test]
fn the_worked_answer() {
    let wanted = [
        r#"{"logIndex":"0","logId":{"keyId":"s9S6OcdSi1IvPRGqgL5pxJrWOP3j34llzaZFuY9Lr7c="},"#,
        r#""kindVersion":{"kind":"hashedrekord","version":"0.0.2"},"integratedTime":"0","#,
        r#""inclusionPromise":null,"inclusionProof":{"logIndex":"0","#,
        r#""rootHash":"6yIrl2HP5TPr74GzlGdhto/pARr9QG9ciFGELDUjulE=","treeSize":"1","#,
        r#""hashes":[],"checkpoint":{"envelope":"#,
        &serde_json::to_string(A1_CHECKPOINT).unwrap(),
        r#"}},"canonicalizedBody":""#,
        &STANDARD.encode(A1_LEAF),
        r#""}"#,
    ]
    .concat();
    assert_eq!(a1().to_json(), wanted);
    assert_eq!(
        TransparencyLogEntry::parse(wanted.as_bytes()).unwrap(),
        a1()
    );
}

#[test]
fn hashes_and_large_numbers_are_written() {
    let mut entry = a1();
    entry.log_index = LeafIndex::new(INT64_MAX);
    entry.integrated_time = 1_700_000_000;
    entry.signed_entry_timestamp = Some(vec![1, 2]);
    let proof = entry.inclusion_proof.as_mut().unwrap();
    proof.tree_size = TreeSize::new(INT64_MAX);
    proof.hashes = vec![Hash::new([0; 32]), Hash::new([0xff; 32])];
    let json: Value = serde_json::from_str(&entry.to_json()).unwrap();
    assert_eq!(json["logIndex"], "9223372036854775807");
    assert_eq!(json["integratedTime"], "1700000000");
    assert_eq!(
        json["inclusionPromise"],
        json!({"signedEntryTimestamp": "AQI="})
    );
    assert_eq!(json["inclusionProof"]["treeSize"], "9223372036854775807");
    assert_eq!(
        json["inclusionProof"]["hashes"],
        json!([
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "//////////////////////////////////////////8="
        ])
    );
    assert_eq!(parse(&json).unwrap(), entry);
}

#[test]
#[should_panic(expected = "9223372036854775808 does not fit into an int64")]
fn a_number_beyond_int64_is_never_written() {
    let mut entry = a1();
    entry.log_index = LeafIndex::new(INT64_MAX + 1);
    let _ = entry.to_json();
}

#[test]
fn unset_fields_may_be_left_out() {
    for field in ["logIndex", "integratedTime", "inclusionPromise"] {
        assert_eq!(parse(&without("", field)).unwrap(), a1(), "{field}");
    }
    for field in ["logIndex", "hashes"] {
        assert_eq!(
            parse(&without("/inclusionProof", field)).unwrap(),
            a1(),
            "{field}"
        );
    }
}

#[test]
fn a_missing_part_is_named() {
    let cases = [
        ("", "logId", "logId: missing or empty"),
        ("", "kindVersion", "kindVersion: missing or empty"),
        ("", "inclusionProof", "inclusionProof: missing or empty"),
        (
            "",
            "canonicalizedBody",
            "canonicalizedBody: missing or empty",
        ),
        ("/logId", "keyId", "logId.keyId: 0 bytes, wanted 32"),
        (
            "/inclusionProof",
            "rootHash",
            "inclusionProof.rootHash: 0 bytes, wanted 32",
        ),
        (
            "/inclusionProof",
            "treeSize",
            "inclusionProof: logIndex 0 is not below treeSize 0",
        ),
        (
            "/inclusionProof",
            "checkpoint",
            "inclusionProof.checkpoint: missing or empty",
        ),
        (
            "/inclusionProof/checkpoint",
            "envelope",
            "inclusionProof.checkpoint.envelope: missing or empty",
        ),
    ];
    for (message, field, wanted) in cases {
        assert_eq!(refusal(&without(message, field)), wanted);
    }
}

#[test]
fn an_unknown_field_is_refused() {
    for message in [
        "",
        "/logId",
        "/kindVersion",
        "/inclusionProof",
        "/inclusionProof/checkpoint",
    ] {
        let mut json = a1_json();
        let object = json.pointer_mut(message).unwrap().as_object_mut().unwrap();
        object.insert("extra".to_owned(), json!(1));
        assert!(
            refusal(&json).contains("unknown field \"extra\""),
            "{message}"
        );
    }
}

#[test]
fn integers_must_be_plain_decimal_strings() {
    for text in [
        "-1",
        "+1",
        "01",
        "1.0",
        "1e3",
        " 1",
        "",
        "0x1",
        "9223372036854775808",
        "one",
    ] {
        for pointer in ["/logIndex", "/integratedTime", "/inclusionProof/treeSize"] {
            let error = parse(&with(pointer, json!(text))).unwrap_err();
            assert!(
                matches!(error, LogEntryError::Integer { .. }),
                "{pointer} {text}: {error}"
            );
        }
    }
    let shown = refusal(&with("/logIndex", json!(0)));
    assert_eq!(
        shown,
        "logIndex: found a number, wanted a string with a decimal"
    );
}

#[test]
fn the_index_must_be_inside_the_tree() {
    let shown = refusal(&with("/inclusionProof/logIndex", json!("1")));
    assert_eq!(shown, "inclusionProof: logIndex 1 is not below treeSize 1");
}

#[test]
fn hashes_must_be_32_bytes() {
    let short = STANDARD.encode([0; 31]);
    let cases = [
        (
            "/logId/keyId",
            json!(short),
            "logId.keyId: 31 bytes, wanted 32",
        ),
        (
            "/inclusionProof/rootHash",
            json!(short),
            "inclusionProof.rootHash: 31 bytes, wanted 32",
        ),
        (
            "/inclusionProof/hashes",
            json!([short]),
            "inclusionProof.hashes: 31 bytes, wanted 32",
        ),
    ];
    for (pointer, value, wanted) in cases {
        assert_eq!(refusal(&with(pointer, value)), wanted);
    }
}

#[test]
fn hashes_must_be_a_list_of_strings() {
    let shown = refusal(&with("/inclusionProof/hashes", json!({})));
    assert_eq!(
        shown,
        "inclusionProof.hashes: found an object, wanted an array"
    );
    let shown = refusal(&with("/inclusionProof/hashes", json!([null])));
    assert_eq!(
        shown,
        "inclusionProof.hashes: found null, wanted a base64 string"
    );
}

#[test]
fn a_proof_longer_than_any_tree_is_high_is_refused() {
    let hashes = |count: usize| json!(vec![STANDARD.encode([1; 32]); count]);
    assert!(parse(&with("/inclusionProof/hashes", hashes(64))).is_ok());
    let shown = refusal(&with("/inclusionProof/hashes", hashes(65)));
    assert_eq!(
        shown,
        "inclusionProof.hashes: 65 hashes, at most 64 are possible"
    );
}

#[test]
fn a_key_twice_is_refused() {
    let text = a1().to_json().replacen('{', r#"{"logIndex":"1","#, 1);
    let error = TransparencyLogEntry::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(
        error,
        LogEntryError::Json(JsonError::DuplicateKey { .. })
    ));
}

#[test]
fn what_is_not_an_answer_is_refused() {
    for text in [
        "",
        "[]",
        "null",
        "{}",
        "\"x\"",
        "{\"code\":3,\"message\":\"x\",\"details\":[]}",
    ] {
        assert!(
            TransparencyLogEntry::parse(text.as_bytes()).is_err(),
            "{text}"
        );
    }
}

prop_compose! {
    fn any_entry()(
        (index, size) in (1..=INT64_MAX).prop_flat_map(|size| (0..size, Just(size))),
        log_index in 0..=INT64_MAX,
        log_id in any::<[u8; 32]>(),
        (kind, version, checkpoint) in any::<(String, String, String)>(),
        integrated_time in 0..=INT64_MAX,
        signed_entry_timestamp in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
        root_hash in any::<[u8; 32]>(),
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..65),
        canonicalized_body in prop::collection::vec(any::<u8>(), 1..200),
    ) -> TransparencyLogEntry {
        TransparencyLogEntry {
            log_index: LeafIndex::new(log_index),
            log_id,
            kind_version: KindVersion { kind, version },
            integrated_time,
            signed_entry_timestamp,
            inclusion_proof: Some(InclusionProof {
                log_index: LeafIndex::new(index),
                root_hash: Hash::new(root_hash),
                tree_size: TreeSize::new(size),
                hashes: hashes.into_iter().map(Hash::new).collect(),
                checkpoint: format!("{checkpoint}\n"),
            }),
            canonicalized_body,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(entry in any_entry()) {
        let json = entry.to_json();
        prop_assert_eq!(TransparencyLogEntry::parse(json.as_bytes()).unwrap(), entry);
    }

    #[test]
    fn what_is_read_is_written_alike(at in 0_usize..2000, to in any::<u8>()) {
        let mut text = a1().to_json().into_bytes();
        let at = at % text.len();
        text[at] = to;
        if let Ok(parsed) = TransparencyLogEntry::parse(&text) {
            let again = TransparencyLogEntry::parse(parsed.to_json().as_bytes()).unwrap();
            prop_assert_eq!(again, parsed);
        }
    }
}
