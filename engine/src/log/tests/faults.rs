//! Writes that fail, records that are damaged, stores that do not belong together.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

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

/// A log of 300 entries that was opened after somebody changed a byte of its last bundle.
fn opened_with_a_damaged_tail() -> Log {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..300));
    log.close();
    let last = ObjectId::Bundle(1);
    memory.hot.tamper(last, |bytes| bytes[5] ^= 1);
    Log::open_with(&memory.stores, &config).unwrap()
}

#[test]
fn a_damaged_tail_is_named_and_everything_else_stays_readable() {
    let log = opened_with_a_damaged_tail();
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
fn a_published_entry_is_not_waited_for_on_a_log_that_stopped() {
    let log = opened_with_a_damaged_tail();
    let beyond = LeafIndex::new(300);
    let told = log
        .reader()
        .published_covering_blocking(beyond)
        .unwrap_err();
    assert!(matches!(told, AddError::Fatal(_)));
    log.close();
}

#[test]
fn an_object_that_is_not_what_it_should_be_is_never_moved_to_the_cold_store() {
    let mut config = config();
    config.limits.hot_entries = 300;
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..300));
    memory
        .hot
        .tamper(ObjectId::Bundle(0), |bytes| bytes[5] ^= 1);
    let ticket = log.add_many(entries(300..700)).unwrap().pop().unwrap();
    let _ = ticket.published_blocking();
    while log.status().stopped.is_none() {
        std::thread::yield_now();
    }
    assert_eq!(memory.stores.hot.tiered().unwrap(), TreeSize::ZERO);
    assert!(
        memory
            .stores
            .cold
            .get(ObjectId::Bundle(0))
            .unwrap()
            .is_none()
    );
    log.close();
}

#[test]
fn a_cold_store_without_what_was_moved_there_is_refused() {
    let mut config = config();
    config.limits.hot_entries = 0;
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..600));
    while memory.stores.hot.tiered().unwrap() < TreeSize::new(512) {
        std::thread::yield_now();
    }
    log.close();
    let faults = Arc::new(Faults::default());
    let cold = Arc::new(MemoryCold::new(faults));
    let unmounted = Stores {
        cold,
        ..memory.stores
    };
    let refused = Log::open_with(&unmounted, &config).unwrap_err();
    assert!(
        matches!(refused, OpenError::ColdMissing { .. }),
        "{refused}"
    );
}

/// The system's clock, until somebody asks for the wall time once too often.
#[derive(Debug, Default)]
struct PanickingClock {
    system: SystemClock,
    armed: AtomicBool,
}

impl Clock for PanickingClock {
    fn now(&self) -> UnixMillis {
        let armed = &self.armed;
        assert!(!armed.load(Ordering::Relaxed), "a planned panic");
        self.system.now()
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic()
    }
}

#[test]
fn a_panic_in_a_thread_of_the_log_stops_it_and_everyone_is_told() {
    let clock = Arc::new(PanickingClock::default());
    let mut config = config();
    config.clock = Arc::<PanickingClock>::clone(&clock);
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..5));
    let arm = |armed| clock.armed.store(armed, Ordering::Relaxed);
    arm(true);
    let tickets = log.add_many(entries(5..8)).unwrap();
    for ticket in tickets {
        let told = ticket.published_blocking().unwrap_err();
        assert!(matches!(told, AddError::Fatal(_)), "{told}");
    }
    arm(false);
    while log.status().stopped.is_none() {
        std::thread::yield_now();
    }
    assert!(matches!(log.add(entry(9)), Err(AddError::Fatal(_))));
    let index = LeafIndex::new(3);
    assert_eq!(log.reader().entry(index).unwrap().unwrap(), "entry 3");
    log.close();
    let log = Log::open_with(&memory.stores, &config).unwrap();
    assert_eq!(
        add_published(&log, entries(0..8)),
        (0..8).collect::<Vec<u64>>()
    );
    log.close();
}
