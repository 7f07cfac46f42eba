//! Time as the engine sees it: wall time stamps batches, monotonic time measures ages.
//!
//! This is the only file of the workspace's libraries that reads the system's clocks. Everything
//! else is handed a time, which is what lets a simulation drive the whole engine.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// A time from its count of milliseconds.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// The count of milliseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// A time from the system's representation; times before 1970 become 0.
    #[must_use]
    pub fn from_system(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Where the engine reads the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall time. It may jump; the sequencer refuses to go backwards with it.
    fn now(&self) -> UnixMillis;

    /// Time since some fixed moment of this process. It never goes backwards.
    fn monotonic(&self) -> Duration;
}

/// The machine's own clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    fn now(&self) -> UnixMillis {
        UnixMillis::from_system(SystemTime::now())
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that moves only when told to (feature `testing`).
#[cfg(any(test, feature = "testing"))]
#[derive(Debug)]
pub struct SimulatedClock {
    times: std::sync::Mutex<(UnixMillis, Duration)>,
}

#[cfg(any(test, feature = "testing"))]
impl SimulatedClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: UnixMillis) -> Self {
        Self {
            times: std::sync::Mutex::new((now, Duration::ZERO)),
        }
    }

    /// Lets `by` pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let mut times = crate::lock(&self.times);
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        times.0 = UnixMillis(times.0.0.saturating_add(millis));
        times.1 = times.1.saturating_add(by);
    }

    /// Sets wall time, as an operator or NTP would; monotonic time does not move.
    pub fn set_wall(&self, now: UnixMillis) {
        crate::lock(&self.times).0 = now;
    }
}

#[cfg(any(test, feature = "testing"))]
impl Clock for SimulatedClock {
    fn now(&self) -> UnixMillis {
        crate::lock(&self.times).0
    }

    fn monotonic(&self) -> Duration {
        crate::lock(&self.times).1
    }
}
