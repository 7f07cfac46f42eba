//! The limits of the transport, over real sockets on free ports.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;
use crate::app::LogKind;
use crate::testing::{TestLog, TestServer};

/// A running listener.
struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

async fn start(limits: Limits, connections_max: usize) -> Running {
    let app = TestServer::with_limits([TestLog::new("log", LogKind::Raw)], limits).app;
    let routes = crate::serve::Public::new(&app).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let server = Server::new(&app, routes, connections_max);
    Running {
        address,
        stop,
        ended: tokio::spawn(server.run(listener, stopped)),
    }
}

/// Limits under which a slow client is given up soon.
fn impatient() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(50),
        ..Limits::default()
    }
}

/// What comes back for `request` until the server closes the connection.
async fn answer(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_is_answered_with_its_id() {
    let running = start(Limits::default(), 8).await;
    let request = "GET /logs/log/checkpoint HTTP/1.1\r\nhost: a\r\nx-request-id: mine\r\n\
        connection: close\r\n\r\n";
    let answer = answer(running.address, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-request-id: mine\r\n"), "{answer}");
    assert!(answer.contains("\r\n\r\nlog.example.org\n0\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_sends_nothing_or_half_a_head_is_dropped() {
    let running = start(impatient(), 8).await;
    for sent in ["", "GET /healthz HT"] {
        assert_eq!(answer(running.address, sent).await, "");
    }
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let running = start(Limits::default(), 8).await;
    let many = "a: b\r\n".repeat(limits::HEADERS_COUNT_MAX + 1);
    let long = format!("a: {}\r\n", "b".repeat(limits::HTTP1_BUFFER_LEN_BYTES_MAX));
    for headers in [many, long] {
        let answer = answer(running.address, &format!("GET / HTTP/1.1\r\n{headers}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_to_end() {
    let running = start(Limits::default(), 1).await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(request).await.unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(request).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), second.read_exact(&mut byte)).await;
    assert!(
        early.is_err(),
        "the second connection was served beside the first"
    );
    drop(first);
    second.read_exact(&mut byte).await.unwrap();
}

#[tokio::test]
async fn stopping_ends_idle_connections_and_the_listener() {
    let running = start(Limits::default(), 8).await;
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();
    running.stop.send(true).unwrap();
    running.ended.await.unwrap();
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_client_that_sends_a_refused_body_to_its_end_gets_the_answer() {
    let running = start(Limits::default(), 8).await;
    let len = 6 << 20;
    for path in ["/logs/log/add", "/logs/none/add"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n"
        );
        let answer = answer(running.address, &(head + &"x".repeat(len))).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test]
async fn a_coded_head_has_no_length() {
    let running = start(Limits::default(), 8).await;
    let add = format!(
        "POST /logs/log/add?wait=published HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
        content-length: 300\r\n\r\n{:0300}",
        0
    );
    assert!(
        answer(running.address, &add)
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    let head = "HEAD /logs/log/tile/entries/000.p/1 HTTP/1.1\r\nhost: a\r\n\
        connection: close\r\naccept-encoding: gzip\r\n\r\n";
    let answer = answer(running.address, head).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains("\r\ncontent-encoding: gzip\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("content-length"), "{answer}");
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_reader_that_stalls() {
    let running = start(Limits::default(), 8).await;
    let entry = "x".repeat(60_000);
    for number in 100..356 {
        let add = format!(
            "POST /logs/log/add HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
            content-length: 60003\r\n\r\n{number}{entry}"
        );
        assert!(
            answer(running.address, &add)
                .await
                .starts_with("HTTP/1.1 200 ")
        );
    }
    let mut stalled = TcpStream::connect(running.address).await.unwrap();
    stalled
        .write_all(b"GET /logs/log/tile/entries/000 HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    stalled.read_exact(&mut [0; 12]).await.unwrap();
    running.stop.send(true).unwrap();
    let soon = limits::UNREAD_SHUTDOWN_TIME_MAX * 4;
    tokio::time::timeout(soon, running.ended)
        .await
        .unwrap()
        .unwrap();
}
