//! Indices across batches, segments and the store, in and out of order.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::store::contract;
use crate::store::memory::{Faults, MemoryHot};

const SEGMENT_LEN: usize = 4;

fn dedup() -> Dedup {
    let store = MemoryHot::new(contract::log_identity(), Arc::new(Faults::default()));
    Dedup::new(Arc::new(store), SEGMENT_LEN)
}

fn entries(names: &str) -> Vec<UnfinishedEntry> {
    let entry = |name: char| UnfinishedEntry::new(Bytes::from(name.to_string()));
    names.chars().map(entry).collect()
}

/// Resolves a batch with an entry for each letter; `*` stands for a new index, `=` for one given in
/// this batch, `<` for one given before.
fn resolve(dedup: &Dedup, size: u64, names: &str) -> Vec<(char, u64)> {
    let places = dedup.resolve(TreeSize::new(size), &entries(names)).unwrap();
    let shown = places.into_iter().map(|place| match place {
        Place::New(index) => ('*', index.get()),
        Place::Repeated(index) => ('=', index.get()),
        Place::Known(index) => ('<', index.get()),
    });
    shown.collect()
}

/// Does the indexer's work.
fn write_frozen(dedup: &Dedup) {
    while let Some(segment) = dedup.oldest_frozen() {
        dedup.store.index(&segment.run()).unwrap();
        dedup.written();
    }
}

#[test]
fn new_indices_are_dense_and_repeats_get_the_first_one() {
    let dedup = dedup();
    assert_eq!(resolve(&dedup, 7, "aba"), [('*', 7), ('*', 8), ('=', 7)]);
    assert_eq!(resolve(&dedup, 9, "bc"), [('<', 8), ('*', 9)]);
}

#[test]
fn an_identity_is_known_in_memory_while_frozen_and_in_the_store() {
    let dedup = dedup();
    resolve(&dedup, 0, "abc");
    resolve(&dedup, 3, "de");
    let frozen = dedup.oldest_frozen().unwrap();
    assert_eq!(frozen.end(), TreeSize::new(3));
    assert_eq!(resolve(&dedup, 5, "a"), [('<', 0)]);
    write_frozen(&dedup);
    assert_eq!(dedup.store.indexed().unwrap(), TreeSize::new(3));
    assert!(dedup.oldest_frozen().is_none());
    assert_eq!(resolve(&dedup, 5, "cf"), [('<', 2), ('*', 5)]);
    assert_eq!(resolve(&dedup, 6, "e"), [('<', 4)]);
    for (name, index) in ["a", "e", "f"].iter().zip([0, 4, 5]) {
        let found = dedup.find(&Identity::of_leaf(name.as_bytes())).unwrap();
        assert_eq!(found, Some(LeafIndex::new(index)));
    }
    assert_eq!(dedup.find(&Identity::of_leaf(b"z")).unwrap(), None);
}

#[test]
fn a_run_is_sorted_and_holds_every_identity_once() {
    let dedup = dedup();
    resolve(&dedup, 0, "cab");
    resolve(&dedup, 3, "xy");
    let run = dedup.oldest_frozen().unwrap().run();
    assert_eq!(run.end, TreeSize::new(3));
    assert!(run.owners.is_sorted());
    let mut indices: Vec<u64> = run.owners.iter().map(|(_, index)| index.get()).collect();
    indices.sort_unstable();
    assert_eq!(indices, [0, 1, 2]);
}

#[test]
fn a_batch_that_fails_gives_its_indices_back() {
    let dedup = dedup();
    resolve(&dedup, 0, "a");
    let batch = entries("abb");
    let places = dedup.resolve(TreeSize::new(1), &batch).unwrap();
    dedup.forget(&batch, &places);
    assert_eq!(resolve(&dedup, 1, "ba"), [('*', 1), ('<', 0)]);
}

#[test]
fn segments_that_nobody_writes_hold_up_the_sequencer() {
    let dedup = dedup();
    let mut size = 0;
    while !dedup.is_behind() {
        let name = char::from_u32(u32::try_from(0x4e00 + size).unwrap()).unwrap();
        resolve(&dedup, size, &name.to_string());
        size += 1;
        assert!(size < 100, "nobody was held up");
    }
    write_frozen(&dedup);
    assert!(!dedup.is_behind());
}

#[test]
fn replayed_identities_are_known_and_are_not_given_again() {
    let dedup = dedup();
    for (index, name) in (0..).zip(["a", "b", "c", "d", "e", "f"]) {
        dedup.replay(Identity::of_leaf(name.as_bytes()), LeafIndex::new(index));
        write_frozen(&dedup);
    }
    assert_eq!(dedup.store.indexed().unwrap(), TreeSize::new(4));
    assert_eq!(resolve(&dedup, 6, "afg"), [('<', 0), ('<', 5), ('*', 6)]);
}

#[test]
fn a_segment_that_is_written_while_the_store_is_asked_is_known_all_the_same() {
    let store = MemoryHot::new(contract::log_identity(), Arc::new(Faults::default()));
    let dedup = Arc::new(Dedup::new(Arc::new(store.clone()), SEGMENT_LEN));
    assert_eq!(resolve(&dedup, 0, "abc"), [('*', 0), ('*', 1), ('*', 2)]);
    assert_eq!(resolve(&dedup, 3, "de"), [('*', 3), ('*', 4)]);
    assert!(dedup.oldest_frozen().is_some());
    let indexer = Arc::downgrade(&dedup);
    store.after_find(move || write_frozen(&indexer.upgrade().unwrap()));
    assert_eq!(resolve(&dedup, 5, "af"), [('<', 0), ('*', 5)]);
}
