//! Calls on a log in memory: what is framed, answered and refused.

use super::*;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sigstore::TransparencyLogEntry;

use crate::app::{Duplicates, LogKind};
use crate::limits::Limits;
use crate::rekor::v2::first_request;
use crate::testing::{TestLog, TestServer, request};

const CREATE_ENTRY: &str = "/dev.sigstore.rekor.v2.Rekor/CreateEntry";

/// What came of a call.
#[derive(Debug)]
struct Called {
    code: String,
    text: String,
    headers: HeaderMap,
    message: Vec<u8>,
}

/// A call with this body, whose headers `change` may change.
async fn call_with(
    server: &TestServer,
    path: &str,
    body: Vec<u8>,
    change: impl FnOnce(&mut Request),
) -> Called {
    let mut call = request(Method::POST, path, body);
    call.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    change(&mut call);
    let response = server.ask(call).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    // A refusal has its outcome in the headers, and nothing else.
    let outcome = body.trailers().unwrap_or(&parts.headers).clone();
    let text = |name| match outcome.get(name) {
        Some(value) => HeaderValue::to_str(value).unwrap().to_owned(),
        None => String::new(),
    };
    let (code, text) = (text(GRPC_STATUS), text(GRPC_MESSAGE));
    let body = body.to_bytes();
    assert_eq!(body.is_empty(), code != "0", "{text}");
    let message = if body.is_empty() {
        &[]
    } else {
        message(&body).unwrap()
    };
    Called {
        code,
        text,
        headers: parts.headers,
        message: message.to_vec(),
    }
}

async fn call(server: &TestServer, path: &str, message: &[u8]) -> Called {
    call_with(server, path, framed(message), |_| {}).await
}

fn framed(message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap();
    [&[0], &len.to_be_bytes()[..], message].concat()
}

/// A field of protobuf with a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(u64::try_from(content.len()).unwrap(), &mut field);
    [field.as_slice(), content].concat()
}

/// A request to log something, in JSON and in protobuf.
fn entry_request(text: &str) -> (Vec<u8>, Vec<u8>) {
    let json = first_request(text).unwrap();
    let value: Value = serde_json::from_slice(&json).unwrap();
    let bytes = |pointer: &str| {
        let path = format!("/hashedRekordRequestV002{pointer}");
        STANDARD
            .decode(value.pointer(&path).unwrap().as_str().unwrap())
            .unwrap()
    };
    let key = field(1, &bytes("/signature/verifier/publicKey/rawBytes"));
    let verifier = [field(1, &key), vec![3 << 3, 5]].concat();
    let signature = [field(1, &bytes("/signature/content")), field(2, &verifier)].concat();
    let request = [field(1, &bytes("/digest")), field(2, &signature)].concat();
    (json, field(1, &request))
}

#[tokio::test]
async fn an_entry_is_logged_as_by_json() {
    let server = TestServer::rekor();
    let (json, message) = entry_request("a");
    let called = call(&server, CREATE_ENTRY, &message).await;
    assert_eq!(called.code, "0", "{called:?}");
    assert!(!called.headers.contains_key("x-log-index"));
    let same = server.post("/api/v2/log/entries", json).await;
    assert_eq!(same.header("x-log-index"), "0");
    let entry = TransparencyLogEntry::parse(&same.body).unwrap();
    assert_eq!(called.message, entry.to_protobuf());
    let again = call(&server, &format!("/logs/rekor{CREATE_ENTRY}"), &message).await;
    assert_eq!(again.headers["x-log-index"], "0");
    assert_eq!(again.message, called.message);
}

#[tokio::test]
async fn what_is_wrong_with_an_entry_is_said_as_by_json() {
    let log = TestLog {
        duplicates: Duplicates::Conflict,
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let server = TestServer::new([log]);
    let (_, message) = entry_request("a");
    assert_eq!(call(&server, CREATE_ENTRY, &message).await.code, "0");
    let conflict = call(&server, CREATE_ENTRY, &message).await;
    assert_eq!(conflict.code, "6");
    assert_eq!(conflict.headers["x-log-index"], "0");
    let (_, other) = entry_request("b");
    let spoiled = [field(1, &field(1, b"another digest")), other.clone()].concat();
    for (message, wanted) in [
        (b"".as_slice(), "invalid type, must be hashedrekord: "),
        (&field(1, b""), "invalid hashedrekord request: "),
        (
            &other[..other.len() - 1],
            "request: not a CreateEntryRequest: ",
        ),
        (&field(2, b""), "invalid dsse request: "),
    ] {
        let refused = call(&server, CREATE_ENTRY, message).await;
        assert_eq!(refused.code, "3", "{refused:?}");
        assert!(refused.text.starts_with(wanted), "{}", refused.text);
    }
    // Parts of one message are merged: the later digest counts.
    assert_eq!(call(&server, CREATE_ENTRY, &spoiled).await.code, "0");
}

#[tokio::test]
async fn a_log_that_is_closed_or_full_says_so() {
    let closed = TestLog {
        read_only: true,
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let (_, message) = entry_request("a");
    let refused = call(&TestServer::new([closed]), CREATE_ENTRY, &message).await;
    assert_eq!(refused.code, "12");
    assert!(refused.text.contains("frozen"), "{}", refused.text);
    let with_token = TestLog {
        tokens: &["secret"],
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let refused = call(&TestServer::new([with_token]), CREATE_ENTRY, &message).await;
    assert_eq!(refused.code, "16");
    let stuck = TestLog {
        stuck: true,
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let server = TestServer::new([stuck]);
    let entry = |text: &'static str| engine::UnfinishedEntry::new(text.into());
    let _waiting = server
        .log("rekor")
        .add_many(vec![entry("a"), entry("b")])
        .unwrap();
    let refused = call(&server, CREATE_ENTRY, &message).await;
    assert_eq!(
        (refused.code.as_str(), &refused.headers["retry-after"]),
        ("14", &"1".parse().unwrap())
    );
}

#[tokio::test]
async fn a_body_is_one_message_in_its_frame() {
    let limits = Limits {
        rekor_body_len_bytes_max: 600,
        ..Limits::default()
    };
    let server = TestServer::with_limits([TestLog::new("rekor", LogKind::RekorV2)], limits);
    let (_, message) = entry_request("a");
    let right = framed(&message);
    let compressed = [&[1], &right[1..]].concat();
    let endless = [&[0, 0xff, 0xff, 0xff, 0xff], &right[5..]].concat();
    let largest = field(9, &vec![0; 600 - 3]);
    for (body, code) in [
        (vec![], "12"),
        ([right.clone(), right.clone()].concat(), "12"),
        ([right.clone(), vec![0]].concat(), "12"),
        (compressed, "12"),
        (right[..right.len() - 1].to_vec(), "3"),
        (right[..4].to_vec(), "3"),
        (endless, "3"),
        (framed(&vec![0; 601]), "8"),
        (framed(&largest), "3"),
    ] {
        let refused = call_with(&server, CREATE_ENTRY, body.clone(), |_| {}).await;
        assert_eq!(refused.code, code, "{refused:?}");
        let is_coded = refused.headers.contains_key(GRPC_ACCEPT_ENCODING);
        assert_eq!(is_coded, body.first() == Some(&1));
    }
    assert_eq!(server.log("rekor").status().committed.size.get(), 0);
}

#[tokio::test]
async fn what_is_not_a_method_is_unimplemented() {
    let server = TestServer::rekor();
    for path in [
        "/dev.sigstore.rekor.v2.Rekor/GetTile",
        "/dev.sigstore.rekor.v2.Rekor/",
        "/dev.sigstore.fulcio.v2.CA/CreateSigningCertificate",
        "/grpc.health.v1.Health/Check",
        "/api/v2/log/entries",
        "/api/v2/log/entries/batch",
        "/",
    ] {
        let refused = call(&server, path, b"").await;
        assert_eq!(refused.code, "12", "{path}: {refused:?}");
    }
    let raw = TestServer::raw();
    let refused = call(&raw, &format!("/logs/log{CREATE_ENTRY}"), b"").await;
    assert_eq!(refused.code, "12", "{refused:?}");
}

#[tokio::test]
async fn what_is_not_a_call_is_refused_in_http() {
    let server = TestServer::rekor();
    let (_, message) = entry_request("a");
    for (media_type, version, status) in [
        ("application/json", Version::HTTP_2, 415),
        ("application/grpc-web", Version::HTTP_2, 415),
        ("application/grpc+json", Version::HTTP_2, 415),
        ("application/grpc", Version::HTTP_11, 505),
    ] {
        let mut call = request(Method::POST, CREATE_ENTRY, framed(&message));
        let headers = call.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert("host", HeaderValue::from_static("log.example.org"));
        *call.version_mut() = version;
        let answer = server.send(call).await;
        assert_eq!(answer.status, status, "{media_type} {version:?}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for media_type in ["application/grpc+proto", "application/grpc; charset=x"] {
        let media_type = HeaderValue::from_static(media_type);
        let change = |call: &mut Request| {
            call.headers_mut().insert(CONTENT_TYPE, media_type);
        };
        let called = call_with(&server, CREATE_ENTRY, framed(&message), change).await;
        assert_eq!(called.code, "0", "{called:?}");
    }
    assert_eq!(server.get(CREATE_ENTRY).await.status, 501);
}

#[tokio::test]
async fn a_caller_waits_as_long_as_it_says() {
    let stuck = TestLog {
        stuck: true,
        ..TestLog::new("rekor", LogKind::RekorV2)
    };
    let server = TestServer::new([stuck]);
    let (_, message) = entry_request("a");
    for (timeout, code) in [("1m", "4"), ("0S", "4"), ("1", "3"), ("123456789m", "3")] {
        let timeout = HeaderValue::from_static(timeout);
        let change = |call: &mut Request| {
            call.headers_mut().insert(GRPC_TIMEOUT, timeout);
        };
        let refused = call_with(&server, CREATE_ENTRY, framed(&message), change).await;
        assert_eq!(refused.code, code, "{refused:?}");
    }
}

#[test]
fn time_limits_have_digits_and_a_unit() {
    for (text, wanted) in [
        ("2H", Some(Duration::from_hours(2))),
        ("3M", Some(Duration::from_mins(3))),
        ("00000004S", Some(Duration::from_secs(4))),
        ("5m", Some(Duration::from_millis(5))),
        ("6u", Some(Duration::from_micros(6))),
        ("99999999n", Some(Duration::from_nanos(99_999_999))),
        ("99999999H", Some(Duration::from_hours(99_999_999))),
        ("", None),
        ("S", None),
        ("-1S", None),
        ("+1S", None),
        ("1.5S", None),
        ("1s", None),
        ("1 S", None),
        ("000000001S", None),
    ] {
        assert_eq!(parse_timeout(text.as_bytes()), wanted, "{text:?}");
    }
}

#[test]
fn text_is_printable_in_a_header() {
    let encoded = percent_encode("100% \u{20ac}\n~");
    assert_eq!(encoded, "100%25 %E2%82%AC%0A~");
}

#[tokio::test]
async fn answers_are_framed_and_counted() {
    let response = answer(b"abc");
    assert_eq!(counted_status(&response), 200);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()[GRPC_STATUS], "0");
    assert_eq!(body.to_bytes(), Bytes::from_static(b"\0\0\0\0\x03abc"));
    assert_eq!(counted_status(&refuse(&Refusal::PoolFull)), 503);
}
