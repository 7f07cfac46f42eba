//! A log as anybody may read it: bytes by path, wherever they are kept.
//!
//! Whoever re-hashes a log of others gets its bytes by HTTP or from a directory; what is the same
//! for both is here. A log may drop a partial tile or bundle once there is the full one, which
//! begins with it, so what is missing at its width is looked for in full and cut.
//!
//! Not here: files, sockets, retries, keys.
//!
//! Spec: C2SP tlog-tiles, "Partial Tiles".

use crate::entry_bundle::{ENTRY_LEN_BYTES_MAX, prefix_len};
use crate::hash::{HASH_LEN_BYTES, Hash};
use crate::path::{Layout, ResourcePath};
use crate::proof::TileSource;
use crate::rebuild::{LogBytes, tlog_tiles_leaves};
use crate::tile::{BundleRef, TILE_WIDTH_MAX, Tile, TileError, TileRef, TileWidth};

/// Bytes of the longest tile: 256 hashes.
const TILE_LEN_BYTES_MAX: usize = 256 * HASH_LEN_BYTES;

/// Bytes of the longest bundle: 256 entries of the largest size, each behind its length.
const BUNDLE_LEN_BYTES_MAX: usize = 256 * (2 + ENTRY_LEN_BYTES_MAX);

const _: () = assert!(TILE_WIDTH_MAX == 256);

/// Where the bytes of a log are.
pub trait Resources {
    /// Why they could not be read.
    type Error;

    /// All bytes under a path below the log's prefix, `None` if there is nothing under it.
    ///
    /// # Errors
    /// It could not be read, or is longer than `len_bytes_max`.
    fn read(&self, path: &str, len_bytes_max: usize) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// How a log frames its entries.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// How its resources are named.
    pub layout: Layout,
    /// How many bytes of a bundle its first entries take, or why that cannot be told.
    pub prefix_len: fn(&[u8], usize) -> Result<usize, String>,
    /// The leaf hashes of a bundle of that width, or why there are none.
    pub leaves: fn(&[u8], TileWidth) -> Result<Vec<Hash>, String>,
}

impl Framing {
    /// That of C2SP tlog-tiles: each entry behind its length.
    pub const TLOG_TILES: Framing = Framing {
        layout: Layout::TlogTiles,
        prefix_len: |bytes, count| prefix_len(bytes, count).map_err(|error| error.to_string()),
        leaves: |bytes, width| tlog_tiles_leaves(bytes, width).map_err(|error| error.to_string()),
    };
}

/// A log whose bytes somebody publishes. Nothing in it is believed.
#[derive(Clone, Copy, Debug)]
pub struct PublishedLog<R> {
    resources: R,
    framing: Framing,
}

/// Why a resource could not be had. There are no other reasons, so that whoever reads logs in some
/// way can say each in the words of that way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishedError<E> {
    /// It is not there, nor is its full version.
    #[error("it is not there")]
    Missing,
    /// The full version has no such part.
    #[error("it is not there, and {full} can't be cut to {width} ({why})")]
    Cut {
        /// The path of the full version.
        full: String,
        /// To what width.
        width: usize,
        /// What is wrong with it.
        why: String,
    },
    /// It could not be read.
    #[error(transparent)]
    Read(E),
}

/// Why there is no tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishedTileError<E> {
    /// Its bytes could not be had.
    #[error(transparent)]
    Bytes(#[from] PublishedError<E>),
    /// They are no tile of that width.
    #[error("it is no tile: {0}")]
    Tile(TileError),
}

impl<R: Resources + ?Sized> Resources for &R {
    type Error = R::Error;

    fn read(&self, path: &str, len_bytes_max: usize) -> Result<Option<Vec<u8>>, R::Error> {
        (**self).read(path, len_bytes_max)
    }
}

impl<R: Resources> PublishedLog<R> {
    /// A log of that framing.
    #[must_use]
    pub const fn new(resources: R, framing: Framing) -> Self {
        Self { resources, framing }
    }

    /// Where its bytes are.
    #[must_use]
    pub const fn resources(&self) -> &R {
        &self.resources
    }

    /// How it frames its entries.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    fn get(&self, path: &str, len_max: usize) -> Result<Option<Vec<u8>>, PublishedError<R::Error>> {
        let read = self.resources.read(path, len_max);
        read.map_err(PublishedError::Read)
    }

    /// A resource at its width, if need be cut from the full one.
    fn at_width(
        &self,
        (wanted, full): (ResourcePath, ResourcePath),
        width: TileWidth,
        len_bytes_max: usize,
        cut: impl Fn(&[u8]) -> Result<usize, String>,
    ) -> Result<Vec<u8>, PublishedError<R::Error>> {
        let path = self.framing.layout.path(wanted);
        if let Some(bytes) = self.get(&path, len_bytes_max)? {
            return Ok(bytes);
        }
        if wanted == full {
            return Err(PublishedError::Missing);
        }
        let full = self.framing.layout.path(full);
        let mut bytes = self
            .get(&full, len_bytes_max)?
            .ok_or(PublishedError::Missing)?;
        let len = cut(&bytes).map_err(|why| PublishedError::Cut {
            full,
            width: width.count(),
            why,
        })?;
        bytes.truncate(len);
        Ok(bytes)
    }
}

impl<R: Resources> LogBytes for PublishedLog<R> {
    type Error = PublishedError<R::Error>;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, Self::Error> {
        let full = ResourcePath::Tile(TileRef::new(tile.id, TileWidth::FULL));
        let len = tile.width.count().saturating_mul(HASH_LEN_BYTES);
        let cut = |bytes: &[u8]| match bytes.len() {
            found if found >= len => Ok(len),
            found => Err(format!("it has {found} bytes")),
        };
        let paths = (ResourcePath::Tile(tile), full);
        self.at_width(paths, tile.width, TILE_LEN_BYTES_MAX, cut)
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, Self::Error> {
        let full = ResourcePath::Entries(BundleRef::new(bundle.index, TileWidth::FULL));
        let cut = |bytes: &[u8]| (self.framing.prefix_len)(bytes, bundle.width.count());
        let paths = (ResourcePath::Entries(bundle), full);
        self.at_width(paths, bundle.width, BUNDLE_LEN_BYTES_MAX, cut)
    }
}

impl<R: Resources> TileSource for PublishedLog<R> {
    type Error = PublishedTileError<R::Error>;

    fn tile(&self, tile: TileRef) -> Result<Tile, Self::Error> {
        let bytes = LogBytes::tile(self, tile)?;
        Tile::parse(&bytes, tile.width).map_err(PublishedTileError::Tile)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;
    use crate::entry_bundle::append_entry;
    use crate::hash::leaf_hash;
    use crate::tile::{TileId, TileLevel};

    /// Bytes by path, and what was asked for.
    #[derive(Debug, Default)]
    struct Shelf {
        bytes: BTreeMap<String, Vec<u8>>,
        asked: RefCell<Vec<String>>,
    }

    impl Resources for Shelf {
        type Error = Infallible;

        fn read(&self, path: &str, _: usize) -> Result<Option<Vec<u8>>, Infallible> {
            self.asked.borrow_mut().push(path.to_owned());
            Ok(self.bytes.get(path).cloned())
        }
    }

    fn log(bytes: &[(&str, &[u8])]) -> PublishedLog<Shelf> {
        let bytes = bytes.iter().map(|(p, b)| ((*p).to_owned(), b.to_vec()));
        let shelf = Shelf {
            bytes: bytes.collect(),
            ..Shelf::default()
        };
        PublishedLog::new(shelf, Framing::TLOG_TILES)
    }

    fn tile(width: u16) -> TileRef {
        let id = TileId::new(TileLevel::LEAF, 0);
        TileRef::new(id, TileWidth::new(width).unwrap())
    }

    fn bundle(width: u16) -> BundleRef {
        BundleRef::new(0, TileWidth::new(width).unwrap())
    }

    fn framed(entries: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in entries {
            append_entry(&mut bytes, entry).unwrap();
        }
        bytes
    }

    #[test]
    fn what_is_there_at_its_width_is_not_looked_for_elsewhere() {
        let log = log(&[("tile/0/000.p/1", &[7; 32])]);
        assert_eq!(LogBytes::tile(&log, tile(1)).unwrap(), [7; 32]);
        assert_eq!(*log.resources().asked.borrow(), ["tile/0/000.p/1"]);
    }

    #[test]
    fn a_dropped_partial_version_is_cut_from_the_full_one() {
        let entries = framed(&[b"one", b"two", b"six"]);
        let log = log(&[
            ("tile/0/000", &[7; 256 * 32]),
            ("tile/entries/000", &entries),
        ]);
        assert_eq!(LogBytes::tile(&log, tile(2)).unwrap(), [7; 64]);
        let two = LogBytes::bundle(&log, bundle(2)).unwrap();
        assert_eq!(two, framed(&[b"one", b"two"]));
        let leaves = (log.framing().leaves)(&two, TileWidth::new(2).unwrap()).unwrap();
        assert_eq!(leaves, [leaf_hash(b"one"), leaf_hash(b"two")]);
        let parsed = TileSource::tile(&log, tile(2)).unwrap();
        assert_eq!(parsed.hashes().len(), 2);
    }

    #[test]
    fn what_is_nowhere_is_missing() {
        let log = log(&[]);
        for width in [3, 256] {
            let missing = Err(PublishedError::Missing);
            assert_eq!(LogBytes::tile(&log, tile(width)), missing);
            assert_eq!(LogBytes::bundle(&log, bundle(width)), missing);
        }
        let asked = log.resources().asked.borrow();
        let full = asked.iter().filter(|path| *path == "tile/0/000").count();
        assert_eq!(full, 2, "a full tile is asked for once");
    }

    #[test]
    fn a_full_version_that_is_too_short_is_named() {
        let log = log(&[("tile/0/000", &[7; 32]), ("tile/entries/000", &[0, 9])]);
        let why = LogBytes::tile(&log, tile(2)).unwrap_err().to_string();
        assert!(
            why.contains("tile/0/000") && why.contains("32 bytes"),
            "{why}"
        );
        let refused = LogBytes::bundle(&log, bundle(1));
        assert!(matches!(refused, Err(PublishedError::Cut { width: 1, .. })));
    }
}
