//! `cairnd key`: the public keys of the logs, in every form that somebody needs.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::Config;
use crate::keys;
use crate::stdout::say;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Print the public keys of the logs

For each log a line `NAME VKEY`: the verifier key, as checkpoint verifiers, witnesses and
`cairnd fsck --url` take it. Below it the log id (Rekor's logId.keyId, in hex and base64) and the
public key (DER SubjectPublicKeyInfo, base64), which go into a Sigstore trusted root.

Example:
  cairnd key --dir /var/lib/cairn";

/// Print the public keys of the logs
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Only this log
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.dir)?;
    for log in config.select(args.log.as_deref())? {
        let verifier = keys::load(&log.key, &log.origin, log.kind)?.verifier;
        let log_id = verifier.log_id();
        say!("{} {verifier}", log.name);
        say!("  log id hex     {}", hex::encode(log_id));
        say!("  log id base64  {}", STANDARD.encode(log_id));
        say!("  public key     {}", STANDARD.encode(verifier.spki_der()));
    }
    Ok(())
}
