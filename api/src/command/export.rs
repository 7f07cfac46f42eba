//! `cairnd export`: a log as plain files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::config::{Config, LogSettings, places};
use crate::stdout::say;
use crate::{ct, log_config};

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

/// A directory that `--to` can't name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--to {}: the log {log:?} can't be written to what is {problem}; name {}",
    path.display(), places::ALLOWED)]
pub(super) struct TargetError {
    path: PathBuf,
    log: String,
    problem: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.dir)?;
    let logs = config.select(args.log.as_deref())?;
    let (several, mut failed) = (logs.len() > 1, 0_u32);
    let targets = targets(&config, logs, &args.to)?;
    for (log, to) in targets {
        let bar = progress::bar(format!("export {}", log.name), "files", 0);
        let exported = log_config::snapshot(&config.dir, log).and_then(|snapshot| {
            let mut tell = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            let issuers = log.store_dir(&config.dir).join(ct::ISSUER_DIR);
            if issuers.is_dir() {
                ct::copy_issuers(&issuers, &to.join(ct::ISSUER_DIR))?;
            }
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

/// Where each log goes. All are checked before the first one is written.
fn targets<'a>(
    config: &Config,
    logs: Vec<&'a LogSettings>,
    to: &Path,
) -> Result<Vec<(&'a LogSettings, PathBuf)>, TargetError> {
    let several = logs.len() > 1;
    let target = |log: &'a LogSettings| {
        let path = if several {
            to.join(&log.name)
        } else {
            to.to_owned()
        };
        match places::problem(&config.dir, &config.logs, log, &path) {
            None => Ok((log, path)),
            Some(problem) => Err(TargetError {
                path,
                log: log.name.clone(),
                problem,
            }),
        }
    };
    logs.into_iter().map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS: &str = "[[log]]\nname = \"a\"\nkind = \"raw\"\norigin = \"a\"\n\
        [[log]]\nname = \"b\"\nkind = \"raw\"\norigin = \"b\"\n";

    #[track_caller]
    fn check_refused(only: Option<&str>, to: &str, words: &str) {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::parse(dir.path(), LOGS).unwrap();
        let logs = config.select(only).unwrap();
        let error = targets(&config, logs, &dir.path().join(to)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(super::super::exit_code(&error.into()), 2);
    }

    #[test]
    fn what_the_logs_need_is_never_written_to() {
        check_refused(Some("a"), "logs/a", "logs");
        check_refused(Some("a"), ".", "the data directory itself");
        check_refused(None, "logs", "logs");
        check_refused(None, "keys", "keys");
    }

    #[test]
    fn several_logs_get_a_directory_each() {
        let config = Config::parse(Path::new("d"), LOGS).unwrap();
        let found = targets(&config, config.select(None).unwrap(), Path::new("e")).unwrap();
        let paths: Vec<PathBuf> = found.into_iter().map(|(_, path)| path).collect();
        assert_eq!(paths, [PathBuf::from("e/a"), PathBuf::from("e/b")]);
        let found = targets(&config, config.select(Some("b")).unwrap(), Path::new("e")).unwrap();
        assert_eq!(found[0].1, PathBuf::from("e"));
    }
}
