//! Which log answers where; health and metrics; a log that cannot be opened.

use std::fs;

use cairn_tests::cairnd::Data;
use cairn_tests::golden::{exchange, normalize};
use cairn_tests::http::{Client, Request};

use crate::cases::{Case, case, check, goldens};

fn at(host: &str, path: &str) -> Request {
    Request::get(path).header("host", host)
}

/// At a server whose v2 logs both name their hosts, beside a raw log.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("host-first", at("log.example.org", "/checkpoint")),
        case("host-second", at("second.log.example.org", "/checkpoint")),
        case(
            "host-with-port",
            at("second.log.example.org:8080", "/checkpoint"),
        ),
        case(
            "host-upper-case",
            at("SECOND.log.Example.org.", "/checkpoint"),
        ),
        case("host-wrong", at("wrong.example.org", "/checkpoint")),
        case(
            "host-wrong-by-name",
            at("wrong.example.org", "/logs/second/checkpoint"),
        ),
        case("host-address", at("127.0.0.1:3000", "/checkpoint")),
        case(
            "host-in-request-line",
            at(
                "wrong.example.org",
                "http://second.log.example.org/checkpoint",
            ),
        ),
        case("host-empty", at("", "/checkpoint")),
        case("log-raw", Request::get("/logs/builds/checkpoint")),
        case(
            "log-raw-under-api",
            Request::get("/logs/builds/api/v2/checkpoint"),
        ),
        case("log-unknown", Request::get("/logs/nobody/checkpoint")),
        case("log-upper-case", Request::get("/logs/Builds/checkpoint")),
        case("log-itself", Request::get("/logs/builds/")),
        case("log-list", Request::get("/logs/")),
        case("healthz", Request::get("/healthz")),
        case("healthz-head", Request::new("HEAD", "/healthz")),
        case(
            "preflight",
            Request::new("OPTIONS", "/api/v2/log/entries")
                .header("origin", "https://example.com")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "content-type"),
        ),
        case("preflight-raw", Request::new("OPTIONS", "/logs/builds/add")),
        case("healthz-post", Request::post("/healthz", "")),
        case("preflight-nowhere", Request::new("OPTIONS", "/nowhere")),
        case(
            "request-id-kept",
            Request::get("/nowhere").header("x-request-id", "mine-1"),
        ),
    ]
}

/// At a server with no v2 log.
pub(crate) fn raw_only() -> Vec<Case> {
    vec![
        case("raw-only-root", Request::get("/checkpoint")),
        case("raw-only-add-at-root", Request::post("/add", "x")),
        case("raw-only-by-name", Request::get("/logs/log/checkpoint")),
    ]
}

/// At a server one of whose logs has lost its checkpoint.
pub(crate) fn failed() -> Vec<Case> {
    vec![
        case("failed-read", Request::get("/logs/log/checkpoint")),
        case("failed-add", Request::post("/logs/log/add", "x")),
        case(
            "failed-other-log",
            Request::post("/logs/second/add?wait=published", "x"),
        ),
        case("failed-healthz", Request::get("/healthz")),
    ]
}

/// At the metrics listener.
pub(crate) fn metrics() -> Vec<Case> {
    vec![case("metrics", Request::get("/metrics"))]
}

#[test]
fn hosts_and_names_lead_to_logs() {
    let data = Data::init("rekor-v2", "log.example.org")
        .set("hosts", "[\"log.example.org\"]")
        .log("second", "rekor-v2")
        .log("builds", "raw");
    check(&data.serve(), cases());
}

#[test]
fn a_raw_log_is_at_its_name_only() {
    let data = Data::init("raw", "log.example.org");
    check(&data.serve(), raw_only());
}

#[test]
fn a_log_that_cannot_be_opened_does_not_take_the_others_down() {
    let data = Data::init("raw", "log.example.org").log("second", "raw");
    fs::remove_file(data.store("log").join("checkpoint")).unwrap();
    let server = data.serve();
    assert_eq!(server.line("log log "), "raw log.example.org failed");
    check(&server, failed());
    server.says("checkpoint");
}

#[test]
fn metrics_have_a_listener_of_their_own() {
    let data = Data::init("rekor-v2", "log.example.org");
    let server = data.serve_with(&["--metrics-listen", "127.0.0.1:0"]);
    let line = server.line("metrics on http://");
    let mut private = Client::new(line.trim_end_matches("/metrics").parse().unwrap());
    for Case { name, request } in metrics() {
        let mut response = private.send(&request).expect(200);
        let families = response.text().lines().filter(|line| line.starts_with('#'));
        response.body = families
            .fold(String::new(), |all, line| all + line + "\n")
            .into();
        goldens().check(name, &normalize(&exchange(&request, &response)));
    }
    private.get("/healthz").expect(200);
    private.get("/checkpoint").expect(404);
    server.client().get("/metrics").expect(404);
}

/// The request's own id and what was asked, on lines that say only what went wrong.
#[test]
fn what_is_logged_of_a_request_names_it() {
    let data = Data::init("raw", "log.example.org");
    let refused = Request::post("/healthz", "").header("x-request-id", "mine-1");
    for (format, named) in [
        (
            "text",
            r#"request{id="mine-1" method="POST" path="/healthz" client=127.0.0.1}: "#,
        ),
        (
            "json",
            concat!(
                r#"{"client":"127.0.0.1","id":"mine-1","method":"POST","#,
                r#""path":"/healthz","name":"request"}"#,
            ),
        ),
    ] {
        let server = data.serve_with(&["--metrics-listen", "off", "--log-format", format]);
        server.client().send(&refused);
        server.client().get("/healthz");
        let log = server.stop();
        let lines: Vec<_> = log
            .lines()
            .filter(|line| line.contains("refused"))
            .collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains(named), "{log}");
    }
}
