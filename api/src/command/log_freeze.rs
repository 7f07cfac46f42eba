//! `cairnd log freeze`: a log that never takes an entry again, and says so.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use engine::{Clock as _, DirLock, OpenError};
use sigstore::time_range::ProtoTime;

use crate::anchors::{self, Unreachable};
use crate::config::{self, Config, LogSettings, edit};
use crate::stdout::say;
use crate::{admin, frozen, keys, log_config, wall_clock};

use super::init;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Freeze a log for good

Adds are refused from now on, with the answer that Sigstore clients know (405, \"This log has been
frozen, please switch to the latest log.\"); what was under way is finished; the last checkpoint
gets a line that says so and is never signed again. Reads go on. A running server does it at once,
without a restart. There is no way back: `read_only = true` in cairn.toml is the way for a while.

Before this, clients must know of another log: see `cairnd log rotate`.

Example:
  cairnd log freeze rekor --dir /var/lib/cairn";

/// Freeze a log for good
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The log's name in cairn.toml
    name: String,
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let path = args.dir.join(config::FILE_NAME);
    let old = config::read_text(&args.dir)?;
    let config = Config::parse(&args.dir, &old)?;
    let selected = config.select(Some(&args.name))?;
    let log = *selected.first().context("a name selects one log")?;
    check_unused(&config, log)?;
    let now = ProtoTime::from_seconds(wall_clock::seconds());
    let now = now.context("the clock is past the year 9999")?;
    let at = log.frozen.unwrap_or(now);
    if log.frozen.is_none() {
        let new = edit::freeze(&config, &old, &log.name, at)?;
        init::write_durably(&path, &new)
            .with_context(|| format!("{} can't be written", path.display()))?;
    }
    match DirLock::acquire(&config.dir, engine::SystemClock::new().now()) {
        Ok(_lock) => freeze_closed(&config, log, at)?,
        Err(OpenError::InUse { .. }) => {
            for line in admin::reload(&config.dir)? {
                say!("{line}");
            }
        }
        Err(error) => return Err(error.into()),
    }
    say!("{} is frozen since {at}; reads go on", log.name);
    say!("Keep its key and its store: what it signed is verified for as long as anybody wants to.");
    Ok(())
}

/// The CA can't issue without the log that its certificates go into.
fn check_unused(config: &Config, log: &LogSettings) -> anyhow::Result<()> {
    let ca = config.instance.services.ca.as_ref();
    if ca.is_some_and(|ca| ca.log == log.name) {
        bail!(
            "the CA's certificates go into the log {:?}, so freezing it would end issuance; first \
             have them go into another: `cairnd trust rotate ct`",
            log.name
        );
    }
    Ok(())
}

/// Freezes a log that no server has open.
fn freeze_closed(config: &Config, log: &LogSettings, at: ProtoTime) -> anyhow::Result<()> {
    let key = keys::load(&log.key, &log.origin, log.kind)?;
    let anchors = anchors::gather(log, &[], Unreachable::Refuse)?;
    let open = log_config::open(&config.dir, log, &key, engine::hashing_pool()?, anchors)?;
    let line = frozen::final_line(log.kind, at);
    open.freeze(line.as_deref()).map_err(|why| {
        anyhow::anyhow!(
            "the log {:?} takes no entries any more, but its last checkpoint does not say so yet: \
             {why}; run this again",
            log.name
        )
    })
}
