//! `cairnd init --sigstore`: everything that a private Sigstore for a public URL needs, at once.
//!
//! Two passphrases, for two kinds of keys. What the server signs with is encrypted under one that
//! it reads at start, from a file outside of the data directory. The keys that say what is trusted,
//! of the TUF root and targets, are encrypted under another, in a file that leaves the machine; the
//! server never has either.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ca::Preset;

use super::{LOCAL_PROXIES, create_log, is_behind_proxy, write_durably};
use crate::app::LogKind;
use crate::config::passphrase::OFFLINE_VARIABLE;
use crate::config::template::{
    LogSection, TopLevel, certificate_log_section, issuer_examples, issuer_section, log_section,
    services, top_level,
};
use crate::config::{self, Config, Passphrase, PassphraseSource, passphrase, places};
use crate::instance::{CERTIFICATE_LOG, NewInstance, OfflineKeysFile};
use crate::stdout::say;
use crate::{keys, origin, wall_clock};

/// The log of signatures.
const SIGNATURE_LOG: &str = "rekor";

/// What only `--sigstore` takes.
#[derive(Debug, Default, clap::Args)]
pub(super) struct SigstoreArgs {
    /// Where the keys of the trust root go, encrypted: a file that you move off this machine
    #[arg(long, value_name = "FILE", requires = "sigstore")]
    offline_keys: Option<PathBuf>,
    /// The passphrase of --offline-keys; made if it isn't there [default: the environment variable
    /// `CAIRND_OFFLINE_PASSPHRASE`, or a new one that is shown once]
    #[arg(long, value_name = "FILE", requires = "sigstore")]
    offline_passphrase_file: Option<PathBuf>,
    /// The passphrase of the server's keys, which it reads at start; made if it isn't there
    /// [default: the environment variable `CAIRND_PASSPHRASE`]
    #[arg(long, value_name = "FILE", requires = "sigstore")]
    passphrase_file: Option<PathBuf>,
    /// Whose tokens are good for certificates: a preset and what it needs, such as
    /// github,owner=acme or email,url=https://login.example.org; all but settings of [[issuer]]
    /// are claims that tokens must have. May be given several times
    #[arg(long, value_name = "PRESET[,KEY=VALUE]...", requires = "sigstore")]
    #[arg(value_parser = parse_issuer)]
    issuer: Vec<NewIssuer>,
}

/// One `--issuer`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NewIssuer {
    preset: Preset,
    settings: Vec<(String, String)>,
    claims: Vec<(String, String)>,
}

/// The settings of `[[issuer]]` that are texts; any other name is that of a claim.
const SETTINGS: [&str; 8] = [
    "url",
    "audience",
    "ca_file",
    "web_url",
    "subject_domain",
    "trust_domain",
    "issuer_claim",
    "subject",
];

fn parse_issuer(text: &str) -> Result<NewIssuer, String> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let preset = Preset::from_name(name).ok_or_else(|| {
        let names = Preset::ALL.map(Preset::name).join(", ");
        format!("there is no preset {name:?}; write one of {names}")
    })?;
    let mut issuer = NewIssuer {
        preset,
        settings: Vec::new(),
        claims: Vec::new(),
    };
    for part in parts {
        let (key, value) = part
            .split_once('=')
            .ok_or_else(|| format!("{part:?} is no KEY=VALUE"))?;
        let list = if SETTINGS.contains(&key) {
            &mut issuer.settings
        } else {
            &mut issuer.claims
        };
        list.push((key.to_owned(), value.to_owned()));
    }
    Ok(issuer)
}

impl NewIssuer {
    fn section(&self) -> String {
        let preset = ("preset".to_owned(), self.preset.name().to_owned());
        let settings = [&[preset], self.settings.as_slice()].concat();
        issuer_section(&settings, &self.claims)
    }
}

/// What was decided before anything is made.
struct Plan<'a> {
    dir: &'a Path,
    url: &'a str,
    offline_keys: PathBuf,
    config: Config,
    text: String,
    is_behind_proxy: bool,
}

pub(super) fn run(args: &super::Args) -> anyhow::Result<()> {
    let plan = Plan::new(args)?;
    if let PassphraseSource::File(file) = &plan.config.instance.passphrase {
        make_missing(file)?;
    }
    plan.make(&args.with_sigstore)
}

/// Makes a passphrase in a file that is not there.
fn make_missing(file: &Path) -> anyhow::Result<()> {
    let is_there = file.try_exists();
    if !is_there.with_context(|| format!("{} can't be looked at", file.display()))? {
        keys::write_private(file, Passphrase::generate()?.bytes())?;
    }
    Ok(())
}

impl<'a> Plan<'a> {
    fn new(args: &'a super::Args) -> anyhow::Result<Plan<'a>> {
        let own = &args.with_sigstore;
        let (Some(url), Some(offline_keys)) = (&args.url, &own.offline_keys) else {
            bail!(
                "--sigstore needs --url, which everything it publishes names, and --offline-keys, \
                 a file for the keys of the trust root"
            );
        };
        let url = url.as_str();
        let uri: http::Uri = url.parse()?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        origin::parse(LogKind::RekorV2, &host)?;
        let offline_keys = std::path::absolute(offline_keys)?;
        check_places(&args.dir, &offline_keys, own)?;
        if offline_keys.try_exists()? {
            bail!(
                "{} exists already, and keys are never overwritten; name another file",
                offline_keys.display()
            );
        }
        if own.passphrase_file.is_none() && passphrase::variable(passphrase::VARIABLE).is_none() {
            bail!(
                "the server's keys need a passphrase: write --passphrase-file FILE, which is made \
                 if it isn't there, or set {}",
                passphrase::VARIABLE
            );
        }
        let is_behind_proxy = is_behind_proxy(args);
        let text = text(args, url, &host)?;
        Ok(Plan {
            dir: &args.dir,
            url,
            offline_keys,
            config: Config::parse(&args.dir, &text)?,
            text,
            is_behind_proxy,
        })
    }

    fn make(&self, own: &SigstoreArgs) -> anyhow::Result<()> {
        let offline = OfflinePassphrase::find(own)?;
        let made = self.make_all(&offline.passphrase).with_context(|| {
            format!(
                "{} is unfinished; remove it, and {} if it is there, and start again",
                self.dir.display(),
                self.offline_keys.display()
            )
        });
        made?;
        self.report(&offline);
        Ok(())
    }

    fn make_all(&self, offline: &Passphrase) -> anyhow::Result<()> {
        let dir = self.dir;
        std::fs::create_dir_all(dir)?;
        for log in &self.config.logs {
            create_log(dir, log)?;
        }
        let key = |name: &str| {
            let log = self.config.logs.iter().find(|log| log.name == name);
            let log = log.with_context(|| format!("cairn.toml has no log {name:?}"))?;
            Ok::<_, anyhow::Error>(keys::load(&log.key, &log.origin, log.kind)?.verifier)
        };
        let signatures = key(SIGNATURE_LOG)?;
        let instance = NewInstance {
            dir,
            settings: &self.config.instance,
            url: self.url,
            operator: signatures.name().as_ref(),
            log: &signatures,
            certificate_log: &key(CERTIFICATE_LOG)?,
            certificate_log_path: &format!("/logs/{CERTIFICATE_LOG}"),
            sign_in_at: sign_in_at(&self.config),
            offline: OfflineKeysFile {
                path: &self.offline_keys,
                passphrase: offline,
            },
            now: wall_clock::seconds(),
        };
        instance.make()?;
        let path = dir.join(config::FILE_NAME);
        write_durably(&path, &self.text)
            .with_context(|| format!("{} can't be written", path.display()))
    }

    fn report(&self, offline: &OfflinePassphrase) {
        let dir = self.dir.display();
        say!("made a private Sigstore for {} in {dir}", self.url);
        for log in &self.config.logs {
            say!("  log {} ({}), origin {}", log.name, log.kind, log.origin);
        }
        say!("  certificate authority, timestamp authority, trust root");
        say!();
        say!("Move off this machine now, and keep in two places:");
        say!("  {}", self.offline_keys.display());
        say!("  Whoever has it and its passphrase decides what clients trust.");
        match offline {
            OfflinePassphrase {
                passphrase,
                place: OfflinePlace::Shown,
            } => {
                say!("Its passphrase, which is shown this once; keep it apart from the file:");
                say!("  {}", String::from_utf8_lossy(passphrase.bytes()));
            }
            OfflinePassphrase {
                place: OfflinePlace::File(file),
                ..
            } => {
                say!("Its passphrase, to be moved elsewhere:");
                say!("  {}", file.display());
            }
            _ => say!("Its passphrase is that of {OFFLINE_VARIABLE}."),
        }
        say!();
        say!("Back up: cairnd backup --dir {dir} --to DIRECTORY");
        if let PassphraseSource::File(file) = &self.config.instance.passphrase {
            say!("and, elsewhere, what opens its keys: {}", file.display());
        }
        self.report_next();
    }

    fn report_next(&self) {
        let dir = self.dir.display();
        let config = self.dir.join(config::FILE_NAME);
        say!();
        say!("Next:");
        if self.config.instance.issuers.issuers().is_empty() {
            say!("  add an [[issuer]] to {}: without one", config.display());
            say!("  nobody gets a certificate; examples are at its end");
        }
        if self.is_behind_proxy {
            let listen = self.config.listen;
            say!(
                "  let a proxy on this machine serve {} from {listen}",
                self.url
            );
        }
        say!("  cairnd serve --dir {dir}");
        say!("  cairnd trust export --dir {dir} --to trust      (what clients begin with)");
    }
}

/// The passphrase of the offline keys.
struct OfflinePassphrase {
    passphrase: Passphrase,
    place: OfflinePlace,
}

enum OfflinePlace {
    File(PathBuf),
    Variable,
    /// Nowhere but on the screen.
    Shown,
}

impl OfflinePassphrase {
    fn find(own: &SigstoreArgs) -> anyhow::Result<OfflinePassphrase> {
        if let Some(file) = &own.offline_passphrase_file {
            make_missing(file)?;
            return Ok(OfflinePassphrase {
                passphrase: Passphrase::read(file)?,
                place: OfflinePlace::File(file.clone()),
            });
        }
        Ok(match passphrase::variable(OFFLINE_VARIABLE) {
            Some(passphrase) => OfflinePassphrase {
                passphrase,
                place: OfflinePlace::Variable,
            },
            None => OfflinePassphrase {
                passphrase: Passphrase::generate()?,
                place: OfflinePlace::Shown,
            },
        })
    }
}

/// Refuses places where a passphrase would lie beside what it protects.
fn check_places(dir: &Path, offline_keys: &Path, own: &SigstoreArgs) -> anyhow::Result<()> {
    let dir = places::resolve(dir);
    let outside = [
        ("--offline-keys", Some(offline_keys)),
        (
            "--offline-passphrase-file",
            own.offline_passphrase_file.as_deref(),
        ),
        ("--passphrase-file", own.passphrase_file.as_deref()),
    ];
    for (option, path) in outside {
        let resolved = path.map(places::resolve).unwrap_or_default();
        if resolved.starts_with(&dir) {
            bail!(
                "{option} {} is inside the data directory, where it protects nothing; name a \
                 place outside of {}",
                resolved.display(),
                dir.display()
            );
        }
    }
    let directory = |path: &Path| places::resolve(path).parent().map(Path::to_owned);
    let passphrases = [&own.offline_passphrase_file, &own.passphrase_file];
    for file in passphrases.into_iter().flatten() {
        if directory(file) == directory(offline_keys) {
            bail!(
                "{} is beside {}; a passphrase must not be found where its keys are: name another \
                 directory",
                file.display(),
                offline_keys.display()
            );
        }
    }
    Ok(())
}

/// The new cairn.toml.
fn text(args: &super::Args, url: &str, host: &str) -> anyhow::Result<String> {
    let own = &args.with_sigstore;
    let passphrase_file = own.passphrase_file.as_ref().map(std::path::absolute);
    let passphrase_file = passphrase_file.transpose()?;
    let top = TopLevel {
        listen: &args.listen.to_string(),
        url: Some(url),
        metrics_listen: args.metrics_listen.as_deref(),
        profile: Some("production"),
        passphrase_file: passphrase_file.as_deref().and_then(Path::to_str),
        trusted_proxies: is_behind_proxy(args).then_some(&LOCAL_PROXIES),
    };
    // The log's origin is the host of the URL, for which clients take it.
    let signatures = LogSection {
        name: SIGNATURE_LOG,
        kind: LogKind::RekorV2,
        origin: host,
        host: None,
    };
    let certificates = LogSection {
        name: CERTIFICATE_LOG,
        kind: LogKind::Ct,
        // Clients of a certificate log take its URL without the scheme for its origin.
        origin: &format!("{}/logs/{CERTIFICATE_LOG}", without_scheme(url)),
        host: None,
    };
    let issuers: String = own.issuer.iter().map(NewIssuer::section).collect();
    Ok([
        top_level(top),
        log_section(signatures),
        certificate_log_section(certificates),
        services(CERTIFICATE_LOG),
        issuer_examples().to_owned(),
        issuers,
    ]
    .concat())
}

fn without_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// The issuers at which people, and not machines, get a token.
fn sign_in_at(config: &Config) -> Vec<String> {
    let issuers = config.instance.issuers.issuers().iter();
    let for_people = issuers.filter(|issuer| {
        matches!(issuer.preset(), Preset::Email | Preset::Google) && !issuer.has_wildcard()
    });
    for_people.map(|issuer| issuer.url().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_preset_with_settings_and_claims() {
        let issuer = parse_issuer("github,owner=acme,audience=x,ref=refs/heads/main").unwrap();
        let section = issuer.section();
        let wanted = "\n[[issuer]]\npreset = \"github\"\naudience = \"x\"\n\
            [[issuer.allow]]\nowner = \"acme\"\nref = \"refs/heads/main\"\n";
        assert_eq!(section, wanted);
        assert!(
            !parse_issuer("email,url=https://a.example")
                .unwrap()
                .section()
                .contains("allow")
        );
        for (wrong, words) in [
            ("nobody", "no preset \"nobody\""),
            ("github,owner", "KEY=VALUE"),
        ] {
            let refused = parse_issuer(wrong).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn no_passphrase_lies_where_it_protects_nothing() {
        let dir = Path::new("/srv/cairn");
        let check = |offline: &str, offline_passphrase: &str, passphrase: &str| {
            let own = SigstoreArgs {
                offline_passphrase_file: Some(offline_passphrase.into()),
                passphrase_file: Some(passphrase.into()),
                ..SigstoreArgs::default()
            };
            check_places(dir, Path::new(offline), &own).map_err(|error| error.to_string())
        };
        check("/media/a/keys.pem", "/media/b/words", "/etc/cairn/words").unwrap();
        for (offline, offline_passphrase, passphrase) in [
            ("/srv/cairn/keys.pem", "/media/b/words", "/etc/cairn/words"),
            (
                "/media/a/keys.pem",
                "/srv/cairn/x/words",
                "/etc/cairn/words",
            ),
            ("/media/a/keys.pem", "/media/b/words", "/srv/cairn/words"),
            ("/media/a/keys.pem", "/media/a/words", "/etc/cairn/words"),
            ("/media/a/keys.pem", "/media/b/words", "/media/a/words"),
        ] {
            check(offline, offline_passphrase, passphrase).unwrap_err();
        }
    }
}
