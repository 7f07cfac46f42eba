//! `cairnd trust renew`: the trust root as it is, for another year.

use std::path::PathBuf;

use anyhow::Context as _;
use ca::trust_root::{Change, RoleHolders, RootKeys};
use sigstore::tuf::{RoleKeys, Root};

use super::proposal::Place;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Renew what the offline keys signed, before it expires

Root and list of files are good for a year, and then stop every client. Writes an update that says
the same again with new dates, to be signed with the offline keys and applied. Snapshot and
timestamp are the server's to renew, and it does so by itself.

Example:
  cairnd trust renew --dir /var/lib/cairn";

/// Renew what the offline keys signed, before it expires
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Where the update is written
    #[arg(long, value_name = "FILE", default_value = "trust-update.json")]
    to: PathBuf,
}

pub(in crate::command) fn run(args: &Args) -> anyhow::Result<()> {
    let place = Place::open(&args.dir)?;
    let change = Change {
        keys: Some(same_keys(place.repository.root())?),
        files: Some(place.repository.target_files()),
    };
    place.write(change, &args.to)?;
    place.say_next(&args.to, "the offline keys");
    Ok(())
}

fn same_keys(root: &Root) -> anyhow::Result<RootKeys> {
    let holders = |role: &RoleKeys| {
        let keys = role.key_ids.iter().map(|id| root.keys.get(id).cloned());
        let keys: Option<Vec<_>> = keys.collect();
        Some(RoleHolders {
            keys: keys?,
            threshold: role.threshold,
        })
    };
    let online = root.timestamp.key_ids.iter().next();
    let online = online.and_then(|id| root.keys.get(id)).cloned();
    let all = || {
        Some(RootKeys {
            root: holders(&root.root)?,
            targets: holders(&root.targets)?,
            online: online?,
        })
    };
    all().context("the root names keys that it does not have")
}
