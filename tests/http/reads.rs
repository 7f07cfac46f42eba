//! Reads: checkpoint, tiles, bundles, their headers, and paths that mean nothing.

use cairn_tests::cairnd::Data;
use cairn_tests::http::Request;
use cairn_tests::request::Signer;

use crate::cases::{Case, case, check};

pub(crate) fn cases() -> Vec<Case> {
    let bundle =
        |coding: &str| Request::get("/tile/entries/000.p/2").header("accept-encoding", coding);
    let mut cases = vec![
        case("checkpoint", Request::get("/checkpoint")),
        case("checkpoint-head", Request::new("HEAD", "/checkpoint")),
        case("checkpoint-by-name", Request::get("/logs/rekor/checkpoint")),
        case("checkpoint-under-api", Request::get("/api/v2/checkpoint")),
        case("checkpoint-slashes", Request::get("//checkpoint//")),
        case("checkpoint-post", Request::post("/checkpoint", "x")),
        case(
            "checkpoint-post-under-api",
            Request::post("/api/v2/checkpoint", "x"),
        ),
        case("checkpoint-delete", Request::new("DELETE", "/checkpoint")),
        case(
            "checkpoint-preflight",
            Request::new("OPTIONS", "/checkpoint"),
        ),
        case("tile", Request::get("/tile/0/000.p/2")),
        case("tile-narrower", Request::get("/tile/0/000.p/1")),
        case("tile-under-api", Request::get("/api/v2/tile/0/000.p/2")),
        case(
            "tile-slashes",
            Request::get("/logs//rekor/tile//0/000.p/2/"),
        ),
        case("tile-head", Request::new("HEAD", "/tile/0/000.p/2")),
        case("tile-not-yet-that-wide", Request::get("/tile/0/000.p/3")),
        case("tile-not-yet-full", Request::get("/tile/0/000")),
        case("tile-head-not-yet", Request::new("HEAD", "/tile/0/000")),
        case("tile-not-yet-that-high", Request::get("/tile/1/000.p/1")),
        case("tile-far-away", Request::get("/tile/0/x123/x456/789")),
        case("bundle", Request::get("/tile/entries/000.p/2")),
        case("bundle-gzip", bundle("gzip")),
        case("bundle-zstd", bundle("gzip;q=0.5, zstd")),
        case("bundle-neither", bundle("br")),
        case(
            "bundle-under-api",
            Request::get("/api/v2/tile/entries/000.p/2"),
        ),
        case("bundle-head", Request::new("HEAD", "/tile/entries/000.p/2")),
        case("bundle-not-yet-full", Request::get("/tile/entries/000")),
    ];
    cases.extend(hostile());
    cases
}

/// Paths that look nearly like tiles. None may be answered as one, or lead out of the log.
fn hostile() -> Vec<Case> {
    let paths = [
        ("path-level-padded", "/tile/00/000.p/2"),
        ("path-level-64", "/tile/64/000"),
        ("path-level-negative", "/tile/-1/000"),
        ("path-level-data", "/tile/data/000"),
        ("path-level-height", "/tile/8/0/000"),
        ("path-index-short", "/tile/0/0"),
        ("path-index-padded", "/tile/0/x000/000"),
        ("path-index-unmarked", "/tile/0/000/001"),
        ("path-index-marked-last", "/tile/0/x001"),
        ("path-index-upper-case", "/tile/0/X001/000"),
        (
            "path-index-overflow",
            "/tile/0/x999/x999/x999/x999/x999/x999/999",
        ),
        ("path-index-missing", "/tile/0"),
        ("path-width-0", "/tile/0/000.p/0"),
        ("path-width-padded", "/tile/0/000.p/02"),
        ("path-width-256", "/tile/0/000.p/256"),
        ("path-width-missing", "/tile/0/000.p"),
        ("path-width-signed", "/tile/0/000.p/+2"),
        ("path-dots", "/tile/0/../../../etc/passwd"),
        ("path-dots-coded", "/tile/0/%2e%2e/%2e%2e/etc/passwd"),
        ("path-slash-coded", "/tile/0%2f000.p/2"),
        ("path-digit-coded", "/tile/0/00%30.p/2"),
        ("path-zero-byte", "/tile/0/000%00.p/2"),
        ("path-upper-case", "/TILE/0/000.p/2"),
        ("path-absolute-elsewhere", "/logs/../checkpoint"),
        ("path-not-ascii", "/tile/0/%EF%BC%90%EF%BC%90%EF%BC%90"),
        ("path-unknown", "/etc/passwd"),
        ("path-root", "/"),
    ];
    let mut cases: Vec<Case> = paths
        .map(|(name, path)| case(name, Request::get(path)))
        .into();
    let long = format!("/tile/0/{}000", "x001/".repeat(2000));
    cases.push(case("path-long", Request::get(&long)));
    cases
}

#[test]
fn reads_are_answered() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    server.log_signature(&Signer::new(7), "one").expect(201);
    check(&server, cases());
}
