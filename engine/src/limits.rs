//! Every bound of one log, with its reason. Nothing in the engine grows without one of these.

use std::time::Duration;

/// Bounds and cadences of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most entries that may wait for an index. Beyond it `add` is refused, so that a flood meets
    /// an error and not the end of memory. The default is some seconds of work at full rate.
    pub pool_count_max: usize,
    /// Most bytes of entries that may wait for an index: the same bound for large entries.
    pub pool_bytes_max: usize,
    /// Most entries in one batch. A batch is hashed and written as one piece, so this bounds both
    /// the memory of a commit and how long the last entry of a batch waits for the first.
    pub batch_count_max: usize,
    /// Most bytes of entries in one batch, for the same reason.
    pub batch_bytes_max: usize,
    /// How old the oldest waiting entry may get before a batch is taken that is not full, while few
    /// wait with it; the more do, the sooner it is taken. It lets a trickle share commits.
    pub batch_age: Duration,
    /// Identities that gather in memory before they are sorted and written to the index. Fewer make
    /// more runs for every look-up to visit; more take more memory (46 bytes each, and up to five
    /// such segments exist at a time) and more entries to read again when a log is opened.
    pub index_segment_len: usize,
    /// Shortest time between two checkpoints of a growing log. Every checkpoint costs a signature
    /// and a synced file.
    pub checkpoint_interval: Duration,
    /// An idle log signs its head again after this long, so that a reader can tell an idle log
    /// from a dead one.
    pub checkpoint_resign_interval: Duration,
    /// How long a batch may wait for a clock that is behind the last batch before it is refused.
    pub clock_wait_max: Duration,
    /// How long to wait before a failed signature or a failed copy to `publish_dir` is tried again.
    pub retry_delay: Duration,
    /// How many of the newest entries stay in the hot store. Older full bundles and tiles move to
    /// the cold store.
    pub hot_entries: u64,
    /// Most bundles moved to the cold store in one step: bounds how long a shutdown waits for it.
    pub tier_bundles_per_step: u64,
    /// Shortest time between two updates of `publish_dir`; each writes and syncs several files.
    pub publish_dir_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pool_count_max: 65_536,
            pool_bytes_max: 256 * 1024 * 1024,
            batch_count_max: 16_384,
            batch_bytes_max: 64 * 1024 * 1024,
            batch_age: Duration::from_millis(50),
            // What a hash table of 2^19 places holds before it grows.
            index_segment_len: 7 << 16,
            checkpoint_interval: Duration::from_millis(100),
            checkpoint_resign_interval: Duration::from_mins(10),
            clock_wait_max: Duration::from_secs(5),
            retry_delay: Duration::from_secs(1),
            hot_entries: 1 << 20,
            tier_bundles_per_step: 256,
            publish_dir_interval: Duration::from_secs(1),
        }
    }
}

/// The largest entry any format may store. A pool or batch smaller than one entry could never
/// take it.
pub(crate) const STORED_LEN_BYTES_MAX: usize = 1024 * 1024;

impl Limits {
    /// Checks that the bounds fit together.
    ///
    /// # Errors
    /// Names the field that cannot work and says what would.
    pub fn check(&self) -> Result<(), LimitsError> {
        let positive: [(&'static str, usize); 4] = [
            ("pool_count_max", self.pool_count_max),
            ("batch_count_max", self.batch_count_max),
            ("pool_bytes_max", self.pool_bytes_max / STORED_LEN_BYTES_MAX),
            (
                "batch_bytes_max",
                self.batch_bytes_max / STORED_LEN_BYTES_MAX,
            ),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(LimitsError { field });
            }
        }
        Ok(())
    }
}

/// A bound under which the log could not accept a single entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "limit {field} is too small to take one entry: counts must be 1 or more, bytes 1 MiB or more"
)]
pub struct LimitsError {
    field: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        Limits::default().check().unwrap();
    }

    #[test]
    fn a_pool_that_takes_nothing_is_refused() {
        let limits = Limits {
            pool_count_max: 0,
            ..Limits::default()
        };
        assert_eq!(limits.check().unwrap_err().field, "pool_count_max");
        let limits = Limits {
            batch_bytes_max: 10,
            ..Limits::default()
        };
        assert_eq!(limits.check().unwrap_err().field, "batch_bytes_max");
    }
}
