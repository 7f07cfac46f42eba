//! Clients that send a byte now and then, or ask for much and read nothing: each loses its
//! connection in time, and until then it is in nobody's way.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;

use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::connect;
use cairn_tests::wait::until;

use crate::load::{Load, data, framed};

/// Clients of each kind.
const CLIENTS: usize = 100;
/// Requests that are asked and never read: far more bytes than sockets hold.
const UNREAD_REQUESTS: usize = 200;
const PADDING_LEN: usize = 1000;
/// The first full bundle of the raw log.
const BUNDLE: &str = "/logs/builds/tile/entries/000";
/// Close to the largest entry; a bundle of them fits into one request.
const LARGE_LEN: usize = 65_000;

/// Memory that all of them together may take, for buffers and the answers that wait in them.
const GROWTH_KIB_MAX: u64 = 400 * 1024;

/// A connection that sends what it has to say byte by byte.
#[derive(Debug)]
struct Slow {
    stream: TcpStream,
    closed: bool,
}

impl Slow {
    /// A client that said `begun` at once.
    fn new(server: &Server, begun: &[u8]) -> Self {
        let mut stream = connect(server.address()).unwrap();
        stream.write_all(begun).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self {
            stream,
            closed: false,
        }
    }

    /// Sends one more byte; says whether the server has closed.
    fn trickle(&mut self) -> bool {
        if let Err(error) = self.stream.write(b"a") {
            self.closed |= error.kind() != ErrorKind::WouldBlock;
        }
        self.closed
    }
}

/// Clients in the middle of their headers, and of bodies for each kind of log.
fn slow(server: &Server) -> Vec<Slow> {
    let body = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 65000\r\n\r\n").into_bytes()
    };
    let begun = [
        b"GET /checkpoint HTTP/1.1\r\nx: ".to_vec(),
        body("/logs/builds/add"),
        body("/logs/builds/add-batch"),
        body("/api/v2/log/entries"),
    ];
    begun
        .iter()
        .flat_map(|begun| (0..CLIENTS).map(move |_| Slow::new(server, begun)))
        .collect()
}

/// A client that asks for the same again and again, and never reads.
fn deaf(server: &Server, path: &str) -> TcpStream {
    let ask = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut stream = connect(server.address()).unwrap();
    stream
        .write_all(ask.repeat(UNREAD_REQUESTS).as_bytes())
        .unwrap();
    stream
}

#[test]
fn slow_clients_are_in_nobodys_way() {
    let data = data()
        .set("header_timeout_ms", "10000")
        .set("body_timeout_ms", "10000");
    let server = data.serve();
    let history = Load::new(0)
        .padded(PADDING_LEN)
        .run(&data, &server, |load| {
            // Enough for a full bundle.
            load.wait_for_more(1000);
            let before_kib = server.resident_kib();
            let deaf: Vec<TcpStream> = (0..CLIENTS).map(|_| deaf(&server, BUNDLE)).collect();
            let mut slow = slow(&server);
            until("every slow client lost its connection", || {
                let open = slow.iter_mut().filter(|slow| !slow.closed);
                let open = open
                    .filter_map(|slow| (!slow.trickle()).then_some(()))
                    .count();
                (open == 0).then_some(())
            });
            load.wait_for_more(300);
            load.wait_for_audits(20);
            let grown_kib = server.resident_kib().saturating_sub(before_kib);
            assert!(
                grown_kib < GROWTH_KIB_MAX,
                "{grown_kib} KiB for slow clients"
            );
            // Nor do those that do not read hold up a shutdown.
            load.may_end();
            server.terminate();
            server.says("closed");
            drop(deaf);
        });
    server.stop();
    history.check_reopened(&data);
}

/// One bundle of the largest entries, and more readers that stall than there is memory for.
#[test]
fn readers_that_stall_shut_nobody_out_for_long() {
    let data = Data::init("raw", "log.example.org");
    let server = data.serve();
    let mut client = server.client();
    let entries: Vec<Vec<u8>> = (0..=255).map(|n| vec![n; LARGE_LEN]).collect();
    let body = framed(entries.iter().map(Vec::as_slice));
    client
        .post("/logs/log/add-batch?wait=published", body)
        .expect(200);
    let path = "/logs/log/tile/entries/000";
    let stalled: Vec<TcpStream> = (0..CLIENTS).map(|_| deaf(&server, path)).collect();
    until("there is no room", || {
        let answer = client.get(path);
        let refused = answer.status == 503;
        assert!(!refused || answer.text().contains("waiting for their readers"));
        refused.then_some(())
    });
    until("there is room again", || {
        (client.get(path).status == 200).then_some(())
    });
    drop(stalled);
    server.stop();
}
