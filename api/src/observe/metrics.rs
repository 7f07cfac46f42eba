//! What is counted, in Prometheus form. Labels come from fixed sets and from cairn.toml only, never
//! from requests, so that no client can make the set of series grow.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _, LabelValueEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use sigstore::UnixSeconds;

use super::expiry::ExpiryCollector;
use super::issuers::IssuerCollector;
use crate::app::{App, LogState};

/// Upper bounds of the latency histogram, in seconds: from a cached read to a slow publication.
const LATENCY_BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5, 10.0,
];

/// The server's own counters. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram>,
    /// What nearly every request counts, found without looking it up by its labels.
    known: Arc<[Known; Route::COUNT]>,
    connections: Gauge,
    connections_refused: Counter,
    tls_reloads: Counter,
    tls_reload_failures: Counter,
    /// 1 while what lies in the files of `[tls]` is not what is in use.
    tls_files_unused: Gauge,
    /// When the certificate in use ends, in seconds of Unix time; 0 without one.
    tls_ends: Arc<AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: Route,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: Route,
}

/// Counters of one route, once it has answered.
#[derive(Debug, Default)]
struct Known {
    latency: OnceLock<Histogram>,
    ok: OnceLock<Counter>,
    created: OnceLock<Counter>,
}

/// What kind of thing a path asks for, whichever log it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Checkpoint,
    Tile,
    Entries,
    RekorAdd,
    RekorAddBatch,
    RawAdd,
    RawAddBatch,
    Health,
    Other,
}

impl Route {
    /// The kind of `path`. A guess from its ends is enough for counting.
    pub(crate) fn of(path: &str) -> Route {
        let path = path.trim_end_matches('/');
        let last = path.rsplit('/').next().unwrap_or("");
        match last {
            "checkpoint" => Route::Checkpoint,
            "healthz" => Route::Health,
            "add" => Route::RawAdd,
            "add-batch" => Route::RawAddBatch,
            "entries" if path.contains("/log/") => Route::RekorAdd,
            "CreateEntry" => Route::RekorAdd,
            "batch" if path.contains("/entries/") => Route::RekorAddBatch,
            _ if path.contains("/tile/entries/") => Route::Entries,
            _ if path.contains("/tile/") => Route::Tile,
            _ => Route::Other,
        }
    }

    const COUNT: usize = 9;

    /// From 0, each its own.
    fn number(self) -> usize {
        match self {
            Route::Checkpoint => 0,
            Route::Tile => 1,
            Route::Entries => 2,
            Route::RekorAdd => 3,
            Route::RekorAddBatch => 4,
            Route::RawAdd => 5,
            Route::RawAddBatch => 6,
            Route::Health => 7,
            Route::Other => 8,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Route::Checkpoint => "checkpoint",
            Route::Tile => "tile",
            Route::Entries => "entries",
            Route::RekorAdd => "rekor_add",
            Route::RekorAddBatch => "rekor_add_batch",
            Route::RawAdd => "raw_add",
            Route::RawAddBatch => "raw_add_batch",
            Route::Health => "health",
            Route::Other => "other",
        }
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.as_str())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            known: Arc::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            tls_reloads: Counter::default(),
            tls_reload_failures: Counter::default(),
            tls_files_unused: Gauge::default(),
            tls_ends: Arc::default(),
        }
    }
}

impl Metrics {
    /// Counts one answered request.
    pub(crate) fn answered(&self, route: Route, status: StatusCode, took: Duration) {
        let known = self.known.get(route.number());
        let requests = match (known, status) {
            (Some(known), StatusCode::OK) => Some(&known.ok),
            (Some(known), StatusCode::CREATED) => Some(&known.created),
            _ => None,
        };
        let find = || {
            let status = status.as_u16();
            let labels = RequestLabels { route, status };
            self.requests.get_or_create_owned(&labels)
        };
        match requests {
            Some(requests) => requests.get_or_init(find).inc(),
            None => find().inc(),
        };
        if let Some(known) = known {
            let find = || self.latency.get_or_create_owned(&RouteLabels { route });
            let latency = known.latency.get_or_init(find);
            latency.observe(took.as_secs_f64());
        }
    }

    /// Counts one open connection until the guard is dropped.
    pub(crate) fn connection(&self) -> ConnectionGuard {
        self.connections.inc();
        ConnectionGuard(self.connections.clone())
    }

    /// Notes when the certificate that is in use from now on ends.
    pub(crate) fn tls_certificate_ends(&self, ends: Option<UnixSeconds>) {
        let ends = ends.unwrap_or_default().get();
        self.tls_ends.store(ends, Ordering::Relaxed);
    }

    /// When the certificate in use ends, if there is one.
    pub(super) fn tls_ends(&self) -> Option<UnixSeconds> {
        let ends = UnixSeconds::new(self.tls_ends.load(Ordering::Relaxed));
        (ends != UnixSeconds::default()).then_some(ends)
    }

    /// Counts new files of `[tls]`, which are in use from now on, or can't be.
    pub(crate) fn tls_files_used(&self, used: bool) {
        if used {
            self.tls_reloads.inc();
        } else {
            self.tls_reload_failures.inc();
        }
        self.tls_files_unused.set((!used).into());
    }

    /// What became of new files of `[tls]`: taken, refused, and whether the newest was refused.
    #[cfg(test)]
    pub(crate) fn tls_counted(&self) -> (u64, u64, i64) {
        let (taken, refused) = (&self.tls_reloads, &self.tls_reload_failures);
        (taken.get(), refused.get(), self.tls_files_unused.get())
    }

    /// Counts one connection that was closed for going beyond a limit of the transport.
    pub(crate) fn connection_refused(&self) {
        self.connections_refused.inc();
    }
}

/// Counts a connection as open while it lives.
#[derive(Debug)]
pub(crate) struct ConnectionGuard(Gauge);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Everything that `/metrics` shows.
pub(super) fn registry(app: &Arc<App>) -> Registry {
    let mut registry = Registry::with_prefix("cairn");
    let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The running cairnd", version);
    let metrics = app.metrics.clone();
    registry.register("http_requests", "Requests answered", metrics.requests);
    registry.register(
        "http_request_seconds",
        "Time to answer a request",
        metrics.latency,
    );
    registry.register("http_connections", "Open connections", metrics.connections);
    registry.register(
        "http_connections_refused",
        "Connections closed for going beyond a limit",
        metrics.connections_refused,
    );
    registry.register(
        "tls_reloads",
        "TLS certificates that replaced another",
        metrics.tls_reloads,
    );
    registry.register(
        "tls_reload_failures",
        "New TLS files that can't be used",
        metrics.tls_reload_failures,
    );
    registry.register(
        "tls_files_unused",
        "1 while the certificate in use is not the one in the files",
        metrics.tls_files_unused,
    );
    registry.register_collector(Box::new(LogCollector {
        app: Arc::clone(app),
    }));
    registry.register_collector(Box::new(ExpiryCollector(Arc::clone(app))));
    if let Ok(fulcio) = app.instance.fulcio() {
        let keys = Arc::clone(&fulcio.keys);
        registry.register_collector(Box::new(IssuerCollector(keys)));
    }
    registry
}

/// The text of `/metrics`.
pub(super) fn encode(registry: &Registry) -> Option<String> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).ok()?;
    Some(text)
}

/// Reads the logs' own numbers at each scrape.
#[derive(Debug)]
struct LogCollector {
    app: Arc<App>,
}

/// One number of one log. `None`: the log is not open, or has no such number.
type Number = fn(&engine::Log) -> u64;

impl LogCollector {
    /// Gauges: what is true now.
    const GAUGES: [(&str, &str, Number); 5] = [
        (
            "log_published_size",
            "Entries in the published tree",
            |log| log.published().size.get(),
        ),
        (
            "log_committed_size",
            "Entries in the committed tree",
            |log| log.status().committed.size.get(),
        ),
        (
            "log_checkpoint_signed_millis",
            "When the checkpoint was signed (Unix time)",
            |log| log.published().signed_at.get(),
        ),
        ("log_pool_entries", "Entries waiting for an index", |log| {
            wide(log.status().pool_count)
        }),
        ("log_pool_bytes", "Bytes waiting for an index", |log| {
            wide(log.status().pool_bytes)
        }),
    ];

    /// Counters: what has happened since the log was opened.
    const COUNTERS: [(&str, &str, Number); 13] = [
        ("log_entries", "Entries that got an index", |log| {
            log.metrics().entries.get()
        }),
        ("log_duplicates", "Entries the log held already", |log| {
            log.metrics().duplicates.get()
        }),
        ("log_pushbacks", "Calls turned away: pool full", |log| {
            log.metrics().pushbacks.get()
        }),
        ("log_batches", "Batches committed", |log| {
            log.metrics().batches.get()
        }),
        ("log_batches_failed", "Batches refused", |log| {
            log.metrics().batches_failed.get()
        }),
        ("log_commits", "Durable commits", |log| {
            log.metrics().commit_time.count.get()
        }),
        ("log_commit_micros", "Time in durable commits", |log| {
            log.metrics().commit_time.total_us.get()
        }),
        ("log_checkpoints", "Checkpoints published", |log| {
            log.metrics().checkpoints.get()
        }),
        ("log_sign_failures", "Signatures that failed", |log| {
            log.metrics().sign_failures.get()
        }),
        (
            "log_anchor_failures",
            "Checkpoints held because an anchor could not be written",
            |log| log.metrics().anchor_failures.get(),
        ),
        (
            "log_bundles_tiered",
            "Bundles moved to the cold store",
            |log| log.metrics().bundles_tiered.get(),
        ),
        (
            "log_tier_failures",
            "Moves to the cold store that failed",
            |log| log.metrics().tier_failures.get(),
        ),
        (
            "log_publish_dir_failures",
            "Updates of publish_dir that failed",
            |log| log.metrics().publish_dir_failures.get(),
        ),
    ];

    /// One number of every open log.
    fn read(&self, number: Number) -> Vec<(String, u64)> {
        let logs = self.app.logs();
        let numbers = logs.iter().filter_map(|log| match &log.state {
            LogState::Open(open) => Some((log.name.clone(), number(open))),
            LogState::Failed(_) => None,
        });
        numbers.collect()
    }

    /// What each log takes on disk, by store and part of it.
    fn encode_disk_usage(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Bytes on disk, without write-ahead logs";
        let mut family =
            encoder.encode_descriptor("log_disk_bytes", help, None, MetricType::Gauge)?;
        for log in self.app.logs().iter() {
            let Ok(usage) = log.open().map(|open| open.reader().disk_usage()) else {
                continue;
            };
            // A record that cannot be read is a log's own alarm, and no reason to hide the rest.
            let Ok(usage) = usage else { continue };
            let hot = usage.hot.iter().map(|(part, bytes)| ("hot", *part, *bytes));
            for (store, part, bytes) in hot.chain([("cold", "objects", usage.cold_len_bytes)]) {
                let labels = [("log", log.name.as_str()), ("store", store), ("part", part)];
                let value = ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX));
                value.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// Whether each log takes entries.
    fn encode_writable(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 if the log takes entries, else 0";
        let mut family =
            encoder.encode_descriptor("log_writable", help, None, MetricType::Gauge)?;
        for log in self.app.logs().iter() {
            let writable = log.open().is_ok_and(|open| open.status().stopped.is_none());
            let value = ConstGauge::new(i64::from(writable && !log.read_only));
            value.encode(family.encode_family(&[("log", log.name.as_str())])?)?;
        }
        Ok(())
    }
}

impl Collector for LogCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_writable(&mut encoder)?;
        self.encode_disk_usage(&mut encoder)?;
        for (name, help, number) in Self::GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (log, value) in self.read(number) {
                let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                value.encode(family.encode_family(&[("log", log)])?)?;
            }
        }
        for (name, help, number) in Self::COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (log, value) in self.read(number) {
                ConstCounter::new(value).encode(family.encode_family(&[("log", log)])?)?;
            }
        }
        Ok(())
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::TrustedProxies;
    use crate::limits::Limits;

    #[test]
    fn paths_are_counted_by_kind() {
        for (path, route) in [
            ("/checkpoint", Route::Checkpoint),
            ("/logs/a/checkpoint/", Route::Checkpoint),
            ("/api/v2/tile/0/x001/234.p/5", Route::Tile),
            ("/logs/a/tile/entries/000", Route::Entries),
            ("/api/v2/log/entries", Route::RekorAdd),
            ("/dev.sigstore.rekor.v2.Rekor/CreateEntry", Route::RekorAdd),
            ("/logs/a/api/v2/log/entries/batch", Route::RekorAddBatch),
            ("/logs/a/add", Route::RawAdd),
            ("/logs/a/add-batch", Route::RawAddBatch),
            ("/healthz", Route::Health),
            ("/wp-login.php", Route::Other),
            ("/", Route::Other),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn each_route_is_counted_on_its_own() {
        let routes = [
            Route::Checkpoint,
            Route::Tile,
            Route::Entries,
            Route::RekorAdd,
            Route::RekorAddBatch,
            Route::RawAdd,
            Route::RawAddBatch,
            Route::Health,
            Route::Other,
        ];
        let metrics = Metrics::default();
        for route in routes {
            for status in [StatusCode::OK, StatusCode::CREATED, StatusCode::NOT_FOUND] {
                for _ in 0..=route.number() {
                    metrics.answered(route, status, Duration::ZERO);
                }
            }
        }
        for route in routes {
            for status in [200, 201, 404] {
                let labels = RequestLabels { route, status };
                let counted = metrics.requests.get_or_create_owned(&labels).get();
                assert_eq!(counted, u64::try_from(route.number() + 1).unwrap());
            }
        }
    }

    #[test]
    fn what_was_counted_is_shown() {
        let app = Arc::new(App {
            logs: crate::live::Live::default(),
            limits: Limits::default(),
            metrics: Metrics::default(),
            trusted_proxies: TrustedProxies::default(),
            url: String::new(),
            instance: crate::instance::Instance::default(),
        });
        let took = Duration::from_millis(3);
        app.metrics.answered(Route::Tile, StatusCode::OK, took);
        let guard = app.metrics.connection();
        let text = encode(&registry(&app)).unwrap();
        assert!(text.contains("cairn_http_requests_total{route=\"tile\",status=\"200\"} 1\n"));
        assert!(
            text.contains("cairn_http_request_seconds_count{route=\"tile\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("cairn_http_connections 1\n"), "{text}");
        assert!(text.contains("cairn_log_writable"), "{text}");
        drop(guard);
        assert!(
            encode(&registry(&app))
                .unwrap()
                .contains("cairn_http_connections 0\n")
        );
    }
}
