//! SIGTERM: the server finishes what it took and exits well; a second signal ends it at once.

use std::io::{BufReader, Read as _, Write as _};

use cairn_tests::cairnd::Data;
use cairn_tests::http::connect;

use crate::load::{Load, data};

#[test]
fn shutdown_under_load_loses_nothing() {
    let data = data();
    let mut server = data.serve();
    let history = Load::new(0).run(&data, &server, |load| {
        load.wait_for_more(50);
        load.may_end();
        server.terminate();
        server.says("shutting down");
    });
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{}", server.stderr());
    assert!(history.acknowledged.len() >= 50);
    // Everything sequenced was published: a server that only reads finds it in the checkpoint.
    history.check_reopened(&data);
}

#[test]
fn an_idle_server_stops_at_once() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve();
    // A kept-alive connection that asks for nothing does not hold it up.
    let mut idle = server.client();
    idle.get("/checkpoint").expect(200);
    server.stop();
    data.fsck();
}

#[test]
fn a_second_signal_does_not_wait_for_anybody() {
    let data = Data::init("rekor-v2", "log.example.org").set("body_timeout_ms", "600000");
    let data = data
        .set("request_timeout_ms", "600000")
        .set("shutdown_timeout_ms", "600000");
    let mut server = data.serve();
    // A request whose body never ends; the server has read its head once it asks for more.
    let mut slow = connect(server.address()).unwrap();
    let head = "POST /api/v2/log/entries HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n";
    slow.write_all(format!("{head}content-length: 100\r\n\r\n").as_bytes())
        .unwrap();
    let mut interim = [0; 12];
    slow.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100");
    server.terminate();
    server.says("shutting down");
    server.terminate();
    let status = server.wait();
    assert_eq!(status.code(), Some(1), "{}", server.stderr());
    // The request was cut off, without an answer.
    let mut rest = String::new();
    let _cut_off = BufReader::new(slow).read_to_string(&mut rest);
    assert!(!rest.contains("201"), "{rest}");
    data.fsck();
}
