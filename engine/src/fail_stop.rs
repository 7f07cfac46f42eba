//! Fail-stop: after a durable write with an unknown outcome, or a record that is not what was
//! written, the log takes no more entries until it is opened again. Reads go on.

use std::sync::{Arc, OnceLock};

use crate::error::AddError;
use crate::pool::Pool;

/// Whether a log has stopped, and why. Once tripped it stays tripped.
#[derive(Debug)]
pub(crate) struct FailStop {
    reason: OnceLock<String>,
    pool: Arc<Pool>,
}

impl FailStop {
    pub(crate) const fn new(pool: Arc<Pool>) -> Self {
        Self {
            reason: OnceLock::new(),
            pool,
        }
    }

    /// Stops the log; gives back the error that everyone who waits is told.
    pub(crate) fn trip(&self, reason: &str) -> AddError {
        let first = self.reason.get_or_init(|| {
            tracing::error!(reason, "the log takes no more entries until it is reopened");
            reason.to_owned()
        });
        let error = AddError::Fatal(first.clone());
        self.pool.fail(&error);
        error
    }

    /// Why the log stopped, if it did.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}
