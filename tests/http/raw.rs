//! The routes of a raw log.

use std::fs;

use cairn_tests::cairnd::Data;
use cairn_tests::http::Request;

use crate::cases::{Case, case, check};

const ADD: &str = "/logs/log/add";
const BATCH: &str = "/logs/log/add-batch";
const GUARDED: &str = "/logs/guarded/add";

/// Entries framed as in an entry bundle.
pub(crate) fn framed(entries: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for entry in entries {
        tiles::append_entry(&mut body, entry).unwrap();
    }
    body
}

pub(crate) fn cases() -> Vec<Case> {
    let guarded = |token: &str| Request::post(GUARDED, "secret").header("authorization", token);
    let five: [&[u8]; 5] = [b"1", b"2", b"3", b"4", b"5"];
    vec![
        case("raw-add", Request::post(ADD, "an entry")),
        case("raw-add-again", Request::post(ADD, "an entry")),
        case("raw-add-empty", Request::post(ADD, "")),
        case("raw-add-bytes", Request::post(ADD, [0, 255, 10])),
        case(
            "raw-add-slash",
            Request::post("/logs//log/add/", "an entry"),
        ),
        case(
            "raw-add-sequenced",
            Request::post("/logs/log/add?wait=sequenced", "x"),
        ),
        case(
            "raw-add-published",
            Request::post("/logs/log/add?wait=published", "y"),
        ),
        case(
            "raw-add-query",
            Request::post("/logs/log/add?wait=forever", "x"),
        ),
        case("raw-add-largest", Request::post(ADD, vec![b'a'; 65_535])),
        case("raw-add-too-large", Request::post(ADD, vec![b'a'; 65_536])),
        case(
            "raw-add-coded",
            Request::post(ADD, "x").header("content-encoding", "zstd"),
        ),
        case("raw-add-get", Request::get(ADD)),
        case(
            "raw-batch",
            Request::post(BATCH, framed(&[b"1", b"", b"an entry", b"1"])),
        ),
        case(
            "raw-batch-published",
            Request::post("/logs/log/add-batch?wait=published", framed(&[b"2"])),
        ),
        case("raw-batch-empty", Request::post(BATCH, "")),
        case("raw-batch-cut-off", Request::post(BATCH, [0, 5, b'a'])),
        case("raw-batch-dangling", Request::post(BATCH, [0, 1, b'a', 0])),
        case("raw-batch-too-many", Request::post(BATCH, framed(&five))),
        case("raw-batch-oversized", Request::post(BATCH, vec![0; 16_385])),
        case(
            "raw-rekor",
            Request::post("/logs/log/api/v2/log/entries", "{}"),
        ),
        case("raw-no-token", Request::post(GUARDED, "secret")),
        case("raw-wrong-token", guarded("Bearer wrong")),
        case(
            "raw-wrong-scheme",
            guarded("Basic a-first-token-of-32-characters"),
        ),
        case(
            "raw-first-token",
            guarded("Bearer a-first-token-of-32-characters"),
        ),
        case(
            "raw-second-token",
            guarded("bearer a-second-token-of-33-characters"),
        ),
        case("raw-frozen", Request::post("/logs/frozen/add", "x")),
    ]
}

#[test]
fn entries_are_taken_or_refused() {
    let data = Data::init("raw", "log.example.org")
        .set("batch_body_len_bytes_max", "16384")
        .set("batch_count_max", "4")
        .log("guarded", "raw")
        .set("tokens_file", "\"tokens.txt\"")
        .log("frozen", "raw")
        .set("read_only", "true");
    let path = data.path().join("tokens.txt");
    fs::write(
        &path,
        "a-first-token-of-32-characters\na-second-token-of-33-characters\n",
    )
    .unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&path, private).unwrap();
    check(&data.serve(), cases());
}
