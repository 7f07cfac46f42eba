//! RFC 6962 section 2.1 word for word: slow, obvious, and what everything else is tested against.
//!
//! Positions are plain numbers here on purpose: this file shares with the rest of the crate the
//! two hash functions and nothing else.

use crate::hash::{EMPTY_ROOT_HASH, Hash, leaf_hash, node_hash};
use crate::tile::{Tile, TileRef};

/// MTH: the root hash over entries.
#[must_use]
pub fn root_hash(entries: &[Vec<u8>]) -> Hash {
    root_of_leaves(&hashes(entries))
}

/// PATH: the inclusion proof of the entry at `index`; `None` if there is no such entry.
#[must_use]
pub fn inclusion_proof(entries: &[Vec<u8>], index: usize) -> Option<Vec<Hash>> {
    path_of_leaves(&hashes(entries), index)
}

/// PROOF: the consistency proof from the first `old` entries; `None` unless there are that many
/// and at least one.
#[must_use]
pub fn consistency_proof(entries: &[Vec<u8>], old: usize) -> Option<Vec<Hash>> {
    consistency_of_leaves(&hashes(entries), old)
}

/// As [`root_hash`], from leaf hashes.
#[must_use]
pub fn root_of_leaves(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT_HASH,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root_of_leaves(left), &root_of_leaves(right))
        }
    }
}

/// As [`inclusion_proof`], from leaf hashes.
#[must_use]
pub fn path_of_leaves(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if index < k {
        (path_of_leaves(left, index)?, right)
    } else {
        (path_of_leaves(right, index - k)?, left)
    };
    path.push(root_of_leaves(sibling));
    Some(path)
}

/// As [`consistency_proof`], from leaf hashes.
#[must_use]
pub fn consistency_of_leaves(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    (1..=leaves.len())
        .contains(&old)
        .then(|| subproof(leaves, old, true))
}

/// The tile by its definition in C2SP tlog-tiles; `None` if there are not enough leaves.
#[must_use]
pub fn tile(leaves: &[Hash], tile: TileRef) -> Option<Tile> {
    let span = 256_usize.checked_pow(u32::from(tile.id.level.get()))?;
    let first = usize::try_from(tile.id.index).ok()?.checked_mul(256)?;
    let elements = (first..).take(tile.width.count()).map(|i| {
        let begin = i.checked_mul(span)?;
        leaves
            .get(begin..begin.checked_add(span)?)
            .map(root_of_leaves)
    });
    Tile::new(elements.collect::<Option<_>>()?).ok()
}

/// SUBPROOF; `known` says that the verifier has the root over these leaves already.
fn subproof(leaves: &[Hash], old: usize, known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known {
            Vec::new()
        } else {
            vec![root_of_leaves(leaves)]
        };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if old <= k {
        (subproof(left, old, known), right)
    } else {
        (subproof(right, old - k, false), left)
    };
    proof.push(root_of_leaves(sibling));
    proof
}

/// The largest power of two smaller than `count`, which is at least 2.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn hashes(entries: &[Vec<u8>]) -> Vec<Hash> {
    entries.iter().map(|entry| leaf_hash(entry)).collect()
}
