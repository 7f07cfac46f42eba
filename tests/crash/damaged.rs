//! Stores copied while they are written, then cut and flipped byte by byte.
//!
//! Whatever happened to the files, opening gives every published entry, and a tree that extends the
//! published one, or refuses; it never goes on from a shorter history. Entry `n` of every log here
//! is the text `entry n`, so that a test knows what must be where.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use cairn_tests::environment;
use cairn_tests::seeded::Random;
use cairn_tests::wait::until;
use engine::{Log, LogConfig, Reader, UnfinishedEntry, hashing_pool};
use tiles::{Checkpoint, Ed25519NoteSigner, EntryBundle, KeyName, Origin, TreeSize};

use crate::wal::{records, types};

const ORIGIN: &str = "log.example.org";

/// How long opening a log of some hundred entries may take.
const OPEN_MAX: Duration = Duration::from_secs(20);

/// Positions of one record that are damaged, at most; a larger record is sampled.
const POSITIONS_MAX: u64 = 4000;

pub(crate) fn config() -> LogConfig {
    let signer = Ed25519NoteSigner::from_seed(KeyName::new(ORIGIN).unwrap(), [7; 32]).unwrap();
    let origin = Origin::new(ORIGIN).unwrap();
    let mut config = LogConfig::new(origin, "raw", Arc::new(signer), hashing_pool().unwrap());
    config.limits.batch_age = Duration::from_millis(1);
    config.limits.checkpoint_interval = Duration::from_millis(1);
    config
}

fn entries(begin: u64, count: u64) -> Vec<UnfinishedEntry> {
    let entry = |n| UnfinishedEntry::new(Bytes::from(format!("entry {n}")));
    (begin..begin + count).map(entry).collect()
}

/// Adds the next entries as one batch and waits until they are published.
pub(crate) fn add(log: &Log, count: u64) {
    let size = log.published().size.get();
    for ticket in log.add_many(entries(size, count)).unwrap() {
        ticket.published_blocking().unwrap();
    }
}

/// The files of a log in memory: damage is done here, and each trial writes them anew.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
    pub(crate) published: Checkpoint,
}

impl Image {
    /// Copies a log that may be in use: the published checkpoint first, the write-ahead log last
    /// of RocksDB's files, so that everything published is in the copy.
    pub(crate) fn copy(dir: &Path) -> Self {
        let checkpoint = fs::read(dir.join("checkpoint")).unwrap();
        let text = std::str::from_utf8(&checkpoint).unwrap();
        let (body, _signatures) = text.split_once("\n\n").unwrap();
        let published = Checkpoint::parse(&format!("{body}\n")).unwrap();
        let mut names = Vec::new();
        list(dir, Path::new("hot"), &mut names);
        names.sort_by_key(|name| name.extension().is_some_and(|kind| kind == "log"));
        list(dir, Path::new("cold"), &mut names);
        let mut files = vec![(PathBuf::from("checkpoint"), checkpoint)];
        for name in names {
            // RocksDB removes files that it no longer needs.
            if let Ok(bytes) = fs::read(dir.join(&name)) {
                files.push((name, bytes));
            }
        }
        Self { files, published }
    }

    pub(crate) fn newest_wal(&self) -> usize {
        let logs = self.files.iter().enumerate();
        let logs = logs.filter(|(_, (name, _))| name.extension().is_some_and(|kind| kind == "log"));
        let newest = logs.max_by_key(|(_, (name, _))| name.clone());
        newest.expect("a log in use has a write-ahead log").0
    }

    /// This image with `change` made to a file.
    pub(crate) fn with(&self, file: usize, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.files[file].1);
        changed
    }

    fn flipped(&self, file: usize, at: usize, bit: u64) -> Self {
        self.with(file, |bytes| bytes[at] ^= 1 << bit)
    }

    /// Opens this image. Gives the size that it goes on from, or why it was refused; fails if
    /// anything that was published is gone or another, or if opening does not end.
    pub(crate) fn open(&self, config: &LogConfig) -> Result<TreeSize, String> {
        let (image, config) = (self.clone(), config.clone());
        let (ended, ending) = channel();
        let trial = thread::spawn(move || {
            let opened = image.try_open(&config);
            // Whoever waits has given up, or waits for exactly this.
            let _given_up = ended.send(());
            opened
        });
        let hangs = ending.recv_timeout(OPEN_MAX) == Err(RecvTimeoutError::Timeout);
        assert!(!hangs, "not open and not refused after {OPEN_MAX:?}");
        trial.join().unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn try_open(&self, config: &LogConfig) -> Result<TreeSize, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("cold")).unwrap();
        for (name, bytes) in &self.files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let log = Log::open(dir.path(), config).map_err(|error| error.to_string())?;
        // Publishes what was committed, or does nothing if a damaged record stopped the log.
        log.close();
        let (reader, stopped) = (log.reader(), log.status().stopped);
        let size = reader.published().size;
        assert!(
            size >= self.published.size(),
            "{size} after {}",
            self.published.size()
        );
        if let Some(reason) = stopped {
            self.check_stopped(&reader);
            return Err(reason);
        }
        let root_hash = reader.root_hash(self.published.size()).unwrap();
        assert_eq!(root_hash, self.published.root_hash(), "another history");
        engine::fsck(&reader, &mut |_| ()).unwrap();
        for bundle in tiles::bundles_at(size) {
            let bytes = reader.bundle(bundle).unwrap().unwrap().plain().unwrap();
            let parsed = EntryBundle::parse(&bytes, bundle.width).unwrap();
            for (n, entry) in (bundle.index * 256..).zip(parsed.entries()) {
                assert_eq!(*entry, format!("entry {n}").as_bytes());
            }
        }
        Ok(size)
    }

    /// A log that is open for reading only shows what was published, and every entry that it can
    /// still read is the right one.
    fn check_stopped(&self, reader: &Reader) {
        assert_eq!(reader.published().size, self.published.size());
        for n in 0..self.published.size().get() {
            if let Ok(entry) = reader.entry(tiles::LeafIndex::new(n)) {
                assert_eq!(entry.unwrap(), format!("entry {n}"));
            }
        }
    }
}

/// The files below `dir/name`, relative to `dir`.
fn list(dir: &Path, name: &Path, names: &mut Vec<PathBuf>) {
    for file in fs::read_dir(dir.join(name)).unwrap() {
        let file = file.unwrap();
        let name = name.join(file.file_name());
        let own_notes = ["LOCK", "LOG"].iter().any(|note| name.ends_with(note));
        match file.file_type() {
            Ok(kind) if kind.is_dir() => list(dir, &name, names),
            Ok(_) if !own_notes => names.push(name),
            _ => {}
        }
    }
}

/// A log whose last batch was one entry: its image from before that was published, and from after.
fn before_and_after(config: &LogConfig) -> (Image, Image) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    Log::create(&dir, config).unwrap();
    let log = Log::open(&dir, config).unwrap();
    for count in [1, 5, 250, 1, 40, 3] {
        add(&log, count);
    }
    let old = Image::copy(&dir);
    add(&log, 1);
    let after = Image::copy(&dir);
    let mut before = after.clone();
    before.files[0] = old.files[0].clone();
    before.published = old.published;
    log.close();
    assert!(before.published.size() < after.published.size());
    (before, after)
}

/// The positions of `record` to damage: every one, or a sample.
fn positions(record: std::ops::Range<usize>, random: &mut Random) -> Vec<usize> {
    let max = environment::number("CAIRN_POSITIONS", POSITIONS_MAX);
    eprintln!("{} positions, at most CAIRN_POSITIONS={max}", record.len());
    if record.len() <= usize::try_from(max).unwrap() {
        return record.collect();
    }
    (0..max)
        .map(|_| record.start + random.position(record.len()))
        .collect()
}

#[test]
fn a_copy_taken_at_any_instant_has_everything_published() {
    let mut random = Random::from_environment(2);
    let config = config();
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    Log::create(&dir, &config).unwrap();
    let mut images = Vec::new();
    for _ in 0..3 {
        // Opening again moves what is in the write-ahead log into files of its own.
        let log = Log::open(&dir, &config).unwrap();
        let counts: Vec<u64> = (0..60).map(|_| 1 + random.below(30)).collect();
        thread::scope(|scope| {
            let writing = scope.spawn(|| counts.iter().for_each(|count| add(&log, *count)));
            for _ in 0..4 {
                let target = log.published().size.get() + random.below(150);
                until("the log grows", || {
                    let reached = log.published().size.get() >= target;
                    (reached || writing.is_finished()).then_some(())
                });
                images.push(Image::copy(&dir));
            }
            writing.join().unwrap();
        });
        log.close();
    }
    for image in images {
        image
            .open(&config)
            .unwrap_or_else(|why| panic!("{}: {why}", image.published.size()));
    }
}

#[test]
fn a_log_cut_within_its_last_record() {
    let mut random = Random::from_environment(3);
    let config = config();
    let (before, after) = before_and_after(&config);
    let wal = after.newest_wal();
    let last = records(&after.files[wal].1).pop().unwrap();
    assert_eq!(after.open(&config), Ok(after.published.size()));
    for at in positions(last, &mut random) {
        // The record was published: without it there is less than the world has seen.
        let cut = after.with(wal, |bytes| bytes.truncate(at));
        assert!(cut.open(&config).is_err(), "cut at {at}, opened");
        // It was not: a write that never returned, and no reason to refuse.
        let cut = before.with(wal, |bytes| bytes.truncate(at));
        assert_eq!(
            cut.open(&config),
            Ok(before.published.size()),
            "cut at {at}"
        );
    }
}

#[test]
fn a_log_flipped_within_its_last_record() {
    let mut random = Random::from_environment(4);
    let config = config();
    let (before, after) = before_and_after(&config);
    let wal = after.newest_wal();
    let last = records(&after.files[wal].1).pop().unwrap();
    // Every bit of the record's header, one of every other byte.
    let header = (last.start..last.start + 7).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    let rest: Vec<_> = positions(last.clone(), &mut random)
        .into_iter()
        .map(|at| (at, random.below(8)))
        .collect();
    for (at, bit) in header.chain(rest) {
        eprintln!("bit {bit} of byte {} of the last record", at - last.start);
        let opened = after.flipped(wal, at, bit).open(&config);
        assert!(
            opened.is_err(),
            "bit {bit} of {at} flipped, opened: {opened:?}"
        );
        // Either is right; what was published is checked by opening.
        let _either = before.flipped(wal, at, bit).open(&config);
    }
}

#[test]
fn a_log_flipped_in_earlier_records() {
    let mut random = Random::from_environment(5);
    let config = config();
    let (before, after) = before_and_after(&config);
    let wal = after.newest_wal();
    let last = records(&after.files[wal].1).pop().unwrap();
    for _ in 0..environment::number("CAIRN_POSITIONS", POSITIONS_MAX).min(200) {
        let (at, bit) = (random.position(last.start), random.below(8));
        for image in [&before, &after] {
            let opened = image.flipped(wal, at, bit).open(&config);
            assert!(
                opened.is_err(),
                "bit {bit} of {at} flipped, opened: {opened:?}"
            );
        }
    }
}

/// RocksDB reads the type of a record before it checks the record, and believes some types more
/// than it should: every bit of every type, in each file that has records.
#[test]
fn a_flipped_record_type_does_not_keep_the_log_from_answering() {
    let config = config();
    let (before, after) = before_and_after(&config);
    for (file, (name, bytes)) in after.files.iter().enumerate() {
        let text = name.to_string_lossy();
        if !text.ends_with(".log") && !text.contains("MANIFEST") {
            continue;
        }
        for at in types(bytes) {
            for bit in 0..8 {
                eprintln!("{text}: bit {bit} of the record type at {at}");
                for image in [&before, &after] {
                    // What was published is checked by opening.
                    let _either = image.flipped(file, at, bit).open(&config);
                }
            }
        }
    }
}

#[test]
fn a_flip_in_any_file_is_noticed_or_harmless() {
    let mut random = Random::from_environment(6);
    let config = config();
    let (_, after) = before_and_after(&config);
    for _ in 0..environment::number("CAIRN_POSITIONS", POSITIONS_MAX).min(300) {
        let file = random.position(after.files.len());
        let len = after.files[file].1.len();
        if len > 0 {
            let damaged = after.flipped(file, random.position(len), random.below(8));
            // What was published is checked by opening.
            let _either = damaged.open(&config);
        }
    }
}

#[test]
fn a_log_without_its_newest_records_is_refused() {
    let config = config();
    let (_, after) = before_and_after(&config);
    let mut lost = after.clone();
    lost.files.remove(after.newest_wal());
    let refused = lost.open(&config).unwrap_err();
    eprintln!("without its write-ahead log: {refused}");
    let empty = after.with(after.newest_wal(), Vec::clear);
    let refused = empty.open(&config).unwrap_err();
    eprintln!("with an empty one: {refused}");
    let mut no_checkpoint = after;
    no_checkpoint.files.remove(0);
    no_checkpoint.open(&config).unwrap_err();
}
