//! sigstore-java, from Maven Central: a library, so a short program of ours calls it. It asks for
//! certificates over gRPC, and takes no server without TLS. It signs by trust files and verifies by
//! those or by TUF. Attestations are missing: in a log of Rekor v2 it looks for entries of a kind
//! that is no longer one.

use std::path::PathBuf;
use std::process::{Command, Output};

use cairn_tests::cairnd::workspace;
use tempfile::TempDir;

use crate::client::{Claim, Client, Form, Signing, Trust, Wrong, exercise};
use crate::install::{Registry, Silent, installed, program};
use crate::scene::{Scene, done, run};

/// Which the list of what it needs names too.
const VERSION: &str = "2.0.0";

struct SigstoreJava {
    libraries: PathBuf,
    /// The program, compiled.
    classes: TempDir,
}

fn drivers() -> PathBuf {
    workspace().join("tests/clients/drivers")
}

impl SigstoreJava {
    /// The program, in a Java that trusts the certificate of the instance.
    fn command(&self, scene: &Scene) -> Command {
        let store = scene.path("trusted.p12");
        let import = "-importcert -noprompt -alias cairn -storepass changeit -file tls.pem";
        let mut keytool = scene.command(program("keytool"));
        keytool.args(import.split_whitespace());
        if !PathBuf::from(&store).exists() {
            done(&mut keytool, &["-keystore", &store]);
        }
        let mut java = scene.command(program("java"));
        let (classes, libraries) = (self.classes.path(), self.libraries.join("*"));
        java.arg(format!("-Duser.home={}", scene.path("")))
            .arg(format!("-Djavax.net.ssl.trustStore={store}"))
            .arg("-Djavax.net.ssl.trustStorePassword=changeit")
            .arg("-cp")
            .arg(format!("{}:{}", classes.display(), libraries.display()))
            .arg("Sigstore");
        java
    }

    fn compile(libraries: PathBuf) -> Self {
        let classes = tempfile::tempdir().unwrap();
        let mut javac = Command::new("javac");
        javac.arg("-cp").arg(libraries.join("*"));
        javac.arg("-d").arg(classes.path());
        done(javac.arg(drivers().join("Sigstore.java")), &[]);
        Self { libraries, classes }
    }
}

impl Client for SigstoreJava {
    const NAME: &'static str = "sigstore-java";
    const VERIFIED: &'static str = "verified";

    fn install() -> Result<Self, Silent> {
        let name = format!("sigstore-java-{VERSION}");
        let folder = installed(&name, Registry::Maven, |folder| {
            let mut maven = Command::new("mvn");
            maven
                .args(["--quiet", "--batch-mode", "dependency:copy-dependencies"])
                .arg("--file")
                .arg(drivers().join("pom.xml"))
                .arg(format!("-DoutputDirectory={}", folder.display()));
            vec![maven]
        });
        folder.map(Self::compile)
    }

    fn version(&self) -> String {
        VERSION.into()
    }

    fn reason(_form: Form, wrong: Wrong) -> &'static str {
        match wrong {
            Wrong::Artifact => "Provided artifact digest does not match",
            Wrong::Identity => "No provided certificate identities matched",
            Wrong::Instance => "Certificate was not verifiable against CAs",
        }
    }

    fn scene() -> Scene {
        Scene::over_tls()
    }

    fn sign(&self, scene: &Scene, signing: &Signing) {
        let (token, bundle) = (&signing.token, &signing.bundle);
        let sign = ["sign", "files:trust", token, "artifact", bundle];
        done(&mut self.command(scene), &sign);
    }

    fn verify(&self, scene: &Scene, claim: &Claim) -> Output {
        let mirror = format!("tuf:trust/root.json:{}", scene.trust_root());
        let trust = match claim.trust {
            Trust::Files => "files:trust",
            Trust::Tuf => &mirror,
        };
        let verify = [
            "verify",
            trust,
            &claim.identity,
            &claim.issuer,
            &claim.artifact,
            &claim.bundle,
        ];
        run(&mut self.command(scene), &verify)
    }
}

#[test]
fn signs_a_blob_by_files() {
    exercise::<SigstoreJava>(Form::Blob, Trust::Files);
}

#[test]
fn verifies_a_blob_by_tuf() {
    exercise::<SigstoreJava>(Form::Blob, Trust::Tuf);
}
