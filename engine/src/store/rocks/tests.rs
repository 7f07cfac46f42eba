//! The store contract on RocksDB, and what an operator's accidents do to its directory.

use super::super::contract;
use super::*;

#[test]
fn rocksdb_keeps_the_hot_store_contract() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    contract::check_hot(|open: Option<RocksStore>| match open {
        None => RocksStore::create(&path, &contract::log_identity()).unwrap(),
        Some(store) => {
            drop(store);
            RocksStore::open(&path).unwrap()
        }
    });
}

#[test]
fn opening_never_creates_and_creating_never_opens() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    assert!(RocksStore::open(&path).is_err());
    drop(RocksStore::create(&path, &contract::log_identity()).unwrap());
    assert!(RocksStore::create(&path, &contract::log_identity()).is_err());
    RocksStore::open(&path).unwrap();
}
