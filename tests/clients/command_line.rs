//! openssl signs and curl posts, as scripts/quickstart-log.sh does it.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cairn_tests::cairnd::{Data, said};
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::leaf_of;
use serde_json::json;

use crate::peers::check_verified;

/// Runs a program in `dir`, which must succeed; gives its stdout.
fn run(dir: &Path, command: &[&str]) -> Vec<u8> {
    let (program, arguments) = command.split_first().unwrap();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output.stdout
}

#[test]
fn openssl_signs_and_curl_posts() {
    let data = Data::init("rekor-v2", "localhost");
    let server = data.serve();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("file"), "what is signed\n").unwrap();
    let curve = "ec_paramgen_curve:P-256";
    run(
        dir,
        &[
            "openssl",
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            curve,
            "-out",
            "key.pem",
        ],
    );
    let digest = run(dir, &["openssl", "dgst", "-sha256", "-binary", "file"]);
    let signature = run(
        dir,
        &["openssl", "dgst", "-sha256", "-sign", "key.pem", "file"],
    );
    let key = run(
        dir,
        &[
            "openssl", "pkey", "-in", "key.pem", "-pubout", "-outform", "DER",
        ],
    );
    let request = json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(digest),
        "signature": {"content": STANDARD.encode(signature), "verifier": {
            "publicKey": {"rawBytes": STANDARD.encode(key)},
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        }},
    }});
    std::fs::write(dir.join("request.json"), request.to_string()).unwrap();
    let url = format!("{}/api/v2/log/entries", server.url());
    let post = [
        "curl",
        "-sS",
        "--fail",
        "-o",
        "answer.json",
        "-w",
        "%{http_code}",
    ];
    let status = run(
        dir,
        &[&post[..], &["--data-binary", "@request.json", &url]].concat(),
    );
    assert_eq!(status, b"201");
    let answer = std::fs::read(dir.join("answer.json")).unwrap();
    let log = RemoteLog::new(server.client(), "rekor", data.vkey("rekor"));
    assert_eq!(log.check_answer(&answer, &leaf_of(&request)).0, 1);
    let vkey = data.vkey("rekor").to_string();
    check_verified(
        &vkey,
        &server.url(),
        &[("--entry-response", &dir.join("answer.json"))],
    );
}

#[test]
fn curl_reads_over_http_2() {
    // Without TLS, as a proxy in front speaks it.
    let data = Data::init("rekor-v2", "localhost");
    let server = data.serve();
    let log = RemoteLog::new(server.client(), "rekor", data.vkey("rekor"));
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{}/checkpoint", server.url());
    let h2 = [
        "curl",
        "-sS",
        "--fail",
        "--http2-prior-knowledge",
        "-w",
        "%{http_version}",
    ];
    let read = [&h2[..], &["-o", "checkpoint", &url]].concat();
    assert_eq!(run(dir.path(), &read), b"2");
    let checkpoint = log.open(&std::fs::read(dir.path().join("checkpoint")).unwrap());
    assert_eq!(checkpoint.size().get(), 1);
}
