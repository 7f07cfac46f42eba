//! The `[[log]]` sections of cairn.toml, and what no two of them may share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sigstore::time_range::ProtoTime;

use super::anchors::{self, AnchorSetting};
use super::services::Place;
use super::table::{ConfigError, Field, Source, Table};
use super::{DAY_MS, HOUR_MS, NAME_ALLOWED, SECOND_MS, check_name, places};
use crate::app::{Duplicates, LogKind};
use crate::keys::{self, KeyFile};
use crate::limits::Limits;
use crate::origin;

/// Logs in one process: each has its own threads and its own store.
const LOGS_COUNT_MAX: usize = 64;

/// One `[[log]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogSettings {
    pub(crate) name: String,
    pub(crate) kind: LogKind,
    pub(crate) origin: tiles::Origin,
    /// The private key's file.
    pub(crate) key: KeyFile,
    pub(crate) duplicates: Duplicates,
    /// Lower case, no port; see `ServedLog::hosts`.
    pub(crate) hosts: Vec<String>,
    pub(crate) tokens_file: Option<PathBuf>,
    /// The roots that a certificate log accepts.
    pub(crate) roots_file: Option<PathBuf>,
    pub(crate) publish_dir: Option<PathBuf>,
    pub(crate) anchors: Vec<AnchorSetting>,
    pub(crate) read_only: bool,
    /// Since when the log is frozen for good.
    pub(crate) frozen: Option<ProtoTime>,
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
    place: Place<'_>,
    limits: &Limits,
    field: &Field<'_>,
) -> Result<Vec<LogSettings>, ConfigError> {
    let dir = place.dir;
    let tables = field.tables()?;
    if tables.is_empty() || tables.len() > LOGS_COUNT_MAX {
        return Err(field.refuse(
            format!("1 to {LOGS_COUNT_MAX} [[log]] sections"),
            "add a log with `cairnd log add`, or split the logs over several data directories",
        ));
    }
    let mut taken = Taken::default();
    let (mut logs, mut place_fields) = (Vec::new(), Vec::new());
    for (line, table) in tables {
        let table = Table::new(source, "log", line, table);
        let (log, places) = parse_log(table, place, limits, &mut taken)?;
        place_fields.push(places);
        logs.push(log);
    }
    // The last, because a place may stand against any log of the file.
    check_publish_dirs(dir, &logs, &place_fields)?;
    check_anchors(dir, &logs, &place_fields)?;
    Ok(logs)
}

/// Where in the file a log names places to write to, which all sections decide on.
struct PlaceFields<'a> {
    publish_dir: Option<Field<'a>>,
    anchors: Option<Field<'a>>,
}

/// What earlier logs of the file have, and no later one may.
#[derive(Debug, Default)]
struct Taken {
    names: BTreeSet<String>,
    origins: BTreeSet<String>,
    /// Resolved.
    keys: BTreeSet<PathBuf>,
    /// Hosts with a v2 log at their root; `*` stands for all that are not named.
    hosts: BTreeSet<String>,
}

/// One section.
fn parse_log<'a>(
    mut table: Table<'a>,
    place: Place<'_>,
    limits: &Limits,
    taken: &mut Taken,
) -> Result<(LogSettings, PlaceFields<'a>), ConfigError> {
    let dir = place.dir;
    let name = parse_name(&table.require("name", NAME_ALLOWED)?, taken)?;
    let kinds = LogKind::ALL.map(|kind| (kind.as_str(), kind));
    let kind = table
        .require("kind", "\"rekor-v2\", \"raw\" or \"ct\"")?
        .choice(&kinds)?;
    let origin = parse_origin(
        &table.require("origin", origin::allowed(kind))?,
        kind,
        taken,
    )?;
    let key = parse_key(&mut table, place, &name, taken)?;
    let hosts = parse_hosts(&mut table, kind, taken)?;
    let duplicates = parse_duplicates(table.take("duplicates").as_ref(), kind)?;
    let tokens_file = match table.take("tokens_file") {
        Some(field) if kind != LogKind::Raw => {
            return Err(field.refuse(
                "tokens in raw logs only: Sigstore clients have none to send",
                "remove the line, or restrict access in the proxy in front",
            ));
        }
        field => field
            .map(|field| field.string().map(|path| dir.join(path)))
            .transpose()?,
    };
    let roots_file = match table.take("roots_file") {
        Some(field) if kind != LogKind::Ct => {
            let allowed = "roots in ct logs only: no other log takes certificates";
            return Err(field.refuse(allowed, "remove the line"));
        }
        field => field
            .map(|field| field.string().map(|path| dir.join(path)))
            .transpose()?,
    };
    let publish_field = table.take("publish_dir");
    let publish_dir = match &publish_field {
        Some(field) => Some(dir.join(field.string()?)),
        None => None,
    };
    let anchors_field = table.take("anchors");
    let anchors = match &anchors_field {
        Some(field) => anchors::parse(field, dir)?,
        None => Vec::new(),
    };
    let read_only = table
        .take("read_only")
        .map_or(Ok(false), |field| field.boolean())?;
    let frozen = table.take("frozen").map(|field| field.time()).transpose()?;
    let engine_limits = parse_engine_limits(&mut table, limits)?;
    table.finish()?;
    let log = LogSettings {
        name,
        kind,
        origin,
        key,
        duplicates,
        hosts,
        tokens_file,
        roots_file,
        publish_dir,
        anchors,
        read_only,
        frozen,
        engine_limits,
    };
    let fields = PlaceFields {
        publish_dir: publish_field,
        anchors: anchors_field,
    };
    Ok((log, fields))
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
    place: Place<'_>,
    name: &str,
    taken: &mut Taken,
) -> Result<KeyFile, ConfigError> {
    let field = table.take("key");
    let key = match &field {
        Some(field) => place.key(field.string()?),
        None => place.key(keys::relative_path(name)),
    };
    if !taken.keys.insert(places::resolve(key.path())) {
        let found = format!("{}, another log's key", key.display());
        let allowed = "each key in one log: a key must never sign for two";
        return Err(table.refuse("key", &found, allowed, "give this log a key of its own"));
    }
    Ok(key)
}

fn parse_duplicates(field: Option<&Field<'_>>, kind: LogKind) -> Result<Duplicates, ConfigError> {
    let Some(field) = field else {
        return Ok(Duplicates::default());
    };
    if kind != LogKind::RekorV2 {
        let allowed = "a choice for rekor-v2 logs only: other logs answer with the existing entry";
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
    if kind != LogKind::RekorV2 {
        let allowed = "hosts for rekor-v2 logs only: other logs are at /logs/<name>/";
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

/// Checks each log's `publish_dir`; `fields` are in the order of the logs. Of two that stand
/// against each other the later one is refused.
fn check_publish_dirs(
    dir: &Path,
    logs: &[LogSettings],
    fields: &[PlaceFields<'_>],
) -> Result<(), ConfigError> {
    let mut known = logs.to_vec();
    for log in &mut known {
        log.publish_dir = None;
    }
    for (at, (log, field)) in logs.iter().zip(fields).enumerate() {
        let (Some(field), Some(path)) = (&field.publish_dir, &log.publish_dir) else {
            continue;
        };
        if let Some(problem) = places::problem(dir, &known, log, path) {
            let found = format!("{:?}, which is {problem}", field.string()?);
            let fix = format!("name another directory, such as \"public/{}\"", log.name);
            return Err(field.refuse_found(found, places::ALLOWED, fix));
        }
        if let Some(earlier) = known.get_mut(at) {
            earlier.publish_dir.clone_from(&log.publish_dir);
        }
    }
    Ok(())
}

/// As [`check_publish_dirs`], for the files among each log's `anchors`.
fn check_anchors(
    dir: &Path,
    logs: &[LogSettings],
    fields: &[PlaceFields<'_>],
) -> Result<(), ConfigError> {
    for (at, (log, field)) in logs.iter().zip(fields).enumerate() {
        let Some(field) = &field.anchors else {
            continue;
        };
        for anchor in &log.anchors {
            let AnchorSetting::File(path) = anchor else {
                continue;
            };
            let earlier = logs.split_at(at).0;
            if let Some(problem) = anchors::problem(dir, logs, earlier, path) {
                let found = format!("{}, which is {problem}", path.display());
                let fix = format!(
                    "name a file such as \"/mnt/anchors/{}.checkpoint\"",
                    log.name
                );
                return Err(field.refuse_found(found, anchors::ALLOWED, fix));
            }
        }
    }
    Ok(())
}

fn parse_engine_limits(
    table: &mut Table<'_>,
    http: &Limits,
) -> Result<engine::Limits, ConfigError> {
    let mut limits = engine::Limits::default();
    let mut interval_field = None;
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
            if key == "checkpoint_interval_ms" {
                interval_field = Some(field);
            }
        }
    }
    check_interval(table, interval_field.as_ref(), &limits, http)?;
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

/// An add waits for the next batch and the next checkpoint; both must come before it gives up.
fn check_interval(
    table: &Table<'_>,
    field: Option<&Field<'_>>,
    limits: &engine::Limits,
    http: &Limits,
) -> Result<(), ConfigError> {
    let wait_max = http.publish_wait_max();
    let wait = limits.batch_age.saturating_add(limits.checkpoint_interval);
    if wait < wait_max {
        return Ok(());
    }
    let allowed = format!(
        "with batch_age_ms less than {}, two thirds of limits.request_timeout_ms: an add waits for \
         a checkpoint no longer",
        wait_max.as_millis()
    );
    let fix = "shorten batch_age_ms or checkpoint_interval_ms, or raise limits.request_timeout_ms";
    if let Some(field) = field {
        return Err(field.refuse(allowed, fix));
    }
    let found = limits.checkpoint_interval.as_millis().to_string();
    Err(table.refuse("checkpoint_interval_ms", &found, &allowed, fix))
}
