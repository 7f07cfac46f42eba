//! A log in a directory: what survives the process, and what an operator's accidents do.

use super::*;

#[test]
fn a_log_in_a_directory_outlives_its_process() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("log");
    let mut config = config();
    config.limits.hot_entries = 0;
    assert!(matches!(
        Log::open(&dir, &config),
        Err(OpenError::Missing(_))
    ));
    Log::create(&dir, &config).unwrap();
    assert!(matches!(
        Log::create(&dir, &config),
        Err(OpenError::Exists(_))
    ));
    let log = Log::open(&dir, &config).unwrap();
    assert!(matches!(
        Log::open(&dir, &config),
        Err(OpenError::InUse { .. })
    ));
    add_published(&log, entries(0..600));
    log.close();
    drop(log);
    let log = Log::open(&dir, &config).unwrap();
    assert_eq!(
        add_published(&log, vec![entry(599), entry(600)]),
        [599, 600]
    );
    fsck(&log.reader(), &mut |_| ()).unwrap();
    log.close();
}

#[test]
fn a_reader_beside_the_owner_sees_what_was_published() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let config = config();
    Log::create(&path, &config).unwrap();
    let log = Log::open(&path, &config).unwrap();
    add_published(&log, entries(0..300));
    let scratch = dir.path().join("scratch");
    let key = config.key().unwrap();
    let (reader, identity) =
        Reader::open_beside(&path, &scratch, Arc::clone(&config.format), key).unwrap();
    assert_eq!(identity.kind, "test");
    add_published(&log, entries(300..400));
    let report = fsck(&reader, &mut |_| ()).unwrap();
    assert_eq!(report.head.size, TreeSize::new(300));
    log.close();
}

/// The record headers of the newest write-ahead log: where each begins.
fn wal_records(log_dir: &Path) -> (PathBuf, Vec<u8>, Vec<usize>) {
    let files = std::fs::read_dir(log_dir.join("hot")).unwrap();
    let logs = files.map(|file| file.unwrap().path());
    let wal = logs
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .max()
        .unwrap();
    let bytes = std::fs::read(&wal).unwrap();
    let (mut at, mut records) = (0, Vec::new());
    while at + 7 <= bytes.len() {
        records.push(at);
        at += 7 + usize::from(u16::from_le_bytes([bytes[at + 4], bytes[at + 5]]));
    }
    (wal, bytes, records)
}

/// Twenty batches that were acknowledged and never published, then damage before the last one.
fn damaged_before_the_last_batch(damage: impl FnOnce(&mut [u8])) -> OpenError {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut config = config();
    config.limits.batch_age = Duration::ZERO;
    Log::create(&path, &config).unwrap();
    let log = Log::open(&path, &config).unwrap();
    add_published(&log, entries(0..1));
    config.limits.checkpoint_interval = Duration::from_hours(1);
    log.close();
    drop(log);
    let log = Log::open(&path, &config).unwrap();
    for n in 1..20 {
        log.add(entry(n)).unwrap().sequenced_blocking().unwrap();
    }
    let (wal, mut bytes, records) = wal_records(&path);
    damage(&mut bytes[records[records.len() - 5]..]);
    log.close();
    drop(log);
    std::fs::write(wal, bytes).unwrap();
    Log::open(&path, &config).unwrap_err()
}

#[test]
fn a_wrong_length_does_not_pass_for_a_torn_end() {
    let refused = damaged_before_the_last_batch(|record| record[5] ^= 0x80);
    assert!(
        refused.to_string().contains("others follow it"),
        "{refused}"
    );
}

#[test]
fn a_hole_of_zeros_is_not_stepped_over() {
    let refused = damaged_before_the_last_batch(|record| record[..7].fill(0));
    assert!(
        refused.to_string().contains("others follow it"),
        "{refused}"
    );
}

#[test]
fn an_index_that_knows_more_than_the_log_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut config = config();
    config.limits.batch_age = Duration::ZERO;
    config.limits.index_segment_len = 4;
    config.limits.checkpoint_interval = Duration::from_hours(1);
    Log::create(&path, &config).unwrap();
    let log = Log::open(&path, &config).unwrap();
    for n in 0..20 {
        log.add(entry(n)).unwrap().sequenced_blocking().unwrap();
    }
    while log.metrics().index_runs.get() < 3 {
        std::thread::yield_now();
    }
    // A disk that forgets what it said was synced: all batches but the first are gone, and none of
    // them was published. What the index got of them lies in other files.
    let (wal, mut bytes, records) = wal_records(&path);
    bytes.truncate(records[1]);
    let published = std::fs::read(path.join("checkpoint")).unwrap();
    log.close();
    drop(log);
    std::fs::write(wal, bytes).unwrap();
    std::fs::write(path.join("checkpoint"), published).unwrap();
    let log = Log::open(&path, &config).unwrap();
    let stopped = log.status().stopped;
    log.close();
    let stopped = stopped.expect("an index that is ahead could give an index away twice");
    assert!(stopped.contains("indexed"), "{stopped}");
}

#[test]
fn a_relative_directory_is_made_like_any_other() {
    let name = PathBuf::from(format!("cairn-relative-{}", std::process::id()));
    let made = Log::create(&name, &config());
    let is_there = name.exists();
    std::fs::remove_dir_all(&name).unwrap();
    assert!(made.is_ok() && is_there, "{made:?}");
}

#[test]
fn damage_that_rocksdb_finds_is_named_and_stops_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let config = config();
    Log::create(&path, &config).unwrap();
    let log = Log::open(&path, &config).unwrap();
    add_published(&log, entries(0..3000));
    log.close();
    drop(log);
    // Opening writes what was in the write-ahead log into tables.
    Log::open(&path, &config).unwrap().close();
    let leaf = tiles::leaf_hash(b"entry 100");
    let mut hits = 0;
    for file in std::fs::read_dir(path.join("hot")).unwrap() {
        let file = file.unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        let places: Vec<usize> = (0..bytes.len().saturating_sub(32))
            .filter(|at| bytes[*at..].starts_with(leaf.as_bytes()))
            .collect();
        if file.extension().is_some_and(|e| e == "sst") && !places.is_empty() {
            hits += 1;
            for at in &places {
                bytes[*at] ^= 1;
            }
            std::fs::write(&file, bytes).unwrap();
        }
    }
    assert!(hits > 0, "the tile of entry 100 is in a table");
    let log = Log::open(&path, &config).unwrap();
    let reader = log.reader();
    let head = reader.published();
    let error = reader
        .inclusion_proof(LeafIndex::new(100), head.size)
        .unwrap_err();
    assert!(error.to_string().contains("tile/0/000"), "{error}");
    assert!(log.status().stopped.is_some());
    log.close();
}

#[test]
fn a_log_is_never_published_over_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let config = config();
    Log::create(&path, &config).unwrap();
    let log = Log::open(&path, &config).unwrap();
    add_published(&log, entries(0..3));
    let refused = crate::export(&log.reader(), &path, &mut |_, _| ()).unwrap_err();
    assert!(
        refused.to_string().contains("the store of a log"),
        "{refused}"
    );
    log.close();
}

#[test]
fn a_missing_checkpoint_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let config = config();
    Log::create(&path, &config).unwrap();
    std::fs::remove_file(path.join("checkpoint")).unwrap();
    let refused = Log::open(&path, &config).unwrap_err();
    assert!(matches!(refused, OpenError::Published { .. }), "{refused}");
}
