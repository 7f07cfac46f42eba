//! An instance that `cairnd up` made, and beside it the home of a client that has never run before,
//! with something to sign and the trust files of the instance.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};

use cairn_tests::cairnd::{Data, Server, said};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::tls::make_certificate;

/// Who signs, and by which preset of issuers.
pub(crate) const IDENTITY: &str = "ada@example.com";
pub(crate) const PRESET: &str = "email";

/// The kind of predicate that is attested.
pub(crate) const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

const ARTIFACT: &str = "what is signed\n";

/// An instance, and a home for a client of it.
#[derive(Debug)]
pub(crate) struct Scene {
    data: Data,
    server: Server,
    trust_root: String,
    home: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::of(Data::empty())
    }

    /// An instance that speaks TLS, with a certificate that is in `tls.pem`, and a signing config
    /// that says so.
    pub(crate) fn over_tls() -> Self {
        let data = Data::empty();
        // The first start makes the directory, and chooses the port.
        data.up().stop();
        let dir = data.path().join("tls");
        fs::create_dir(&dir).unwrap();
        make_certificate(&dir);
        let certificate = dir.join("certificate.pem");
        let data = data
            .set("certificate", "\"tls/certificate.pem\"")
            .set("key", "\"tls/key.pem\"");
        let mut scene = Self::of(data);
        fs::copy(certificate, scene.path("tls.pem")).unwrap();
        let plain_url = scene.url().replace("https:", "http:");
        scene.change_signing_config(&plain_url, &scene.url());
        // What the first start published is plain, and stays so.
        scene.trust_root = scene.trust_root.replace(&plain_url, &scene.url());
        scene
    }

    /// An instance that takes the tokens of this issuer of email addresses too, with a signing
    /// config that sends people there.
    pub(crate) fn with_issuer(url: &str) -> Self {
        let data = Data::empty();
        // The first start makes the directory.
        data.up().stop();
        let section = format!("\n[[issuer]]\npreset = \"email\"\nurl = {url:?}\n");
        data.write_config(&(data.config() + &section));
        let scene = Self::of(data);
        scene.change_signing_config(&scene.issuer(PRESET), url);
        scene
    }

    fn change_signing_config(&self, old: &str, new: &str) {
        let path = self.path("trust/signing_config.v0.2.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "no {old} in {text}");
        fs::write(&path, text.replace(old, new)).unwrap();
    }

    fn of(data: Data) -> Self {
        let server = data.up();
        let trust_root = server.line("trust root ");
        let scene = Self {
            data,
            server,
            trust_root,
            home: tempfile::tempdir().unwrap(),
        };
        scene
            .data
            .done(&["trust", "export", "--to", &scene.path("trust")]);
        scene.write_subject();
        scene
    }

    fn write_subject(&self) {
        fs::write(self.path("artifact"), ARTIFACT).unwrap();
        // As little as this predicate may say.
        let predicate = json!({
            "buildDefinition": {
                "buildType": "https://example.com/build",
                "externalParameters": {},
            },
            "runDetails": {"builder": {"id": "https://example.com/builder"}},
        });
        let digest = hex::encode(Sha256::digest(ARTIFACT));
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "artifact", "digest": {"sha256": digest}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": &predicate,
        });
        fs::write(self.path("predicate"), predicate.to_string()).unwrap();
        fs::write(self.path("statement"), statement.to_string()).unwrap();
    }

    /// A path in the client's home: `artifact` is what is signed, `predicate` and `statement` say
    /// something about it, and `trust` has the trust files.
    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    /// The base URL of the instance.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// The base URL of its TUF repository.
    pub(crate) fn trust_root(&self) -> &str {
        &self.trust_root
    }

    /// The issuer of a preset.
    pub(crate) fn issuer(&self, preset: &str) -> String {
        format!("http://{}/dev/oidc/{preset}", self.server.address())
    }

    /// An ID token of this issuer for this subject.
    pub(crate) fn token(&self, preset: &str, subject: &str) -> String {
        let args = ["dev-token", "--preset", preset, "--identity", subject];
        self.data.done(&args).trim_end().to_owned()
    }

    /// A program in the client's home, with nothing else of this process's environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin");
        command
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command, args: &[&str]) -> Output {
    let output = command.args(args).output();
    output.unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"))
}

/// The same for a program that must succeed.
pub(crate) fn done(command: &mut Command, args: &[&str]) -> Output {
    let output = run(command, args);
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}
