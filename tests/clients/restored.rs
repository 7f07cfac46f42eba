//! A log that was restored from a backup, seen by verifiers who share no code with us.

use std::fs;

use cairn_tests::cairnd::Data;
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::Signer;

use crate::peers::{check_audited, check_verified};
use crate::verifier::head;

#[test]
fn a_restored_log_verifies_with_answers_from_before_the_backup() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    let signer = Signer::new(7);
    let outside = tempfile::tempdir().unwrap();
    let [answer, seen, to] =
        ["answer", "checkpoint", "backup"].map(|name| outside.path().join(name));
    for n in 0..300 {
        let said = server
            .log_signature(&signer, &format!("file {n}"))
            .expect(201);
        fs::write(&answer, &said.body).unwrap();
    }
    fs::write(&seen, server.client().get("/checkpoint").body).unwrap();
    data.done(&["backup", "--to", to.to_str().unwrap()]);
    server.kill();
    let vkey = data.vkey("rekor").to_string();
    drop(data);

    let restored = Data::copy_of(&to);
    let server = restored.serve();
    server
        .log_signature(&signer, "after the backup")
        .expect(201);
    let url = format!("{}/logs/rekor/", server.url());
    let options = [
        ("--entry-response", answer.as_path()),
        ("--earlier", seen.as_path()),
    ];
    check_verified(&vkey, &url, &options);
    let log = RemoteLog::new(server.client(), "rekor", restored.vkey("rekor"));
    let (size, root_hash) = head(&log);
    check_audited(&vkey, &url, size, &root_hash);
}
