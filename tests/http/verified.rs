//! What right answers prove: entries, proofs and checkpoints, checked with the log's key and our
//! own mathematics rather than against stored text.

use std::io::Read as _;

use cairn_tests::announce;
use cairn_tests::cairnd::{Data, run, said};
use cairn_tests::http::{HOST, Request};
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::{Signer, leaf_of};
use cairn_tests::wait::timed;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::raw::framed;

const ADD: &str = "/api/v2/log/entries";

#[test]
fn an_answer_proves_its_entry_and_a_retry_gets_the_same() {
    let data = Data::init("rekor-v2", HOST);
    let server = data.serve();
    let log = RemoteLog::new(server.client(), "rekor", data.vkey("rekor"));
    let request = Signer::new(7).request("an artifact");
    let leaf = leaf_of(&request);

    let (first, took) = timed(|| server.client().post(ADD, request.to_string()));
    announce(&format!("a lone request on an idle log took {took:?}"));
    let first = first.expect(201);
    let (index, checkpoint) = log.check_answer(&first.body, &leaf);
    assert_eq!(index, 1, "the log's own entry has index 0");
    assert_eq!(first.header("x-log-index"), None);

    server.log_signature(&Signer::new(8), "another").expect(201);
    let again = server.client().post(ADD, request.to_string()).expect(201);
    let (same, newer) = log.check_answer(&again.body, &leaf);
    assert_eq!((same, again.header("x-log-index")), (index, Some("1")));
    log.check_extends(&checkpoint, &newer);

    let entries = log.check_whole(&log.checkpoint());
    assert_eq!((entries.len(), &entries[1]), (3, &leaf));
    data.fsck();
    let (url, vkey) = (server.url(), data.vkey("rekor").to_string());
    let remote = run(&["fsck", "--url", &url, "--vkey", &vkey]);
    assert!(remote.status.success(), "{}", said(&remote));
}

#[test]
fn the_answers_of_a_batch_share_one_checkpoint() {
    let data = Data::init("rekor-v2", HOST);
    let server = data.serve();
    let log = RemoteLog::new(server.client(), "rekor", data.vkey("rekor"));
    let signer = Signer::new(7);
    let requests: Vec<Value> = (0..300)
        .map(|n| signer.request(&format!("file {n}")))
        .collect();
    let body = Value::Array(requests.clone()).to_string();
    let answer = server
        .client()
        .post("/api/v2/log/entries/batch", body)
        .expect(201);
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), requests.len());
    let envelope = |result: &Value| result["inclusionProof"]["checkpoint"]["envelope"].clone();
    for (n, (result, request)) in (1..).zip(results.iter().zip(&requests)) {
        let (index, _) = log.check_answer(result.to_string().as_bytes(), &leaf_of(request));
        assert_eq!(index, n);
        assert_eq!(envelope(result), envelope(&results[0]));
    }
}

#[test]
fn bundles_are_the_same_in_every_coding() {
    let data = Data::init("raw", HOST);
    let server = data.serve();
    let entries: Vec<Vec<u8>> = (0..300)
        .map(|n| format!("entry {n}").into_bytes())
        .collect();
    let all: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let mut client = server.client();
    client
        .post("/logs/log/add-batch?wait=published", framed(&all))
        .expect(200);
    for (path, held) in [
        ("000", &all[..256]),
        ("001.p/44", &all[256..]),
        ("000.p/100", &all[..100]),
    ] {
        let path = format!("/logs/log/tile/entries/{path}");
        let get = Request::get(&path);
        let plain = client.send(&get).expect(200);
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.body, framed(held));
        let gzip = client
            .send(&get.clone().header("accept-encoding", "gzip"))
            .expect(200);
        assert_eq!(gzip.header("content-encoding"), Some("gzip"));
        let mut decoded = Vec::new();
        GzDecoder::new(gzip.body.as_slice())
            .read_to_end(&mut decoded)
            .unwrap();
        assert_eq!(decoded, framed(held));
        let zstd = client
            .send(&get.header("accept-encoding", "zstd"))
            .expect(200);
        assert_eq!(zstd.header("content-encoding"), Some("zstd"));
        assert_eq!(
            zstd::decode_all(zstd.body.as_slice()).unwrap(),
            framed(held)
        );
    }
}

#[test]
fn many_clients_with_the_same_entries_get_the_same_indices() {
    let data = Data::init("raw", HOST);
    let server = data.serve();
    let add = |_: u8| {
        let mut client = server.client();
        let add = |n: u32| {
            let answer = client.post("/logs/log/add", format!("entry {n}"));
            answer.expect(200).text().parse().unwrap()
        };
        (0..50).map(add).collect::<Vec<u64>>()
    };
    let indices: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|n| scope.spawn(move || add(n))).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    for found in &indices {
        assert_eq!(found, &indices[0]);
    }
    let mut given = indices[0].clone();
    given.sort_unstable();
    assert_eq!(given, (0..50).collect::<Vec<u64>>());
}
