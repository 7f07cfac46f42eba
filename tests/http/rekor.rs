//! The Rekor v2 routes: what is answered, and each way to be refused.

use cairn_tests::cairnd::Data;
use cairn_tests::http::Request;
use cairn_tests::request::Signer;
use serde_json::{Value, json};

use crate::cases::{Case, case, check};

const ADD: &str = "/api/v2/log/entries";
const BATCH: &str = "/api/v2/log/entries/batch";
const STRICT: &str = "/logs/strict/api/v2/log/entries";

/// A v2 log at the root, one that answers duplicates with 409, one that is frozen; small limits.
fn data() -> Data {
    Data::init("rekor-v2", "log.example.org")
        .set("rekor_body_len_bytes_max", "8192")
        .set("batch_body_len_bytes_max", "16384")
        .set("batch_count_max", "4")
        .log("strict", "rekor-v2")
        .set("duplicates", "\"conflict\"")
        .log("frozen", "rekor-v2")
        .set("read_only", "true")
}

fn right(text: &str) -> Value {
    Signer::new(7).request(text)
}

fn post(path: &str, request: &Value) -> Request {
    Request::post(path, request.to_string())
}

/// A right request to log an envelope.
fn envelope() -> Value {
    Signer::new(7).envelope_request(br#"{"_type":"https://in-toto.io/Statement/v1"}"#)
}

/// A body of unknown length, in two chunks.
fn chunked(body: &str) -> Request {
    let (first, second) = body.split_at(body.len() / 2);
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let body = chunk(first) + &chunk(second) + "0\r\n\r\n";
    Request::post(ADD, body).header("transfer-encoding", "chunked")
}

/// A right request with `change` made to what is in `hashedRekordRequestV002`.
fn spoiled(change: impl FnOnce(&mut Value)) -> Request {
    let mut request = right("spoiled");
    change(&mut request["hashedRekordRequestV002"]);
    post(ADD, &request)
}

/// A right request whose key has another label.
fn labelled(key_details: impl Into<Value>) -> Request {
    let label = key_details.into();
    spoiled(|asked| asked["signature"]["verifier"]["keyDetails"] = label)
}

pub(crate) fn answered() -> Vec<Case> {
    let mut snake = right("first");
    let asked = snake["hashedRekordRequestV002"].take();
    let verifier = &asked["signature"]["verifier"];
    let snake = json!({"hashed_rekord_request_v002": {
        "digest": asked["digest"],
        "signature": {"content": asked["signature"]["content"], "verifier": {
            "public_key": {"raw_bytes": verifier["publicKey"]["rawBytes"]},
            "key_details": 5,
        }},
    }});
    vec![
        case("rekor-created", post(ADD, &right("first"))),
        case("rekor-duplicate", post(ADD, &right("first"))),
        case("rekor-duplicate-in-snake-case", post(ADD, &snake)),
        case("rekor-chunked", chunked(&right("first").to_string())),
        case(
            "rekor-slashes",
            post("//api/v2//log/entries/", &right("first")),
        ),
        case(
            "rekor-by-name",
            post("/logs/rekor/api/v2/log/entries", &right("second")),
        ),
        case("rekor-strict-created", post(STRICT, &right("first"))),
        case("rekor-strict-conflict", post(STRICT, &right("first"))),
        case(
            "rekor-strict-by-host",
            post(ADD, &right("second")).header("host", "strict.log.example.org:3000"),
        ),
        case(
            "rekor-frozen",
            post("/logs/frozen/api/v2/log/entries", &right("first")),
        ),
        case("rekor-dsse", post(ADD, &envelope())),
        case("rekor-dsse-duplicate", post(ADD, &envelope())),
    ]
}

pub(crate) fn refused() -> Vec<Case> {
    let mut cases = refused_forms();
    cases.extend(refused_contents());
    cases.extend(refused_envelopes());
    cases.extend(refused_algorithms());
    cases
}

/// What is no request at all.
fn refused_forms() -> Vec<Case> {
    let twice = format!("{0}{0}", right("first"));
    let oversized = format!("{}{}", right("first"), " ".repeat(8192));
    let mut both = right("first");
    both["dsseRequestV002"] = json!({});
    let repeated = right("first")
        .to_string()
        .replace(r#"{"digest""#, r#"{"digest":"","digest""#);
    vec![
        case("rekor-empty", Request::post(ADD, "")),
        case("rekor-empty-object", Request::post(ADD, "{}")),
        case("rekor-null", Request::post(ADD, "null")),
        case("rekor-not-json", Request::post(ADD, "signature=abc")),
        case(
            "rekor-not-utf8",
            Request::post(ADD, [b'{', b'"', 0xff, b'"', b':', b'1', b'}']),
        ),
        case(
            "rekor-cut-off",
            Request::post(ADD, r#"{"hashedRekordRequestV002":{"#),
        ),
        case("rekor-nested", Request::post(ADD, "[".repeat(4000))),
        case("rekor-two-values", Request::post(ADD, twice)),
        case("rekor-oversized", Request::post(ADD, oversized.clone())),
        case("rekor-chunked-oversized", chunked(&oversized)),
        case("rekor-two-requests", post(ADD, &both)),
        case("rekor-field-twice", Request::post(ADD, repeated)),
        case(
            "rekor-unknown-field",
            spoiled(|asked| asked["artifact"] = json!("x")),
        ),
        case(
            "rekor-coded",
            post(ADD, &right("first")).header("content-encoding", "gzip"),
        ),
        case("rekor-get", Request::get(ADD)),
        case("rekor-put", Request::new("PUT", ADD)),
        case("rekor-add-raw", Request::post("/add", "x")),
    ]
}

/// Envelopes that are not one signature by one key.
fn refused_envelopes() -> Vec<Case> {
    let spoiled = |change: fn(&mut Value)| {
        let mut request = envelope();
        change(&mut request["dsseRequestV002"]);
        post(ADD, &request)
    };
    vec![
        case(
            "rekor-dsse-empty",
            spoiled(|asked| asked["envelope"] = json!({})),
        ),
        case(
            "rekor-dsse-not-signed",
            spoiled(|asked| asked["envelope"]["signatures"] = json!([])),
        ),
        case(
            "rekor-dsse-signed-twice",
            spoiled(|asked| twice(&mut asked["envelope"]["signatures"])),
        ),
        case(
            "rekor-dsse-two-keys",
            spoiled(|asked| twice(&mut asked["verifiers"])),
        ),
        case(
            "rekor-dsse-wrong-signature",
            spoiled(|asked| asked["envelope"]["payloadType"] = json!("text/plain")),
        ),
        case(
            "rekor-dsse-signature-a-number",
            spoiled(|asked| asked["envelope"]["signatures"][0]["sig"] = json!(7)),
        ),
    ]
}

/// A list with its first element again.
fn twice(list: &mut Value) {
    *list = json!([list[0], list[0]]);
}

/// Requests whose parts do not belong together.
fn refused_contents() -> Vec<Case> {
    let verifier =
        |change: fn(&mut Value)| spoiled(|asked| change(&mut asked["signature"]["verifier"]));
    let other = right("something else");
    let other_signature = other["hashedRekordRequestV002"]["signature"]["content"].clone();
    let pem = "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K";
    vec![
        case(
            "rekor-no-digest",
            spoiled(|asked| asked["digest"] = json!("")),
        ),
        case(
            "rekor-short-digest",
            spoiled(|asked| asked["digest"] = json!("AAAA")),
        ),
        case(
            "rekor-digest-not-base64",
            spoiled(|asked| asked["digest"] = json!("A B=")),
        ),
        case(
            "rekor-digest-a-number",
            spoiled(|asked| asked["digest"] = json!(7)),
        ),
        case(
            "rekor-no-signature",
            spoiled(|asked| asked["signature"] = Value::Null),
        ),
        case(
            "rekor-empty-signature",
            spoiled(|asked| asked["signature"]["content"] = json!("")),
        ),
        case(
            "rekor-wrong-signature",
            spoiled(|asked| asked["signature"]["content"] = other_signature),
        ),
        case(
            "rekor-garbled-signature",
            spoiled(|asked| asked["signature"]["content"] = json!("AAAA")),
        ),
        case(
            "rekor-no-verifier",
            verifier(|verifier| *verifier = Value::Null),
        ),
        case(
            "rekor-no-key",
            verifier(|verifier| *verifier = json!({"keyDetails": "PKIX_ECDSA_P256_SHA_256"})),
        ),
        case(
            "rekor-key-and-certificate",
            verifier(|verifier| verifier["x509Certificate"] = json!({"rawBytes": "AAAA"})),
        ),
        case(
            "rekor-key-not-der",
            verifier(|verifier| verifier["publicKey"]["rawBytes"] = json!("AAAA")),
        ),
        case(
            "rekor-key-in-pem",
            spoiled(|asked| {
                asked["signature"]["verifier"]["publicKey"]["rawBytes"] = json!(pem);
            }),
        ),
        case(
            "rekor-certificate-not-der",
            verifier(|verifier| {
                *verifier = json!({
                    "x509Certificate": {"rawBytes": "AAAA"},
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                });
            }),
        ),
    ]
}

/// Labels that are unknown, forbidden or another key's.
fn refused_algorithms() -> Vec<Case> {
    vec![
        case("rekor-label-none", labelled(Value::Null)),
        case("rekor-label-unknown", labelled("PKIX_NOPE")),
        case("rekor-label-number-unknown", labelled(99)),
        case("rekor-label-ed25519", labelled("PKIX_ED25519")),
        case("rekor-label-pss", labelled("PKIX_RSA_PSS_2048_SHA256")),
        case("rekor-label-ml-dsa", labelled("ML_DSA_65")),
        case(
            "rekor-label-of-rsa",
            labelled("PKIX_RSA_PKCS1V15_4096_SHA256"),
        ),
        case("rekor-label-of-p384", labelled("PKIX_ECDSA_P384_SHA_384")),
    ]
}

pub(crate) fn batches() -> Vec<Case> {
    let mut wrong = right("wrong");
    wrong["hashedRekordRequestV002"]["digest"] = json!("AAAA");
    let new = right("in a batch");
    let mixed = json!([new, wrong, new, right("another"),]);
    let post_text = |text: &str| Request::post(BATCH, text);
    vec![
        case("batch-mixed", post(BATCH, &mixed)),
        case("batch-known", post(BATCH, &json!([new]))),
        case(
            "batch-strict",
            post("/logs/strict/api/v2/log/entries/batch", &json!([new, new])),
        ),
        case("batch-none-right", post(BATCH, &json!([wrong, {"x": 1}]))),
        case("batch-empty", post_text("[]")),
        case("batch-no-body", post_text("")),
        case("batch-not-an-array", post(BATCH, &new)),
        case("batch-not-json", post_text("[{}")),
        case("batch-two-arrays", post_text("[{}][{}]")),
        case("batch-too-many", post_text("[1,2,3,4,5]")),
        case(
            "batch-oversized",
            post_text(&format!("[{}]", " ".repeat(16384))),
        ),
        case("batch-get", Request::get(BATCH)),
    ]
}

#[test]
fn requests_are_answered() {
    check(&data().serve(), answered());
}

#[test]
fn wrong_requests_are_refused_and_change_nothing() {
    let data = data();
    let server = data.serve();
    let before = server.client().get("/checkpoint").body;
    check(&server, refused());
    let after = server.client().get("/checkpoint").body;
    assert_eq!(before, after, "nothing was logged");
}

#[test]
fn batches_are_answered_one_by_one() {
    check(&data().serve(), batches());
}
