//! One bundle and the level-0 tile over it: the part of the work that needs nothing of the rest.

use std::fmt;

use super::{LeavesOf, LogBytes, RebuildError, compare};
use crate::hash::Hash;
use crate::index::{LeafIndex, NodeId, NodeLevel};
use crate::path::entries_path;
use crate::range::CompactRange;
use crate::tile::{BundleRef, TILE_WIDTH_MAX, Tile};

/// The entries of one bundle, hashed, and found equal to the level-0 tile that the log holds.
///
/// What is left of them is the few hashes that cover them in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBundle {
    bundle: BundleRef,
    range: CompactRange,
}

impl CheckedBundle {
    /// Reads a bundle and its tile, hashes the one and compares it with the other.
    ///
    /// Bundles may be checked in any order and on any thread; what is found depends on this bundle
    /// alone.
    ///
    /// # Errors
    /// The first difference, or that one of the two cannot be had.
    ///
    /// # Panics
    /// If no tree that is grown has such a bundle.
    pub fn check<L: LogBytes, W: fmt::Display>(
        log: &L,
        bundle: BundleRef,
        leaves_of: &LeavesOf<'_, W>,
    ) -> Result<Self, RebuildError<L::Error>> {
        let leaves = read_leaves(log, bundle, leaves_of)?;
        let tile = Tile::new(leaves).expect("there are as many leaves as the bundle is wide");
        compare(log, bundle.tile(), &tile)?;
        Ok(Self {
            bundle,
            range: covering(bundle, &tile),
        })
    }

    /// Which bundle this was, and how wide.
    #[must_use]
    pub const fn bundle(&self) -> BundleRef {
        self.bundle
    }

    /// The perfect nodes over its entries.
    pub(super) const fn range(&self) -> &CompactRange {
        &self.range
    }
}

/// The nodes that cover a tile of leaf hashes: its root if it is full.
fn covering(bundle: BundleRef, leaves: &Tile) -> CompactRange {
    let begin = bundle.index.saturating_mul(u64::from(TILE_WIDTH_MAX));
    let mut range = CompactRange::empty(LeafIndex::new(begin));
    match leaves.root_hash() {
        Some(root_hash) => {
            let level = NodeLevel::new(8);
            let node = level.and_then(|level| NodeId::new(level, bundle.index));
            let node = node.expect("the bundle is part of a tree that is grown");
            let appended = range.append_node(node, root_hash);
            appended.expect("the node begins with the first entry of the bundle");
        }
        None => {
            for leaf in leaves.hashes() {
                range.append(*leaf);
            }
        }
    }
    range
}

fn read_leaves<L: LogBytes, W: fmt::Display>(
    log: &L,
    bundle: BundleRef,
    leaves_of: &LeavesOf<'_, W>,
) -> Result<Vec<Hash>, RebuildError<L::Error>> {
    let path = || entries_path(bundle);
    let bytes = log.bundle(bundle);
    let bytes = bytes.map_err(|source| RebuildError::Source {
        path: path(),
        source,
    })?;
    let malformed = |why| RebuildError::BundleMalformed { path: path(), why };
    let leaves = leaves_of(bytes.as_ref(), bundle.width);
    let leaves = leaves.map_err(|why| malformed(why.to_string()))?;
    // What gets the leaves out comes from outside: it is held to the width here.
    if leaves.len() != bundle.width.count() {
        let found = leaves.len();
        return Err(malformed(format!(
            "{found} leaves, wanted {}",
            bundle.width.get()
        )));
    }
    Ok(leaves)
}
