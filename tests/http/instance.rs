//! A whole instance, as `cairnd up` makes it: its dev issuers, CA, timestamp authority and trust
//! root over HTTP, with the statuses that clients compare.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::{Request, Response};
use cairn_tests::request::Signer;
use cairn_tests::wall_clock::WallClock;
use serde_json::{Value, json};

const IDENTITY: &str = "ada@example.com";

/// An instance, and how it is asked.
struct Instance {
    data: Data,
    server: Server,
}

impl Instance {
    fn new() -> Self {
        let data = Data::empty();
        let server = data.up();
        Self { data, server }
    }

    /// Sends a request under the server's own name.
    fn ask(&self, request: Request) -> Response {
        let host = self.server.address().to_string();
        let named = request.headers.iter().any(|(name, _)| name == "host");
        let request = if named {
            request
        } else {
            request.header("host", &host)
        };
        self.server.client().send(&request)
    }

    fn get(&self, path: &str) -> Response {
        self.ask(Request::get(path))
    }

    fn json(&self, path: &str) -> Value {
        json_of(&self.get(path).expect(200))
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let encode = |text: &str| {
            let hex = text.bytes().map(hex_of);
            hex.collect::<String>()
        };
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        self.ask(Request::post(path, fields.join("&")))
    }

    fn token(&self) -> String {
        let token = self.data.done(&["dev-token", "--identity", IDENTITY]);
        token.trim_end().to_owned()
    }
}

/// A byte as a form may always have it.
fn hex_of(byte: u8) -> String {
    format!("%{byte:02x}")
}

pub(crate) fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// The claims of a token, which is not checked.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:9999/callback";

fn authorize_fields(redirect: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "sigstore"),
        ("redirect_uri", redirect),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "s t&a"),
        ("nonce", "n-1"),
        ("identity", IDENTITY),
    ]
}

#[test]
fn a_browser_signs_in_by_code_and_pkce() {
    let instance = Instance::new();
    let path = "/dev/oidc/email";
    let discovery = instance.json(&format!("{path}/.well-known/openid-configuration"));
    let issuer = format!("{}{path}", instance.server.url());
    assert_eq!(discovery["issuer"], issuer);
    assert_eq!(
        discovery["code_challenge_methods_supported"],
        json!(["S256"])
    );

    let sent = instance.form(&format!("{path}/authorize"), &authorize_fields(REDIRECT));
    let location = sent.expect(303).header("location").unwrap().to_owned();
    let query = location
        .strip_prefix("http://localhost:9999/callback?code=")
        .unwrap();
    let (code, state) = query.split_once('&').unwrap();
    assert_eq!(state, "state=s+t%26a");

    let exchange = |code: &str, verifier: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier),
        ];
        instance.form(&format!("{path}/token"), &fields)
    };
    let tokens = json_of(&exchange(code, VERIFIER).expect(200));
    assert_eq!(tokens["access_token"], tokens["id_token"]);
    let claims = claims(tokens["id_token"].as_str().unwrap());
    for (name, value) in [
        ("iss", issuer.as_str()),
        ("email", IDENTITY),
        ("nonce", "n-1"),
    ] {
        assert_eq!(claims[name], value);
    }
    let again = json_of(&exchange(code, VERIFIER).expect(400));
    assert_eq!(again["error"], "invalid_grant");
}

#[test]
fn codes_are_sent_to_loopback_only_and_need_a_challenge() {
    let instance = Instance::new();
    for redirect in [
        "https://evil.example/callback",
        "http://localhost.evil.example/",
        "",
    ] {
        let fields = authorize_fields(redirect);
        let refused = instance
            .form("/dev/oidc/email/authorize", &fields)
            .expect(400);
        assert_eq!(json_of(&refused)["error"], "invalid_request", "{redirect}");
    }
    let fields = authorize_fields(REDIRECT);
    let bare: Vec<_> = fields
        .into_iter()
        .filter(|(name, _)| *name != "code_challenge")
        .collect();
    instance
        .form("/dev/oidc/email/authorize", &bare)
        .expect(400);
}

#[test]
fn a_device_waits_until_its_owner_signs_in() {
    let instance = Instance::new();
    let path = "/dev/oidc/email";
    let begun = instance.form(&format!("{path}/device/code"), &[("client_id", "sigstore")]);
    let begun = json_of(&begun.expect(200));
    let device_code = begun["device_code"].as_str().unwrap();
    let poll = || {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let fields = [("grant_type", grant), ("device_code", device_code)];
        instance.form(&format!("{path}/token"), &fields)
    };
    assert_eq!(
        json_of(&poll().expect(400))["error"],
        "authorization_pending"
    );
    let user_code = begun["user_code"].as_str().unwrap();
    let typed = user_code.to_lowercase();
    let fields = [("user_code", typed.as_str()), ("identity", IDENTITY)];
    instance
        .form(&format!("{path}/device"), &fields)
        .expect(200);
    let token = json_of(&poll().expect(200))["id_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(claims(&token)["email"], IDENTITY);
    assert_eq!(json_of(&poll().expect(400))["error"], "expired_token");
}

#[test]
fn the_dev_issuers_are_for_this_machine_and_say_what_they_are() {
    let instance = Instance::new();
    let path = "/dev/oidc/email/.well-known/openid-configuration";
    let rebound = Request::get(path).header("host", "evil.example");
    instance.ask(rebound).expect(403);
    let answer = instance.get(path).expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let page = instance
        .get("/dev/oidc/email/device?user_code=%22%3E%3Cscript%3E")
        .expect(200);
    assert!(page.text().contains("DEVELOPMENT ONLY"));
    assert!(!page.text().contains("<script>"));
    instance.get("/dev/oidc/template/jwks").expect(404);
}

/// A public key and a signature over `subject` by it, both in base64.
fn proof(subject: &str) -> (String, String) {
    let request = Signer::new(7).request(subject);
    let signature = &request["hashedRekordRequestV002"]["signature"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = text(&signature["verifier"]["publicKey"]["rawBytes"]);
    (key, text(&signature["content"]))
}

/// A request for a certificate, as most clients send it.
pub(crate) fn signing_request(token: &str, subject: &str) -> Value {
    let (key, proof) = proof(subject);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----");
    json!({
        "credentials": {"oidcIdentityToken": token},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": pem},
            "proofOfPossession": proof,
        },
    })
}

#[test]
fn certificates_are_issued_with_the_statuses_that_clients_compare() {
    let instance = Instance::new();
    let request = signing_request(&instance.token(), IDENTITY).to_string();
    for path in ["/api/v2/signingCert", "//api/v2/signingCert/"] {
        let issued = instance
            .ask(Request::post(path, request.clone()))
            .expect(200);
        let issued = json_of(&issued);
        let chain = &issued["signedCertificateEmbeddedSct"]["chain"]["certificates"];
        assert_eq!(chain.as_array().unwrap().len(), 3);
        assert!(
            chain[0]
                .as_str()
                .unwrap()
                .ends_with("-----END CERTIFICATE-----")
        );
    }
    let (key, proof) = proof(IDENTITY);
    let older = json!({
        "publicKey": {"content": key, "algorithm": "ecdsa"},
        "signedEmailAddress": proof,
        "certificateSigningRequest": null,
    });
    let older = Request::post("/api/v1/signingCert", older.to_string());
    let bearer = format!("Bearer {}", instance.token());
    let issued = instance
        .ask(older.header("authorization", &bearer))
        .expect(201);
    assert_eq!(
        issued.header("content-type"),
        Some("application/pem-certificate-chain")
    );
    assert_eq!(issued.text().matches("BEGIN CERTIFICATE").count(), 3);
}

#[test]
fn what_is_wrong_with_a_token_or_a_key_is_a_400_that_says_why() {
    let instance = Instance::new();
    let post = |body: &Value| instance.ask(Request::post("/api/v2/signingCert", body.to_string()));
    let check = |body: &Value, wanted: &str| {
        let refused = json_of(&post(body).expect(400));
        assert_eq!(refused["code"], 3);
        let message = refused["message"].as_str().unwrap();
        assert!(message.starts_with(wanted), "{message}");
    };
    let token_text = "There was an error processing the identity token";
    check(&json!({}), token_text);
    check(&signing_request("a.b.c", IDENTITY), token_text);
    let other = Instance::new();
    check(&signing_request(&other.token(), IDENTITY), token_text);
    let token = instance.token();
    let proof_text = "The signature supplied in the request could not be verified";
    check(&signing_request(&token, "eve@example.com"), proof_text);
    let mut keyless = signing_request(&token, IDENTITY);
    keyless["publicKeyRequest"]["publicKey"]["content"] = json!("");
    check(
        &keyless,
        "The public key supplied in the request could not be parsed",
    );
    instance
        .ask(Request::post("/api/v2/signingCert", "{"))
        .expect(400);
    instance.get("/api/v2/signingCert").expect(501);
}

#[test]
fn no_certificate_is_issued_without_the_certificate_log() {
    let Instance { data, server } = Instance::new();
    server.stop();
    let whole = data.config();
    // The certificate log is the last section of a log.
    let frozen = whole.replacen("#read_only = false", "read_only = true", 2);
    let frozen = frozen.replacen("read_only = true", "#read_only = false", 1);
    assert_ne!(whole, frozen);
    data.write_config(&frozen);
    let data = check_withheld(data);
    data.write_config(&whole);
    fs::rename(data.store("ct"), data.path().join("elsewhere")).unwrap();
    let data = check_withheld(data);
    fs::rename(data.path().join("elsewhere"), data.store("ct")).unwrap();
    let server = data.up();
    let instance = Instance { data, server };
    let request = signing_request(&instance.token(), IDENTITY).to_string();
    instance
        .ask(Request::post("/api/v2/signingCert", request))
        .expect(200);
}

/// Checks that a server on this directory issues nothing, and gives timestamps all the same.
fn check_withheld(data: Data) -> Data {
    let server = data.up();
    let instance = Instance { data, server };
    let request = signing_request(&instance.token(), IDENTITY);
    let older = json!({
        "publicKey": {"content": proof(IDENTITY).0, "algorithm": "ecdsa"},
        "signedEmailAddress": proof(IDENTITY).1,
    });
    let bearer = format!("Bearer {}", instance.token());
    for request in [
        Request::post("/api/v2/signingCert", request.to_string()),
        Request::post("/api/v1/signingCert", older.to_string()).header("authorization", &bearer),
    ] {
        let refused = instance.ask(request).expect(500);
        assert!(
            !refused.text().contains("CERTIFICATE"),
            "{}",
            refused.text()
        );
    }
    let digest = STANDARD.encode([7; 32]);
    let request = json!({"artifactHash": digest, "hashAlgorithm": "sha256"}).to_string();
    let request = Request::post("/api/v1/timestamp", request);
    instance
        .ask(request.header("content-type", "application/json"))
        .expect(200);
    let Instance { data, server } = instance;
    server.stop();
    data
}

#[test]
fn the_ca_says_what_it_is() {
    let instance = Instance::new();
    let bundle = instance.json("/api/v2/trustBundle");
    assert_eq!(
        bundle["chains"][0]["certificates"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let roots = instance.get("/api/v1/rootCert").expect(200);
    assert_eq!(roots.text().matches("BEGIN CERTIFICATE").count(), 2);
    let configuration = instance.json("/api/v2/configuration");
    let issuers = configuration["issuers"].as_array().unwrap();
    let email = format!("{}/dev/oidc/email", instance.server.url());
    let found = issuers
        .iter()
        .find(|issuer| issuer["issuerUrl"] == *email)
        .unwrap();
    assert_eq!(found["challengeClaim"], "email");
    assert_eq!(found["audience"], "sigstore");
}

#[test]
fn timestamps_are_given_for_either_form_of_request() {
    let instance = Instance::new();
    let post = |media_type: &str, body: &[u8]| {
        let request = Request::post("/api/v1/timestamp", body);
        instance.ask(request.header("content-type", media_type))
    };
    let digest = STANDARD.encode([7; 32]);
    let request = json!({"artifactHash": digest, "hashAlgorithm": "sha256"}).to_string();
    let given = post("application/json; charset=utf-8", request.as_bytes()).expect(200);
    assert_eq!(
        given.header("content-type"),
        Some("application/timestamp-reply")
    );
    post("application/json", b"{}").expect(400);
    post("application/timestamp-query", b"\x30\x00").expect(400);
    post("text/plain", b"").expect(415);
    post("application/json", &[b' '; 4096]).expect(400);
    let chain = instance.get("/api/v1/timestamp/certchain").expect(200);
    assert_eq!(chain.text().matches("BEGIN CERTIFICATE").count(), 2);
}

/// What a timestamp authority says is evidence, so it says nothing while it can't know the time.
#[test]
fn no_timestamp_is_given_by_a_clock_that_jumped() {
    let data = Data::empty();
    let files = tempfile::tempdir().unwrap();
    let clock = WallClock::new(files.path());
    let server = clock.up(&data);
    let instance = Instance { data, server };
    let digest = STANDARD.encode([7; 32]);
    let request = json!({"artifactHash": digest, "hashAlgorithm": "sha256"}).to_string();
    let ask = || {
        let request = Request::post("/api/v1/timestamp", request.clone());
        instance.ask(request.header("content-type", "application/json"))
    };
    ask().expect(200);
    for millis in [-5_000, 5_000, 3_600_000] {
        clock.set_ahead(millis);
        assert!(ask().expect(503).text().contains("clock"), "{millis}");
    }
    clock.set_ahead(0);
    ask().expect(200);
}

#[test]
fn the_trust_root_is_served_and_ends_with_a_404() {
    let instance = Instance::new();
    let mirror = instance.server.line("trust root ");
    let path = mirror
        .strip_prefix(&instance.server.url())
        .unwrap()
        .to_owned();
    let root = instance.get(&format!("{path}/1.root.json")).expect(200);
    assert_eq!(instance.get("/tuf/1.root.json").expect(200).body, root.body);
    let timestamp = instance.get(&format!("{path}/timestamp.json")).expect(200);
    assert_eq!(timestamp.header("cache-control"), Some("no-cache"));
    for missing in ["2.root.json", "../../cairn.toml", "%2e%2e/cairn.toml", ""] {
        instance.get(&format!("{path}/{missing}")).expect(404);
    }
}

#[test]
fn a_later_start_takes_the_same_port_and_no_other_address_is_taken() {
    let data = Data::empty();
    let server = data.up();
    let first = server.address();
    server.stop();
    let again = data.up();
    assert_eq!(again.address(), first);
    again.stop();
    let elsewhere = data.run(&["up", "--listen", "127.0.0.1:1"]);
    assert_eq!(elsewhere.status.code(), Some(1));
    let open = Data::empty().run(&["up", "--listen", "0.0.0.0:0"]);
    assert!(String::from_utf8_lossy(&open.stderr).contains("loopback"));
}
