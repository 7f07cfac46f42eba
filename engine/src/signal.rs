//! A value that many can wait on, from threads and from async tasks alike.
//!
//! The engine's steps are synchronous and its callers mostly are not; this is the one place where
//! the two meet. It holds no queue: a waiter sees the newest value and decides whether it is the
//! one it waited for.

use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// A shared value and the means to await a change of it.
pub(crate) struct Signal<T> {
    value: Mutex<T>,
    changed: Condvar,
    notify: Notify,
}

impl<T: Clone> Signal<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Condvar::new(),
            notify: Notify::new(),
        }
    }

    /// The newest value.
    pub(crate) fn get(&self) -> T {
        crate::lock(&self.value).clone()
    }

    /// What `look` makes of the newest value.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&crate::lock(&self.value))
    }

    /// Replaces the value and wakes everyone who waits.
    pub(crate) fn set(&self, value: T) {
        *crate::lock(&self.value) = value;
        self.changed.notify_all();
        self.notify.notify_waiters();
    }

    /// Changes the value in place and wakes everyone who waits.
    pub(crate) fn update(&self, change: impl FnOnce(&mut T)) {
        change(&mut crate::lock(&self.value));
        self.changed.notify_all();
        self.notify.notify_waiters();
    }

    /// Waits until `wanted` gives something, without blocking the thread.
    pub(crate) async fn wait<R>(&self, mut wanted: impl FnMut(&T) -> Option<R>) -> R {
        loop {
            // Registered before the look, so that a change between look and await is not missed.
            let mut changed = std::pin::pin!(self.notify.notified());
            changed.as_mut().enable();
            if let Some(found) = wanted(&crate::lock(&self.value)) {
                return found;
            }
            changed.await;
        }
    }

    /// Waits until `wanted` gives something, blocking the thread.
    pub(crate) fn wait_blocking<R>(&self, mut wanted: impl FnMut(&T) -> Option<R>) -> R {
        let mut value = crate::lock(&self.value);
        loop {
            if let Some(found) = wanted(&value) {
                return found;
            }
            value = crate::wait(&self.changed, value);
        }
    }

    /// Waits until `wanted` holds or `timeout` has passed, blocking the thread; says whether it
    /// holds.
    pub(crate) fn wait_timeout(
        &self,
        timeout: Duration,
        mut wanted: impl FnMut(&T) -> bool,
    ) -> bool {
        let value = crate::lock(&self.value);
        let (_value, waited) = self
            .changed
            .wait_timeout_while(value, timeout, |value| !wanted(value))
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }
}

impl<T: fmt::Debug> fmt::Debug for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal")
            .field(&*crate::lock(&self.value))
            .finish()
    }
}
