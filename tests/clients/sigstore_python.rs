//! sigstore-python, from `PyPI`.

use std::path::PathBuf;
use std::process::Output;

use crate::client::{Claim, Client, Form, Signing, Trust, Wrong, exercise};
use crate::install::{Silent, python};
use crate::scene::{PREDICATE_TYPE, Scene, done, run};

/// From 4.5 on it signs into logs of Rekor v2 without being told to.
const VERSION: &str = "4.5.1";

struct SigstorePython(PathBuf);

impl SigstorePython {
    /// Its global options.
    fn trust(scene: &Scene, trust: Trust) -> [String; 2] {
        match trust {
            Trust::Files => [
                "--trust-config".into(),
                scene.path("trust/trust_config.json"),
            ],
            Trust::Tuf => ["--instance".into(), scene.trust_root().into()],
        }
    }

    fn command(&self, scene: &Scene, trust: Trust) -> std::process::Command {
        let mut command = scene.command(&self.0);
        command
            .env("SIGSTORE_OIDC_DISABLE_AMBIENT_PROVIDERS", "1")
            .args(Self::trust(scene, trust));
        command
    }
}

impl Client for SigstorePython {
    const NAME: &'static str = "sigstore-python";
    const VERIFIED: &'static str = "OK: ";

    fn install() -> Result<Self, Silent> {
        let folder = python(
            &format!("sigstore-python-{VERSION}"),
            &[&format!("sigstore=={VERSION}")],
        )?;
        Ok(Self(folder.join("bin/sigstore")))
    }

    fn version(&self) -> String {
        VERSION.into()
    }

    fn reason(form: Form, wrong: Wrong) -> &'static str {
        match (wrong, form) {
            (Wrong::Artifact, Form::Blob) => "digest mismatch",
            (Wrong::Artifact, Form::Attestation) => "in-toto statement has no subject",
            (Wrong::Identity, _) => "eve@example.com",
            // Its timestamp is no proof of when that was.
            (Wrong::Instance, _) => "not enough sources of verified time",
        }
    }

    fn bootstrap(&self, scene: &Scene) {
        let root = scene.path("trust/root.json");
        let mut command = self.command(scene, Trust::Tuf);
        done(&mut command, &["trust-instance", &root]);
    }

    fn sign(&self, scene: &Scene, signing: &Signing) {
        let predicate = scene.path("predicate");
        let (token, bundle) = (&signing.token, &signing.bundle);
        let form: &[&str] = match signing.form {
            Form::Blob => &["sign"],
            Form::Attestation => &[
                "attest",
                "--predicate",
                &predicate,
                "--predicate-type",
                PREDICATE_TYPE,
            ],
        };
        let artifact = scene.path("artifact");
        let what = ["--identity-token", token, "--bundle", bundle, &artifact];
        let mut command = self.command(scene, signing.trust);
        done(&mut command, &[form, &what].concat());
    }

    fn verify(&self, scene: &Scene, claim: &Claim) -> Output {
        let who = [
            "verify",
            "identity",
            "--cert-identity",
            &claim.identity,
            "--cert-oidc-issuer",
            &claim.issuer,
        ];
        let what = ["--bundle", &claim.bundle, &claim.artifact];
        let mut command = self.command(scene, claim.trust);
        run(&mut command, &[&who[..], &what].concat())
    }
}

#[test]
fn signs_a_blob_by_files() {
    exercise::<SigstorePython>(Form::Blob, Trust::Files);
}

#[test]
fn signs_a_blob_by_tuf() {
    exercise::<SigstorePython>(Form::Blob, Trust::Tuf);
}

#[test]
fn attests_by_files() {
    exercise::<SigstorePython>(Form::Attestation, Trust::Files);
}
