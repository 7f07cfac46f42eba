//! sigstore-js, from npm, in two major versions: a library, so a short program of ours calls it.
//! Both sign with the builder that reads a signing config.

use std::path::PathBuf;
use std::process::Output;

use cairn_tests::cairnd::workspace;

use crate::client::{Claim, Client, Form, Signing, Trust, Wrong, exercise};
use crate::install::{Silent, node, program};
use crate::scene::{Scene, done, run};

/// Its folder of packages. The parameter is the major version.
struct SigstoreJs<const MAJOR: u8>(PathBuf);

impl<const MAJOR: u8> SigstoreJs<MAJOR> {
    const VERSION: &'static str = if MAJOR == 4 { "4.1.1" } else { "5.0.1" };

    fn command(&self, scene: &Scene) -> std::process::Command {
        let mut command = scene.command(program("node"));
        command
            .env("NODE_PATH", self.0.join("node_modules"))
            .arg(workspace().join("tests/clients/drivers/sigstore.cjs"));
        command
    }
}

impl<const MAJOR: u8> Client for SigstoreJs<MAJOR> {
    const NAME: &'static str = if MAJOR == 4 {
        "sigstore-js 4"
    } else {
        "sigstore-js 5"
    };
    const VERIFIED: &'static str = "verified";

    fn install() -> Result<Self, Silent> {
        let version = Self::VERSION;
        let packages = [format!("sigstore@{version}")];
        let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
        node(&format!("sigstore-js-{version}"), &packages).map(Self)
    }

    fn version(&self) -> String {
        Self::VERSION.into()
    }

    fn reason(form: Form, wrong: Wrong) -> &'static str {
        match (wrong, form) {
            (Wrong::Artifact, Form::Blob) => "signature verification failed",
            (Wrong::Artifact, Form::Attestation) => "the statement is not about this file",
            (Wrong::Identity, _) => "certificate identity error - expected ^eve@",
            (Wrong::Instance, _) => "timestamp could not be verified",
        }
    }

    fn sign(&self, scene: &Scene, signing: &Signing) {
        let (form, file) = match signing.form {
            Form::Blob => ("messageSignature", "artifact"),
            Form::Attestation => ("dsseEnvelope", "statement"),
        };
        let config = "trust/signing_config.v0.2.json";
        let (token, bundle) = (&signing.token, &signing.bundle);
        let sign = ["sign", form, config, token, file, bundle];
        done(&mut self.command(scene), &sign);
    }

    fn verify(&self, scene: &Scene, claim: &Claim) -> Output {
        let mirror = scene.trust_root();
        let trust: &[&str] = match claim.trust {
            Trust::Files => &["verify", "trust/trusted_root.json"],
            Trust::Tuf => &["verify-by-tuf", mirror, "trust/root.json"],
        };
        let what = [
            &*claim.identity,
            &claim.issuer,
            &claim.artifact,
            &claim.bundle,
        ];
        run(&mut self.command(scene), &[trust, &what].concat())
    }
}

#[test]
fn version_5_signs_a_blob_by_files() {
    exercise::<SigstoreJs<5>>(Form::Blob, Trust::Files);
}

#[test]
fn version_5_verifies_a_blob_by_tuf() {
    exercise::<SigstoreJs<5>>(Form::Blob, Trust::Tuf);
}

#[test]
fn version_5_attests_by_files() {
    exercise::<SigstoreJs<5>>(Form::Attestation, Trust::Files);
}

#[test]
fn version_5_attests_and_verifies_by_tuf() {
    exercise::<SigstoreJs<5>>(Form::Attestation, Trust::Tuf);
}

#[test]
fn version_4_signs_a_blob_by_files() {
    exercise::<SigstoreJs<4>>(Form::Blob, Trust::Files);
}

#[test]
fn version_4_verifies_a_blob_by_tuf() {
    exercise::<SigstoreJs<4>>(Form::Blob, Trust::Tuf);
}
