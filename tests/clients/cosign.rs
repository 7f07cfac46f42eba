//! cosign, unpacked from its Debian package by scripts/peers.sh.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use cairn_tests::environment::tools;

use crate::client::{Claim, Client, Form, Signing, Trust, Wrong, exercise, exercise_as};
use crate::install::Silent;
use crate::peers::peer;
use crate::scene::{Scene, done, run};

const WORKFLOW: &str = "acme/app/.github/workflows/release.yml@refs/heads/main";

struct Cosign(PathBuf);

impl Client for Cosign {
    const NAME: &'static str = "cosign";
    const VERIFIED: &'static str = "Verified OK";

    fn install() -> Result<Self, Silent> {
        let why = || Silent("scripts/peers.sh could not fetch it".into());
        peer("cosign").map(Self).ok_or_else(why)
    }

    /// That of the package; the program says only that Debian built it.
    fn version(&self) -> String {
        let version = fs::read_to_string(tools().join("cosign/version"));
        version.map_or("put there by hand".into(), |v| v.trim_end().to_owned())
    }

    fn reason(form: Form, wrong: Wrong) -> &'static str {
        match (wrong, form) {
            (Wrong::Artifact, Form::Blob) => "invalid signature",
            (Wrong::Artifact, Form::Attestation) => "do not match digests in statement",
            (Wrong::Identity, _) => "expected SAN value \"eve@example.com\"",
            (Wrong::Instance, _) => "failed to verify",
        }
    }

    fn bootstrap(&self, scene: &Scene) {
        let mirror = scene.trust_root();
        let initialize = ["initialize", "--mirror", mirror];
        let root = ["--root", "trust/root.json"];
        let mut command = scene.command(&self.0);
        done(&mut command, &[&initialize[..], &root].concat());
    }

    fn sign(&self, scene: &Scene, signing: &Signing) {
        let form: &[&str] = match signing.form {
            Form::Blob => &["sign-blob"],
            Form::Attestation => &[
                "attest-blob",
                "--predicate",
                "predicate",
                "--type",
                "slsaprovenance1",
            ],
        };
        let services: &[&str] = match signing.trust {
            Trust::Files => &[
                "--signing-config",
                "trust/signing_config.v0.2.json",
                "--trusted-root",
                "trust/trusted_root.json",
            ],
            Trust::Tuf => &[],
        };
        let what = [
            "--yes",
            "--identity-token",
            &signing.token,
            "--bundle",
            &signing.bundle,
            "artifact",
        ];
        let mut command = scene.command(&self.0);
        done(&mut command, &[form, services, &what].concat());
    }

    fn verify(&self, scene: &Scene, claim: &Claim) -> Output {
        let form: &[&str] = match claim.form {
            Form::Blob => &["verify-blob"],
            Form::Attestation => &["verify-blob-attestation", "--type", "slsaprovenance1"],
        };
        let trust: &[&str] = match claim.trust {
            Trust::Files => &["--trusted-root", "trust/trusted_root.json"],
            Trust::Tuf => &[],
        };
        let what = [
            "--bundle",
            &claim.bundle,
            "--certificate-identity",
            &claim.identity,
            "--certificate-oidc-issuer",
            &claim.issuer,
            &claim.artifact,
        ];
        let mut command = scene.command(&self.0);
        run(&mut command, &[form, trust, &what].concat())
    }
}

#[test]
fn signs_a_blob_by_files() {
    exercise::<Cosign>(Form::Blob, Trust::Files);
}

#[test]
fn signs_a_blob_by_tuf() {
    exercise::<Cosign>(Form::Blob, Trust::Tuf);
}

#[test]
fn attests_by_tuf() {
    exercise::<Cosign>(Form::Attestation, Trust::Tuf);
}

#[test]
fn signs_a_blob_as_a_workflow() {
    let identity = format!("https://github.com/{WORKFLOW}");
    exercise_as::<Cosign>(Form::Blob, Trust::Files, "github", WORKFLOW, &identity);
}
