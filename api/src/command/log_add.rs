//! `cairnd log add`: one more log in an existing data directory.
//!
//! The new section is appended to cairn.toml as text, so that the operator's comments and order
//! stay; the result is checked before anything is made and replaces the file by rename, with the
//! file's owner and mode.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::app::LogKind;
use crate::config::template::{LogSection, log_section};
use crate::config::{self, Config, LogSettings};
use crate::stdout::say;

use super::init;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Add a log to a data directory

Makes a key and an empty log, and appends a commented section to cairn.toml; what is in the file
stays as it is. A running server serves the new log after a SIGHUP.

Examples:
  cairnd log add builds --kind raw
  cairnd log add rekor2 --kind rekor-v2 --origin log2.example.org --dir /var/lib/cairn";

/// Add a log to a data directory
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The log's name, in paths and URLs: /logs/NAME/
    name: String,
    /// rekor-v2: signatures from Sigstore clients; raw: any bytes; ct: certificates
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: LogKind,
    /// The log's name in its checkpoints [default: made from the first log's origin: NAME.HOST for
    /// rekor-v2, HOST/logs/NAME for raw and ct]
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
}

/// A log kind on the command line.
pub(super) fn parse_kind(text: &str) -> Result<LogKind, String> {
    LogKind::parse(text).ok_or_else(|| "write rekor-v2, raw or ct".to_owned())
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    config::check_name(&args.name)?;
    let config = Config::load(&args.dir)?;
    let origin = match &args.origin {
        Some(origin) => origin.clone(),
        None => default_origin(&config, args),
    };
    let new = NewLog {
        name: &args.name,
        kind: args.kind,
        origin: &origin,
        roots_file: None,
    };
    let added = add(&args.dir, new)?;
    say!(
        "Restart `cairnd serve`, or send it a SIGHUP, to serve it at /logs/{}/",
        added.name
    );
    Ok(())
}

/// A log to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewLog<'a> {
    pub(super) name: &'a str,
    pub(super) kind: LogKind,
    pub(super) origin: &'a str,
    /// Of a certificate log; as it is to stand in cairn.toml.
    pub(super) roots_file: Option<&'a Path>,
}

/// Makes a log and appends it to cairn.toml. Says what was made.
pub(super) fn add(dir: &Path, log: NewLog<'_>) -> anyhow::Result<LogSettings> {
    config::check_name(log.name)?;
    let path = dir.join(config::FILE_NAME);
    let old = config::read_text(dir)?;
    let config = Config::parse(dir, &old)?;
    crate::origin::parse(log.kind, log.origin)?;
    let new = appended(&config, &old, log);
    let added = added_log(&Config::parse(dir, &new)?)?;
    init::create_log(dir, &added)?;
    if config::read_text(dir)? != old {
        bail!(
            "{} was changed meanwhile; the log and its key are made, append this yourself:\n{}",
            path.display(),
            new.strip_prefix(old.as_str()).unwrap_or(&new)
        );
    }
    init::write_durably(&path, &new).with_context(|| {
        format!(
            "{} can't be written; the log and its key are made, append this yourself:\n{}",
            path.display(),
            new.strip_prefix(old.as_str()).unwrap_or(&new)
        )
    })?;
    report(&added)?;
    Ok(added)
}

/// `old` with one more section.
fn appended(config: &Config, old: &str, log: NewLog<'_>) -> String {
    let NewLog {
        name, kind, origin, ..
    } = log;
    let beside_another = config.logs.iter().any(|log| log.kind == LogKind::RekorV2);
    let host = (kind == LogKind::RekorV2 && beside_another).then_some(origin);
    let mut section = log_section(LogSection {
        name,
        kind,
        origin,
        host,
    });
    if let Some(roots_file) = log.roots_file {
        let shown = "#roots_file = \"ct-roots.pem\"";
        let path = toml::Value::String(roots_file.to_string_lossy().into_owned());
        section = section.replace(shown, &format!("roots_file = {path}"));
    }
    let line_end = if old.ends_with('\n') || old.is_empty() {
        ""
    } else {
        "\n"
    };
    format!("{old}{line_end}{section}")
}

/// The origin of a log whose operator gave none.
fn default_origin(config: &Config, args: &Args) -> String {
    let first = config
        .logs
        .first()
        .map_or("localhost", |log| log.origin.as_str());
    let host = first.split('/').next().unwrap_or(first);
    // Clients of a certificate log take its URL without the scheme for its origin.
    let submission = config.url.as_deref().and_then(|url| url.split_once("://"));
    match args.kind {
        LogKind::Ct => {
            let host = submission.map_or(host, |(_scheme, rest)| rest);
            format!("{host}/logs/{}", args.name)
        }
        LogKind::RekorV2 => format!("{}.{host}", args.name),
        LogKind::Raw => format!("{host}/logs/{}", args.name),
    }
}

/// The last log of the file, which is the one that was appended.
fn added_log(config: &Config) -> anyhow::Result<LogSettings> {
    config
        .logs
        .last()
        .cloned()
        .context("the appended section is not read as a log")
}

fn report(log: &LogSettings) -> anyhow::Result<()> {
    let key = crate::keys::load(&log.key, &log.origin, log.kind)?;
    say!(
        "made log {} ({}), origin {}",
        log.name,
        log.kind,
        log.origin
    );
    say!("  verifier key  {}", key.verifier);
    say!("  private key   {}   back it up", log.key.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# mine\nlisten = '127.0.0.1:80' # odd\n\n[[log]]\nname = \"a\"\n\
        kind = 'rekor-v2'\norigin = 'log.example.org'\n# the end, without a line end";

    fn args(name: &str, kind: LogKind) -> Args {
        Args {
            name: name.to_owned(),
            kind,
            origin: None,
            dir: PathBuf::from("d"),
        }
    }

    fn new_log<'a>(args: &'a Args, origin: &'a str) -> NewLog<'a> {
        NewLog {
            name: &args.name,
            kind: args.kind,
            origin,
            roots_file: None,
        }
    }

    fn add(args: &Args) -> (String, Config) {
        let config = Config::parse(Path::new("d"), OLD).unwrap();
        let new = appended(&config, OLD, new_log(args, &default_origin(&config, args)));
        let parsed = Config::parse(Path::new("d"), &new).unwrap();
        (new, parsed)
    }

    #[test]
    fn what_was_there_stays_byte_for_byte() {
        for kind in [LogKind::RekorV2, LogKind::Raw] {
            let (new, config) = add(&args("b", kind));
            assert!(new.starts_with(OLD));
            assert_eq!(config.logs.len(), 2);
            assert_eq!(added_log(&config).unwrap().name, "b");
            assert_eq!(config.listen.port(), 80);
        }
    }

    #[test]
    fn a_second_v2_log_gets_a_host_of_its_own() {
        let (_, config) = add(&args("b", LogKind::RekorV2));
        assert_eq!(config.logs[1].hosts, ["b.log.example.org"]);
        assert_eq!(config.logs[1].origin.as_str(), "b.log.example.org");
    }

    #[test]
    fn a_raw_log_is_named_by_its_path() {
        let (_, config) = add(&args("b", LogKind::Raw));
        assert_eq!(config.logs[1].origin.as_str(), "log.example.org/logs/b");
    }

    #[test]
    fn a_section_after_a_limits_table_is_still_a_log() {
        let old = format!("{OLD}\n[limits]\nconnections_max = 5\n");
        let config = Config::parse(Path::new("d"), &old).unwrap();
        let new = appended(&config, &old, new_log(&args("b", LogKind::Raw), "x"));
        let parsed = Config::parse(Path::new("d"), &new).unwrap();
        assert_eq!((parsed.logs.len(), parsed.limits.connections_max), (2, 5));
    }

    #[test]
    fn a_name_that_is_taken_is_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cairn.toml"), OLD).unwrap();
        let mut args = args("a", LogKind::Raw);
        args.dir = dir.path().to_owned();
        let error = run(&args).unwrap_err();
        assert!(error.to_string().contains("log.name"), "{error:#}");
        assert_eq!(super::super::exit_code(&error), 2);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(
            std::fs::read_to_string(dir.path().join("cairn.toml")).unwrap(),
            OLD
        );
    }
}
