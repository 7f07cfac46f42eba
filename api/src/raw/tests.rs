//! Raw routes on a log in memory.

use super::*;

use crate::app::LogKind;
use crate::limits::Limits;
use crate::testing::{TestLog, TestServer};

fn framed(entries: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for entry in entries {
        tiles::entry_bundle::append_entry(&mut body, entry).unwrap();
    }
    body
}

#[tokio::test]
async fn an_entry_gets_the_next_index() {
    let server = TestServer::raw();
    for (entry, index) in [("a", "0"), ("b", "1"), ("", "2"), ("a", "0"), ("", "2")] {
        let answer = server.post("/logs/log/add", entry).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.text(), index);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_published_entry_can_be_read() {
    let server = TestServer::raw();
    let answer = server.post("/logs/log/add?wait=published", "entry").await;
    assert_eq!(answer.text(), "0");
    let bundle = server.get("/logs/log/tile/entries/000.p/1").await;
    assert_eq!(bundle.body, framed(&[b"entry"]));
    assert_eq!(
        server
            .post("/logs/log/add?wait=sequenced", "next")
            .await
            .text(),
        "1"
    );
}

#[tokio::test]
async fn a_batch_gets_an_index_for_each_entry() {
    let server = TestServer::raw();
    let body = framed(&[b"a", b"", b"c", b"a"]);
    let answer = server
        .post("/logs/log/add-batch?wait=published", body)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.text(), "0\n1\n2\n0\n");
    assert_eq!(
        server.get("/logs/log/tile/entries/000.p/3").await.body,
        framed(&[b"a", b"", b"c"])
    );
}

#[tokio::test]
async fn entries_over_a_limit_are_refused() {
    let limits = Limits {
        batch_count_max: 2,
        batch_body_len_bytes_max: 70_000,
        ..Limits::default()
    };
    let server = TestServer::with_limits([TestLog::new("log", LogKind::Raw)], limits);
    let largest = vec![b'x'; RAW_ENTRY_LEN_BYTES_MAX];
    assert_eq!(server.post("/logs/log/add", largest).await.status, 200);
    let too_large = vec![b'x'; RAW_ENTRY_LEN_BYTES_MAX + 1];
    let answer = server.post("/logs/log/add", too_large).await;
    answer.check_refused(413, 3, "the body is larger than 65535 bytes");
    let answer = server.post("/logs/log/add-batch", vec![0; 70_001]).await;
    answer.check_refused(413, 3, "the body is larger than 70000 bytes");
    let answer = server
        .post("/logs/log/add-batch", framed(&[b"a", b"b", b"c"]))
        .await;
    answer.check_refused(413, 3, "the batch has more than 2 entries");
}

#[tokio::test]
async fn a_malformed_request_is_refused() {
    let server = TestServer::raw();
    for (path, body, message) in [
        ("add-batch", &b""[..], "the batch is empty"),
        ("add-batch", b"\0", "the body is not a sequence of entries"),
        (
            "add-batch",
            b"\0\x05abcd",
            "the body is not a sequence of entries",
        ),
        (
            "add-batch",
            b"\0\x01a\xff\xffb",
            "the body is not a sequence of entries",
        ),
        ("add?wait=forever", b"a", "the query is not understood"),
        ("add?wait", b"a", "the query is not understood"),
        ("add-batch?x=y", b"\0\x01a", "the query is not understood"),
    ] {
        let answer = server.post(&format!("/logs/log/{path}"), body).await;
        answer.check_refused(400, 3, message);
    }
    assert_eq!(
        server.log("log").status().committed.size.get(),
        0,
        "nothing was added"
    );
}

#[tokio::test]
async fn a_full_pool_pushes_back() {
    let stuck = TestLog {
        stuck: true,
        ..TestLog::new("log", LogKind::Raw)
    };
    let server = TestServer::new([stuck]);
    let log = server.log("log").clone();
    let waiting = log.add_many(vec![
        UnfinishedEntry::new("a".into()),
        UnfinishedEntry::new("b".into()),
    ]);
    let answer = server.post("/logs/log/add", "c").await;
    answer.check_refused(503, 14, "reached max pushback; retry");
    assert_eq!(answer.header("retry-after"), "1");
    let answer = server.post("/logs/log/add-batch", framed(&[b"d"])).await;
    answer.check_refused(503, 14, "reached max pushback; retry");
    drop(waiting);
}

#[tokio::test]
async fn an_entry_that_takes_too_long_is_said_to_be_on_its_way() {
    let stuck = TestLog {
        stuck: true,
        ..TestLog::new("log", LogKind::Raw)
    };
    let limits = Limits {
        request_timeout: std::time::Duration::ZERO,
        ..Limits::default()
    };
    let server = TestServer::with_limits([stuck], limits);
    let answer = server.post("/logs/log/add", "a").await;
    answer.check_refused(504, 4, "failed to integrate entry: it is still on its way");
}

#[tokio::test]
async fn a_log_that_stopped_says_so() {
    let log = TestLog::new("log", LogKind::Raw);
    let faults = std::sync::Arc::clone(&log.faults);
    let server = TestServer::new([log]);
    assert_eq!(
        server
            .post("/logs/log/add?wait=published", "a")
            .await
            .text(),
        "0"
    );
    faults.plan(0, engine::store::memory::Fault::Lost);
    let answer = server.post("/logs/log/add", "b").await;
    answer.check_refused(500, 2, "failed to integrate entry");
    assert!(
        !answer.text().contains("simulated"),
        "the detail is the operator's"
    );
    let answer = server.post("/logs/log/add", "c").await;
    answer.check_refused(503, 14, "this log takes no entries");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(
        server.get("/logs/log/tile/0/000.p/1").await.status,
        200,
        "reads go on"
    );
}

#[tokio::test]
async fn a_closed_log_is_shutting_down() {
    let server = TestServer::raw();
    let log = server.log("log").clone();
    tokio::task::spawn_blocking(move || log.close())
        .await
        .unwrap();
    let answer = server.post("/logs/log/add", "a").await;
    answer.check_refused(503, 14, "this server is shutting down");
}

#[tokio::test]
async fn a_batch_that_waits_to_be_split_counts_as_a_body() {
    let server = TestServer::raw();
    let largest = server.app.limits.batch_body_len_bytes_max;
    let (finish, may_finish) = std::sync::mpsc::channel::<()>();
    let may_finish = std::sync::Arc::new(std::sync::Mutex::new(may_finish));
    // Every thread of the pool is busy until `finish` is dropped.
    let busy: Vec<_> = (0..crate::verify_pool::thread_count().get())
        .map(|_| {
            let may_finish = std::sync::Arc::clone(&may_finish);
            let wait = move || may_finish.lock().unwrap().recv().is_err();
            server.service.verify.submit(wait).unwrap()
        })
        .collect();
    let body = framed(&[&vec![b'x'; 60_000]]);
    let mut adding = Box::pin(server.post("/logs/log/add-batch", body));
    let first = std::future::poll_fn(|cx| std::task::Poll::Ready(adding.as_mut().poll(cx)));
    assert!(first.await.is_pending());
    assert!(!server.service.bodies.is_unused(largest));
    drop(finish);
    assert_eq!(adding.await.status, 200);
    assert!(server.service.bodies.is_unused(largest));
    drop(busy);
}
