//! The load tool against a real server: it counts, and it finds nothing wrong.

use std::process::{Command, Output};

use cairn_tests::cairnd::{Data, Server, load_tool, said};
use serde_json::Value;

/// Seconds of each run; what is measured in so short a time is not looked at.
const SECONDS: &str = "1";

fn run(server: &Server, path: &str, args: &[&str]) -> Output {
    let url = format!("{}{path}", server.url());
    let pid = server.pid().to_string();
    let mut command = Command::new(load_tool());
    command.args(["--url", &url, "--pid", &pid, "--seconds", SECONDS]);
    command.args(args).arg("--json");
    command.output().expect("cairn-load can be run")
}

/// The JSON of a run in which all went well.
fn measured(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    let stdout = str::from_utf8(&output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let json: Value = serde_json::from_str(stdout).unwrap();
    assert_eq!(json["errors"], 0, "{}", said(output));
    assert_eq!(json["signatures_checked"], true);
    for name in ["entries", "entries_per_s", "server_rss_mib_peak"] {
        assert!(json[name].as_f64().unwrap() > 0.0, "{name}: {json}");
    }
    let latencies = ["sequenced_p99_ms", "published_p99_ms"].map(|name| json[name].as_f64());
    assert!(latencies.iter().flatten().any(|ms| *ms > 0.0), "{json}");
    assert!(json["verify_us"].as_f64().unwrap() > 0.0);
    assert!(json["server_cpu_us_per_entry"].is_number());
    json
}

#[test]
fn signed_entries_are_measured_and_proven() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    let vkey = data.vkey("rekor").to_string();
    let chart = data.path().join("chart.svg");
    let dir = data.path().to_str().unwrap();
    let output = run(
        &server,
        "",
        &[
            "--kind",
            "rekor-v2",
            "--rate",
            "100",
            "--connections",
            "20",
            "--keys",
            "p256,ed25519ph,rsa",
            "--duplicates",
            "20",
            "--vkey",
            &vkey,
            "--data-dir",
            dir,
            "--chart",
            chart.to_str().unwrap(),
        ],
    );
    let json = measured(&output);
    assert_eq!(json["kind"], "rekor-v2");
    assert_eq!(json["checked"], json["entries"]);
    assert_eq!(json["used_up"], false);
    assert_eq!(json["sequenced_p50_ms"], Value::Null);
    assert!(json["disk_bytes_per_entry"].is_number());
    let svg = std::fs::read_to_string(chart).unwrap();
    assert!(svg.contains("published, p99"));
}

#[test]
fn raw_entries_are_measured_and_found_in_the_log() {
    let data = Data::init("raw", "log.example.org");
    let server = data.serve();
    let vkey = data.vkey("log").to_string();
    for kind in ["raw", "raw-batch"] {
        let args = [
            "--kind",
            kind,
            "--connections",
            "4",
            "--duplicates",
            "10",
            "--vkey",
            &vkey,
        ];
        let json = measured(&run(&server, "/logs/log", &args));
        assert_eq!(json["checked"], json["entries"], "{json}");
        assert!(json["sequenced_p50_ms"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn certificates_and_timestamps_are_measured_and_verified() {
    let (data, other) = (Data::empty(), Data::empty());
    data.up().stop();
    // All requests are of one identity.
    let data = data.set("certificates_per_minute_by_identity", "0");
    let (server, _other) = (data.up(), other.up());
    let token = data.done(&["dev-token", "--identity", "ada@example.com"]);
    let trusted = exported_root(&data);
    let strange = exported_root(&other);
    for kind in ["certificate", "timestamp"] {
        let args = |trusted| {
            [
                "--kind",
                kind,
                "--connections",
                "4",
                "--identity-token",
                token.trim_end(),
                "--trusted-root",
                trusted,
            ]
        };
        let json = measured(&run(&server, "", &args(&trusted)));
        assert_eq!(json["checked"], json["entries"], "{json}");
        assert_eq!(json["published_p50_ms"], Value::Null);

        let output = run(&server, "", &args(&strange));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["unverified"], json["entries"], "{json}");
    }
}

/// The trusted root that an instance tells its clients of.
fn exported_root(data: &Data) -> String {
    let to = data.path().join("exported");
    data.done(&["trust", "export", "--to", to.to_str().unwrap()]);
    let root = to.join("trusted_root.json");
    root.to_str().unwrap().to_owned()
}

#[test]
fn requests_that_are_used_up_end_the_run_and_are_not_sent_twice() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    let vkey = data.vkey("rekor").to_string();
    let args = [
        "--kind",
        "rekor-v2",
        "--connections",
        "4",
        "--prepare",
        "7",
        "--vkey",
        &vkey,
    ];
    let output = run(&server, "", &args);
    let json = measured(&output);
    assert_eq!(
        (&json["entries"], &json["used_up"]),
        (&7.into(), &true.into())
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("the signed requests were used up"),
        "{stderr}"
    );
}

#[test]
fn a_log_of_another_key_fails_the_run() {
    let data = Data::init("rekor-v2", "log.example.org");
    let other = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    let vkey = other.vkey("rekor").to_string();
    let args = ["--kind", "rekor-v2", "--rate", "20", "--vkey", &vkey];
    let output = run(&server, "", &args);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["checked"], 0);
    assert_eq!(json["unverified"], json["entries"]);
    assert!(json["errors"].as_u64().unwrap() > 0);
}

#[test]
fn a_server_that_is_not_there_is_said_to_be() {
    let data = Data::init("raw", "log.example.org");
    let server = data.serve();
    let output = run(&server, "/logs/gone", &["--kind", "raw"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("no log at http://"), "{stderr}");
}
