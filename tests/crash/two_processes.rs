//! Two processes on one directory: the second is told who has it.

use std::process::Command;

use cairn_tests::cairnd::{Data, program, said};

#[test]
fn the_second_server_names_the_first() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    let refused = data.serve_refused();
    let holder = format!("process {} ", server.pid());
    assert!(refused.contains(&holder), "{refused}");
    server.client().get("/checkpoint").expect(200);
}

#[test]
fn a_copy_of_the_configuration_does_not_open_the_same_store() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    let other = tempfile::tempdir().unwrap();
    for part in ["cairn.toml", "keys", "logs"] {
        let link = other.path().join(part);
        std::os::unix::fs::symlink(data.path().join(part), link).unwrap();
    }
    let mut command = Command::new(program());
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "off",
        "--dir",
    ]);
    // It has no other log to serve, so it ends and says why.
    let output = command.arg(other.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let holder = format!("process {} ", server.pid());
    assert!(said(&output).contains(&holder), "{}", said(&output));
    server.stop();
}

#[test]
fn inspection_beside_a_running_server_is_welcome() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    data.fsck();
    let to = tempfile::tempdir().unwrap();
    let to = to.path().join("copy");
    data.done(&["export", "--to", to.to_str().unwrap()]);
    let exported = std::fs::read(to.join("checkpoint")).unwrap();
    assert_eq!(exported, server.client().get("/checkpoint").body);
}
