//! `cairnd log rotate`: the next shard of a log, served beside the one that is to be frozen.
//!
//! A shard is a log of its own: another name, another key, another origin, entries from 0. Clients
//! must trust it before they are sent to it, so this makes and serves it, and says the steps that
//! remain, each of which waits for the one before.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use engine::{Clock as _, DirLock, OpenError};

use crate::admin;
use crate::app::LogKind;
use crate::config::{Config, LogSettings};
use crate::origin;
use crate::stdout::say;

use super::log_add::{self, NewLog};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Make the next shard of a log

Makes a log of the same kind with a name, a key and an origin of its own, and appends it to
cairn.toml. A running server opens and serves it at once, without a restart; the old log goes on
as it is. Clients are to trust the new log before they are sent to it: the last lines say the steps
that remain.

The new log of kind rekor-v2 answers at a host of its own, its origin: have the name lead to this
server, and its TLS certificate cover it.

Examples:
  cairnd log rotate rekor --dir /var/lib/cairn
  cairnd log rotate rekor --as rekor-2027 --origin log2027.example.org";

/// Make the next shard of a log
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The name of the log to follow
    name: String,
    /// The new log's name [default: the old one's with the next number]
    #[arg(long = "as", value_name = "NAME")]
    new_name: Option<String>,
    /// The new log's name in its checkpoints [default: the old one's with the next number in its
    /// first label, or in its path]
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.dir)?;
    let selected = config.select(Some(&args.name))?;
    let old = *selected.first().context("a name selects one log")?;
    let name = args.new_name.clone().unwrap_or_else(|| numbered(&old.name));
    let origin = match &args.origin {
        Some(origin) => origin.clone(),
        None => next_origin(old)?,
    };
    let roots_file = old.roots_file.as_deref();
    let new = NewLog {
        name: &name,
        kind: old.kind,
        origin: &origin,
        roots_file: roots_file.map(|path| path.strip_prefix(&args.dir).unwrap_or(path)),
    };
    let new = log_add::add(&args.dir, new)?;
    match DirLock::acquire(&args.dir, engine::SystemClock::new().now()) {
        Ok(_lock) => say!("Start `cairnd serve` to serve it at /logs/{name}/"),
        Err(OpenError::InUse { .. }) => {
            let done = admin::reload(&args.dir).context(
                "the log is made and in cairn.toml; put right what the server says, and send it a \
                 SIGHUP",
            )?;
            for line in done {
                say!("{line}");
            }
        }
        Err(error) => return Err(error.into()),
    }
    say_next(args, &config, old, &new);
    Ok(())
}

/// What remains to be done, in an order in which no client meets a log that it does not trust.
fn say_next(args: &Args, config: &Config, old: &LogSettings, new: &LogSettings) {
    let dir = args.dir.display();
    say!();
    if (
        old.tokens_file.is_some(),
        old.publish_dir.is_some(),
        old.anchors.is_empty(),
    ) != (false, false, true)
    {
        say!("tokens_file, publish_dir and anchors are not taken over: set them in cairn.toml.");
    }
    say!("Next:");
    let is_trusted = config.instance.services.trust.is_some() && old.kind != LogKind::Raw;
    if is_trusted {
        let kind = if old.kind == LogKind::Ct { "ct" } else { "log" };
        say!("  1. cairnd trust add {kind} {} --dir {dir}", new.name);
        say!("     puts it into the trust root, once that is signed and applied");
        say!(
            "  2. a day later: cairnd trust rotate {kind} {} --dir {dir}",
            new.name
        );
        say!("     sends clients there, once that is signed and applied");
        say!("  3. when no client comes to the old log any more, within 30 days:");
    } else {
        say!("  1. give the new verifier key to everybody who is to check the log");
        say!("  2. send writers to the new log");
        say!("  3. when none comes to the old log any more:");
    }
    say!("     cairnd log freeze {} --dir {dir}", old.name);
}

/// `rekor` becomes `rekor-2`, `rekor-2` becomes `rekor-3`.
pub(super) fn numbered(name: &str) -> String {
    let numbered = name.rsplit_once('-').and_then(|(stem, number)| {
        let next: u32 = number.parse::<u32>().ok()?.checked_add(1)?;
        Some(format!("{stem}-{next}"))
    });
    numbered.unwrap_or_else(|| format!("{name}-2"))
}

/// The origin of a log's next shard.
fn next_origin(old: &LogSettings) -> anyhow::Result<String> {
    let text = old.origin.as_str();
    let next = match (old.kind, text.split_once('.')) {
        // The one name by which clients come to the same loopback listener.
        (LogKind::RekorV2, _) if text == "127.0.0.1" => "localhost".to_owned(),
        (LogKind::RekorV2, Some((first, rest))) if !is_address(text) => {
            format!("{}.{rest}", numbered(first))
        }
        (LogKind::RekorV2, _) => bail!(
            "the origin {text:?} has no successor that leads to this server too; name one with \
             --origin"
        ),
        (LogKind::Raw | LogKind::Ct, _) => numbered(text),
    };
    origin::parse(old.kind, &next)?;
    Ok(next)
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_counted_on() {
        for (name, next) in [
            ("rekor", "rekor-2"),
            ("rekor-2", "rekor-3"),
            ("rekor-09", "rekor-10"),
            ("my-log", "my-log-2"),
            ("a-4294967295", "a-4294967295-2"),
        ] {
            assert_eq!(numbered(name), next);
        }
    }

    #[test]
    fn origins_are_counted_on_where_hosts_can_be() {
        let check = |kind: &str, origin: &str, wanted: Option<&str>| {
            let text = format!("[[log]]\nname = 'a'\nkind = '{kind}'\norigin = '{origin}'\n");
            let config = Config::parse(Path::new("d"), &text).unwrap();
            let next = next_origin(&config.logs[0]).ok();
            assert_eq!(next.as_deref(), wanted, "{origin}");
        };
        check("rekor-v2", "log.example.org", Some("log-2.example.org"));
        check("rekor-v2", "log-2.example.org", Some("log-3.example.org"));
        check("rekor-v2", "127.0.0.1", Some("localhost"));
        check("rekor-v2", "localhost", None);
        check("rekor-v2", "10.0.0.1", None);
        check(
            "raw",
            "log.example.org/logs/a",
            Some("log.example.org/logs/a-2"),
        );
        check("ct", "a.example/logs/ct", Some("a.example/logs/ct-2"));
    }
}
