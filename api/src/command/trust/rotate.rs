//! `cairnd trust rotate`: a party that clients trust succeeds those of its kind; or new offline
//! keys succeed the old ones.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ca::Signer as _;
use ca::trust_root::{Change, Draft, OfflineKeys, PartyId, PartyKind, RoleHolders, RootKeys};
use sigstore::tuf::TufKey;

use super::add::settings;
use super::authority::Files;
use super::proposal::{Place, tell_server, time};
use super::sign::passphrase;
use crate::command::init;
use crate::config::{self, Config, edit};
use crate::keys;
use crate::stdout::say;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Have a party that clients trust succeed those of its kind

The party must be in the published trust root (`cairnd trust add`), for a day at least: clients that
have not looked since would refuse what it signs. --at-once is for keys that must not be used any
longer.

Of kind ct, ca and tsa, the server changes over at once, without a restart; the update that is
written ends the time of the old one in a day. Of kind log, the update sends signers to the new log
once it is applied, and ends the time of the old one in 30 days: freeze that before. Nothing is
taken out of the trust root, so what the old ones signed stays good.

Of kind root, new keys of TUF root and targets are made in the file --new-keys, encrypted; the
update must be signed with the old file and with the new one.

Examples:
  cairnd trust rotate log rekor-2 --dir /var/lib/cairn
  cairnd trust rotate ca --dir /var/lib/cairn
  cairnd trust rotate root --new-keys /media/safe/root-2027.pem --dir /var/lib/cairn";

/// Have a party that clients trust succeed those of its kind
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// log, ct, ca, tsa or root
    #[arg(value_name = "KIND", value_parser = parse_what)]
    what: What,
    /// Which log of cairn.toml, for log and ct
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The key of the CA or timestamp authority, as given to `cairnd trust add`
    #[arg(long, value_name = "FILE", requires = "chain")]
    key: Option<PathBuf>,
    /// Its certificates, as given to `cairnd trust add`
    #[arg(long, value_name = "FILE", requires = "key")]
    chain: Option<PathBuf>,
    /// Don't wait until clients have learned of it
    #[arg(long)]
    at_once: bool,
    /// For root: the file to make, with the new keys
    #[arg(long, value_name = "FILE")]
    new_keys: Option<PathBuf>,
    /// For root: the passphrase of the new keys [default: the environment variable
    /// `CAIRND_OFFLINE_PASSPHRASE`]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Where the update is written
    #[arg(long, value_name = "FILE", default_value = "trust-update.json")]
    to: PathBuf,
}

/// What is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Party(PartyKind),
    Root,
}

fn parse_what(text: &str) -> Result<What, String> {
    if text == "root" {
        return Ok(What::Root);
    }
    let kind = super::add::parse_kind(text).map(What::Party);
    kind.map_err(|_| "write log, ct, ca, tsa or root".to_owned())
}

pub(in crate::command) fn run(args: &Args) -> anyhow::Result<()> {
    let place = Place::open(&args.dir)?;
    let kind = match args.what {
        What::Root => return rotate_root(&place, args),
        What::Party(kind) => kind,
    };
    let mut draft = place.draft()?;
    let next = Next::find(&place, kind, args)?;
    let now = place.time()?;
    let end = draft.succeed(kind, next.id(), now)?;
    if !args.at_once {
        check_known(&place, kind, next.id())?;
    }
    place.propose(&draft, &args.to)?;
    if let Err(error) = next.switch(&place) {
        // It would end the time of what goes on being used.
        let _best_effort = std::fs::remove_file(&args.to);
        return Err(error);
    }
    match kind {
        PartyKind::Log => {
            say!("The old log's time ends at {end}: freeze it before, with `cairnd log freeze`.");
        }
        _ => say!("The old one's time ends at {end}, once this is applied."),
    }
    Ok(())
}

/// How long a party must have been published before it is used: clients look once a day.
const KNOWN_SECONDS_MIN: u64 = 24 * 60 * 60;

fn check_known(place: &Place, kind: PartyKind, id: PartyId) -> anyhow::Result<()> {
    let published = place.repository.published_at(kind, id);
    let published = published.context("it is not in the published trust root")?;
    let ready = published.plus_seconds(KNOWN_SECONDS_MIN);
    if ready <= place.now {
        return Ok(());
    }
    bail!(
        "the {kind} {id} has been published since {}; clients that have not looked since would \
         refuse what it signs: wait until {}, or say --at-once",
        time(published)?,
        time(ready)?
    )
}

/// What comes after.
enum Next {
    Log(PartyId),
    CtLog(PartyId, String),
    Authority(PartyKind, PartyId, Files),
}

impl Next {
    fn find(place: &Place, kind: PartyKind, args: &Args) -> anyhow::Result<Next> {
        let of_log = || {
            let name = args
                .name
                .as_deref()
                .context("say which log of cairn.toml")?;
            let log = settings(place, kind, name)?;
            let key = keys::load(&log.key, &log.origin, log.kind)?.verifier;
            anyhow::Ok((key, name.to_owned()))
        };
        Ok(match kind {
            PartyKind::Log => Next::Log(PartyId(of_log()?.0.log_id())),
            PartyKind::CtLog => {
                let (key, name) = of_log()?;
                Next::CtLog(PartyId(sigstore::sct::log_id(&key.spki_der())), name)
            }
            PartyKind::CertificateAuthority | PartyKind::TimestampAuthority => {
                let (key, chain) = (args.key.as_deref(), args.chain.as_deref());
                let files = Files::next(&place.config, kind, key, chain)?;
                let id = Files::id(&files.read(kind)?);
                Next::Authority(kind, id, files)
            }
        })
    }

    fn id(&self) -> PartyId {
        match self {
            Next::Log(id) | Next::CtLog(id, _) | Next::Authority(_, id, _) => *id,
        }
    }

    /// Has the server use it, now or when it starts. Signers are sent to a log by the update.
    fn switch(&self, place: &Place) -> anyhow::Result<()> {
        let dir = &place.config.dir;
        let old = config::read_text(dir)?;
        let new = match self {
            Next::Log(_) => return Ok(()),
            Next::CtLog(_, name) => {
                let is_meant = |new: &Config| {
                    let ca = new.instance.services.ca.as_ref();
                    ca.is_some_and(|ca| ca.log == *name)
                };
                edit::set(&place.config, &old, ("[ca]", "log", name), is_meant)?
            }
            Next::Authority(kind, _, files) => in_use(&place.config, &old, *kind, files)?,
        };
        let path = dir.join(config::FILE_NAME);
        init::write_durably(&path, &new)
            .with_context(|| format!("{} can't be written", path.display()))?;
        if !tell_server(dir)? {
            say!("`cairnd serve` uses it from its next start on");
        }
        Ok(())
    }
}

/// cairn.toml with these files in the section of that kind.
fn in_use(config: &Config, text: &str, kind: PartyKind, files: &Files) -> anyhow::Result<String> {
    let section = format!("[{kind}]");
    let inside = |path: &Path| {
        let path = path.strip_prefix(&config.dir).unwrap_or(path);
        path.to_string_lossy().into_owned()
    };
    let has_key = |new: &Config| {
        let current = Files::current(new, kind);
        current.is_ok_and(|current| current.key.path() == files.key.path())
    };
    let key = inside(files.key.path());
    let text = edit::set(config, text, (&section, "key", &key), has_key)?;
    let has_chain = |new: &Config| {
        let current = Files::current(new, kind);
        current.is_ok_and(|current| current.chain == files.chain)
    };
    let chain = inside(&files.chain);
    Ok(edit::set(
        config,
        &text,
        (&section, "chain", &chain),
        has_chain,
    )?)
}

fn rotate_root(place: &Place, args: &Args) -> anyhow::Result<()> {
    let path = args.new_keys.as_deref();
    let path = path.context("say with --new-keys where the new keys go, off this machine")?;
    let (new, pem) = OfflineKeys::generate(passphrase(args.passphrase_file.as_deref())?.bytes())?;
    let key = |spki: &[u8]| TufKey::from_spki_der(spki);
    let online = online_key(place)?;
    let keys = RootKeys {
        root: RoleHolders::single(key(new.root.public_key())?),
        targets: RoleHolders::single(key(new.targets.public_key())?),
        online,
    };
    keys::write_private(path, pem.as_bytes())?;
    let change = Change {
        keys: Some(keys),
        files: None,
    };
    place.write(change, &args.to)?;
    say!(
        "made {}: move it off this machine, with its passphrase",
        path.display()
    );
    place.say_next(&args.to, "the old keys are, and again where the new ones");
    let draft: Draft = place.draft()?;
    say!(
        "What clients trust stays what it is: {} parties.",
        draft.parties().len()
    );
    Ok(())
}

/// The key that signs snapshots and timestamps, which stays.
fn online_key(place: &Place) -> anyhow::Result<TufKey> {
    let root = place.repository.root();
    let mut online = root.timestamp.key_ids.iter();
    let key = online.find_map(|id| root.keys.get(id)).cloned();
    key.context("the root names no online key")
}
