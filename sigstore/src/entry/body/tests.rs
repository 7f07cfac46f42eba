//! Bodies of each kind with their fields, and each way for one to be wrong.

use serde_json::json;

use super::*;

fn kind(kind: &str, version: &str) -> KindVersion {
    KindVersion {
        kind: kind.to_owned(),
        version: version.to_owned(),
    }
}

fn pem_base64(label: &str) -> String {
    let block = pem::PemBlock {
        label: label.to_owned(),
        der: vec![0x30, 0],
    };
    STANDARD.encode(block.encode())
}

fn hash() -> Value {
    json!({ "algorithm": "sha256", "value": "07".repeat(32) })
}

fn hashedrekord() -> Value {
    json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": { "hash": hash() },
        "signature": {
            "content": STANDARD.encode("sig"),
            "publicKey": { "content": pem_base64("CERTIFICATE") }
        }
    } })
}

fn dsse() -> Value {
    json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": hash(),
        "payloadHash": hash(),
        "signatures": [{
            "signature": STANDARD.encode("sig"),
            "verifier": pem_base64("PUBLIC KEY")
        }]
    } })
}

fn intoto() -> Value {
    json!({ "apiVersion": "0.0.2", "kind": "intoto", "spec": { "content": {
        "envelope": {
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{
                "sig": STANDARD.encode(STANDARD.encode("sig")),
                "publicKey": pem_base64("CERTIFICATE")
            }]
        },
        "hash": hash(),
        "payloadHash": hash()
    } } })
}

fn parse(name: &str, version: &str, body: &Value) -> Result<EntryBody, BodyError> {
    EntryBody::parse(&kind(name, version), body.to_string().as_bytes())
}

#[test]
fn each_kind_says_what_was_signed_by_whom() {
    let logged = || LoggedDigest {
        algorithm: HashAlgorithm::Sha256,
        digest: vec![7; 32],
    };
    let der = || vec![0x30, 0];
    for (name, version, body, subject, signer) in [
        (
            "hashedrekord",
            "0.0.1",
            hashedrekord(),
            LoggedSubject::Signed(logged()),
            VerifierBytes::X509Certificate(der()),
        ),
        (
            "dsse",
            "0.0.1",
            dsse(),
            LoggedSubject::Payload(logged()),
            VerifierBytes::PublicKey(der()),
        ),
        (
            "intoto",
            "0.0.2",
            intoto(),
            LoggedSubject::Payload(logged()),
            VerifierBytes::X509Certificate(der()),
        ),
    ] {
        let wanted = EntryBody {
            subject,
            signature: b"sig".to_vec(),
            signer,
        };
        assert_eq!(parse(name, version, &body).unwrap(), wanted, "{name}");
    }
}

#[test]
fn a_body_of_rekor_v2_is_in_its_one_form() {
    let leaf = hashedrekord::tests::A1_LEAF;
    let body = EntryBody::parse(&kind("hashedrekord", "0.0.2"), leaf.as_bytes()).unwrap();
    assert_eq!(
        body,
        EntryBody::from(&HashedRekord::parse_leaf(leaf.as_bytes()).unwrap())
    );
    let spaced = leaf.replacen(':', ": ", 1);
    let error = EntryBody::parse(&kind("hashedrekord", "0.0.2"), spaced.as_bytes());
    assert!(matches!(error, Err(BodyError::Leaf(_))), "{error:?}");
}

#[test]
fn other_kinds_and_other_bodies_are_refused() {
    for (name, version) in [("rekord", "0.0.1"), ("intoto", "0.0.1"), ("dsse", "0.0.2")] {
        let error = parse(name, version, &hashedrekord());
        assert!(matches!(error, Err(BodyError::Kind { .. })), "{error:?}");
    }
    let error = parse("dsse", "0.0.1", &hashedrekord());
    assert!(
        matches!(error, Err(BodyError::OtherKind { .. })),
        "{error:?}"
    );
}

#[track_caller]
fn refused(name: &str, version: &str, mut body: Value, pointer: &str, wrong: Value) {
    *body.pointer_mut(pointer).unwrap() = wrong;
    assert!(parse(name, version, &body).is_err(), "{body}");
}

#[test]
fn each_field_is_missed_and_checked() {
    let bad_digest = json!({ "algorithm": "sha256", "value": "07" });
    let bad_hash = json!({ "algorithm": "sha1", "value": "07".repeat(20) });
    let signature = "/spec/signature/content";
    refused(
        "hashedrekord",
        "0.0.1",
        hashedrekord(),
        signature,
        json!("!"),
    );
    refused("hashedrekord", "0.0.1", hashedrekord(), signature, json!(1));
    let digest = "/spec/data/hash";
    for wrong in [bad_digest, bad_hash, Value::Null] {
        refused("hashedrekord", "0.0.1", hashedrekord(), digest, wrong);
    }
    let key = "/spec/signature/publicKey/content";
    let two = format!("{}{}", pem_text("CERTIFICATE"), pem_text("CERTIFICATE"));
    for wrong in [
        STANDARD.encode("x"),
        pem_base64("PRIVATE KEY"),
        STANDARD.encode(two),
    ] {
        refused("hashedrekord", "0.0.1", hashedrekord(), key, json!(wrong));
    }
    for wrong in [json!([]), json!({}), json!([{}]), json!([{}, {}])] {
        refused("dsse", "0.0.1", dsse(), "/spec/signatures", wrong);
    }
    let once = json!(STANDARD.encode("not base64"));
    refused(
        "intoto",
        "0.0.2",
        intoto(),
        "/spec/content/envelope/signatures/0/sig",
        once,
    );
}

fn pem_text(label: &str) -> String {
    String::from_utf8(STANDARD.decode(pem_base64(label)).unwrap()).unwrap()
}
