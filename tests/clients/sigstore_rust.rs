//! The crates sigstore-sign and sigstore-verify: libraries, so a short program of ours calls them,
//! built in the folder of the tools and no part of the workspace.

use std::path::PathBuf;
use std::process::{Command, Output};

use cairn_tests::cairnd::workspace;

use crate::client::{Claim, Client, Form, Signing, Trust, Wrong, exercise};
use crate::install::{Registry, Silent, installed};
use crate::scene::{Scene, done, run};

/// That of both, which the manifest of the program names too.
const VERSION: &str = "0.15.1";

struct SigstoreRust(PathBuf);

fn trust(scene: &Scene, trust: Trust) -> String {
    match trust {
        Trust::Files => "files:trust".into(),
        Trust::Tuf => format!("tuf:trust/root.json:{}", scene.trust_root()),
    }
}

impl Client for SigstoreRust {
    const NAME: &'static str = "sigstore-rust";
    const VERIFIED: &'static str = "verified";

    fn install() -> Result<Self, Silent> {
        let name = format!("sigstore-rust-{VERSION}");
        let folder = installed(&name, Registry::Crates, |folder| {
            let mut copy = Command::new("cp");
            copy.arg("-R")
                .arg(workspace().join("tests/clients/drivers/sigstore_rust/."))
                .arg(folder);
            let mut build = Command::new("cargo");
            build
                .args(["build", "--quiet", "--target-dir", "target"])
                .current_dir(folder);
            vec![copy, build]
        });
        Ok(Self(folder?.join("target/debug/sigstore-rust")))
    }

    fn version(&self) -> String {
        VERSION.into()
    }

    fn reason(form: Form, wrong: Wrong) -> &'static str {
        match (wrong, form) {
            (Wrong::Artifact, Form::Blob) => "does not match artifact hash",
            (Wrong::Artifact, Form::Attestation) => "does not match any subject",
            (Wrong::Identity, _) => "IdentityMismatch",
            (Wrong::Instance, _) => "CMS signer does not match any trusted TSA",
        }
    }

    fn sign(&self, scene: &Scene, signing: &Signing) {
        let (command, file) = match signing.form {
            Form::Blob => ("sign", "artifact"),
            Form::Attestation => ("attest", "statement"),
        };
        let trust = trust(scene, signing.trust);
        let (token, bundle) = (&signing.token, &signing.bundle);
        let sign = [command, &trust, token, file, bundle];
        done(&mut scene.command(&self.0), &sign);
    }

    fn verify(&self, scene: &Scene, claim: &Claim) -> Output {
        let trust = trust(scene, claim.trust);
        let verify = [
            "verify",
            &trust,
            &claim.identity,
            &claim.issuer,
            &claim.artifact,
            &claim.bundle,
        ];
        run(&mut scene.command(&self.0), &verify)
    }
}

#[test]
fn signs_a_blob_by_files() {
    exercise::<SigstoreRust>(Form::Blob, Trust::Files);
}

#[test]
fn signs_a_blob_by_tuf() {
    exercise::<SigstoreRust>(Form::Blob, Trust::Tuf);
}

#[test]
fn attests_by_tuf() {
    exercise::<SigstoreRust>(Form::Attestation, Trust::Tuf);
}
