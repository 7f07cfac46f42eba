//! Container images: what cosign keeps beside an image, `cairn` verifies, and the reverse; in a
//! registry that lists what refers to an image, and in one that leaves the list to its clients.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cairn_tests::cairnd::{client_program, said, workspace};

use crate::client::check_refused;
use crate::install::{Registry, Silent, installed};
use crate::peers::{Running, peer};
use crate::run::Run;
use crate::scene::{IDENTITY, PREDICATE_TYPE, PRESET, Scene, done, run};

/// Of go-containerregistry, whose registry it is.
const VERSION: &str = "0.22.1";

/// Where an instance takes requests for timestamps.
const TIMESTAMPS: &str = "/api/v1/timestamp";

/// An image in a registry, an instance, and two clients of both.
struct Images {
    scene: Scene,
    cosign: PathBuf,
    image: String,
    _registry: Running,
}

fn install_registry() -> Result<PathBuf, Silent> {
    let name = format!("container-registry-{VERSION}");
    let folder = installed(&name, Registry::Go, |folder| {
        let source = workspace().join("tests/clients/drivers/registry");
        for file in ["main.go", "go.mod", "go.sum"] {
            fs::copy(source.join(file), folder.join(file)).unwrap();
        }
        let mut go = Command::new("go");
        go.args(["build", "-o", "registry", "."])
            .current_dir(folder);
        vec![go]
    });
    folder.map(|folder| folder.join("registry"))
}

/// Starts a registry; gives its address.
fn start(program: &Path, kind: &str) -> (Running, String) {
    let mut command = Command::new(program);
    let mut child = command.arg(kind).stdout(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut address).unwrap();
    (Running(child), address.trim_end().to_owned())
}

impl Images {
    /// `None`, and a line in the table, if what it needs is not there.
    fn set(run: Run, kind: &str) -> Option<(Self, Run)> {
        let program = install_registry();
        let cosign = peer("cosign");
        let cosign = cosign.ok_or_else(|| Silent("scripts/peers.sh could not fetch it".into()));
        match program.and_then(|program| Ok((program, cosign?))) {
            Err(silent) => {
                run.skip(&silent);
                None
            }
            Ok((program, cosign)) => {
                let (registry, address) = start(&program, kind);
                let images = Self {
                    scene: Scene::new(),
                    cosign,
                    image: format!("{address}/app:v1"),
                    _registry: registry,
                };
                Some((images, run))
            }
        }
    }

    /// Signs or attests with cosign.
    fn cosign(&self, args: &[&str]) {
        let token = self.scene.token(PRESET, IDENTITY);
        let token = ["--yes", "--identity-token", &token];
        let mut command = self.scene.command(&self.cosign);
        done(&mut command, &[args, &token, &[&self.image]].concat());
    }

    /// Runs `cairn image verify`.
    fn verify(&self, identity: &str, options: &[&str]) -> std::process::Output {
        let issuer = self.scene.issuer(PRESET);
        let who = ["--identity", identity, "--issuer", &issuer];
        let verify = [
            "image",
            "verify",
            "--trusted-root",
            "trust/trusted_root.json",
        ];
        let mut command = self.scene.command(client_program());
        let args = [&verify[..], &who, options, &[&self.image]].concat();
        run(&mut command, &args)
    }

    fn verified(&self, options: &[&str]) {
        let output = self.verify(IDENTITY, options);
        let text = said(&output);
        assert!(
            output.status.success() && text.contains("verified"),
            "{text}"
        );
    }

    fn refused(&self, options: &[&str], why: &str) {
        check_refused(&self.verify(IDENTITY, options), why);
    }
}

/// The trust files of the instance, for cosign.
const TRUST: [&str; 4] = [
    "--signing-config",
    "trust/signing_config.v0.2.json",
    "--trusted-root",
    "trust/trusted_root.json",
];

const ATTESTATION: [&str; 4] = ["--predicate", "predicate", "--type", "slsaprovenance1"];

fn check_cosign_to_cairn(kind: &str) {
    let run = Run::begin("cosign", &format!("images for cairn, {kind}"));
    let Some((images, _run)) = Images::set(run, kind) else {
        return;
    };
    images.refused(&[], "no signature of it");
    images.cosign(&[&["attest"][..], &TRUST, &ATTESTATION].concat());
    images.refused(&[], PREDICATE_TYPE);
    images.verified(&["--attestation", PREDICATE_TYPE]);
    images.cosign(&[&["sign"][..], &TRUST].concat());
    images.verified(&[]);
    check_refused(&images.verify("eve@example.com", &[]), "eve@example.com");
    let wanted = "https://example.com/other";
    images.refused(&["--attestation", wanted], wanted);
}

#[test]
fn cairn_verifies_what_cosign_signed_where_the_registry_lists_it() {
    check_cosign_to_cairn("referrers");
}

#[test]
fn cairn_verifies_what_cosign_signed_where_a_tag_lists_it() {
    check_cosign_to_cairn("tags");
}

/// Without a log: the older layout has no place for the proofs of Rekor v2.
#[test]
fn cairn_verifies_what_cosign_signed_in_its_older_layout() {
    let run = Run::begin("cosign", "images for cairn, older layout");
    let Some((images, _run)) = Images::set(run, "tags") else {
        return;
    };
    let url = images.scene.url();
    let timestamps = format!("{url}{TIMESTAMPS}");
    images.cosign(&[
        "sign",
        "--new-bundle-format=false",
        "--use-signing-config=false",
        "--tlog-upload=false",
        "--fulcio-url",
        &url,
        "--timestamp-server-url",
        &timestamps,
        "--trusted-root",
        "trust/trusted_root.json",
    ]);
    images.verified(&["--no-log"]);
    images.refused(&[], "no entry of a log");
    let eve = images.verify("eve@example.com", &["--no-log"]);
    check_refused(&eve, "eve@example.com");
}

fn check_cairn_to_cosign(kind: &str) {
    let run = Run::begin("cosign", &format!("images by cairn, {kind}"));
    let Some((images, _run)) = Images::set(run, kind) else {
        return;
    };
    // Whoever attests to the manifest's bytes attests to the image.
    let (address, _) = images.image.split_once('/').unwrap();
    let url = format!("http://{address}/v2/app/manifests/v1");
    let mut curl = images.scene.command("curl");
    done(&mut curl, &["-sS", "--fail", "-o", "manifest", &url]);
    let token = images.scene.token(PRESET, IDENTITY);
    let what = [
        "--yes",
        "--identity-token",
        &token,
        "--bundle",
        "bundle",
        "manifest",
    ];
    let mut cosign = images.scene.command(&images.cosign);
    done(
        &mut cosign,
        &[&["attest-blob"][..], &TRUST, &ATTESTATION, &what].concat(),
    );
    let mut cairn = images.scene.command(client_program());
    let attach = ["image", "attach", "--bundle", "bundle", &images.image];
    done(&mut cairn, &attach);
    images.verified(&["--attestation", PREDICATE_TYPE]);

    let issuer = images.scene.issuer(PRESET);
    let verify = |identity: &str| {
        let mut cosign = images.scene.command(&images.cosign);
        let args = [
            "verify-attestation",
            "--type",
            "slsaprovenance1",
            "--trusted-root",
            "trust/trusted_root.json",
            "--certificate-identity",
            identity,
            "--certificate-oidc-issuer",
            &issuer,
            &images.image,
        ];
        crate::scene::run(&mut cosign, &args)
    };
    let verified = verify(IDENTITY);
    assert!(verified.status.success(), "{}", said(&verified));
    check_refused(&verify("eve@example.com"), "eve@example.com");
}

#[test]
fn cosign_verifies_what_cairn_attached_where_the_registry_lists_it() {
    check_cairn_to_cosign("referrers");
}

#[test]
fn cosign_verifies_what_cairn_attached_where_a_tag_lists_it() {
    check_cairn_to_cosign("tags");
}
