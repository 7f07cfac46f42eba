//! `cairnd fsck`: re-hashes a log from its bytes and compares everything it publishes.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::app::LogKind;
use crate::config::{self, Config, LogSettings};
use crate::log_config;
use crate::stdout::say;

use super::progress;
use super::remote::{self, RemoteLog};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Check every byte of a log

Hashes every entry again, builds every tile from that, compares each byte for byte with what the
log holds, and the root hash with the signed checkpoint. The first difference is printed, naming
the tile or the entry, and the exit code is 1.

With --dir it reads the store, also beside a running server, and checks that the index of entries
agrees. With --url it reads any log that serves C2SP tlog-tiles, ours or not, over HTTP, and
needs its verifier key.

Examples:
  cairnd fsck --dir /var/lib/cairn
  cairnd fsck --dir /var/lib/cairn --log rekor
  cairnd fsck --url https://log.example.org --vkey log.example.org+1234abcd+Ab...";

/// Check every byte of a log
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".", conflicts_with = "url")]
    dir: PathBuf,
    /// Only this log
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    log: Option<String>,
    /// Where the log is read: /checkpoint and /tile/... are below it
    #[arg(long, value_name = "URL", requires = "vkey")]
    url: Option<String>,
    /// The log's verifier key, from its operator (`cairnd key`)
    #[arg(long, value_name = "V", requires = "url", value_parser = remote::parse_vkey)]
    vkey: Option<tiles::VerifierKey>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    // The engine and the HTTP client report through tracing what no error can carry.
    let filter = config::log_filter().unwrap_or_else(|| "warn".to_owned());
    crate::observe::start_logging(crate::observe::LogFormat::Text, Some(&filter))?;
    match (&args.url, &args.vkey) {
        (Some(url), Some(vkey)) => check_remote(url, vkey),
        _ => check_local(args),
    }
}

fn check_local(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.dir)?;
    let logs = config.select(args.log.as_deref())?;
    let mut failures = Vec::new();
    for log in logs {
        match check_store(&config, log) {
            Ok(checked) => {
                say!("{} ok: {}", log.name, checked.covered);
                say!("{} on disk: {}", log.name, checked.on_disk);
            }
            Err(error) => {
                say!("{} failed", log.name);
                failures.push(format!("log {:?}: {error:#}", log.name));
            }
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    bail!(
        "{}; keep the store as it is, and compare with your backup or any copy of the log",
        failures.join("; ")
    )
}

/// What there is to say about a log that is right.
struct CheckedStore {
    covered: String,
    on_disk: String,
}

/// Checks one log of the data directory.
fn check_store(config: &Config, log: &LogSettings) -> anyhow::Result<CheckedStore> {
    let snapshot = log_config::snapshot(&config.dir, log)?;
    let size = snapshot.reader.published().size.get();
    let bar = progress::bar(format!("fsck {}", log.name), "entries", size);
    let checked = engine::fsck(&snapshot.reader, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let report = checked.map_err(with_sources)?;
    let head = report.head;
    let covered = covered(
        head.size.get(),
        report.bundle_count,
        report.tile_count,
        &head.root_hash,
    );
    let on_disk = on_disk(&snapshot.reader.disk_usage()?, head.size.get());
    Ok(CheckedStore { covered, on_disk })
}

/// What a log takes on disk, in all and for each entry; its index apart.
fn on_disk(usage: &engine::DiskUsage, entries: u64) -> String {
    let part = |bytes: u64| {
        // Tenths of a byte, in whole numbers: exact at every size.
        match bytes.saturating_mul(10).checked_div(entries) {
            Some(tenths) => format!("{bytes} bytes ({}.{} an entry)", tenths / 10, tenths % 10),
            None => format!("{bytes} bytes"),
        }
    };
    format!(
        "cold store {}, hot store {}, index {}",
        part(usage.cold_len_bytes),
        part(usage.hot_len_bytes()),
        part(usage.index_len_bytes())
    )
}

fn check_remote(url: &str, vkey: &tiles::VerifierKey) -> anyhow::Result<()> {
    // The key of a certificate log tells: no other signs tree heads.
    let kind = match vkey.algorithm() {
        tiles::KeyAlgorithm::TreeHead => LogKind::Ct,
        _ => LogKind::Raw,
    };
    let remote = RemoteLog::new(url)?.of(log_config::format(kind));
    let checkpoint = remote.checkpoint(vkey)?;
    let bar = progress::bar(
        format!("fsck {}", checkpoint.origin()),
        "entries",
        checkpoint.size().get(),
    );
    let report = remote.check(&checkpoint, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let report = report.with_context(|| format!("the log at {url} does not hold together"))?;
    let covered = covered(
        report.size.get(),
        report.bundle_count,
        report.tile_count,
        &report.root_hash,
    );
    say!("{} ok: {covered}", checkpoint.origin());
    Ok(())
}

/// An error with everything it says about its cause.
fn with_sources(error: impl std::error::Error + Send + Sync + 'static) -> anyhow::Error {
    anyhow::Error::new(error)
}

fn covered(size: u64, bundles: u64, tiles: u64, root_hash: &tiles::Hash) -> String {
    format!("{size} entries, {bundles} bundles, {tiles} tiles, root hash {root_hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_all_and_for_each_entry() {
        let usage = engine::DiskUsage {
            hot: vec![("bundles", 1000), ("tiles", 24), (engine::INDEX_PART, 512)],
            cold_len_bytes: 2065,
        };
        assert_eq!(
            on_disk(&usage, 10),
            "cold store 2065 bytes (206.5 an entry), hot store 1024 bytes (102.4 an entry), \
            index 512 bytes (51.2 an entry)"
        );
        assert_eq!(
            on_disk(&usage, 0),
            "cold store 2065 bytes, hot store 1024 bytes, index 512 bytes"
        );
    }
}
