//! What an entry becomes in a given kind of log.
//!
//! The engine orders, stores and publishes entries without knowing what they are. A [`Format`]
//! says how an entry, once it has an index and a time, becomes the bytes that are hashed (its
//! leaf) and the bytes that are kept (its stored form), and how stored entries are framed in an
//! entry bundle. In a tlog-tiles log all three are the entry itself behind a length; in a
//! Certificate Transparency log the leaf holds its own index and time, and more is kept than is
//! hashed.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use tiles::{Hash, Layout, LeafIndex, Tile};

use crate::UnixMillis;
use crate::error::StoreError;
use crate::store::{OBJECT_WIDTH, ObjectId};

/// What makes two entries the same: one identity has one index, for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity([u8; 32]);

impl Identity {
    /// An identity from its bytes: a collision-resistant hash, all 32 bytes of it. Shorter keys
    /// have let attackers obtain promises for entries that were never logged.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The usual identity: the leaf hash of the entry.
    #[must_use]
    pub fn of_leaf(leaf: &[u8]) -> Self {
        Self(*tiles::leaf_hash(leaf).as_bytes())
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", Hash::new(self.0))
    }
}

/// An entry that has no index yet.
#[derive(Clone, Debug)]
pub struct UnfinishedEntry {
    identity: Identity,
    content: Bytes,
    /// Whether the identity is the leaf hash of the content because it was computed here.
    identity_is_leaf_hash: bool,
}

impl UnfinishedEntry {
    /// An entry whose identity is the leaf hash of `content`, as in a log whose leaves are the
    /// submitted bytes.
    #[must_use]
    pub fn new(content: Bytes) -> Self {
        Self {
            identity: Identity::of_leaf(&content),
            content,
            identity_is_leaf_hash: true,
        }
    }

    /// As [`UnfinishedEntry::new`] for each of `contents`, in order, and faster than one by one:
    /// several are hashed at a time.
    #[must_use]
    pub fn many(contents: Vec<Bytes>) -> Vec<Self> {
        let mut hashes = Vec::with_capacity(contents.len());
        tiles::leaf_hashes(&contents, &mut hashes);
        let hashed = contents.into_iter().zip(hashes);
        let entries = hashed.map(|(content, hash)| Self {
            identity: Identity(*hash.as_bytes()),
            content,
            identity_is_leaf_hash: true,
        });
        entries.collect()
    }

    /// An entry whose identity the caller's protocol defines.
    #[must_use]
    pub const fn with_identity(identity: Identity, content: Bytes) -> Self {
        Self {
            identity,
            content,
            identity_is_leaf_hash: false,
        }
    }

    pub(crate) const fn identity_is_leaf_hash(&self) -> bool {
        self.identity_is_leaf_hash
    }

    /// What makes this entry the same as another.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// What the log's format will finish.
    #[must_use]
    pub const fn content(&self) -> &Bytes {
        &self.content
    }
}

/// An entry with an index and a time. Where nothing is added to the content, it is the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedEntry<'a> {
    /// The bytes whose leaf hash enters the tree.
    pub leaf: Cow<'a, [u8]>,
    /// The bytes kept in the entry bundle.
    pub stored: Cow<'a, [u8]>,
}

/// How entries of one kind of log become leaves and bundles. Implementations are pure.
pub trait Format: Send + Sync + fmt::Debug {
    /// Name of the format, fixed in the store when the log is created.
    fn name(&self) -> &'static str;

    /// What its resources are called in public.
    fn layout(&self) -> Layout {
        Layout::TlogTiles
    }

    /// Whether a leaf is the submitted content and its hash the entry's identity. Then no entry is
    /// hashed twice, and one that was given another identity is refused.
    fn identity_is_leaf_hash(&self) -> bool {
        false
    }

    /// The identity that a stored entry was added under: the index of identities is rebuilt from
    /// it, so it must follow from the stored bytes alone.
    ///
    /// # Errors
    /// If `stored` is not a stored entry of this format.
    fn identity_of(&self, stored: &[u8]) -> Result<Identity, FormatError>;

    /// Most bytes of unfinished content an entry may have. [`Format::finish`] accepts any content
    /// within it.
    fn content_len_bytes_max(&self) -> usize;

    /// Gives `content` its index and time.
    fn finish<'a>(
        &self,
        content: &'a [u8],
        index: LeafIndex,
        time: UnixMillis,
    ) -> FinishedEntry<'a>;

    /// Appends a stored entry to the bytes of its bundle.
    ///
    /// # Errors
    /// If the stored form does not fit the framing.
    fn append_to_bundle(&self, stored: &[u8], bundle: &mut Vec<u8>) -> Result<(), FormatError>;

    /// The stored entries of a bundle that holds exactly `count` of them.
    ///
    /// # Errors
    /// If the bytes are not exactly that.
    fn split_bundle<'a>(
        &self,
        bundle: &'a [u8],
        count: usize,
    ) -> Result<Vec<&'a [u8]>, FormatError>;

    /// How many bytes the first `count` entries of a bundle take.
    ///
    /// # Errors
    /// If the bundle holds fewer entries.
    fn bundle_prefix_len(&self, bundle: &[u8], count: usize) -> Result<usize, FormatError>;

    /// The hashed bytes of a stored entry.
    ///
    /// # Errors
    /// If `stored` is not a stored entry of this format.
    fn leaf_of<'a>(&self, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError>;
}

/// Bytes that are not what the format wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{format} {what}")]
pub struct FormatError {
    /// Name of the format.
    pub format: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Checks that the entries of bundle `index` hash to `leaves`, all of them.
pub(crate) fn check_bundle(
    format: &dyn Format,
    index: u64,
    bundle: &[u8],
    leaves: &Tile,
) -> Result<(), StoreError> {
    let damaged = |why: String| StoreError::damaged(ObjectId::Bundle(index).to_string(), why);
    let entries = format
        .split_bundle(bundle, leaves.hashes().len())
        .map_err(|error| damaged(error.to_string()))?;
    let hashed: Result<Vec<_>, FormatError> =
        entries.iter().map(|entry| format.leaf_of(entry)).collect();
    let hashed = hashed.map_err(|error| damaged(error.to_string()))?;
    let mut hashes = Vec::with_capacity(hashed.len());
    tiles::leaf_hashes(&hashed, &mut hashes);
    let mut numbered = (index * OBJECT_WIDTH..).zip(hashes.iter().zip(leaves.hashes()));
    if let Some((number, _)) = numbered.find(|(_, (found, wanted))| found != wanted) {
        return Err(damaged(format!("entry {number} does not hash to its leaf")));
    }
    Ok(())
}

/// The format of C2SP tlog-tiles: leaf, stored entry and submitted entry are the same bytes, and a
/// bundle is a sequence of 16-bit big-endian lengths and entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct TlogTiles;

impl TlogTiles {
    const NAME: &'static str = "tlog-tiles";

    fn error(cause: impl fmt::Display) -> FormatError {
        FormatError {
            format: Self::NAME,
            what: format!("entry bundle: {cause}"),
        }
    }
}

impl Format for TlogTiles {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn identity_is_leaf_hash(&self) -> bool {
        true
    }

    fn content_len_bytes_max(&self) -> usize {
        tiles::ENTRY_LEN_BYTES_MAX
    }

    fn identity_of(&self, stored: &[u8]) -> Result<Identity, FormatError> {
        Ok(Identity::of_leaf(stored))
    }

    fn finish<'a>(
        &self,
        content: &'a [u8],
        _index: LeafIndex,
        _time: UnixMillis,
    ) -> FinishedEntry<'a> {
        FinishedEntry {
            leaf: Cow::Borrowed(content),
            stored: Cow::Borrowed(content),
        }
    }

    fn append_to_bundle(&self, stored: &[u8], bundle: &mut Vec<u8>) -> Result<(), FormatError> {
        tiles::append_entry(bundle, stored).map_err(Self::error)
    }

    fn split_bundle<'a>(
        &self,
        bundle: &'a [u8],
        count: usize,
    ) -> Result<Vec<&'a [u8]>, FormatError> {
        let width = u16::try_from(count).ok().and_then(tiles::TileWidth::new);
        let width = width.ok_or_else(|| Self::error("impossible count"))?;
        let parsed = tiles::EntryBundle::parse(bundle, width).map_err(Self::error)?;
        Ok(parsed.into_entries())
    }

    fn bundle_prefix_len(&self, bundle: &[u8], count: usize) -> Result<usize, FormatError> {
        tiles::prefix_len(bundle, count).map_err(Self::error)
    }

    fn leaf_of<'a>(&self, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
        Ok(Cow::Borrowed(stored))
    }
}

/// A format whose leaf holds its own index and time, and that keeps more than it hashes (feature
/// `testing`). It stands in for every log kind in which an entry cannot be finished before it is
/// sequenced.
///
/// Leaf: index and time, 8 bytes each, then the content. Stored: the leaf, then the content's
/// length in 2 bytes, which is not hashed. A bundle frames each stored entry like tlog-tiles.
#[cfg(any(test, feature = "testing"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexedLeaf;

#[cfg(any(test, feature = "testing"))]
impl IndexedLeaf {
    const UNHASHED_LEN: usize = 2;
    const HEADER_LEN: usize = 16;

    fn too_short() -> FormatError {
        FormatError {
            format: "indexed-leaf",
            what: "entry is too short".to_owned(),
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Format for IndexedLeaf {
    fn name(&self) -> &'static str {
        "indexed-leaf"
    }

    fn content_len_bytes_max(&self) -> usize {
        tiles::ENTRY_LEN_BYTES_MAX - Self::HEADER_LEN - Self::UNHASHED_LEN
    }

    fn identity_of(&self, stored: &[u8]) -> Result<Identity, FormatError> {
        let leaf = self.leaf_of(stored)?;
        leaf.get(Self::HEADER_LEN..)
            .map(Identity::of_leaf)
            .ok_or_else(Self::too_short)
    }

    fn finish<'a>(
        &self,
        content: &'a [u8],
        index: LeafIndex,
        time: UnixMillis,
    ) -> FinishedEntry<'a> {
        let mut bytes = Vec::with_capacity(content.len() + Self::HEADER_LEN + Self::UNHASHED_LEN);
        bytes.extend_from_slice(&index.get().to_be_bytes());
        bytes.extend_from_slice(&time.get().to_be_bytes());
        bytes.extend_from_slice(content);
        let leaf = bytes.clone();
        let content_len = u16::try_from(content.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&content_len.to_be_bytes());
        FinishedEntry {
            leaf: Cow::Owned(leaf),
            stored: Cow::Owned(bytes),
        }
    }

    fn append_to_bundle(&self, stored: &[u8], bundle: &mut Vec<u8>) -> Result<(), FormatError> {
        TlogTiles.append_to_bundle(stored, bundle)
    }

    fn split_bundle<'a>(
        &self,
        bundle: &'a [u8],
        count: usize,
    ) -> Result<Vec<&'a [u8]>, FormatError> {
        TlogTiles.split_bundle(bundle, count)
    }

    fn bundle_prefix_len(&self, bundle: &[u8], count: usize) -> Result<usize, FormatError> {
        TlogTiles.bundle_prefix_len(bundle, count)
    }

    fn leaf_of<'a>(&self, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
        let leaf_len = stored.len().checked_sub(Self::UNHASHED_LEN);
        let leaf = leaf_len.and_then(|len| stored.get(..len));
        leaf.map(Cow::Borrowed).ok_or_else(Self::too_short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: &dyn Format, contents: &[&'static [u8]]) {
        let mut bundle = Vec::new();
        let mut finished = Vec::new();
        for (index, content) in (0..).zip(contents) {
            let entry = format.finish(content, LeafIndex::new(index), UnixMillis::new(7));
            format.append_to_bundle(&entry.stored, &mut bundle).unwrap();
            let identity = format.identity_of(&entry.stored).unwrap();
            assert_eq!(identity, Identity::of_leaf(content));
            finished.push(entry);
        }
        let split = format.split_bundle(&bundle, contents.len()).unwrap();
        for (stored, entry) in split.iter().zip(&finished) {
            assert_eq!(*stored, &entry.stored[..]);
            assert_eq!(format.leaf_of(stored).unwrap(), &entry.leaf[..]);
        }
        let one = format.bundle_prefix_len(&bundle, 1).unwrap();
        assert_eq!(
            format.split_bundle(&bundle[..one], 1).unwrap(),
            vec![&finished[0].stored[..]]
        );
        assert!(format.split_bundle(&bundle, contents.len() + 1).is_err());
        bundle.push(0);
        assert!(format.split_bundle(&bundle, contents.len()).is_err());
    }

    #[test]
    fn both_formats_split_what_they_framed() {
        check(&TlogTiles, &[b"a", b"", b"ccc"]);
        check(&IndexedLeaf, &[b"a", b"", b"ccc"]);
    }

    #[test]
    fn many_entries_are_the_same_as_one_by_one() {
        let contents = || (0..7_u8).map(|n| Bytes::from(vec![n; usize::from(n)]));
        let many = UnfinishedEntry::many(contents().collect());
        for (one, content) in many.iter().zip(contents()) {
            assert_eq!(
                one.identity(),
                UnfinishedEntry::new(content.clone()).identity()
            );
            assert_eq!(one.content(), &content);
            assert!(one.identity_is_leaf_hash());
        }
        assert_eq!(many.len(), 7);
    }

    #[test]
    fn an_indexed_leaf_depends_on_its_index_and_time() {
        let leaf = |index, time| {
            IndexedLeaf
                .finish(b"x", LeafIndex::new(index), UnixMillis::new(time))
                .leaf
        };
        assert_ne!(leaf(0, 1), leaf(1, 1));
        assert_ne!(leaf(0, 1), leaf(0, 2));
    }
}
