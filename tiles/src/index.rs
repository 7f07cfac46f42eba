//! Where things are in a tree: leaf indices, tree sizes, nodes.
//!
//! Each is its own type, so that an index is never taken for a size. A [`NodeId`] names a perfect
//! node, one whose 2^level leaves all exist; the incomplete nodes on the right border of a tree
//! have no name, because they are never stored.

use std::fmt;

/// The position of a leaf, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(u64);

impl LeafIndex {
    /// The first leaf.
    pub const ZERO: Self = Self(0);

    /// Any `u64` is an index; whether a tree has it is for [`TreeSize::contains`] to say.
    #[must_use]
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// The index as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many leaves a tree has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize(u64);

impl TreeSize {
    /// The tree without leaves.
    pub const ZERO: Self = Self(0);

    /// The largest tree that may be grown, 2^62 leaves.
    ///
    /// Up to here a consistency proof has at most 63 hashes, which is all that witnesses accept
    /// (C2SP tlog-witness). Verifiers take any `u64`.
    pub const MAX_GROWN: Self = Self(1 << 62);

    /// Any `u64` is a size.
    #[must_use]
    pub const fn new(size: u64) -> Self {
        Self(size)
    }

    /// The size as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether a tree of this size has that leaf.
    #[must_use]
    pub const fn contains(self, index: LeafIndex) -> bool {
        index.0 < self.0
    }

    /// The size after `count` more leaves; `None` beyond 2^64-1.
    #[must_use]
    pub const fn checked_add(self, count: u64) -> Option<Self> {
        match self.0.checked_add(count) {
            Some(size) => Some(Self(size)),
            None => None,
        }
    }

    /// The index that the next leaf of a tree of this size gets.
    #[must_use]
    pub const fn next_index(self) -> LeafIndex {
        LeafIndex(self.0)
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The height of a node above the leaves, 0 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeLevel(u8);

impl NodeLevel {
    /// The leaves.
    pub const LEAF: Self = Self(0);
    /// The highest level that a tree of up to 2^64-1 leaves has a perfect node on.
    pub const MAX: Self = Self(63);

    /// `None` above 63.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if level <= Self::MAX.0 {
            Some(Self(level))
        } else {
            None
        }
    }

    /// The level as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A perfect node: the one over leaves `index * 2^level` up to `(index + 1) * 2^level`.
///
/// The end of that range fits a [`TreeSize`]: there is no id for a node that no tree can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    level: NodeLevel,
    index: u64,
}

impl NodeId {
    /// `None` if the node would end beyond leaf 2^64-1.
    #[must_use]
    pub const fn new(level: NodeLevel, index: u64) -> Option<Self> {
        // The end is (index + 1) << level; it fits exactly if index + 1 fits in 64 - level bits.
        match index.checked_add(1) {
            Some(end) if end <= u64::MAX >> level.0 => Some(Self { level, index }),
            _ => None,
        }
    }

    /// The leaf at `index`; `None` for 2^64-1, which no tree can contain.
    #[must_use]
    pub const fn leaf(index: LeafIndex) -> Option<Self> {
        Self::new(NodeLevel::LEAF, index.0)
    }

    /// Height above the leaves.
    #[must_use]
    pub const fn level(self) -> NodeLevel {
        self.level
    }

    /// Position among the nodes of its level, from 0.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// The first leaf below the node.
    #[must_use]
    pub const fn begin(self) -> LeafIndex {
        LeafIndex(self.index << self.level.0)
    }

    /// The smallest tree that has the whole node: the end of its leaf range.
    #[must_use]
    pub const fn end(self) -> TreeSize {
        TreeSize((self.index + 1) << self.level.0)
    }

    /// Whether the node is the right child of its parent.
    #[must_use]
    pub const fn is_right_child(self) -> bool {
        self.index % 2 == 1
    }

    /// The node above; `None` if no tree can have it whole.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match NodeLevel::new(self.level.0 + 1) {
            Some(level) => Self::new(level, self.index / 2),
            None => None,
        }
    }

    /// The other child of the same parent; `None` if no tree can have it whole.
    #[must_use]
    pub const fn sibling(self) -> Option<Self> {
        Self::new(self.level, self.index ^ 1)
    }
}

/// The minimal list of perfect nodes that covers leaves `begin` up to `end`, left to right.
///
/// Empty if `begin` is not before `end`; never more than 126 nodes.
pub(crate) fn covering_nodes(begin: LeafIndex, end: TreeSize) -> impl Iterator<Item = NodeId> {
    let mut next = begin.0;
    std::iter::from_fn(move || {
        let left = end.0.checked_sub(next).filter(|left| *left > 0)?;
        // The largest node that starts at `next` and fits into what is left; a level is at most 63.
        let level = next.trailing_zeros().min(left.ilog2());
        let level = NodeLevel(u8::try_from(level).ok()?);
        let node = NodeId {
            level,
            index: next >> level.0,
        };
        next = node.end().0;
        Some(node)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(level: u8, index: u64) -> Option<NodeId> {
        NodeId::new(NodeLevel::new(level).unwrap(), index)
    }

    #[test]
    fn sizes_contain_smaller_indices() {
        assert!(!TreeSize::ZERO.contains(LeafIndex::ZERO));
        assert!(TreeSize::new(5).contains(LeafIndex::new(4)));
        assert!(!TreeSize::new(5).contains(LeafIndex::new(5)));
        assert!(TreeSize::new(u64::MAX).contains(LeafIndex::new(u64::MAX - 1)));
        assert_eq!(TreeSize::new(5).next_index(), LeafIndex::new(5));
    }

    #[test]
    fn sizes_do_not_overflow() {
        assert_eq!(TreeSize::new(5).checked_add(2), Some(TreeSize::new(7)));
        assert_eq!(TreeSize::new(u64::MAX).checked_add(1), None);
    }

    #[test]
    fn levels_end_at_63() {
        assert_eq!(NodeLevel::new(63), Some(NodeLevel::MAX));
        assert_eq!(NodeLevel::new(64), None);
    }

    #[test]
    fn nodes_that_no_tree_has_are_refused() {
        assert!(node(0, u64::MAX - 1).is_some());
        assert!(node(0, u64::MAX).is_none());
        assert!(node(1, (u64::MAX >> 1) - 1).is_some());
        assert!(node(1, u64::MAX >> 1).is_none());
        assert!(node(63, 0).is_some());
        assert!(node(63, 1).is_none());
    }

    #[test]
    fn family_of_a_node() {
        let child = node(3, 5).unwrap();
        assert_eq!(child.begin(), LeafIndex::new(40));
        assert_eq!(child.end(), TreeSize::new(48));
        assert!(child.is_right_child());
        assert_eq!(child.sibling(), node(3, 4));
        assert_eq!(child.parent(), node(4, 2));
        assert_eq!(node(63, 0).unwrap().parent(), None);
        assert_eq!(node(63, 0).unwrap().sibling(), None);
    }

    #[test]
    fn covering_nodes_meet_and_are_minimal() {
        for begin in 0..40 {
            for end in begin..=40 {
                check_cover(begin, end);
            }
        }
        check_cover(1, u64::MAX);
        check_cover(0, u64::MAX);
        check_cover(1 << 63, u64::MAX);
    }

    fn check_cover(begin: u64, end: u64) {
        let nodes: Vec<NodeId> =
            covering_nodes(LeafIndex::new(begin), TreeSize::new(end)).collect();
        let mut reached = begin;
        for node in &nodes {
            assert_eq!(node.begin().get(), reached);
            assert_eq!(NodeId::new(node.level(), node.index()), Some(*node));
            reached = node.end().get();
        }
        assert_eq!(reached, end);
        for pair in nodes.windows(2) {
            assert!(pair[0].sibling() != Some(pair[1]) || pair[0].is_right_child());
        }
    }

    #[test]
    fn nothing_covers_an_empty_range() {
        assert_eq!(
            covering_nodes(LeafIndex::new(7), TreeSize::new(7)).count(),
            0
        );
        assert_eq!(
            covering_nodes(LeafIndex::new(8), TreeSize::new(7)).count(),
            0
        );
    }
}
