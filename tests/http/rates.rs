//! How often one caller may ask: by identity whatever their address, by address whoever they are,
//! the address being what a trusted proxy says.

use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::{Request, Response};
use serde_json::{Value, json};

/// An instance behind a proxy on this machine, with small rates.
fn instance() -> (Data, Server) {
    let data = Data::empty();
    data.up().stop();
    let data = data
        .set("trusted_proxies", "[\"127.0.0.0/8\"]")
        .set("certificates_per_minute_by_identity", "2")
        .set("certificates_per_minute_by_address", "5")
        .set("timestamps_per_minute_by_address", "3");
    let server = data.up();
    (data, server)
}

fn post(server: &Server, path: &str, body: &Value, from: &str) -> Response {
    let host = server.address().to_string();
    let request = Request::post(path, body.to_string())
        .header("host", &host)
        .header("content-type", "application/json")
        .header("x-forwarded-for", from);
    server.client().send(&request)
}

fn check_refused(refused: &Response) {
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let json: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(json["code"], 8);
    let message = json["message"].as_str().unwrap();
    assert!(message.starts_with("too many requests; "), "{message}");
}

#[test]
fn certificates_are_counted_by_identity_and_by_address() {
    let (data, server) = instance();
    let ask = |identity: &str, from: &str| {
        let token = data.done(&["dev-token", "--identity", identity]);
        // Without a key: the token is right, and that is what counts.
        let body = json!({"credentials": {"oidcIdentityToken": token.trim_end()}});
        post(&server, "/api/v2/signingCert", &body, from)
    };
    ask("ada@example.com", "192.0.2.1").expect(400);
    ask("ada@example.com", "192.0.2.2").expect(400);
    check_refused(&ask("ada@example.com", "192.0.2.3"));
    ask("bob@example.com", "192.0.2.3").expect(400);
    // Without a token nobody's share is used up, but the address's is.
    for _ in 0..5 {
        post(&server, "/api/v2/signingCert", &json!({}), "192.0.2.4").expect(400);
    }
    check_refused(&ask("cyd@example.com", "192.0.2.4"));
    ask("cyd@example.com", "192.0.2.5").expect(400);
    let stderr = server.stop();
    assert!(!stderr.contains("panic"), "{stderr}");
}

#[test]
fn timestamps_are_counted_by_address() {
    let (_data, server) = instance();
    let ask = |from: &str| post(&server, "/api/v1/timestamp", &json!({}), from);
    for _ in 0..3 {
        ask("2001:db8::1").expect(400);
    }
    check_refused(&ask("2001:db8::2"));
    ask("2001:db8:1::1").expect(400);
    // Whoever is on this machine is not counted.
    for _ in 0..9 {
        ask("127.0.0.1").expect(400);
    }
    server.stop();
}
