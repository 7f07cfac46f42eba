//! What every request handler shares: the logs being served, the limits, the metrics.
//!
//! Built by `serve` from cairn.toml, then read-only: handlers hold it in an `Arc`. Whatever changes
//! while the server runs is inside `engine::Log`, [`Metrics`] or [`PublishLag`], each behind its
//! own lock; the list of logs is replaced when cairn.toml is read again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::UnixMillis;
use subtle::ConstantTimeEq as _;
use tiles::TreeSize;
use zeroize::Zeroizing;

use crate::client_address::TrustedProxies;
use crate::ct::CertificateLog;
use crate::instance::Instance;
use crate::limits::{Limits, PUBLISH_LAG_MAX};
use crate::live::Live;
use crate::observe::{Metrics, Volume};
use crate::read::full_tiles::FullTiles;
use crate::rekor::WaitingLine;

/// Everything a handler may use.
#[derive(Debug)]
pub(crate) struct App {
    /// In the order of cairn.toml. Names are unique.
    pub(crate) logs: Live<Vec<Arc<ServedLog>>>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    /// Whose `x-forwarded-for` is believed.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The public base URL, without a trailing slash.
    pub(crate) url: String,
    /// What there is beside the logs.
    pub(crate) instance: Instance,
}

impl App {
    /// The logs as they are now.
    pub(crate) fn logs(&self) -> Arc<Vec<Arc<ServedLog>>> {
        self.logs.load()
    }

    /// The log of that name.
    pub(crate) fn log(&self, name: &str) -> Option<Arc<ServedLog>> {
        self.logs().iter().find(|log| log.name == name).cloned()
    }
}

/// One `[[log]]` of cairn.toml, open or not.
#[derive(Debug)]
pub(crate) struct ServedLog {
    pub(crate) name: String,
    pub(crate) kind: LogKind,
    pub(crate) origin: String,
    pub(crate) state: LogState,
    /// The key that signs this log's checkpoints; its `log_id()` is Rekor's `logId.keyId`. `None`
    /// only if the key can't be read, and then the log is not open.
    pub(crate) verifier: Option<tiles::VerifierKey>,
    /// Host names (lower case, no port) at whose root this v2 log answers. Empty: at every host
    /// that no other log names; at most one v2 log is so.
    pub(crate) hosts: Vec<String>,
    pub(crate) duplicates: Duplicates,
    /// Who may add to a raw log. Empty: anybody.
    pub(crate) tokens: Vec<Token>,
    /// What a certificate log has besides. `None` in other logs, and in one that is not open.
    pub(crate) certificates: Option<CertificateLog>,
    /// Reads go on, adds are refused: the operator said so, or froze the log.
    pub(crate) read_only: bool,
    /// Age of the checkpoint past which the log counts as unhealthy.
    pub(crate) checkpoint_age_max: Duration,
    pub(crate) publish_lag: PublishLag,
    /// Where the store is, unless it is in memory.
    pub(crate) volume: Option<Volume>,
    pub(crate) full_tiles: FullTiles,
    /// Requests whose entries are on their way.
    pub(crate) waiting_line: WaitingLine,
    /// Whether any place outside the data directory remembers what the log published.
    pub(crate) anchored: bool,
}

impl ServedLog {
    /// The open log, or why there is none.
    pub(crate) fn open(&self) -> Result<&engine::Log, &str> {
        match &self.state {
            LogState::Open(log) => Ok(log),
            LogState::Failed(reason) => Err(reason),
        }
    }

    /// Whether it was frozen for good, and its last checkpoint says so.
    pub(crate) fn is_frozen(&self) -> bool {
        self.open()
            .is_ok_and(|log| log.published().final_line().is_some())
    }
}

/// Since when a log has entries that no checkpoint covers, as far as anybody looked.
#[derive(Debug)]
pub(crate) struct PublishLag {
    max: Duration,
    /// When the log was first seen behind with its published size as it is now, and that size.
    seen: Mutex<Option<(UnixMillis, TreeSize)>>,
}

impl PublishLag {
    /// For a log that publishes this often.
    pub(crate) fn new(checkpoint_interval: Duration) -> PublishLag {
        PublishLag {
            max: PUBLISH_LAG_MAX.saturating_add(checkpoint_interval),
            seen: Mutex::new(None),
        }
    }

    /// Notes what is seen now. Whether the log was behind for too long without publishing.
    pub(crate) fn is_too_long(
        &self,
        published: TreeSize,
        committed: TreeSize,
        now: UnixMillis,
    ) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if committed <= published {
            *seen = None;
            return false;
        }
        // A clock that was put back begins anew, or it would hide the lag until it has caught up.
        let since = match *seen {
            Some((since, size)) if size == published && since <= now => since,
            _ => now,
        };
        *seen = Some((since, published));
        now.since(since) > self.max
    }
}

/// Whether a log could be opened. One that could not does not take the others down.
#[derive(Debug)]
pub(crate) enum LogState {
    Open(engine::Log),
    /// Why not, in words for the operator (not for clients).
    Failed(String),
}

/// What a log takes and by which routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogKind {
    RekorV2,
    Raw,
    Ct,
}

impl LogKind {
    /// Every kind.
    pub(crate) const ALL: [LogKind; 3] = [LogKind::RekorV2, LogKind::Raw, LogKind::Ct];

    /// The name in cairn.toml, on the command line and in the store's identity record.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LogKind::RekorV2 => "rekor-v2",
            LogKind::Raw => "raw",
            LogKind::Ct => "ct",
        }
    }

    /// The kind of that name.
    pub(crate) fn parse(text: &str) -> Option<LogKind> {
        LogKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for LogKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a v2 log answers an entry it already holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// 201 with the existing entry and a current proof, so that a retry just works.
    #[default]
    Existing,
    /// 409, as other Rekor v2 servers do.
    Conflict,
}

/// A bearer token: wiped when dropped, never printed, compared in constant time.
#[derive(Clone)]
pub(crate) struct Token(Zeroizing<Vec<u8>>);

impl Token {
    pub(crate) fn new(text: &str) -> Token {
        Token(Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// Whether `presented` is this token. Takes time that depends on the lengths alone.
    pub(crate) fn matches(&self, presented: &[u8]) -> bool {
        self.0.as_slice().ct_eq(presented).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_matches_itself_only_and_is_not_printed() {
        let token = Token::new("correct horse");
        assert!(token.matches(b"correct horse"));
        assert!(!token.matches(b"correct hors"));
        assert!(!token.matches(b"Correct horse"));
        assert!(!token.matches(b""));
        assert_eq!(format!("{token:?}"), "Token(redacted)");
    }

    #[test]
    fn a_log_lags_once_it_stays_behind_without_publishing() {
        let lag = PublishLag::new(Duration::from_secs(1));
        let check = |published, committed, at, wanted| {
            let [published, committed] = [published, committed].map(TreeSize::new);
            let found = lag.is_too_long(published, committed, UnixMillis::new(at));
            assert_eq!(found, wanted, "at {at}");
        };
        check(5, 6, 100_000, false);
        check(5, 7, 111_000, false);
        check(5, 7, 111_001, true);
        // It publishes, if late.
        check(6, 7, 111_002, false);
        check(6, 8, 122_003, true);
        check(8, 8, 122_004, false);
        check(8, 9, 200_000, false);
        // The clock was put back.
        check(8, 9, 1_000, false);
        check(8, 9, 12_001, true);
    }

    #[test]
    fn kinds_parse_their_own_names_only() {
        for kind in LogKind::ALL {
            assert_eq!(LogKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(LogKind::parse("rekor"), None);
    }
}
