//! Clients that are slow, many, or wrong on purpose: each gets an answer or loses its connection,
//! the others are served meanwhile, and the server holds no more memory afterwards than before.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;

use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::{HOST, Request, Response, connect, read_response};
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::Signer;
use cairn_tests::wait::until;

/// Memory that floods may leave behind: caches, buffers of the allocator, threads.
const GROWTH_KIB_MAX: u64 = 300 * 1024;

/// What a connection sends, then nothing more; gives the answer, if there is one before it is
/// closed.
fn send_and_stop(server: &Server, sent: &[u8]) -> Option<Response> {
    let mut stream = connect(server.address()).unwrap();
    stream.write_all(sent).unwrap();
    read_response(&mut BufReader::new(stream), false).ok()
}

/// Checks that the server stops in good order, and never panicked.
fn check_unharmed(server: Server) {
    let stderr = server.stop();
    assert!(!stderr.contains("panic"), "{stderr}");
}

#[test]
fn a_client_that_stops_half_way_loses_its_connection() {
    let data = Data::init("rekor-v2", HOST)
        .set("header_timeout_ms", "300")
        .set("body_timeout_ms", "300")
        .set("request_timeout_ms", "300");
    let server = data.serve();
    assert_eq!(send_and_stop(&server, b""), None);
    assert_eq!(send_and_stop(&server, b"PRI * HTTP/2.0\r\n"), None);
    let in_headers = send_and_stop(&server, b"GET /checkpoint HTTP/1.1\r\nhost: ");
    assert!(in_headers.is_none_or(|answer| answer.status == 408));
    let head = b"POST /api/v2/log/entries HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{";
    let in_body = send_and_stop(&server, head).expect("a slow body is answered");
    assert_eq!(in_body.status, 408);
    server.client().get("/checkpoint").expect(200);
    check_unharmed(server);
}

#[test]
fn a_trickle_of_headers_ends_too() {
    let data = Data::init("rekor-v2", HOST).set("header_timeout_ms", "300");
    let server = data.serve();
    let mut stream = connect(server.address()).unwrap();
    stream.write_all(b"GET /checkpoint HTTP/1.1\r\n").unwrap();
    // One header after the other, for as long as the server takes them.
    until("the server closes", || stream.write_all(b"x: y\r\n").err());
    server.client().get("/checkpoint").expect(200);
    check_unharmed(server);
}

#[test]
fn what_is_not_http_is_refused() {
    let data = Data::init("rekor-v2", HOST);
    let server = data.serve();
    let many = "x: y\r\n".repeat(100);
    let long = format!("x: {}\r\n", "y".repeat(64 << 10));
    for (sent, allowed) in [
        (
            "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(),
            &[400_u16][..],
        ),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &[400, 505]),
        ("GET  /two  spaces HTTP/1.1\r\n\r\n".to_owned(), &[400]),
        (
            format!("GET /checkpoint HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
            &[400, 431],
        ),
        (
            format!("GET /checkpoint HTTP/1.1\r\nhost: x\r\n{long}\r\n"),
            &[400, 431],
        ),
        (
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(64 << 10)),
            &[400, 414, 431],
        ),
        (
            "POST /api/v2/log/entries HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n".to_owned(),
            &[400],
        ),
    ] {
        let shown: String = sent.chars().take(40).collect();
        let mut stream = connect(server.address()).unwrap();
        // It may close before it has read everything.
        let _refused_early = stream.write_all(sent.as_bytes());
        let answer = read_response(&mut BufReader::new(stream), false);
        let status = answer.map(|answer| answer.status);
        let refused = status
            .as_ref()
            .map_or(true, |status| allowed.contains(status));
        assert!(refused, "{shown:?}: {status:?}");
    }
    server.client().get("/checkpoint").expect(200);
    check_unharmed(server);
}

#[test]
fn connections_beyond_the_limit_wait_until_others_end() {
    let data = Data::init("rekor-v2", HOST).set("connections_max", "4");
    let server = data.serve();
    let mut held: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = connect(server.address()).unwrap();
            stream
                .write_all(b"GET /checkpoint HTTP/1.1\r\nhost: x\r\n\r\n")
                .unwrap();
            let mut first = [0];
            stream.read_exact(&mut first).unwrap();
            stream
        })
        .collect();
    let waiting = std::thread::scope(|scope| {
        let mut client = server.client();
        let waiting = scope.spawn(move || client.get("/checkpoint"));
        // All four are in use: the fifth has no answer until one of them goes.
        assert!(!waiting.is_finished());
        drop(held.pop());
        waiting.join().unwrap()
    });
    waiting.expect(200);
    check_unharmed(server);
}

#[test]
fn a_full_pool_pushes_back_and_loses_nothing() {
    let data = Data::init("raw", HOST)
        .set("pool_count_max", "2")
        .set("batch_age_ms", "200");
    let server = data.serve();
    let add = |n: usize| {
        let answer = server.client().post("/logs/log/add", format!("entry {n}"));
        (n, answer)
    };
    let answers: Vec<(usize, Response)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..24).map(|n| scope.spawn(move || add(n))).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    let (taken, pushed): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|(_, answer)| answer.status == 200);
    assert!(
        !taken.is_empty() && !pushed.is_empty(),
        "{} taken",
        taken.len()
    );
    for (_, answer) in pushed {
        let answer = answer.expect(503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(
            answer.text().contains("reached max pushback; retry"),
            "{}",
            answer.text()
        );
    }
    let log = RemoteLog::new(server.client(), "log", data.vkey("log"));
    let count = u64::try_from(taken.len()).unwrap();
    let head = log.checkpoint_covering(count);
    let entries = log.check_whole(&head);
    assert_eq!(entries.len(), taken.len());
    for (n, answer) in taken {
        let index: usize = answer.text().parse().unwrap();
        assert_eq!(entries[index], format!("entry {n}").into_bytes());
    }
    check_unharmed(server);
}

#[test]
fn reads_go_on_during_a_flood_of_wrong_signatures() {
    let data = Data::init("rekor-v2", HOST).set("verify_queue_count_max", "8");
    let server = data.serve();
    let mut wrong = Signer::new(7).request("a file");
    let other = Signer::new(7).request("another");
    wrong["hashedRekordRequestV002"]["signature"]["content"] =
        other["hashedRekordRequestV002"]["signature"]["content"].clone();
    let large = Request::post("/api/v2/log/entries", vec![b'['; 4 << 20]);
    let wrong = Request::post("/api/v2/log/entries", wrong.to_string());
    let flood = |request: &Request, times: usize| {
        let mut client = server.client();
        for _ in 0..times {
            // Each is refused, on its merits or because too many wait; none breaks the server.
            let status = client.try_send(request).map(|answer| answer.status);
            assert!(matches!(status, Ok(400 | 503)), "{status:?}");
        }
    };
    flood(&wrong, 50);
    flood(&large, 2);
    let before = server.resident_kib();
    std::thread::scope(|scope| {
        let floods: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| flood(&wrong, 100)))
            .collect();
        let large = scope.spawn(|| flood(&large, 20));
        let mut reader = server.client();
        let mut reads = 0;
        while floods.iter().any(|flood| !flood.is_finished()) || reads < 10 {
            reader.get("/checkpoint").expect(200);
            reader.get("/tile/0/000.p/1").expect(200);
            reads += 1;
        }
        large.join().unwrap();
    });
    let growth = server.resident_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB more than before");
    server
        .log_signature(&Signer::new(7), "a right one")
        .expect(201);
    let head = RemoteLog::new(server.client(), "rekor", data.vkey("rekor")).checkpoint();
    assert_eq!(head.size().get(), 2, "only the right one was logged");
    check_unharmed(server);
}

#[test]
fn envelopes_as_large_as_they_may_be_fill_no_memory() {
    let data = Data::init("rekor-v2", HOST);
    let server = data.serve();
    let path = "/api/v2/log/entries";
    let mut wrong = Signer::new(7).envelope_request(&vec![b'x'; 3_000_000]);
    wrong["dsseRequestV002"]["envelope"]["payloadType"] = "text/plain".into();
    let wrong = Request::post(path, wrong.to_string());
    let signature = r#"{"sig":"AAAA"},"#.repeat(200_000);
    let many =
        format!(r#"{{"dsseRequestV002":{{"envelope":{{"signatures":[{signature}{{}}]}}}}}}"#);
    let many = Request::post(path, many);
    let flood = |times: usize| {
        let mut client = server.client();
        for _ in 0..times {
            for request in [&wrong, &many] {
                let status = client.try_send(request).map(|answer| answer.status);
                assert!(matches!(status, Ok(400 | 503)), "{status:?}");
            }
        }
    };
    flood(2);
    let before = server.resident_kib();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| flood(5));
        }
    });
    let growth = server.resident_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB more than before");
    let right = Signer::new(7).envelope_request(&vec![b'x'; 3_000_000]);
    let right = Request::post(path, right.to_string());
    server.client().send(&right).expect(201);
    let head = RemoteLog::new(server.client(), "rekor", data.vkey("rekor")).checkpoint();
    assert_eq!(head.size().get(), 2, "only the right one was logged");
    check_unharmed(server);
}
