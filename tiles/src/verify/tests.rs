//! Tests of the verifiers: every way in which a proof can be wrong.

use proptest::prelude::*;

use super::*;
use crate::hash::leaf_hash;
use crate::reference;

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn tree(size: usize) -> TreeSize {
    TreeSize::new(size.try_into().unwrap())
}

fn at(index: usize) -> LeafIndex {
    LeafIndex::new(index.try_into().unwrap())
}

fn flip(hash: Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Hash::new(bytes)
}

/// A statement with its proof, in a form that can be tampered with.
#[derive(Clone, Debug)]
struct Inclusion {
    index: usize,
    size: usize,
    leaf: Hash,
    proof: Vec<Hash>,
    root: Hash,
}

impl Inclusion {
    fn new(index: usize, size: usize) -> Self {
        let leaves = leaves(size);
        Self {
            index,
            size,
            leaf: leaves[index],
            proof: reference::path_of_leaves(&leaves, index).unwrap(),
            root: reference::root_of_leaves(&leaves),
        }
    }

    fn verify(&self) -> Result<(), ProofError> {
        let (index, size) = (at(self.index), tree(self.size));
        verify_inclusion(index, size, &self.leaf, &self.proof, &self.root)
    }

    /// This bit flipped in each of the hashes in turn.
    fn flipped(&self, bit: usize) -> Vec<Self> {
        let mut all = vec![self.clone(); 2 + self.proof.len()];
        all[0].leaf = flip(self.leaf, bit);
        all[1].root = flip(self.root, bit);
        for (position, hash) in self.proof.iter().enumerate() {
            all[2 + position].proof[position] = flip(*hash, bit);
        }
        all
    }
}

#[derive(Clone, Debug)]
struct Consistency {
    old: usize,
    new: usize,
    proof: Vec<Hash>,
    old_root: Hash,
    new_root: Hash,
}

impl Consistency {
    fn new(old: usize, new: usize) -> Self {
        let leaves = leaves(new);
        Self {
            old,
            new,
            proof: reference::consistency_of_leaves(&leaves, old).unwrap_or_default(),
            old_root: reference::root_of_leaves(&leaves[..old]),
            new_root: reference::root_of_leaves(&leaves),
        }
    }

    fn verify(&self) -> Result<(), ProofError> {
        let (old, new) = (tree(self.old), tree(self.new));
        verify_consistency(old, new, &self.proof, &self.old_root, &self.new_root)
    }

    /// This bit flipped in each of the hashes in turn.
    fn flipped(&self, bit: usize) -> Vec<Self> {
        let mut all = vec![self.clone(); 2 + self.proof.len()];
        all[0].old_root = flip(self.old_root, bit);
        all[1].new_root = flip(self.new_root, bit);
        for (position, hash) in self.proof.iter().enumerate() {
            all[2 + position].proof[position] = flip(*hash, bit);
        }
        all
    }
}

#[test]
fn accepts_every_proof_of_small_trees() {
    for size in 1..40 {
        for index in 0..size {
            Inclusion::new(index, size).verify().unwrap();
            Consistency::new(index + 1, size).verify().unwrap();
        }
    }
}

#[test]
fn refuses_a_leaf_outside_the_tree() {
    let mut case = Inclusion::new(2, 3);
    case.index = 3;
    let (index, size) = (at(3), tree(3));
    assert_eq!(
        case.verify(),
        Err(ProofError::IndexBeyondSize { index, size })
    );
    case.size = 0;
    case.index = 0;
    let (index, size) = (at(0), tree(0));
    assert_eq!(
        case.verify(),
        Err(ProofError::IndexBeyondSize { index, size })
    );
}

#[test]
fn refuses_an_inclusion_proof_of_another_length() {
    let case = Inclusion::new(5, 11);
    let wanted = case.proof.len();
    let mut longer = case.clone();
    longer.proof.push(case.root);
    let found = wanted + 1;
    assert_eq!(longer.verify(), Err(ProofError::WrongLen { found, wanted }));
    let mut shorter = case;
    shorter.proof.pop();
    let found = wanted - 1;
    assert_eq!(
        shorter.verify(),
        Err(ProofError::WrongLen { found, wanted })
    );
}

#[test]
fn refuses_another_root() {
    let mut case = Inclusion::new(5, 11);
    let found = case.root;
    case.root = flip(found, 0);
    let wanted = case.root;
    assert_eq!(
        case.verify(),
        Err(ProofError::RootDiffers { found, wanted })
    );
}

#[test]
fn refuses_the_empty_old_tree() {
    assert_eq!(Consistency::new(0, 5).verify(), Err(ProofError::OldIsEmpty));
    assert_eq!(Consistency::new(0, 0).verify(), Err(ProofError::OldIsEmpty));
}

#[test]
fn refuses_a_larger_old_tree() {
    let mut case = Consistency::new(4, 5);
    case.new = 3;
    let (old, new) = (tree(4), tree(3));
    assert_eq!(case.verify(), Err(ProofError::OldBeyondNew { old, new }));
}

#[test]
fn refuses_a_consistency_proof_of_another_length() {
    for (old, new) in [(4, 8), (6, 8), (3, 7), (7, 7)] {
        let case = Consistency::new(old, new);
        let wanted = case.proof.len();
        let mut longer = case.clone();
        longer.proof.push(case.new_root);
        let found = wanted + 1;
        assert_eq!(longer.verify(), Err(ProofError::WrongLen { found, wanted }));
        let mut empty = case;
        if empty.proof.is_empty() {
            continue;
        }
        empty.proof.clear();
        assert_eq!(
            empty.verify(),
            Err(ProofError::WrongLen { found: 0, wanted })
        );
    }
}

#[test]
fn refuses_another_root_for_the_same_size() {
    let mut case = Consistency::new(7, 7);
    case.new_root = flip(case.new_root, 9);
    let (found, wanted) = (case.old_root, case.new_root);
    assert_eq!(
        case.verify(),
        Err(ProofError::RootDiffers { found, wanted })
    );
}

#[test]
fn refuses_another_old_root() {
    let mut case = Consistency::new(6, 8);
    let found = case.old_root;
    case.old_root = flip(found, 9);
    let wanted = case.old_root;
    assert_eq!(
        case.verify(),
        Err(ProofError::OldRootDiffers { found, wanted })
    );
}

#[test]
fn largest_numbers_do_not_overflow() {
    let root = EMPTY_ROOT_HASH;
    for size in [1 << 63, (1 << 63) + 1, u64::MAX] {
        for number in [0, 1, 1 << 62, (1 << 63) - 1, size - 1] {
            let (index, size) = (LeafIndex::new(number), TreeSize::new(size));
            let result = verify_inclusion(index, size, &root, &[], &root);
            assert!(matches!(result, Err(ProofError::WrongLen { .. })));
            let old = TreeSize::new(number + 1);
            let result = verify_consistency(old, size, &[root; 70], &root, &root);
            assert!(matches!(result, Err(ProofError::WrongLen { .. })));
        }
    }
    let (index, size) = (LeafIndex::ZERO, TreeSize::new(u64::MAX));
    let result = verify_inclusion(index, size, &root, &[root; 64], &root);
    assert!(matches!(result, Err(ProofError::RootDiffers { .. })));
    let old = TreeSize::new(3);
    let result = verify_consistency(old, size, &[root; 65], &root, &root);
    assert!(matches!(result, Err(ProofError::OldRootDiffers { .. })));
}

#[test]
fn subtrees_are_aligned() {
    let is_subtree = |begin, end| Subtree::new(LeafIndex::new(begin), TreeSize::new(end)).is_some();
    assert!(is_subtree(0, 5) && is_subtree(0, u64::MAX) && is_subtree(4, 8));
    assert!(is_subtree(8, 13) && is_subtree(7, 8) && is_subtree(7, 7));
    assert!(!is_subtree(4, 9) && !is_subtree(2, 5) && !is_subtree(7, 9));
    assert!(!is_subtree(8, 7) && !is_subtree(1, u64::MAX));
    assert!(is_subtree(1 << 63, u64::MAX) && !is_subtree(1 << 62, u64::MAX));
}

#[test]
fn refuses_a_leaf_outside_the_subtree() {
    let (begin, end) = (at(4), tree(6));
    let subtree = Subtree::new(begin, end).unwrap();
    let root = EMPTY_ROOT_HASH;
    let check = |index| verify_subtree_inclusion(index, subtree, &root, &[root], &root);
    let index = at(3);
    assert_eq!(
        check(index),
        Err(ProofError::IndexBeforeSubtree { index, begin })
    );
    let index = at(6);
    let size = end;
    assert_eq!(
        check(index),
        Err(ProofError::IndexBeyondSize { index, size })
    );
}

#[test]
fn empty_subtree_has_the_empty_root_and_no_proof() {
    let empty = Subtree::new(at(5), tree(5)).unwrap();
    let root = leaf_hash(b"any");
    let check =
        |proof: &[Hash], old: &Hash| verify_subtree_consistency(empty, tree(9), proof, old, &root);
    assert_eq!(check(&[], &EMPTY_ROOT_HASH), Ok(()));
    assert!(matches!(
        check(&[root], &EMPTY_ROOT_HASH),
        Err(ProofError::WrongLen { .. })
    ));
    assert!(matches!(
        check(&[], &root),
        Err(ProofError::OldRootDiffers { .. })
    ));
}

proptest! {
    #[test]
    fn any_flipped_bit_fails(size in 1usize..300, part: usize, bit in 0usize..256) {
        for bad in Inclusion::new(part % size, size).flipped(bit) {
            prop_assert!(bad.verify().is_err());
        }
        for bad in Consistency::new(part % size + 1, size).flipped(bit) {
            prop_assert!(bad.verify().is_err());
        }
    }

    #[test]
    fn swapped_hashes_fail(size in 2usize..300, part: usize, swap: prop::sample::Index) {
        let mut case = Inclusion::new(part % size, size);
        if case.proof.len() > 1 {
            let position = swap.index(case.proof.len() - 1);
            case.proof.swap(position, position + 1);
            prop_assert!(case.verify().is_err());
        }
        let mut case = Consistency::new(part % size + 1, size);
        if case.proof.len() > 1 {
            let position = swap.index(case.proof.len() - 1);
            case.proof.swap(position, position + 1);
            prop_assert!(case.verify().is_err());
        }
    }

    #[test]
    fn another_index_fails(size in 2usize..300, index: usize, other: usize) {
        let mut case = Inclusion::new(index % size, size);
        if case.index != other % size {
            case.index = other % size;
            prop_assert!(case.verify().is_err());
        }
    }

    #[test]
    fn another_old_size_fails(new in 2usize..300, old: usize, other: usize) {
        let mut case = Consistency::new(old % new + 1, new);
        if case.old != other % new + 1 {
            case.old = other % new + 1;
            prop_assert!(case.verify().is_err());
        }
    }
}
