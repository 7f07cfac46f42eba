//! One suite for every store (feature `testing`): the contract of the parent module as code.
//!
//! A store under test is anything that can be closed and opened again over what it made durable.
//! The suite panics on the first breach, naming it.

use bytes::Bytes;
use tiles::{Hash, LeafIndex, TileId, TileLevel, TreeSize};

use super::{ColdStore, Commit, Head, HotStore, IdentityRun, LogIdentity, ObjectId, ObjectWrite};
use crate::UnixMillis;
use crate::error::StoreError;
use crate::format::Identity;

/// The identity that hot stores under test are created with.
///
/// # Panics
/// Never: the origin is a valid one.
#[must_use]
pub fn log_identity() -> LogIdentity {
    LogIdentity {
        origin: tiles::Origin::new("contract.example").expect("a host name is an origin"),
        kind: "contract".to_owned(),
        log_id: [3; 32],
        format: "tlog-tiles".to_owned(),
    }
}

fn tile(level: u8, index: u64) -> ObjectId {
    ObjectId::Tile(TileId {
        level: TileLevel::new(level).expect("a small level"),
        index,
    })
}

fn head(size: u64) -> Head {
    Head {
        size: TreeSize::new(size),
        root_hash: Hash::new([u8::try_from(size % 251).expect("below 251"); 32]),
        time: UnixMillis::new(1000 + size),
    }
}

fn identity(index: u64) -> Identity {
    Identity::of_leaf(&index.to_be_bytes())
}

fn elements(from: u64, to: u64) -> Vec<u8> {
    (from..to)
        .flat_map(|n| u16::try_from(n).expect("small").to_be_bytes())
        .collect()
}

fn write(id: ObjectId, start: u16, end: u16) -> ObjectWrite {
    let first = if end == 256 { 0 } else { start };
    ObjectWrite {
        id,
        start,
        end,
        bytes: Bytes::from(elements(first.into(), end.into())),
    }
}

/// A commit from `old` to `new` entries, both within the first 512.
fn commit(old: u64, new: u64) -> Commit {
    let mut objects = Vec::new();
    for index in 0..2 {
        let within = |size: u64| size.clamp(index * 256, index * 256 + 256) - index * 256;
        let start = u16::try_from(within(old)).expect("256 at most");
        let end = u16::try_from(within(new)).expect("256 at most");
        if start < end {
            objects.push(write(ObjectId::Bundle(index), start, end));
            objects.push(write(tile(0, index), start, end));
        }
    }
    let previous = if old == 0 { Head::EMPTY } else { head(old) };
    Commit {
        previous,
        head: head(new),
        objects,
    }
}

/// The index entries of `old` to `new`.
fn run(old: u64, new: u64) -> IdentityRun {
    let mut owners: Vec<_> = (old..new)
        .map(|n| (identity(n), LeafIndex::new(n)))
        .collect();
    owners.sort_unstable();
    let end = TreeSize::new(new);
    IdentityRun { end, owners }
}

/// Checks a hot store. `reopen` closes the store it is given and opens it again; the first call
/// gets `None` and opens a store that was just created with [`log_identity`].
///
/// # Panics
/// On the first breach of the contract.
pub fn check_hot<S: HotStore>(mut reopen: impl FnMut(Option<S>) -> S) {
    let store = reopen(None);
    a_new_store_is_empty(&store);
    for (old, new) in [(0, 1), (1, 2), (2, 255), (255, 256), (256, 300), (300, 512)] {
        store
            .commit(&commit(old, new))
            .expect("a commit that follows the head");
        holds(&store, new);
        indexes(&store, old, new);
    }
    let store = reopen(Some(store));
    holds(&store, 512);
    knows(&store, 512);
    assert!(
        store.commit(&commit(300, 512)).is_err(),
        "a commit must follow the head"
    );
    holds(&store, 512);
    let mut store = reopen(Some(store));
    for _ in 0..2 {
        store
            .drop_full(TreeSize::new(256), 1000)
            .expect("dropping, and dropping again");
        assert_eq!(store.tiered().expect("tiered"), TreeSize::new(256));
        assert_eq!(store.cold_len_bytes().expect("told once"), 1000);
        assert_eq!(store.object(ObjectId::Bundle(0)).expect("dropped"), None);
        assert_eq!(store.object(tile(0, 0)).expect("dropped"), None);
        assert!(store.object(tile(0, 1)).expect("kept").is_some());
        store = reopen(Some(store));
    }
    let found = store.find(&[identity(3)]).expect("find");
    assert_eq!(
        found,
        [Some(LeafIndex::new(3))],
        "identities outlive what was dropped"
    );
}

fn a_new_store_is_empty(store: &impl HotStore) {
    assert_eq!(store.log_identity().expect("identity"), log_identity());
    assert_eq!(store.head().expect("head"), Head::EMPTY);
    assert_eq!(store.tiered().expect("tiered"), TreeSize::ZERO);
    assert_eq!(store.cold_len_bytes().expect("nothing yet"), 0);
    assert_eq!(store.object(ObjectId::Bundle(0)).expect("object"), None);
    knows(store, 0);
    assert_eq!(store.time_of(LeafIndex::new(0)).expect("time"), None);
}

fn holds(store: &impl HotStore, size: u64) {
    assert_eq!(store.head().expect("head"), head(size));
    for index in 0..2 {
        let end = size.clamp(index * 256, index * 256 + 256) - index * 256;
        let wanted = (end > 0).then(|| Bytes::from(elements(0, end)));
        assert_eq!(
            store.object(ObjectId::Bundle(index)).expect("object"),
            wanted
        );
        assert_eq!(store.object(tile(0, index)).expect("object"), wanted);
    }
    let last = store.time_of(LeafIndex::new(size - 1)).expect("time");
    assert_eq!(last, Some(head(size).time));
    assert_eq!(store.time_of(LeafIndex::new(size)).expect("time"), None);
    assert_eq!(
        store.time_of(LeafIndex::new(0)).expect("time"),
        Some(head(1).time)
    );
}

/// Adds the run from `old` to `new`, which is committed.
fn indexes(store: &impl HotStore, old: u64, new: u64) {
    knows(store, old);
    store
        .index(&run(old, new))
        .expect("a run of committed entries");
    knows(store, new);
    // As after a crash between a run and the note that it is there: runs may overlap.
    store
        .index(&run(old / 2, new))
        .expect("the same identities once more");
    knows(store, new);
}

fn knows(store: &impl HotStore, size: u64) {
    assert_eq!(store.indexed().expect("indexed"), TreeSize::new(size));
    let asked: Vec<Identity> = (0..size + 2).map(identity).collect();
    let wanted: Vec<_> = (0..size + 2)
        .map(|n| (n < size).then(|| LeafIndex::new(n)))
        .collect();
    assert_eq!(store.find(&asked).expect("find"), wanted);
    let mut all: Vec<Identity> = (0..size).map(identity).collect();
    all.sort_unstable();
    let mut read = Vec::new();
    loop {
        let next = store
            .identities_after(read.last(), 100)
            .expect("identities");
        let end = next.len() < 100;
        read.extend(next);
        if end {
            break;
        }
    }
    assert_eq!(read, all);
    shows(store, size);
}

/// Shows every owner once, whatever the ranges, or says that it cannot.
fn shows(store: &impl HotStore, size: u64) {
    let mut wanted: Vec<_> = (0..size)
        .map(|n| (identity(n), LeafIndex::new(n)))
        .collect();
    wanted.sort_unstable();
    for ranges in [vec![0..=255], vec![0..=0, 1..=99, 100..=254, 255..=255]] {
        let mut shown = Vec::new();
        let mut able = Vec::new();
        for range in ranges {
            let visited = store.visit_owners(range, &mut |identity, index| {
                shown.push((identity, index));
            });
            able.push(visited.expect("visit"));
        }
        shown.sort_unstable();
        let wanted = if able.contains(&true) {
            &wanted[..]
        } else {
            &[]
        };
        assert_eq!(shown, wanted);
        assert!(!(able.contains(&true) && able.contains(&false)));
    }
}

/// Checks a cold store. `reopen` is as for [`check_hot`].
///
/// # Panics
/// On the first breach of the contract.
pub fn check_cold<S: ColdStore>(mut reopen: impl FnMut(Option<S>) -> S) {
    let mut store = reopen(None);
    let objects = [
        ObjectId::Bundle(0),
        ObjectId::Bundle(1_234_067),
        tile(0, 0),
        tile(3, 5),
    ];
    for id in objects {
        assert!(store.get(id).expect("get").is_none());
        let bytes = elements(0, 200 + u64::from(id.to_string().len() < 20));
        for _ in 0..2 {
            store
                .put(id, &bytes)
                .expect("putting, and putting the same again");
            let other = store.put(id, b"other content");
            assert!(matches!(other, Err(StoreError::Differs { object }) if object == id));
            store.put(id, &bytes).expect("and again before a sync");
            store.sync().expect("sync");
            store = reopen(Some(store));
        }
        let other = store.put(id, b"other content");
        assert!(matches!(other, Err(StoreError::Differs { object }) if object == id));
        let stored = store.get(id).expect("get").expect("it was put");
        assert_eq!(stored.plain().expect("plain"), bytes);
    }
    several_at_once(store, reopen);
}

fn several_at_once<S: ColdStore>(store: S, mut reopen: impl FnMut(Option<S>) -> S) {
    let object = |index: u64| {
        let bytes = Bytes::from(elements(index, index + 100));
        [
            (ObjectId::Bundle(index), bytes.clone()),
            (tile(0, index), bytes),
        ]
    };
    let mut objects: Vec<_> = (1000..1100).flat_map(object).collect();
    let len = store.put_all(&objects).expect("many at once");
    assert!(len > 0);
    store.sync().expect("sync");
    assert_eq!(store.put_all(&objects).expect("and again"), len);
    store.sync().expect("sync");
    let store = reopen(Some(store));
    for (id, bytes) in &objects {
        let stored = store.get(*id).expect("get").expect("it was put");
        assert_eq!(stored.plain().expect("plain"), bytes);
    }
    let mut refused = None;
    for (id, bytes) in objects.iter_mut().skip(30).step_by(40) {
        refused.get_or_insert(*id);
        *bytes = Bytes::from_static(b"other content");
    }
    let told = store.put_all(&objects);
    assert!(
        matches!(told, Err(StoreError::Differs { object }) if Some(object) == refused),
        "the first that differs is named"
    );
}
