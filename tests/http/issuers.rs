//! Issuers elsewhere: their keys are read, follow a rotation, outlast an issuer that is down for
//! a time and no longer, and nothing that an issuer or a token says makes the CA hang or believe
//! more.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::Client;
use cairn_tests::wait::until;
use cairn_tests::wall_clock::WallClock;
use serde_json::{Value, json};

use crate::instance::json_of;
use crate::production::{Production, certify, code_of, email_issuer, token_of};

const ADA: &str = "ada@example.com";
const DAY_MS: i64 = 86_400_000;

/// The dev issuers' key within their directory.
const KEY_FILE: &str = "keys/dev-oidc.pem";

fn ada(idp: &Data) -> String {
    token_of(idp, &["--identity", ADA])
}

/// What `/healthz` says of the one issuer.
fn health(server: &Server) -> Value {
    json_of(&server.client().get("/healthz"))["issuers"][0].clone()
}

/// Waits until Ada gets a certificate.
fn certified(server: &Server, idp: &Data) {
    until("a certificate", || {
        (certify(server, &ada(idp), ADA).status == 200).then_some(())
    });
}

#[test]
fn an_issuer_elsewhere_is_believed_and_seen() {
    let idp = Data::empty();
    let issuer = idp.up();
    let production = Production::new(&[email_issuer(&issuer)]);
    let server = production
        .data
        .serve_with(&["--metrics-listen", "127.0.0.1:0"]);
    // The first token may come before the keys: it waits for them.
    let issued = json_of(&certify(&server, &ada(&idp), ADA).expect(200));
    let chain = &issued["signedCertificateEmbeddedSct"]["chain"]["certificates"];
    assert_eq!(chain.as_array().unwrap().len(), 3);

    let url = format!("{}/dev/oidc/email", issuer.url());
    let found = health(&server);
    assert_eq!(
        (&found["url"], &found["usable"], &found["keys"]),
        (&json!(url), &json!(true), &json!(1))
    );
    let metrics = server.line("metrics on http://");
    let address: SocketAddr = metrics.strip_suffix("/metrics").unwrap().parse().unwrap();
    let metrics = Client::new(address).get("/metrics").expect(200);
    let line = format!("cairn_issuer_keys{{issuer=\"{url}\"}} 1\n");
    assert!(metrics.text().contains(&line), "{}", metrics.text());

    let other = token_of(&idp, &["--identity", ADA, "--audience", "somebody-else"]);
    assert_eq!(code_of(certify(&server, &other, ADA)), "audience_wrong");
    let unknown = token_of(
        &idp,
        &["--preset", "uri", "--identity", "https://dev.example/x"],
    );
    assert_eq!(code_of(certify(&server, &unknown, ADA)), "issuer_unknown");
}

#[test]
fn a_tenant_outside_the_rules_gets_nothing_and_learns_nothing() {
    let idp = Data::empty();
    let issuer = idp.up();
    let github = format!("github,url={}/dev/oidc/github,owner=acme", issuer.url());
    let production = Production::new(&[github]);
    let server = production.data.serve();
    let ask = |owner: &str| {
        let workflow = format!("{owner}/app/.github/workflows/x.yml@refs/heads/main");
        let token = token_of(&idp, &["--preset", "github", "--identity", &workflow]);
        certify(
            &server,
            &token,
            &format!("repo:{owner}/app:ref:refs/heads/main"),
        )
    };
    ask("acme").expect(200);
    let refused = ask("eve");
    assert!(!refused.text().contains("acme"), "{}", refused.text());
    assert_eq!(code_of(refused), "not_allowed");
    // The operator learns which rule, and why.
    server.says("rule 1: ");
}

#[test]
fn an_issuer_that_is_down_at_the_start_is_believed_once_it_is_up() {
    let idp = Data::empty();
    let issuer = idp.up();
    let production = Production::new(&[email_issuer(&issuer)]);
    issuer.stop();
    let server = production.data.serve();
    assert_eq!(
        code_of(certify(&server, &ada(&idp), ADA)),
        "issuer_keys_unavailable"
    );
    assert_eq!(health(&server)["usable"], json!(false));
    let _issuer = idp.up();
    certified(&server, &idp);
}

#[test]
fn a_rotation_is_followed_at_once_and_the_old_key_is_gone() {
    let (idp, other) = (Data::empty(), Data::empty());
    other.up().stop();
    let issuer = idp.up();
    let production = Production::new(&[email_issuer(&issuer)]);
    let server = production.data.serve();
    let old = ada(&idp);
    certify(&server, &old, ADA).expect(200);
    issuer.stop();
    fs::copy(other.path().join(KEY_FILE), idp.path().join(KEY_FILE)).unwrap();
    let _issuer = idp.up();
    // Its key is not known yet, so the issuer is asked while the token waits.
    certify(&server, &ada(&idp), ADA).expect(200);
    assert_eq!(code_of(certify(&server, &old, ADA)), "key_unknown");
}

#[test]
fn a_forged_key_id_is_refused_and_makes_the_issuer_asked_a_few_times_only() {
    const REQUESTS: usize = 40;
    let idp = Data::empty();
    let issuer = idp.up();
    let production = Production::new(&[email_issuer(&issuer)]);
    let server = production
        .data
        .serve_with(&["--metrics-listen", "127.0.0.1:0"]);
    let token = ada(&idp);
    let (_header, signed) = token.split_once('.').unwrap();
    let header = json!({"alg": "RS256", "kid": "nobody's", "typ": "JWT"}).to_string();
    let forged = format!("{}.{signed}", URL_SAFE_NO_PAD.encode(header));
    for _ in 0..REQUESTS {
        assert_eq!(code_of(certify(&server, &forged, ADA)), "key_unknown");
    }
    certify(&server, &token, ADA).expect(200);
    let metrics = server.line("metrics on http://");
    let address: SocketAddr = metrics.strip_suffix("/metrics").unwrap().parse().unwrap();
    let metrics = Client::new(address).get("/metrics").expect(200);
    let mut lines = metrics.text().lines();
    let line = lines
        .find(|line| line.starts_with("cairn_issuer_fetches_total"))
        .unwrap();
    let count: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(count < REQUESTS / 2, "{line}");
}

#[test]
fn keys_that_cannot_be_read_again_are_believed_for_a_day_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let clock = WallClock::new(dir.path());
    clock.set_ahead(-2 * DAY_MS);
    let idp = Data::empty();
    let issuer = idp.up();
    let (production, mut args) = Production::begin(&[email_issuer(&issuer)]);
    args.extend([
        "--dir".to_owned(),
        production.data.path().to_str().unwrap().to_owned(),
    ]);
    clock.done(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let server = clock.serve(&production.data);
    until("the keys are read", || {
        (health(&server)["usable"] == json!(true)).then_some(())
    });
    issuer.stop();
    // Ten minutes before they are a day old.
    clock.set_ahead(-DAY_MS - 600_000);
    assert_eq!(health(&server)["usable"], json!(true));
    clock.set_ahead(0);
    assert_eq!(
        code_of(certify(&server, &ada(&idp), ADA)),
        "issuer_keys_unavailable"
    );
    server.says("at most 86400 s are trusted");
    let stale = health(&server);
    assert_eq!(
        (&stale["usable"], &stale["reason"]),
        (&json!(false), &json!("its keys are stale"))
    );
    let _issuer = idp.up();
    certified(&server, &idp);
}

/// An issuer that answers whatever the test says, by path.
struct Documents {
    address: SocketAddr,
    answers: Arc<Mutex<BTreeMap<&'static str, (u16, String)>>>,
}

impl Documents {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::<Mutex<BTreeMap<_, _>>>::default();
        let shared = Arc::clone(&answers);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                // Whoever asked may be gone.
                let _gone = answer(&connection, &shared);
            }
        });
        let documents = Self { address, answers };
        let discovery =
            json!({"issuer": documents.url(), "jwks_uri": format!("{}/keys", documents.url())});
        documents.set(
            "/.well-known/openid-configuration",
            200,
            discovery.to_string(),
        );
        documents
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set(&self, path: &'static str, status: u16, body: String) {
        self.answers.lock().unwrap().insert(path, (status, body));
    }
}

fn answer(
    mut connection: &TcpStream,
    answers: &Mutex<BTreeMap<&'static str, (u16, String)>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = first.split(' ').nth(1).unwrap_or_default();
    let found = answers.lock().unwrap().get(path).cloned();
    let (status, body) = found.unwrap_or((404, String::new()));
    let len = body.len();
    let status = format!("HTTP/1.1 {status} X\r\nlocation: /keys\r\n");
    let head = format!("{status}content-length: {len}\r\nconnection: close\r\n\r\n");
    connection.write_all(head.as_bytes())?;
    connection.write_all(body.as_bytes())
}

/// A token that names an issuer, and that nobody signed.
fn unsigned_token(issuer: &str) -> String {
    let header = json!({"alg": "RS256", "kid": "a"}).to_string();
    let claims =
        json!({"iss": issuer, "aud": "sigstore", "exp": 9_999_999_999_u64, "sub": "x"}).to_string();
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([7; 256]))
}

#[test]
fn documents_that_no_issuer_should_have_are_refused_and_say_why() {
    let documents = Documents::new();
    let nested = format!("{{\"keys\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let cases = [
        (200, "x".repeat((256 << 10) + 1), "more than 262144 bytes"),
        (200, nested, "not usable json"),
        (302, String::new(), "redirects are not followed"),
        (
            200,
            json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}).to_string(),
            "no key that can be used",
        ),
    ];
    for (status, body, words) in cases {
        documents.set("/keys", status, body);
        let production = Production::new(&[format!("email,url={}", documents.url())]);
        let server = production.data.serve();
        let token = unsigned_token(&documents.url());
        assert_eq!(
            code_of(certify(&server, &token, ADA)),
            "issuer_keys_unavailable",
            "{words}"
        );
        server.says(words);
    }
    let other =
        json!({"issuer": "https://other.example", "jwks_uri": format!("{}/keys", documents.url())});
    documents.set("/.well-known/openid-configuration", 200, other.to_string());
    let production = Production::new(&[format!("email,url={}", documents.url())]);
    let server = production.data.serve();
    server.says("the discovery document is of the issuer");
}
