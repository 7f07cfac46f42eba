//! `cairnd up`: a whole instance of the dev profile, from nothing to serving, in one command.
//!
//! It binds first, because everything that is published names the address, then makes what the
//! directory lacks, and serves. A later start takes the same port again.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ca::{Preset, Profile};

use crate::app::LogKind;
use crate::config::template::{
    LogSection, TopLevel, certificate_log_section, log_section, services, top_level,
};
use crate::config::{self, Config, MetricsListen, Passphrase};
use crate::dev::{self, DevKey};
use crate::instance::{CERTIFICATE_LOG, NewInstance, OfflineKeysFile, files};
use crate::observe::{self, LogFormat};
use crate::serve::{self, Overrides};
use crate::stdout::say;
use crate::{keys, wall_clock};

use super::init;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Serve a private Sigstore for development, made on first use

FOR DEVELOPMENT ONLY. It has OIDC issuers of its own that give anybody any identity, so it listens
on loopback and nowhere else, and what is signed with it proves nothing to anyone.

The first start makes the directory: keys, a CA, a timestamp authority, logs of signatures and of
certificates, what clients are to trust, and a cairn.toml that names the address at which it
listens. Later starts listen there again.

Example:
  cairnd up --dir ./try
  cairnd trust export --dir ./try --to ./trust
  sigstore --trust-config trust/trust_config.json sign \\
    --identity-token $(cairnd dev-token --dir ./try --identity you@example.com) artifact";

/// Serve a private Sigstore for development, made on first use
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory; made if it isn't there
    #[arg(long, value_name = "D")]
    dir: PathBuf,
    /// Where to listen: a loopback address and a port, 0 for any free one [default: where an
    /// earlier start did, or 127.0.0.1:0]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    observe::start_logging(args.log_format, config::log_filter().as_deref())?;
    let path = args.dir.join(config::FILE_NAME);
    let is_made = path
        .try_exists()
        .with_context(|| format!("{} can't be looked at", path.display()))?;
    let made = is_made.then(|| Config::load(&args.dir)).transpose()?;
    let listener = bind(listen_address(args, made.as_ref())?)?;
    let bound = listener.local_addr()?;
    let config = match made {
        Some(config) => config,
        None => make(&args.dir, bound)?,
    };
    listener.set_nonblocking(true)?;
    introduce(args, &config);
    let overrides = Overrides {
        listen: Some(bound),
        metrics_listen: Some(MetricsListen::Off),
        listener: Some(listener),
        ..Overrides::default()
    };
    serve::run(config, overrides)
}

/// Where to listen: what is published names the port, so a directory keeps its own.
fn listen_address(args: &Args, made: Option<&Config>) -> anyhow::Result<SocketAddr> {
    let asked = args.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    // Of IPv6 addresses there is no form that a log's origin may have.
    if !asked.is_ipv4() || !asked.ip().is_loopback() {
        bail!(
            "`cairnd up` listens on loopback (IPv4) only, because it gives anybody any identity; \
             write --listen 127.0.0.1:{}, or set up a server for others with `cairnd init`",
            asked.port()
        );
    }
    let Some(config) = made else { return Ok(asked) };
    if config.instance.profile != Profile::Dev {
        bail!(
            "{} is not of the dev profile; serve it with `cairnd serve`, or name another directory",
            args.dir.display()
        );
    }
    if config.instance.services.ca.is_none() {
        bail!(
            "{} has no [ca] in its cairn.toml; name another directory, which is made anew",
            args.dir.display()
        );
    }
    match args.listen {
        Some(asked) if asked.port() != 0 && asked != config.listen => bail!(
            "{} was made for {}, which everything that it published names; leave --listen out, or \
             name another directory",
            args.dir.display(),
            config.listen
        ),
        _ => Ok(config.listen),
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        format!(
            "can't listen on {address}; stop whatever listens there, or name another directory, \
             which gets a port of its own"
        )
    })
}

/// Makes everything in `dir`, for a server at `bound`. The configuration is written last, so that a
/// directory with a cairn.toml is complete.
fn make(dir: &Path, bound: SocketAddr) -> anyhow::Result<Config> {
    let text = initial_text(bound);
    let config = Config::parse(dir, &text)?;
    fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
    keys::write_new(&dir.join(dev::KEY_FILE), &DevKey::generate()?)?;
    for settings in &config.logs {
        init::create_log(dir, settings)?;
    }
    make_instance(dir, &config)?;
    let path = dir.join(config::FILE_NAME);
    init::write_durably(&path, &text)
        .with_context(|| format!("{} can't be written", path.display()))?;
    Ok(config)
}

/// Keys, certificates and trust root.
fn make_instance(dir: &Path, config: &Config) -> anyhow::Result<()> {
    let url = config.url.as_deref().context("cairn.toml has no `url`")?;
    let settings = config.logs.iter().find(|log| log.kind == LogKind::RekorV2);
    let settings = settings.context("cairn.toml has no log for signatures")?;
    let log = keys::load(&settings.key, &settings.origin, settings.kind)?.verifier;
    let certificates = config.logs.iter().find(|log| log.kind == LogKind::Ct);
    let certificates = certificates.context("cairn.toml has no log for certificates")?;
    let certificate_log =
        keys::load(&certificates.key, &certificates.origin, certificates.kind)?.verifier;
    // Beside the keys it protects nothing: this is for development.
    let passphrase = Passphrase::generate()?;
    keys::write_private(&dir.join(files::TRUST_PASSPHRASE), passphrase.bytes())?;
    let instance = NewInstance {
        dir,
        settings: &config.instance,
        url,
        operator: settings.origin.as_str(),
        log: &log,
        certificate_log: &certificate_log,
        certificate_log_path: &format!("/logs/{CERTIFICATE_LOG}"),
        sign_in_at: vec![dev::issuer_url(url, Preset::Email)],
        offline: OfflineKeysFile {
            path: &dir.join(files::TRUST_OFFLINE_KEYS),
            passphrase: &passphrase,
        },
        now: wall_clock::seconds(),
    };
    instance.make()
}

/// The new cairn.toml.
fn initial_text(bound: SocketAddr) -> String {
    let url = format!("http://{bound}");
    let top = TopLevel {
        listen: &bound.to_string(),
        url: Some(&url),
        metrics_listen: Some("off"),
        profile: Some("dev"),
        passphrase_file: None,
        trusted_proxies: None,
    };
    // The log's origin is the host of the URL, for which clients take it.
    let host = bound.ip().to_string();
    let signatures = LogSection {
        name: "rekor",
        kind: LogKind::RekorV2,
        origin: &host,
        host: None,
    };
    let certificates = LogSection {
        name: CERTIFICATE_LOG,
        kind: LogKind::Ct,
        // Clients of a certificate log take its URL without the scheme for its origin.
        origin: &format!("{bound}/logs/{CERTIFICATE_LOG}"),
        host: None,
    };
    top_level(top)
        + &log_section(signatures)
        + &certificate_log_section(certificates)
        + &services(CERTIFICATE_LOG)
}

/// Tells whoever started it what this is, and what to do next.
fn introduce(args: &Args, config: &Config) {
    let dir = args.dir.display();
    say!("FOR DEVELOPMENT ONLY: anybody can get any identity from this server");
    if let Some(url) = &config.url {
        say!("url {url}");
    }
    say!("trust files: cairnd trust export --dir {dir} --to trust");
    say!("token: cairnd dev-token --dir {dir} --identity you@example.com");
}
