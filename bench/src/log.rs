//! A log on RocksDB in a directory that goes away with it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use engine::{Limits, Log, LogConfig, Ticket, UnfinishedEntry, hashing_pool};
use tempfile::TempDir;
use tiles::{Ed25519NoteSigner, KeyName, Origin};

use crate::entries;

/// How many entries are added in one call while a log is filled.
const FILL_COUNT: u64 = 8192;

/// A log, its directory kept until the end.
#[derive(Debug)]
pub struct BenchLog {
    /// The open log.
    pub log: Log,
    dir: Arc<TempDir>,
}

impl BenchLog {
    /// Makes and opens an empty log.
    ///
    /// # Errors
    /// Whatever keeps a log from being made in the temporary directory.
    pub fn create(limits: Limits) -> Result<Self, Box<dyn std::error::Error>> {
        Self::create_with(&config(limits)?)
    }

    /// As [`BenchLog::create`], for a log that takes every entry for a new one.
    ///
    /// # Errors
    /// As [`BenchLog::create`].
    pub fn without_deduplication(limits: Limits) -> Result<Self, Box<dyn std::error::Error>> {
        let mut config = config(limits)?;
        config.deduplication = false;
        Self::create_with(&config)
    }

    fn create_with(config: &LogConfig) -> Result<Self, Box<dyn std::error::Error>> {
        let dir = Arc::new(tempfile::tempdir()?);
        Log::create(&log_path(&dir), config)?;
        let log = Log::open(&log_path(&dir), config)?;
        Ok(Self { log, dir })
    }

    /// Closes the log and opens it again, with other limits.
    ///
    /// # Errors
    /// Whatever keeps the log from being opened.
    pub fn reopen(self, limits: Limits) -> Result<Self, Box<dyn std::error::Error>> {
        let dir = Arc::clone(&self.dir);
        drop(self);
        let log = Log::open(&log_path(&dir), &config(limits)?)?;
        Ok(Self { log, dir })
    }

    /// The log's directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        log_path(&self.dir)
    }

    /// Adds that many entries, from number 0 on, and waits until they are published.
    ///
    /// # Errors
    /// Whatever keeps the log from taking them.
    pub fn fill(&self, count: u64) -> Result<(), Box<dyn std::error::Error>> {
        for first in (0..count).step_by(usize::try_from(FILL_COUNT)?) {
            self.add(entries(first, FILL_COUNT.min(count - first)))?;
        }
        Ok(())
    }

    /// Adds entries and waits until they are published.
    ///
    /// # Errors
    /// Whatever keeps the log from taking them.
    pub fn add(&self, entries: Vec<Vec<u8>>) -> Result<(), Box<dyn std::error::Error>> {
        let batch = entries.into_iter().map(unfinished).collect();
        if let Some(ticket) = self.log.add_many(batch)?.last() {
            ticket.published_blocking()?;
        }
        Ok(())
    }
}

fn log_path(dir: &TempDir) -> PathBuf {
    dir.path().join("log")
}

fn config(limits: Limits) -> Result<LogConfig, Box<dyn std::error::Error>> {
    let signer = Ed25519NoteSigner::from_seed(KeyName::new("bench.example")?, [7; 32])?;
    let origin = Origin::new("bench.example")?;
    let mut config = LogConfig::new(origin, "bench", Arc::new(signer), hashing_pool()?);
    config.limits = limits;
    Ok(config)
}

impl Drop for BenchLog {
    fn drop(&mut self) {
        self.log.close();
    }
}

/// An entry as a log takes it.
#[must_use]
pub fn unfinished(entry: Vec<u8>) -> UnfinishedEntry {
    UnfinishedEntry::new(entry.into())
}

/// Entries in one call of a stream, and how many calls of it are on the way at a time.
const CALL: usize = 4096;
const CALLS_ON_THE_WAY: usize = 16;

/// Adds all entries, in calls of which a bounded number is on the way, and waits until each has its
/// index.
///
/// # Panics
/// If the log does not take them: a bench needs one that works.
pub fn stream(log: &Log, entries: impl IntoIterator<Item = Vec<u8>>) {
    let mut waiting = VecDeque::new();
    let mut entries = entries.into_iter().map(Bytes::from);
    loop {
        let call: Vec<Bytes> = entries.by_ref().take(CALL).collect();
        if waiting.len() == CALLS_ON_THE_WAY || call.is_empty() {
            let oldest: Option<Ticket> = waiting.pop_front();
            let Some(oldest) = oldest else {
                break;
            };
            oldest.sequenced_blocking().expect("the disk takes it");
        }
        if !call.is_empty() {
            let tickets = log.add_many(UnfinishedEntry::many(call));
            waiting.extend(tickets.expect("the pool has room").pop());
        }
    }
}
