//! The store contract on RocksDB, and what an operator's accidents do to its directory.

use std::fs;

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

/// A store with a head of `size`, and with it the run of the identities below.
fn indexed_store(path: &Path, size: u64) -> RocksStore {
    let store = RocksStore::create(path, &contract::log_identity()).unwrap();
    let head = Head {
        size: TreeSize::new(size),
        ..Head::EMPTY
    };
    let sealed = record::seal(KEY_HEAD, &encoding::encode_head(&head));
    store
        .db
        .put_cf(&store.family(META).unwrap(), KEY_HEAD, sealed)
        .unwrap();
    store.index(&run(0, size / 2)).unwrap();
    store
}

fn run(begin: u64, end: u64) -> IdentityRun {
    let owner = |n: u64| (Identity::of_leaf(&n.to_be_bytes()), LeafIndex::new(n));
    let mut owners: Vec<_> = (begin..end).map(owner).collect();
    owners.sort_unstable();
    IdentityRun {
        end: TreeSize::new(end),
        owners,
    }
}

#[test]
fn a_run_whose_other_name_a_crash_left_behind_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    let store = indexed_store(&path, 20);
    let tables = fs::read_dir(&path)
        .unwrap()
        .map(|found| found.unwrap().path());
    let table = tables
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .max()
        .unwrap();
    fs::hard_link(&table, path.join("identities.run")).unwrap();
    let before = fs::read(&table).unwrap();
    store.index(&run(10, 20)).unwrap();
    assert_eq!(fs::read(&table).unwrap(), before);
    drop(store);
    let store = RocksStore::open(&path).unwrap();
    assert_eq!(store.indexed().unwrap(), TreeSize::new(20));
    let asked: Vec<Identity> = run(0, 20).owners.iter().map(|owner| owner.0).collect();
    assert!(store.find(&asked).unwrap().iter().all(Option::is_some));
}

#[test]
fn a_record_that_is_newer_than_the_runs_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    let store = indexed_store(&path, 20);
    assert_eq!(store.indexed().unwrap(), TreeSize::new(10));
    // What a snapshot holds whose tables were listed before a run and whose log was read after it.
    let newer = [20_u64.to_be_bytes(), 20_u64.to_be_bytes()].concat();
    let sealed = record::seal(b"indexed", &newer);
    store
        .db
        .put_cf(&store.family(META).unwrap(), b"indexed", sealed)
        .unwrap();
    assert_eq!(store.indexed().unwrap(), TreeSize::new(10));
}
