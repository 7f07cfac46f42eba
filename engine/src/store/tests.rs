//! The store contract on the stores that need no RocksDB.

use std::sync::Arc;

use super::contract::{check_cold, check_hot, log_identity};
use super::memory::{Faults, MemoryCold, MemoryHot};
use super::*;

#[test]
fn memory_keeps_the_hot_store_contract() {
    let store = MemoryHot::new(log_identity(), Arc::new(Faults::default()));
    check_hot(|_| store.clone());
}

#[test]
fn memory_keeps_the_cold_store_contract() {
    let store = MemoryCold::new(Arc::new(Faults::default()));
    check_cold(|_| store.clone());
}

#[test]
fn files_keep_the_cold_store_contract() {
    let dir = tempfile::tempdir().unwrap();
    check_cold(|_: Option<FileStore>| FileStore::open(dir.path(), [1; 32]).unwrap());
}

#[test]
fn full_objects_are_those_that_end_in_the_range() {
    let objects = full_objects(TreeSize::new(65_280), TreeSize::new(65_536));
    let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["tile/entries/255", "tile/0/255", "tile/1/000"]);
}
