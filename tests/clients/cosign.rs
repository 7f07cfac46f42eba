//! cosign against an instance that `cairnd up` made: it signs and verifies without a key of its
//! own, by trust files and by TUF, reads the names of a workflow, and refuses what it must.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use cairn_tests::cairnd::{Data, Server, said};
use tempfile::TempDir;

use crate::peers::peer;

const IDENTITY: &str = "ada@example.com";
const WORKFLOW: &str = "acme/app/.github/workflows/release.yml@refs/heads/main";

/// An instance, and a client of it that has never run before.
struct Scene {
    data: Data,
    server: Server,
    program: PathBuf,
    /// The client's home, and what it signs.
    home: TempDir,
}

impl Scene {
    fn new() -> Option<Self> {
        let program = peer("cosign")?;
        let data = Data::empty();
        let server = data.up();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("artifact"), "what is signed\n").unwrap();
        let scene = Self {
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

    fn run(&self, args: &[&str]) -> Output {
        let mut run = Command::new(&self.program);
        run.args(args).current_dir(self.home.path());
        run.env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin");
        run.output().unwrap()
    }

    fn done(&self, args: &[&str]) {
        let output = self.run(args);
        assert!(output.status.success(), "{}", said(&output));
    }

    fn token(&self, preset: &str, identity: &str) -> String {
        let args = ["dev-token", "--preset", preset, "--identity", identity];
        self.data.done(&args).trim_end().to_owned()
    }

    /// Signs the artifact as this identity, with these services.
    fn sign(&self, services: &[&str], preset: &str, identity: &str) {
        let token = self.token(preset, identity);
        let sign = [
            "sign-blob",
            "--yes",
            "--identity-token",
            &token,
            "--bundle",
            "bundle",
        ];
        self.done(&[&sign[..], services, &["artifact"]].concat());
    }

    fn verify(&self, trust: &[&str], preset: &str, identity: &str, artifact: &str) -> Output {
        let issuer = format!("{}/dev/oidc/{preset}", self.server.url());
        let verify = [
            "verify-blob",
            "--bundle",
            "bundle",
            "--certificate-identity",
            identity,
        ];
        let more = ["--certificate-oidc-issuer", &issuer, artifact];
        self.run(&[&verify[..], trust, &more[..]].concat())
    }
}

const BY_FILES: [&str; 4] = [
    "--signing-config",
    "trust/signing_config.v0.2.json",
    "--trusted-root",
    "trust/trusted_root.json",
];
const TRUST_FILES: [&str; 2] = ["--trusted-root", "trust/trusted_root.json"];

fn check_verified(output: &Output) {
    let text = said(output);
    assert!(
        output.status.success() && text.contains("Verified OK"),
        "{text}"
    );
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
    scene.sign(&BY_FILES, "email", IDENTITY);
    check_verified(&scene.verify(&TRUST_FILES, "email", IDENTITY, "artifact"));

    let other = scene.verify(&TRUST_FILES, "email", "eve@example.com", "artifact");
    check_refused(&other, "expected SAN value \"eve@example.com\"");
    fs::write(scene.path("tampered"), "what was not signed\n").unwrap();
    let tampered = scene.verify(&TRUST_FILES, "email", IDENTITY, "tampered");
    check_refused(&tampered, "invalid signature");

    // What one instance signed proves nothing under the trust root of another.
    let Some(stranger) = Scene::new() else { return };
    let trusted_root = stranger.path("trust/trusted_root.json");
    let foreign = ["--trusted-root", trusted_root.as_str()];
    check_refused(
        &scene.verify(&foreign, "email", IDENTITY, "artifact"),
        "failed to verify",
    );
}

#[test]
fn signs_as_a_workflow() {
    let Some(scene) = Scene::new() else { return };
    scene.sign(&BY_FILES, "github", WORKFLOW);
    let identity = format!("https://github.com/{WORKFLOW}");
    check_verified(&scene.verify(&TRUST_FILES, "github", &identity, "artifact"));
}

#[test]
fn signs_verifies_and_attests_by_tuf() {
    let Some(scene) = Scene::new() else { return };
    let mirror = scene.server.line("trust root ");
    scene.done(&[
        "initialize",
        "--mirror",
        &mirror,
        "--root",
        "trust/root.json",
    ]);
    scene.sign(&[], "email", IDENTITY);
    check_verified(&scene.verify(&[], "email", IDENTITY, "artifact"));

    fs::write(scene.path("predicate"), r#"{"note":"tested"}"#).unwrap();
    let token = scene.token("email", IDENTITY);
    let attest = [
        "attest-blob",
        "--yes",
        "--identity-token",
        &token,
        "--bundle",
        "attested",
    ];
    let what = ["--predicate", "predicate", "--type", "custom", "artifact"];
    scene.done(&[&attest[..], &what[..]].concat());
    let issuer = format!("{}/dev/oidc/email", scene.server.url());
    let verify = [
        "verify-blob-attestation",
        "--bundle",
        "attested",
        "--type",
        "custom",
    ];
    let who = [
        "--certificate-identity",
        IDENTITY,
        "--certificate-oidc-issuer",
        &issuer,
    ];
    check_verified(&scene.run(&[&verify[..], &who[..], &["artifact"]].concat()));
}
