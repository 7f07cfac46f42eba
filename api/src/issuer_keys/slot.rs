//! The keys of one issuer: what was last read, how reading went, and when it may be asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ca::oidc::IssuerKeys;
use sigstore::UnixSeconds;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use super::fetch::{FetchError, Fetched, Fetcher};
use crate::wall_clock;

/// How often keys are read again: soon enough that a key which an issuer withdraws is not believed
/// for long, seldom enough that no issuer minds.
const REFRESH_INTERVAL: Duration = Duration::from_mins(10);

/// How soon reading is tried again after a failure; each further one doubles it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// As long as that may grow.
const RETRY_INTERVAL_MAX: Duration = Duration::from_mins(2);

/// How often tokens may have keys read again before time, in the long run and at once: anybody can
/// send tokens that name a key nobody has.
const WANTED_PERIOD: Duration = Duration::from_secs(20);
const WANTED_BURST: u32 = 3;

/// One issuer.
#[derive(Debug)]
pub(super) struct Slot {
    /// The exact `iss` of its tokens.
    issuer: String,
    /// Whether cairn.toml names it whole, and not by a wildcard that it fits.
    is_listed: bool,
    fetcher: Fetcher,
    counts: Arc<FetchCounts>,
    state: Mutex<State>,
    wanted: Notify,
    /// Changes whenever an attempt has ended.
    attempts: watch::Sender<()>,
}

/// How often the issuers of one URL of cairn.toml were asked, and how often in vain.
#[derive(Debug, Default)]
pub(crate) struct FetchCounts {
    pub(crate) all: AtomicU64,
    pub(crate) failed: AtomicU64,
}

#[derive(Debug)]
struct State {
    keys: Option<Arc<IssuerKeys>>,
    /// Why the last attempt failed, if it did.
    failure: Option<String>,
    failures_in_a_row: u32,
    is_reading: bool,
    /// When all that was read on demand would have been read at the allowed rate.
    paid_until: Instant,
}

/// How the issuers of one URL of cairn.toml are asked.
#[derive(Clone, Debug)]
pub(super) struct How {
    pub(super) fetcher: Fetcher,
    pub(super) counts: Arc<FetchCounts>,
}

/// What is known of an issuer's keys, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotStatus {
    /// How many keys there are, and when they were read.
    pub(crate) keys: Option<(usize, UnixSeconds)>,
    /// Why the last attempt to read them failed, if it did.
    pub(crate) failure: Option<String>,
}

impl Slot {
    pub(super) fn new(issuer: String, is_listed: bool, how: How) -> Slot {
        let How { fetcher, counts } = how;
        Slot {
            issuer,
            is_listed,
            fetcher,
            counts,
            state: Mutex::new(State {
                keys: None,
                failure: None,
                failures_in_a_row: 0,
                // The first attempt is about to begin.
                is_reading: true,
                paid_until: Instant::now(),
            }),
            wanted: Notify::new(),
            attempts: watch::Sender::new(()),
        }
    }

    /// What was last read.
    pub(super) fn keys(&self) -> Option<Arc<IssuerKeys>> {
        self.lock().keys.clone()
    }

    pub(super) fn status(&self) -> SlotStatus {
        let state = self.lock();
        let keys = state.keys.as_ref();
        SlotStatus {
            keys: keys.map(|keys| (keys.key_set.key_count(), keys.read_at)),
            failure: state.failure.clone(),
        }
    }

    /// Waits until the keys have been read again, at most so long. Whether they were: not if they
    /// have been asked for too often, or the issuer does not answer.
    pub(super) async fn read_again(&self, time_max: Duration) -> bool {
        // Before anything is asked for, so that no end of an attempt is missed.
        let mut attempts = self.attempts.subscribe();
        if !self.ask() {
            return false;
        }
        let ended = tokio::time::timeout(time_max, attempts.changed()).await;
        matches!(ended, Ok(Ok(()))) && self.lock().failure.is_none()
    }

    /// Whether an attempt is under way, or may begin for this.
    fn ask(&self) -> bool {
        let mut state = self.lock();
        if state.is_reading {
            return true;
        }
        let now = Instant::now();
        let paid_until = state.paid_until.max(now);
        if paid_until - now > WANTED_PERIOD * (WANTED_BURST - 1) {
            return false;
        }
        state.paid_until = paid_until + WANTED_PERIOD;
        state.is_reading = true;
        self.wanted.notify_one();
        true
    }

    /// Reads the keys now and again, for ever. No more attempts are under way at a time, of all
    /// issuers, than `turns` has.
    pub(super) async fn keep(self: Arc<Slot>, turns: Arc<Semaphore>) {
        loop {
            self.lock().is_reading = true;
            let turn = turns.acquire().await;
            let outcome = self.fetcher.fetch(&self.issuer).await;
            drop(turn);
            let pause = self.take(outcome, wall_clock::seconds());
            // What fits a wildcard need not exist: it is asked again only if somebody wants it.
            if !self.is_listed && self.keys().is_none() {
                self.wanted.notified().await;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wanted.notified() => {}
            }
        }
    }

    /// Takes what an attempt brought. Keys that cannot be read again stay: how long they may be
    /// used is for whoever checks tokens. Gives the time until the next attempt.
    fn take(&self, outcome: Result<Fetched, FetchError>, now: UnixSeconds) -> Duration {
        let issuer = &self.issuer;
        self.counts.all.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        state.is_reading = false;
        let pause = match outcome {
            Ok(Fetched {
                algorithms,
                key_set,
            }) => {
                let count = key_set.key_count();
                if state.keys.is_none() || state.failure.is_some() {
                    tracing::info!(issuer, count, "the issuer's keys were read");
                }
                for reason in key_set.left_out() {
                    tracing::debug!(issuer, reason, "a key of the issuer is not used");
                }
                state.keys = Some(Arc::new(IssuerKeys {
                    algorithms,
                    key_set,
                    read_at: now,
                }));
                state.failure = None;
                state.failures_in_a_row = 0;
                REFRESH_INTERVAL
            }
            Err(error) => {
                let why = error.to_string();
                let age_seconds = state.keys.as_ref().map(|keys| age_seconds(keys, now));
                tracing::warn!(issuer, why, age_seconds, "the issuer's keys can't be read");
                state.failure = Some(why);
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
                retry_after(state.failures_in_a_row)
            }
        };
        drop(state);
        self.attempts.send_replace(());
        pause
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the lock is let go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn age_seconds(keys: &IssuerKeys, now: UnixSeconds) -> u64 {
    now.get().saturating_sub(keys.read_at.get())
}

/// How long to wait after that many failures, one after another.
fn retry_after(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    RETRY_INTERVAL
        .saturating_mul(doubled)
        .min(RETRY_INTERVAL_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_met_again_soon_and_then_less_often() {
        let seconds = [1, 2, 3, 7, 8, 9, 40].map(|failures| retry_after(failures).as_secs());
        assert_eq!(seconds, [1, 2, 4, 64, 120, 120, 120]);
    }
}
