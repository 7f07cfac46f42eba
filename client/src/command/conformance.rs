//! `cairn conformance`: the command line that Sigstore's conformance suite drives every client by.
//!
//! The suite calls an executable with these commands; one line of shell makes one of this program.
//! It has its own defaults: the public instance's built-in trust root, and no network to verify.
//!
//! Spec: sigstore-conformance `docs/cli_protocol.md`.

use std::path::PathBuf;

use sigstore::identity::{Identity, TextMatch};
use sigstore::verify::TrustMaterial;

use crate::failure::Failure;
use crate::http::Http;
use crate::output::Output;
use crate::trust::TrustArgs;
use crate::verify::{ArtifactFile, EvidenceFiles, Judge, Rules};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Speak the command line of Sigstore's conformance suite

For the suite (https://github.com/sigstore/sigstore-conformance), whose entry point is then a script
with the line `exec cairn conformance \"$@\"`.

Example:
  cairn conformance verify-bundle --bundle B --key K FILE";

/// Speak the command line of Sigstore's conformance suite
#[derive(Debug, clap::Subcommand)]
#[command(long_about = LONG_ABOUT)]
pub(super) enum Conformance {
    VerifyBundle(VerifyArgs),
}

/// Verify a bundle
///
/// Example:
///   cairn conformance verify-bundle --bundle B --certificate-identity I
///     --certificate-oidc-issuer URL FILE
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct VerifyArgs {
    /// The bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Who must have signed
    #[arg(long, value_name = "NAME", requires = "certificate_oidc_issuer")]
    certificate_identity: Option<String>,
    /// The issuer of the signer's token
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The signer's public key
    #[arg(long, value_name = "FILE", conflicts_with = "certificate_identity")]
    key: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    /// The artifact, or its digest as sha256:HEX
    #[arg(value_name = "FILE_OR_DIGEST")]
    artifact: String,
}

pub(super) fn run(command: &Conformance, output: Output) -> Result<(), Failure> {
    match command {
        Conformance::VerifyBundle(args) => verify_bundle(args, output),
    }
}

fn verify_bundle(args: &VerifyArgs, output: Output) -> Result<(), Failure> {
    let identity = args.certificate_identity.clone();
    let identities = identity.zip(args.certificate_oidc_issuer.clone());
    let identities = identities.map(|(name, issuer)| Identity {
        issuer: TextMatch::Exact(issuer),
        name: TextMatch::Exact(name),
    });
    let rules = Rules::with_keys(identities.into_iter().collect(), args.key.as_slice())?;
    let trusted_root = args.trust.source().trusted_root(&Http::offline())?;
    let judge = Judge {
        rules,
        trust: TrustMaterial::new(&trusted_root),
    };
    let artifact = ArtifactFile::parse(&args.artifact)?;
    let evidence = EvidenceFiles {
        signature: args.bundle.clone(),
        ..EvidenceFiles::default()
    };
    let name = artifact.name();
    let verdict = judge.judge(&artifact, &[evidence]).map_err(|refusal| {
        let explained = refusal.explained().unwrap_or_default();
        crate::output::note(format_args!("{name}\n{explained}"));
        refusal.failure
    })?;
    output.result(verdict.text(&name, true), || verdict.to_json(&name, true));
    Ok(())
}
