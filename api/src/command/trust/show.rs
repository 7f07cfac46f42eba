//! `cairnd trust show`: what clients are told, and until when.

use std::path::PathBuf;

use super::proposal::{Place, time};
use crate::stdout::say;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Show what clients are told to trust, and until when

Example:
  cairnd trust show --dir /var/lib/cairn";

/// Show what clients are told to trust, and until when
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
}

pub(in crate::command) fn run(args: &Args) -> anyhow::Result<()> {
    let place = Place::open(&args.dir)?;
    for expiry in place.repository.expiries() {
        let days = expiry.seconds_left(place.now) / (24 * 60 * 60);
        say!(
            "tuf {} expires {}, in {days} days",
            expiry.role,
            time(expiry.expires)?
        );
    }
    for party in place.draft()?.parties() {
        let published = place.repository.published_at(party.kind, party.id);
        let published = published.map(time).transpose()?;
        let published = published.map(|time| format!(", published {time}"));
        say!("{party}{}", published.unwrap_or_default());
    }
    Ok(())
}
