//! What time it is. Nothing else in this crate reads the system's clock or waits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sigstore::UnixSeconds;

/// Now, to the second; a clock before 1970 is taken for 1970.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub(crate) fn now() -> UnixSeconds {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixSeconds::new(since_epoch.unwrap_or_default().as_secs())
}

/// Lets time pass, before somebody is asked again.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the clock is waited for"
)]
pub(crate) fn wait(time: Duration) {
    std::thread::sleep(time);
}
