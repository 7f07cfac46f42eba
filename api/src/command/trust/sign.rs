//! `cairnd trust sign`: an update of the trust root, signed wherever the offline keys are. It needs
//! no network, no data directory and no clock.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ca::trust_root::{Draft, OfflineKeys, TrustRootError, Update};

use crate::command::init;
use crate::config::Passphrase;
use crate::config::passphrase::{OFFLINE_VARIABLE, variable};
use crate::keys;
use crate::stdout::say;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Sign an update of the trust root with the offline keys

Shows what the update says, signs it with every key of the file that has a part in it, and writes it
to where it was. No network is used. Carry the file back to the server, and `cairnd trust apply` it
there. An update that makes other keys the root's must be signed with the old file and the new one.

Example:
  cairnd trust sign trust-update.json --keys /media/safe/trust-offline.pem";

/// Sign an update of the trust root with the offline keys
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// The update
    #[arg(value_name = "FILE")]
    update: PathBuf,
    /// The offline keys, encrypted
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Their passphrase [default: the environment variable `CAIRND_OFFLINE_PASSPHRASE`]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Where the signed update is written [default: where it was]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// The passphrase of the offline keys.
pub(super) fn passphrase(file: Option<&Path>) -> anyhow::Result<Passphrase> {
    match file {
        Some(path) => Ok(Passphrase::read(path)?),
        None => variable(OFFLINE_VARIABLE).with_context(|| {
            format!(
                "the offline keys have a passphrase: name its file with --passphrase-file, or \
                set {OFFLINE_VARIABLE}"
            )
        }),
    }
}

pub(in crate::command) fn run(args: &Args) -> anyhow::Result<()> {
    let path = args.update.display();
    let bytes = fs::read(&args.update).with_context(|| format!("{path} can't be read"))?;
    let mut update = Update::parse(&bytes)?;
    show(&update);
    let pem = keys::read_private(&args.keys)?;
    let keys = OfflineKeys::read(&pem, passphrase(args.passphrase_file.as_deref())?.bytes())?;
    let mut signed = Vec::new();
    for key in [&keys.root, &keys.targets] {
        match update.sign(key) {
            Ok(roles) => signed.extend(roles.into_iter().map(|role| role.to_string())),
            // The other key may have one.
            Err(TrustRootError::NoPart { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if signed.is_empty() {
        bail!(
            "no key of {} has a part in this update; name the file with the keys of this instance",
            args.keys.display()
        );
    }
    let to = args.to.as_deref().unwrap_or(&args.update);
    let text = String::from_utf8(update.encode())?;
    init::write_durably(to, &text).with_context(|| format!("{} can't be written", to.display()))?;
    say!("signed: {}", signed.join(", "));
    if update.is_signed() {
        say!("Next, on the server: cairnd trust apply {}", to.display());
    } else {
        say!("Not everybody has signed: sign it with the other keys, too.");
    }
    Ok(())
}

/// What is signed, in words.
fn show(update: &Update) {
    say!("{}", update.to_string().trim_end());
    if let Ok(draft) = Draft::read(update.files().clone()) {
        say!("clients will trust:");
        for party in draft.parties() {
            say!("  {party}");
        }
    }
}
