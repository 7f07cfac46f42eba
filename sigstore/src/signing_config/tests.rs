//! Reading and writing signing configs and client trust configs.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::time::UnixSeconds;
use crate::time_range::ProtoTime;

fn service(url: &str, major_api_version: u32) -> Service {
    let start = ProtoTime::from_seconds(UnixSeconds::new(1_767_225_600)).unwrap();
    Service {
        url: url.to_owned(),
        major_api_version,
        valid_for: TimeRange::starting(start),
        operator: "priv.example".to_owned(),
    }
}

fn example() -> SigningConfig {
    SigningConfig {
        ca_urls: vec![service("https://priv.example", 1)],
        oidc_urls: vec![service("https://login.example", 1)],
        rekor_tlog_urls: vec![service("https://priv.example", 2)],
        tsa_urls: vec![service("http://127.0.0.1:8080/api/v1/timestamp", 1)],
        rekor_tlog_config: Selector::Any,
        tsa_config: Selector::Exact(2),
    }
}

fn refusal(change: impl Fn(&mut Value)) -> String {
    let mut json: Value = serde_json::from_slice(&example().encode()).unwrap();
    change(&mut json);
    let text = json.to_string();
    SigningConfig::parse(text.as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn the_written_form() {
    let json: Value = serde_json::from_slice(&example().encode()).unwrap();
    let service = |url: &str, version: u32| {
        json!([{
            "url": url,
            "majorApiVersion": version,
            "validFor": {"start": "2026-01-01T00:00:00Z"},
            "operator": "priv.example",
        }])
    };
    let wanted = json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service("https://priv.example", 1),
        "oidcUrls": service("https://login.example", 1),
        "rekorTlogUrls": service("https://priv.example", 2),
        "tsaUrls": service("http://127.0.0.1:8080/api/v1/timestamp", 1),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "EXACT", "count": 2},
    });
    assert_eq!(json, wanted);
    assert_eq!(SigningConfig::parse(&example().encode()), Ok(example()));
}

#[test]
fn what_is_refused() {
    for (pointer, value, wanted) in [
        ("/mediaType", json!("x"), "mediaType: found \"x\""),
        ("/caUrls/0/url", json!(""), "caUrls[0].url: missing"),
        (
            "/caUrls/0/url",
            json!("priv.example"),
            "caUrls[0].url: \"priv.example\" is not a URL",
        ),
        (
            "/caUrls/0/url",
            json!("https://"),
            "caUrls[0].url: \"https://\" is not a URL",
        ),
        (
            "/caUrls/0/url",
            json!("https://:80/"),
            "caUrls[0].url: \"https://:80/\" is not",
        ),
        (
            "/caUrls/0/url",
            json!("https://a b"),
            "caUrls[0].url: \"https://a b\" is not a URL",
        ),
        (
            "/caUrls/0/majorApiVersion",
            json!(0),
            "caUrls[0].majorApiVersion: found 0, wanted",
        ),
        (
            "/caUrls/0/majorApiVersion",
            json!("1"),
            "caUrls[0].majorApiVersion: found ",
        ),
        (
            "/caUrls/0/majorApiVersion",
            Value::Null,
            "caUrls[0].majorApiVersion: missing",
        ),
        (
            "/tsaUrls/0/validFor",
            Value::Null,
            "tsaUrls[0].validFor: missing",
        ),
        (
            "/tsaUrls/0/validFor/start",
            Value::Null,
            "tsaUrls[0].validFor.start: missing",
        ),
        ("/tsaConfig", Value::Null, "tsaConfig: missing"),
        (
            "/tsaConfig/selector",
            json!("SOME"),
            "tsaConfig.selector: unknown name \"SOME\"",
        ),
        (
            "/tsaConfig/selector",
            json!(0),
            "tsaConfig.selector: found selector 0",
        ),
        (
            "/tsaConfig/count",
            json!(0),
            "tsaConfig.count: found 0, wanted a number from 1",
        ),
    ] {
        let found = refusal(|json| *json.pointer_mut(pointer).unwrap() = value.clone());
        assert!(found.starts_with(wanted), "{pointer}: {found}");
    }
}

#[test]
fn a_client_trust_config_has_both_parts() {
    let config = ClientTrustConfig {
        trusted_root: TrustedRoot::default(),
        signing_config: example(),
    };
    let json = config.encode();
    assert_eq!(ClientTrustConfig::parse(&json), Ok(config));
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["mediaType"], CLIENT_TRUST_CONFIG_MEDIA_TYPE);
    for part in ["trustedRoot", "signingConfig"] {
        let mut json = json.clone();
        json[part] = Value::Null;
        let found = ClientTrustConfig::parse(json.to_string().as_bytes()).unwrap_err();
        assert_eq!(found.to_string(), format!("{part}: missing or empty"));
    }
}

/// Both signing configs of the public instance.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn real_files_are_read() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/conformance/trust"
    ));
    if !folder.exists() {
        eprintln!("SKIPPED: no {}", folder.display());
        return;
    }
    for (name, logs) in [
        ("signing_config.v0.2.json", 1),
        ("signing_config_rekor_v2.v0.2.json", 2),
    ] {
        let json = fs::read(folder.join(name)).unwrap();
        let config = SigningConfig::parse(&json).unwrap();
        assert_eq!(config.rekor_tlog_urls.len(), logs);
        assert_eq!(SigningConfig::parse(&config.encode()), Ok(config));
    }
}
