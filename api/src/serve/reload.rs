//! Reading cairn.toml again while the server runs, at SIGHUP or an operator's command.
//!
//! New logs are opened and served, and what is said of the others is taken over: hosts, tokens,
//! roots, `read_only`, `frozen`; so are keys and certificates of the CA and the timestamp
//! authority, and an update of the trust root that waits. No request is dropped, and whoever is
//! being answered by a log still is. Nothing changes if anything in the file is wrong or a new log
//! can't be opened. All else in the file waits for a restart, and a warning says so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use anyhow::{Context as _, bail};
use tokio::sync::Mutex;

use super::{KeysTaken, Opening, freeze, open_certificates, open_log, prepare};
use crate::app::{App, LogKind, LogState, PublishLag, ServedLog};
use crate::config::{Config, LogSettings, TsaSettings};
use crate::keys;
use crate::live::Live;
use crate::observe::Volume;
use crate::read::full_tiles::FullTiles;
use crate::rekor::WaitingLine;

/// What rereads the configuration of a running server.
#[derive(Debug)]
pub(crate) struct Reloader {
    dir: PathBuf,
    /// The server outlives whoever asks it for this, and must not be kept by them.
    app: Weak<App>,
    /// The configuration as it is in effect.
    config: Live<Config>,
    /// One at a time.
    turn: Mutex<()>,
}

impl Reloader {
    pub(crate) fn new(config: &Config, app: &Arc<App>) -> Reloader {
        Reloader {
            dir: config.dir.clone(),
            app: Arc::downgrade(app),
            config: Live::new(config.clone()),
            turn: Mutex::new(()),
        }
    }

    /// The configuration as it is in effect.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.load()
    }

    /// As [`Reloader::reload`], for an operator who reads the server's log.
    pub(super) async fn reload_and_tell(&self) {
        match self.reload().await {
            Ok(done) => tracing::info!(?done, "cairn.toml was read again"),
            Err(error) => tracing::error!("cairn.toml was read again, to no effect: {error:#}"),
        }
    }

    /// Reads cairn.toml again. Says what has changed.
    ///
    /// # Errors
    /// If the file is wrong, or a log can't be opened or frozen.
    pub(crate) async fn reload(&self) -> anyhow::Result<Vec<String>> {
        let _turn = self.turn.lock().await;
        let app = self.app.upgrade().context("the server is shutting down")?;
        let now = self.config.load();
        let mut wanted = Config::load(&self.dir)?;
        check_logs_stay(&now, &wanted)?;
        let mut done = changes_for_later(&now, &wanted);
        wanted.instance.services.tsa = timestamps_from_now_on(&now, &wanted);
        let logs = self.logs(&app, &wanted, &mut done).await?;
        let services = (&now.instance.services, &wanted.instance.services);
        done.extend(tokio::task::block_in_place(|| {
            app.instance.reload(services, &logs)
        })?);
        app.logs.replace(logs);
        for settings in &wanted.logs {
            if let Some(log) = app.log(&settings.name) {
                let was_frozen = log.is_frozen();
                let frozen = freeze(&log, settings).await;
                frozen.map_err(|why| anyhow::anyhow!("the log {:?}: {why}", log.name))?;
                if settings.frozen.is_some() && !was_frozen {
                    done.push(format!("the log {} is frozen", log.name));
                }
            }
        }
        let mut effective = now.as_ref().clone();
        effective.instance.services = wanted.instance.services;
        effective.logs = wanted.logs;
        self.config.replace(effective);
        Ok(done)
    }

    /// Every log of `wanted`: those that are open, as they are to be from now on, and new ones.
    async fn logs(
        &self,
        app: &App,
        wanted: &Config,
        done: &mut Vec<String>,
    ) -> anyhow::Result<Vec<Arc<ServedLog>>> {
        let served = app.logs();
        let hashing = engine::hashing_pool().map_err(|error| error.to_string());
        let mut taken = KeysTaken::default();
        for (log, settings) in served.iter().zip(&self.config.load().logs) {
            if let Some(verifier) = &log.verifier {
                // Two that are served differ already.
                let _taken = taken.add(settings, verifier);
            }
        }
        let mut logs = Vec::new();
        for settings in &wanted.logs {
            let open = served.iter().find(|log| log.name == settings.name);
            if let Some(log) = open {
                logs.push(Arc::new(changed(&wanted.dir, log, settings)?));
                continue;
            }
            let opening = Opening {
                config: wanted,
                settings,
                waived: &[],
                hashing: hashing.clone(),
            };
            let mut log = open_log(opening, &mut taken).await;
            let prepared = prepare(&mut log, settings).await;
            let failed = log.open().err().map(str::to_owned).or(prepared.err());
            if let Some(why) = failed {
                bail!("the log {:?} can't be opened: {why}", log.name);
            }
            done.push(format!("the log {} is served", log.name));
            logs.push(Arc::new(log));
        }
        Ok(logs)
    }
}

/// A log that is served as it is to be from now on.
fn changed(dir: &Path, log: &ServedLog, settings: &LogSettings) -> anyhow::Result<ServedLog> {
    let tokens = match &settings.tokens_file {
        Some(path) => keys::load_tokens(path)?,
        None => Vec::new(),
    };
    let certificates = match log.kind {
        LogKind::Ct if log.open().is_ok() => {
            let key = keys::load(&settings.key, &settings.origin, settings.kind)?;
            open_certificates(dir, settings, &key)?
        }
        _ => log.certificates.clone(),
    };
    let state = match &log.state {
        LogState::Open(open) => LogState::Open(open.clone()),
        LogState::Failed(why) => LogState::Failed(why.clone()),
    };
    Ok(ServedLog {
        name: log.name.clone(),
        kind: log.kind,
        origin: log.origin.clone(),
        state,
        verifier: log.verifier.clone(),
        hosts: settings.hosts.clone(),
        duplicates: settings.duplicates,
        tokens,
        certificates,
        read_only: settings.read_only || settings.frozen.is_some() || log.is_frozen(),
        checkpoint_age_max: log.checkpoint_age_max,
        publish_lag: PublishLag::new(settings.engine_limits.checkpoint_interval),
        volume: Some(Volume::of(&settings.store_dir(dir))),
        full_tiles: FullTiles::default(),
        waiting_line: WaitingLine::default(),
        anchored: log.anchored,
    })
}

/// Refuses a file in which a log that is served is missing or another.
fn check_logs_stay(now: &Config, wanted: &Config) -> anyhow::Result<()> {
    for log in &now.logs {
        let is_same = |other: &&LogSettings| {
            other.name == log.name
                && (other.kind, &other.origin, &other.key) == (log.kind, &log.origin, &log.key)
        };
        if !wanted.logs.iter().any(|other| is_same(&other)) {
            bail!(
                "cairn.toml no longer has the log {:?} as it is served; put its section back, or \
                 restart the server",
                log.name
            );
        }
    }
    Ok(())
}

/// The timestamp authority as it is to be at once: its time servers wait for a restart.
fn timestamps_from_now_on(now: &Config, wanted: &Config) -> Option<TsaSettings> {
    let now = now.instance.services.tsa.as_ref();
    let ntp = now.map(|tsa| tsa.ntp.clone()).unwrap_or_default();
    let wanted = wanted.instance.services.tsa.clone();
    wanted.map(|tsa| TsaSettings { ntp, ..tsa })
}

/// What in the file waits for a restart.
fn changes_for_later(now: &Config, wanted: &Config) -> Vec<String> {
    let mut later = Vec::new();
    let top = Config {
        logs: Vec::new(),
        listen: now.listen,
        metrics: now.metrics,
        ..wanted.clone()
    };
    let mut top_now = Config {
        logs: Vec::new(),
        ..now.clone()
    };
    top_now
        .instance
        .services
        .ca
        .clone_from(&wanted.instance.services.ca);
    top_now.instance.services.tsa = timestamps_from_now_on(now, wanted);
    if top != top_now {
        later.push("what was changed outside [[log]] waits for a restart".to_owned());
    }
    for log in &now.logs {
        let again = wanted.logs.iter().find(|other| other.name == log.name);
        let waits = |other: &LogSettings| {
            (&other.engine_limits, &other.publish_dir, &other.anchors)
                != (&log.engine_limits, &log.publish_dir, &log.anchors)
        };
        if again.is_some_and(waits) {
            let name = &log.name;
            later.push(format!(
                "limits, publish_dir and anchors of the log {name} wait for a restart"
            ));
        }
    }
    later
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> Config {
        let log = "[[log]]\nname = 'a'\nkind = 'raw'\norigin = 'a'\n";
        let text = format!("url = 'http://127.0.0.1:3000'\n{lines}\n{log}");
        Config::parse(Path::new("/nonexistent"), &text).unwrap()
    }

    #[test]
    fn what_waits_for_a_restart_is_told_and_the_rest_is_not() {
        let tsa = "[tsa]\nkey = 'k.pem'\nchain = 'c.pem'\n";
        let now = config(tsa);
        let check = |lines: &str, waits: bool| {
            let wanted = config(lines);
            assert_eq!(
                !changes_for_later(&now, &wanted).is_empty(),
                waits,
                "{lines}"
            );
            wanted
        };
        check(tsa, false);
        check("[tsa]\nkey = 'other.pem'\nchain = 'c.pem'\n", false);
        check(&format!("[limits]\nconnections_max = 7\n{tsa}"), true);
        let servers = check(&format!("{tsa}ntp = ['time.example.org']\n"), true);
        let at_once = timestamps_from_now_on(&now, &servers);
        assert_eq!(at_once, now.instance.services.tsa);
    }
}
