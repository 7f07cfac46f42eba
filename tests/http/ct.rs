//! A certificate log: promises that hold, entries where they say, and what it refuses.

use std::fs;

use cairn_tests::cairnd::{Data, Server, run, said};
use cairn_tests::certificates::{Authority, add_chain, promise};
use cairn_tests::http::{Request, Response};
use cairn_tests::wait::until;
use serde_json::Value;
use sigstore::ct_entry::chain::fingerprint;
use sigstore::ct_entry::{Logged, TileLeaf, parse_index_extensions};
use sigstore::{PublicKey, SignedCertificateTimestamp};
use tiles::VerifierKey;

use crate::audit::Auditor;

const ADD: &str = "/logs/ct/ct/v1/add-chain";
const ADD_PRE: &str = "/logs/ct/ct/v1/add-pre-chain";

/// A data directory with a certificate log that accepts this authority.
fn data(authority: &Authority) -> Data {
    let data = Data::init("raw", "log.example.org")
        .log("ct", "ct")
        .set("roots_file", "\"roots.pem\"");
    fs::write(data.path().join("roots.pem"), authority.root_pem()).unwrap();
    data
}

/// The index in a promise, which must hold for what was submitted.
fn check_promise(sct: &SignedCertificateTimestamp, logged: Logged<'_>, key: &VerifierKey) -> u64 {
    let key = PublicKey::from_spki_der(&key.spki_der()).unwrap();
    sct.verify(&logged.entry(), &key).unwrap();
    parse_index_extensions(&sct.extensions).unwrap().get()
}

/// The leaves of the log, once the checkpoint covers `size` of them.
fn leaves(server: &Server, key: &VerifierKey, size: u64) -> Vec<u8> {
    until("the entries are published", || {
        let note = server.client().get("/logs/ct/checkpoint").expect(200);
        let opened = tiles::open_checkpoint(&note.body, std::slice::from_ref(key));
        let (checkpoint, _) = opened.unwrap();
        (checkpoint.size().get() >= size).then_some(())
    });
    let path = format!("/logs/ct/tile/data/000.p/{size}");
    server.client().get(&path).expect(200).body
}

#[test]
fn what_is_promised_is_logged_and_can_be_checked_by_anybody() {
    let authority = Authority::new();
    let data = data(&authority);
    let server = data.serve();
    let key = data.vkey("ct");
    assert_eq!(key.name().as_str(), "log.example.org/logs/ct");

    let pending = authority.precertify([0, 1]);
    let request = authority.request(&pending.precertificate);
    let answer = server.client().post(ADD_PRE, request.clone()).expect(200);
    let sct = promise(&answer.body);
    let certificate = authority.finish(&pending, sct.clone());
    let request_2 = authority.request(&certificate);
    let answer = server.client().post(ADD, request_2).expect(200);
    let sct_2 = promise(&answer.body);

    let bytes = leaves(&server, &key, 2);
    let (leaf, rest) = TileLeaf::parse_first(&bytes).unwrap();
    let leaf_2 = TileLeaf::parse(rest).unwrap();
    for (sct, leaf, index) in [(&sct, &leaf, 0), (&sct_2, &leaf_2, 1)] {
        assert_eq!(check_promise(sct, leaf.logged, &key), index);
        assert_eq!((leaf.index.get(), leaf.timestamp), (index, sct.timestamp));
        assert_eq!(leaf.issuers, authority.above().map(fingerprint));
    }
    let der = &certificate[..];
    assert_eq!(leaf_2.logged, Logged::Certificate { der });
    for der in authority.above() {
        let path = format!("/logs/ct/issuer/{:?}", tiles::Hash::new(fingerprint(der)));
        let issuer = server.client().get(&path).expect(200);
        assert_eq!(issuer.body, der);
        let content_type = issuer.header("content-type");
        assert_eq!(content_type, Some("application/pkix-cert"));
    }

    let again = server.client().post(ADD_PRE, request).expect(200);
    let again = promise(&again.body);
    assert_eq!(check_promise(&again, leaf.logged, &key), 0);
    assert_eq!(again.timestamp, sct.timestamp);

    let roots: Value = serde_json::from_slice(
        &server
            .client()
            .get("/logs/ct/ct/v1/get-roots")
            .expect(200)
            .body,
    )
    .unwrap();
    assert_eq!(roots["certificates"].as_array().unwrap().len(), 1);
    data.fsck();
    let (url, vkey) = (format!("{}/logs/ct", server.url()), key.to_string());
    let remote = run(&["fsck", "--url", &url, "--vkey", &vkey]);
    assert!(remote.status.success(), "{}", said(&remote));
    let audited = Auditor::of(&data, "ct").passes(&url, &[]);
    assert_eq!(audited["origin"], key.name().as_str());
}

#[test]
fn a_restarted_log_goes_on_and_knows_what_it_has() {
    let authority = Authority::new();
    let data = data(&authority);
    let public = tempfile::tempdir().unwrap();
    let quoted = format!("\"{}\"", public.path().join("ct").display());
    let data = data.set("publish_dir", &quoted);
    let key = data.vkey("ct");
    let server = data.serve();
    let pending = authority.precertify([0, 1]);
    let request = authority.request(&pending.precertificate);
    let answer = server.client().post(ADD_PRE, request.clone()).expect(200);
    let sct = promise(&answer.body);
    let bytes = leaves(&server, &key, 1);
    server.stop();

    let server = data.serve();
    let answer = server.client().post(ADD_PRE, request).expect(200);
    let again = promise(&answer.body);
    assert_eq!(again.timestamp, sct.timestamp);
    let leaf = TileLeaf::parse(&bytes).unwrap();
    assert_eq!(check_promise(&again, leaf.logged, &key), 0);
    server.stop();

    let copy = public.path().join("ct");
    assert_eq!(fs::read(copy.join("tile/data/000.p/1")).unwrap(), bytes);
    assert_eq!(fs::read_dir(copy.join("issuer")).unwrap().count(), 2);
    let exported = public.path().join("exported");
    let to = exported.to_str().unwrap();
    data.done(&["export", "--log", "ct", "--to", to]);
    assert_eq!(fs::read_dir(exported.join("issuer")).unwrap().count(), 2);
    data.fsck();
}

fn check_refused(response: &Response, status: u16, wanted: &str) {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert!(text.contains(wanted), "no {wanted:?} in {text}");
}

#[test]
fn what_leads_nowhere_is_refused_and_leaves_nothing() {
    let authority = Authority::new();
    let data = data(&authority);
    let server = data.serve();
    let post = |path: &str, body: String| server.client().post(path, body);
    let check = |path: &str, body: String, wanted: &str| {
        check_refused(&post(path, body), 400, wanted);
    };
    let pending = authority.precertify([0, 1]);
    let good = || authority.request(&pending.precertificate);
    check(ADD_PRE, String::new(), "the body is not");
    check(ADD_PRE, add_chain(&[]), "chain of 0 certificates");
    check(ADD_PRE, add_chain(&[b"x"]), "not well-formed der");
    check(ADD, good(), "poisoned");
    let stranger = Authority::new();
    let strange = stranger.request(&stranger.precertify([0, 1]).precertificate);
    check(ADD_PRE, strange, "neither an accepted root");
    let mut forged = pending.precertificate.clone();
    *forged.last_mut().unwrap() ^= 1;
    check(ADD_PRE, authority.request(&forged), "does not verify");
    let large = format!("{{\"chain\":[\"{}\"]}}", "A".repeat(600_000));
    check_refused(&post(ADD_PRE, large), 413, "larger than");

    let get = |path: &str| server.client().get(path);
    check_refused(&get(ADD_PRE), 405, "POST");
    let roots = Request::post("/logs/ct/ct/v1/get-roots", "");
    check_refused(&server.client().send(&roots), 405, "GET");
    for path in [
        "/logs/ct/tile/entries/000.p/1",
        "/logs/ct/tile/6/000",
        "/logs/ct/add",
        "/logs/ct/issuer/00",
        "/logs/log/ct/v1/get-roots",
        "/logs/log/tile/data/000.p/1",
    ] {
        check_refused(&get(path), 404, "Not Found");
    }
    let note = get("/logs/ct/checkpoint").expect(200);
    assert_eq!(note.text().lines().nth(1), Some("0"));
}

#[test]
fn a_log_without_roots_or_frozen_takes_nothing() {
    let authority = Authority::new();
    let data = Data::init("ct", "log.example.org/ct")
        .log("frozen", "ct")
        .set("read_only", "true");
    let server = data.serve();
    let request = || authority.request(&authority.precertify([0, 1]).precertificate);
    let none = server.client().post(ADD_PRE, request());
    check_refused(&none, 400, "neither an accepted root");
    let frozen = server
        .client()
        .post("/logs/frozen/ct/v1/add-pre-chain", request());
    check_refused(&frozen, 405, "frozen");
}
