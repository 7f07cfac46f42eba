//! Metadata of the public instance, and refusals one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::key_details::KeyDetails;
use crate::test_keys::{TestKey, key};
use crate::time::UnixSeconds;

fn p256() -> &'static TestKey {
    key(KeyDetails::EcdsaP256Sha256)
}

fn tuf_key() -> TufKey {
    TufKey::from_spki_der(&p256().spki).unwrap()
}

fn root() -> Root {
    let single = RoleKeys::single(&tuf_key());
    Root {
        version: Version::FIRST,
        expires: UnixSeconds::new(1_800_000_000),
        keys: BTreeMap::from([(tuf_key().id(), tuf_key())]),
        root: single.clone(),
        targets: single.clone(),
        snapshot: single.clone(),
        timestamp: single,
    }
}

fn signed(mut envelope: Envelope) -> Envelope {
    let signature = p256().sign(envelope.signed_bytes());
    envelope.add_signature(tuf_key().id(), signature);
    envelope
}

#[test]
fn what_is_written_is_read() {
    let root = root();
    let file = signed(root.unsigned());
    assert_eq!(Envelope::parse(&file.encode()), Ok(file.clone()));
    assert_eq!(Root::verify_first(&file), Ok(root));
    let expires = UnixSeconds::new(1_800_000_000);
    let version = Version::new(7).unwrap();
    let files = BTreeMap::from([("a.json".to_owned(), TargetFile::of(b"abc"))]);
    let targets = Targets {
        version,
        expires,
        files,
    };
    assert_eq!(Targets::read(&targets.unsigned()), Ok(targets));
    let snapshot = Snapshot {
        version,
        expires,
        targets: Version::FIRST,
    };
    assert_eq!(Snapshot::read(&snapshot.unsigned()), Ok(snapshot.clone()));
    let timestamp = Timestamp {
        version,
        expires,
        snapshot: version,
    };
    assert_eq!(Timestamp::read(&timestamp.unsigned()), Ok(timestamp));
    let error = Timestamp::read(&snapshot.unsigned()).unwrap_err();
    assert_eq!(error.to_string(), "_type: wanted timestamp");
}

/// The form that clients were seen to accept.
#[test]
fn the_written_form() {
    let pem = tuf_key().to_value()["keyval"]["public"].clone();
    let id = tuf_key().id();
    let role = json!({"keyids": [id], "threshold": 1});
    let wanted = json!({
        "_type": "root",
        "spec_version": "1.0.31",
        "version": 1,
        "consistent_snapshot": true,
        "expires": "2027-01-15T08:00:00Z",
        "keys": {id.clone(): {
            "keytype": "ecdsa",
            "scheme": "ecdsa-sha2-nistp256",
            "keyval": {"public": pem},
        }},
        "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role},
    });
    assert_eq!(root().unsigned().signed(), &wanted);
    assert_eq!(Role::Root.path(Version::FIRST), "1.root.json");
    assert_eq!(Role::Timestamp.path(Version::FIRST), "timestamp.json");
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(
        TargetFile::of(b"abc").path("n"),
        format!("targets/{hash}.n")
    );
}

#[test]
fn signatures_count_once_and_only_by_the_right_keys() {
    let file = root().unsigned();
    let unsigned = Root::verify_first(&file).unwrap_err();
    let wanted = "root has 0 good signatures by keys of root 1, wanted 1";
    assert_eq!(unsigned.to_string(), wanted);
    let mut stranger = file.clone();
    stranger.add_signature("00".repeat(32), signed(file.clone()).encode());
    assert!(Root::verify_first(&stranger).is_err());
    let mut two = root();
    two.root.threshold = 2;
    assert!(Root::verify_first(&signed(two.unsigned())).is_err());
    let mut elsewhere = root();
    elsewhere.root.key_ids = BTreeSet::from(["11".repeat(32)]);
    assert!(Root::verify_first(&signed(elsewhere.unsigned())).is_err());
}

#[test]
fn roots_follow_one_another() {
    let mut next = root();
    next.version = Version::new(2).unwrap();
    assert_eq!(
        root().verify_next(&signed(next.unsigned())),
        Ok(next.clone())
    );
    next.version = Version::new(3).unwrap();
    let error = root().verify_next(&signed(next.unsigned())).unwrap_err();
    assert_eq!(error.to_string(), "root has version 3, wanted 2");
    let error = root().verify_next(&signed(root().unsigned())).unwrap_err();
    assert_eq!(error.to_string(), "root has version 1, wanted 2");
}

/// A field of a root, what it is changed to, and how the refusal begins.
const REFUSED: [(&str, &str, &str); 16] = [
    ("/signed", "1", "signed: wanted an object"),
    ("/signatures", "{}", "signatures: wanted a list"),
    (
        "/signatures/0/sig",
        r#""0""#,
        "signatures[].sig: wanted hex digits",
    ),
    (
        "/signatures/0/sig",
        r#""xx""#,
        "signatures[].sig: wanted hex digits",
    ),
    (
        "/signatures/0/keyid",
        "1",
        "signatures[].keyid: wanted a string",
    ),
    ("/signed/_type", r#""targets""#, "_type: wanted root"),
    (
        "/signed/spec_version",
        r#""2.0.0""#,
        "spec_version: wanted version 1",
    ),
    ("/signed/version", "0", "version: wanted a number from 1"),
    (
        "/signed/version",
        "1.5",
        "the number 1.5 has no canonical form",
    ),
    (
        "/signed/expires",
        r#""2027-01-15T08:00:00.5Z""#,
        "expires: wanted a time",
    ),
    ("/signed/expires", r#""soon""#, "expires: wanted a time"),
    (
        "/signed/consistent_snapshot",
        "false",
        "consistent_snapshot: wanted true",
    ),
    (
        "/signed/roles/root/threshold",
        "0",
        "threshold: wanted a number from 1",
    ),
    (
        "/signed/roles/root/keyids",
        r#"["a", "a"]"#,
        "roles.root.keyids: wanted each key once",
    ),
    (
        "/signed/roles/targets",
        "null",
        "roles.targets: wanted an object",
    ),
    ("/signed/keys/KEY/keyval/public", r#""no pem""#, "keys."),
];

#[test]
fn what_is_refused() {
    let good = signed(root().unsigned()).to_value();
    let id = tuf_key().id();
    for (pointer, value, wanted) in REFUSED {
        let pointer = pointer.replace("KEY", &id);
        let mut json = good.clone();
        *json.pointer_mut(&pointer).unwrap() = serde_json::from_str(value).unwrap();
        let found = Envelope::parse(json.to_string().as_bytes())
            .and_then(|file| Root::read(&file))
            .unwrap_err()
            .to_string();
        assert!(found.starts_with(wanted), "{pointer}: {found}");
    }
    let mut twice = good.clone();
    let signature = twice["signatures"][0].clone();
    twice["signatures"].as_array_mut().unwrap().push(signature);
    let error = Envelope::from_value(&twice).unwrap_err();
    assert!(matches!(error, TufError::SignedTwice { .. }));
    let mut alias = good;
    alias["signed"]["keys"]["00"] = alias["signed"]["keys"][&id].clone();
    let error = Root::read(&Envelope::from_value(&alias).unwrap()).unwrap_err();
    let found = error.to_string();
    assert!(found.ends_with(": wanted each key under one id"), "{found}");
    let long = vec![b' '; METADATA_LEN_BYTES_MAX + 1];
    assert!(matches!(
        Envelope::parse(&long),
        Err(TufError::TooLong { .. })
    ));
}

#[test]
fn only_p256_keys_sign() {
    let other = key(KeyDetails::EcdsaP384Sha384);
    let error = TufKey::from_spki_der(&other.spki).unwrap_err();
    assert!(error.to_string().ends_with("it is ecdsa p-384"), "{error}");
    let mut root = root().unsigned().to_value();
    root["signed"]["keys"]["22"] = json!({
        "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00"},
    });
    let read = Root::read(&Envelope::from_value(&root).unwrap()).unwrap();
    assert_eq!(read.keys.len(), 1, "a key of another kind is left out");
}

/// The public instance's root, with five keys of which three must sign, and fields of its own.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn a_real_root_verifies() {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/conformance/trust/production_tuf_root.json"
    ));
    let Ok(json) = fs::read(&path) else {
        eprintln!("SKIPPED: no {}", path.display());
        return;
    };
    let file = Envelope::parse(&json).unwrap();
    let root = Root::verify_first(&file).unwrap();
    assert_eq!((root.root.threshold, root.root.key_ids.len()), (3, 5));
    assert!(file.signer_ids().count() >= 3);
    let mut changed = file.to_value();
    changed["signed"]["version"] = json!(root.version.next().get());
    let changed = Envelope::from_value(&changed).unwrap();
    let error = Root::verify_first(&changed).unwrap_err();
    assert!(
        error.to_string().contains("has 0 good signatures"),
        "{error}"
    );
}
