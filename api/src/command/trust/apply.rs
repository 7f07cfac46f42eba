//! `cairnd trust apply`: publishes a signed update of the trust root.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ca::signer::FileSigner;
use ca::trust_root::Update;
use engine::{Clock as _, DirLock, OpenError};

use super::proposal::Place;
use crate::admin;
use crate::stdout::say;
use crate::trust::{self, TrustFiles};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Publish a signed update of the trust root

A running server publishes it at once, without a restart. Clients see it the next time they look.

Example:
  cairnd trust apply trust-update.json --dir /var/lib/cairn";

/// Publish a signed update of the trust root
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// The update, signed by all who must
    #[arg(value_name = "FILE")]
    update: PathBuf,
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
}

pub(in crate::command) fn run(args: &Args) -> anyhow::Result<()> {
    let path = args.update.display();
    let bytes = fs::read(&args.update).with_context(|| format!("{path} can't be read"))?;
    if !Update::parse(&bytes)?.is_signed() {
        bail!("{path} is not signed by all who must; see `cairnd trust sign --help`");
    }
    let place = Place::open(&args.dir)?;
    let settings = &place.settings;
    match DirLock::acquire(&args.dir, engine::SystemClock::new().now()) {
        Ok(_lock) => {
            trust::write_file(&settings.dir, trust::WAITING, &bytes)?;
            let online = FileSigner::from_pkcs8_der(&settings.online_key.read()?)?;
            let files = TrustFiles::reopen(settings.dir.clone(), Arc::new(online))?;
            if let Some(done) = files.pick_up()? {
                say!("{}", done.trim_end());
            }
        }
        Err(OpenError::InUse { .. }) => {
            trust::write_file(&settings.dir, trust::WAITING, &bytes)?;
            for line in admin::reload(&args.dir)? {
                say!("{}", line.trim_end());
            }
        }
        Err(error) => return Err(error.into()),
    }
    let now = Place::open(&args.dir)?;
    say!("clients are told now:");
    for party in now.draft()?.parties() {
        say!("  {party}");
    }
    Ok(())
}
