//! gRPC from Go, with the messages and stubs that Fulcio and Rekor generate themselves: a
//! certificate, an entry, what the CA says of itself, and the code of each kind of mistake.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cairn_tests::cairnd::{Data, said, workspace};
use tempfile::TempDir;

use crate::install::{Registry, Silent};
use crate::run::Run;
use crate::tls::make_certificate;

const IDENTITY: &str = "ada@example.com";

/// What the client prints, line by line.
const WANTED: [&str; 10] = [
    "CreateSigningCertificate ada@example.com",
    "GetTrustBundle 1",
    "GetConfiguration true",
    "CreateEntry hashedrekord 0.0.2",
    "spoiled token: InvalidArgument There was an error processing the identity token",
    "no key: InvalidArgument The public key supplied in the request could not be parsed",
    "empty request: InvalidArgument invalid type, must be hashedrekord",
    "unsigned request: InvalidArgument invalid hashedrekord request",
    "compressed request: Unimplemented compressed messages are not taken; send the message as it \
     is",
    "other method: Unimplemented Not Found",
];

/// The client, built in a directory of its own; `None` if there is no Go, or what it is built of
/// cannot be had.
fn client() -> Option<(TempDir, PathBuf)> {
    let source = workspace().join("tests/clients/grpc");
    let dir = tempfile::tempdir().unwrap();
    let go = |args: &[&str], out: &Path| {
        let mut go = Command::new("go");
        go.args(args).current_dir(&source).env("GOBIN", out);
        go.output()
    };
    let fetched = go(&["mod", "download"], dir.path()).ok()?;
    if !fetched.status.success() {
        assert!(!Registry::Go.answers(), "{}", said(&fetched));
        return None;
    }
    let built = go(&["install", "."], dir.path()).unwrap();
    assert!(built.status.success(), "{}", said(&built));
    let program = dir.path().join("grpc");
    Some((dir, program))
}

/// Has the client sign against an instance, over TLS if there are roots to trust.
fn check_signs(program: &Path, data: &Data, roots: Option<&Path>) {
    let server = data.up();
    let token = data.done(&["dev-token", "--identity", IDENTITY]);
    let address = server.address().to_string();
    let mut run = Command::new(program);
    run.args(["-address", &address])
        .env("TOKEN", token.trim_end());
    if let Some(roots) = roots {
        run.arg("-roots").arg(roots);
    }
    let output = run.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(found.lines().collect::<Vec<_>>(), WANTED);
    let stderr = server.stop();
    assert!(!stderr.contains(token.trim_end()), "a token was logged");
}

#[test]
fn a_go_client_signs_over_grpc() {
    let mut run = Run::begin("gRPC from Go", "certificate and entry");
    let modules = include_str!("grpc/go.mod").split_whitespace();
    let mut version = modules.skip_while(|word| *word != "google.golang.org/grpc");
    run.is_of_version(version.nth(1).unwrap().to_owned());
    let Some((_dir, program)) = client() else {
        return run.skip(&Silent("no go, or its registry does not answer".into()));
    };
    let data = Data::empty();
    check_signs(&program, &data, None);
    let dir = data.path().join("tls");
    fs::create_dir(&dir).unwrap();
    make_certificate(&dir);
    let data = data
        .set("certificate", "\"tls/certificate.pem\"")
        .set("key", "\"tls/key.pem\"");
    check_signs(&program, &data, Some(&dir.join("certificate.pem")));
}
