//! A whole log on stores in memory, and what may happen to it: entries come, writes fail, the log
//! is closed and opened again. After each step everything that was promised must still hold.
//!
//! One operation is three bytes: what, and two numbers. Threads of the log run beside the target,
//! so which write meets a fault may differ between two runs of one input; the promises hold for
//! all of them.
//!
//! Not here: stores on disk, torn writes, machines that crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use engine::store::memory::{Fault, Faults};
use engine::{
    AddError, Identity, Log, LogConfig, PublishedHead, Sequenced, Stores, UnfinishedEntry, fsck,
};
use tiles::TreeSize;

use crate::input::Input;
use crate::memory_log::{self, MemoryLog};

const OPERATIONS_MAX: usize = 24;
/// Every entry is one of this many, so that duplicates are common.
const DISTINCT_ENTRIES: u16 = 1024;
/// Tiering starts after two full bundles.
const HOT_ENTRIES: u64 = 256;

/// Runs the operations. Every input is accepted.
#[must_use]
pub fn store_operations(bytes: &[u8]) -> bool {
    let mut input = Input::new(bytes);
    let mut world = World::new();
    for _ in 0..OPERATIONS_MAX {
        if input.is_empty() {
            break;
        }
        let (what, first, second) = (input.u8(), input.u8(), input.u8());
        match what % 8 {
            0..=2 => world.add(u16::from(first) * 4, u16::from(second) % 8 + 1),
            3 => world.add(u16::from(first) * 4, u16::from(second) * 2),
            4 => world.plan_fault(u64::from(first) % 8, second),
            5 => world.reopen(),
            _ => world.check(),
        }
    }
    world.reopen();
    // What this entry waits for covers everything before it.
    world.add_published(DISTINCT_ENTRIES);
    world.check();
    world.log.close();
    true
}

/// The stores, the log on them, and everything that it has promised.
struct World {
    config: LogConfig,
    stores: Stores,
    faults: Arc<Faults>,
    log: Log,
    promised: BTreeMap<u16, Sequenced>,
    seen: Arc<PublishedHead>,
}

impl World {
    fn new() -> Self {
        let mut config = memory_log::config();
        config.limits.hot_entries = HOT_ENTRIES;
        let faults = Arc::new(Faults::default());
        let stores = MemoryLog::create(&config, &faults).stores();
        let log = Log::open_with(&stores, &config).expect("the log was just made");
        Self {
            seen: log.published(),
            config,
            stores,
            faults,
            log,
            promised: BTreeMap::new(),
        }
    }

    /// Adds `count` entries and waits for their fate.
    fn add(&mut self, first: u16, count: u16) {
        let numbers: Vec<u16> = (first..first + count)
            .map(|n| n % DISTINCT_ENTRIES)
            .collect();
        let entries = numbers.iter().map(|number| entry(*number)).collect();
        let tickets = match self.log.add_many(entries) {
            Ok(tickets) => tickets,
            Err(AddError::Fatal(_)) => return self.must_have_stopped(),
            Err(error) => unreachable!("the pool is open and has room: {error}"),
        };
        for (number, ticket) in numbers.into_iter().zip(tickets) {
            match ticket.sequenced_blocking() {
                Ok(place) => self.promise(number, place),
                Err(AddError::Fatal(_)) => self.must_have_stopped(),
                Err(error) => unreachable!("a batch fails for the store alone: {error}"),
            }
        }
    }

    fn add_published(&mut self, number: u16) {
        let ticket = self.log.add(entry(number)).expect("no write fails now");
        let (place, head) = ticket.published_blocking().expect("no write fails now");
        assert!(head.size.contains(place.index));
        self.promise(number, place);
    }

    /// One entry, one index, one time.
    fn promise(&mut self, number: u16, place: Sequenced) {
        let first = *self.promised.entry(number).or_insert(place);
        assert_eq!((first.index, first.time), (place.index, place.time));
    }

    fn must_have_stopped(&self) {
        let stopped = self.log.status().stopped;
        assert!(stopped.is_some(), "fatal is for ever");
    }

    fn plan_fault(&self, after: u64, kind: u8) {
        let fault = if kind.is_multiple_of(2) {
            Fault::Lost
        } else {
            Fault::StoredButFailed
        };
        self.faults.plan(after, fault);
    }

    /// Closes the log, repairs its stores and opens it again.
    fn reopen(&mut self) {
        self.log.close();
        self.check();
        self.faults.clear();
        self.log = Log::open_with(&self.stores, &self.config).expect("nothing promised is lost");
        self.check();
    }

    /// Everything that was promised holds, and the published tree extends the one seen before.
    fn check(&mut self) {
        let reader = self.log.reader();
        let report = fsck(&reader, &mut |_| ()).expect("what is published is right");
        let head = reader.published();
        let (old, new) = (&self.seen, report.head);
        assert!(old.size <= new.size, "a log never shrinks");
        if old.size > TreeSize::ZERO {
            let proof = reader.consistency_proof(old.size, new.size);
            let proof = proof.expect("both sizes are published");
            let (old_root, new_root) = (&old.root_hash, &new.root_hash);
            tiles::verify_consistency(old.size, new.size, &proof, old_root, new_root)
                .expect("a log never forks");
        }
        for (number, place) in &self.promised {
            let published = head.size.contains(place.index);
            let stored = reader.entry(place.index).expect("entries can be read");
            if published {
                let wanted = entry(*number);
                assert_eq!(
                    stored.as_ref(),
                    Some(wanted.content()),
                    "an index is for ever"
                );
                let found = reader.find(&Identity::of_leaf(wanted.content()));
                assert_eq!(found.expect("identities can be read"), Some(place.index));
            }
        }
        self.seen = new;
    }
}

fn entry(number: u16) -> UnfinishedEntry {
    // Of different lengths, the empty one among them.
    let content = number.to_be_bytes().repeat(usize::from(number % 5));
    let content = match number {
        0 => Bytes::new(),
        _ => Bytes::from([&number.to_be_bytes()[..], &content].concat()),
    };
    UnfinishedEntry::new(content)
}
