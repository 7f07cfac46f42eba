//! What time it is, for what is dated: tokens, certificates, timestamps.
//!
//! Logs keep a clock of their own, which never goes back.

use std::time::Duration;

use engine::{Clock as _, SystemClock};
use rustix::time::{ClockId, clock_gettime};
use sigstore::{UnixMillis, UnixSeconds};

/// Now, to the second.
pub(crate) fn seconds() -> UnixSeconds {
    millis().seconds()
}

/// Now, to the millisecond.
pub(crate) fn millis() -> UnixMillis {
    UnixMillis::new(SystemClock::new().now().get())
}

/// Time since the machine was started, which nobody can set, and which goes on while it sleeps.
pub(crate) fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}
