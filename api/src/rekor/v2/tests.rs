//! The entry route on a log in memory.

use super::*;

use serde_json::Value;
use sigstore::TransparencyLogEntry;

use crate::app::LogKind;
use crate::limits::Limits;
use crate::testing::{Answer, TestLog, TestServer};
use crate::verify_pool::thread_count;

const PATH: &str = "/api/v2/log/entries";

/// The worked example of a request: artifact `hello\n`, a P-256 key, and what the log makes of it.
const REQUEST: &str = concat!(
    r#"{"hashedRekordRequestV002":{"digest":"WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=","#,
    r#""signature":{"content":"MEUCIDEL+3EUQRoEy7Mrb/z1RmoH+kyhQF7Y9rfRMJV5FNWxAiEAsRxp5Lp+0"#,
    r#"0jb+U7+1+3EgjUd3rPXstssxcNk+HraI0s=","verifier":{"publicKey":{"rawBytes":"MFkwEwYHKoZI"#,
    r#"zj0CAQYIKoZIzj0DAQcDQgAEfPJ7GI0DT36KUjgDBLUaw8CJaeJ38hs1pgtI/EdmmXgHd1UQ247QQCk9msafdD"#,
    r#"Dbun2t5jzpgimeBLedInhz0Q=="},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}"#,
);
const ROOT_HASH: &str = "6yIrl2HP5TPr74GzlGdhto/pARr9QG9ciFGELDUjulE=";
const LOG_ID: &str = "s9S6OcdSi1IvPRGqgL5pxJrWOP3j34llzaZFuY9Lr7c=";
const CHECKPOINT: &str = "log.example.org\n1\n6yIrl2HP5TPr74GzlGdhto/pARr9QG9ciFGELDUjulE=\n\n\
    \u{2014} log.example.org s9S6OebUY2kklczduRqaUnKgTmzWiO+Z8dnl25nDCcYbMQVlGRq8zwjDaj2/9HFB+C6b3\
    bhk0JwsUZW4YQU5apsCLAQ=\n";

/// A request with `changed` in place of `original`.
fn changed(original: &str, changed: &str) -> String {
    assert!(REQUEST.contains(original), "{original}");
    REQUEST.replace(original, changed)
}

/// Checks the answer as a client would: status, proof, checkpoint.
fn check_logged(server: &TestServer, answer: &Answer, index: u64) -> TransparencyLogEntry {
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let entry = TransparencyLogEntry::parse(&answer.body).unwrap();
    let proof = entry.proof().expect("a log gives a proof");
    assert_eq!(
        (entry.log_index.get(), proof.log_index.get()),
        (index, index)
    );
    let key = server.app.log("rekor").unwrap().verifier.clone().unwrap();
    assert_eq!(entry.log_id, key.log_id());
    let (checkpoint, _) = tiles::open_checkpoint(proof.checkpoint.as_bytes(), &[key]).unwrap();
    assert_eq!(
        (checkpoint.size(), checkpoint.root_hash()),
        (proof.tree_size, proof.root_hash)
    );
    let leaf_hash = tiles::leaf_hash(&entry.canonicalized_body);
    let (size, root_hash) = (proof.tree_size, &proof.root_hash);
    tiles::verify_inclusion(proof.log_index, size, &leaf_hash, &proof.hashes, root_hash).unwrap();
    entry
}

#[tokio::test]
async fn the_worked_example_gives_the_worked_answer() {
    let server = TestServer::rekor();
    let answer = server.post(PATH, REQUEST).await;
    check_logged(&server, &answer, 0);
    let json = answer.json();
    assert_eq!(json["logIndex"], "0");
    assert_eq!(json["logId"]["keyId"], LOG_ID);
    assert_eq!(
        json["kindVersion"],
        json!({"kind": "hashedrekord", "version": "0.0.2"})
    );
    assert_eq!(json["integratedTime"], "0");
    assert_eq!(json["inclusionPromise"], Value::Null);
    let proof = json!({
        "logIndex": "0", "rootHash": ROOT_HASH, "treeSize": "1", "hashes": [],
        "checkpoint": {"envelope": CHECKPOINT},
    });
    assert_eq!(json["inclusionProof"], proof);
    assert_eq!(
        json.as_object().unwrap().len(),
        7,
        "no field that clients do not know"
    );
    assert_eq!(answer.header("x-log-index"), "");
    assert_eq!(server.get("/checkpoint").await.text(), CHECKPOINT);
}

#[tokio::test]
async fn a_duplicate_is_answered_with_the_existing_entry_and_a_current_proof() {
    let server = TestServer::rekor();
    let first = server.post(PATH, REQUEST).await;
    let other = server.post(PATH, first_request("other").unwrap()).await;
    check_logged(&server, &other, 1);
    let again = server.post(PATH, REQUEST).await;
    let entry = check_logged(&server, &again, 0);
    assert_eq!(again.header("x-log-index"), "0");
    assert_eq!(entry.proof().unwrap().tree_size.get(), 2);
    let first = check_logged(&server, &first, 0);
    assert_eq!(entry.canonicalized_body, first.canonicalized_body);
}

#[tokio::test]
async fn a_duplicate_is_a_conflict_if_the_operator_says_so() {
    let log = TestLog {
        duplicates: Duplicates::Conflict,
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let server = TestServer::new([log]);
    check_logged(&server, &server.post(PATH, REQUEST).await, 0);
    let answer = server.post(PATH, REQUEST).await;
    let message = "an equivalent entry already exists in the transparency log with index 0";
    answer.check_refused(409, 6, message);
    assert_eq!(answer.json()["message"], message);
    assert_eq!(answer.header("x-log-index"), "0");
}

#[tokio::test]
async fn the_first_entry_is_a_valid_one_of_nobodys() {
    let server = TestServer::rekor();
    burn_first_entry(&server.app.log("rekor").unwrap())
        .await
        .unwrap();
    assert_eq!(server.log("rekor").published().size.get(), 1);
    let bundle = server.get("/tile/entries/000.p/1").await.body;
    let entry = tiles::EntryBundle::parse_any(&bundle, 1)
        .unwrap()
        .into_entries();
    sigstore::HashedRekord::parse_leaf(entry[0])
        .unwrap()
        .verify()
        .unwrap();
    let entry = check_logged(&server, &server.post(PATH, REQUEST).await, 1);
    assert_eq!(
        entry.proof().unwrap().hashes.len(),
        1,
        "no list that a client could drop"
    );
}

/// Some signers send what a command line tool printed.
#[tokio::test]
async fn line_breaks_inside_base64_make_no_other_entry() {
    let server = TestServer::rekor();
    let answer = server.post(PATH, changed("WJG1", "W\\nJG1")).await;
    let broken = check_logged(&server, &answer, 0);
    let answer = server.post(PATH, REQUEST).await;
    assert_eq!(check_logged(&server, &answer, 0), broken);
}

#[tokio::test]
async fn a_bad_request_is_refused_with_its_reason() {
    let server = TestServer::rekor();
    let invalid = "invalid hashedrekord request: ";
    let other = "invalid type, must be hashedrekord: ";
    for (body, message) in [
        (String::new(), other),
        (" \n".to_owned(), other),
        ("{}".to_owned(), other),
        ("null".to_owned(), ""),
        (
            r#"{"dsseRequestV002":{}}"#.to_owned(),
            "invalid dsse request: ",
        ),
        ("not json".to_owned(), ""),
        ("[]".to_owned(), ""),
        (format!("{REQUEST}{REQUEST}"), ""),
        (changed("digest", "digset"), ""),
        (changed("WJG1", "XJG1"), invalid),
        (changed("MEUC", "MEUD"), invalid),
        (changed("ECDSA_P256_SHA_256", "ECDSA_P384_SHA_384"), invalid),
        (changed("PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519"), invalid),
        (r#"{"hashedRekordRequestV002":{}}"#.to_owned(), invalid),
        ("[".repeat(100_000), ""),
    ] {
        server.post(PATH, body).await.check_refused(400, 3, message);
    }
    assert_eq!(
        server.log("rekor").status().committed.size.get(),
        0,
        "nothing was added"
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_400() {
    let limits = Limits {
        rekor_body_len_bytes_max: REQUEST.len(),
        ..Limits::default()
    };
    let server = TestServer::with_limits([TestLog::new("rekor", LogKind::RekorV2)], limits);
    let answer = server.post(PATH, format!("{REQUEST} ")).await;
    answer.check_refused(400, 3, "request body too large: the limit is");
    check_logged(&server, &server.post(PATH, REQUEST).await, 0);
}

#[tokio::test]
async fn a_full_pool_pushes_back() {
    let server = TestServer::new([TestLog {
        stuck: true,
        ..TestLog::new("rekor", LogKind::RekorV2)
    }]);
    let log = server.log("rekor").clone();
    let entry = |text: &'static str| engine::UnfinishedEntry::new(text.into());
    let _waiting = log.add_many(vec![entry("a"), entry("b")]).unwrap();
    let answer = server.post(PATH, REQUEST).await;
    answer.check_refused(503, 14, "reached max pushback; retry");
    assert_eq!(answer.json()["message"], "reached max pushback; retry");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_full_queue_of_signatures_pushes_back_and_reads_go_on() {
    let limits = Limits {
        verify_queue_count_max: 1,
        ..Limits::default()
    };
    let server = TestServer::with_limits([TestLog::new("rekor", LogKind::RekorV2)], limits);
    let (started, mut running) = tokio::sync::mpsc::unbounded_channel();
    let mut busy = Vec::new();
    for _ in 0..thread_count().get() {
        let started = started.clone();
        let (finish, may_finish) = std::sync::mpsc::channel::<()>();
        let job = move || {
            started.send(()).unwrap();
            may_finish.recv().unwrap();
        };
        busy.push((finish, server.service.verify.submit(job).unwrap()));
        running.recv().await.unwrap();
    }
    let waiting = server.service.verify.submit(|| ()).unwrap();
    let answer = server.post(PATH, REQUEST).await;
    answer.check_refused(503, 14, "reached max pushback; retry");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(server.get("/checkpoint").await.status, 200);
    for (finish, _) in &busy {
        finish.send(()).unwrap();
    }
    waiting.wait().await.unwrap();
    check_logged(&server, &server.post(PATH, REQUEST).await, 0);
}
