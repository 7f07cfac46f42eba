//! `cairnd export`: a log as plain files.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::config::Config;
use crate::log_config;
use crate::stdout::say;

use super::progress;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Write a log as plain files that any web server can host

Writes entry bundles and tiles in their public encoding and the checkpoint last, so that the
directory is a complete, verifiable log at any moment. A directory that holds an earlier export
of the same log is brought up to date; only what is new is written. Works beside a running
server. With several logs and no --log each goes to E/NAME.

Examples:
  cairnd export --dir /var/lib/cairn --to /srv/www/log
  cairnd export --dir /var/lib/cairn --to ./copy --log builds";

/// Write a log as plain files that any web server can host
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// The directory to write
    #[arg(long, value_name = "E")]
    to: PathBuf,
    /// Only this log, directly into E
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.dir)?;
    let logs = config.select(args.log.as_deref())?;
    let (several, mut failed) = (logs.len() > 1, 0_u32);
    for log in logs {
        let to = if several {
            args.to.join(&log.name)
        } else {
            args.to.clone()
        };
        let bar = progress::bar(format!("export {}", log.name), "files", 0);
        let exported = log_config::snapshot(&config.dir, log).and_then(|snapshot| {
            let mut tell = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            let exported = engine::export(&snapshot.reader, &to, &mut tell);
            exported.with_context(|| format!("the log {:?} was not exported", log.name))
        });
        bar.finish_and_clear();
        match exported {
            Ok(head) => say!(
                "{} {} entries in {}",
                log.name,
                head.size.get(),
                to.display()
            ),
            Err(error) if !several => return Err(error),
            Err(error) => {
                failed += 1;
                say!("{} failed: {error:#}", log.name);
            }
        }
    }
    if failed > 0 {
        bail!("{failed} logs were not exported; correct what is named above and run this again");
    }
    Ok(())
}
