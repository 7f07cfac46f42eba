//! What an entry becomes in a certificate log (C2SP static-ct-api): a tile leaf, of which only the
//! first part is hashed.
//!
//! An unfinished entry is a leaf with index and time zero; finishing it puts the two in. Its
//! identity is what was submitted, so it can be read from any stored leaf.

use std::borrow::Cow;
use std::fmt;

use engine::{FinishedEntry, Format, FormatError, Identity, UnixMillis};
use sigstore::TileLeaf;
use sigstore::ct_entry::TILE_LEAF_LEN_BYTES_MAX;
use tiles::{Layout, LeafIndex};

/// The format of certificate logs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StaticCt;

impl StaticCt {
    const NAME: &'static str = "static-ct";

    fn error(cause: &dyn fmt::Display) -> FormatError {
        FormatError {
            format: Self::NAME,
            what: cause.to_string(),
        }
    }

    fn parse(stored: &[u8]) -> Result<TileLeaf<'_>, FormatError> {
        TileLeaf::parse(stored).map_err(|error| Self::error(&error))
    }

    /// The leaf, and what is hashed of it.
    fn encode(leaf: &TileLeaf<'_>) -> Option<FinishedEntry<'static>> {
        Some(FinishedEntry {
            leaf: Cow::Owned(leaf.tree_leaf().ok()?),
            stored: Cow::Owned(leaf.encode().ok()?),
        })
    }
}

impl Format for StaticCt {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn layout(&self) -> Layout {
        Layout::StaticCt
    }

    fn identity_of(&self, stored: &[u8]) -> Result<Identity, FormatError> {
        Ok(Identity::new(Self::parse(stored)?.logged.identity()))
    }

    fn content_len_bytes_max(&self) -> usize {
        TILE_LEAF_LEN_BYTES_MAX
    }

    /// What is no leaf, or has no place below 2^40, becomes an entry that no bundle takes.
    fn finish<'a>(
        &self,
        content: &'a [u8],
        index: LeafIndex,
        time: UnixMillis,
    ) -> FinishedEntry<'a> {
        let leaf = TileLeaf::parse(content).ok().map(|leaf| TileLeaf {
            index,
            timestamp: sigstore::UnixMillis::new(time.get()),
            ..leaf
        });
        let finished = leaf.as_ref().and_then(Self::encode);
        finished.unwrap_or(FinishedEntry {
            leaf: Cow::Borrowed(&[]),
            stored: Cow::Borrowed(&[]),
        })
    }

    fn append_to_bundle(&self, stored: &[u8], bundle: &mut Vec<u8>) -> Result<(), FormatError> {
        Self::parse(stored)?;
        bundle.extend_from_slice(stored);
        Ok(())
    }

    fn split_bundle<'a>(
        &self,
        bundle: &'a [u8],
        count: usize,
    ) -> Result<Vec<&'a [u8]>, FormatError> {
        let mut rest = bundle;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let (entry, after) = split_first(rest)?;
            entries.push(entry);
            rest = after;
        }
        if rest.is_empty() {
            return Ok(entries);
        }
        let found = rest.len();
        let what = format!("{found} bytes after {count} leaves of a data tile");
        Err(Self::error(&what))
    }

    fn bundle_prefix_len(&self, bundle: &[u8], count: usize) -> Result<usize, FormatError> {
        let mut rest = bundle;
        for _ in 0..count {
            rest = split_first(rest)?.1;
        }
        Ok(bundle.len().saturating_sub(rest.len()))
    }

    fn leaf_of<'a>(&self, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
        let leaf = Self::parse(stored)?
            .tree_leaf()
            .map_err(|error| Self::error(&error))?;
        Ok(Cow::Owned(leaf))
    }
}

/// The first leaf of a data tile, and what follows.
fn split_first(bytes: &[u8]) -> Result<(&[u8], &[u8]), FormatError> {
    let (_, rest) = TileLeaf::parse_first(bytes).map_err(|error| StaticCt::error(&error))?;
    let len = bytes.len().saturating_sub(rest.len());
    Ok(bytes.split_at(len))
}

#[cfg(test)]
mod tests {
    use sigstore::ct_entry::{LEAF_INDEX_MAX, Logged};

    use super::*;

    fn content(logged: Logged<'_>) -> Vec<u8> {
        let leaf = TileLeaf {
            timestamp: sigstore::UnixMillis::default(),
            index: LeafIndex::new(0),
            logged,
            issuers: vec![[7; 32], [8; 32]],
        };
        leaf.encode().unwrap()
    }

    const PRECERTIFICATE: Logged<'static> = Logged::Precertificate {
        der: b"precertificate",
        issuer_key_hash: [1; 32],
        tbs: b"to be signed",
    };

    #[test]
    fn a_data_tile_comes_apart_into_what_was_framed() {
        let contents = [
            content(PRECERTIFICATE),
            content(Logged::Certificate { der: b"" }),
            content(Logged::Certificate {
                der: b"certificate",
            }),
        ];
        let mut bundle = Vec::new();
        let mut stored = Vec::new();
        for (index, content) in (300..).zip(&contents) {
            let time = UnixMillis::new(1_000_000 + index);
            let entry = StaticCt.finish(content, LeafIndex::new(index), time);
            StaticCt
                .append_to_bundle(&entry.stored, &mut bundle)
                .unwrap();
            assert_eq!(StaticCt.leaf_of(&entry.stored).unwrap(), entry.leaf);
            let leaf = TileLeaf::parse(&entry.stored).unwrap();
            assert_eq!(
                (leaf.index.get(), leaf.timestamp.get()),
                (index, time.get())
            );
            let identity = StaticCt.identity_of(content).unwrap();
            assert_eq!(StaticCt.identity_of(&entry.stored), Ok(identity));
            stored.push(entry.stored.into_owned());
        }
        assert_eq!(StaticCt.split_bundle(&bundle, 3).unwrap(), stored);
        let two = StaticCt.bundle_prefix_len(&bundle, 2).unwrap();
        assert_eq!(
            StaticCt.split_bundle(&bundle[..two], 2).unwrap(),
            stored[..2]
        );
        assert!(StaticCt.split_bundle(&bundle, 2).is_err());
        assert!(StaticCt.split_bundle(&bundle, 4).is_err());
        bundle.push(0);
        assert!(StaticCt.split_bundle(&bundle, 3).is_err());
    }

    #[test]
    fn the_leaf_that_is_hashed_depends_on_index_and_time() {
        let content = content(PRECERTIFICATE);
        let leaf = |index, time| {
            let entry = StaticCt.finish(&content, LeafIndex::new(index), UnixMillis::new(time));
            entry.leaf.into_owned()
        };
        assert_ne!(leaf(0, 1), leaf(1, 1));
        assert_ne!(leaf(0, 1), leaf(0, 2));
    }

    #[test]
    fn what_can_have_no_place_is_taken_by_no_bundle() {
        let beyond = LeafIndex::new(LEAF_INDEX_MAX.get() + 1);
        let content = content(PRECERTIFICATE);
        for (content, index) in [(&content[..], beyond), (b"no leaf", LeafIndex::new(0))] {
            let entry = StaticCt.finish(content, index, UnixMillis::new(1));
            let mut bundle = Vec::new();
            assert!(
                StaticCt
                    .append_to_bundle(&entry.stored, &mut bundle)
                    .is_err()
            );
        }
    }
}
