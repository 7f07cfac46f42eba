//! The batch route on a log in memory.

use super::*;

use serde_json::Value;
use sigstore::{InclusionProof, TransparencyLogEntry};

use crate::app::LogKind;
use crate::limits::Limits;
use crate::rekor::v2::first_request;
use crate::testing::{TestLog, TestServer};

const PATH: &str = "/api/v2/log/entries/batch";

fn valid(text: &str) -> String {
    String::from_utf8(first_request(text).unwrap()).unwrap()
}

fn array(requests: &[&str]) -> String {
    format!("[{}]", requests.join(","))
}

/// The entry that a result is, checked against the checkpoint it carries.
fn logged(result: &Value) -> TransparencyLogEntry {
    let entry = TransparencyLogEntry::parse(result.to_string().as_bytes()).unwrap();
    let proof = entry.proof().expect("a log gives a proof");
    let leaf_hash = tiles::leaf_hash(&entry.canonicalized_body);
    let (size, root_hash) = (proof.tree_size, &proof.root_hash);
    tiles::verify_inclusion(proof.log_index, size, &leaf_hash, &proof.hashes, root_hash).unwrap();
    entry
}

#[tokio::test]
async fn each_element_has_its_result_in_order() {
    let server = TestServer::rekor();
    let (a, b) = (valid("a"), valid("b"));
    let bad_signature = a
        .replace("MEUC", "MEUD")
        .replace("MEQC", "MEQD")
        .replace("MEYC", "MEYD");
    let body = array(&[&a, "{}", &b, &bad_signature, &a, "7"]);
    let answer = server.post(PATH, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    let json = answer.json();
    assert_eq!(json.as_object().unwrap().len(), 1);
    let results = json["results"].as_array().unwrap();
    assert_eq!(results.len(), 6);
    let entries: Vec<_> = [0, 2, 4]
        .iter()
        .map(|at: &usize| logged(&results[*at]))
        .collect();
    let indices: Vec<_> = entries.iter().map(|entry| entry.log_index.get()).collect();
    assert_eq!(indices, [0, 1, 0]);
    for entry in &entries {
        assert_eq!(
            *entry.proof().unwrap(),
            InclusionProof {
                log_index: entry.log_index,
                hashes: entry.proof().unwrap().hashes.clone(),
                ..entries[0].proof().unwrap().clone()
            }
        );
    }
    for (at, message) in [
        (1, "invalid type, must be hashedrekord"),
        (3, "invalid hashedrekord request"),
        (5, ""),
    ] {
        let result = &results[at];
        assert_eq!(result["code"], 3, "{result}");
        assert!(
            result["message"].as_str().unwrap().starts_with(message),
            "{result}"
        );
        assert_eq!(result["details"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn many_elements_share_one_checkpoint() {
    let server = TestServer::rekor();
    let requests: Vec<String> = (0..50).map(|number| valid(&number.to_string())).collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    let json = server.post(PATH, array(&requests)).await.json();
    let results = json["results"].as_array().unwrap();
    assert_eq!(results.len(), 50);
    for (index, result) in results.iter().enumerate() {
        let entry = logged(result);
        assert_eq!(usize::try_from(entry.log_index.get()), Ok(index));
        let checkpoint = &results[0]["inclusionProof"]["checkpoint"];
        assert_eq!(&result["inclusionProof"]["checkpoint"], checkpoint);
    }
}

#[tokio::test]
async fn a_batch_of_which_nothing_was_logged_is_refused() {
    let server = TestServer::rekor();
    let answer = server.post(PATH, "[{}, 7]").await;
    answer.check_refused(400, 3, "none of the 2 requests was logged");
    assert_eq!(answer.json()["results"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn conflicts_are_results_like_others() {
    let log = TestLog {
        duplicates: Duplicates::Conflict,
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let server = TestServer::new([log]);
    let (a, b) = (valid("a"), valid("b"));
    assert_eq!(server.post(PATH, array(&[&a])).await.status, 201);
    let answer = server.post(PATH, array(&[&a, &b])).await;
    assert_eq!(answer.status, 201);
    let results = answer.json()["results"].clone();
    assert_eq!(results[0]["code"], 6);
    assert_eq!(logged(&results[1]).log_index.get(), 1);
    server
        .post(PATH, array(&[&b, &a]))
        .await
        .check_refused(409, 6, "none of the 2 requests");
}

#[tokio::test]
async fn a_body_that_is_no_batch_is_refused_as_a_whole() {
    let limits = Limits {
        batch_count_max: 2,
        batch_body_len_bytes_max: 10_000,
        ..Limits::default()
    };
    let server = TestServer::with_limits([TestLog::new("rekor", LogKind::RekorV2)], limits);
    let one = valid("one");
    for (body, status, message) in [
        (String::new(), 400, "the body is not a JSON array"),
        ("{}".to_owned(), 400, "the body is not a JSON array"),
        (one.clone(), 400, "the body is not a JSON array"),
        (format!("[{one}"), 400, "the body is not a JSON array"),
        (format!("[{one}]]"), 400, "the body is not a JSON array"),
        (format!("[{one},]"), 400, "the body is not a JSON array"),
        ("[".repeat(9_999), 400, "the body is not a JSON array"),
        ("[]".to_owned(), 400, "the batch is empty"),
        (
            array(&[&one, &one, &one]),
            400,
            "the batch has more than 2 requests",
        ),
        (
            format!("[{}0]", "0,".repeat(4_000)),
            400,
            "the batch has more than 2 requests",
        ),
        (
            " ".repeat(10_001),
            400,
            "request body too large: the limit is 10000 bytes",
        ),
    ] {
        server
            .post(PATH, body)
            .await
            .check_refused(status, 3, message);
    }
    assert_eq!(
        server.log("rekor").status().committed.size.get(),
        0,
        "nothing was added"
    );
}

#[tokio::test]
async fn a_full_pool_pushes_the_whole_batch_back() {
    let server = TestServer::new([TestLog {
        stuck: true,
        ..TestLog::new("rekor", LogKind::RekorV2)
    }]);
    let _waiting = server
        .log("rekor")
        .add(UnfinishedEntry::new("waiting".into()))
        .unwrap();
    let answer = server.post(PATH, array(&[&valid("a"), &valid("b")])).await;
    answer.check_refused(503, 14, "reached max pushback; retry");
    assert_eq!(server.log("rekor").status().pool_count, 1);
}

#[tokio::test]
async fn the_limits_of_the_pool_are_met_like_all_others() {
    let server = TestServer::new([TestLog {
        stuck: true,
        ..TestLog::new("rekor", LogKind::RekorV2)
    }]);
    let body = array(&[&valid("a"), &valid("b"), &valid("c")]);
    let answer = server.post(PATH, body).await;
    answer.check_refused(400, 3, "the batch has more than 2 requests");
}

#[tokio::test]
async fn bundles_do_not_stand_in_the_way_of_proofs() {
    let server = TestServer::rekor();
    let _places: Vec<_> = std::iter::from_fn(|| server.service.bundles.enter().ok()).collect();
    let _unread = server.service.bundles_unread.take(usize::MAX).unwrap();
    assert_eq!(server.post(PATH, array(&[&valid("a")])).await.status, 201);
    let _proofs: Vec<_> = std::iter::from_fn(|| server.service.proofs.enter().ok()).collect();
    let answer = server.post(PATH, array(&[&valid("b")])).await;
    answer.check_refused(503, 14, "reached max pushback; retry");
    assert_eq!(
        server.log("rekor").status().committed.size.get(),
        1,
        "refused before logging"
    );
}
