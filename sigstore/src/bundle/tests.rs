//! Each shape of a bundle there and back, each way for one to be wrong, and the bundles of the
//! Sigstore conformance suite where they are at hand.

use serde_json::{Value, json};

use super::*;

/// The smallest message bundle of version 0.3, with a made-up entry.
fn message_bundle() -> Value {
    json!({
        "mediaType": BundleFormat::V03.media_type(),
        "verificationMaterial": {
            "certificate": { "rawBytes": "MAA=" },
            "tlogEntries": [entry(0)],
            "timestampVerificationData": { "rfc3161Timestamps": [{ "signedTimestamp": "MAA=" }] }
        },
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
            },
            "signature": "MAA="
        }
    })
}

fn entry(index: u64) -> Value {
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    json!({
        "logIndex": index.to_string(),
        "logId": { "keyId": hash },
        "kindVersion": { "kind": "hashedrekord", "version": "0.0.2" },
        "integratedTime": "0",
        "inclusionPromise": { "signedEntryTimestamp": "MAA=" },
        "inclusionProof": {
            "logIndex": index.to_string(),
            "rootHash": hash,
            "treeSize": "40",
            "hashes": [hash],
            "checkpoint": { "envelope": "log\n" }
        },
        "canonicalizedBody": "e30="
    })
}

fn envelope() -> Value {
    json!({
        "payload": "e30=",
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{ "sig": "MAA=", "keyid": "" }]
    })
}

/// A bundle with one value replaced, or taken away by a null.
fn with(pointer: &str, value: Value) -> Value {
    let mut bundle = message_bundle();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = bundle.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        parent => parent[field] = value,
    }
    bundle
}

fn parse(bundle: &Value) -> Result<SigstoreBundle, BundleError> {
    SigstoreBundle::parse(bundle.to_string().as_bytes())
}

#[track_caller]
fn refused(bundle: &Value, wanted: &str) {
    let said = parse(bundle).unwrap_err().to_string();
    assert!(said.contains(wanted), "{said}");
}

const MATERIAL: &str = "/verificationMaterial";

#[test]
fn every_shape_comes_back() {
    let mut keyed = message_bundle();
    keyed["verificationMaterial"] = json!({ "publicKey": { "hint": "k" }, "tlogEntries": [] });
    let mut enveloped = message_bundle();
    enveloped
        .as_object_mut()
        .unwrap()
        .remove("messageSignature");
    enveloped["dsseEnvelope"] = envelope();
    let mut old = message_bundle();
    old["mediaType"] = BundleFormat::V01.media_type().into();
    let chain = [json!({ "rawBytes": "MAA=" }), json!({ "rawBytes": "MAE=" })];
    old["verificationMaterial"] = json!({
        "x509CertificateChain": { "certificates": chain },
        "tlogEntries": [entry(1)],
    });
    let mut without_hint = message_bundle();
    without_hint["messageSignature"]["messageDigest"] = Value::Null;
    for bundle in [message_bundle(), keyed, enveloped, old, without_hint] {
        let parsed = parse(&bundle).unwrap();
        let written = parsed.encode();
        assert_eq!(SigstoreBundle::parse(&written).unwrap(), parsed);
        assert!(written.starts_with(br#"{"mediaType":"application/vnd.dev.sigstore.bundle"#));
    }
}

#[test]
fn what_is_written_has_the_fields_of_the_definition_and_no_others() {
    let written: Value =
        serde_json::from_slice(&parse(&message_bundle()).unwrap().encode()).unwrap();
    assert_eq!(written, message_bundle());
}

#[test]
fn both_spellings_of_version_0_3_are_read_and_one_is_written() {
    let old = "application/vnd.dev.sigstore.bundle+json;version=0.3";
    let parsed = parse(&with("/mediaType", old.into())).unwrap();
    assert_eq!(parsed.format, BundleFormat::V03);
    assert_eq!(parsed, parse(&message_bundle()).unwrap());
}

#[test]
fn other_media_types_are_refused() {
    for wrong in [
        "",
        "application/json",
        "application/vnd.dev.sigstore.bundle+json;version=0.4",
    ] {
        refused(&with("/mediaType", wrong.into()), "mediaType: found ");
    }
}

#[test]
fn a_bundle_has_one_signer() {
    let chain = json!({ "certificates": [{ "rawBytes": "MAA=" }] });
    refused(
        &with(&format!("{MATERIAL}/x509CertificateChain"), chain.clone()),
        "both x509CertificateChain and certificate are set",
    );
    refused(
        &with(&format!("{MATERIAL}/publicKey"), json!({})),
        "both publicKey and certificate are set",
    );
    refused(
        &with(&format!("{MATERIAL}/certificate"), Value::Null),
        "verificationMaterial.certificate: missing",
    );
    let mut chained = with(&format!("{MATERIAL}/certificate"), Value::Null);
    chained["verificationMaterial"]["x509CertificateChain"] = chain;
    refused(&chained, "a bundle of version 0.3 has one certificate");
    chained["mediaType"] = BundleFormat::V02.media_type().into();
    assert!(parse(&chained).is_ok());
    chained["verificationMaterial"]["x509CertificateChain"] = json!({ "certificates": [] });
    refused(
        &chained,
        "x509CertificateChain.certificates: missing or empty",
    );
}

#[test]
fn a_bundle_has_one_signature() {
    refused(
        &with("/dsseEnvelope", envelope()),
        "both messageSignature and dsseEnvelope are set",
    );
    refused(
        &with("/messageSignature", Value::Null),
        "messageSignature: missing",
    );
    refused(
        &with("/messageSignature/signature", "".into()),
        "messageSignature.signature: missing",
    );
    let mut enveloped = with("/messageSignature", Value::Null);
    for (count, signatures) in [
        (0, json!([])),
        (2, json!([{ "sig": "AA==" }, { "sig": "AQ==" }])),
    ] {
        enveloped["dsseEnvelope"] = envelope();
        enveloped["dsseEnvelope"]["signatures"] = signatures;
        refused(
            &enveloped,
            &format!("{count} signatures, wanted exactly one"),
        );
    }
}

#[test]
fn a_digest_has_the_length_of_its_algorithm() {
    let pointer = "/messageSignature/messageDigest";
    refused(
        &with(
            pointer,
            json!({ "algorithm": "SHA2_512", "digest": "AAAA" }),
        ),
        "3 bytes, SHA2_512 has digests of 64",
    );
    refused(
        &with(pointer, json!({ "algorithm": 7, "digest": "AAAA" })),
        "hash algorithm 7, wanted SHA2_256",
    );
    refused(
        &with(pointer, json!({ "algorithm": "MD5", "digest": "AAAA" })),
        "unknown name \"MD5\"",
    );
}

#[test]
fn each_version_has_what_it_relies_on() {
    let entry_pointer = "/verificationMaterial/tlogEntries/0";
    let mut no_proof = entry(1);
    no_proof["inclusionProof"] = Value::Null;
    refused(
        &with(entry_pointer, no_proof.clone()),
        "tlogEntries[0].inclusionProof: missing",
    );
    let mut no_checkpoint = entry(1);
    no_checkpoint["inclusionProof"]["checkpoint"] = Value::Null;
    refused(
        &with(entry_pointer, no_checkpoint.clone()),
        "tlogEntries[0]: inclusionProof.checkpoint: missing",
    );
    for unsigned in [no_proof, no_checkpoint] {
        let mut old = with(entry_pointer, unsigned);
        old["mediaType"] = BundleFormat::V01.media_type().into();
        let entries = parse(&old).unwrap().log_entries;
        assert_eq!(entries[0].inclusion_proof, None);
        old["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"] = Value::Null;
        refused(&old, "tlogEntries[0].inclusionPromise: missing");
    }
    // Else one letter would make a proof one that nobody looks at.
    let mut misspelt = entry(1);
    let checkpoint = misspelt["inclusionProof"]["checkpoint"].take();
    misspelt["inclusionProof"] = json!({ "checkpoin4": checkpoint });
    let mut old = with(entry_pointer, misspelt);
    old["mediaType"] = BundleFormat::V01.media_type().into();
    refused(
        &old,
        "tlogEntries[0]: inclusionProof: unknown field \"checkpoin4\"",
    );
}

#[test]
fn nothing_is_there_twice_or_without_end() {
    let entries = format!("{MATERIAL}/tlogEntries");
    refused(
        &with(&entries, json!([entry(1), entry(2), entry(1)])),
        "tlogEntries[2]: the same as an item before it",
    );
    let many: Vec<Value> = (0..33).map(entry).collect();
    refused(
        &with(&entries, many.into()),
        "tlogEntries: 33 items, at most 32",
    );
    let twice = json!({ "rfc3161Timestamps": [
        { "signedTimestamp": "MAA=" }, { "signedTimestamp": "MAA=" }
    ] });
    refused(
        &with(&format!("{MATERIAL}/timestampVerificationData"), twice),
        "rfc3161Timestamps[1]: the same as an item before it",
    );
}

#[test]
fn indices_are_not_negative_and_fields_are_known() {
    refused(
        &with("/verificationMaterial/tlogEntries/0/logIndex", "-1".into()),
        "tlogEntries[0]: logIndex: \"-1\"",
    );
    refused(
        &with("/comment", "x".into()),
        "bundle: unknown field \"comment\"",
    );
    let twice = message_bundle()
        .to_string()
        .replacen('{', r#"{"mediaType":"","#, 1);
    assert!(SigstoreBundle::parse(twice.as_bytes()).is_err());
}

/// Bundles that other people's signers wrote.
#[test]
fn real_bundles_come_back() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/conformance/bundle-verify"
    );
    let Ok(cases) = std::fs::read_dir(folder) else {
        say(&format!("SKIPPED: no conformance data at {folder}"));
        return;
    };
    let mut count = 0;
    for case in cases {
        let path = case.unwrap().path().join("bundle.sigstore.json");
        let Ok(json) = std::fs::read(&path) else {
            continue;
        };
        match SigstoreBundle::parse(&json) {
            Ok(bundle) => {
                count += 1;
                let again = SigstoreBundle::parse(&bundle.encode());
                assert_eq!(again.unwrap(), bundle, "{}", path.display());
            }
            Err(error) => assert!(
                path.parent().unwrap().to_string_lossy().ends_with("_fail"),
                "{}: {error}",
                path.display()
            ),
        }
    }
    assert!(count >= 40, "{count}");
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn say(text: &str) {
    eprintln!("{text}");
}
