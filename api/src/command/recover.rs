//! `cairnd recover`: fetches from a public copy what a log published and its store has lost.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use engine::{CaughtUp, Clock as _, DirLock};

use crate::anchors::{self, Unreachable};
use crate::app::LogKind;
use crate::config::{self, Config, LogSettings};
use crate::ct::{IssuerDirs, Issuers};
use crate::stdout::say;
use crate::{keys, log_config};

mod issuers;

use super::progress;
use super::remote::RemoteLog;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Fetch from a public copy of a log what its restored store lacks

For a log that was restored from an old backup: reads the checkpoint of any public copy (a mirror,
a cache, a publish_dir behind a web server), checks that this log's key signed it and that it
extends everything the log is known to have published, then fetches each missing entry, hashes it,
and appends it under its old index. Nothing is believed that doesn't follow from the signature, and
nothing is written before it is proven. Interrupted, it goes on where it ended.

Entries that were acknowledged but reached no public copy stay lost: use the newest copy there is,
and set `anchors` in cairn.toml, which tell. The server must be stopped.

Examples:
  cairnd recover --dir /var/lib/cairn --from https://mirror.example.net/log
  cairnd recover --dir /var/lib/cairn --log builds --from http://127.0.0.1:8080";

/// Fetch from a public copy of a log what its restored store lacks
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Where the copy is read: /checkpoint and /tile/... are below it
    #[arg(long, value_name = "URL")]
    from: String,
    /// Which log the copy is of; needed if there are several
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    /// Don't ask this anchor, as with `cairnd serve`
    #[arg(long, value_name = "ANCHOR")]
    without_anchor: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let filter = config::log_filter().unwrap_or_else(|| "warn".to_owned());
    crate::observe::start_logging(crate::observe::LogFormat::Text, Some(&filter))?;
    let config = Config::load(&args.dir)?;
    config::anchors::check_waived(&config.logs, &args.without_anchor)?;
    let logs = config.select(args.log.as_deref())?;
    let [log] = logs.as_slice() else {
        let names: Vec<&str> = logs.iter().map(|log| log.name.as_str()).collect();
        bail!(
            "say with --log which log {} is a copy of: {}",
            args.from,
            names.join(", ")
        );
    };
    let _lock = DirLock::acquire(&config.dir, engine::SystemClock::new().now())?;
    let done = recover(&config, log, args)?;
    report(log, &args.from, &done);
    if done.beyond.is_empty() {
        return Ok(());
    }
    bail!(
        "the log {:?} is still behind: {}; run this again with a newer copy",
        log.name,
        done.beyond
            .iter()
            .map(|(place, size)| format!("{place} has {size} entries"))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

fn recover(config: &Config, log: &LogSettings, args: &Args) -> anyhow::Result<CaughtUp> {
    let key = keys::load(&log.key, &log.origin, log.kind)?;
    let anchors = anchors::gather(log, &args.without_anchor, Unreachable::Skip)?;
    let mut lagging = log_config::catch_up(&config.dir, log, &key, anchors)?;
    let copy = RemoteLog::new(&args.from)?.of(log_config::format(log.kind));
    let note = copy.note()?;
    let (checkpoint, _) = tiles::open_checkpoint(&note, std::slice::from_ref(&key.verifier))
        .with_context(|| {
            format!(
                "{}/checkpoint is not one of the log {:?}",
                args.from, log.name
            )
        })?;
    let bar = progress::bar(
        format!("recover {}", log.name),
        "entries",
        checkpoint.size().get(),
    );
    let mut tell = |size: tiles::TreeSize| bar.set_position(size.get());
    let done = match log.kind {
        LogKind::RekorV2 | LogKind::Raw => {
            let done = lagging.run(&copy, &note, &mut tell);
            done.map_err(anyhow::Error::from)
        }
        LogKind::Ct => {
            let issuers = Issuers::open(&IssuerDirs::of(log, &config.dir))?;
            let copy = issuers::WithIssuers {
                copy: &copy,
                issuers,
            };
            let done = lagging.run(&copy, &note, &mut tell);
            done.map_err(anyhow::Error::from)
        }
    };
    bar.finish_and_clear();
    done.with_context(|| {
        format!(
            "the log {:?} was not recovered from {}",
            log.name, args.from
        )
    })
}

fn report(log: &LogSettings, from: &str, done: &CaughtUp) {
    say!(
        "{}: {} entries recovered from {from}, {} in all",
        log.name,
        done.recovered,
        done.size
    );
    if done.copy_size < done.size {
        say!("the copy has {} of them only", done.copy_size);
    }
}
