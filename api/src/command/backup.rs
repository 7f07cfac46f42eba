//! `cairnd backup`: a copy of the data directory that another machine could go on from.
//!
//! Where a server runs it makes a snapshot of its hot stores; otherwise the directory is locked and
//! its files are taken as they lie. For each log the published checkpoint is older than the hot
//! store, which is older than the cold one, so whatever one refers to is in the next. The copy
//! gathers beside its place, is opened once for a look, and only then gets its name.

mod copy;
pub(crate) mod mark;
mod place;
mod settings;
mod source;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::{self, Config, LogSettings};
use crate::stdout::say;
use crate::{ct, keys, log_config};

use copy::{Copier, How};
use mark::LogLine;
use place::Place;
pub(super) use place::TargetError;
use source::Source;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Back up a data directory, also while it is served

Writes everything a new machine needs into DIR: cairn.toml, keys, certificates, the trust root,
and each log with its entries, tiles and last checkpoint, all from one instant. An earlier backup
in DIR is replaced once the new one is complete, and only what is new is copied. On one file system
unchanging files are linked, not copied: that guards against mistakes, not against the loss of the
disk.

The backup holds the private keys. Keep it where others can't read it. Keys that are encrypted
need their passphrase, which is not in it: keep that elsewhere.

To restore, copy DIR to the place of the data directory, with a server stopped, and serve that.
A log that published more since the backup must first get it back, from any public copy:
`cairnd recover --from URL`. With `anchors` in cairn.toml it does not start before that.
`cairnd fsck --dir DIR` hashes every entry of the backup again.

Examples:
  cairnd backup --dir /var/lib/cairn --to /mnt/backup/cairn
  cairnd fsck --dir /mnt/backup/cairn";

/// Back up a data directory, also while it is served
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Where the backup goes: nothing, an empty directory, or an earlier backup of these logs
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let filter = config::log_filter().unwrap_or_else(|| "warn".to_owned());
    crate::observe::start_logging(crate::observe::LogFormat::Text, Some(&filter))?;
    let config = Config::load(&args.dir)?;
    place::check(&args.to, &config)?;
    // The source before the place: it lets one backup through at a time, and each clears the place.
    let source = Source::open(&config)?;
    let place = Place::take(&args.to, &config)?;
    let done = match save(&config, &source, &place) {
        Ok(lines) => place.finish(&lines)?,
        Err(error) => {
            place.abandon();
            return Err(error);
        }
    };
    say!("backup of {} in {}", config.dir.display(), done.display());
    say!("It holds private keys: keep it where others can't read it.");
    Ok(())
}

/// Gathers the backup; all of it is synced afterwards.
fn save(config: &Config, source: &Source, place: &Place) -> anyhow::Result<Vec<LogLine>> {
    let mut copier = Copier::new(place.earlier(), place.unfinished());
    let mut lines = Vec::new();
    for log in &config.logs {
        let saved = save_log(config, log, source, place, &mut copier);
        let (line, text) = saved.with_context(|| format!("the log {:?}", log.name))?;
        place.check_not_newer(log, &line)?;
        lines.push(line);
        say!("{text}");
    }
    for note in settings::save(config, place.unfinished())? {
        say!("{note}");
    }
    copier.sync()?;
    Ok(lines)
}

/// Copies one log and looks at the copy.
fn save_log(
    config: &Config,
    log: &LogSettings,
    source: &Source,
    place: &Place,
    copier: &mut Copier,
) -> anyhow::Result<(LogLine, String)> {
    let (from, to) = (
        log.store_dir(&config.dir),
        log.store_dir(place.unfinished()),
    );
    let snapshot = source.snapshot(config, log)?;
    copier.file(
        &snapshot.join("checkpoint"),
        &to.join("checkpoint"),
        How::Copy,
    )?;
    let hot = copier.tree(&snapshot.join("hot"), &to.join("hot"), hot_file)?;
    let cold = copier.tree(&from.join("cold"), &to.join("cold"), cold_file)?;
    let issuers = from.join(ct::ISSUER_DIR);
    if issuers.is_dir() {
        copier.tree(&issuers, &to.join(ct::ISSUER_DIR), cold_file)?;
    }
    let copy = log_config::read_beside(&to, log)?;
    let published = copy.reader.published();
    let committed = check_opens(&copy.reader).context("the copy can't be opened")?;
    let key = keys::load(&log.key, &log.origin, log.kind)?.verifier;
    let line = LogLine {
        name: log.name.clone(),
        key: key.to_string(),
        size: published.size,
    };
    let text = format!(
        "{}: {} entries ({committed} with those not published yet), hot store {hot}, cold store \
         {cold}",
        log.name, published.size
    );
    Ok((line, text))
}

#[cfg(feature = "rocks")]
fn check_opens(copy: &engine::Reader) -> anyhow::Result<tiles::TreeSize> {
    Ok(copy.check_opens()?.size)
}

#[cfg(not(feature = "rocks"))]
fn check_opens(_: &engine::Reader) -> anyhow::Result<tiles::TreeSize> {
    anyhow::bail!("this cairnd was built without a store")
}

/// Table files never change; of the others RocksDB makes anew what it locks and what it logs.
fn hot_file(name: &str) -> How {
    if name == "LOCK" || name == "LOG" || name.starts_with("LOG.old.") {
        How::Skip
    } else if Path::new(name).extension().is_some_and(|end| end == "sst") {
        How::Link
    } else {
        How::Copy
    }
}

/// Cold files never change; those without a final name yet are not needed.
fn cold_file(name: &str) -> How {
    if name.starts_with(".unfinished-") {
        How::Skip
    } else {
        How::Link
    }
}
