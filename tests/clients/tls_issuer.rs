//! An issuer over TLS, which openssl serves with a certificate of a private authority: believed by
//! its `ca_file` alone, and not followed to private addresses that its document names.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cairn_tests::cairnd::{Data, run, said};
use cairn_tests::http::Request;
use serde_json::{Value, json};

/// A server of the files in its directory, ended when dropped.
struct FilesOverTls {
    child: Child,
    port: u16,
}

impl FilesOverTls {
    fn start(dir: &Path) -> Self {
        openssl(
            dir,
            "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test \
            -keyout ca.key -out ca.pem",
        );
        openssl(
            dir,
            "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout tls.key -out tls.csr",
        );
        fs::write(
            dir.join("names"),
            "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n",
        )
        .unwrap();
        openssl(
            dir,
            "x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -days 30 -extfile names \
            -out tls.pem",
        );
        let mut command = Command::new("openssl");
        let serve = "s_server -accept 127.0.0.1:0 -cert tls.pem -key tls.key -WWW";
        command.args(serve.split(' ')).current_dir(dir);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("ACCEPT ")).unwrap();
        let port = line.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }
}

impl Drop for FilesOverTls {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn openssl(dir: &Path, line: &str) {
    let mut command = Command::new("openssl");
    let output = command
        .args(line.split_whitespace())
        .current_dir(dir)
        .output();
    let output = output.expect("openssl can be run");
    assert!(output.status.success(), "{line}: {}", said(&output));
}

/// A token by the key that has this id, with a wrong signature: it says how far checking it got.
fn wrong_token(issuer: &str, kid: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": kid});
    let claims = json!({"iss": issuer, "aud": "sigstore", "sub": "x", "exp": 9_999_999_999_u64});
    let [header, claims] = [header, claims].map(|json| URL_SAFE_NO_PAD.encode(json.to_string()));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([7; 256]))
}

#[test]
fn an_issuer_of_a_private_authority_is_known_by_its_ca_file() {
    let idp = Data::empty();
    let server = idp.up();
    let asked = Request::get("/dev/oidc/email/jwks").header("host", &server.address().to_string());
    let keys = server.client().send(&asked).expect(200).body;
    let kid = serde_json::from_slice::<Value>(&keys).unwrap()["keys"][0]["kid"].clone();
    let dir = tempfile::tempdir().unwrap();
    let files = FilesOverTls::start(dir.path());
    let issuer = format!("https://localhost:{}", files.port);
    fs::create_dir(dir.path().join(".well-known")).unwrap();
    fs::write(dir.path().join("keys"), &keys).unwrap();
    let names_keys_at = |host: &str| {
        let keys = format!("https://{host}:{}/keys", files.port);
        let document = json!({"issuer": issuer, "jwks_uri": keys}).to_string();
        fs::write(
            dir.path().join(".well-known/openid-configuration"),
            document,
        )
        .unwrap();
    };
    fs::write(dir.path().join("token"), wrong_token(&issuer, &kid)).unwrap();
    let try_token = |settings: &str| {
        let section = format!("[[issuer]]\npreset = 'email'\nurl = '{issuer}'\n{settings}\n");
        let log = "[[log]]\nname = 'a'\nkind = 'raw'\norigin = 'a'\n";
        fs::write(dir.path().join("cairn.toml"), section + log).unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (dir, file) = (path(""), path("token"));
        said(&run(&[
            "issuer",
            "test-token",
            "--dir",
            &dir,
            "--file",
            &file,
        ]))
    };
    names_keys_at("localhost");
    let unknown = try_token("");
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let known = try_token("ca_file = 'ca.pem'");
    assert!(known.contains("refused: signature_wrong"), "{known}");
    names_keys_at("127.0.0.1");
    let private = try_token("ca_file = 'ca.pem'");
    assert!(private.contains("private_addresses = true"), "{private}");
    // Asked then, where its certificate does not have that name.
    let allowed = try_token("ca_file = 'ca.pem'\nprivate_addresses = true");
    assert!(allowed.contains("invalid peer certificate"), "{allowed}");
}
