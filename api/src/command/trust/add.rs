//! `cairnd trust add`: another party for clients to trust, before it is used.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use ca::trust_root::{Party, PartyKind};
use sigstore::time_range::TimeRange;
use sigstore::trusted_root::{AuthorityInstance, AuthoritySubject, TransparencyLogInstance};

use super::authority::{Files, accept_root};
use super::proposal::{Place, tell_server, time};
use crate::app::LogKind;
use crate::config::LogSettings;
use crate::instance::{NewAuthorities, begins};
use crate::keys;
use crate::stdout::say;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Have clients trust another log, certificate log, CA or timestamp authority

Writes an update of the trust root, to be signed with the offline keys and applied. Nothing uses
the new party yet: clients must have learned of it first, and `cairnd trust rotate` comes after
that. A log must be in cairn.toml (`cairnd log rotate`). Key and certificates of a CA or timestamp
authority are made, beside those in use, unless --key and --chain name them; certificates of a root
that is kept elsewhere are named so.

Examples:
  cairnd trust add log rekor-2 --dir /var/lib/cairn
  cairnd trust add ca --dir /var/lib/cairn
  cairnd trust add tsa --key tsa-2027.pem --chain tsa-2027-chain.pem --dir /var/lib/cairn";

/// Have clients trust another log, certificate log, CA or timestamp authority
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// log, ct, ca or tsa
    #[arg(value_name = "KIND", value_parser = parse_kind)]
    kind: PartyKind,
    /// Which log of cairn.toml, for log and ct
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The private key of a CA or timestamp authority, which the server is to use
    #[arg(long, value_name = "FILE", requires = "chain")]
    key: Option<PathBuf>,
    /// Its certificates in PEM, the one that signs first, the root last
    #[arg(long, value_name = "FILE", requires = "key")]
    chain: Option<PathBuf>,
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Where the update is written
    #[arg(long, value_name = "FILE", default_value = "trust-update.json")]
    to: PathBuf,
}

/// A kind of party on the command line.
pub(super) fn parse_kind(text: &str) -> Result<PartyKind, String> {
    let mut kinds = PartyKind::ALL.into_iter();
    let kind = kinds.find(|kind| kind.as_str() == text);
    kind.ok_or_else(|| "write log, ct, ca or tsa".to_owned())
}

pub(in crate::command) fn run(args: &Args) -> anyhow::Result<()> {
    let place = Place::open(&args.dir)?;
    let mut draft = place.draft()?;
    let valid_for = TimeRange::starting(time(begins(place.now))?);
    let party = match args.kind {
        PartyKind::Log | PartyKind::CtLog => {
            let name = args.name.as_deref();
            let name = name.context("say which log of cairn.toml: `cairnd trust add log NAME`")?;
            log(&place, args.kind, name, (draft.operator(), valid_for))?
        }
        PartyKind::CertificateAuthority | PartyKind::TimestampAuthority => {
            authority(&place, args, (draft.operator(), valid_for))?
        }
    };
    draft.add(party)?;
    place.propose(&draft, &args.to)?;
    let name = args.name.as_deref().map(|name| format!(" {name}"));
    say!(
        "  a day later, when clients have learned of it: cairnd trust rotate {}{} --dir {}",
        args.kind,
        name.unwrap_or_default(),
        args.dir.display()
    );
    Ok(())
}

/// A log of cairn.toml.
pub(super) fn settings<'a>(
    place: &'a Place,
    kind: PartyKind,
    name: &str,
) -> anyhow::Result<&'a LogSettings> {
    let selected = place.config.select(Some(name))?;
    let log = *selected.first().context("a name selects one log")?;
    let wanted = if kind == PartyKind::Log {
        LogKind::RekorV2
    } else {
        LogKind::Ct
    };
    if log.kind != wanted {
        bail!("the log {name:?} is of kind {}, wanted {wanted}", log.kind);
    }
    Ok(log)
}

fn log(
    place: &Place,
    kind: PartyKind,
    name: &str,
    (operator, valid_for): (&str, TimeRange),
) -> anyhow::Result<Party> {
    let log = settings(place, kind, name)?;
    let key = keys::load(&log.key, &log.origin, log.kind)?
        .verifier
        .spki_der();
    let url = place.url()?;
    let mut instance = if kind == PartyKind::Log {
        // An Ed25519 key ends its SubjectPublicKeyInfo (RFC 8410, section 4).
        let raw = key.last_chunk().context("the log's key is too short")?;
        let origin = log.origin.as_str();
        let url = with_host(url, origin);
        TransparencyLogInstance::with_note_key(url, origin, raw, valid_for)
    } else {
        let url = format!("{url}/logs/{name}");
        TransparencyLogInstance::with_p256_key(url, key, valid_for)
    };
    operator.clone_into(&mut instance.operator);
    Ok(if kind == PartyKind::Log {
        Party::Log(instance)
    } else {
        Party::CtLog(instance)
    })
}

/// The same URL at another host.
fn with_host(url: &str, host: &str) -> String {
    let uri: http::Uri = url.parse().unwrap_or_default();
    let scheme = uri.scheme_str().unwrap_or("https");
    let port = uri.port().map(|port| format!(":{port}"));
    format!("{scheme}://{host}{}", port.unwrap_or_default())
}

fn authority(
    place: &Place,
    args: &Args,
    (operator, valid_for): (&str, TimeRange),
) -> anyhow::Result<Party> {
    let (config, kind) = (&place.config, args.kind);
    let (key, chain) = (args.key.as_deref(), args.chain.as_deref());
    let files = Files::next(config, kind, key, chain)?;
    let chain = if key.is_some() {
        files.read(kind)?
    } else {
        let new = NewAuthorities {
            operator,
            now: place.now,
        };
        let made = files.make(kind, new)?;
        say!("made {} and {}", files.key.display(), files.chain.display());
        made
    };
    let is_ca = kind == PartyKind::CertificateAuthority;
    if is_ca {
        // Before the first certificate has to be logged.
        accept_root(config, &chain)?;
        tell_server(&config.dir)?;
    }
    let url = place.url()?;
    let instance = AuthorityInstance {
        subject: AuthoritySubject {
            organization: operator.to_owned(),
            common_name: if is_ca { "fulcio" } else { "timestamp" }.to_owned(),
        },
        uri: if is_ca {
            url.to_owned()
        } else {
            format!("{url}/api/v1/timestamp")
        },
        cert_chain: chain,
        valid_for,
        operator: operator.to_owned(),
    };
    Ok(if is_ca {
        Party::CertificateAuthority(instance)
    } else {
        Party::TimestampAuthority(instance)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_at_its_own_host_of_the_same_server() {
        for (url, wanted) in [
            ("https://a.example", "https://b.example"),
            ("http://127.0.0.1:3000", "http://b.example:3000"),
        ] {
            assert_eq!(with_host(url, "b.example"), wanted);
        }
    }
}
