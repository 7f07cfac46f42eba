//! What a simulation says when the log broke a promise.

use std::fmt::Display;

/// The promise that was broken, in words.
pub(crate) type Breach = String;

/// Something that holds, or a broken promise.
pub(crate) type Checked<T = ()> = Result<T, Breach>;

/// Fails unless `holds`.
pub(crate) fn ensure(holds: bool, breach: impl FnOnce() -> Breach) -> Checked {
    if holds { Ok(()) } else { Err(breach()) }
}

/// Says what was being done when something failed that cannot fail in a log that works.
pub(crate) trait During<T> {
    fn during(self, what: &str) -> Checked<T>;
}

impl<T, E: Display> During<T> for Result<T, E> {
    fn during(self, what: &str) -> Checked<T> {
        self.map_err(|error| format!("{what}: {error}"))
    }
}
