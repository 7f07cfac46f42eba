//! What cairn.toml says of the services beside the logs: `[ca]`, `[tsa]` and `[trust]`. A service
//! is there if its section is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::passphrase::PassphraseSource;
use super::table::{ConfigError, Field, Source, Table};
use super::{LogSettings, places};
use crate::app::LogKind;
use crate::keys::KeyFile;

/// `[ca]`: the certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaSettings {
    /// The key that issues.
    pub(crate) key: KeyFile,
    /// Its certificates: the issuing one first, the root last.
    pub(crate) chain: PathBuf,
    /// The name of the log that certificates go into.
    pub(crate) log: String,
}

/// `[tsa]`: the timestamp authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TsaSettings {
    /// The key that signs timestamps.
    pub(crate) key: KeyFile,
    /// Its certificates: the authority's first, the root last.
    pub(crate) chain: PathBuf,
    /// Who is asked whether the clock is right: hosts, each with or without a port.
    pub(crate) ntp: Vec<String>,
}

/// Time servers: more tell nothing more, and each is asked every minute.
const NTP_COUNT_MAX: usize = 16;

/// `[trust]`: the TUF repository that tells clients of all this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustSettings {
    /// Where its files are.
    pub(crate) dir: PathBuf,
    /// The key that keeps it current.
    pub(crate) online_key: KeyFile,
}

/// The sections, as far as they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Services {
    pub(crate) ca: Option<CaSettings>,
    pub(crate) tsa: Option<TsaSettings>,
    pub(crate) trust: Option<TrustSettings>,
}

impl Services {
    /// The private files that they name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyFile> {
        let ca = self.ca.iter().map(|ca| &ca.key);
        let tsa = self.tsa.iter().map(|tsa| &tsa.key);
        let trust = self.trust.iter().map(|trust| &trust.online_key);
        ca.chain(tsa).chain(trust)
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        self.ca.is_some() || self.tsa.is_some() || self.trust.is_some()
    }
}

/// What kind of log certificates go into.
const CERTIFICATE_LOG_KIND: LogKind = LogKind::Ct;

/// Where relative paths start, and what opens the keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) dir: &'a Path,
    pub(super) passphrase: &'a PassphraseSource,
}

impl Place<'_> {
    /// The key in the file of that path.
    pub(super) fn key(&self, file: impl AsRef<Path>) -> KeyFile {
        KeyFile::new(self.dir.join(file), self.passphrase.clone())
    }
}

/// Takes the three sections from the top level.
pub(super) fn parse<'a>(
    source: Source<'a>,
    top: &mut Table<'a>,
    place: Place<'_>,
) -> Result<Services, ConfigError> {
    let [ca, tsa, trust] = ["ca", "tsa", "trust"].map(|name| top.take(name));
    Ok(Services {
        ca: ca
            .map(|field| parse_ca(source, &field, place))
            .transpose()?,
        tsa: tsa
            .map(|field| parse_tsa(source, &field, place))
            .transpose()?,
        trust: trust
            .map(|field| parse_trust(source, &field, place))
            .transpose()?,
    })
}

const KEY: &str = "the file with the private key";
const CHAIN: &str = "the file with the certificates, in PEM, the one that signs first";

fn parse_ca<'a>(
    source: Source<'a>,
    field: &Field<'a>,
    place: Place<'_>,
) -> Result<CaSettings, ConfigError> {
    let mut table = Table::new(source, "ca", field.line(), field.table()?);
    let settings = CaSettings {
        key: place.key(table.require("key", KEY)?.string()?),
        chain: place.dir.join(table.require("chain", CHAIN)?.string()?),
        log: table
            .require("log", "the name of a log")?
            .string()?
            .to_owned(),
    };
    table.finish()?;
    Ok(settings)
}

fn parse_tsa<'a>(
    source: Source<'a>,
    field: &Field<'a>,
    place: Place<'_>,
) -> Result<TsaSettings, ConfigError> {
    let mut table = Table::new(source, "tsa", field.line(), field.table()?);
    let ntp = match table.take("ntp") {
        Some(field) => parse_time_servers(&field)?,
        None => Vec::new(),
    };
    let settings = TsaSettings {
        key: place.key(table.require("key", KEY)?.string()?),
        chain: place.dir.join(table.require("chain", CHAIN)?.string()?),
        ntp,
    };
    table.finish()?;
    Ok(settings)
}

/// Each counts once, so that no server is a majority by itself.
fn parse_time_servers(field: &Field<'_>) -> Result<Vec<String>, ConfigError> {
    let names = field.strings()?;
    let refuse = |fix: &str| {
        let allowed = format!("at most {NTP_COUNT_MAX} host names or addresses, each once");
        Err(field.refuse(allowed, fix))
    };
    if names.len() > NTP_COUNT_MAX {
        return refuse("name the best of them; three or four are enough");
    }
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    if distinct.len() < names.len() || distinct.contains("") {
        return refuse("remove the empty or repeated name");
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn parse_trust<'a>(
    source: Source<'a>,
    field: &Field<'a>,
    place: Place<'_>,
) -> Result<TrustSettings, ConfigError> {
    let mut table = Table::new(source, "trust", field.line(), field.table()?);
    let dir = table.require("dir", "the directory of the TUF repository")?;
    let settings = TrustSettings {
        dir: place.dir.join(dir.string()?),
        online_key: place.key(table.require("online_key", KEY)?.string()?),
    };
    table.finish()?;
    Ok(settings)
}

/// Checks the sections against the logs: what they share, and what they must not.
pub(super) fn check(
    source: Source<'_>,
    dir: &Path,
    services: &Services,
    logs: &[LogSettings],
) -> Result<(), ConfigError> {
    let refuse = |key: &str, found: String, allowed: &str, fix: &str| ConfigError {
        path: source.path.to_owned(),
        line: source.line_with(found.as_str()),
        key: key.to_owned(),
        found: format!("{found:?}").into(),
        allowed: allowed.into(),
        fix: fix.into(),
    };
    if let Some(ca) = &services.ca {
        let log = logs.iter().find(|log| log.name == ca.log);
        if log.is_none_or(|log| log.kind != CERTIFICATE_LOG_KIND) {
            let allowed = "the name of a log of the kind that takes certificates";
            let fix = "name such a log, or add one with `cairnd log add`";
            return Err(refuse("ca.log", ca.log.clone(), allowed, fix));
        }
    }
    let mut taken: BTreeSet<PathBuf> = logs
        .iter()
        .map(|log| places::resolve(log.key.path()))
        .collect();
    for key in services.keys() {
        let found = || {
            key.path()
                .strip_prefix(dir)
                .unwrap_or(key.path())
                .display()
                .to_string()
        };
        let resolved = places::resolve(key.path());
        if logs.iter().any(|log| is_published(log, &resolved)) {
            let allowed = "a private file outside of every log's publish_dir";
            return Err(refuse(
                "key",
                found(),
                allowed,
                "move the file, and name its new place",
            ));
        }
        if !taken.insert(resolved) {
            let allowed = "each key for one purpose";
            return Err(refuse(
                "key",
                found(),
                allowed,
                "give each section a key of its own",
            ));
        }
    }
    Ok(())
}

fn is_published(log: &LogSettings, file: &Path) -> bool {
    let public = log.publish_dir.as_deref().map(places::resolve);
    public.is_some_and(|public| file.starts_with(public))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const REST: &str = "url = 'http://localhost'\n\
        [tsa]\nkey = 'keys/tsa.pem'\nchain = 'tsa/chain.pem'\n\
        [trust]\ndir = 'trust'\nonline_key = 'keys/trust.pem'\n\
        [[log]]\nname = 'ct'\nkind = 'ct'\norigin = 'localhost/logs/ct'\n\
        [[log]]\nname = 'a'\nkind = 'raw'\norigin = 'a'\npublish_dir = 'public'\n";

    const CA: &str = "[ca]\nkey = 'keys/x.pem'\nchain = 'ca/chain.pem'\nlog = 'ct'\n";

    fn parse(rest: &str, ca: &str) -> Result<Services, String> {
        let config = Config::parse(Path::new("d"), &format!("{rest}{ca}"));
        let services = config.map(|config| config.instance.services);
        services.map_err(|error| error.to_string())
    }

    #[test]
    fn the_sections_are_read() {
        let services = parse(REST, CA).unwrap();
        let ca = services.ca.clone().unwrap();
        assert_eq!(ca.key.path(), Path::new("d/keys/x.pem"));
        assert_eq!(
            (ca.chain.as_path(), ca.log.as_str()),
            (Path::new("d/ca/chain.pem"), "ct")
        );
        assert_eq!(services.trust.clone().unwrap().dir, Path::new("d/trust"));
        assert_eq!(services.keys().count(), 3);
        assert_eq!(parse(REST, "").unwrap().ca, None);
    }

    #[test]
    fn what_the_sections_must_not_say_is_refused_where_it_stands() {
        let check = |rest: &str, ca: &str, words: &[&str]| {
            let refused = parse(rest, ca).unwrap_err();
            for words in words {
                assert!(refused.contains(words), "{words}: {refused}");
            }
        };
        let changed = |old: &str, new: &str| CA.replace(old, new);
        check(
            REST,
            &changed("'ct'", "'b'"),
            &["ca.log", "\"b\"", "log add"],
        );
        check(
            REST,
            &changed("'ct'", "'a'"),
            &["ca.log", "takes certificates"],
        );
        check(
            REST,
            &changed("x.pem", "tsa.pem"),
            &["each key for one purpose"],
        );
        check(
            REST,
            &changed("x.pem", "ct.pem"),
            &["each key for one purpose"],
        );
        check(
            REST,
            &changed("keys/x", "public/x"),
            &["outside of every log's publish_dir"],
        );
        check(REST, &changed("key =", "keys ="), &["ca.key", "nothing"]);
        check(
            REST,
            &format!("{CA}zzz = 1\n"),
            &["ca.zzz", "in ca: key, chain, log"],
        );
        check(REST, "[ca]\n", &["cairn.toml:17", "ca.key"]);
        let without_url = REST.split_once('\n').unwrap().1;
        check(without_url, CA, &["`url`", "the public URL"]);
    }
}
