//! Entry bundles: the entries below a level-0 tile, each behind its length (C2SP tlog-tiles).
//!
//! A bundle is a sequence of entries, each two bytes of big-endian length and then the entry. It
//! has neither a count nor a trailer: how many entries it has follows from the tree's size, so the
//! parser is told, and refuses a bundle that has fewer, more, or half an entry.

use crate::tile::TileWidth;

/// Length of the longest entry that the framing can carry.
pub const ENTRY_LEN_BYTES_MAX: usize = 65_535;

/// Length of the longest bundle: 256 entries of the longest kind.
pub const BUNDLE_LEN_BYTES_MAX: usize = 256 * (LEN_BYTES + ENTRY_LEN_BYTES_MAX);

/// How many bytes an entry's length takes.
const LEN_BYTES: usize = 2;

/// The entries of a bundle, borrowed from its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBundle<'a> {
    entries: Vec<&'a [u8]>,
}

/// Why bytes are not the bundle they should be, or an entry fits none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bytes end before the last entry that should be there begins.
    #[error("a bundle of {wanted} entries ends after {found}")]
    TooFew {
        /// How many entries there were.
        found: usize,
        /// How many there should have been.
        wanted: usize,
    },
    /// There is something after the last entry that should be there.
    #[error("{trailing_len} bytes follow the last of {wanted} entries")]
    Trailing {
        /// How many bytes are left over.
        trailing_len: usize,
        /// How many entries there should have been, at most.
        wanted: usize,
    },
    /// The bytes end inside an entry or its length.
    #[error("entry {position} of the bundle takes {wanted} bytes, but {found} are left")]
    Truncated {
        /// Which entry of the bundle, from 0.
        position: usize,
        /// How many bytes were left for it.
        found: usize,
        /// How many bytes it should take.
        wanted: usize,
    },
    /// The entry is longer than the framing can carry.
    #[error("an entry has at most {ENTRY_LEN_BYTES_MAX} bytes, found {found}")]
    EntryTooLong {
        /// How many bytes the entry has.
        found: usize,
    },
}

impl<'a> EntryBundle<'a> {
    /// Reads a bundle of a width that is known beforehand, from the tree's size.
    ///
    /// # Errors
    /// The bytes are not exactly `width` entries.
    pub fn parse(bytes: &'a [u8], width: TileWidth) -> Result<Self, BundleError> {
        let wanted = width.count();
        let bundle = Self::parse_any(bytes, wanted)?;
        let found = bundle.entries.len();
        if found < wanted {
            return Err(BundleError::TooFew { found, wanted });
        }
        Ok(bundle)
    }

    /// Reads a sequence of entries whose count is not known beforehand, possibly none.
    ///
    /// # Errors
    /// The bytes end inside an entry, or there are more than `count_max` entries.
    pub fn parse_any(bytes: &'a [u8], count_max: usize) -> Result<Self, BundleError> {
        let mut entries = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if entries.len() == count_max {
                return Err(BundleError::Trailing {
                    trailing_len: rest.len(),
                    wanted: count_max,
                });
            }
            let (entry, after) = split_entry(rest, entries.len())?;
            entries.push(entry);
            rest = after;
        }
        Ok(Self { entries })
    }

    /// The entries, in the order of their indices.
    #[must_use]
    pub fn entries(&self) -> &[&'a [u8]] {
        &self.entries
    }

    /// The entries, out of the bundle.
    #[must_use]
    pub fn into_entries(self) -> Vec<&'a [u8]> {
        self.entries
    }

    /// The bytes of the resource: those it was parsed from.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in &self.entries {
            append_parsed(&mut out, entry);
        }
        out
    }
}

/// Adds an entry at the end of a bundle.
///
/// # Errors
/// The entry is longer than [`ENTRY_LEN_BYTES_MAX`]. `out` is then unchanged.
pub fn append_entry(out: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let found = entry.len();
    let len = u16::try_from(found).map_err(|_| BundleError::EntryTooLong { found })?;
    out.reserve(LEN_BYTES + found);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(entry);
    Ok(())
}

fn append_parsed(out: &mut Vec<u8>, entry: &[u8]) {
    append_entry(out, entry).expect("the length of a parsed entry was two bytes");
}

/// How many bytes the first `count` entries take: a bundle cut there is the bundle as it was when
/// it had that width.
///
/// # Errors
/// There are fewer entries, or the bytes end inside one of them.
pub fn prefix_len(bytes: &[u8], count: usize) -> Result<usize, BundleError> {
    let mut rest = bytes;
    for found in 0..count {
        if rest.is_empty() {
            let wanted = count;
            return Err(BundleError::TooFew { found, wanted });
        }
        (_, rest) = split_entry(rest, found)?;
    }
    Ok(bytes.len() - rest.len())
}

/// Takes one entry off the front; `position` is only for the error.
fn split_entry(bytes: &[u8], position: usize) -> Result<(&[u8], &[u8]), BundleError> {
    let truncated = |found, wanted| BundleError::Truncated {
        position,
        found,
        wanted,
    };
    let (len, rest) = bytes
        .split_first_chunk::<LEN_BYTES>()
        .ok_or_else(|| truncated(bytes.len(), LEN_BYTES))?;
    let len = usize::from(u16::from_be_bytes(*len));
    rest.split_at_checked(len)
        .ok_or_else(|| truncated(bytes.len(), LEN_BYTES + len))
}

#[cfg(test)]
mod tests;
