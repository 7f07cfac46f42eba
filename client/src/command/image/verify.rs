//! `cairn image verify`: whether an image is what somebody in particular signed.

use sigstore::image::{ImageDigest, Target};
use sigstore::verify::TrustMaterial;

use super::ImageArgs;
use crate::command::rule_args::{WhatArgs, WhoArgs, rules};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::oci::{Access, Finder, Layout, Registry};
use crate::output::{Output, note};
use crate::trust::TrustArgs;
use crate::verify::{ImageTrial, Judge, Refusal, Verdict};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Verify that an image is what somebody in particular signed

The evidence is looked for in the image's registry: bundles that refer to it, as cosign 3 writes
them, and signatures and attestations of older releases of cosign. One piece that holds is enough,
unless a policy wants more; a registry can withhold evidence, but not make any up. Whoever runs the
image afterwards has to run the digest that is said here: a tag may be another image by then.

Examples:
  cairn image verify --identity release@example.org --issuer https://accounts.google.com \\
    registry.example/app@sha256:HEX
  cairn image verify --key release.pub registry.example/app:v1.2
  cairn image verify --attestation https://slsa.dev/provenance/v1 --identity X --issuer Y IMAGE";

/// Verify that an image is what somebody in particular signed
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// Want an attestation of this predicate type, in place of a signature; several: one of each
    #[arg(long, value_name = "TYPE", conflicts_with = "policy")]
    attestation: Vec<String>,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Show each check, with what was found
    #[arg(long)]
    explain: bool,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let reference = args.image.reference()?;
    let mut rules = rules(&args.who, &args.what)?;
    rules
        .predicate_types
        .extend(args.attestation.iter().cloned());
    let http = Http::online();
    let trusted_root = args.trust.source().trusted_root(&http)?;
    let judge = Judge {
        rules,
        trust: TrustMaterial::new(&trusted_root),
    };
    let registry = Registry::of(&reference, Access::Pull, args.image.plain_http, &http)?;
    let image = registry.resolve()?;
    let name = registry.name(image);
    if let Target::Tag(tag) = reference.target() {
        note(format_args!("{reference}: the tag {tag} is {image} now"));
    }
    match verify(&judge, &registry, image, &name) {
        Ok(verdict) => {
            let json = || verdict.to_json(&name, args.explain);
            output.result(verdict.text(&name, args.explain), json);
            Ok(())
        }
        Err(refusal) => {
            if output.is_json() {
                output.result("", || refusal.to_json(&name));
            } else if let Some(text) = refusal.explained().filter(|_| args.explain) {
                let what = "every check up to the one that failed";
                note(format_args!("{name}: {what}\n{text}"));
            }
            Err(refusal.failure)
        }
    }
}

fn verify(
    judge: &Judge,
    registry: &Registry<'_>,
    image: ImageDigest,
    name: &str,
) -> Result<Verdict, Refusal> {
    let finder = Finder { registry, image };
    let mut trial = ImageTrial::new(judge, image);
    for layout in [Layout::Current, Layout::Older] {
        if trial.is_enough() {
            break;
        }
        for piece in finder.pieces(layout)? {
            if trial.is_enough() {
                break;
            }
            let evidence = finder.read(&piece);
            // What is wrong with a piece is that piece's own matter, but a registry that does not
            // answer leaves open what there is.
            if let Err(failure) = &evidence
                && failure.exit() != Exit::Refused
            {
                return Err(failure.clone().into());
            }
            trial.hear(evidence);
        }
    }
    trial.verdict(name)
}
