//! gRPC on the port that speaks everything else: over HTTP/2 without TLS, its outcome in trailers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::{HOST, Request};
use cairn_tests::request::{Signer, leaf_of};
use http_body_util::{BodyExt as _, Full};
use hyper::HeaderMap;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;

const CREATE_ENTRY: &str = "/dev.sigstore.rekor.v2.Rekor/CreateEntry";

/// What came of a call: headers, trailers, and the body with its frame.
struct Called {
    headers: HeaderMap,
    trailers: Option<HeaderMap>,
    body: Bytes,
}

impl Called {
    /// The outcome, which is in the headers if there is no answer.
    fn code(&self) -> &str {
        let outcome = self.trailers.as_ref().unwrap_or(&self.headers);
        outcome["grpc-status"].to_str().unwrap()
    }
}

/// Makes calls on one connection.
fn call_all(server: &Server, calls: &[(&str, Vec<u8>)]) -> Vec<Called> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let connecting = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = connecting.await.unwrap();
        tokio::spawn(connection);
        let mut called = Vec::new();
        for (path, body) in calls {
            let request = hyper::Request::post(format!("http://{HOST}{path}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(Full::new(Bytes::from(body.clone())));
            let answer = sender.send_request(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.unwrap();
            called.push(Called {
                headers: parts.headers,
                trailers: body.trailers().cloned(),
                body: body.to_bytes(),
            });
        }
        called
    })
}

/// A field of protobuf with a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut len = content.len();
    while len >= 0x80 {
        field.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
        len >>= 7;
    }
    field.push(u8::try_from(len).unwrap());
    [field.as_slice(), content].concat()
}

/// A JSON request as the body of a call.
fn framed(request: &Value) -> Vec<u8> {
    let asked = &request["hashedRekordRequestV002"];
    let bytes = |pointer: &str| {
        let text = asked.pointer(pointer).unwrap().as_str().unwrap();
        STANDARD.decode(text).unwrap()
    };
    let key = field(
        1,
        &field(1, &bytes("/signature/verifier/publicKey/rawBytes")),
    );
    let verifier = field(2, &[key, vec![3 << 3, 5]].concat());
    let signature = field(
        2,
        &[field(1, &bytes("/signature/content")), verifier].concat(),
    );
    let message = field(1, &[field(1, &bytes("/digest")), signature].concat());
    let len = u32::try_from(message.len()).unwrap();
    [&[0], &len.to_be_bytes()[..], &message].concat()
}

#[test]
fn an_entry_is_logged_over_grpc() {
    let data = Data::init("rekor-v2", HOST);
    let server = data.serve();
    let request = Signer::new(7).request("a text");
    let called = call_all(&server, &[(CREATE_ENTRY, framed(&request))]);
    let [called] = called.as_slice() else {
        panic!("one call")
    };
    assert_eq!(called.code(), "0");
    assert!(called.trailers.is_some());
    assert_eq!(called.headers["content-type"], "application/grpc");
    let leaf = leaf_of(&request);
    let holds_leaf = called.body.windows(leaf.len()).any(|part| part == leaf);
    assert!(holds_leaf, "the answer has no leaf");
    let [0, a, b, c, d, message @ ..] = &*called.body else {
        panic!("an answer has a frame")
    };
    let len = u32::from_be_bytes([*a, *b, *c, *d]);
    assert_eq!(usize::try_from(len), Ok(message.len()));
    let known = Request::post("/api/v2/log/entries", request.to_string());
    let known = server.client().send(&known).expect(201);
    assert_eq!(known.header("x-log-index"), Some("1"));
    server.stop();
}

#[test]
fn what_is_wrong_is_said_and_the_connection_goes_on() {
    let data = Data::init("rekor-v2", HOST).set("rekor_body_len_bytes_max", "8192");
    let server = data.serve();
    let right = framed(&Signer::new(7).request("a text"));
    let mut wrong = Signer::new(7).request("a text");
    wrong["hashedRekordRequestV002"]["digest"] = Value::from(STANDARD.encode([7; 32]));
    let compressed = [&[1], &right[1..]].concat();
    let calls = [
        (CREATE_ENTRY, framed(&wrong), "3"),
        (CREATE_ENTRY, compressed, "12"),
        (CREATE_ENTRY, right.repeat(2), "12"),
        (CREATE_ENTRY, vec![0; 9000], "8"),
        (
            "/dev.sigstore.rekor.v2.Rekor/GetCheckpoint",
            vec![0; 5],
            "12",
        ),
        (CREATE_ENTRY, right, "0"),
    ];
    let sent: Vec<_> = calls
        .iter()
        .map(|(path, body, _)| (*path, body.clone()))
        .collect();
    for (called, (path, _, code)) in call_all(&server, &sent).iter().zip(&calls) {
        assert_eq!(called.code(), *code, "{path}: {:?}", called.headers);
        assert_eq!(called.body.is_empty(), *code != "0");
    }
    let stderr = server.stop();
    assert!(!stderr.contains("panic"), "{stderr}");
}
