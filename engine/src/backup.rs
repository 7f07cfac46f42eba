//! What a backup of a log in a directory rests on: a snapshot beside running threads, and a look at
//! a copy before anybody relies on it.
//!
//! Order: the published checkpoint first, then the hot store, then (by whoever copies) the cold
//! store. Whatever a checkpoint covers was committed before it was published, and whatever the hot
//! store has handed over is in the cold store for ever; so a copy made in this order is whole at
//! every instant, without stopping anything.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::error::{OpenError, StoreError};
use crate::log::Log;
use crate::log::embedded::{checkpoint_path, hot_dir};
use crate::publish::PublishedHead;
use crate::reader::{Reader, StoredTiles};
use crate::recover;
use crate::store::{Head, write_durably};

impl Log {
    /// Makes the directory `to` with the published checkpoint and a snapshot of the hot store in
    /// it, durably. Costs little on the same file system. Adds and reads go on.
    ///
    /// # Errors
    /// If `to` is there already, or cannot be written.
    pub fn snapshot(&self, to: &Path) -> Result<Arc<PublishedHead>, StoreError> {
        let published = self.published();
        fs::create_dir(to)
            .map_err(|error| StoreError::io(format!("create directory {}", to.display()), error))?;
        self.reader().hot.snapshot(&hot_dir(to))?;
        write_durably(&checkpoint_path(to), &published.checkpoint)?;
        Ok(published)
    }
}

impl Reader {
    /// Checks that the log could be opened from what this reader reads: everything that opening
    /// looks at, without changing a byte. Gives the committed head.
    ///
    /// # Errors
    /// As opening would fail.
    pub fn check_opens(&self) -> Result<Head, OpenError> {
        let stored = StoredTiles {
            hot: self.hot.as_ref(),
            cold: self.cold.as_ref(),
        };
        let published = self.published();
        self.hot.indexed()?;
        recover::tail(&stored, self.format(), &published).map(|tail| tail.head)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::log::embedded::cold_dir;
    use crate::{LogConfig, UnfinishedEntry, fsck};
    use bytes::Bytes;

    fn config() -> LogConfig {
        let mut config = crate::log::tests::config();
        config.limits.hot_entries = 0;
        config.limits.index_segment_len = 500;
        config
    }

    fn add(log: &Log, begin: u64, end: u64) -> Vec<u64> {
        let entry = |n| UnfinishedEntry::new(Bytes::from(format!("entry {n}")));
        let tickets = log.add_many((begin..end).map(entry).collect()).unwrap();
        let index = |ticket: &crate::Ticket| ticket.published_blocking().unwrap().0.index.get();
        tickets.iter().map(index).collect()
    }

    fn copy_tree(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let target: PathBuf = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy_tree(&entry.path(), &target);
            } else if !entry.file_name().to_string_lossy().starts_with('.') {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }

    #[test]
    fn a_snapshot_of_a_busy_log_opens_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (path, copy) = (dir.path().join("log"), dir.path().join("copy"));
        let config = config();
        Log::create(&path, &config).unwrap();
        let log = Log::open(&path, &config).unwrap();
        add(&log, 0, 2000);
        let done = AtomicBool::new(false);
        let taken = std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in (2000..).step_by(100) {
                    add(&log, n, n + 100);
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            let taken = log.snapshot(&copy).unwrap();
            copy_tree(&cold_dir(&path), &cold_dir(&copy));
            done.store(true, Ordering::Relaxed);
            taken
        });
        log.close();
        assert!(taken.size.get() >= 2000);
        let key = config.key().unwrap();
        let scratch = dir.path().join("scratch");
        let (reader, _) =
            Reader::open_beside(&copy, &scratch, Arc::clone(&config.format), key).unwrap();
        assert!(reader.check_opens().unwrap().size >= taken.size);
        drop(reader);
        let log = Log::open(&copy, &config).unwrap();
        assert_eq!(add(&log, 0, 2000), (0..2000).collect::<Vec<u64>>());
        let size = log.status().committed.size.get();
        assert_eq!(add(&log, 1 << 40, (1 << 40) + 1), [size]);
        fsck(&log.reader(), &mut |_| ()).unwrap();
        log.close();
    }

    #[test]
    fn a_copy_without_its_cold_store_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let (path, copy) = (dir.path().join("log"), dir.path().join("copy"));
        let config = config();
        Log::create(&path, &config).unwrap();
        let log = Log::open(&path, &config).unwrap();
        add(&log, 0, 2000);
        let moved = cold_dir(&path).join("tile/entries/006");
        while !moved.exists() || log.metrics().bundles_tiered.get() < 7 {
            std::thread::yield_now();
        }
        log.snapshot(&copy).unwrap();
        log.close();
        fs::create_dir(cold_dir(&copy)).unwrap();
        let key = config.key().unwrap();
        let scratch = dir.path().join("scratch");
        let (reader, _) =
            Reader::open_beside(&copy, &scratch, Arc::clone(&config.format), key).unwrap();
        let error = reader.check_opens().unwrap_err();
        assert!(matches!(error, OpenError::ColdMissing { .. }), "{error}");
    }
}
