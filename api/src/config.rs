//! cairn.toml: what the operator decides, read once at start. Also the only place that reads the
//! environment.
//!
//! A wrong file is refused with file, line, key, what was found, what is allowed and the fix; an
//! unknown key is a wrong file. Paths in the file are relative to the data directory. The file that
//! `init` writes, with a comment on every key, is `template`.

pub(crate) mod anchors;
pub(crate) mod edit;
mod instance;
mod log_section;
pub(crate) mod passphrase;
pub(crate) mod places;
mod services;
mod table;
pub(crate) mod template;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::de::DeTable;

use crate::app::LogKind;
use crate::client_address::TrustedProxies;
use crate::limits::Limits;
use crate::origin;

pub(crate) use anchors::{AnchorSetting, UnknownAnchor};
pub(crate) use instance::InstanceSettings;
pub(crate) use log_section::LogSettings;
use log_section::parse_logs;
pub(crate) use passphrase::{Passphrase, PassphraseSource};
use services::Place;
pub(crate) use services::{CaSettings, Services, TrustSettings, TsaSettings};
pub(crate) use table::ConfigError;
use table::{Field, Source, Table};
pub(crate) use tls::TlsSettings;

/// The configuration's name within the data directory.
pub(crate) const FILE_NAME: &str = "cairn.toml";

/// Where the server listens when cairn.toml doesn't say.
pub(crate) const LISTEN_DEFAULT: &str = "127.0.0.1:3000";

/// The port of the metrics listener when cairn.toml doesn't say: where scrapers look for exporters.
pub(crate) const METRICS_PORT_DEFAULT: u16 = 9464;

/// Bytes of a cairn.toml, far above any real one.
const FILE_LEN_BYTES_MAX: usize = 1 << 20;
const READ_LEN_BYTES: u64 = (1 << 20) + 1;

/// Characters in a log's name; it becomes part of paths and URLs.
const NAME_LEN_MAX: usize = 63;

/// A whole cairn.toml.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// The data directory.
    pub(crate) dir: PathBuf,
    pub(crate) listen: SocketAddr,
    /// The public base URL without a trailing slash, if the operator gave one.
    pub(crate) url: Option<String>,
    pub(crate) metrics: MetricsListen,
    /// For the public listener, if it speaks TLS.
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) limits: Limits,
    /// What there is beside the logs.
    pub(crate) instance: InstanceSettings,
    /// At least one; names and origins are unique.
    pub(crate) logs: Vec<LogSettings>,
}

/// Where metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricsListen {
    Off,
    At(SocketAddr),
    /// cairn.toml doesn't say: loopback, on the usual port, or on any free one when the public
    /// port is also left to the system.
    Default,
}

impl MetricsListen {
    /// The address to listen on, if any, when the public listener is at `listen`.
    pub(crate) fn address(self, listen: SocketAddr) -> Option<SocketAddr> {
        let port = if listen.port() == 0 {
            0
        } else {
            METRICS_PORT_DEFAULT
        };
        match self {
            MetricsListen::Off => None,
            MetricsListen::At(address) => Some(address),
            MetricsListen::Default => Some(SocketAddr::from(([127, 0, 0, 1], port))),
        }
    }

    /// `off` or an address.
    pub(crate) fn parse(text: &str) -> Option<MetricsListen> {
        match text {
            "off" => Some(MetricsListen::Off),
            _ => text.parse().ok().map(MetricsListen::At),
        }
    }
}

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LoadError {
    #[error(
        "{} can't be read: {cause}; name the data directory with --dir, or make one with \
         `cairnd init`",
        path.display()
    )]
    Read {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{} has more than {FILE_LEN_BYTES_MAX} bytes; it is not a cairn.toml", .0.display())]
    TooLong(PathBuf),
    #[error(transparent)]
    Wrong(#[from] ConfigError),
}

impl Config {
    /// Reads `dir`/cairn.toml.
    pub(crate) fn load(dir: &Path) -> Result<Config, LoadError> {
        let text = read_text(dir)?;
        Ok(Config::parse(dir, &text)?)
    }

    /// Reads `text` as the cairn.toml of `dir`.
    pub(crate) fn parse(dir: &Path, text: &str) -> Result<Config, ConfigError> {
        let path = dir.join(FILE_NAME);
        let source = Source { path: &path, text };
        let document = DeTable::parse(text).map_err(|error| source.syntax(&error))?;
        let mut top = Table::new(source, "", 1, document.get_ref());

        let listen = match top.take("listen") {
            Some(field) => parse_listen(&field)?,
            None => SocketAddr::from(([127, 0, 0, 1], 3000)),
        };
        let url = top.take("url").map(|field| parse_url(&field)).transpose()?;
        let metrics = match top.take("metrics_listen") {
            Some(field) => parse_metrics_listen(&field)?,
            None => MetricsListen::Default,
        };
        let trusted_proxies = match top.take("trusted_proxies") {
            Some(field) => parse_networks(&field)?,
            None => TrustedProxies::default(),
        };
        let tls = match top.take("tls") {
            Some(field) => tls::parse(source, dir, &field)?,
            None => None,
        };
        let (limits, age_field) = match top.take("limits") {
            Some(field) => parse_limits(source, &field)?,
            None => (Limits::default(), None),
        };
        let instance = instance::parse(source, &mut top, dir, url.as_deref())?;
        let place = Place {
            dir,
            passphrase: &instance.passphrase,
        };
        let sections = top.require("log", "one or more [[log]] sections")?;
        let logs = parse_logs(source, place, &limits, &sections)?;
        services::check(source, dir, &instance.services, &logs)?;
        top.finish()?;
        if let Some(field) = &age_field {
            check_age_max(field, &limits, &logs)?;
        }
        Ok(Config {
            dir: dir.to_owned(),
            listen,
            url,
            metrics,
            tls,
            trusted_proxies,
            limits,
            instance,
            logs,
        })
    }

    /// The logs that `only` names, or all of them.
    pub(crate) fn select(&self, only: Option<&str>) -> Result<Vec<&LogSettings>, UnknownLog> {
        let Some(name) = only else {
            return Ok(self.logs.iter().collect());
        };
        match self.logs.iter().find(|log| log.name == name) {
            Some(log) => Ok(vec![log]),
            None => Err(UnknownLog {
                name: name.to_owned(),
                known: self
                    .logs
                    .iter()
                    .map(|log| log.name.clone())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// The public base URL: the operator's, or one made from the bound address. A listener that is
    /// open to others is named by the first log's origin, as far as that is a host name.
    pub(crate) fn public_url(&self, bound: SocketAddr) -> String {
        if let Some(url) = &self.url {
            return url.clone();
        }
        let origin = self
            .logs
            .first()
            .map(|log| log.origin.to_string())
            .unwrap_or_default();
        if bound.ip().is_unspecified() && origin::parse(LogKind::RekorV2, &origin).is_ok() {
            return format!("{}://{origin}:{}", self.scheme(), bound.port());
        }
        format!("{}://{bound}", self.scheme())
    }

    /// What the public listener speaks.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// `--log NAME` names no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no log named {name:?}; cairn.toml has: {known}")]
pub(crate) struct UnknownLog {
    name: String,
    known: String,
}

/// The text of `dir`/cairn.toml.
pub(crate) fn read_text(dir: &Path) -> Result<String, LoadError> {
    use std::io::Read as _;
    let path = dir.join(FILE_NAME);
    let mut text = String::new();
    let file = std::fs::File::open(&path);
    // One byte more than fits tells a longer file from one that just fits.
    let read = file.and_then(|file| file.take(READ_LEN_BYTES).read_to_string(&mut text));
    match read {
        Ok(length) if length > FILE_LEN_BYTES_MAX => Err(LoadError::TooLong(path)),
        Ok(_) => Ok(text),
        Err(cause) => Err(LoadError::Read { path, cause }),
    }
}

/// What to log (`CAIRND_LOG`, the syntax of `tracing-subscriber`'s filters), if the operator says.
pub(crate) fn log_filter() -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the environment is read"
    )]
    std::env::var("CAIRND_LOG").ok()
}

/// Checks a log's name: it stands in paths, URLs and file names.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    let fits = (1..=NAME_LEN_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-');
    if fits {
        Ok(())
    } else {
        Err(NameError {
            found: name.to_owned(),
        })
    }
}

/// What [`check_name`] takes, in words.
const NAME_ALLOWED: &str = "1 to 63 of a-z, 0-9 and `-`, not starting with `-`, each name once";

/// A name no log can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} can't name a log; a name has {NAME_ALLOWED}")]
pub(crate) struct NameError {
    found: String,
}

fn parse_listen(field: &Field<'_>) -> Result<SocketAddr, ConfigError> {
    field.string()?.parse().map_err(|_| {
        field.refuse(
            "an IP address and a port",
            "write \"127.0.0.1:3000\", \"[::1]:3000\", or \"0.0.0.0:3000\" for every interface",
        )
    })
}

fn parse_metrics_listen(field: &Field<'_>) -> Result<MetricsListen, ConfigError> {
    MetricsListen::parse(field.string()?).ok_or_else(|| {
        field.refuse(
            "an IP address and a port, or \"off\"",
            format!("write \"127.0.0.1:{METRICS_PORT_DEFAULT}\" or \"off\""),
        )
    })
}

/// Checks a public URL: scheme and host, an optional port, nothing else (clients drop paths).
pub(crate) fn check_url(text: &str) -> Option<String> {
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    let uri: http::Uri = trimmed.parse().ok()?;
    let scheme_fits = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.contains('#');
    let authority = uri.authority()?;
    let anonymous = !authority.as_str().contains('@');
    (scheme_fits && bare && anonymous && !authority.host().is_empty()).then(|| trimmed.to_owned())
}

/// Whether a URL's host is this machine, for everybody who reads the URL.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = bare
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    is_address || bare == "localhost" || bare.ends_with(".localhost")
}

/// What [`check_url`] takes, in words.
pub(crate) const URL_ALLOWED: &str = "http:// or https://, a host and at most a port";

fn parse_url(field: &Field<'_>) -> Result<String, ConfigError> {
    check_url(field.string()?).ok_or_else(|| {
        field.refuse(
            URL_ALLOWED,
            "write it like \"https://log.example.org\"; clients drop any path",
        )
    })
}

/// An idle log's checkpoint gets as old as the log's re-signing interval, and it may be late.
fn check_age_max(
    field: &Field<'_>,
    limits: &Limits,
    logs: &[LogSettings],
) -> Result<(), ConfigError> {
    let intervals = logs
        .iter()
        .map(|log| log.engine_limits.checkpoint_resign_interval);
    let least = intervals.max().unwrap_or_default().saturating_mul(2);
    if limits.checkpoint_age_max.is_none_or(|max| max >= least) {
        return Ok(());
    }
    let least = least.as_millis();
    Err(field.refuse(
        format!(
            "{least} or more: twice the longest checkpoint_resign_interval_ms, which is how old \
             the checkpoint of an idle log gets"
        ),
        format!("write {least}, remove the line, or shorten checkpoint_resign_interval_ms"),
    ))
}

fn parse_networks(field: &Field<'_>) -> Result<TrustedProxies, ConfigError> {
    let parse = |text: &str| {
        let network = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| {
            field.refuse_found(
                format!("{text:?}"),
                "networks and addresses of proxies",
                "write \"10.0.0.0/8\" or \"192.0.2.1\"",
            )
        })
    };
    let networks = field
        .strings()?
        .into_iter()
        .map(parse)
        .collect::<Result<_, _>>()?;
    Ok(TrustedProxies::new(networks))
}

/// A second, an hour and a day in milliseconds, for the bounds below.
const SECOND_MS: u64 = 1000;
const HOUR_MS: u64 = 3600 * SECOND_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// What a time-out of the HTTP side may be: below 100 ms ordinary networks fail, above an hour it
/// limits nothing.
const TIMEOUT_MS: RangeInclusive<u64> = 100..=HOUR_MS;

/// The limits, and where `checkpoint_age_max_ms` is, which the logs decide on.
fn parse_limits<'a>(
    source: Source<'a>,
    field: &Field<'a>,
) -> Result<(Limits, Option<Field<'a>>), ConfigError> {
    let mut table = Table::new(source, "limits", field.line(), field.table()?);
    let mut limits = Limits::default();
    let sizes: [(&str, &mut usize, RangeInclusive<u64>); 5] = [
        ("connections_max", &mut limits.connections_max, 1..=1 << 20),
        (
            "rekor_body_len_bytes_max",
            &mut limits.rekor_body_len_bytes_max,
            1024..=64 << 20,
        ),
        (
            "batch_body_len_bytes_max",
            &mut limits.batch_body_len_bytes_max,
            1024..=1 << 30,
        ),
        ("batch_count_max", &mut limits.batch_count_max, 1..=65_536),
        (
            "verify_queue_count_max",
            &mut limits.verify_queue_count_max,
            1..=1 << 20,
        ),
    ];
    for (key, target, range) in sizes {
        if let Some(field) = table.take(key) {
            *target = field.size(range)?;
        }
    }
    let rates = [
        (
            "certificates_per_minute_by_identity",
            &mut limits.certificates_per_minute_by_identity,
        ),
        (
            "certificates_per_minute_by_address",
            &mut limits.certificates_per_minute_by_address,
        ),
        (
            "timestamps_per_minute_by_address",
            &mut limits.timestamps_per_minute_by_address,
        ),
    ];
    for (key, target) in rates {
        if let Some(field) = table.take(key) {
            *target = field.rate()?;
        }
    }
    let times = [
        ("header_timeout_ms", &mut limits.header_timeout),
        ("body_timeout_ms", &mut limits.body_timeout),
        ("request_timeout_ms", &mut limits.request_timeout),
        ("shutdown_timeout_ms", &mut limits.shutdown_timeout),
    ];
    for (key, target) in times {
        if let Some(field) = table.take(key) {
            *target = field.millis(TIMEOUT_MS)?;
        }
    }
    let age_field = table.take("checkpoint_age_max_ms");
    if let Some(field) = &age_field {
        limits.checkpoint_age_max = Some(field.millis(SECOND_MS..=30 * DAY_MS)?);
    }
    table.finish()?;
    Ok((limits, age_field))
}

#[cfg(test)]
mod tests;
