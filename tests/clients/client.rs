//! What a Sigstore client is, and what every one of them must do here: sign and verify without a
//! key of its own in a home where it has never run, and refuse an artifact that was changed,
//! somebody else's name, and what another instance signed.

use std::fmt;
use std::fs;
use std::process::Output;

use cairn_tests::cairnd::said;

use crate::install::Silent;
use crate::run::Run;
use crate::scene::{IDENTITY, PRESET, Scene};

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The bytes of a file.
    Blob,
    /// An in-toto statement about the file.
    Attestation,
}

/// How the client learns whom to trust and where to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// By the files of `cairnd trust export`.
    Files,
    /// By the instance's TUF repository, from its first root.
    Tuf,
}

/// What is wrong with what a client must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Artifact,
    Identity,
    Instance,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blob => "blob",
            Self::Attestation => "attestation",
        })
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files",
            Self::Tuf => "TUF",
        })
    }
}

/// One signing.
#[derive(Debug)]
pub(crate) struct Signing {
    pub(crate) form: Form,
    pub(crate) trust: Trust,
    pub(crate) token: String,
    /// Where the bundle goes.
    pub(crate) bundle: String,
}

/// One verification.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) form: Form,
    pub(crate) trust: Trust,
    pub(crate) identity: String,
    pub(crate) issuer: String,
    pub(crate) bundle: String,
    pub(crate) artifact: String,
}

/// A Sigstore client that somebody else wrote.
pub(crate) trait Client: Sized {
    const NAME: &'static str;

    /// What it says when all is well.
    const VERIFIED: &'static str;

    /// The installed client; installs it if it is not there.
    fn install() -> Result<Self, Silent>;

    fn version(&self) -> String;

    /// A part of what it says of something wrong.
    fn reason(form: Form, wrong: Wrong) -> &'static str;

    /// An instance, and a home for this client.
    fn scene() -> Scene {
        Scene::new()
    }

    /// Learns of the instance by TUF, if that is a step of its own.
    fn bootstrap(&self, _scene: &Scene) {}

    /// Signs the artifact of the scene, or attests to it; panics if it can't.
    fn sign(&self, scene: &Scene, signing: &Signing);

    /// Verifies under the trust root of the scene.
    fn verify(&self, scene: &Scene, claim: &Claim) -> Output;
}

/// Signs and verifies, and tries what must be refused.
pub(crate) fn exercise<C: Client>(form: Form, trust: Trust) {
    exercise_as::<C>(form, trust, PRESET, IDENTITY, IDENTITY);
}

/// The same for a subject of an issuer, who has this name in certificates.
pub(crate) fn exercise_as<C: Client>(
    form: Form,
    trust: Trust,
    preset: &str,
    subject: &str,
    identity: &str,
) {
    let mut run = Run::begin(C::NAME, &format!("{form} by {trust}"));
    let client = match C::install() {
        Ok(client) => client,
        Err(silent) => return run.skip(&silent),
    };
    run.is_of_version(client.version());
    let scene = scene_for(&client, trust);
    let signing = Signing {
        form,
        trust,
        token: scene.token(preset, subject),
        bundle: scene.path("bundle"),
    };
    client.sign(&scene, &signing);
    let claim = Claim {
        form,
        trust,
        identity: identity.to_owned(),
        issuer: scene.issuer(preset),
        bundle: signing.bundle,
        artifact: scene.path("artifact"),
    };
    check_verified::<C>(&client.verify(&scene, &claim));

    let mut changed = claim.clone();
    changed.artifact = scene.path("tampered");
    fs::write(&changed.artifact, "what was not signed\n").unwrap();
    let refused = |scene: &Scene, claim: &Claim, wrong| {
        check_refused(&client.verify(scene, claim), C::reason(form, wrong));
    };
    refused(&scene, &changed, Wrong::Artifact);
    let mut renamed = claim.clone();
    "eve@example.com".clone_into(&mut renamed.identity);
    refused(&scene, &renamed, Wrong::Identity);
    // What one instance signed proves nothing under the trust root of another.
    refused(&scene_for(&client, trust), &claim, Wrong::Instance);
}

fn scene_for<C: Client>(client: &C, trust: Trust) -> Scene {
    let scene = C::scene();
    if trust == Trust::Tuf {
        client.bootstrap(&scene);
    }
    scene
}

fn check_verified<C: Client>(output: &Output) {
    let text = said(output);
    assert!(
        output.status.success() && text.contains(C::VERIFIED),
        "no {:?} in {text}",
        C::VERIFIED
    );
}

/// Checks that a program failed, for this reason.
pub(crate) fn check_refused(output: &Output, why: &str) {
    let text = said(output);
    assert!(
        !output.status.success() && text.contains(why),
        "no {why:?} in {text}"
    );
}
