//! Tests of proof building, against the definition and against the verifiers.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::hash::leaf_hash;
use crate::reference;
use crate::tile::TileLevel;
use crate::verify::{verify_consistency, verify_inclusion};

/// Serves tiles by their definition, and insists on what the contract of [`TileSource`] promises.
struct TestLog {
    leaves: Vec<Hash>,
    size: RefCell<TreeSize>,
    asked: RefCell<BTreeSet<TileId>>,
}

impl TestLog {
    fn new(count: u64) -> Self {
        Self {
            leaves: (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect(),
            size: RefCell::new(TreeSize::ZERO),
            asked: RefCell::new(BTreeSet::new()),
        }
    }

    fn expect(&self, size: u64) -> &Self {
        self.size.replace(TreeSize::new(size));
        self.asked.borrow_mut().clear();
        self
    }

    fn prefix(&self, size: u64) -> &[Hash] {
        &self.leaves[..usize::try_from(size).unwrap()]
    }

    fn root(&self, size: u64) -> Hash {
        reference::root_of_leaves(self.prefix(size))
    }
}

impl TileSource for TestLog {
    type Error = Infallible;

    fn tile(&self, tile: TileRef) -> Result<Tile, Infallible> {
        assert_eq!(TileRef::at(tile.id, *self.size.borrow()), Some(tile));
        assert!(
            self.asked.borrow_mut().insert(tile.id),
            "asked twice for {tile:?}"
        );
        Ok(reference::tile(&self.leaves, tile).unwrap())
    }
}

#[test]
fn every_proof_of_small_trees() {
    let log = TestLog::new(70);
    for size in 0..=70 {
        let root = root_hash(log.expect(size), TreeSize::new(size)).unwrap();
        assert_eq!(root, log.root(size));
        for index in 0..size {
            check_inclusion(&log, index, size);
        }
        for old in 1..=size {
            check_consistency(&log, old, size);
        }
    }
}

#[test]
fn proofs_across_tiles() {
    let log = TestLog::new(65_792);
    for size in [255, 256, 257, 511, 513, 65_536, 65_537, 65_792] {
        let root = root_hash(log.expect(size), TreeSize::new(size)).unwrap();
        assert_eq!(root, log.root(size));
        for index in [0, 255, 65_535, size - 1] {
            if index < size {
                check_inclusion(&log, index, size);
                check_consistency(&log, index + 1, size);
            }
        }
    }
}

fn check_inclusion(log: &TestLog, index: u64, size: u64) {
    let (leaf, tree) = (LeafIndex::new(index), TreeSize::new(size));
    let proof = inclusion_proof(log.expect(size), leaf, tree).unwrap();
    let position = usize::try_from(index).unwrap();
    assert_eq!(
        Some(&proof),
        reference::path_of_leaves(log.prefix(size), position).as_ref()
    );
    let leaf_hash = log.leaves[position];
    verify_inclusion(leaf, tree, &leaf_hash, &proof, &log.root(size)).unwrap();
}

fn check_consistency(log: &TestLog, old: u64, new: u64) {
    let (old_tree, new_tree) = (TreeSize::new(old), TreeSize::new(new));
    let proof = consistency_proof(log.expect(new), old_tree, new_tree).unwrap();
    let position = usize::try_from(old).unwrap();
    let wanted = reference::consistency_of_leaves(log.prefix(new), position);
    assert_eq!(Some(&proof), wanted.as_ref());
    verify_consistency(old_tree, new_tree, &proof, &log.root(old), &log.root(new)).unwrap();
}

#[test]
fn refuses_a_leaf_outside_the_tree() {
    let log = TestLog::new(0);
    for (index, size) in [(0, 0), (5, 5), (u64::MAX, 7)] {
        let (index, size) = (LeafIndex::new(index), TreeSize::new(size));
        assert_eq!(
            inclusion_proof(&log, index, size),
            Err(ProofBuildError::IndexBeyondSize { index, size })
        );
    }
}

#[test]
fn refuses_the_empty_old_tree() {
    let result = consistency_proof(&TestLog::new(0), TreeSize::ZERO, TreeSize::new(5));
    assert_eq!(result, Err(ProofBuildError::OldIsEmpty));
}

#[test]
fn refuses_a_larger_old_tree() {
    let (old, new) = (TreeSize::new(6), TreeSize::new(5));
    let result = consistency_proof(&TestLog::new(0), old, new);
    assert_eq!(result, Err(ProofBuildError::OldBeyondNew { old, new }));
}

/// Fails, or answers with one hash whatever it is asked for.
struct Broken(Option<&'static str>);

impl TileSource for Broken {
    type Error = &'static str;

    fn tile(&self, _: TileRef) -> Result<Tile, &'static str> {
        match self.0 {
            Some(error) => Err(error),
            None => Ok(Tile::new(vec![EMPTY_ROOT_HASH]).unwrap()),
        }
    }
}

#[test]
fn passes_on_the_error_of_the_source() {
    let result = root_hash(&Broken(Some("gone")), TreeSize::new(3));
    assert_eq!(result, Err(ProofBuildError::Source("gone")));
}

#[test]
fn refuses_a_tile_of_another_width() {
    let id = TileId::new(TileLevel::LEAF, 0);
    let wanted = TileRef::at(id, TreeSize::new(3)).unwrap();
    let found = TileWidth::new(1).unwrap();
    let result = root_hash(&Broken(None), TreeSize::new(3));
    assert_eq!(result, Err(ProofBuildError::WrongWidth { found, wanted }));
}

/// Counts what the largest trees need, without any tiles.
#[test]
fn longest_proofs() {
    let largest = TreeSize::new(u64::MAX);
    assert_eq!(
        inclusion_ranges(LeafIndex::ZERO, largest).len(),
        INCLUSION_PROOF_LEN_MAX
    );
    let longest = consistency_ranges(TreeSize::new(3), largest).len();
    assert_eq!(longest, CONSISTENCY_PROOF_LEN_MAX);
    assert_eq!(
        consistency_ranges(TreeSize::new(3), TreeSize::MAX_GROWN).len(),
        63
    );
}

proptest! {
    #[test]
    fn proofs_of_any_tree(sizes in prop::array::uniform3(0u64..3000)) {
        let mut sizes = sizes;
        sizes.sort_unstable();
        let [old, size, count] = sizes;
        let log = TestLog::new(count + 1);
        check_inclusion(&log, old, size + 1);
        check_consistency(&log, old + 1, size + 1);
    }
}
