//! Envelopes as requests: what they become, and each way for one to be refused.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::tests::{decoder_refusal, parse, verify};
use super::*;
use crate::test_keys::{TestKey, certificate, key};

const TYPE: &str = "application/vnd.in-toto+json";
const PAYLOAD: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;

/// The encoding, put together by hand.
fn encoding() -> Vec<u8> {
    let (type_len, payload_len) = (TYPE.len(), PAYLOAD.len());
    let head = format!("DSSEv1 {type_len} {TYPE} {payload_len} ");
    [head.as_bytes(), PAYLOAD].concat()
}

fn verifier(key: &TestKey) -> Value {
    let der = STANDARD.encode(certificate(&key.spki, 5));
    json!({"x509Certificate": {"rawBytes": der}, "keyDetails": key.label.name()})
}

/// What sigstore-js sends.
fn request_by(key: &TestKey) -> Value {
    json!({"dsseRequestV002": {
        "envelope": {
            "payload": STANDARD.encode(PAYLOAD),
            "payloadType": TYPE,
            "signatures": [{"sig": STANDARD.encode(key.sign(&encoding())), "keyid": ""}],
        },
        "verifiers": [verifier(key)],
    }})
}

fn request() -> Value {
    request_by(key(KeyDetails::EcdsaP256Sha256))
}

/// The right request with one value changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut request = request();
    let path = format!("/dsseRequestV002{pointer}");
    *request.pointer_mut(&path).unwrap() = value;
    request
}

#[test]
fn an_envelope_becomes_the_entry_of_its_encoding() {
    for label in [KeyDetails::EcdsaP256Sha256, KeyDetails::Rsa2048Sha256] {
        let key = key(label);
        let sent = request_by(key);
        let entry = verify(&sent).unwrap();
        assert_eq!(entry.digest(), Sha256::digest(encoding()).as_slice());
        let sig = &sent["dsseRequestV002"]["envelope"]["signatures"][0]["sig"];
        assert_eq!(&json!(STANDARD.encode(entry.signature())), sig);
        assert_eq!(entry.key_details(), label);
        assert_eq!(entry.verify(), Ok(()));
        let parsed = HashedRekord::parse_leaf(&entry.leaf_bytes());
        assert_eq!(parsed.as_ref(), Ok(&entry));
        // Byte for byte the entry of whoever asks for it by its digest.
        let same = json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(entry.digest()),
            "signature": {"content": sig, "verifier": verifier(key)},
        }});
        assert_eq!(verify(&same).unwrap().leaf_bytes(), entry.leaf_bytes());
    }
}

#[test]
fn an_envelope_in_other_spellings_is_read() {
    let mut other = request();
    let asked = other["dsseRequestV002"].as_object_mut().unwrap();
    asked["envelope"]["signatures"][0] =
        json!({"sig": asked["envelope"]["signatures"][0]["sig"], "keyid": "of the signer"});
    let raw = asked["verifiers"][0]["x509Certificate"]["rawBytes"].take();
    asked["verifiers"] = json!([{"x509_certificate": {"raw_bytes": raw}, "key_details": 5}]);
    let other = json!({"dsse_request_v002": asked});
    // The signatures differ by their nonces.
    assert_eq!(
        verify(&other).unwrap().digest(),
        verify(&request()).unwrap().digest()
    );
}

#[test]
fn other_than_one_signature_and_one_key_are_refused() {
    let sent = request();
    let signature = &sent["dsseRequestV002"]["envelope"]["signatures"][0];
    let verifier = &sent["dsseRequestV002"]["verifiers"][0];
    for (pointer, list, path, found) in [
        ("/envelope/signatures", json!([]), "envelope.signatures", 0),
        (
            "/envelope/signatures",
            json!(null),
            "envelope.signatures",
            0,
        ),
        (
            "/envelope/signatures",
            json!([signature, signature]),
            "envelope.signatures",
            2,
        ),
        ("/verifiers", json!([]), "verifiers", 0),
        ("/verifiers", json!(null), "verifiers", 0),
        (
            "/verifiers",
            json!([verifier, verifier, verifier]),
            "verifiers",
            3,
        ),
    ] {
        let error = parse(&with(pointer, list)).unwrap_err();
        let wanted = format!(
            "dsseRequestV002.{path}: found {found}, wanted exactly 1, because an entry has one \
             signature and one key: send an envelope for each signature"
        );
        assert_eq!(error.to_string(), wanted);
        assert_eq!(error.upstream_message(), "invalid dsse request");
    }
}

#[test]
fn missing_and_empty_parts_are_named() {
    for (request, path) in [
        (json!({"dsseRequestV002": {}}), "payloadType"),
        (with("/envelope", json!(null)), "payloadType"),
        (with("/envelope/payloadType", json!("")), "payloadType"),
        (with("/envelope/payload", json!("")), "payload"),
    ] {
        let error = parse(&request).unwrap_err();
        let wanted = format!("dsseRequestV002.envelope.{path}: missing or empty");
        assert_eq!(error.to_string(), wanted);
        assert_eq!(error.upstream_message(), "invalid dsse request");
    }
}

#[test]
fn what_is_no_envelope_is_refused_at_its_field() {
    let p256 = json!([{"publicKey": {"rawBytes": "AAAA"}, "x509Certificate": {}}]);
    for (pointer, value, wanted) in [
        ("", json!("x"), ": found a string, wanted an object"),
        (
            "/envelope",
            json!([]),
            ".envelope: found an array, wanted an object",
        ),
        (
            "/envelope",
            json!({"type": 1}),
            ".envelope: unknown field \"type\"",
        ),
        (
            "/envelope/payload",
            json!("?"),
            ".envelope.payload: not base64",
        ),
        (
            "/envelope/payloadType",
            json!(7),
            ".envelope.payloadType: found a number",
        ),
        (
            "/envelope/signatures",
            json!({}),
            ".envelope.signatures: found an object, wanted an array",
        ),
        (
            "/envelope/signatures/0",
            json!(null),
            ".envelope.signatures: found null, wanted an object",
        ),
        (
            "/envelope/signatures/0/keyid",
            json!(1),
            ".envelope.signatures.keyid: found a number",
        ),
        (
            "/verifiers",
            json!("x"),
            ".verifiers: found a string, wanted an array",
        ),
        (
            "/verifiers",
            p256,
            ".verifiers: both publicKey and x509Certificate are set",
        ),
        (
            "/verifiers/0/keyDetails",
            json!("ECDSA"),
            ".verifiers.keyDetails: unknown name",
        ),
    ] {
        let shown = decoder_refusal(&with(pointer, value));
        let wanted = format!("dsseRequestV002{wanted}");
        assert!(shown.starts_with(&wanted), "{shown}");
    }
}

#[test]
fn a_signature_over_anything_but_the_encoding_is_refused() {
    let key = key(KeyDetails::EcdsaP256Sha256);
    let over_payload = STANDARD.encode(key.sign(PAYLOAD));
    let wrong = "the signature is not one of this digest by this ecdsa p-256 key";
    for (pointer, value) in [
        ("/envelope/signatures/0/sig", json!(over_payload)),
        ("/envelope/payloadType", json!("application/json")),
        ("/envelope/payload", json!(STANDARD.encode("{}"))),
    ] {
        let error = verify(&with(pointer, value)).unwrap_err();
        let wanted = format!(
            "dsseRequestV002, logged as SHA-256 of its pre-authentication encoding: \
             hashedRekordRequestV002.signature.content: {wrong}"
        );
        assert_eq!(error.to_string(), wanted);
    }
    let error = verify(&with("/envelope/signatures/0/sig", json!(""))).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("signature.content: missing or empty"),
        "{error}"
    );
}

/// The entry would need another digest, which sigstore-js does not look for.
#[test]
fn keys_of_another_hash_are_refused() {
    let error = verify(&request_by(key(KeyDetails::EcdsaP384Sha384))).unwrap_err();
    let wanted = "32 bytes, PKIX_ECDSA_P384_SHA_384 has digests of 48";
    assert!(error.to_string().ends_with(wanted), "{error}");
}
