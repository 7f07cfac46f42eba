//! TLS before curl and openssl: both versions of HTTP, a certificate that is replaced under a
//! running server, and files that do not serve.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cairn_tests::cairnd::{Data, Server, said};
use cairn_tests::wait::until;

/// A data directory whose server speaks TLS.
struct Scene {
    data: Data,
}

impl Scene {
    fn new() -> Self {
        let data = Data::init("rekor-v2", "localhost")
            .set("certificate", "\"tls/certificate.pem\"")
            .set("key", "\"tls/key.pem\"");
        fs::create_dir(data.path().join("tls")).unwrap();
        let scene = Self { data };
        scene.certify("first");
        scene
    }

    fn path(&self, name: &str) -> String {
        let path = self.data.path().join("tls").join(name);
        path.to_str().unwrap().to_owned()
    }

    /// Makes a certificate for this machine, puts it in place, and keeps a copy under `name`.
    fn certify(&self, name: &str) {
        make_certificate(&self.data.path().join("tls"));
        fs::copy(self.path("certificate.pem"), self.path(name)).unwrap();
    }

    /// What curl gets that trusts the certificate kept under `name` alone.
    fn get(&self, server: &Server, name: &str, options: &[&str]) -> Output {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--fail",
            "--max-time",
            "20",
            "-w",
            "HTTP %{http_version}\n",
        ]);
        curl.args(["--cacert", &self.path(name)]).args(options);
        curl.arg(format!("https://{}/checkpoint", server.address()));
        curl.output().unwrap()
    }
}

/// Makes `certificate.pem` and `key.pem` for 127.0.0.1.
pub(crate) fn make_certificate(dir: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
    openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=cairn"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-keyout", "key.pem", "-out", "certificate.pem"]);
    let output = openssl.current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[track_caller]
fn check_got(output: &Output, version: &str) {
    assert!(output.status.success(), "{}", said(output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("localhost\n"), "{text}");
    assert!(text.ends_with(&format!("HTTP {version}\n")), "{text}");
}

#[test]
fn curl_speaks_both_versions_of_http_over_tls() {
    let scene = Scene::new();
    let server = scene.data.serve();
    check_got(&scene.get(&server, "first", &[]), "2");
    check_got(&scene.get(&server, "first", &["--http1.1"]), "1.1");
    check_got(&scene.get(&server, "first", &["--tls-max", "1.2"]), "2");
    let plain = server
        .client()
        .try_send(&cairn_tests::http::Request::get("/checkpoint"));
    assert!(plain.is_err(), "plain HTTP is not answered");
    server.stop();
}

#[test]
fn a_certificate_is_replaced_under_a_running_server() {
    let scene = Scene::new();
    let server = scene.data.serve();
    scene.certify("second");
    let by_second = || {
        let output = scene.get(&server, "second", &[]);
        output.status.success().then_some(output)
    };
    check_got(&until("the new certificate is in use", by_second), "2");
    assert!(!scene.get(&server, "first", &[]).status.success());
    fs::write(scene.path("certificate.pem"), "not a certificate").unwrap();
    until("the wrong file is told of", || {
        let stderr = server.stderr();
        stderr.contains("was not replaced").then_some(())
    });
    check_got(&scene.get(&server, "second", &[]), "2");
    let stderr = server.stop();
    assert!(!stderr.contains("PRIVATE KEY"), "{stderr}");
}

#[test]
fn a_server_does_not_start_without_its_certificate() {
    let scene = Scene::new();
    fs::remove_file(scene.path("key.pem")).unwrap();
    let refused = scene.data.serve_refused();
    assert!(refused.contains("key.pem can't be read"), "{refused}");
}
