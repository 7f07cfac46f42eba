//! Who answers a request, and with which methods.

use super::*;

use axum::body::Body;

use crate::app::LogKind;
use crate::testing::{TestLog, TestServer, request};

/// A server with a log of each kind.
fn both() -> TestServer {
    TestServer::new([
        TestLog::new("raw", LogKind::Raw),
        TestLog::new("new", LogKind::RekorV2),
    ])
}

#[tokio::test]
async fn a_wrong_method_is_refused_by_the_paths_own_convention() {
    let server = both();
    for (method, path, status, allow) in [
        (Method::POST, "/checkpoint", 405, "GET, HEAD, OPTIONS"),
        (
            Method::DELETE,
            "/logs/raw/tile/0/000",
            405,
            "GET, HEAD, OPTIONS",
        ),
        (Method::GET, "/logs/raw/add", 405, "POST, OPTIONS"),
        (Method::PUT, "/logs/raw/add-batch", 405, "POST, OPTIONS"),
        (Method::GET, "/api/v2/log/entries", 501, "POST, OPTIONS"),
        (
            Method::GET,
            "/api/v2/log/entries/batch",
            501,
            "POST, OPTIONS",
        ),
        (
            Method::POST,
            "/api/v2/checkpoint",
            501,
            "GET, HEAD, OPTIONS",
        ),
        (
            Method::TRACE,
            "/api/v2/tile/0/000",
            501,
            "GET, HEAD, OPTIONS",
        ),
    ] {
        let answer = server.send(request(method, path, Body::empty())).await;
        answer.check_refused(status, 12, "Method Not Allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[tokio::test]
async fn browsers_may_ask_first() {
    let server = both();
    for (path, allow) in [
        ("/api/v2/log/entries", "POST, OPTIONS"),
        ("/checkpoint", "GET, HEAD, OPTIONS"),
    ] {
        let answer = server
            .send(request(Method::OPTIONS, path, Body::empty()))
            .await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), allow);
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "authorization, content-type"
        );
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_frozen_log_serves_reads_only() {
    let frozen = |name, kind| TestLog {
        read_only: true,
        ..TestLog::new(name, kind)
    };
    let server = TestServer::new([
        frozen("rekor", LogKind::RekorV2),
        frozen("raw", LogKind::Raw),
    ]);
    let answer = server.post("/api/v2/log/entries", "{}").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let wanted = "This log has been frozen, please switch to the latest log.\n";
    assert_eq!(answer.text(), wanted);
    let answer = server.post("/logs/raw/add", "entry").await;
    answer.check_refused(405, 12, "Method Not Allowed: this log has been frozen");
    assert_eq!(server.get("/checkpoint").await.status, 200);
}

#[tokio::test]
async fn a_log_that_could_not_be_opened_leaves_the_others_alone() {
    let failed = TestLog {
        failed: true,
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let server = TestServer::new([failed, TestLog::new("raw", LogKind::Raw)]);
    for answer in [
        server.get("/checkpoint").await,
        server.get("/tile/0/000").await,
        server.get("/tile/entries/000").await,
        server.post("/api/v2/log/entries", "{}").await,
        server.post("/api/v2/log/entries/batch", "[]").await,
    ] {
        answer.check_refused(503, 14, "this log could not be opened");
        assert!(!answer.header("retry-after").is_empty());
        assert!(
            !answer.text().contains("secret"),
            "the reason is the operator's"
        );
    }
    assert_eq!(server.get("/logs/raw/checkpoint").await.status, 200);
}

#[tokio::test]
async fn tokens_guard_adds_and_not_reads() {
    let guarded = TestLog {
        tokens: &["one", "two"],
        ..TestLog::new("log", LogKind::Raw)
    };
    let server = TestServer::new([guarded]);
    let add = async |authorization: Option<&str>| {
        let mut request = request(Method::POST, "/logs/log/add", "entry");
        if let Some(authorization) = authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        server.send(request).await
    };
    for authorization in ["Bearer one", "bearer two", "BEARER   one "] {
        assert_eq!(
            add(Some(authorization)).await.status,
            200,
            "{authorization}"
        );
    }
    for authorization in [
        None,
        Some(""),
        Some("one"),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer three"),
        Some("Bearer on"),
        Some("Bearer onee"),
        Some("Basic one"),
        Some("Bearer one two"),
    ] {
        let answer = add(authorization).await;
        answer.check_refused(401, 16, "adding to this log needs one of its tokens");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(server.get("/logs/log/checkpoint").await.status, 200);
}

#[tokio::test]
async fn a_request_by_http_1_1_names_one_host() {
    let server = both();
    for (version, hosts, status) in [
        (Version::HTTP_11, &[][..], 400),
        (Version::HTTP_11, &["a"], 200),
        (Version::HTTP_11, &["a", "b"], 400),
        (Version::HTTP_11, &["a", "a"], 400),
        (Version::HTTP_10, &[], 200),
        (Version::HTTP_2, &[], 200),
    ] {
        let mut request = request(Method::GET, "/checkpoint", Body::empty());
        *request.version_mut() = version;
        for host in hosts {
            request.headers_mut().append(HOST, host.parse().unwrap());
        }
        let answer = server.send(request).await;
        assert_eq!(answer.status, status, "{version:?} {hosts:?}");
        if status == 400 {
            answer.check_refused(400, 3, "an HTTP/1.1 request has one host header");
        }
    }
}
