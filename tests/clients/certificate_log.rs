//! A certificate log before a verifier that shares no code with us.

use std::fs;
use std::path::{Path, PathBuf};

use cairn_tests::cairnd::{Data, said};
use cairn_tests::certificates::Authority;

use crate::peers::{check_verified, verify};

/// More than a full data tile, so that both kinds are read.
const CERTIFICATES: u16 = 300;

#[test]
fn every_leaf_issuer_and_promise_holds() {
    let authority = Authority::new();
    let data = Data::init("ct", "log.example.org/logs/ct").set("roots_file", "\"roots.pem\"");
    fs::write(data.path().join("roots.pem"), authority.root_pem()).unwrap();
    let server = data.serve();
    let dir = tempfile::tempdir().unwrap();
    let mut answers: Vec<PathBuf> = Vec::new();
    let mut client = server.client();
    for n in 0..CERTIFICATES {
        let pending = authority.precertify(n.to_be_bytes());
        let request = authority.request(&pending.precertificate);
        let path = "/logs/ct/ct/v1/add-pre-chain";
        let answer = client.post(path, request).expect(200);
        answers.push(dir.path().join(format!("sct-{n}")));
        fs::write(answers.last().unwrap(), &answer.body).unwrap();
    }
    let scts: Vec<(&str, &Path)> = answers
        .iter()
        .map(|path| ("--sct", path.as_path()))
        .collect();
    let printed = data.done(&["key", "--log", "ct"]);
    let vkey = printed
        .lines()
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    let url = format!("{}/logs/ct", server.url());
    check_verified(&vkey, &url, &scts);

    let exported = dir.path().join("exported");
    data.done(&["export", "--to", exported.to_str().unwrap()]);
    check_verified(&vkey, exported.to_str().unwrap(), &[]);
    let issuer = fs::read_dir(exported.join("issuer")).unwrap().next();
    fs::remove_file(issuer.unwrap().unwrap().path()).unwrap();
    let Some(output) = verify(&vkey, exported.to_str().unwrap(), &[]) else {
        return;
    };
    assert!(!output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("issuer/"), "{}", said(&output));
}
