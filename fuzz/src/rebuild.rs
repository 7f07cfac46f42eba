//! `tiles::rebuild` on the bytes of a log that lies: any byte that differs from what the entries
//! make it is found, and no claim about the log's size makes it panic.

use std::collections::BTreeMap;

use tiles::{
    BundleRef, Hash, LogBytes, ResourcePath, TileRef, TreeSize, append_entry, bundles_at,
    leaf_hash, reference, tiles_at, tlog_tiles_leaves,
};

use crate::input::Input;

/// Two full bundles and a partial one: more levels would cost time and show nothing new.
const SIZE_MAX: u16 = 600;
const EDITS_MAX: usize = 8;
/// How many resources a source with an absurd claim about its size hands out.
const READS_MAX: usize = 4;

/// The size in two bytes, then edits of the log's bytes. Accepted is what no edit changed.
#[must_use]
pub fn rebuild(bytes: &[u8]) -> bool {
    let mut input = Input::new(bytes);
    any_claim(input);
    let size = TreeSize::new((input.u16() % SIZE_MAX).into());
    let (honest, root_hash) = honest_log(size);
    let mut log = honest.clone();
    for _ in 0..EDITS_MAX {
        edit(&mut log, &mut input);
    }
    let head = (size, root_hash);
    let found = tiles::rebuild(&log, head, &tlog_tiles_leaves, &mut |_| ());
    assert_eq!(found.is_ok(), log == honest, "{found:?}");
    if let Ok(report) = &found {
        let counted = report.bundle_count + report.tile_count;
        assert_eq!(usize::try_from(counted).ok(), Some(log.0.len()));
    }
    found.is_ok()
}

/// A log in memory: the bytes of each resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemoryLog(BTreeMap<ResourcePath, Vec<u8>>);

impl MemoryLog {
    fn read(&self, path: ResourcePath) -> Result<Vec<u8>, String> {
        self.0.get(&path).cloned().ok_or_else(|| path.to_string())
    }
}

impl LogBytes for MemoryLog {
    type Error = String;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, String> {
        self.read(ResourcePath::Tile(tile))
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, String> {
        self.read(ResourcePath::Entries(bundle))
    }
}

/// The entry that an honest log has at an index.
pub(crate) fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// The root hash of an honest log.
pub(crate) fn honest_root(size: TreeSize) -> Hash {
    let leaves: Vec<Hash> = (0..size.get()).map(|n| leaf_hash(&entry(n))).collect();
    reference::root_of_leaves(&leaves)
}

pub(crate) fn honest_log(size: TreeSize) -> (MemoryLog, Hash) {
    let entries: Vec<Vec<u8>> = (0..size.get()).map(entry).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let mut log = BTreeMap::new();
    for (bundle, entries) in bundles_at(size).zip(entries.chunks(256)) {
        let mut bytes = Vec::new();
        for entry in entries {
            append_entry(&mut bytes, entry).expect("the entry is short");
        }
        log.insert(ResourcePath::Entries(bundle), bytes);
    }
    for tile in tiles_at(size) {
        let hashes = reference::tile(&leaves, tile).expect("the tree has the tile");
        log.insert(ResourcePath::Tile(tile), hashes.encode());
    }
    (MemoryLog(log), reference::root_of_leaves(&leaves))
}

/// Changes one resource: a byte, its end, or all of it.
pub(crate) fn edit(log: &mut MemoryLog, input: &mut Input<'_>) {
    let kind = input.u8() % 8;
    let chosen = input.below(log.0.len());
    let Some((path, bytes)) = log.0.iter_mut().nth(chosen) else {
        return;
    };
    let (path, place, value) = (*path, usize::from(input.u16()), input.u8());
    match kind {
        1 => bytes
            .iter_mut()
            .skip(place)
            .take(1)
            .for_each(|at| *at ^= value),
        2 => bytes.truncate(place),
        3 => bytes.push(value),
        4 => bytes.clear(),
        5 => drop(log.0.remove(&path)),
        _ => {}
    }
}

/// A log of any size whose every resource is the input, until it hands out no more.
struct Liar<'a> {
    bytes: &'a [u8],
    reads: std::cell::Cell<usize>,
}

impl Liar<'_> {
    fn read(&self) -> Result<Vec<u8>, ()> {
        self.reads.set(self.reads.get() + 1);
        (self.reads.get() <= READS_MAX)
            .then(|| self.bytes.to_vec())
            .ok_or(())
    }
}

impl LogBytes for Liar<'_> {
    type Error = ();
    type Bytes = Vec<u8>;

    fn tile(&self, _: TileRef) -> Result<Vec<u8>, ()> {
        self.read()
    }

    fn bundle(&self, _: BundleRef) -> Result<Vec<u8>, ()> {
        self.read()
    }
}

fn any_claim(mut input: Input<'_>) {
    let head = (TreeSize::new(input.u64()), input.hash());
    let log = Liar {
        bytes: input.rest(),
        reads: std::cell::Cell::new(0),
    };
    // The input decides the hash that is claimed for it, so that acceptance would be a collision;
    // only an empty log can be claimed rightly.
    let found = tiles::rebuild(&log, head, &tlog_tiles_leaves, &mut |_| ());
    assert!(found.is_err() || head.0 == TreeSize::ZERO, "{found:?}");
}
