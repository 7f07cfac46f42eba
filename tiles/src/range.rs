//! Compact ranges: the least that has to be kept to go on growing a tree.
//!
//! The hashes of the minimal list of perfect nodes that covers leaves `begin..end` are enough to
//! append a leaf, to join the range on the right, and, if the range starts at the first leaf, to
//! tell the root hash. There are O(log n) of them: `[0, n)` has one for each bit set in n. The
//! idea is that of transparency-dev/merkle `docs/compact_ranges.md`.
//!
//! Invariant: `hashes[i]` belongs to the i-th covering node, left to right.

use crate::hash::{EMPTY_ROOT_HASH, Hash, node_hash};
use crate::index::{LeafIndex, NodeId, TreeSize, covering_nodes};

/// The hashes of the perfect nodes that cover a range of leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactRange {
    begin: LeafIndex,
    end: TreeSize,
    hashes: Vec<Hash>,
}

/// Why ranges could not be made or joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The end lies before the beginning.
    #[error("a range cannot begin at {begin} and end at {end}")]
    Reversed {
        /// First leaf of the range.
        begin: LeafIndex,
        /// Where it should have ended.
        end: TreeSize,
    },
    /// The number of hashes is not that of the covering nodes.
    #[error("the range is covered by {wanted} nodes, found {found} hashes")]
    HashCount {
        /// How many hashes were given.
        found: usize,
        /// How many nodes cover the range.
        wanted: usize,
    },
    /// What should be joined does not start where the range ends.
    #[error("the range ends at {end}, but what follows begins at {begin}")]
    Gap {
        /// Where the range ends.
        end: TreeSize,
        /// Where the other begins.
        begin: LeafIndex,
    },
    /// The range would grow past [`TreeSize::MAX_GROWN`].
    #[error(
        "a tree is not grown to {wanted} leaves, at most to {}",
        TreeSize::MAX_GROWN
    )]
    TooLarge {
        /// The size that it would have had.
        wanted: TreeSize,
    },
}

impl CompactRange {
    /// The range without leaves at `begin`; `LeafIndex::ZERO` starts a tree.
    #[must_use]
    pub const fn empty(begin: LeafIndex) -> Self {
        Self {
            begin,
            end: TreeSize::new(begin.get()),
            hashes: Vec::new(),
        }
    }

    /// Takes up a range that was kept as its hashes.
    ///
    /// # Errors
    /// The end lies before the beginning, or the number of hashes is wrong for such a range.
    pub fn from_hashes(
        begin: LeafIndex,
        end: TreeSize,
        hashes: Vec<Hash>,
    ) -> Result<Self, RangeError> {
        if end.get() < begin.get() {
            return Err(RangeError::Reversed { begin, end });
        }
        let wanted = covering_nodes(begin, end).count();
        if hashes.len() != wanted {
            let found = hashes.len();
            return Err(RangeError::HashCount { found, wanted });
        }
        Ok(Self { begin, end, hashes })
    }

    /// The first leaf of the range.
    #[must_use]
    pub const fn begin(&self) -> LeafIndex {
        self.begin
    }

    /// The end of the range, exclusive: the size of the smallest tree that has all of it.
    #[must_use]
    pub const fn end(&self) -> TreeSize {
        self.end
    }

    /// The hashes of [`Self::nodes`], left to right.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The perfect nodes that cover the range, left to right.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        covering_nodes(self.begin, self.end).collect()
    }

    /// The root hash of the tree that ends here, in O(log n); `None` unless the range starts at
    /// the first leaf.
    #[must_use]
    pub fn root_hash(&self) -> Option<Hash> {
        (self.begin == LeafIndex::ZERO).then(|| fold(&self.hashes).unwrap_or(EMPTY_ROOT_HASH))
    }

    /// Adds one leaf on the right. Amortised O(1), O(log n) at worst.
    ///
    /// # Panics
    /// If the range ends at [`TreeSize::MAX_GROWN`]: whoever admits entries keeps to that limit.
    pub fn append(&mut self, leaf: Hash) {
        self.append_visit(leaf, &mut |_, _| ());
    }

    /// As [`Self::append`], and reports the leaf and each node that it completes, bottom up.
    ///
    /// Only nodes that lie wholly in the range are completed.
    ///
    /// # Panics
    /// As [`Self::append`].
    pub fn append_visit(&mut self, leaf: Hash, visit: &mut impl FnMut(NodeId, &Hash)) {
        assert!(
            self.end < TreeSize::MAX_GROWN,
            "entries are admitted only up to the largest tree"
        );
        let node = NodeId::leaf(self.end.next_index()).expect("it is below the largest tree");
        self.push(node, leaf, visit);
    }

    /// Adds a perfect node on the right, for instance the root of a full tile. O(log n).
    ///
    /// # Errors
    /// The node does not begin where the range ends, or the tree would be too large.
    pub fn append_node(&mut self, node: NodeId, hash: Hash) -> Result<(), RangeError> {
        self.check_follows(node.begin(), node.end())?;
        self.push(node, hash, &mut |_, _| ());
        Ok(())
    }

    /// Adds another range on the right. O(log^2 n) at worst.
    ///
    /// # Errors
    /// The other range does not begin where this one ends, or the tree would be too large. The
    /// range is then unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<(), RangeError> {
        self.check_follows(other.begin, other.end)?;
        for (node, hash) in covering_nodes(other.begin, other.end).zip(&other.hashes) {
            self.push(node, *hash, &mut |_, _| ());
        }
        Ok(())
    }

    fn check_follows(&self, begin: LeafIndex, end: TreeSize) -> Result<(), RangeError> {
        if begin != self.end.next_index() {
            let end = self.end;
            return Err(RangeError::Gap { end, begin });
        }
        if end > TreeSize::MAX_GROWN {
            return Err(RangeError::TooLarge { wanted: end });
        }
        Ok(())
    }

    /// Adds a node that begins at the end, and joins it with left siblings for as long as those
    /// lie in the range.
    fn push(&mut self, mut node: NodeId, mut hash: Hash, visit: &mut impl FnMut(NodeId, &Hash)) {
        self.end = node.end();
        visit(node, &hash);
        while let Some(parent) = node.parent()
            && node.is_right_child()
            && parent.begin() >= self.begin
        {
            let left = self.hashes.pop();
            let left = left.expect("the left sibling is in the range, hence its last hash");
            hash = node_hash(&left, &hash);
            node = parent;
            visit(node, &hash);
        }
        self.hashes.push(hash);
    }
}

/// The hash over a list of nodes of falling size, as on the right border of a tree: from the last
/// one leftwards. `None` if there are none.
pub(crate) fn fold(hashes: &[Hash]) -> Option<Hash> {
    let (last, rest) = hashes.split_last()?;
    let border = rest.iter().rev();
    Some(border.fold(*last, |right, left| node_hash(left, &right)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hash::leaf_hash;
    use crate::index::NodeLevel;
    use crate::reference;

    fn entries(count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|i| i.to_be_bytes().to_vec()).collect()
    }

    fn range_of(begin: u64, end: u64) -> CompactRange {
        let mut range = CompactRange::empty(LeafIndex::new(begin));
        for i in begin..end {
            range.append(leaf_hash(&i.to_be_bytes()));
        }
        range
    }

    #[test]
    fn root_agrees_with_the_definition_at_every_size() {
        let entries = entries(300);
        let mut range = CompactRange::empty(LeafIndex::ZERO);
        assert_eq!(range.root_hash(), Some(EMPTY_ROOT_HASH));
        for (i, entry) in entries.iter().enumerate() {
            range.append(leaf_hash(entry));
            assert_eq!(
                range.root_hash(),
                Some(reference::root_hash(&entries[..=i]))
            );
            assert_eq!(range.hashes().len(), range.nodes().len());
        }
    }

    #[test]
    fn visitor_sees_each_perfect_node_once() {
        let entries = entries(77);
        let mut seen = Vec::new();
        let mut range = CompactRange::empty(LeafIndex::ZERO);
        for entry in &entries {
            range.append_visit(leaf_hash(entry), &mut |node, hash| seen.push((node, *hash)));
        }
        // The count of stored hashes for 77 leaves: 77 + 38 + 19 + 9 + 4 + 2 + 1.
        assert_eq!(seen.len(), 150);
        for (node, hash) in seen {
            let begin = usize::try_from(node.begin().get()).unwrap();
            let end = usize::try_from(node.end().get()).unwrap();
            assert_eq!(hash, reference::root_hash(&entries[begin..end]));
        }
    }

    #[test]
    fn no_root_for_a_range_that_starts_later() {
        assert_eq!(range_of(1, 4).root_hash(), None);
    }

    #[test]
    fn refuses_a_wrong_number_of_hashes() {
        let (begin, end) = (LeafIndex::ZERO, TreeSize::new(7));
        for found in [0, 2, 4] {
            assert_eq!(
                CompactRange::from_hashes(begin, end, vec![EMPTY_ROOT_HASH; found]),
                Err(RangeError::HashCount { found, wanted: 3 })
            );
        }
    }

    #[test]
    fn refuses_a_reversed_range() {
        let (begin, end) = (LeafIndex::new(8), TreeSize::new(7));
        assert_eq!(
            CompactRange::from_hashes(begin, end, vec![]),
            Err(RangeError::Reversed { begin, end })
        );
    }

    #[test]
    fn refuses_a_gap_and_an_overlap() {
        let mut range = range_of(0, 5);
        let before = range.clone();
        for other in [range_of(4, 6), range_of(6, 7)] {
            let begin = other.begin();
            let end = TreeSize::new(5);
            assert_eq!(range.merge(&other), Err(RangeError::Gap { end, begin }));
        }
        let node = NodeId::new(NodeLevel::LEAF, 6).unwrap();
        assert!(range.append_node(node, EMPTY_ROOT_HASH).is_err());
        assert_eq!(range, before);
    }

    #[test]
    fn refuses_to_grow_past_the_limit() {
        let mut range =
            CompactRange::from_hashes(LeafIndex::ZERO, TreeSize::MAX_GROWN, vec![EMPTY_ROOT_HASH])
                .unwrap();
        let node = NodeId::new(NodeLevel::LEAF, 1 << 62).unwrap();
        let wanted = TreeSize::new((1 << 62) + 1);
        assert_eq!(
            range.append_node(node, EMPTY_ROOT_HASH),
            Err(RangeError::TooLarge { wanted })
        );
    }

    #[test]
    #[should_panic(expected = "admitted only up to the largest tree")]
    fn append_panics_at_the_limit() {
        CompactRange::from_hashes(LeafIndex::ZERO, TreeSize::MAX_GROWN, vec![EMPTY_ROOT_HASH])
            .unwrap()
            .append(EMPTY_ROOT_HASH);
    }

    proptest! {
        #[test]
        fn merging_parts_gives_the_whole(mut cuts in prop::array::uniform3(0u64..400)) {
            cuts.sort_unstable();
            let [begin, middle, end] = cuts;
            let mut joined = range_of(begin, middle);
            joined.merge(&range_of(middle, end)).unwrap();
            let whole = range_of(begin, end);
            prop_assert_eq!(&joined, &whole);
            let kept = CompactRange::from_hashes(whole.begin(), whole.end(), whole.hashes().into());
            prop_assert_eq!(kept.unwrap(), whole);
        }
    }
}
