//! Waiting for something another process does: a condition, asked again and again, and a deadline.

use std::thread;
use std::time::Duration;

use engine::{Clock as _, SystemClock};

/// How long anything may take before the test fails: far longer than it should on a busy machine.
pub const WAIT_MAX: Duration = Duration::from_mins(1);

/// Between two looks at a condition that nothing announces.
const PAUSE: Duration = Duration::from_millis(5);

/// What `probe` gives once it gives something.
pub fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(
            clock.monotonic() < WAIT_MAX,
            "{what}: not within {WAIT_MAX:?}"
        );
        // Nobody unparks this thread: the point is to leave the processor to who is waited for.
        thread::park_timeout(PAUSE);
    }
}

/// How long `run` takes, and what it gives.
pub fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let clock = SystemClock::new();
    let result = run();
    (result, clock.monotonic())
}
