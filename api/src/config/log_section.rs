//! The `[[log]]` sections of cairn.toml, and what no two of them may share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::table::{ConfigError, Field, Source, Table};
use super::{DAY_MS, HOUR_MS, NAME_ALLOWED, SECOND_MS, check_name};
use crate::app::{Duplicates, LogKind};
use crate::{keys, origin};

/// Logs in one process: each has its own threads and its own store.
const LOGS_COUNT_MAX: usize = 64;

/// One `[[log]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogSettings {
    pub(crate) name: String,
    pub(crate) kind: LogKind,
    pub(crate) origin: tiles::Origin,
    /// The private key's file.
    pub(crate) key: PathBuf,
    pub(crate) duplicates: Duplicates,
    /// Lower case, no port; see `ServedLog::hosts`.
    pub(crate) hosts: Vec<String>,
    pub(crate) tokens_file: Option<PathBuf>,
    pub(crate) publish_dir: Option<PathBuf>,
    pub(crate) read_only: bool,
    pub(crate) engine_limits: engine::Limits,
}

impl LogSettings {
    /// The log's store within the data directory.
    pub(crate) fn store_dir(&self, dir: &Path) -> PathBuf {
        dir.join("logs").join(&self.name)
    }
}

/// Reads every section.
pub(super) fn parse_logs(
    source: Source<'_>,
    dir: &Path,
    field: &Field<'_>,
) -> Result<Vec<LogSettings>, ConfigError> {
    let tables = field.tables()?;
    if tables.is_empty() || tables.len() > LOGS_COUNT_MAX {
        return Err(field.refuse(
            format!("1 to {LOGS_COUNT_MAX} [[log]] sections"),
            "add a log with `cairnd log add`, or split the logs over several data directories",
        ));
    }
    let mut taken = Taken::default();
    tables
        .into_iter()
        .map(|(line, table)| parse_log(Table::new(source, "log", line, table), dir, &mut taken))
        .collect()
}

/// What earlier logs of the file have, and no later one may.
#[derive(Debug, Default)]
struct Taken {
    names: BTreeSet<String>,
    origins: BTreeSet<String>,
    keys: BTreeSet<PathBuf>,
    publish_dirs: BTreeSet<PathBuf>,
    /// Hosts with a v2 log at their root; `*` stands for all that are not named.
    hosts: BTreeSet<String>,
}

fn parse_log(
    mut table: Table<'_>,
    dir: &Path,
    taken: &mut Taken,
) -> Result<LogSettings, ConfigError> {
    let name = parse_name(&table.require("name", NAME_ALLOWED)?, taken)?;
    let kinds = [LogKind::RekorV2, LogKind::Raw].map(|kind| (kind.as_str(), kind));
    let kind = table
        .require("kind", "\"rekor-v2\" or \"raw\"")?
        .choice(&kinds)?;
    let origin = parse_origin(
        &table.require("origin", origin::allowed(kind))?,
        kind,
        taken,
    )?;
    let key = parse_key(&mut table, dir, &name, taken)?;
    let hosts = parse_hosts(&mut table, kind, taken)?;
    let duplicates = parse_duplicates(table.take("duplicates").as_ref(), kind)?;
    let tokens_file = match table.take("tokens_file") {
        Some(field) if kind == LogKind::RekorV2 => {
            return Err(field.refuse(
                "tokens in raw logs only: Sigstore clients have none to send",
                "remove the line, or restrict access in the proxy in front",
            ));
        }
        field => field
            .map(|field| field.string().map(|path| dir.join(path)))
            .transpose()?,
    };
    let publish_dir = parse_publish_dir(table.take("publish_dir"), dir, taken)?;
    let read_only = table
        .take("read_only")
        .map_or(Ok(false), |field| field.boolean())?;
    let engine_limits = parse_engine_limits(&mut table)?;
    table.finish()?;
    Ok(LogSettings {
        name,
        kind,
        origin,
        key,
        duplicates,
        hosts,
        tokens_file,
        publish_dir,
        read_only,
        engine_limits,
    })
}

fn parse_name(field: &Field<'_>, taken: &mut Taken) -> Result<String, ConfigError> {
    let name = field.string()?;
    if check_name(name).is_err() {
        return Err(field.refuse(NAME_ALLOWED, "write a name such as \"rekor\""));
    }
    if !taken.names.insert(name.to_owned()) {
        return Err(field.refuse(NAME_ALLOWED, "give this log a name no other log has"));
    }
    Ok(name.to_owned())
}

fn parse_origin(
    field: &Field<'_>,
    kind: LogKind,
    taken: &mut Taken,
) -> Result<tiles::Origin, ConfigError> {
    let text = field.string()?;
    let origin = origin::parse(kind, text).map_err(|error| {
        let found = format!("{text:?}, which {}", error.problem);
        field.refuse_found(found, origin::allowed(kind), error.instead)
    })?;
    if !taken.origins.insert(text.to_owned()) {
        let allowed = "each origin once: it is what tells one log from another";
        return Err(field.refuse(allowed, "give this log an origin of its own"));
    }
    Ok(origin)
}

fn parse_key(
    table: &mut Table<'_>,
    dir: &Path,
    name: &str,
    taken: &mut Taken,
) -> Result<PathBuf, ConfigError> {
    let field = table.take("key");
    let path = match &field {
        Some(field) => dir.join(field.string()?),
        None => dir.join(keys::relative_path(name)),
    };
    if !taken.keys.insert(path.clone()) {
        let found = format!("{}, another log's key", path.display());
        let allowed = "each key in one log: a key must never sign for two";
        return Err(table.refuse("key", &found, allowed, "give this log a key of its own"));
    }
    Ok(path)
}

fn parse_duplicates(field: Option<&Field<'_>>, kind: LogKind) -> Result<Duplicates, ConfigError> {
    let Some(field) = field else {
        return Ok(Duplicates::default());
    };
    if kind == LogKind::Raw {
        let allowed = "a choice for rekor-v2 logs only: a raw log answers with the existing index";
        return Err(field.refuse(allowed, "remove the line"));
    }
    field.choice(&[
        ("existing", Duplicates::Existing),
        ("conflict", Duplicates::Conflict),
    ])
}

fn parse_hosts(
    table: &mut Table<'_>,
    kind: LogKind,
    taken: &mut Taken,
) -> Result<Vec<String>, ConfigError> {
    let Some(field) = table.take("hosts") else {
        if kind == LogKind::RekorV2 && !taken.hosts.insert("*".to_owned()) {
            return Err(table.refuse(
                "hosts",
                "nothing, and another v2 log answers at the root of every host already",
                "at most one v2 log without `hosts`",
                "add `hosts = [\"second.example.org\"]` to this log",
            ));
        }
        return Ok(Vec::new());
    };
    if kind == LogKind::Raw {
        let allowed = "hosts for rekor-v2 logs only: a raw log is at /logs/<name>/";
        return Err(field.refuse(allowed, "remove the line"));
    }
    let hosts: Vec<String> = field.strings()?.into_iter().map(str::to_owned).collect();
    if hosts.is_empty() {
        return Err(field.refuse("one host or more", "name a host, or remove the line"));
    }
    for host in &hosts {
        if let Err(error) = origin::parse(LogKind::RekorV2, host) {
            let found = format!("{host:?}, which {}", error.problem);
            return Err(field.refuse_found(found, "host names without a port", error.instead));
        }
        if !taken.hosts.insert(host.clone()) {
            let fix = "leave the host to one of the two logs";
            return Err(field.refuse_found(format!("{host:?} twice"), "one v2 log per host", fix));
        }
    }
    Ok(hosts)
}

fn parse_publish_dir(
    field: Option<Field<'_>>,
    dir: &Path,
    taken: &mut Taken,
) -> Result<Option<PathBuf>, ConfigError> {
    let Some(field) = field else { return Ok(None) };
    let path = dir.join(field.string()?);
    if !taken.publish_dirs.insert(path.clone()) {
        let allowed = "a directory of its own for each log";
        return Err(field.refuse(allowed, "name another directory"));
    }
    Ok(Some(path))
}

fn parse_engine_limits(table: &mut Table<'_>) -> Result<engine::Limits, ConfigError> {
    let mut limits = engine::Limits::default();
    let times = [
        ("batch_age_ms", &mut limits.batch_age, 0..=10 * SECOND_MS),
        (
            "checkpoint_interval_ms",
            &mut limits.checkpoint_interval,
            0..=HOUR_MS,
        ),
        (
            "checkpoint_resign_interval_ms",
            &mut limits.checkpoint_resign_interval,
            SECOND_MS..=DAY_MS,
        ),
        (
            "publish_dir_interval_ms",
            &mut limits.publish_dir_interval,
            0..=HOUR_MS,
        ),
    ];
    for (key, target, range) in times {
        if let Some(field) = table.take(key) {
            *target = field.millis(range)?;
        }
    }
    let sizes = [
        ("pool_count_max", &mut limits.pool_count_max, 1..=1 << 24),
        (
            "pool_bytes_max",
            &mut limits.pool_bytes_max,
            1 << 20..=1 << 36,
        ),
        (
            "batch_entries_max",
            &mut limits.batch_count_max,
            1..=1 << 20,
        ),
    ];
    for (key, target, range) in sizes {
        if let Some(field) = table.take(key) {
            *target = field.size(range)?;
        }
    }
    Ok(limits)
}
