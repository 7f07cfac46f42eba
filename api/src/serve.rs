//! `cairnd serve`: from cairn.toml to open logs, bound listeners, and back to nothing.
//!
//! Order at start: lock the data directory, open the logs (never make one), put a first entry into
//! an empty v2 log, then listen. Order at the end: stop accepting, let running requests finish,
//! then close the logs, each within a limit; a second signal ends the process at once, which loses
//! nothing that was acknowledged. A log that can't be opened is reported and the others are served;
//! without any other there is nothing to serve.

pub(crate) mod connection;
mod contradictions;
mod public;
pub(crate) mod reload;
mod tls;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sigstore::AcceptedRoots;
use tiles::VerifierKey;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::anchors::{self, Unreachable};
use crate::app::{App, LogKind, LogState, PublishLag, ServedLog, Token};
use crate::config::{self, Config, LogSettings, MetricsListen};
use crate::ct::{CertificateLog, IssuerDirs};
use crate::instance::Instance;
use crate::keys::LogKey;
use crate::limits::METRICS_CONNECTIONS_MAX;
use crate::live::Live;
use crate::log_config::HashingPool;
use crate::observe::{self, Metrics, NO_ANCHOR, Volume};
use crate::read::full_tiles::FullTiles;
use crate::rekor::WaitingLine;
use crate::stdout::say;
use crate::{admin, frozen, keys, log_config, origin, rekor, verify_pool};
use connection::Server;
pub(crate) use public::Public;
pub(crate) use reload::Reloader;
use tls::{Follower, Tls};

/// What the command line may override.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) metrics_listen: Option<MetricsListen>,
    /// Anchors that are not asked.
    pub(crate) without_anchors: Vec<String>,
    /// Bound already.
    pub(crate) listener: Option<std::net::TcpListener>,
}

/// Serves until a signal ends it.
///
/// # Errors
/// If the directory is in use, a listener can't be bound, no log can be opened, or the logs did not
/// drain in time.
pub(crate) fn run(mut config: Config, overrides: Overrides) -> anyhow::Result<()> {
    config.listen = overrides.listen.unwrap_or(config.listen);
    config.metrics = overrides.metrics_listen.unwrap_or(config.metrics);
    contradictions::check(&config)?;
    config::anchors::check_waived(&config.logs, &overrides.without_anchors)?;
    let started = engine::Clock::now(&engine::SystemClock::new());
    let _lock = engine::DirLock::acquire(&config.dir, started)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // One core is left to the logs' own threads. With a thread for it, too, these threads wake
        // each other to find the work taken, which costs a tenth of an add.
        .worker_threads(verify_pool::thread_count().get())
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serve(&config, overrides));
    // Every task must be gone before this process ends: one that lets go of a store only then would
    // close RocksDB while the process takes it apart. Blocking tasks can't be cancelled, only left.
    runtime.shutdown_timeout(TASKS_END_TIMEOUT);
    outcome
}

/// How long tasks that were told to end may take; they had their time before.
const TASKS_END_TIMEOUT: Duration = Duration::from_secs(5);

async fn serve(config: &Config, overrides: Overrides) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let mut hangup = signal(SignalKind::hangup())?;
    // Bound first, so that an address in use costs nothing; accepted from only once the logs are
    // open and have their first entries.
    let listener = match overrides.listener {
        Some(listener) => TcpListener::from_std(listener)?,
        None => bind(config.listen, "listen").await?,
    };
    let bound = listener.local_addr()?;
    let metrics_listener = match config.metrics.address(config.listen) {
        Some(address) => Some(bind(address, "metrics_listen").await?),
        None => None,
    };
    let metrics_bound = metrics_listener
        .as_ref()
        .map(TcpListener::local_addr)
        .transpose()?;
    let logs = tokio::select! {
        logs = open_logs(config, &overrides.without_anchors) => logs,
        name = signals.next() => return stop_at_once(name),
    };
    let ready = match Ready::new(config, &logs, bound) {
        Ok(ready) => ready,
        Err(error) => {
            close(&logs, config.limits.shutdown_timeout).await?;
            return Err(error);
        }
    };
    let Ready {
        app,
        public,
        follower,
    } = ready;
    let metrics_routes = observe::metrics_router(&app);
    let metrics = Server::new(&app, metrics_routes, METRICS_CONNECTIONS_MAX);
    let reloader = Arc::new(Reloader::new(config, &app));
    let _admin = admin::listen(&reloader, &app);
    announce(&app, (config.scheme(), bound), metrics_bound);
    tracing::info!(url = app.url, "serving");

    let (stop, stopped) = watch::channel(false);
    let stopped_too = stopped.clone();
    let running = tokio::spawn(public.run(listener, stopped.clone()));
    if let Some(listener) = metrics_listener {
        tokio::spawn(metrics.run(listener, stopped));
    }
    tend(&app, follower, &stopped_too);
    let name = loop {
        tokio::select! {
            name = signals.next() => break name,
            _ = hangup.recv() => reloader.reload_and_tell().await,
        }
    };
    tracing::info!(
        signal = name,
        "shutting down; a second signal stops at once"
    );
    let _nobody_listens = stop.send(true);
    tokio::select! {
        outcome = drain(app, config.limits.shutdown_timeout, running) => outcome,
        name = signals.next() => stop_at_once(name),
    }
}

/// All that answers, before anything is answered.
struct Ready {
    app: Arc<App>,
    public: Server<Public>,
    follower: Option<Follower>,
}

impl Ready {
    /// What serves these logs at that address. Whoever can't use it has to close the logs: their
    /// threads would still use the stores while the process takes itself apart.
    fn new(config: &Config, logs: &[Arc<ServedLog>], bound: SocketAddr) -> anyhow::Result<Ready> {
        check_one_open(logs)?;
        warn_of_url(config);
        let instance = Instance::open(config, logs)?;
        let app = Arc::new(App {
            logs: Live::new(logs.to_vec()),
            limits: config.limits.clone(),
            metrics: Metrics::default(),
            trusted_proxies: config.trusted_proxies.clone(),
            url: config.public_url(bound),
            instance,
        });
        let routes = Public::new(&app).context("the verify pool can't be started")?;
        let tls = config.tls.as_ref();
        let tls = tls.map(|settings| Tls::open(settings, &app.metrics));
        let (tls, follower) = tls.transpose()?.unzip();
        let public = Server::new(&app, routes, config.limits.connections_max).with_tls(tls);
        Ok(Ready {
            app,
            public,
            follower,
        })
    }
}

/// Begins all that goes on beside answering, until the server stops.
fn tend(app: &Arc<App>, follower: Option<Follower>, stopped: &watch::Receiver<bool>) {
    if let Some(follower) = follower {
        tokio::spawn(follower.run(stopped.clone()));
    }
    tokio::spawn(keep_time_vouched_for(Arc::clone(app), stopped.clone()));
    tokio::spawn(keep_trust_current(Arc::clone(app), stopped.clone()));
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "can't listen on {address}; stop whatever listens there, or choose another `{key}` in \
             cairn.toml (port 0: any free port)"
        )
    })
}

/// Opens every log of `config`, or says why not.
async fn open_logs(config: &Config, waived: &[String]) -> Vec<Arc<ServedLog>> {
    let hashing = engine::hashing_pool().map_err(|error| error.to_string());
    let (mut logs, mut taken) = (Vec::new(), KeysTaken::default());
    for settings in &config.logs {
        let opening = Opening {
            config,
            settings,
            waived,
            hashing: hashing.clone(),
        };
        let mut log = open_log(opening, &mut taken).await;
        if let Err(reason) = prepare(&mut log, settings).await {
            log.state = LogState::Failed(reason);
        }
        if let Err(reason) = log.open() {
            tracing::error!(log = log.name, reason, "this log is not served");
        }
        logs.push(Arc::new(log));
    }
    logs
}

/// What it takes to open a log.
struct Opening<'a> {
    config: &'a Config,
    settings: &'a LogSettings,
    /// Anchors that are not asked.
    waived: &'a [String],
    hashing: Result<HashingPool, String>,
}

async fn open_log(opening: Opening<'_>, taken: &mut KeysTaken) -> ServedLog {
    let (config, settings) = (opening.config, opening.settings);
    let mut log = ServedLog {
        name: settings.name.clone(),
        kind: settings.kind,
        origin: settings.origin.to_string(),
        state: LogState::Failed(String::new()),
        verifier: None,
        hosts: settings.hosts.clone(),
        duplicates: settings.duplicates,
        tokens: Vec::new(),
        certificates: None,
        read_only: settings.read_only || settings.frozen.is_some(),
        checkpoint_age_max: checkpoint_age_max(config, settings),
        publish_lag: PublishLag::new(settings.engine_limits.checkpoint_interval),
        volume: Some(Volume::of(&settings.store_dir(&config.dir))),
        full_tiles: FullTiles::default(),
        waiting_line: WaitingLine::default(),
        anchored: !settings.anchors.is_empty(),
    };
    if !log.anchored {
        tracing::warn!(log = log.name, "{NO_ANCHOR}");
    }
    log.state = match open_parts(opening, taken).await {
        Ok(parts) => {
            log.verifier = Some(parts.key.verifier);
            log.tokens = parts.tokens;
            log.certificates = parts.certificates;
            LogState::Open(parts.open)
        }
        Err(reason) => {
            // What it signed is still told by its key.
            let key = keys::load(&settings.key, &settings.origin, settings.kind);
            log.verifier = key.ok().map(|key| key.verifier);
            LogState::Failed(reason)
        }
    };
    log
}

/// The log, its key, and who may add to it.
struct OpenParts {
    open: engine::Log,
    key: LogKey,
    tokens: Vec<Token>,
    certificates: Option<CertificateLog>,
}

async fn open_parts(opening: Opening<'_>, taken: &mut KeysTaken) -> Result<OpenParts, String> {
    let (config, settings) = (opening.config, opening.settings);
    let hashing = opening.hashing?;
    let key = keys::load(&settings.key, &settings.origin, settings.kind)
        .map_err(|error| error.to_string())?;
    taken.add(settings, &key.verifier)?;
    let tokens = match &settings.tokens_file {
        Some(path) => keys::load_tokens(path).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    let (dir, owned, opening_key) = (config.dir.clone(), settings.clone(), key.clone());
    let waived = opening.waived.to_vec();
    // Opening asks anchors, reads the disk and may have to rebuild; signals must not wait for it.
    let open = tokio::task::spawn_blocking(move || {
        let anchors = anchors::gather(&owned, &waived, Unreachable::Refuse)?;
        // Before the engine's threads bring a plain copy up to date: no entry there may name an
        // issuer that is not there.
        let certificates = open_certificates(&dir, &owned, &opening_key)?;
        let open = log_config::open(&dir, &owned, &opening_key, hashing, anchors)?;
        anyhow::Ok((open, certificates))
    });
    match open.await {
        Ok(Ok((open, certificates))) => Ok(OpenParts {
            open,
            key,
            tokens,
            certificates,
        }),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(error) => Err(format!("opening it panicked: {error}")),
    }
}

/// What a certificate log has beside its entries; nothing if it is another log.
fn open_certificates(
    dir: &Path,
    settings: &LogSettings,
    key: &LogKey,
) -> anyhow::Result<Option<CertificateLog>> {
    let Some(promises) = &key.promises else {
        return Ok(None);
    };
    let roots = match &settings.roots_file {
        Some(path) => keys::load_roots(path)?,
        None => AcceptedRoots::default(),
    };
    if roots.is_empty() {
        tracing::warn!(
            log = settings.name,
            "no `roots_file`: the log takes no certificate"
        );
    }
    let dirs = IssuerDirs::of(settings, dir);
    CertificateLog::open(Arc::clone(promises), roots, &dirs).map(Some)
}

/// The public keys of the logs so far, each with its log's name. Only the keys themselves tell
/// copies of one file.
#[derive(Debug, Default)]
struct KeysTaken(BTreeMap<Vec<u8>, String>);

impl KeysTaken {
    /// Takes the key for a log, unless another log has it: a key that signs for two logs lets one
    /// be passed off as the other.
    fn add(&mut self, settings: &LogSettings, key: &VerifierKey) -> Result<(), String> {
        match self.0.entry(key.spki_der()) {
            Entry::Vacant(free) => {
                free.insert(settings.name.clone());
                Ok(())
            }
            Entry::Occupied(other) => Err(format!(
                "{} holds the key of the log {:?} too, and a key must never sign for two; restore \
                 this log's own key from your backup",
                settings.key.display(),
                other.get()
            )),
        }
    }
}

/// A server that answers nothing but refusals would look alive to whoever started it.
fn check_one_open(logs: &[Arc<ServedLog>]) -> anyhow::Result<()> {
    let reasons: Vec<String> = logs
        .iter()
        .map_while(|log| Some(format!("{}: {}", log.name, log.open().err()?)))
        .collect();
    anyhow::ensure!(
        reasons.len() < logs.len(),
        "no log can be opened, so there is nothing to serve; {}",
        reasons.join("; ")
    );
    Ok(())
}

/// Says if Sigstore clients that follow `url` would refuse a log. Not refused: the log may have a
/// host name of its own that only the proxy in front knows.
fn warn_of_url(config: &Config) {
    let everywhere = config.logs.iter().filter(|log| log.hosts.is_empty());
    for (log, url) in everywhere.zip(config.url.iter().cycle()) {
        if let Err(error) = origin::check_url_host(log.kind, log.origin.as_str(), url) {
            let (origin, host) = (error.found, error.host);
            tracing::warn!(
                log = log.name,
                "Sigstore clients can't use this log at {url}: its origin {origin:?} is not the \
                 host {host:?}; change `url` in cairn.toml, or name the log's own `hosts`"
            );
        }
    }
}

/// Puts a first entry into an empty v2 log, so that no client ever gets index 0; freezes a log that
/// is to be frozen and is not.
async fn prepare(log: &mut ServedLog, settings: &LogSettings) -> Result<(), String> {
    burn(log).await?;
    freeze(log, settings).await?;
    log.read_only |= log.is_frozen();
    Ok(())
}

/// Freezes the log if cairn.toml says so. It takes no entries from then on, and is no worse for it
/// if this fails: the next attempt goes on.
async fn freeze(log: &ServedLog, settings: &LogSettings) -> Result<(), String> {
    let (Some(at), Ok(open)) = (settings.frozen, log.open()) else {
        return Ok(());
    };
    let (open, line) = (open.clone(), frozen::final_line(log.kind, at));
    // Waits for what is under way, and syncs.
    let freezing = tokio::task::spawn_blocking(move || open.freeze(line.as_deref()));
    let frozen = freezing.await.map_err(|error| error.to_string())?;
    frozen.map_err(|why| format!("it can't be frozen: {why}"))
}

async fn burn(log: &ServedLog) -> Result<(), String> {
    let Ok(open) = log.open() else { return Ok(()) };
    let empty = open.published().size == tiles::TreeSize::ZERO;
    if log.kind != LogKind::RekorV2 || !empty || log.read_only {
        return Ok(());
    }
    let burned = rekor::v2::burn_first_entry(log).await;
    burned.map_err(|error| format!("the first entry can't be added: {error}"))
}

/// The age past which a log's checkpoint means that publishing has stopped: three of the intervals
/// after which even an idle log is signed again, unless the operator says.
fn checkpoint_age_max(config: &Config, settings: &LogSettings) -> Duration {
    let derived = settings
        .engine_limits
        .checkpoint_resign_interval
        .saturating_mul(3);
    config.limits.checkpoint_age_max.unwrap_or(derived)
}

/// Asks others for the time on behalf of the timestamp authority, if there is one that wants it.
async fn keep_time_vouched_for(app: Arc<App>, stopped: watch::Receiver<bool>) {
    if let Ok(tsa) = app.instance.tsa() {
        tsa.keep_asking(stopped).await;
    }
}

/// How often it is looked whether the trust root must be signed anew, which is long before it
/// expires: so often that a failure is seen in time, and met again soon.
const TRUST_RENEWAL_INTERVAL: Duration = Duration::from_hours(1);

/// Signs the trust root anew when it is time, until the server stops.
async fn keep_trust_current(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(TRUST_RENEWAL_INTERVAL) => {}
        }
        let app = Arc::clone(&app);
        // Signs and writes files.
        let renewal = tokio::task::spawn_blocking(move || match &app.instance.trust {
            Some(trust) => trust.renew(),
            None => Ok(()),
        });
        if let Ok(Err(error)) = renewal.await {
            tracing::error!("the trust root can't be renewed: {error:#}");
        }
    }
}

/// Tells whoever started us where to find what; scripts read these lines.
fn announce(app: &App, (scheme, bound): (&str, SocketAddr), metrics: Option<SocketAddr>) {
    say!("listening on {scheme}://{bound}");
    if let Some(trust) = &app.instance.trust {
        say!("trust root {}/tuf/{}", app.url, trust.id());
    }
    for log in app.logs().iter() {
        match log.open() {
            Ok(open) => {
                let size = open.published().size.get();
                say!("log {} {} {} {size}", log.name, log.kind, log.origin);
            }
            Err(_) => say!("log {} {} {} failed", log.name, log.kind, log.origin),
        }
    }
    if let Some(address) = metrics {
        say!("metrics on http://{address}/metrics");
    }
}

/// Waits for running requests, then for the logs, each within the limit.
async fn drain(app: Arc<App>, limit: Duration, running: JoinHandle<()>) -> anyhow::Result<()> {
    if tokio::time::timeout(limit, running).await.is_err() {
        tracing::warn!(
            limit_ms = limit.as_millis(),
            "requests were still running; cut off"
        );
    }
    close(&app.logs(), limit).await
}

/// Closes the logs: what they took is sequenced and published.
async fn close(logs: &[Arc<ServedLog>], limit: Duration) -> anyhow::Result<()> {
    let mut closing = JoinSet::new();
    for log in logs {
        if let Ok(open) = log.open() {
            let (open, name) = (open.clone(), log.name.clone());
            closing.spawn_blocking(move || {
                open.close();
                tracing::info!(log = name, "closed");
            });
        }
    }
    match tokio::time::timeout(limit, closing.join_all()).await {
        Ok(_closed) => Ok(()),
        Err(_elapsed) => anyhow::bail!(
            "the logs did not drain within {} s; what was acknowledged is kept, and the next start \
             goes on from there",
            limit.as_secs()
        ),
    }
}

/// What a second signal asks for. The store is safe at any instant, so nothing needs to be done.
#[expect(
    clippy::exit,
    reason = "unwinding would wait for the threads the operator won't wait for"
)]
fn stop_at_once(signal: &'static str) -> anyhow::Result<()> {
    tracing::warn!(signal, "stopping at once");
    std::process::exit(1)
}

/// The signals that end the server.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestLog, TestServer};

    fn logs(failed: [bool; 2]) -> Vec<Arc<ServedLog>> {
        let log = |name, failed| TestLog {
            failed,
            ..TestLog::new(name, LogKind::Raw)
        };
        let server = TestServer::new([log("a", failed[0]), log("b", failed[1])]);
        server.app.logs().to_vec()
    }

    #[test]
    fn nothing_is_served_if_no_log_is_open() {
        let error = check_one_open(&logs([true, true])).unwrap_err().to_string();
        for words in ["no log can be opened", "a: /secret/path is gone", "b: "] {
            assert!(error.contains(words), "{error}");
        }
        for failed in [[true, false], [false, true], [false, false]] {
            check_one_open(&logs(failed)).unwrap();
        }
    }

    #[test]
    fn a_copy_of_a_key_serves_no_second_log() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[[log]]\nname = \"a\"\nkind = \"raw\"\norigin = \"a\"\n\
            [[log]]\nname = \"b\"\nkind = \"raw\"\norigin = \"b\"\n";
        let config = Config::parse(dir.path(), text).unwrap();
        let [a, b] = config.logs.as_slice() else {
            panic!("two logs")
        };
        let load = |log: &LogSettings| {
            keys::load(&log.key, &log.origin, log.kind)
                .unwrap()
                .verifier
        };
        keys::create(&a.key, a.kind).unwrap();
        std::fs::copy(a.key.path(), b.key.path()).unwrap();
        let mut taken = KeysTaken::default();
        taken.add(a, &load(a)).unwrap();
        let reason = taken.add(b, &load(b)).unwrap_err();
        assert!(reason.contains("the log \"a\""), "{reason}");
        std::fs::remove_file(b.key.path()).unwrap();
        keys::create(&b.key, b.kind).unwrap();
        taken.add(b, &load(b)).unwrap();
    }
}
