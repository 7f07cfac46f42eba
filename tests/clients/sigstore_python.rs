//! sigstore-python against an instance that `cairnd up` made: it signs and verifies without a key
//! of its own, by trust files and by TUF, and refuses what it must.
//!
//! Installed from its registry into a folder of the tools. Skipped only if the registry does not
//! answer; a failed install fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use cairn_tests::announce;
use cairn_tests::cairnd::{Data, Server, said};
use cairn_tests::environment::tools;
use tempfile::TempDir;

/// The first release that signs into logs of Rekor v2 without being told to.
const REQUIREMENT: &str = "sigstore>=4.5";

/// Who signs.
const IDENTITY: &str = "ada@example.com";

/// As little as SLSA's provenance may say.
const PREDICATE: &str = r#"{"buildDefinition":{"buildType":"https://example.com/build",
"externalParameters":{}},"runDetails":{"builder":{"id":"https://example.com/builder"}}}"#;

/// The program, installed once in a test process.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let folder = tools().join("sigstore-python");
    let program = folder.join("bin/sigstore");
    if program.exists() {
        return Some(program);
    }
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&folder)
        .output();
    let made = made.expect("python3 can be run");
    assert!(made.status.success(), "{}", said(&made));
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        REQUIREMENT,
    ]);
    let installed = pip.output().expect("a new environment has pip");
    let silent = String::from_utf8_lossy(&installed.stderr).contains("NewConnectionError");
    if !installed.status.success() && silent {
        announce("SKIPPED: the registry of Python packages does not answer");
        return None;
    }
    assert!(installed.status.success(), "{}", said(&installed));
    Some(program)
}

/// An instance, and a client of it that has never run before.
struct Scene {
    data: Data,
    server: Server,
    program: &'static Path,
    /// The client's home, and what it signs.
    home: TempDir,
}

impl Scene {
    fn new() -> Option<Scene> {
        let program = program()?;
        let data = Data::empty();
        let server = data.up();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("artifact"), "what is signed\n").unwrap();
        let scene = Scene {
            data,
            server,
            program,
            home,
        };
        let trust = scene.path("trust");
        scene.data.done(&["trust", "export", "--to", &trust]);
        Some(scene)
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn token(&self) -> String {
        let token = self.data.done(&["dev-token", "--identity", IDENTITY]);
        token.trim_end().to_owned()
    }

    /// `sigstore TRUST COMMAND`, with everything that it keeps in this scene's home.
    fn run(&self, trust: &[&str], command: &[&str]) -> Output {
        let mut run = Command::new(self.program);
        run.args(trust).args(command);
        run.env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin");
        run.env("SIGSTORE_OIDC_DISABLE_AMBIENT_PROVIDERS", "1");
        run.output().unwrap()
    }

    fn sign(&self, trust: &[&str], bundle: &str) {
        let (token, bundle, artifact) = (self.token(), self.path(bundle), self.path("artifact"));
        let sign = [
            "sign",
            "--identity-token",
            &token,
            "--bundle",
            &bundle,
            &artifact,
        ];
        let signed = self.run(trust, &sign);
        assert!(signed.status.success(), "{}", said(&signed));
    }

    fn verify(&self, trust: &[&str], identity: &str, bundle: &str, artifact: &str) -> Output {
        let issuer = format!("{}/dev/oidc/email", self.server.url());
        let (bundle, artifact) = (self.path(bundle), self.path(artifact));
        let verify = ["verify", "identity", "--cert-identity", identity];
        let more = [
            "--cert-oidc-issuer",
            &issuer,
            "--bundle",
            &bundle,
            &artifact,
        ];
        self.run(trust, &[&verify[..], &more[..]].concat())
    }
}

fn check_verified(output: &Output) {
    let said_ok = String::from_utf8_lossy(&output.stderr).contains("OK: ");
    assert!(output.status.success() && said_ok, "{}", said(output));
}

fn check_refused(output: &Output, why: &str) {
    let text = said(output);
    assert!(
        !output.status.success() && text.contains(why),
        "no {why:?} in {text}"
    );
}

#[test]
fn signs_and_verifies_by_trust_files_and_refuses_what_it_must() {
    let Some(scene) = Scene::new() else { return };
    let config = scene.path("trust/trust_config.json");
    let trust = ["--trust-config", config.as_str()];
    scene.sign(&trust, "bundle");
    check_verified(&scene.verify(&trust, IDENTITY, "bundle", "artifact"));

    let other = scene.verify(&trust, "eve@example.com", "bundle", "artifact");
    check_refused(&other, "eve@example.com");
    fs::write(scene.path("tampered"), "what was not signed\n").unwrap();
    let tampered = scene.verify(&trust, IDENTITY, "bundle", "tampered");
    check_refused(&tampered, "digest mismatch");

    // What one instance signed proves nothing under the trust root of another.
    let Some(stranger) = Scene::new() else { return };
    let config = stranger.path("trust/trust_config.json");
    let foreign = scene.verify(&["--trust-config", &config], IDENTITY, "bundle", "artifact");
    // Its timestamp is no proof of when that was.
    check_refused(&foreign, "not enough sources of verified time");
}

#[test]
fn signs_and_verifies_by_tuf() {
    let Some(scene) = Scene::new() else { return };
    let mirror = scene.server.line("trust root ");
    let trust = ["--instance", mirror.as_str()];
    let root = scene.path("trust/root.json");
    let trusted = scene.run(&trust, &["trust-instance", &root]);
    assert!(trusted.status.success(), "{}", said(&trusted));
    scene.sign(&trust, "bundle");
    check_verified(&scene.verify(&trust, IDENTITY, "bundle", "artifact"));
}

#[test]
fn attests_and_verifies() {
    let Some(scene) = Scene::new() else { return };
    let config = scene.path("trust/trust_config.json");
    let trust = ["--trust-config", config.as_str()];
    let predicate = scene.path("predicate");
    fs::write(&predicate, PREDICATE).unwrap();
    let (token, bundle, artifact) = (scene.token(), scene.path("bundle"), scene.path("artifact"));
    let kind = "https://slsa.dev/provenance/v1";
    let attest = [
        "attest",
        "--predicate",
        &predicate,
        "--predicate-type",
        kind,
    ];
    let more = ["--identity-token", &token, "--bundle", &bundle, &artifact];
    let attested = scene.run(&trust, &[&attest[..], &more[..]].concat());
    assert!(attested.status.success(), "{}", said(&attested));
    check_verified(&scene.verify(&trust, IDENTITY, "bundle", "artifact"));
}
