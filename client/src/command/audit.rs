//! `cairn audit`: whether a log is what it says, and still what it was.

use serde_json::json;
use tiles::{
    ProofBuildError, PublishedError, PublishedLog, PublishedTileError, RebuildError, VerifierKey,
};

use crate::audit::{
    Contradiction, GrowthError, LogKeys, Memory, ReplayError, SeenCheckpoint, Source, SourceError,
    framing_of, replay,
};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::inspect::plain;
use crate::output::Output;
use crate::progress;
use crate::trust::TrustArgs;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Audit a log: hash all of it again

Reads every entry of a log of C2SP tlog-tiles or static-ct-api, ours or not, hashes it, builds every
tile from that, compares each byte for byte with what the log holds, and the root hash with the
checkpoint that the log signed. Then it compares that checkpoint with the last one seen, which is
kept in the user's directory: a log that lost entries or changed them is refused, and both signed
checkpoints are written to a file. The first difference ends the work and is named: the tile or the
entry.

With --since-last only the proof that the log grew from what was seen last is checked, which takes a
few tiles; a log that was never seen is read whole.

Whose key must have signed is said by --vkey, or else by the trust root.

Examples:
  cairn audit https://log.example.org --vkey log.example.org+1234abcd+Ab...
  cairn audit /srv/copy-of-the-log --vkey log.example.org+1234abcd+Ab...
  cairn audit https://log2025-1.rekor.sigstore.dev --since-last";

/// Audit a log: hash all of it again
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// Where the log is: /checkpoint and /tile/... are below this URL or directory
    #[arg(value_name = "URL|DIR")]
    log: String,
    /// The log's verifier key, from its operator
    #[arg(long, value_name = "KEY", value_parser = parse_vkey)]
    vkey: Option<VerifierKey>,
    /// Check only that the log grew from the last checkpoint seen
    #[arg(long)]
    since_last: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

fn parse_vkey(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text)
        .map_err(|error| format!("{error}; copy it as the log's operator gave it: NAME+HASH+KEY"))
}

/// What was found right.
struct Audited {
    now: SeenCheckpoint,
    before: Option<SeenCheckpoint>,
    /// How many bundles and tiles were read, if all were.
    whole: Option<(u64, u64)>,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let keys = match &args.vkey {
        Some(key) => LogKeys::Given(Box::new(key.clone())),
        None => LogKeys::Trusted(Box::new(args.trust.source().trusted_root(&Http::online())?)),
    };
    let source = Source::new(&args.log);
    let audited = audit(source, &keys, &Memory::open()?, args.since_last)?;
    output.result(audited.text(), || audited.to_json());
    Ok(())
}

fn audit(
    source: Source,
    keys: &LogKeys,
    memory: &Memory,
    since_last: bool,
) -> Result<Audited, Failure> {
    let name = source.name();
    let (first, _, _) = keys.open(&name, &source.note()?)?;
    let _held = memory.lock(first.origin())?;
    let before = memory.last(first.origin())?;
    // Asked for again: another audit may have seen a newer one while this one waited.
    let (checkpoint, opened, key) = keys.open(&name, &source.note()?)?;
    if checkpoint.origin() != first.origin() {
        let failure = Failure::new(Exit::Refused, &name, "has checkpoints of two logs");
        return Err(failure.expected(first.origin()).found(checkpoint.origin()));
    }
    let now = SeenCheckpoint {
        checkpoint,
        note: opened.note.encode(),
    };
    let log = PublishedLog::new(source, framing_of(&key));
    let whole = match &before {
        Some(_) if since_last => None,
        _ => Some(hash_again(&log, &name, &now)?),
    };
    if let Some(before) = &before {
        let grown = Contradiction::none_between(&log, before, &now);
        grown.map_err(|error| growth_failure(error, memory, &name, before, &now))?;
    }
    memory.remember(&now)?;
    Ok(Audited { now, before, whole })
}

fn hash_again(
    log: &PublishedLog<Source>,
    name: &str,
    now: &SeenCheckpoint,
) -> Result<(u64, u64), Failure> {
    let head = (now.checkpoint.size(), now.checkpoint.root_hash());
    let bar = progress::bar(format!("audit {name}"), "entries", head.0.get());
    let report = replay(log, head, &mut |done| bar.set_position(done));
    let report = report.map_err(|error| replay_failure(&error, log.resources().exit(), name))?;
    Ok((report.bundle_count, report.tile_count))
}

const KEEP: &str = "tell the log's operator, and keep what you have read";

fn replay_failure(error: &ReplayError, unread: Exit, name: &str) -> Failure {
    match error {
        RebuildError::Source { path, source } => {
            read_failure(source, unread, name, &format!("{path} can't be had"))
        }
        RebuildError::RootDiffers { found, wanted } => {
            let what = "the entries are not those of the checkpoint";
            let failure = Failure::new(Exit::Refused, name, what);
            failure.expected(wanted).found(found).fix(KEEP)
        }
        error => Failure::new(Exit::Refused, name, "does not hold together")
            .found(error)
            .fix(KEEP),
    }
}

/// That something could not be read is the network's fault or the disk's; that it is not there, or
/// not what it should be, is the log's, which signed that it has it.
fn read_failure(
    error: &PublishedError<SourceError>,
    unread: Exit,
    name: &str,
    what: &str,
) -> Failure {
    match error {
        PublishedError::Read(_) => Failure::new(unread, name, what)
            .found(error)
            .fix("try again"),
        _ => Failure::new(Exit::Refused, name, what)
            .found(error)
            .fix(KEEP),
    }
}

fn growth_failure(
    error: GrowthError<SourceError>,
    memory: &Memory,
    name: &str,
    before: &SeenCheckpoint,
    now: &SeenCheckpoint,
) -> Failure {
    match error {
        GrowthError::Contradiction(how) => how.keep(memory, (name, clock::now()), before, now),
        GrowthError::Read(ProofBuildError::Source(PublishedTileError::Bytes(source))) => {
            let unread = match &source {
                PublishedError::Read(error) => error.exit(),
                _ => Exit::Refused,
            };
            read_failure(
                &source,
                unread,
                name,
                "a tile of the proof that it grew can't be had",
            )
        }
        error => Failure::new(Exit::Refused, name, error).fix(KEEP),
    }
}

impl Audited {
    fn text(&self) -> String {
        let now = &self.now.checkpoint;
        let whole = match self.whole {
            Some((bundles, tiles)) => {
                format!(", all of it hashed: {bundles} bundles, {tiles} tiles")
            }
            None => String::new(),
        };
        let grown = match &self.before {
            Some(before) => format!(
                "; grew from {} entries seen before",
                before.checkpoint.size()
            ),
            None => "; seen for the first time".to_owned(),
        };
        format!(
            "{}: right, {} entries, root hash {}{whole}{grown}",
            plain(now.origin().as_str()),
            now.size(),
            now.root_hash()
        )
    }

    fn to_json(&self) -> serde_json::Value {
        let now = &self.now.checkpoint;
        json!({
            "origin": now.origin().as_str(),
            "size": now.size().get(),
            "rootHash": now.root_hash().to_string(),
            "whole": self.whole.is_some(),
            "bundles": self.whole.map(|(bundles, _)| bundles),
            "tiles": self.whole.map(|(_, tiles)| tiles),
            "sizeSeenBefore": self.before.as_ref().map(|before| before.checkpoint.size().get()),
        })
    }
}

#[cfg(test)]
mod tests;
