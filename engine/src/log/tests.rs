//! A whole log on each kind of store: what is promised about entries, duplicates, restarts, faults
//! and clocks.

use std::time::Duration;

use bytes::Bytes;
use tiles::{Ed25519NoteSigner, KeyName, LeafIndex, TreeSize};

use super::*;
use crate::clock::{SimulatedClock, UnixMillis};
use crate::format::IndexedLeaf;
use crate::fsck;
use crate::store::ObjectId;
use crate::store::memory::{Fault, Faults, MemoryCheckpoint, MemoryCold, MemoryHot};

const ORIGIN: &str = "log.example";

fn config() -> LogConfig {
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

#[test]
fn another_origin_kind_key_or_format_is_refused() {
    let config = config();
    let memory = memory(&config);
    let refused = |other: &LogConfig| match Log::open_with(&memory.stores, other) {
        Err(OpenError::OtherLog { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let mut other = config.clone();
    other.origin = Origin::new("other.example").unwrap();
    assert_eq!(refused(&other), "origin");
    let mut other = config.clone();
    other.kind = "other".to_owned();
    assert_eq!(refused(&other), "kind");
    let mut other = config.clone();
    let signer = Ed25519NoteSigner::from_seed(KeyName::new(ORIGIN).unwrap(), [8; 32]).unwrap();
    other.signers = vec![Arc::new(signer)];
    assert_eq!(refused(&other), "log id");
    let mut other = config.clone();
    other.format = Arc::new(IndexedLeaf);
    assert_eq!(refused(&other), "format");
}

/// Runs some batches over stores that fail after `writes` durable writes, reopens, and checks that
/// everything that was acknowledged is where it was promised. Says whether the fault was met.
fn dies_after(writes: u64, fault: Fault) -> bool {
    let mut config = config();
    config.limits.hot_entries = 0;
    config.limits.retry_delay = Duration::from_millis(1);
    let memory = memory(&config);
    memory.faults.plan(writes, fault);
    let mut sequenced = Vec::new();
    let mut published = memory_published(&memory, &config);
    let mut met = false;
    let log = Log::open_with(&memory.stores, &config).unwrap();
    for range in [0..1, 1..200, 200..256, 256..700, 100..710] {
        let Ok(tickets) = log.add_many(entries(range.clone())) else {
            break;
        };
        for (n, ticket) in range.zip(tickets) {
            if let Ok(place) = ticket.sequenced_blocking() {
                sequenced.push((n, place.index));
            } else {
                met = true;
            }
            if let Ok((_, head)) = ticket.published_blocking() {
                published = head;
            } else {
                met = true;
            }
        }
    }
    log.close();
    memory.faults.clear();
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(700..720));
    let reader = log.reader();
    for (n, index) in sequenced {
        let stored = reader.entry(index).unwrap().unwrap();
        assert_eq!(
            stored,
            format!("entry {n}"),
            "after {writes} writes, {fault:?}"
        );
    }
    let head = reader.published();
    if published.size > TreeSize::ZERO {
        let proof = reader.consistency_proof(published.size, head.size).unwrap();
        let (old, new) = (&published.root_hash, &head.root_hash);
        tiles::verify_consistency(published.size, head.size, &proof, old, new).unwrap();
    }
    fsck(&reader, &mut |_| ()).unwrap();
    log.close();
    met
}

fn memory_published(memory: &Memory, config: &LogConfig) -> Arc<PublishedHead> {
    let key = config.key().unwrap();
    let path = Path::new("checkpoint");
    Arc::new(recover::published(memory.stores.checkpoint.as_ref(), key, path).unwrap())
}

#[test]
fn dying_after_any_number_of_writes_loses_nothing_that_was_acknowledged() {
    for fault in [Fault::Lost, Fault::StoredButFailed] {
        let mut met = 0;
        for writes in 0..16 {
            met += usize::from(dies_after(writes, fault));
        }
        assert!(
            met > 8,
            "the faults were planned where the writes are: {met}"
        );
    }
}

#[test]
fn a_fatal_log_refuses_entries_and_goes_on_reading() {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..5));
    memory.faults.plan(0, Fault::StoredButFailed);
    let ticket = log.add(entry(5)).unwrap();
    assert!(matches!(
        ticket.sequenced_blocking(),
        Err(AddError::Fatal(_))
    ));
    memory.faults.clear();
    assert!(
        matches!(log.add(entry(6)), Err(AddError::Fatal(_))),
        "fatal is sticky"
    );
    assert!(log.status().stopped.is_some());
    assert_eq!(
        log.reader().entry(LeafIndex::new(3)).unwrap().unwrap(),
        "entry 3"
    );
    log.close();
}

#[test]
fn a_rolled_back_or_forked_store_is_refused() {
    let config = config();
    let before = memory(&config);
    let log = Log::open_with(&before.stores, &config).unwrap();
    add_published(&log, entries(0..5));
    log.close();
    let other = memory(&config);
    let empty = Stores {
        checkpoint: Arc::clone(&before.stores.checkpoint),
        ..other.stores.clone()
    };
    let refused = Log::open_with(&empty, &config).unwrap_err();
    assert!(matches!(refused, OpenError::RolledBack { .. }), "{refused}");
    let log = Log::open_with(&other.stores, &config).unwrap();
    add_published(&log, entries(50..60));
    log.close();
    let fork = Stores {
        checkpoint: Arc::clone(&before.stores.checkpoint),
        ..other.stores
    };
    let refused = Log::open_with(&fork, &config).unwrap_err();
    assert!(matches!(refused, OpenError::Forked { .. }), "{refused}");
}

#[test]
fn a_damaged_tail_is_named_and_everything_else_stays_readable() {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..300));
    log.close();
    memory
        .hot
        .tamper(ObjectId::Bundle(1), |bytes| bytes[5] ^= 1);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    let stopped = log.status().stopped.unwrap();
    assert!(stopped.contains("tile/entries/001"), "{stopped}");
    assert!(matches!(log.add(entry(300)), Err(AddError::Fatal(_))));
    assert_eq!(
        log.reader().entry(LeafIndex::new(3)).unwrap().unwrap(),
        "entry 3"
    );
    let found = fsck(&log.reader(), &mut |_| ()).unwrap_err().to_string();
    assert!(found.contains("256"), "{found}");
    log.close();
}

#[test]
fn a_clock_behind_the_last_batch_is_waited_for_and_then_refused() {
    let clock = Arc::new(SimulatedClock::new(UnixMillis::new(1_000_000)));
    let mut config = config();
    config.clock = Arc::<SimulatedClock>::clone(&clock);
    config.limits.batch_age = Duration::ZERO;
    let memory = memory(&config);
    let published = memory_published(&memory, &config);
    let parts = Parts::new(
        &memory.stores,
        &config,
        published.as_ref().clone(),
        Head::EMPTY,
    );
    let tail = Tail {
        head: Head::EMPTY,
        edge: crate::integrate::Edge::default(),
        bundle: Vec::new(),
    };
    let mut sequencer = parts.sequencer(tail);
    let add = |n| {
        parts
            .pool
            .add(entries(n..n + 1), clock.monotonic())
            .unwrap()
            .remove(0)
    };
    let first = add(0);
    sequencer.step();
    let time = first.sequenced_blocking().unwrap().time;

    clock.set_wall(UnixMillis::new(time.get() - 30_000));
    let second = add(1);
    assert!(matches!(
        sequencer.step(),
        crate::driver::Step::Wait(Some(_))
    ));
    clock.advance(Duration::from_secs(4));
    assert!(matches!(
        sequencer.step(),
        crate::driver::Step::Wait(Some(_))
    ));
    clock.advance(Duration::from_secs(1));
    sequencer.step();
    let refused = second.sequenced_blocking().unwrap_err();
    assert!(
        matches!(&refused, AddError::BatchFailed(why) if why.contains("25001 ms")),
        "{refused}"
    );

    clock.set_wall(UnixMillis::new(time.get()));
    let third = add(2);
    assert!(
        matches!(sequencer.step(), crate::driver::Step::Wait(Some(_))),
        "equal is not later"
    );
    clock.advance(Duration::from_millis(1));
    sequencer.step();
    assert_eq!(
        third.sequenced_blocking().unwrap().time.get(),
        time.get() + 1
    );
}

#[test]
fn an_idle_log_signs_its_head_again() {
    let clock = Arc::new(SimulatedClock::new(UnixMillis::new(1_000_000)));
    let mut config = config();
    config.clock = Arc::<SimulatedClock>::clone(&clock);
    let memory = memory(&config);
    let published = memory_published(&memory, &config);
    let parts = Parts::new(
        &memory.stores,
        &config,
        published.as_ref().clone(),
        Head::EMPTY,
    );
    let mut publisher = parts.publisher();
    publisher.step();
    let signed_at = |parts: &Parts<'_>| parts.publication.get().head.signed_at;
    let first = signed_at(&parts);
    publisher.step();
    assert_eq!(signed_at(&parts), first);
    clock.advance(config.limits.checkpoint_resign_interval);
    publisher.step();
    assert!(signed_at(&parts) > first);
}

#[test]
fn a_head_committed_between_a_look_and_the_sleep_wakes_the_publisher() {
    let config = config();
    let memory = memory(&config);
    let published = memory_published(&memory, &config);
    let parts = Parts::new(
        &memory.stores,
        &config,
        published.as_ref().clone(),
        Head::EMPTY,
    );
    let mut publisher = parts.publisher();
    publisher.step();
    assert!(matches!(publisher.step(), crate::driver::Step::Wait(_)));
    let size = TreeSize::new(1);
    parts
        .committed
        .update(|committed| committed.head.size = size);
    assert!(publisher.sleep(Duration::from_secs(1)), "slept over it");
}

#[test]
fn intervals_without_end_do_not_overflow() {
    let mut config = config();
    config.limits.checkpoint_resign_interval = Duration::MAX;
    config.limits.publish_dir_interval = Duration::MAX;
    let log = Log::open_with(&memory(&config).stores, &config).unwrap();
    add_published(&log, entries(0..3));
    assert_eq!(log.status().stopped, None);
    log.close();
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

#[cfg(feature = "rocks")]
mod on_disk {
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
}
