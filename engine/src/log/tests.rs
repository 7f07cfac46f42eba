//! A whole log on stores in memory: what is promised about entries, duplicates and restarts.

mod anchors;
mod checked_index;
mod faults;
mod frozen;
#[cfg(feature = "rocks")]
mod on_disk;
mod steps;
mod torn_files;

use std::time::Duration;

use bytes::Bytes;
use tiles::{Ed25519NoteSigner, KeyName, LeafIndex, TreeSize};

use super::*;
use crate::clock::{SimulatedClock, UnixMillis};
use crate::driver::Step;
use crate::format::IndexedLeaf;
use crate::fsck;
use crate::store::ObjectId;
use crate::store::memory::{Fault, Faults, MemoryCheckpoint, MemoryCold, MemoryHot};

const ORIGIN: &str = "log.example";

/// A log for tests: it waits for nobody.
pub(crate) fn config() -> LogConfig {
    let signer = Ed25519NoteSigner::from_seed(KeyName::new(ORIGIN).unwrap(), [7; 32]).unwrap();
    let origin = Origin::new(ORIGIN).unwrap();
    let mut config = LogConfig::new(origin, "test", Arc::new(signer), hashing_pool().unwrap());
    config.limits.batch_age = Duration::from_millis(1);
    config.limits.checkpoint_interval = Duration::from_millis(1);
    config
}

/// Stores in memory and the means to make them fail.
struct Memory {
    stores: Stores,
    hot: MemoryHot,
    faults: Arc<Faults>,
}

fn memory(config: &LogConfig) -> Memory {
    let faults = Arc::new(Faults::default());
    let hot = MemoryHot::new(config.identity().unwrap(), Arc::clone(&faults));
    let stores = Stores {
        hot: Arc::new(hot.clone()),
        cold: Arc::new(MemoryCold::new(Arc::clone(&faults))),
        checkpoint: Arc::new(MemoryCheckpoint::new(Arc::clone(&faults))),
    };
    Log::create_with(&stores, config).unwrap();
    Memory {
        stores,
        hot,
        faults,
    }
}

fn entry(n: usize) -> UnfinishedEntry {
    UnfinishedEntry::new(Bytes::from(format!("entry {n}")))
}

fn entries(range: std::ops::Range<usize>) -> Vec<UnfinishedEntry> {
    range.map(entry).collect()
}

/// Adds entries and waits until they are published; gives their indices.
fn add_published(log: &Log, entries: Vec<UnfinishedEntry>) -> Vec<u64> {
    let tickets = log.add_many(entries).unwrap();
    tickets
        .iter()
        .map(|ticket| ticket.published_blocking().unwrap().0.index.get())
        .collect()
}

#[test]
fn entries_get_indices_in_order_and_proofs_that_verify() {
    let config = config();
    let log = Log::open_with(&memory(&config).stores, &config).unwrap();
    assert_eq!(
        add_published(&log, entries(0..700)),
        (0..700).collect::<Vec<u64>>()
    );
    let reader = log.reader();
    let head = reader.published();
    for index in [0, 1, 255, 256, 511, 699] {
        let proof = reader
            .inclusion_proof(LeafIndex::new(index), head.size)
            .unwrap();
        let stored = reader.entry(LeafIndex::new(index)).unwrap().unwrap();
        assert_eq!(stored, format!("entry {index}"));
        let leaf = tiles::leaf_hash(&stored);
        let index = LeafIndex::new(index);
        tiles::verify_inclusion(index, head.size, &leaf, &proof, &head.root_hash).unwrap();
    }
    let old = TreeSize::new(300);
    let proof = reader.consistency_proof(old, head.size).unwrap();
    let old_root = reader.root_hash(old).unwrap();
    tiles::verify_consistency(old, head.size, &proof, &old_root, &head.root_hash).unwrap();
    assert_eq!(fsck(&reader, &mut |_| ()).unwrap().head, head);
    log.close();
}

#[test]
fn a_duplicate_gets_the_first_index_and_its_time() {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    let first = log.add(entry(1)).unwrap().published_blocking().unwrap().0;
    assert!(!first.duplicate);
    let again = log.add(entry(1)).unwrap().sequenced_blocking().unwrap();
    assert_eq!(
        (again.index, again.time, again.duplicate),
        (first.index, first.time, true)
    );
    let twice = log.add_many(vec![entry(2), entry(2)]).unwrap();
    let twice: Vec<_> = twice
        .iter()
        .map(|t| t.sequenced_blocking().unwrap())
        .collect();
    assert_eq!(twice[0].index, twice[1].index);
    assert_eq!((twice[0].duplicate, twice[1].duplicate), (false, true));
    log.close();
    let log = Log::open_with(&memory.stores, &config).unwrap();
    let later = log.add(entry(1)).unwrap().sequenced_blocking().unwrap();
    assert_eq!(
        (later.index, later.time, later.duplicate),
        (first.index, first.time, true)
    );
    log.close();
}

#[test]
fn a_format_whose_leaf_holds_its_index_works_like_any_other() {
    let mut config = config();
    config.format = Arc::new(IndexedLeaf);
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..300));
    log.close();
    let log = Log::open_with(&memory.stores, &config).unwrap();
    assert_eq!(add_published(&log, vec![entry(5), entry(300)]), [5, 300]);
    let reader = log.reader();
    let stored = reader.entry(LeafIndex::new(300)).unwrap().unwrap();
    assert_eq!(&stored[..8], &300_u64.to_be_bytes());
    fsck(&reader, &mut |_| ()).unwrap();
    log.close();
}

#[test]
fn a_reader_never_sees_past_the_published_size() {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..10));
    let reader = log.reader();
    let published = reader.published().size;
    assert!(reader.entry(published.next_index()).unwrap().is_none());
    let beyond = TreeSize::new(published.get() + 1);
    assert!(reader.inclusion_proof(LeafIndex::new(0), beyond).is_err());
    assert!(reader.root_hash(beyond).is_err());
    log.close();
}

#[test]
fn a_full_pool_and_a_large_entry_are_refused_before_anything_happens() {
    let mut config = config();
    config.limits.pool_count_max = 2;
    config.limits.batch_age = Duration::from_hours(1);
    let log = Log::open_with(&memory(&config).stores, &config).unwrap();
    let large = UnfinishedEntry::new(Bytes::from(vec![0; 65_536]));
    let refused = log.add(large).unwrap_err();
    assert!(matches!(
        refused,
        AddError::Rejected(Rejection::TooLarge {
            found: 65_536,
            max: 65_535
        })
    ));
    let tickets = log.add_many(entries(0..2)).unwrap();
    let refused = log.add(entry(2)).unwrap_err();
    assert!(matches!(
        refused,
        AddError::Rejected(Rejection::PoolFull { .. })
    ));
    assert_eq!(log.metrics().pushbacks.get(), 1);
    log.close();
    assert!(
        tickets[1].published_blocking().is_ok(),
        "closing drains the pool"
    );
    assert!(matches!(
        log.add(entry(3)),
        Err(AddError::Rejected(Rejection::Closed))
    ));
}

#[test]
fn tiering_moves_full_objects_and_readers_do_not_notice() {
    let mut config = config();
    config.limits.hot_entries = 0;
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..1000));
    while memory.stores.hot.tiered().unwrap() < TreeSize::new(768) {
        std::thread::yield_now();
    }
    assert_eq!(memory.stores.hot.object(ObjectId::Bundle(2)).unwrap(), None);
    let reader = log.reader();
    assert_eq!(
        reader.entry(LeafIndex::new(700)).unwrap().unwrap(),
        "entry 700"
    );
    fsck(&reader, &mut |_| ()).unwrap();
    log.close();
    let log = Log::open_with(&memory.stores, &config).unwrap();
    assert_eq!(add_published(&log, vec![entry(3), entry(1000)]), [3, 1000]);
    log.close();
}

fn memory_published(memory: &Memory, config: &LogConfig) -> Arc<PublishedHead> {
    let key = config.key().unwrap();
    let path = Path::new("checkpoint");
    Arc::new(recover::published(memory.stores.checkpoint.as_ref(), key, path).unwrap())
}

#[test]
fn publish_dir_is_a_complete_log_at_every_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.publish_dir = Some(dir.path().join("public"));
    config.limits.publish_dir_interval = Duration::ZERO;
    let log = Log::open_with(&memory(&config).stores, &config).unwrap();
    for range in [0..3, 3..255, 255..300, 300..1100] {
        add_published(&log, entries(range));
    }
    log.close();
    let public = dir.path().join("public");
    let head = log.published();
    assert_eq!(
        std::fs::read(public.join("checkpoint")).unwrap(),
        head.checkpoint
    );
    for tile in tiles::tiles_at(head.size) {
        let file = std::fs::read(public.join(tiles::tile_path(tile))).unwrap();
        assert_eq!(file, log.reader().tile(tile).unwrap().unwrap());
    }
    assert!(
        !public.join("tile/0/000.p").exists(),
        "partial tiles go once the full one is published"
    );
    config.publish_dir = None;
    let other = memory(&config);
    let other_log = Log::open_with(&other.stores, &config).unwrap();
    add_published(&other_log, entries(5000..5002));
    other_log.close();
    let refused = crate::export(&other_log.reader(), &public, &mut |_, _| ()).unwrap_err();
    assert!(
        refused.to_string().contains("holds another log"),
        "{refused}"
    );
}
