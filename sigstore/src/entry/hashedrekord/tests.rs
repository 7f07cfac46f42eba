//! The worked vector, leaves in and out of shape, and what the tests of requests share.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::canonical_json::canonicalize;
use crate::test_keys::{TestKey, certificate, key, keys};

/// Vector A.1, an entry of Rekor v2 made from the rules and accepted by sigstore-python 4.5.1:
/// the artifact is `hello\n`, the key P-256 with the secret 2.
pub(crate) const A1_LEAF: &str = concat!(
    r#"{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"#,
    r#""algorithm":"SHA2_256","digest":"WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="},"#,
    r#""signature":{"content":"MEUCIDEL+3EUQRoEy7Mrb/z1RmoH+kyhQF7Y9rfRMJV5FNWxAiEAsRxp5Lp+00jb"#,
    r#"+U7+1+3EgjUd3rPXstssxcNk+HraI0s=","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","#,
    r#""publicKey":{"rawBytes":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfPJ7GI0DT36KUjgDBLUaw8CJaeJ3"#,
    r#"8hs1pgtI/EdmmXgHd1UQ247QQCk9msafdDDbun2t5jzpgimeBLedInhz0Q=="}}}}}}"#,
);

/// The leaf hash of A.1, which is the root hash of a tree with that one leaf.
pub(crate) const A1_ROOT_HASH: [u8; 32] = [
    0xeb, 0x22, 0x2b, 0x97, 0x61, 0xcf, 0xe5, 0x33, 0xeb, 0xef, 0x81, 0xb3, 0x94, 0x67, 0x61, 0xb6,
    0x8f, 0xe9, 0x01, 0x1a, 0xfd, 0x40, 0x6f, 0x5c, 0x88, 0x51, 0x84, 0x2c, 0x35, 0x23, 0xba, 0x51,
];

const MESSAGE: &[u8] = b"hello\n";

pub(super) fn a1_request() -> Value {
    let leaf: Value = serde_json::from_str(A1_LEAF).unwrap();
    let body = &leaf["spec"]["hashedRekordV002"];
    json!({"hashedRekordRequestV002": {
        "digest": body["data"]["digest"],
        "signature": {
            "content": body["signature"]["content"],
            "verifier": {
                "publicKey": body["signature"]["verifier"]["publicKey"],
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            },
        },
    }})
}

/// A good request signed with a key, the key bare or in a certificate.
pub(super) fn request_by(key: &TestKey, in_certificate: bool) -> Value {
    let verifier = if in_certificate {
        let der = STANDARD.encode(certificate(&key.spki, 5));
        json!({"x509Certificate": {"rawBytes": der}, "keyDetails": key.label.name()})
    } else {
        json!({"publicKey": {"rawBytes": STANDARD.encode(&key.spki)},
               "keyDetails": key.label.name()})
    };
    json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(key.digest(MESSAGE)),
        "signature": {"content": STANDARD.encode(key.sign(MESSAGE)), "verifier": verifier},
    }})
}

pub(super) fn parse(value: &Value) -> Result<HashedRekordRequest, RequestError> {
    HashedRekordRequest::parse(value.to_string().as_bytes())
}

pub(super) fn verify(value: &Value) -> Result<HashedRekord, EntryError> {
    parse(value).unwrap().verify()
}

/// The request of A.1 with one value changed; the pointer starts inside the oneof arm.
pub(super) fn with(pointer: &str, value: Value) -> Value {
    let mut request = a1_request();
    *request
        .pointer_mut(&format!("/hashedRekordRequestV002{pointer}"))
        .unwrap() = value;
    request
}

/// The request of A.1 with a field added.
pub(super) fn adding(message: &str, field: &str, value: Value) -> Value {
    let mut request = a1_request();
    let message = request
        .pointer_mut(message)
        .unwrap()
        .as_object_mut()
        .unwrap();
    assert!(message.insert(field.to_owned(), value).is_none());
    request
}

/// The request of A.1 without a field.
pub(super) fn without(message: &str, field: &str) -> Value {
    let mut request = a1_request();
    let message = request
        .pointer_mut(&format!("/hashedRekordRequestV002{message}"))
        .unwrap();
    message.as_object_mut().unwrap().remove(field).unwrap();
    request
}

/// The text of a request that cannot be decoded; upstream answers with its decoder's text.
pub(super) fn decoder_refusal(value: &Value) -> String {
    let error = parse(value).unwrap_err();
    assert_eq!(error.upstream_message(), error.to_string());
    error.to_string()
}

// The worked vector.

#[test]
fn an_entry_is_asked_for_as_it_was_sent() {
    for key in keys() {
        for in_certificate in [false, true] {
            let request = request_by(key, in_certificate);
            let entry = parse(&request).unwrap().verify().unwrap();
            let written: Value = serde_json::from_str(&entry.to_request_json()).unwrap();
            assert_eq!(written, request);
            let own = HashedRekordRequest::new(
                entry.digest().to_vec(),
                entry.signature().to_vec(),
                entry.verifier().clone(),
                entry.key_details(),
            );
            assert_eq!(own.verify(), Ok(entry));
        }
    }
}

#[test]
fn the_worked_request_gives_the_worked_leaf() {
    let entry = verify(&a1_request()).unwrap();
    assert_eq!(String::from_utf8(entry.leaf_bytes()).unwrap(), A1_LEAF);
    assert_eq!(A1_LEAF.len(), 489);
    assert_eq!(
        tiles::leaf_hash(&entry.leaf_bytes()).as_bytes(),
        &A1_ROOT_HASH
    );
}

#[test]
fn the_worked_leaf_is_read() {
    let entry = HashedRekord::parse_leaf(A1_LEAF.as_bytes()).unwrap();
    assert_eq!(entry, verify(&a1_request()).unwrap());
    entry.verify().unwrap();
    assert_eq!(entry.hash(), HashAlgorithm::Sha256);
    assert_eq!(
        entry.digest(),
        key(KeyDetails::EcdsaP256Sha256).digest(MESSAGE)
    );
}

#[test]
fn every_kind_of_key_makes_an_entry() {
    for key in keys() {
        for in_certificate in [false, true] {
            let entry = verify(&request_by(key, in_certificate)).unwrap();
            let leaf = entry.leaf_bytes();
            assert_eq!(entry.leaf_len(), leaf.len());
            let value: Value = serde_json::from_slice(&leaf).unwrap();
            assert_eq!(canonicalize(&value), leaf, "{}", key.label);
            let body = &value["spec"]["hashedRekordV002"];
            assert_eq!(body["data"]["algorithm"], key.label.hash().name());
            assert_eq!(
                body["signature"]["verifier"]["keyDetails"],
                key.label.name()
            );
            assert_eq!(HashedRekord::parse_leaf(&leaf).unwrap(), entry);
            assert_eq!(entry.key_details(), key.label);
        }
    }
}

#[test]
fn a_signature_in_p1363_form_is_kept_as_it_came() {
    let key = key(KeyDetails::EcdsaP256Sha256);
    let mut request = request_by(key, false);
    let signature = key.sign_p1363(MESSAGE);
    request["hashedRekordRequestV002"]["signature"]["content"] = json!(STANDARD.encode(&signature));
    assert_eq!(verify(&request).unwrap().signature(), signature);
}

// Leaves.

/// Leaves that say the same in another way.
#[test]
fn a_leaf_in_another_form_is_refused() {
    let cases = [
        A1_LEAF.replacen(':', ": ", 1),
        format!("{A1_LEAF}\n"),
        A1_LEAF.replace(r#""0.0.2""#, r#""0.0\u002e2""#),
        A1_LEAF
            .replace("+3EUQ", "-3EUQ")
            .replace('+', "-")
            .replace("tD/C", "tD_C")
            .replace('/', "_"),
        A1_LEAF.replace("vgM=", "vgM"),
        A1_LEAF.replace("vgM=", "vgN="),
        A1_LEAF.replace(r#""PKIX_ECDSA_P256_SHA_256""#, "5"),
        A1_LEAF.replace("keyDetails", "key_details"),
        A1_LEAF.replace(
            r#""apiVersion":"0.0.2","kind":"hashedrekord""#,
            r#""kind":"hashedrekord","apiVersion":"0.0.2""#,
        ),
        A1_LEAF.replace(r#""verifier":{"#, r#""verifier":{"x509Certificate":null,"#),
    ];
    for leaf in cases {
        assert_ne!(leaf, A1_LEAF);
        let error = HashedRekord::parse_leaf(leaf.as_bytes()).unwrap_err();
        assert_eq!(error, LeafError::NotCanonical, "{leaf}");
    }
}

#[test]
fn a_leaf_of_another_kind_or_version_is_refused() {
    for (from, to) in [
        ("hashedrekord\"", "dsse\""),
        ("0.0.2", "0.0.1"),
        ("\"0.0.2\"", "null"),
    ] {
        let error = HashedRekord::parse_leaf(A1_LEAF.replace(from, to).as_bytes()).unwrap_err();
        assert!(matches!(error, LeafError::Kind { .. }), "{error}");
    }
}

#[test]
fn a_leaf_with_other_content_is_refused() {
    let cases = [
        (
            "SHA2_256",
            "SHA2_512",
            "data: \"SHA2_512\" with 32 bytes, wanted SHA2_256 with 32",
        ),
        (
            "vgM=",
            "",
            "data: \"SHA2_256\" with 30 bytes, wanted SHA2_256 with 32 bytes",
        ),
        (
            "hashedRekordV002",
            "hashedRekordV0_0_2",
            "spec: unknown field",
        ),
        (
            "PKIX_ECDSA_P256_SHA_256",
            "PKIX_ED25519",
            "signature.verifier.keyDetails: PKIX_ED25519",
        ),
        ("\"kind\"", "\"kinds\"", "entry: unknown field"),
        (
            "\"algorithm\"",
            "\"digest\"",
            "the key \"digest\" is there twice",
        ),
        (
            "\"rawBytes\"",
            "\"raw\"",
            "publicKey: unknown field \"raw\"",
        ),
    ];
    for (from, to, wanted) in cases {
        let error = HashedRekord::parse_leaf(A1_LEAF.replace(from, to).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[test]
fn a_leaf_without_a_part_is_refused() {
    for (pointer, name) in [
        ("", "spec"),
        ("/spec", "hashedRekordV002"),
        ("/spec/hashedRekordV002", "data"),
        ("/spec/hashedRekordV002", "signature"),
        ("/spec/hashedRekordV002/signature", "content"),
        ("/spec/hashedRekordV002/signature", "verifier"),
        ("/spec/hashedRekordV002/signature/verifier", "publicKey"),
        (
            "/spec/hashedRekordV002/signature/verifier/publicKey",
            "rawBytes",
        ),
    ] {
        let mut leaf: Value = serde_json::from_str(A1_LEAF).unwrap();
        leaf.pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(name)
            .unwrap();
        let error = HashedRekord::parse_leaf(&canonicalize(&leaf)).unwrap_err();
        assert!(
            matches!(error, LeafError::Missing { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_leaf_that_is_too_long_is_refused() {
    let error = HashedRekord::parse_leaf(&vec![b' '; 65_536]).unwrap_err();
    assert_eq!(
        error,
        LeafError::TooLong {
            found: 65_536,
            max: 65_535
        }
    );
}

#[test]
fn a_leaf_with_a_wrong_label_parses_and_does_not_verify() {
    let leaf = A1_LEAF.replace("PKIX_ECDSA_P256_SHA_256", "PKIX_RSA_PKCS1V15_4096_SHA256");
    let entry = HashedRekord::parse_leaf(leaf.as_bytes()).unwrap();
    assert!(matches!(
        entry.verify(),
        Err(EntryError::KeyDetailsMismatch { .. })
    ));
}

prop_compose! {
    fn any_entry()(
        label in prop::sample::select(KeyDetails::ALL.to_vec()),
        digest in prop::array::uniform32(any::<u16>()),
        signature in prop::collection::vec(any::<u8>(), 1..600),
        der in prop::collection::vec(any::<u8>(), 1..600),
        in_certificate: bool,
    ) -> HashedRekord {
        let digest: Vec<u8> = digest.iter().flat_map(|pair| pair.to_be_bytes()).collect();
        HashedRekord {
            digest: digest[..label.hash().digest_len_bytes()].to_vec(),
            signature,
            verifier: if in_certificate {
                VerifierBytes::X509Certificate(der)
            } else {
                VerifierBytes::PublicKey(der)
            },
            key_details: label,
        }
    }
}

proptest! {
    #[test]
    fn a_leaf_is_canonical_and_is_read_back(entry in any_entry()) {
        let leaf = entry.leaf_bytes();
        prop_assert_eq!(leaf.len(), entry.leaf_len());
        let value: Value = serde_json::from_slice(&leaf).unwrap();
        prop_assert_eq!(canonicalize(&value), leaf.clone());
        prop_assert_eq!(HashedRekord::parse_leaf(&leaf).unwrap(), entry);
    }

    #[test]
    fn a_changed_leaf_is_refused_or_another_entry(at in 0_usize..489, to: u8) {
        let mut leaf = A1_LEAF.as_bytes().to_vec();
        prop_assume!(leaf[at] != to);
        leaf[at] = to;
        if let Ok(entry) = HashedRekord::parse_leaf(&leaf) {
            prop_assert_eq!(entry.leaf_bytes(), leaf);
            prop_assert!(entry.verify().is_err());
        }
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = HashedRekordRequest::parse(&bytes);
        let _ = HashedRekord::parse_leaf(&bytes);
    }

    #[test]
    fn a_changed_request_is_refused_or_the_same_entry(at in 0_usize..600, to: u8) {
        let mut body = a1_request().to_string().into_bytes();
        let at = at % body.len();
        body[at] = to;
        if let Ok(Ok(entry)) = HashedRekordRequest::parse(&body).map(HashedRekordRequest::verify) {
            prop_assert_eq!(entry.leaf_bytes(), A1_LEAF.as_bytes());
        }
    }
}
