//! `cairn sign`: signs files.

use super::signing::{self, SigningArgs};
use crate::failure::Failure;
use crate::output::Output;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Sign files

Writes FILE.sigstore.json beside each FILE: the signature, who made it, when, and the proof that it
is in a public log; all that somebody needs to verify it, by any Sigstore client.

No key is needed. You log in, in a browser, and are given a certificate for a few minutes that says
who you are; on CI the service vouches for the workflow: GitHub Actions (with `permissions:
id-token: write`), GitLab CI (with an `id_tokens` entry SIGSTORE_ID_TOKEN for the audience
sigstore), Buildkite, and pods with a projected token. All files of one call are signed with one
certificate. Your name, and what you signed by its hash, become public.

With --key it is a key of your own that signs; whoever verifies needs the public half. Its
passphrase, if it has one, is the variable CAIRN_PASSWORD or COSIGN_PASSWORD, or in a file.

Every answer of a service is verified before a bundle is written, and a service that does not answer
is asked again. With --spool not even a log that is down keeps a release from going out.

Examples:
  cairn sign release.tar.gz
  cairn sign --key cairn.key dist/*.whl
  cairn sign --spool /var/spool/cairn --identity-token-file token release.tar.gz";

/// Sign files
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    #[command(flatten)]
    signing: SigningArgs,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    signing::run(&args.signing, &|_, _| None, output)
}
