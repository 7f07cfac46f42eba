//! Inclusion and consistency proofs: no input makes a verifier panic, and in a tree that is known
//! a verifier accepts the one true proof and nothing else.
//!
//! The tree's size, the leaf and the older size come first, then edits of the true proofs. After
//! that the same input is read once more as an unrelated claim about a tree of any size.

use tiles::{
    Hash, LeafIndex, Subtree, TreeSize, leaf_hash, reference, verify_consistency, verify_inclusion,
    verify_subtree_consistency, verify_subtree_inclusion,
};

use crate::input::Input;

/// Enough for proofs of every shape, and cheap enough for the naive definition.
const SIZE_MAX: usize = 80;
const EDITS_MAX: usize = 8;

/// Accepted is an input whose edits leave both proofs as they should be.
#[must_use]
pub fn proofs(bytes: &[u8]) -> bool {
    any_claim(Input::new(bytes));
    let mut input = Input::new(bytes);
    let size = 1 + input.below(SIZE_MAX);
    let index = input.below(size);
    let old = 1 + input.below(size);
    let edited = input;

    let leaves: Vec<Hash> = (0..size).map(leaf).collect();
    let root_hash = reference::root_of_leaves(&leaves);
    let wanted = reference::path_of_leaves(&leaves, index).expect("the leaf is in the tree");
    let found = edit(edited, &wanted);
    let included = verify_inclusion(
        LeafIndex::new(number(index)),
        TreeSize::new(number(size)),
        &leaf(index),
        &found,
        &root_hash,
    );
    assert_eq!(included.is_ok(), found == wanted, "inclusion: {included:?}");

    let older = leaves.get(..old).expect("the older tree is not larger");
    let wanted = reference::consistency_of_leaves(&leaves, old).expect("the older tree fits");
    let found = edit(edited, &wanted);
    let consistent = verify_consistency(
        TreeSize::new(number(old)),
        TreeSize::new(number(size)),
        &found,
        &reference::root_of_leaves(older),
        &root_hash,
    );
    let what = "consistency";
    assert_eq!(
        consistent.is_ok(),
        found == wanted,
        "{what}: {consistent:?}"
    );
    included.is_ok() && consistent.is_ok()
}

/// Whatever is claimed about trees of whatever size: an answer, and no panic.
fn any_claim(mut input: Input<'_>) {
    let (index, old, new) = (input.u64(), input.u64(), input.u64());
    let (index, old, new) = (
        LeafIndex::new(index),
        TreeSize::new(old),
        TreeSize::new(new),
    );
    let (first, second) = (input.hash(), input.hash());
    let mut proof = Vec::new();
    while !input.is_empty() {
        proof.push(input.hash());
    }
    let _ = verify_inclusion(index, new, &first, &proof, &second);
    let _ = verify_consistency(old, new, &proof, &first, &second);
    if let Some(subtree) = Subtree::new(index, old) {
        let inside = LeafIndex::new(new.get());
        let _ = verify_subtree_inclusion(inside, subtree, &first, &proof, &second);
        let _ = verify_subtree_consistency(subtree, new, &proof, &first, &second);
    }
}

/// The proof with hashes replaced, dropped, doubled or swapped.
fn edit(mut input: Input<'_>, proof: &[Hash]) -> Vec<Hash> {
    let mut edited = proof.to_vec();
    for _ in 0..EDITS_MAX {
        let kind = input.u8() % 8;
        let place = input.below(edited.len());
        match kind {
            1 => edited.push(input.hash()),
            2 if !edited.is_empty() => drop(edited.remove(place)),
            3 => edited.extend(edited.get(place).copied()),
            4 if !edited.is_empty() => edited.swap(0, place),
            5 => {
                let hash = input.hash();
                edited
                    .iter_mut()
                    .skip(place)
                    .take(1)
                    .for_each(|at| *at = hash);
            }
            _ => {}
        }
    }
    edited
}

fn leaf(index: usize) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

fn number(count: usize) -> u64 {
    u64::try_from(count).expect("a tree of this target is small")
}
