//! The paths of a log's resources below its URL prefix (C2SP tlog-tiles and static-ct-api).
//!
//! `checkpoint`, `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`. N is written in groups of
//! three digits, each but the last marked with an `x`: 1234067 is `x001/x234/067`.
//!
//! A certificate log calls its bundles data tiles, `tile/data/<N>`, and has no tile above level 5:
//! that is the other [`Layout`].
//!
//! Parsing is strict in the safest way there is: what was read is written again, and has to be
//! byte for byte what came in. Hence each resource has exactly one path.

use std::fmt;
use std::str::FromStr;

use crate::tile::{BundleRef, TileId, TileLevel, TileRef, TileWidth};

/// Length of the longest path: `tile/entries/`, seven groups for 2^64-1, `.p/255`.
pub const PATH_LEN_BYTES_MAX: usize = 13 + 6 * 5 + 3 + 6;

const CHECKPOINT: &str = "checkpoint";

/// What a path below a log's prefix names.
///
/// `Display` writes the path of tlog-tiles, without a leading slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourcePath {
    /// The latest checkpoint.
    Checkpoint,
    /// A tile of hashes, full or partial.
    Tile(TileRef),
    /// An entry bundle, full or partial.
    Entries(BundleRef),
}

/// Why a path names no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Longer than any path can be.
    #[error("a path has at most {PATH_LEN_BYTES_MAX} bytes, found {found}")]
    TooLong {
        /// How many bytes there were.
        found: usize,
    },
    /// Neither `checkpoint` nor below `tile/`.
    #[error("a path is `checkpoint` or starts with `tile/`")]
    UnknownResource,
    /// The level is not a number from 0 to 63.
    #[error("the tile level is not a number from 0 to 63, of a certificate log to 5")]
    Level,
    /// The index is not made of groups of three digits, or exceeds 2^64-1.
    #[error("the index is not made of groups like `x001/x234/067`, or exceeds 2^64-1")]
    Index,
    /// The width of a partial resource is not a number from 1 to 255.
    #[error("the width of a partial resource is not a number from 1 to 255")]
    Width,
    /// Understood, but there is another way to write it, and only that one is accepted.
    #[error("the path is not in its one accepted form, without superfluous zeros")]
    NotCanonical,
}

impl ResourcePath {
    /// Reads a path without leading slash, as tlog-tiles has it.
    ///
    /// # Errors
    /// The path names no resource, or is not the one way to write it.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        Layout::TlogTiles.parse(path)
    }
}

/// How the logs of a specification name their resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// C2SP tlog-tiles.
    #[default]
    TlogTiles,
    /// C2SP static-ct-api: `tile/data/` in place of `tile/entries/`, and levels up to 5, which is
    /// enough for the 2^40 entries that such a log may have.
    StaticCt,
}

impl Layout {
    /// Reads a path without leading slash.
    ///
    /// # Errors
    /// The path names no resource, or is not the one way to write it.
    pub fn parse(self, path: &str) -> Result<ResourcePath, PathError> {
        if path.len() > PATH_LEN_BYTES_MAX {
            return Err(PathError::TooLong { found: path.len() });
        }
        let resource = parse_lax(path, self)?;
        if self.path(resource) == path {
            Ok(resource)
        } else {
            Err(PathError::NotCanonical)
        }
    }

    /// The path of a resource, without leading slash.
    #[must_use]
    pub fn path(self, resource: ResourcePath) -> String {
        match (self, resource) {
            (Self::StaticCt, ResourcePath::Entries(bundle)) => {
                let path = entries_path(bundle);
                let rest = path.strip_prefix("tile/entries/").unwrap_or_default();
                format!("tile/data/{rest}")
            }
            (_, resource) => resource.to_string(),
        }
    }

    /// The path of an entry bundle.
    #[must_use]
    pub fn bundle_path(self, bundle: BundleRef) -> String {
        self.path(ResourcePath::Entries(bundle))
    }

    const fn bundles_name(self) -> &'static str {
        match self {
            Self::TlogTiles => "entries",
            Self::StaticCt => "data",
        }
    }

    const fn level_max(self) -> u8 {
        match self {
            Self::TlogTiles => 63,
            Self::StaticCt => 5,
        }
    }
}

impl FromStr for ResourcePath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::parse(path)
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str(CHECKPOINT),
            Self::Tile(tile) => {
                write!(f, "tile/{}/", tile.id.level.get())?;
                write_index(f, tile.id.index)?;
                write_width(f, tile.width)
            }
            Self::Entries(bundle) => {
                f.write_str("tile/entries/")?;
                write_index(f, bundle.index)?;
                write_width(f, bundle.width)
            }
        }
    }
}

/// The path of a tile.
#[must_use]
pub fn tile_path(tile: TileRef) -> String {
    ResourcePath::Tile(tile).to_string()
}

/// The path of an entry bundle.
#[must_use]
pub fn entries_path(bundle: BundleRef) -> String {
    ResourcePath::Entries(bundle).to_string()
}

/// Reads all accepted paths and some that are not canonical.
fn parse_lax(path: &str, layout: Layout) -> Result<ResourcePath, PathError> {
    if path == CHECKPOINT {
        return Ok(ResourcePath::Checkpoint);
    }
    let rest = path
        .strip_prefix("tile/")
        .ok_or(PathError::UnknownResource)?;
    let (level, rest) = rest.split_once('/').ok_or(PathError::Level)?;
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (parse_index(index)?, parse_partial_width(width)?),
        None => (parse_index(rest)?, TileWidth::FULL),
    };
    if level == layout.bundles_name() {
        return Ok(ResourcePath::Entries(BundleRef::new(index, width)));
    }
    let level = parse_digits(level)
        .and_then(|level| TileLevel::new(u8::try_from(level).ok()?))
        .filter(|level| level.get() <= layout.level_max());
    let id = TileId::new(level.ok_or(PathError::Level)?, index);
    Ok(ResourcePath::Tile(TileRef::new(id, width)))
}

fn parse_index(text: &str) -> Result<u64, PathError> {
    let mut groups = text.rsplit('/');
    let last = groups.next().and_then(parse_group);
    let mut index = last.ok_or(PathError::Index)?;
    let mut unit = Some(1_u64);
    for group in groups {
        unit = unit.and_then(|unit| unit.checked_mul(1000));
        let group = group.strip_prefix('x').and_then(parse_group);
        index = group
            .zip(unit)
            .and_then(|(group, unit)| group.checked_mul(unit)?.checked_add(index))
            .ok_or(PathError::Index)?;
    }
    Ok(index)
}

fn parse_group(text: &str) -> Option<u64> {
    (text.len() == 3).then(|| parse_digits(text))?
}

fn parse_partial_width(text: &str) -> Result<TileWidth, PathError> {
    parse_digits(text)
        .and_then(|width| TileWidth::new(u16::try_from(width).ok()?))
        .filter(|width| !width.is_full())
        .ok_or(PathError::Width)
}

/// Digits only: `u64::from_str` alone would accept a plus sign.
fn parse_digits(text: &str) -> Option<u64> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().ok())?
}

fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let mut unit = 1_u64;
    while index / unit >= 1000 {
        unit *= 1000;
    }
    while unit > 1 {
        write!(f, "x{:03}/", index / unit % 1000)?;
        unit /= 1000;
    }
    write!(f, "{:03}", index % 1000)
}

fn write_width(f: &mut fmt::Formatter<'_>, width: TileWidth) -> fmt::Result {
    if width.is_full() {
        return Ok(());
    }
    write!(f, ".p/{}", width.get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tile(level: u8, index: u64, width: u16) -> ResourcePath {
        let id = TileId::new(TileLevel::new(level).unwrap(), index);
        ResourcePath::Tile(TileRef::new(id, TileWidth::new(width).unwrap()))
    }

    fn entries(index: u64, width: u16) -> ResourcePath {
        ResourcePath::Entries(BundleRef::new(index, TileWidth::new(width).unwrap()))
    }

    fn check(path: &str, wanted: Result<ResourcePath, PathError>) {
        assert_eq!(ResourcePath::parse(path), wanted, "{path}");
        if let Ok(resource) = wanted {
            assert_eq!(resource.to_string(), path);
        }
    }

    // Source of the values: C2SP tlog-tiles.md; transparency-dev/tessera api/layout/paths_test.go.
    #[test]
    fn accepted_paths() {
        check("checkpoint", Ok(ResourcePath::Checkpoint));
        check("tile/0/000", Ok(tile(0, 0, 256)));
        check("tile/0/x001/x234/067", Ok(tile(0, 1_234_067, 256)));
        check("tile/0/x001/234.p/5", Ok(tile(0, 1234, 5)));
        check("tile/15/x123/x456/789.p/41", Ok(tile(15, 123_456_789, 41)));
        check("tile/entries/001.p/1", Ok(entries(1, 1)));
        check("tile/entries/x123/x456/789", Ok(entries(123_456_789, 256)));
    }

    #[test]
    fn a_certificate_log_has_data_tiles_and_five_levels() {
        let check = |path: &str, wanted: Result<ResourcePath, PathError>| {
            assert_eq!(Layout::StaticCt.parse(path), wanted, "{path}");
            if let Ok(resource) = wanted {
                assert_eq!(Layout::StaticCt.path(resource), path);
            }
        };
        check("checkpoint", Ok(ResourcePath::Checkpoint));
        check("tile/data/x001/234.p/5", Ok(entries(1234, 5)));
        check("tile/5/000", Ok(tile(5, 0, 256)));
        check("tile/6/000", Err(PathError::Level));
        check("tile/entries/000", Err(PathError::Level));
        check("tile/data/x000/001", Err(PathError::NotCanonical));
    }

    #[test]
    fn longest_path() {
        let path = "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255";
        check(path, Ok(entries(u64::MAX, 255)));
        assert_eq!(path.len(), PATH_LEN_BYTES_MAX);
        let found = path.len() + 1;
        check(&format!("{path}0"), Err(PathError::TooLong { found }));
    }

    #[test]
    fn unknown_resources() {
        for path in [
            "",
            "/checkpoint",
            "checkpoint/",
            "Checkpoint",
            "tiles/0/000",
            "/tile/0/000",
        ] {
            check(path, Err(PathError::UnknownResource));
        }
    }

    #[test]
    fn bad_levels() {
        for path in [
            "tile/64/000",
            "tile/-1/000",
            "tile/+1/000",
            "tile//000",
            "tile/0",
            "tile/",
        ] {
            check(path, Err(PathError::Level));
        }
        check("tile/Entries/000", Err(PathError::Level));
        check("tile/data/000", Err(PathError::Level));
    }

    #[test]
    fn bad_indices() {
        let bad = [
            "",
            "0",
            "00",
            "0000",
            "abc",
            "+01",
            "x001",
            "x001/",
            "x001/x234",
            "001/002",
            "x001/0002",
            "x001/-02",
            "X001/002",
            "x001//002",
            "000/",
            "000.p",
            "000.P/5",
        ];
        for index in bad {
            check(&format!("tile/0/{index}"), Err(PathError::Index));
            check(&format!("tile/entries/{index}"), Err(PathError::Index));
        }
    }

    #[test]
    fn indices_past_the_largest() {
        check(
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            Err(PathError::Index),
        );
        check(
            "tile/0/x999/x999/x999/x999/x999/x999/999",
            Err(PathError::Index),
        );
        let eight = "tile/0/x001/x000/x000/x000/x000/x000/x000/000";
        check(eight, Err(PathError::Index));
    }

    #[test]
    fn bad_widths() {
        for width in ["", "0", "256", "-1", "+1", "a", "1/", "1.p/1", "65537"] {
            check(&format!("tile/0/000.p/{width}"), Err(PathError::Width));
        }
    }

    #[test]
    fn other_ways_to_write_a_path() {
        let other = [
            "tile/00/000",
            "tile/01/000",
            "tile/0/x000/001",
            "tile/0/000.p/01",
        ];
        for path in other {
            check(path, Err(PathError::NotCanonical));
        }
    }

    proptest! {
        #[test]
        fn paths_round_trip(level in 0u8..64, index: u64, width in 1u16..=256) {
            for resource in [tile(level, index, width), entries(index, width)] {
                prop_assert_eq!(ResourcePath::parse(&resource.to_string()), Ok(resource));
            }
        }

        #[test]
        fn whatever_parses_is_canonical(path in "(tile/)?(entries/|[0-9]{1,2}/)?[x0-9./p]{0,16}") {
            if let Ok(resource) = ResourcePath::parse(&path) {
                prop_assert_eq!(resource.to_string(), path);
            }
        }
    }
}
