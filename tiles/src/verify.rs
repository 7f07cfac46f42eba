//! Checking proofs: that a leaf, or a whole earlier tree, is in a tree of which only size and root
//! hash are known.
//!
//! Index and sizes decide how long a proof is and on which side each of its hashes goes. The length
//! is compared before anything is hashed; after that a proof is right if what is computed from it
//! equals the known root hashes. Any `u64` is accepted as index or size.
//!
//! Size and root hash have to come together from a head that is trusted: a proof alone does not
//! show which size belongs to a root hash.
//!
//! The general form is about subtrees (draft-ietf-plants-merkle-tree-certs); the proofs of RFC
//! 6962 are the case of subtrees that begin at the first leaf.

use crate::hash::{EMPTY_ROOT_HASH, Hash, node_hash};
use crate::index::{LeafIndex, TreeSize};

/// Which check a proof failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree or subtree does not have the leaf.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    IndexBeyondSize {
        /// The leaf that should be proven.
        index: LeafIndex,
        /// The size of the tree, or the end of the subtree.
        size: TreeSize,
    },
    /// The subtree begins after the leaf.
    #[error("leaf {index} lies before the subtree that begins at {begin}")]
    IndexBeforeSubtree {
        /// The leaf that should be proven.
        index: LeafIndex,
        /// The first leaf of the subtree.
        begin: LeafIndex,
    },
    /// The old tree or the subtree reaches beyond the new tree.
    #[error("the old tree ends at {old}, beyond the {new} leaves of the new one")]
    OldBeyondNew {
        /// The size of the old tree, or the end of the subtree.
        old: TreeSize,
        /// The size of the new tree.
        new: TreeSize,
    },
    /// There is no proof from the empty tree: whoever allows that case handles it beforehand.
    #[error("there is no consistency proof from the empty tree")]
    OldIsEmpty,
    /// The numbers of leaves demand another number of hashes.
    #[error("the proof has {found} hashes, for these sizes it needs {wanted}")]
    WrongLen {
        /// How many hashes the proof has.
        found: usize,
        /// How many it needs.
        wanted: usize,
    },
    /// The proof leads to another root for the (new) tree.
    #[error("the proof leads to root hash {found}, the tree has {wanted}")]
    RootDiffers {
        /// What the proof leads to.
        found: Hash,
        /// What the tree has.
        wanted: Hash,
    },
    /// The proof leads to another root for the old tree or the subtree.
    #[error("the proof leads to root hash {found} for the old tree, which has {wanted}")]
    OldRootDiffers {
        /// What the proof leads to.
        found: Hash,
        /// What the old tree or the subtree has.
        wanted: Hash,
    },
}

/// Leaves `begin..end` that hang below one node of every tree that has them all, perfect or not.
///
/// Invariant: `begin <= end`, and `begin` is a multiple of the smallest power of two that is not
/// below the number of leaves. The empty range counts as a subtree anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    begin: LeafIndex,
    end: TreeSize,
}

impl Subtree {
    /// `None` if the leaves do not hang below one node.
    #[must_use]
    pub fn new(begin: LeafIndex, end: TreeSize) -> Option<Self> {
        let count = end.get().checked_sub(begin.get())?;
        let aligned = match count.checked_next_power_of_two() {
            _ if count == 0 => true,
            Some(span) => begin.get().is_multiple_of(span),
            None => begin == LeafIndex::ZERO,
        };
        aligned.then_some(Self { begin, end })
    }

    /// The first leaf.
    #[must_use]
    pub const fn begin(self) -> LeafIndex {
        self.begin
    }

    /// The end, exclusive.
    #[must_use]
    pub const fn end(self) -> TreeSize {
        self.end
    }

    fn leaf_count(self) -> u64 {
        self.end.get() - self.begin.get()
    }
}

/// Checks that the leaf is at that index in the tree with that size and root hash.
///
/// # Errors
/// The leaf cannot be in the tree, or the proof has the wrong length or leads to another root.
pub fn verify_inclusion(
    index: LeafIndex,
    size: TreeSize,
    leaf_hash: &Hash,
    proof: &[Hash],
    root_hash: &Hash,
) -> Result<(), ProofError> {
    if !size.contains(index) {
        return Err(ProofError::IndexBeyondSize { index, size });
    }
    // Up to `inner` the path runs inside the tree, with siblings on both sides. Above, the node is
    // on the right border, and every sibling is to its left.
    let inner = bit_len(index.get() ^ (size.get() - 1));
    let border = index.get().checked_shr(inner).unwrap_or(0).count_ones();
    let (inner_hashes, border_hashes) = split_proof(proof, inner, border)?;
    let node = climb(*leaf_hash, inner_hashes, index.get());
    compare_root(chain(node, border_hashes), root_hash)
}

/// Checks that the new tree begins with all leaves of the old one.
///
/// # Errors
/// The old tree is empty or the larger one, or the proof has the wrong length or leads to another
/// root for one of the trees.
pub fn verify_consistency(
    old: TreeSize,
    new: TreeSize,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old == TreeSize::ZERO {
        return Err(ProofError::OldIsEmpty);
    }
    let old = Subtree {
        begin: LeafIndex::ZERO,
        end: old,
    };
    verify_subtree_consistency(old, new, proof, old_root, new_root)
}

/// Checks that the leaf is at that index of the log, in the subtree with that root hash.
///
/// # Errors
/// As [`verify_inclusion`].
pub fn verify_subtree_inclusion(
    index: LeafIndex,
    subtree: Subtree,
    leaf_hash: &Hash,
    proof: &[Hash],
    root_hash: &Hash,
) -> Result<(), ProofError> {
    let (begin, size) = (subtree.begin, subtree.end);
    let Some(inside) = index.get().checked_sub(begin.get()) else {
        return Err(ProofError::IndexBeforeSubtree { index, begin });
    };
    if !size.contains(index) {
        return Err(ProofError::IndexBeyondSize { index, size });
    }
    let size = TreeSize::new(subtree.leaf_count());
    verify_inclusion(LeafIndex::new(inside), size, leaf_hash, proof, root_hash)
}

/// Checks that the subtree is what the tree has at those leaves.
///
/// The empty subtree needs an empty proof and the root hash of the empty tree.
///
/// # Errors
/// The subtree reaches beyond the tree, or the proof has the wrong length or leads to another root
/// for one of the two.
pub fn verify_subtree_consistency(
    subtree: Subtree,
    size: TreeSize,
    proof: &[Hash],
    subtree_root: &Hash,
    root_hash: &Hash,
) -> Result<(), ProofError> {
    let (old, new) = (subtree.end, size);
    if old > new {
        return Err(ProofError::OldBeyondNew { old, new });
    }
    if subtree.leaf_count() == 0 {
        split_proof(proof, 0, 0)?;
        return compare_old_root(EMPTY_ROOT_HASH, subtree_root);
    }
    let first = subtree.begin.get();
    let last = old.get() - 1;
    // The height of the subtree's root above the leaves.
    let height = bit_len(last ^ first);
    if old == new {
        // The subtree ends where the tree does: its root is on the right border.
        let border = last.checked_shr(height).unwrap_or(0).count_ones();
        let (_, border_hashes) = split_proof(proof, 0, border)?;
        return compare_root(chain(*subtree_root, border_hashes), root_hash);
    }
    // The paths of the subtree's last leaf and of the tree's last leaf meet at height `fork`.
    // What lies below `seed_height` is one perfect node, the same in both trees.
    let fork = bit_len(last ^ (new.get() - 1));
    let seed_height = subtree.leaf_count().trailing_zeros();
    let inner = fork - seed_height;
    let border = last.checked_shr(fork).unwrap_or(0).count_ones();
    // That node opens the proof, unless it is the whole subtree, which the caller has.
    let is_perfect = subtree.leaf_count() == 1 << seed_height;
    check_len(proof, inner + border + u32::from(!is_perfect))?;
    let (seed, proof) = match proof.split_first() {
        Some((seed, rest)) if !is_perfect => (seed, rest),
        _ => (subtree_root, proof),
    };
    let (inner_hashes, border_hashes) = split_proof(proof, inner, border)?;
    let path = last >> seed_height;

    // The subtree's root takes the hashes on its left only, and only those below its height.
    let inner_below = usize_of(height.min(fork) - seed_height);
    let border_above = last.checked_shr(height).unwrap_or(0).count_ones();
    let border_below = usize_of(border.saturating_sub(border_above));
    let inner_lefts = lefts(inner_hashes.iter().take(inner_below), path);
    let node = inner_lefts.fold(*seed, |right, left| node_hash(left, &right));
    let border_lefts = border_hashes.iter().take(border_below);
    let node = border_lefts.fold(node, |right, left| node_hash(left, &right));
    compare_old_root(node, subtree_root)?;

    let node = climb(*seed, inner_hashes, path);
    compare_root(chain(node, border_hashes), root_hash)
}

/// Cuts a proof in its inner and its border part, if it has exactly that many hashes.
fn split_proof(proof: &[Hash], inner: u32, border: u32) -> Result<(&[Hash], &[Hash]), ProofError> {
    check_len(proof, inner + border)?;
    Ok(proof.split_at(usize_of(inner)))
}

fn check_len(proof: &[Hash], wanted: u32) -> Result<(), ProofError> {
    let (found, wanted) = (proof.len(), usize_of(wanted));
    (found == wanted)
        .then_some(())
        .ok_or(ProofError::WrongLen { found, wanted })
}

/// Goes up from a node. Bit j of `path` says whether the node of step j is a right child.
fn climb(node: Hash, siblings: &[Hash], path: u64) -> Hash {
    let steps = siblings.iter().zip(bits(path));
    steps.fold(node, |node, (sibling, is_right)| {
        if is_right {
            node_hash(sibling, &node)
        } else {
            node_hash(&node, sibling)
        }
    })
}

/// Goes up the right border, where every sibling is on the left.
fn chain(node: Hash, siblings: &[Hash]) -> Hash {
    siblings
        .iter()
        .fold(node, |node, left| node_hash(left, &node))
}

/// The siblings that are on the left of a path.
fn lefts<'a>(
    siblings: impl Iterator<Item = &'a Hash>,
    path: u64,
) -> impl Iterator<Item = &'a Hash> {
    let sides = siblings.zip(bits(path));
    sides.filter_map(|(sibling, is_right)| is_right.then_some(sibling))
}

/// The bits of a number, lowest first.
fn bits(number: u64) -> impl Iterator<Item = bool> {
    (0..u64::BITS).map(move |bit| number >> bit & 1 == 1)
}

/// How many bits a number has: 0 for 0.
fn bit_len(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

fn usize_of(bits: u32) -> usize {
    usize::try_from(bits).expect("a count of bits is at most 64, or 65 with the seed")
}

fn compare_root(found: Hash, wanted: &Hash) -> Result<(), ProofError> {
    let wanted = *wanted;
    (found == wanted)
        .then_some(())
        .ok_or(ProofError::RootDiffers { found, wanted })
}

fn compare_old_root(found: Hash, wanted: &Hash) -> Result<(), ProofError> {
    let wanted = *wanted;
    (found == wanted)
        .then_some(())
        .ok_or(ProofError::OldRootDiffers { found, wanted })
}

#[cfg(test)]
mod tests;
