//! Reading and writing trusted roots: refusals one by one, and the files of real instances.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::time::UnixSeconds;
use crate::time_range::ProtoTime;

fn range(start: u64, end: Option<u64>) -> TimeRange {
    let time = |seconds| ProtoTime::from_seconds(UnixSeconds::new(seconds)).unwrap();
    TimeRange {
        start: time(start),
        end: end.map(time),
    }
}

fn example() -> TrustedRoot {
    let authority = AuthorityInstance {
        subject: AuthoritySubject {
            organization: "priv.example".to_owned(),
            common_name: "ca".to_owned(),
        },
        uri: "https://priv.example".to_owned(),
        cert_chain: vec![vec![1, 2], vec![3]],
        valid_for: range(1_767_225_600, None),
        operator: "priv.example".to_owned(),
    };
    let url = "https://priv.example".to_owned();
    let old = range(1_700_000_000, Some(1_767_225_600));
    TrustedRoot {
        tlogs: vec![
            TransparencyLogInstance::with_p256_key(url.clone(), vec![4; 91], old),
            TransparencyLogInstance::with_note_key(url.clone(), "priv.example", &[7; 32], old),
        ],
        certificate_authorities: vec![authority.clone()],
        ctlogs: vec![TransparencyLogInstance::with_p256_key(
            url,
            vec![5; 91],
            range(0, None),
        )],
        timestamp_authorities: vec![authority],
    }
}

fn example_json() -> Value {
    serde_json::from_slice(&example().encode()).unwrap()
}

/// What the file is refused with after a change.
fn refusal(change: impl Fn(&mut Value)) -> String {
    let mut json = example_json();
    change(&mut json);
    let text = json.to_string();
    TrustedRoot::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_is_written_can_be_published_and_read() {
    assert_eq!(example().check_publishable(), Ok(()));
    assert_eq!(TrustedRoot::parse(&example().encode()), Ok(example()));
    let empty = TrustedRoot::default();
    assert_eq!(TrustedRoot::parse(&empty.encode()), Ok(empty));
}

/// The exact form that clients were seen to accept.
#[test]
fn the_written_form() {
    let json = example_json();
    assert_eq!(
        json["mediaType"],
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    );
    let log = json!({
        "baseUrl": "https://priv.example",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode([&ED25519_PREFIX[..], &[7; 32]].concat()),
            "keyDetails": "PKIX_ED25519",
            "validFor": {"start": "2023-11-14T22:13:20Z", "end": "2026-01-01T00:00:00Z"},
        },
        "logId": {"keyId": STANDARD.encode(example().tlogs[1].log_id)},
    });
    assert_eq!(json["tlogs"][1], log);
    let authority = json!({
        "subject": {"organization": "priv.example", "commonName": "ca"},
        "uri": "https://priv.example",
        "certChain": {"certificates": [{"rawBytes": "AQI="}, {"rawBytes": "Aw=="}]},
        "validFor": {"start": "2026-01-01T00:00:00Z"},
        "operator": "priv.example",
    });
    assert_eq!(json["certificateAuthorities"], json!([authority]));
    let text = String::from_utf8(example().encode()).unwrap();
    assert!(text.starts_with("{\n  \"mediaType\": ") && text.ends_with("\n}\n"));
}

const ED25519_PREFIX: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];

/// Key and id of the public instance's log of 2025, from its trusted root.
#[test]
fn the_id_of_a_real_log() {
    let key = STANDARD
        .decode("t8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=")
        .unwrap();
    let log = TransparencyLogInstance::with_note_key(
        "https://log2025-1.rekor.sigstore.dev".to_owned(),
        "log2025-1.rekor.sigstore.dev",
        &key.try_into().unwrap(),
        range(0, None),
    );
    let id = STANDARD.encode(log.log_id);
    assert_eq!(id, "zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=");
}

/// A field, what it is changed to, and how the refusal begins.
const REFUSED: [(&str, &str, &str); 19] = [
    ("/mediaType", r#""x""#, "mediaType: found \"x\""),
    ("/mediaType", "null", "mediaType: found \"\""),
    ("/tlogs", "{}", "tlogs: found an object, wanted a list"),
    (
        "/tlogs/0/hashAlgorithm",
        r#""SHA2_512""#,
        "tlogs[0].hashAlgorithm: found hash",
    ),
    (
        "/tlogs/0/hashAlgorithm",
        "null",
        "tlogs[0].hashAlgorithm: found hash",
    ),
    ("/tlogs/0/baseUrl", r#""""#, "tlogs[0].baseUrl: missing"),
    ("/tlogs/0/publicKey", "null", "tlogs[0].publicKey: missing"),
    (
        "/tlogs/0/publicKey/rawBytes",
        r#""""#,
        "tlogs[0].publicKey.rawBytes: missing",
    ),
    (
        "/tlogs/0/publicKey/keyDetails",
        r#""ML_DSA_65""#,
        "tlogs[0].publicKey.keyDetails: found ML_DSA_65 (21)",
    ),
    (
        "/tlogs/0/publicKey/validFor",
        "null",
        "tlogs[0].publicKey.validFor: missing",
    ),
    (
        "/tlogs/0/publicKey/validFor/start",
        "null",
        "tlogs[0].publicKey.validFor.start: missing",
    ),
    (
        "/tlogs/0/publicKey/validFor/start",
        r#""yesterday""#,
        "tlogs[0].publicKey.validFor.start: \"yesterday\" is not a time",
    ),
    (
        "/tlogs/0/publicKey/validFor/end",
        r#""2000-01-01T00:00:00Z""#,
        "tlogs[0].publicKey.validFor: ends before",
    ),
    ("/tlogs/0/logId", "null", "tlogs[0].logId: missing"),
    (
        "/tlogs/0/logId/keyId",
        r#""AQI=""#,
        "tlogs[0].logId: 2 bytes, wanted 32",
    ),
    (
        "/certificateAuthorities/0/certChain",
        "null",
        "certificateAuthorities[0].certChain: missing",
    ),
    (
        "/certificateAuthorities/0/certChain/certificates",
        "[]",
        "certificateAuthorities[0].certChain.certificates: missing",
    ),
    (
        "/certificateAuthorities/0/certChain/certificates/1/rawBytes",
        "7",
        "certificateAuthorities[0].certChain.certificates[1].rawBytes: found a number",
    ),
    (
        "/timestampAuthorities/0/validFor/start",
        "null",
        "timestampAuthorities[0].validFor.start: missing",
    ),
];

#[test]
fn what_is_refused() {
    let refused = |pointer: &'static str, value: Value| {
        refusal(|json| *json.pointer_mut(pointer).unwrap() = value.clone())
    };
    for (pointer, value, wanted) in REFUSED {
        let value = serde_json::from_str(value).unwrap();
        let found = refused(pointer, value);
        assert!(found.starts_with(wanted), "{pointer}: {found}");
    }
    let unknown = refusal(|json| json["extra"] = json!(1));
    assert!(unknown.contains("unknown field \"extra\""), "{unknown}");
    let same = refusal(|json| json["tlogs"][1]["logId"] = json["tlogs"][0]["logId"].clone());
    assert!(
        same.starts_with("tlogs[1].logId: the same id as tlogs[0]"),
        "{same}"
    );
    let long = vec![b' '; crate::TRUST_FILE_LEN_BYTES_MAX + 1];
    let refused = TrustedRoot::parse(&long).unwrap_err();
    assert!(matches!(refused, TrustFileError::TooLong { .. }));
}

#[test]
fn what_is_not_published() {
    let mut scheme = example();
    scheme.tlogs[1].base_url = "priv.example".to_owned();
    let found = scheme.check_publishable().unwrap_err().to_string();
    assert!(
        found.starts_with("tlogs[1].baseUrl: \"priv.example\" is not a URL"),
        "{found}"
    );
    assert!(
        TrustedRoot::parse(&scheme.encode()).is_ok(),
        "others may write it"
    );
    let mut short = example();
    short.timestamp_authorities[0].cert_chain.truncate(1);
    assert!(matches!(
        short.check_publishable(),
        Err(TrustFileError::Missing { .. })
    ));
    let mut twice = example();
    twice.ctlogs.push(twice.ctlogs[0].clone());
    assert!(matches!(
        twice.check_publishable(),
        Err(TrustFileError::SameLogId { .. })
    ));
}

/// Each trusted root of the conformance suite, and that of the public instance.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn real_files_are_read_and_lose_nothing() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/conformance"
    ));
    let Ok(cases) = fs::read_dir(folder.join("bundle-verify")) else {
        eprintln!("SKIPPED: no {}", folder.display());
        return;
    };
    let mut paths: Vec<PathBuf> = cases
        .map(|case| case.unwrap().path().join("trusted_root.json"))
        .filter(|path| path.exists())
        .collect();
    assert!(paths.len() > 20, "{} files", paths.len());
    paths.push(folder.join("trust/production_trusted_root.json"));
    for path in paths {
        let json = fs::read(&path).unwrap();
        let parsed = TrustedRoot::parse(&json);
        if path.to_string_lossy().contains("missing-validity-start") {
            let error = parsed.unwrap_err().to_string();
            assert!(
                error.ends_with("validFor.start: missing or empty"),
                "{error}"
            );
            continue;
        }
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(TrustedRoot::parse(&parsed.encode()).as_ref(), Ok(&parsed));
        let count = |text: &[u8]| {
            let text = String::from_utf8(text.to_vec()).unwrap();
            ["rawBytes", "keyId", "start", "Z\"", "organization"].map(|w| text.matches(w).count())
        };
        assert_eq!(count(&parsed.encode()), count(&json), "{}", path.display());
    }
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused_or_changes_the_value(at in 0_usize..3000, to in any::<u8>()) {
        let mut json = example().encode();
        let at = at % json.len();
        json[at] = to;
        if let Ok(parsed) = TrustedRoot::parse(&json) {
            prop_assert_eq!(TrustedRoot::parse(&parsed.encode()), Ok(parsed));
        }
    }
}
