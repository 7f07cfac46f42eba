//! Each format by its bytes, made by our own writers or taken from the built-in trust roots; what
//! is hostile; and the bundles of the Sigstore conformance suite where they are at hand.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore::pem;
use sigstore::trusted_root::TrustedRoot;
use tiles::{Checkpoint, Ed25519NoteSigner, Hash, KeyName, NoteSigner as _, TreeSize, sign_note};

use super::*;

/// The public key of a P-256 pair, in PEM.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfPJ7GI0DT36KUjgDBLUaw8CJaeJ3
8hs1pgtI/EdmmXgHd1UQ247QQCk9msafdDDbun2t5jzpgimeBLedInhz0Q==
-----END PUBLIC KEY-----
";

fn json_of(bytes: &[u8]) -> Value {
    inspect(bytes).unwrap().to_json()
}

fn signer() -> Ed25519NoteSigner {
    Ed25519NoteSigner::from_seed(KeyName::new("log.example").unwrap(), [7; 32]).unwrap()
}

fn checkpoint() -> String {
    let origin = tiles::Origin::new("log.example").unwrap();
    let checkpoint = Checkpoint::new(origin, TreeSize::new(8), Hash::new([3; 32]));
    let note = sign_note(&checkpoint.encode(), &[&signer()]).unwrap();
    note.encode()
}

fn trusted_root() -> TrustedRoot {
    let text = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    TrustedRoot::parse(text.as_bytes()).unwrap()
}

fn entry() -> Value {
    let hash = STANDARD.encode([3; 32]);
    let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": "ab".repeat(32)}},
        "signature": {"content": "MAA=", "publicKey": {"content": STANDARD.encode(PUBLIC_KEY)}}
    }});
    json!({
        "logIndex": "7",
        "logId": {"keyId": STANDARD.encode([1; 32])},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
        "integratedTime": "1689177396",
        "inclusionPromise": {"signedEntryTimestamp": "MAA="},
        "inclusionProof": {
            "logIndex": "7", "rootHash": hash, "treeSize": "8", "hashes": [hash],
            "checkpoint": {"envelope": checkpoint()}
        },
        "canonicalizedBody": STANDARD.encode(body.to_string())
    })
}

fn bundle(entries: &[Value]) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "hint"}, "tlogEntries": entries},
        "messageSignature": {"signature": "MAA="}
    })
}

#[test]
fn a_bundle_is_shown_with_all_that_is_in_it() {
    let found = json_of(bundle(&[entry()]).to_string().as_bytes());
    assert_eq!(found["is"], "Sigstore bundle");
    assert_eq!(found["keyHint"], "hint");
    let entry = &found["logEntry"][0];
    assert_eq!(entry["logIndex"], 7);
    assert_eq!(entry["logId"], "01".repeat(32));
    assert_eq!(entry["integrated"], "2023-07-12T15:56:36Z");
    assert_eq!(entry["proof"]["treeSize"], 8);
    assert_eq!(entry["proof"]["checkpoint"]["origin"], "log.example");
    assert_eq!(
        entry["body"]["signedDigest"],
        format!("sha256:{}", "ab".repeat(32))
    );
    assert_eq!(entry["body"]["signer"]["is"], "public key");
}

#[test]
fn cosigns_bundle_an_entry_and_an_answer_of_rekor_v1_are_told_apart() {
    assert_eq!(
        json_of(br#"{"base64Signature":"MAA="}"#)["is"],
        "older bundle of cosign"
    );
    let entry = entry();
    let found = json_of(entry.to_string().as_bytes());
    assert_eq!(found["is"], "entry of a transparency log");
    let hash = "03".repeat(32);
    let answer = json!({"ab".repeat(40): {
        "body": entry["canonicalizedBody"],
        "integratedTime": 1_689_177_396,
        "logID": "01".repeat(32),
        "logIndex": 7,
        "verification": {
            "inclusionProof": {"checkpoint": checkpoint(), "hashes": [hash], "logIndex": 7,
                "rootHash": hash, "treeSize": 8},
            "signedEntryTimestamp": "MAA="
        }
    }});
    let mut answered = json_of(answer.to_string().as_bytes())["entry"][0].clone();
    assert_eq!(answered["id"], "ab".repeat(40));
    answered.as_object_mut().unwrap().remove("id");
    assert_eq!(answered, found);
}

#[test]
fn a_body_by_itself_is_read() {
    let body = STANDARD
        .decode(entry()["canonicalizedBody"].as_str().unwrap())
        .unwrap();
    let found = json_of(&body);
    assert_eq!(found["kind"], "hashedrekord 0.0.1");
    assert_eq!(
        found["leafHash"],
        hex::encode(tiles::leaf_hash(&body).as_bytes())
    );
}

#[test]
fn an_envelope_and_a_statement_are_read() {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": "ab"}}],
        "predicateType": "https://example.org/p", "predicate": {}
    });
    let found = json_of(statement.to_string().as_bytes());
    assert_eq!(found["subject"], json!(["a sha256:ab"]));
    let envelope = json!({
        "payloadType": "application/vnd.in-toto+json",
        "payload": STANDARD.encode(statement.to_string()),
        "signatures": [{"keyid": "k", "sig": "MAA="}]
    });
    let shown = json_of(envelope.to_string().as_bytes());
    assert_eq!(shown["statement"], found);
    assert_eq!(shown["signature"][0]["keyId"], "k");
}

#[test]
fn a_checkpoint_and_its_key_are_read() {
    let found = json_of(checkpoint().as_bytes());
    assert_eq!(found["is"], "checkpoint of a log");
    assert_eq!(found["treeSize"], 8);
    let key = signer();
    let shown = json_of(key.verifier().to_string().as_bytes());
    assert_eq!(shown["name"], "log.example");
    assert_eq!(shown["keyId"], found["signature"][0]["keyId"]);
}

#[test]
fn certificates_are_read_in_pem_der_and_chains() {
    let root = trusted_root();
    let authority = root.certificate_authorities.last().unwrap();
    let der = authority.cert_chain.last().unwrap();
    let found = json_of(der);
    assert_eq!(found["is"], "certificate");
    assert!(
        found["subject"]
            .as_str()
            .unwrap()
            .contains("O=sigstore.dev"),
        "{found}"
    );
    assert_eq!(found["authority"], "yes: it may issue others");
    let pem = pem::encode_certificate(der);
    assert_eq!(json_of(pem.as_bytes()), found);
    assert_eq!(json_of(STANDARD.encode(&pem).as_bytes()), found);
    let chain = json_of([pem.as_str(), pem.as_str()].concat().as_bytes());
    assert_eq!(chain["certificate"], json!([found, found]));
}

#[test]
fn keys_and_signatures_of_other_tools_are_read() {
    assert_eq!(json_of(PUBLIC_KEY.as_bytes())["format"], "x509");
    let (block, _) = pem::parse_first(PUBLIC_KEY.as_bytes()).unwrap();
    assert_eq!(json_of(&block.der)["format"], "SubjectPublicKeyInfo");
    let minisign = "untrusted comment: minisign public key\n\
        RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
    assert_eq!(json_of(minisign.as_bytes())["format"], "minisign");
    let ssh = "ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b";
    assert_eq!(json_of(ssh.as_bytes())["belongsTo"], json!(["a@b"]));
}

#[test]
fn trust_files_and_metadata_are_read() {
    let root = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    let found = json_of(root.as_bytes());
    assert_eq!(found["is"], "trusted root");
    let logs = trusted_root().tlogs.len();
    assert_eq!(found["log"].as_array().unwrap().len(), logs);
    let targets = json!({"signed": {"_type": "targets", "spec_version": "1.0.31", "version": 3,
        "expires": "2030-01-01T00:00:00Z", "targets": {
            "a.json": {"length": 5, "hashes": {"sha256": "ab".repeat(32)}}}},
        "signatures": [{"keyid": "ab".repeat(32), "sig": ""}]});
    let found = json_of(targets.to_string().as_bytes());
    assert_eq!(found["is"], "TUF metadata: targets");
    assert_eq!(found["version"], 3);
    assert_eq!(found["expires"], "2030-01-01T00:00:00Z");
}

#[test]
fn a_private_key_is_not_shown() {
    let pem = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nMAA=\n";
    assert_eq!(inspect(pem.as_bytes()), Err(InspectError::Secret));
}

#[test]
fn what_is_nothing_or_broken_is_said_to_be() {
    for unknown in [
        &b""[..],
        b"{\"a\":1}",
        b"\x00\x01",
        b"\x30\x00",
        b"plain words.",
    ] {
        assert_eq!(inspect(unknown), Err(InspectError::Unknown), "{unknown:?}");
    }
    let mut broken = bundle(&[entry()]);
    broken["verificationMaterial"]["tlogEntries"][0]["logId"] = Value::Null;
    let error = inspect(broken.to_string().as_bytes()).unwrap_err();
    assert!(
        matches!(error, InspectError::Malformed { kind: "bundle", .. }),
        "{error:?}"
    );
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let mut hostile = bundle(&[]);
    hostile["verificationMaterial"]["publicKey"]["hint"] = "\u{1b}]0;owned\u{7}\u{202e}".into();
    let facts = inspect(hostile.to_string().as_bytes()).unwrap();
    let shown = facts.to_string();
    assert!(shown.contains("\\u{1b}]0;owned\\u{7}\\u{202e}"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']));
}

/// Whatever happens to a file on its way, it is shown or refused, and never acts on the terminal.
#[test]
fn damaged_files_are_shown_or_refused() {
    let root = trusted_root();
    let certificate = &root.certificate_authorities[0].cert_chain[0];
    let samples = [
        bundle(&[entry()]).to_string().into_bytes(),
        br#"{"base64Signature":"MAA="}"#.to_vec(),
        checkpoint().into_bytes(),
        signer().verifier().to_string().into_bytes(),
        certificate.clone(),
        PUBLIC_KEY.as_bytes().to_vec(),
    ];
    for sample in samples {
        assert!(inspect(&sample).is_ok());
        for at in 0..sample.len() {
            let _refused = inspect(&sample[..at]);
            for flip in [0x01, 0x1b, 0x80] {
                let mut damaged = sample.clone();
                damaged[at] ^= flip;
                let Ok(facts) = inspect(&damaged) else {
                    continue;
                };
                let shown = facts.to_string();
                let is_bad = |c: char| c.is_control() && c != '\n';
                assert!(!shown.contains(is_bad), "{shown:?}");
            }
        }
    }
}

/// Real bundles have certificates, promises and timestamps that the others above have not.
#[test]
fn real_bundles_are_shown() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/conformance/bundle-verify"
    );
    let Ok(cases) = fs::read_dir(Path::new(folder)) else {
        crate::output::note(format_args!("SKIPPED: no conformance data at {folder}"));
        return;
    };
    let (mut signers, mut promises, mut timestamps) = (0, 0, 0);
    for case in cases.map(|case| case.unwrap().path()) {
        let Ok(bytes) = fs::read(case.join("bundle.sigstore.json")) else {
            continue;
        };
        let Ok(facts) = inspect(&bytes) else {
            continue;
        };
        let found = facts.to_json();
        signers += usize::from(found["signer"]["issuer"].is_string());
        promises += usize::from(found["signer"]["promise"][0]["time"].is_string());
        timestamps += usize::from(found["timestamp"][0]["time"].is_string());
    }
    let counts = [signers, promises, timestamps];
    assert!(
        signers >= 20 && promises >= 20 && timestamps >= 5,
        "{counts:?}"
    );
}
