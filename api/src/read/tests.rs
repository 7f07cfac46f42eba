//! Read routes on a log in memory.

use super::*;

use std::io::Read as _;
use std::sync::Arc;

use axum::body::Body;
use engine::UnfinishedEntry;
use engine::store::memory::Fault;
use http::Method;
use http::header::ACCEPT_ENCODING;

use crate::app::LogKind;
use crate::limits::BUNDLES_UNREAD_LEN_BYTES_MAX;
use crate::testing::{Answer, TestLog, TestServer, request};

/// A server whose log `log` has published `count` entries of 100 bytes each.
async fn server(count: usize) -> TestServer {
    let server = TestServer::raw();
    let entries =
        (0..count).map(|number| UnfinishedEntry::new(format!("{number:0100}").into_bytes().into()));
    let tickets = server.log("log").add_many(entries.collect()).unwrap();
    for ticket in tickets {
        ticket.published().await.unwrap();
    }
    server
}

async fn get_coded(server: &TestServer, path: &str, accept: &'static str) -> Answer {
    let mut request = request(Method::GET, path, Body::empty());
    request
        .headers_mut()
        .insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
    server.send(request).await
}

#[tokio::test]
async fn the_checkpoint_is_the_published_one() {
    let server = server(3).await;
    let answer = server.get("/logs/log/checkpoint").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let key = server.app.log("log").unwrap().verifier.clone().unwrap();
    let (checkpoint, _) = tiles::open_checkpoint(&answer.body, &[key]).unwrap();
    assert_eq!(checkpoint.size().get(), 3);
}

#[tokio::test]
async fn tiles_and_bundles_are_immutable() {
    let server = server(300).await;
    for (path, len) in [
        ("tile/0/000", 256 * 32),
        ("tile/0/001.p/44", 44 * 32),
        ("tile/0/000.p/5", 5 * 32),
        ("tile/1/000.p/1", 32),
        ("tile/entries/000", 256 * 102),
        ("tile/entries/001.p/44", 44 * 102),
        ("tile/entries/000.p/7", 7 * 102),
    ] {
        let answer = server.get(&format!("/logs/log/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.body.len(), len, "{path}");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=604800, immutable"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-encoding"), "");
    }
}

#[tokio::test]
async fn what_is_not_published_is_not_found() {
    let server = server(300).await;
    for path in [
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/0/002",
        "tile/0/002.p/1",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/63/000",
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/entries/002",
        "tile/0/x999/x999/x999/x999/x999/999",
    ] {
        let answer = server.get(&format!("/logs/log/{path}")).await;
        answer.check_refused(404, 5, "Not Found");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = server(300).await;
    for path in ["checkpoint", "tile/0/000", "tile/entries/000"] {
        let path = format!("/logs/log/{path}");
        let get = server.get(&path).await;
        let mut head = server
            .send(request(Method::HEAD, &path, Body::empty()))
            .await;
        assert_eq!(head.status, 200);
        // That of a body is written with the body, by the transport.
        let len = head.headers.remove("content-length").unwrap();
        assert_eq!(len, get.body.len().to_string());
        assert_eq!(head.headers, get.headers, "{path}");
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn bundles_are_coded_as_the_client_likes() {
    let server = server(300).await;
    for path in [
        "/logs/log/tile/entries/000",
        "/logs/log/tile/entries/001.p/44",
    ] {
        let plain = server.get(path).await;
        assert_eq!(plain.header("vary"), "accept-encoding");

        let gzip = get_coded(&server, path, "gzip").await;
        assert_eq!(gzip.header("content-encoding"), "gzip");
        assert_eq!(gzip.header("vary"), "accept-encoding");
        assert!(gzip.body.len() < plain.body.len());
        let mut decoded = Vec::new();
        flate2::read::GzDecoder::new(gzip.body.as_ref())
            .read_to_end(&mut decoded)
            .unwrap();
        assert_eq!(decoded, plain.body);

        let zstd = get_coded(&server, path, "gzip, zstd").await;
        assert_eq!(zstd.header("content-encoding"), "zstd");
        assert_eq!(
            zstd::bulk::decompress(&zstd.body, plain.body.len()).unwrap(),
            plain.body
        );
    }
}

#[tokio::test]
async fn nothing_else_is_coded() {
    let server = server(300).await;
    for path in ["checkpoint", "tile/0/000", "tile/entries/000.p/1"] {
        let answer = get_coded(&server, &format!("/logs/log/{path}"), "gzip, zstd").await;
        assert_eq!(answer.header("content-encoding"), "", "{path}");
    }
}

#[test]
fn a_stored_zstd_frame_goes_out_as_it_is() {
    let plain = Bytes::from("entry".repeat(1000));
    let frame = Coding::Zstd.encode(&plain).unwrap();
    let stored = || StoredBytes::Zstd {
        frame: frame.clone(),
        plain_len: plain.len(),
    };
    assert_eq!(
        code(stored(), Coding::Zstd),
        Ok((frame.clone(), Coding::Zstd))
    );
    assert_eq!(
        code(stored(), Coding::Identity),
        Ok((plain.clone(), Coding::Identity))
    );
    let (gzip, coding) = code(stored(), Coding::Gzip).unwrap();
    assert_eq!(
        (gzip, coding),
        (Coding::Gzip.encode(&plain).unwrap(), Coding::Gzip)
    );
}

#[test]
fn a_damaged_frame_is_an_error_without_detail() {
    let stored = StoredBytes::Zstd {
        frame: Bytes::from_static(b"no frame"),
        plain_len: 9,
    };
    assert_eq!(code(stored, Coding::Identity), Err(Refusal::ReadFailed));
}

#[tokio::test]
async fn reads_go_on_while_writes_fail() {
    let log = TestLog::new("log", LogKind::Raw);
    let faults = Arc::clone(&log.faults);
    let server = TestServer::new([log]);
    assert_eq!(
        server
            .post("/logs/log/add?wait=published", "a")
            .await
            .status,
        200
    );
    faults.plan(0, Fault::Lost);
    assert_eq!(server.post("/logs/log/add", "b").await.status, 500);
    for path in ["checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"] {
        assert_eq!(
            server.get(&format!("/logs/log/{path}")).await.status,
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn bundles_nobody_takes_are_bounded() {
    let server = server(256).await;
    // Room for one such bundle, and not for two.
    let budget = &server.service.bundles_unread;
    let _others = budget
        .take(BUNDLES_UNREAD_LEN_BYTES_MAX - (30 << 10))
        .unwrap();
    let path = "/logs/log/tile/entries/000";
    let unread = server.ask(request(Method::GET, path, Body::empty())).await;
    assert_eq!(unread.status(), 200);
    let answer = server.get(path).await;
    answer.check_refused(
        503,
        14,
        "reached max pushback; retry: too many large answers",
    );
    assert_eq!(answer.header("retry-after"), "1");
    let head = server
        .send(request(Method::HEAD, path, Body::empty()))
        .await;
    assert_eq!(head.status, 200, "a head has no body to hold");
    assert_eq!(server.get("/logs/log/tile/0/000").await.status, 200);
    drop(unread);
    assert_eq!(server.get(path).await.status, 200);
}

#[tokio::test]
async fn the_queue_of_bundles_is_bounded() {
    let server = server(1).await;
    let places: Vec<_> = std::iter::from_fn(|| server.service.bundles.enter().ok()).collect();
    let answer = server.get("/logs/log/tile/entries/000.p/1").await;
    answer.check_refused(
        503,
        14,
        "reached max pushback; retry: too many entry bundles",
    );
    assert!(
        server.service.proofs.enter().is_ok(),
        "proofs have places of their own"
    );
    assert_eq!(server.get("/logs/log/tile/0/000.p/1").await.status, 200);
    drop(places);
    assert_eq!(
        server.get("/logs/log/tile/entries/000.p/1").await.status,
        200
    );
}

#[test]
fn a_head_knows_the_length_of_what_is_not_encoded_for_it() {
    let plain = StoredBytes::Plain(Bytes::from(vec![0; 300]));
    let small = StoredBytes::Plain(Bytes::from(vec![0; CODED_LEN_BYTES_MIN - 1]));
    let frame = StoredBytes::Zstd {
        frame: Bytes::from_static(b"not even a frame"),
        plain_len: 300,
    };
    for (stored, wanted, coding, len_bytes) in [
        (&plain, Coding::Identity, Coding::Identity, Some(300)),
        (&plain, Coding::Gzip, Coding::Gzip, None),
        (&plain, Coding::Zstd, Coding::Zstd, None),
        (&small, Coding::Gzip, Coding::Identity, Some(255)),
        (&frame, Coding::Identity, Coding::Identity, Some(300)),
        (&frame, Coding::Gzip, Coding::Gzip, None),
        (&frame, Coding::Zstd, Coding::Zstd, Some(16)),
    ] {
        assert_eq!(
            coded_len(stored, wanted),
            (coding, len_bytes),
            "{stored:?} {wanted:?}"
        );
    }
}
