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

#[test]
fn an_index_of_the_first_version_is_forgotten_and_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    let store = RocksStore::create(&path, &contract::log_identity()).unwrap();
    let identity = Identity::of_leaf(b"x");
    let mut batch = WriteBatch::default();
    let family = store.family(IDENTITIES).unwrap();
    batch.put_cf(&family, identity.as_bytes(), [7; 16]);
    batch.delete_cf(&store.family(META).unwrap(), b"indexed");
    store.write(batch).unwrap();
    assert!(
        store.find(&[identity]).is_err(),
        "no record of this version"
    );
    drop(family);
    drop(store);
    let store = RocksStore::open(&path).unwrap();
    assert_eq!(store.indexed().unwrap(), TreeSize::ZERO);
    assert_eq!(store.find(&[identity]).unwrap(), [None]);
}

#[test]
fn an_index_that_knows_more_than_the_log_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    let store = RocksStore::create(&path, &contract::log_identity()).unwrap();
    let run = IdentityRun {
        end: TreeSize::new(1),
        owners: vec![(Identity::of_leaf(b"x"), LeafIndex::new(0))],
    };
    store.index(&run).unwrap();
    let error = store.indexed().unwrap_err().to_string();
    assert!(
        error.contains("it speaks of 1 entries, the log has 0"),
        "{error}"
    );
}
