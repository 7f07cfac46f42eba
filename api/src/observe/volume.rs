//! Whether the file system under a log takes writes and has room, asked before a write of the log
//! finds out the hard way: a log that cannot write stops, and only a restart brings it back.
//!
//! Asked for the sake of `/healthz`, at most once in [`LOOK_INTERVAL`], so that nobody who asks
//! often keeps the disk busy.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use engine::UnixMillis;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};

/// How long an answer is good for: disks fill within minutes, not seconds.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Free bytes below which an operator should know: some minutes of a log at full rate.
const FREE_LEN_BYTES_MIN: u64 = 1 << 30;

/// A small file system is low only once less than one part in so many is free.
const FREE_PART_MIN: u64 = 10;

/// The file system under one log.
#[derive(Debug)]
pub(crate) struct Volume {
    /// The lock file of the log: there as long as the log is open, and of no content that counts.
    lock: PathBuf,
    /// What was found, and when.
    last: Mutex<Option<(UnixMillis, Condition)>>,
}

/// What can be expected of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Good,
    /// It will work, but not for long.
    Low {
        free_len_bytes: u64,
    },
    /// It will fail; why, with the path.
    Unwritable(String),
}

impl Volume {
    /// Of the log whose store is in `store_dir`.
    pub(crate) fn of(store_dir: &Path) -> Volume {
        Volume {
            lock: store_dir.join("lock"),
            last: Mutex::new(None),
        }
    }

    /// Its condition at the time `now`, or a little earlier. A change for the worse is logged.
    pub(crate) fn condition(&self, now: UnixMillis) -> Condition {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, condition)) = last.as_ref()
            // A clock that was put back must not make an old answer last.
            && *at <= now
            && now.since(*at) < LOOK_INTERVAL
        {
            return condition.clone();
        }
        let found = look(&self.lock);
        if last
            .as_ref()
            .is_none_or(|(_, before)| differ(before, &found))
        {
            found.report(&self.lock);
        }
        *last = Some((now, found.clone()));
        found
    }
}

impl Condition {
    fn report(&self, lock: &Path) {
        let volume = lock.parent().unwrap_or(lock).display();
        match self {
            Condition::Good => {}
            Condition::Low { free_len_bytes } => {
                let free_mib = free_len_bytes >> 20;
                tracing::warn!(%volume, free_mib, "little space is left; make room");
            }
            Condition::Unwritable(why) => {
                tracing::error!(%volume, why, "nothing can be written; the next add will fail");
            }
        }
    }
}

/// Whether they are of different kinds.
fn differ(one: &Condition, other: &Condition) -> bool {
    std::mem::discriminant(one) != std::mem::discriminant(other)
}

fn look(lock: &Path) -> Condition {
    // A write of a file's times, not a look at flags or permissions: after an error of the disk the
    // kernel refuses writes, and shows neither.
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    if let Err(error) = rustix::fs::utimensat(CWD, lock, &times, AtFlags::empty()) {
        return Condition::Unwritable(format!("write to {}: {error}", lock.display()));
    }
    match rustix::fs::statvfs(lock) {
        Ok(found) => judge(
            found.f_bavail.saturating_mul(found.f_frsize),
            found.f_blocks.saturating_mul(found.f_frsize),
        ),
        // Some network file systems know no sizes.
        Err(_) => Condition::Good,
    }
}

/// The condition of a writable file system of `len_bytes` bytes.
fn judge(free_len_bytes: u64, len_bytes: u64) -> Condition {
    if free_len_bytes < FREE_LEN_BYTES_MIN.min(len_bytes / FREE_PART_MIN) {
        Condition::Low { free_len_bytes }
    } else {
        Condition::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_volume_is_low_below_a_bound_and_a_small_one_below_a_part() {
        let low = |free_len_bytes| Condition::Low { free_len_bytes };
        assert_eq!(judge(1 << 30, 1 << 40), Condition::Good);
        assert_eq!(judge((1 << 30) - 1, 1 << 40), low((1 << 30) - 1));
        assert_eq!(judge(100, 1000), Condition::Good);
        assert_eq!(judge(99, 1000), low(99));
        assert_eq!(judge(0, 1000), low(0));
    }

    #[test]
    fn an_answer_is_kept_for_a_while_and_not_when_the_clock_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::of(dir.path());
        let unwritable = |at| {
            let found = volume.condition(UnixMillis::new(at));
            matches!(found, Condition::Unwritable(why) if why.contains("/lock: "))
        };
        assert!(unwritable(50_000));
        std::fs::write(dir.path().join("lock"), b"process 7").unwrap();
        assert!(unwritable(54_999));
        assert!(!unwritable(55_000));
        std::fs::remove_file(dir.path().join("lock")).unwrap();
        assert!(!unwritable(56_000));
        assert!(unwritable(10_000));
    }
}
