//! `cairn spool flush`: tells the log what it missed.

use std::path::PathBuf;

use crate::clock;
use crate::command::signing::{text, to_json};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::output::Output;
use crate::sign::{Plan, Services, Spool};
use crate::trust::TrustArgs;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Tell the log what waits in a spool, and complete the bundles

Each signature that `cairn sign --spool` kept gets its proof, and its bundle, where that was
written, is replaced by the whole one. What the log does not take stays for the next time. It does
no harm to run this often, twice at once, or to break it off.

Exit code 0 means that nothing waits any more, 4 that the log still can't be reached.

Example:
  cairn spool flush --spool /var/spool/cairn";

/// Tell the log what waits in a spool, and complete the bundles
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// The directory that signatures were kept in
    #[arg(long, value_name = "DIR")]
    spool: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let spool = Spool::at(&args.spool)?;
    let http = Http::online();
    let trust = args.trust.source().for_signing(&http)?;
    let services = Services::choose(&trust.signing_config, clock::now());
    let services = services.map_err(|error| {
        Failure::new(Exit::Usage, "the signing config", "can't be used").found(error)
    })?;
    let plan = Plan {
        trust: &trust,
        services: &services,
        http: &http,
        spool: None,
    };
    let mut last = None;
    for flushed in spool.flush(&plan)? {
        match flushed {
            Ok(signed) => output.result(text(&signed), || to_json(&signed)),
            // Each is told, the last by whoever called.
            Err(failure) => {
                if let Some(before) = last.replace(failure) {
                    output.failure(&before);
                }
            }
        }
    }
    last.map_or(Ok(()), Err)
}
