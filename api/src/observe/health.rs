//! Whether each log does its work: it is open, takes entries unless frozen, publishes what it took,
//! and its checkpoint is not older than it may be. A log whose checkpoint ages has stopped
//! publishing, whatever else it says of itself. A log on a file system that refuses writes is not
//! writable before it has tried; on one that fills up it is healthy, and a reason says that this
//! will end.

use std::sync::Arc;
use std::time::Duration;

use engine::UnixMillis;
use serde::Serialize;
use sigstore::UnixSeconds;

use super::expiry::{Ending, Expiring};
use super::issuers::IssuerHealth;
use super::volume::Condition;
use crate::app::{LogState, ServedLog};
use crate::issuer_keys::IssuerKeyCache;

/// How much is said about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// For the public: what kind of failure.
    Class,
    /// For the operator: the reason, which may name files.
    Reason,
}

/// The body of `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Health {
    status: &'static str,
    logs: Vec<LogHealth>,
    /// Whose tokens are believed. What an issuer lacks is no failure of this server's, and no
    /// reason to send its clients elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issuers: Vec<IssuerHealth>,
    /// What ends so soon that somebody must act. Nothing is the worse for it yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expiring: Vec<Expiring>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct LogHealth {
    name: String,
    kind: &'static str,
    origin: String,
    healthy: bool,
    /// Whether adds are taken now.
    writable: bool,
    /// Why the log is not writable, or not healthy, or soon will not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What could be better, though the log is healthy: for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
    /// The published size; absent when the log is not open.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_age_seconds: Option<u64>,
    /// The age past which the log is unhealthy.
    checkpoint_age_seconds_max: u64,
}

/// What a log says of itself, reduced to what health depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    size: u64,
    checkpoint_age: Duration,
    /// Entries wait for a checkpoint, and have for too long.
    lagging: bool,
    /// Why nothing is published.
    held: Option<String>,
    /// Why adds are not taken.
    writable: Result<(), String>,
    volume: Condition,
    /// Its last checkpoint says that it is frozen.
    frozen: bool,
}

/// All is well.
const OK: &str = "ok";

/// All is served, and somebody must act before long.
const DEGRADED: &str = "degraded";

/// What a log without anchors is told at every start.
pub(crate) const NO_ANCHOR: &str = "no anchor is configured: an old copy of the data directory \
    would be taken for the log, and fork it; set `anchors` in cairn.toml";

impl Health {
    /// The health of `logs` at the time `now`.
    pub(crate) fn of(logs: &[Arc<ServedLog>], now: UnixMillis, detail: Detail) -> Health {
        Health::from_logs(
            logs.iter()
                .map(|log| log_health(log, now, detail))
                .collect(),
        )
    }

    fn from_logs(logs: Vec<LogHealth>) -> Health {
        let healthy = logs.iter().all(|log| log.healthy);
        Health {
            status: if healthy { OK } else { "unhealthy" },
            logs,
            issuers: Vec::new(),
            expiring: Vec::new(),
        }
    }

    /// The same with the state of the issuers' keys.
    pub(crate) fn with_issuers(
        mut self,
        keys: &IssuerKeyCache,
        now: UnixSeconds,
        detail: Detail,
    ) -> Health {
        let statuses = keys.statuses();
        let each = statuses
            .iter()
            .map(|status| IssuerHealth::of(status, now, detail));
        self.issuers = each.collect();
        self
    }

    /// The same with what ends soon.
    pub(super) fn with_endings(mut self, endings: &[Ending], now: UnixSeconds) -> Health {
        let near = endings.iter().filter_map(|ending| ending.alarm(now));
        self.expiring = near.collect();
        if self.status == OK && !self.expiring.is_empty() {
            self.status = DEGRADED;
        }
        self
    }

    /// Whether clients are as well here as anywhere.
    pub(crate) fn is_serving(&self) -> bool {
        [OK, DEGRADED].contains(&self.status)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn log_health(log: &ServedLog, now: UnixMillis, detail: Detail) -> LogHealth {
    let state = match &log.state {
        LogState::Open(open) => {
            let status = open.status();
            let (published, committed) = (status.published.size, status.committed.size);
            Ok(Facts {
                lagging: log.publish_lag.is_too_long(published, committed, now),
                size: status.published.size.get(),
                checkpoint_age: now.since(status.published.signed_at),
                held: status.held,
                frozen: status.published.final_line().is_some(),
                writable: status.stopped.or(status.refusing).map_or(Ok(()), Err),
                volume: log
                    .volume
                    .as_ref()
                    .map_or(Condition::Good, |volume| volume.condition(now)),
            })
        }
        LogState::Failed(reason) => Err(reason.clone()),
    };
    judge(log, state, detail)
}

fn judge(log: &ServedLog, state: Result<Facts, String>, detail: Detail) -> LogHealth {
    let say = |class: &str, reason: String| match detail {
        Detail::Class => format!("{class}; the operator's log has the reason"),
        Detail::Reason => reason,
    };
    let mut health = LogHealth {
        name: log.name.clone(),
        kind: log.kind.as_str(),
        origin: log.origin.clone(),
        healthy: false,
        writable: false,
        reason: None,
        warning: (detail == Detail::Reason && !log.anchored).then_some(NO_ANCHOR),
        size: None,
        checkpoint_age_seconds: None,
        checkpoint_age_seconds_max: log.checkpoint_age_max.as_secs(),
    };
    let facts = match state {
        Ok(facts) => facts,
        Err(reason) => {
            health.reason = Some(say("the log could not be opened", reason));
            return health;
        }
    };
    health.size = Some(facts.size);
    health.checkpoint_age_seconds = Some(facts.checkpoint_age.as_secs());
    let writable = facts.writable.and_then(|()| match &facts.volume {
        Condition::Unwritable(why) => Err(why.clone()),
        Condition::Good | Condition::Low { .. } => Ok(()),
    });
    health.writable = writable.is_ok() && !log.read_only;
    // The last checkpoint of a frozen log is not signed again.
    let frozen = facts.frozen;
    let fresh = frozen || facts.checkpoint_age <= log.checkpoint_age_max;
    let publishes = fresh && !facts.lagging && facts.held.is_none();
    health.healthy = publishes && writable.is_ok();
    health.reason = match (writable, facts.volume) {
        (Err(reason), _) => Some(say("the log takes no entries", reason)),
        _ if let Some(held) = facts.held => Some(say("nothing is published", held)),
        _ if facts.lagging => {
            Some("entries wait for a checkpoint; publishing has stopped".to_owned())
        }
        _ if !fresh => Some("the checkpoint is too old; publishing has stopped".to_owned()),
        (_, Condition::Low { free_len_bytes }) => {
            let free_mib = free_len_bytes >> 20;
            Some(format!(
                "{free_mib} MiB are left for the log; make room before adds fail"
            ))
        }
        _ if frozen => Some("the log is frozen for good".to_owned()),
        _ if log.read_only => Some("the log takes no entries (read_only in cairn.toml)".to_owned()),
        _ => None,
    };
    health
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Duplicates, LogKind, PublishLag};

    fn log(read_only: bool) -> ServedLog {
        ServedLog {
            name: "a".to_owned(),
            kind: LogKind::Raw,
            origin: "log.example.org".to_owned(),
            state: LogState::Failed("D/logs/a is gone".to_owned()),
            verifier: None,
            hosts: Vec::new(),
            duplicates: Duplicates::Existing,
            certificates: None,
            tokens: Vec::new(),
            read_only,
            checkpoint_age_max: Duration::from_mins(1),
            publish_lag: PublishLag::new(Duration::ZERO),
            volume: None,
            full_tiles: crate::read::full_tiles::FullTiles::default(),
            waiting_line: crate::rekor::WaitingLine::default(),
            anchored: false,
        }
    }

    fn facts(age: u64, writable: Result<(), &str>) -> Facts {
        Facts {
            size: 7,
            checkpoint_age: Duration::from_secs(age),
            lagging: false,
            held: None,
            writable: writable.map_err(str::to_owned),
            volume: Condition::Good,
            frozen: false,
        }
    }

    #[test]
    fn an_open_fresh_log_is_healthy() {
        let health = judge(&log(false), Ok(facts(60, Ok(()))), Detail::Class);
        assert!(health.healthy && health.writable);
        let json = Health::from_logs(vec![health]).to_json();
        let wanted = r#"{"status":"ok","logs":[{"name":"a","kind":"raw","#.to_owned()
            + r#""origin":"log.example.org","healthy":true,"writable":true,"size":7,"#
            + r#""checkpoint_age_seconds":60,"checkpoint_age_seconds_max":60}]}"#;
        assert_eq!(json, wanted);
    }

    #[test]
    fn an_old_checkpoint_is_unhealthy() {
        let health = judge(&log(false), Ok(facts(61, Ok(()))), Detail::Class);
        assert!(!health.healthy && health.writable);
        assert!(health.reason.unwrap().contains("too old"));
    }

    #[test]
    fn a_log_that_does_not_publish_is_unhealthy_before_its_checkpoint_is_old() {
        let lagging = Facts {
            lagging: true,
            ..facts(1, Ok(()))
        };
        let health = judge(&log(false), Ok(lagging), Detail::Class);
        assert!(!health.healthy && health.writable);
        assert!(health.reason.unwrap().contains("wait for a checkpoint"));
    }

    #[test]
    fn a_stopped_log_is_unhealthy_and_its_reason_is_for_the_operator() {
        let public = judge(
            &log(false),
            Ok(facts(1, Err("disk /x full"))),
            Detail::Class,
        );
        assert!(!public.healthy && !public.writable);
        assert!(!public.reason.unwrap().contains("/x"));
        let private = judge(
            &log(false),
            Ok(facts(1, Err("disk /x full"))),
            Detail::Reason,
        );
        assert_eq!(private.reason.unwrap(), "disk /x full");
    }

    #[test]
    fn a_log_that_could_not_write_is_unhealthy_before_it_tries() {
        let on = |volume| Facts {
            volume,
            ..facts(1, Ok(()))
        };
        let unwritable = Condition::Unwritable("write to /x/lock: no".to_owned());
        let public = judge(&log(false), Ok(on(unwritable.clone())), Detail::Class);
        assert!(!public.healthy && !public.writable);
        assert!(!public.reason.unwrap().contains("/x"));
        let private = judge(&log(false), Ok(on(unwritable)), Detail::Reason);
        assert_eq!(private.reason.unwrap(), "write to /x/lock: no");
        let low = Condition::Low {
            free_len_bytes: 7 << 20,
        };
        let low = judge(&log(false), Ok(on(low)), Detail::Class);
        assert!(low.healthy && low.writable);
        assert!(low.reason.unwrap().starts_with("7 MiB are left"));
    }

    #[test]
    fn a_log_that_cannot_publish_is_unhealthy_at_once() {
        let held = || Facts {
            held: Some("/mnt/a is full".to_owned()),
            ..facts(1, Ok(()))
        };
        let private = judge(&log(false), Ok(held()), Detail::Reason);
        assert!(!private.healthy && private.writable);
        assert_eq!(private.reason.unwrap(), "/mnt/a is full");
        let public = judge(&log(false), Ok(held()), Detail::Class);
        assert!(public.reason.unwrap().starts_with("nothing is published;"));
    }

    #[test]
    fn a_log_without_anchors_is_healthy_and_its_operator_warned() {
        let health = judge(&log(false), Ok(facts(1, Ok(()))), Detail::Reason);
        assert!(health.healthy);
        assert_eq!(health.warning, Some(NO_ANCHOR));
        let anchored = ServedLog {
            anchored: true,
            ..log(false)
        };
        let health = judge(&anchored, Ok(facts(1, Ok(()))), Detail::Reason);
        assert_eq!(health.warning, None);
    }

    #[test]
    fn a_log_that_is_read_only_is_healthy_but_not_writable() {
        let health = judge(&log(true), Ok(facts(1, Ok(()))), Detail::Class);
        assert!(health.healthy && !health.writable);
        assert!(health.reason.unwrap().contains("read_only in cairn.toml"));
    }

    #[test]
    fn the_last_checkpoint_of_a_frozen_log_may_be_old() {
        let frozen = Facts {
            frozen: true,
            ..facts(1_000_000, Ok(()))
        };
        let health = judge(&log(true), Ok(frozen), Detail::Class);
        assert!(health.healthy && !health.writable);
        assert_eq!(health.reason.unwrap(), "the log is frozen for good");
    }

    #[test]
    fn one_log_that_is_not_open_makes_the_server_unhealthy() {
        let logs = [Arc::new(log(false))];
        let health = Health::of(&logs, UnixMillis::new(0), Detail::Class);
        assert!(!health.is_serving());
        assert!(!health.to_json().contains("D/logs/a"));
        let health = Health::of(&logs, UnixMillis::new(0), Detail::Reason);
        assert!(health.to_json().contains("D/logs/a"));
    }
}
