//! model-signing, from `PyPI`: sigstore-python underneath, with a statement of its own about files.

use std::path::PathBuf;
use std::process::Output;

use crate::client::{Claim, Client, Form, Signing, Trust, Wrong, exercise};
use crate::install::{Silent, python};
use crate::scene::{Scene, done, run};

const VERSION: &str = "1.1.1";

struct ModelSigning(PathBuf);

impl Client for ModelSigning {
    const NAME: &'static str = "model-signing";
    const VERIFIED: &'static str = "Verification succeeded";

    fn install() -> Result<Self, Silent> {
        let name = format!("model-signing-{VERSION}");
        // It needs the second, and does not say so.
        let packages = [&format!("model-signing=={VERSION}"), "pyopenssl==26.4.0"];
        Ok(Self(python(&name, &packages)?.join("bin/model_signing")))
    }

    fn version(&self) -> String {
        VERSION.into()
    }

    fn reason(_form: Form, wrong: Wrong) -> &'static str {
        match wrong {
            Wrong::Artifact => "Signature mismatch: [\"Hash mismatch",
            Wrong::Identity => "SANs do not match eve@example.com",
            Wrong::Instance => "not enough sources of verified time",
        }
    }

    fn sign(&self, scene: &Scene, signing: &Signing) {
        let sign = [
            "sign",
            "sigstore",
            "artifact",
            "--trust_config",
            "trust/trust_config.json",
            "--identity_token",
            &signing.token,
            "--signature",
            &signing.bundle,
        ];
        done(&mut scene.command(&self.0), &sign);
    }

    fn verify(&self, scene: &Scene, claim: &Claim) -> Output {
        let verify = [
            "verify",
            "sigstore",
            &claim.artifact,
            "--trust_config",
            "trust/trust_config.json",
            "--identity",
            &claim.identity,
            "--identity_provider",
            &claim.issuer,
            "--signature",
            &claim.bundle,
        ];
        run(&mut scene.command(&self.0), &verify)
    }
}

#[test]
fn signs_a_model_by_files() {
    exercise::<ModelSigning>(Form::Blob, Trust::Files);
}
