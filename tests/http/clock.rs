//! The timestamp authority's clock, as time servers see it: no timestamp before more than half of
//! them agree with it, and none while they do not.

use std::net::UdpSocket;
use std::thread;

use cairn_tests::cairnd::Data;
use cairn_tests::http::Request;
use cairn_tests::wait::until;
use engine::{Clock as _, SystemClock};
use serde_json::json;

/// From 1900 to 1970, in seconds.
const ERA_BEGINS_S: u64 = 2_208_988_800;

/// A time server on any free port, whose clock is ahead by so many seconds. It answers until the
/// test's process ends.
fn time_server(ahead_s: u64) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut request = [0; 48];
        while let Ok((48, from)) = socket.recv_from(&mut request) {
            let now_ms = SystemClock::new().now().get();
            let seconds = now_ms / 1000 + ERA_BEGINS_S + ahead_s;
            let fraction = ((now_ms % 1000) << 32) / 1000;
            let now = (seconds << 32 | fraction).to_be_bytes();
            let mut answer = [0; 48];
            answer[..2].copy_from_slice(&[0x24, 1]);
            answer[24..32].copy_from_slice(&request[40..]);
            answer[32..40].copy_from_slice(&now);
            answer[40..].copy_from_slice(&now);
            // The server may have gone.
            let _unheard = socket.send_to(&answer, from);
        }
    });
    address.to_string()
}

/// The statuses that requests for a timestamp get, until one is as wanted.
fn asked_until(servers: &[String], wanted: u16) -> Vec<u16> {
    let data = Data::empty();
    data.up().stop();
    let servers: Vec<String> = servers.iter().map(|server| format!("{server:?}")).collect();
    let data = data.set("ntp", &format!("[{}]", servers.join(", ")));
    let server = data.up();
    let host = server.address().to_string();
    let body = json!({"artifactHash": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "hashAlgorithm": "sha256"});
    let request = Request::post("/api/v1/timestamp", body.to_string())
        .header("content-type", "application/json")
        .header("host", &host);
    let mut statuses = Vec::new();
    until("the servers were asked", || {
        statuses.push(server.client().send(&request).status);
        let logged = server.stderr();
        let is_told = wanted == 200 || logged.contains("time servers 1 agree with the clock");
        (is_told && statuses.last() == Some(&wanted)).then_some(())
    });
    server.stop();
    statuses
}

#[test]
fn timestamps_are_given_once_a_majority_agrees() {
    let servers = [time_server(0), time_server(0), time_server(3600)];
    let statuses = asked_until(&servers, 200);
    assert!(
        statuses.iter().all(|status| [503, 200].contains(status)),
        "{statuses:?}"
    );
}

#[test]
fn no_timestamp_is_given_while_a_majority_disagrees() {
    let servers = [time_server(0), time_server(5), time_server(3600)];
    let statuses = asked_until(&servers, 503);
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
}
