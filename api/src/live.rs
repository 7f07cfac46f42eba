//! A value that is replaced as a whole while others read it.
//!
//! Whoever has loaded it keeps what was there, however long that takes; the next one sees the new
//! value. Nothing is ever changed in place.

use std::sync::{Arc, PoisonError, RwLock};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Live<T>(RwLock<Arc<T>>);

impl<T> Live<T> {
    pub(crate) fn new(value: T) -> Live<T> {
        Live(RwLock::new(Arc::new(value)))
    }

    /// The value as it is now.
    pub(crate) fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another in its place.
    pub(crate) fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_loaded_it_keeps_what_was_there() {
        let live = Live::new(1);
        let earlier = live.load();
        live.replace(2);
        assert_eq!((*earlier, *live.load()), (1, 2));
    }
}
