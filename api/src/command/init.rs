//! `cairnd init`: a data directory with one log, its key and a commented cairn.toml.
//!
//! The configuration is written last, so that a directory with a cairn.toml is complete.

mod sigstore;

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::app::LogKind;
use crate::config::template::{LogSection, TopLevel, log_section, top_level};
use crate::config::{self, Config, LogSettings};
use crate::stdout::say;
use crate::{keys, log_config, origin};

use super::log_add::parse_kind;
use sigstore::SigstoreArgs;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Make a data directory with a first log

Makes the directory, a private key (readable by you alone), an empty log and a cairn.toml in
which every setting has a comment. An existing cairn.toml is never touched.

The origin is the log's name in all of its checkpoints and can't be changed later. For a
rekor-v2 log it is the host name under which clients will reach it, without port and path.

Examples:
  cairnd init --dir /var/lib/cairn --origin log.example.org
  cairnd init --dir ./try --origin localhost --listen 127.0.0.1:3000
  cairnd init --dir ./builds --origin example.org/builds --kind raw

With --sigstore it makes a whole private Sigstore for a public URL, in which people and machines
sign with the identity that they have at an OIDC issuer. Every key is encrypted under a passphrase
that is not in the directory. The keys of the trust root go into a file that you move off the
machine; the server needs it never, you do when what is trusted changes.

  cairnd init --dir /var/lib/cairn --sigstore --url https://sigstore.example.org \\
    --passphrase-file /etc/cairn/passphrase --offline-keys /media/stick/trust-keys.pem \\
    --issuer github,owner=acme --issuer email,url=https://login.example.org";

/// Make a data directory with a first log
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory to make
    #[arg(long, value_name = "D")]
    dir: PathBuf,
    /// The log's name in its checkpoints; a host name for rekor-v2
    #[arg(long, value_name = "NAME", required_unless_present = "sigstore")]
    origin: Option<String>,
    /// rekor-v2: signatures from Sigstore clients; raw: any bytes; ct: certificates
    #[arg(long, value_name = "KIND", default_value = "rekor-v2", value_parser = parse_kind)]
    kind: LogKind,
    /// Where the server will listen: an IP address and a port
    #[arg(long, value_name = "ADDR", default_value = config::LISTEN_DEFAULT)]
    listen: SocketAddr,
    /// The public base URL, if it is not http:// and the address
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    url: Option<String>,
    /// Where metrics will be served, or "off"
    #[arg(long, value_name = "ADDR", value_parser = parse_metrics_listen)]
    metrics_listen: Option<String>,
    /// Make a private Sigstore: a log of signatures, a CA, a certificate log, a timestamp authority
    /// and the trust root that tells clients of them
    #[arg(long, requires = "url", requires = "offline_keys")]
    #[arg(conflicts_with_all = ["origin", "kind"])]
    sigstore: bool,
    #[command(flatten)]
    with_sigstore: SigstoreArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let name = args.origin.as_deref().unwrap_or_default();
    if !args.sigstore {
        origin::parse(args.kind, name)?;
        if let Some(url) = &args.url {
            origin::check_url_host(args.kind, name, url)?;
        }
    }
    let dir = args.dir.as_path();
    let path = dir.join(config::FILE_NAME);
    if path
        .try_exists()
        .with_context(|| format!("{} can't be looked at", path.display()))?
    {
        bail!(
            "{} exists already; serve it with `cairnd serve`, add a log with `cairnd log add`, or \
             name another directory",
            path.display()
        );
    }
    if args.sigstore {
        return sigstore::run(args);
    }
    let text = initial_text(args, name);
    // What we write ourselves goes through the same checks as what operators write.
    let config = Config::parse(dir, &text)?;
    fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
    for settings in &config.logs {
        create_log(dir, settings)?;
    }
    write_durably(&path, &text).with_context(|| format!("{} can't be written", path.display()))?;
    report(args, &config)
}

/// The new cairn.toml.
fn initial_text(args: &Args, origin: &str) -> String {
    let name = match args.kind {
        LogKind::RekorV2 => "rekor",
        LogKind::Raw => "log",
        LogKind::Ct => "ct",
    };
    let top = TopLevel {
        listen: &args.listen.to_string(),
        url: args.url.as_deref(),
        metrics_listen: args.metrics_listen.as_deref(),
        profile: None,
        passphrase_file: None,
        trusted_proxies: is_behind_proxy(args).then_some(&LOCAL_PROXIES),
    };
    let log = LogSection {
        name,
        kind: args.kind,
        origin,
        host: None,
    };
    top_level(top) + &log_section(log)
}

/// A proxy on this machine, by which others reach a server that listens on loopback only.
const LOCAL_PROXIES: [&str; 2] = ["127.0.0.1", "::1"];

/// Whether nobody could reach the server at its URL without such a proxy.
fn is_behind_proxy(args: &Args) -> bool {
    let url = args.url.as_deref().unwrap_or_default();
    let uri: http::Uri = url.parse().unwrap_or_default();
    let is_elsewhere = |host: &str| !config::is_loopback_host(host);
    args.listen.ip().is_loopback() && uri.host().is_some_and(is_elsewhere)
}

/// Makes the key and the store of a log that is not in cairn.toml yet. If the store can't be made,
/// the new key, which nothing uses, goes again.
pub(super) fn create_log(dir: &Path, settings: &LogSettings) -> anyhow::Result<()> {
    let store = settings.store_dir(dir);
    keys::create(&settings.key, settings.kind)?;
    let created = keys::load(&settings.key, &settings.origin, settings.kind)
        .map_err(anyhow::Error::from)
        .and_then(|key| {
            fs::create_dir_all(dir.join("logs"))
                .with_context(|| format!("{} can't be made", dir.join("logs").display()))?;
            log_config::create(dir, settings, &key)
        });
    if created.is_err() && !store.exists() {
        let _best_effort = fs::remove_file(settings.key.path());
    }
    created.with_context(|| format!("the log {:?} can't be made", settings.name))
}

/// Puts `text` at `path` whole or not at all, over whatever is there: a link stays and what it
/// leads to is replaced, by a file of the same owner and mode.
pub(super) fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let (path, old) = match fs::canonicalize(path) {
        Ok(real) => {
            let old = fs::metadata(&real)?;
            (real, Some(old))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut file = fs::File::create(&temporary)?;
    let written = old
        .map_or(Ok(()), |old| belong_as(&file, &old))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _best_effort = fs::remove_file(&temporary);
    }
    written?;
    keys::sync_parent(&path)
}

/// Gives `file` the owner and the mode of `old`. The owner first: changing it may clear mode bits.
fn belong_as(file: &fs::File, old: &fs::Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(old.permissions())
}

fn report(args: &Args, config: &Config) -> anyhow::Result<()> {
    let dir = args.dir.display();
    for log in &config.logs {
        let key = keys::load(&log.key, &log.origin, log.kind)?;
        say!(
            "made log {} ({}), origin {}",
            log.name,
            log.kind,
            log.origin
        );
        say!("  verifier key  {}", key.verifier);
        say!(
            "  configuration {}",
            config.dir.join(config::FILE_NAME).display()
        );
        say!("  private key   {}", log.key.display());
        say!("  store         {}", log.store_dir(&config.dir).display());
    }
    say!();
    say!("Back up now, somewhere that others can't read:");
    for log in &config.logs {
        say!(
            "  {}   without it the log can never grow again",
            log.key.display()
        );
    }
    say!("  {}", config.dir.join(config::FILE_NAME).display());
    say!("Back up from time to time: cairnd backup --dir {dir} --to DIRECTORY");
    say!(
        "Set `anchors` in cairn.toml: they make an old copy of this directory known for what it is."
    );
    say!("Give the verifier key to everybody who is to check the log.");
    say!();
    say!("Next: cairnd serve --dir {dir}");
    Ok(())
}

fn parse_url(text: &str) -> Result<String, String> {
    config::check_url(text).ok_or_else(|| format!("write {}", config::URL_ALLOWED))
}

fn parse_metrics_listen(text: &str) -> Result<String, String> {
    match config::MetricsListen::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("write an IP address and a port, or \"off\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_replaced_file_keeps_its_mode_and_the_link_to_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        let (real, link) = (dir.path().join("real/c"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
        symlink("real/c", &link).unwrap();
        write_durably(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(dir.path().join("real")).unwrap().count(), 1);
    }

    #[test]
    fn an_origin_that_is_not_the_urls_host_is_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let args = Args {
            dir: dir.path().join("new"),
            origin: Some("log.example.org".to_owned()),
            kind: LogKind::RekorV2,
            listen: config::LISTEN_DEFAULT.parse().unwrap(),
            url: Some("https://other.example.net:8443".to_owned()),
            metrics_listen: None,
            sigstore: false,
            with_sigstore: SigstoreArgs::default(),
        };
        let error = run(&args).unwrap_err();
        assert!(error.to_string().contains("--url"), "{error:#}");
        assert_eq!(super::super::exit_code(&error), 2);
        assert!(!args.dir.exists());
    }
}
