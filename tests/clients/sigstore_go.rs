//! The example programs of sigstore-go, through the Go module proxy. The one that signs takes trust
//! files; the one that verifies, those or a TUF repository.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::client::{Claim, Client, Form, Signing, Trust, Wrong, exercise};
use crate::install::{Registry, Silent, installed};
use crate::scene::{Scene, done, run};

/// The newest that Go 1.26 builds.
const VERSION: &str = "1.3.0";

struct SigstoreGo(PathBuf);

impl Client for SigstoreGo {
    const NAME: &'static str = "sigstore-go";
    const VERIFIED: &'static str = "Verification successful!";

    fn install() -> Result<Self, Silent> {
        let name = format!("sigstore-go-{VERSION}");
        let folder = installed(&name, Registry::Go, |folder| {
            let package = |part| {
                let module = "github.com/sigstore/sigstore-go";
                format!("{module}/examples/sigstore-go-{part}@v{VERSION}")
            };
            let mut go = Command::new("go");
            go.arg("install")
                .args([package("signing"), package("verification")])
                .env("GOBIN", folder);
            vec![go]
        });
        folder.map(Self)
    }

    fn version(&self) -> String {
        VERSION.into()
    }

    fn reason(form: Form, wrong: Wrong) -> &'static str {
        match (wrong, form) {
            (Wrong::Artifact, Form::Blob) => "could not verify message: invalid signature",
            (Wrong::Artifact, Form::Attestation) => "do not match digests in statement",
            (Wrong::Identity, _) => "expected SAN value \"eve@example.com\"",
            (Wrong::Instance, _) => "not enough verified log entries",
        }
    }

    fn sign(&self, scene: &Scene, signing: &Signing) {
        let what: &[&str] = match signing.form {
            Form::Blob => &["artifact"],
            Form::Attestation => &["-in-toto", "statement"],
        };
        let services = [
            "-tsa",
            "-rekor",
            "-signing-config",
            "trust/signing_config.v0.2.json",
            "-trusted-root",
            "trust/trusted_root.json",
            "-id-token",
            &signing.token,
        ];
        let mut command = scene.command(self.0.join("sigstore-go-signing"));
        let printed = done(&mut command, &[&services[..], what].concat()).stdout;
        // The public key, and then the bundle.
        let printed = String::from_utf8(printed).unwrap();
        fs::write(&signing.bundle, printed.lines().last().unwrap()).unwrap();
    }

    fn verify(&self, scene: &Scene, claim: &Claim) -> Output {
        let mirror = scene.trust_root();
        let trust: &[&str] = match claim.trust {
            Trust::Files => &["-trustedrootJSONpath", "trust/trusted_root.json"],
            Trust::Tuf => &["-tufRootURL", mirror, "-tufTrustedRoot", "trust/root.json"],
        };
        let what = [
            "-expectedSAN",
            &claim.identity,
            "-expectedIssuer",
            &claim.issuer,
            "-artifact",
            &claim.artifact,
            &claim.bundle,
        ];
        let mut command = scene.command(self.0.join("sigstore-go-verification"));
        run(&mut command, &[trust, &what].concat())
    }
}

#[test]
fn signs_a_blob_by_files() {
    exercise::<SigstoreGo>(Form::Blob, Trust::Files);
}

#[test]
fn verifies_a_blob_by_tuf() {
    exercise::<SigstoreGo>(Form::Blob, Trust::Tuf);
}

#[test]
fn attests_by_files() {
    exercise::<SigstoreGo>(Form::Attestation, Trust::Files);
}
