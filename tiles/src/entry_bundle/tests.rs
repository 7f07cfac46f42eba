//! Tests of entry bundles.

use proptest::prelude::*;

use super::*;

const TWO: &[u8] = b"\x00\x02ab\x00\x00";

fn width(width: u16) -> TileWidth {
    TileWidth::new(width).unwrap()
}

fn bundle_of(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        append_entry(&mut out, entry).unwrap();
    }
    out
}

#[test]
fn reads_entries_empty_ones_too() {
    let bundle = EntryBundle::parse(TWO, width(2)).unwrap();
    assert_eq!(bundle.entries(), [&b"ab"[..], b""]);
    assert_eq!(bundle.encode(), TWO);
}

#[test]
fn refuses_fewer_entries() {
    assert_eq!(
        EntryBundle::parse(TWO, width(3)),
        Err(BundleError::TooFew {
            found: 2,
            wanted: 3
        })
    );
    assert_eq!(
        EntryBundle::parse(b"", width(1)),
        Err(BundleError::TooFew {
            found: 0,
            wanted: 1
        })
    );
}

#[test]
fn refuses_more_entries() {
    assert_eq!(
        EntryBundle::parse(TWO, width(1)),
        Err(BundleError::Trailing {
            trailing_len: 2,
            wanted: 1
        })
    );
    assert_eq!(
        EntryBundle::parse_any(TWO, 1),
        Err(BundleError::Trailing {
            trailing_len: 2,
            wanted: 1
        })
    );
}

#[test]
fn refuses_half_a_length() {
    assert_eq!(
        EntryBundle::parse(b"\x00\x00\x00", width(2)),
        Err(BundleError::Truncated {
            position: 1,
            found: 1,
            wanted: 2
        })
    );
}

#[test]
fn refuses_half_an_entry() {
    assert_eq!(
        EntryBundle::parse(b"\x00\x03ab", width(1)),
        Err(BundleError::Truncated {
            position: 0,
            found: 4,
            wanted: 5
        })
    );
}

#[test]
fn refuses_an_entry_that_is_too_long() {
    let mut out = TWO.to_vec();
    let found = ENTRY_LEN_BYTES_MAX + 1;
    assert_eq!(
        append_entry(&mut out, &vec![0; found]),
        Err(BundleError::EntryTooLong { found })
    );
    assert_eq!(out, TWO);
}

#[test]
fn largest_bundle() {
    let entries = vec![vec![7; ENTRY_LEN_BYTES_MAX]; 256];
    let bytes = bundle_of(&entries);
    assert_eq!(bytes.len(), BUNDLE_LEN_BYTES_MAX);
    assert_eq!(BUNDLE_LEN_BYTES_MAX, 16_777_472);
    assert_eq!(
        EntryBundle::parse(&bytes, TileWidth::FULL)
            .unwrap()
            .entries(),
        entries
    );
}

#[test]
fn no_entries_at_all() {
    assert_eq!(EntryBundle::parse_any(b"", 0).unwrap().entries().len(), 0);
    assert_eq!(prefix_len(b"", 0), Ok(0));
}

#[test]
fn prefix_of_a_bundle() {
    assert_eq!(prefix_len(TWO, 0), Ok(0));
    assert_eq!(prefix_len(TWO, 1), Ok(4));
    assert_eq!(prefix_len(TWO, 2), Ok(6));
    assert_eq!(
        prefix_len(TWO, 3),
        Err(BundleError::TooFew {
            found: 2,
            wanted: 3
        })
    );
    assert_eq!(
        prefix_len(b"\x00\x03ab", 1),
        Err(BundleError::Truncated {
            position: 0,
            found: 4,
            wanted: 5
        })
    );
}

proptest! {
    #[test]
    fn bundles_round_trip(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
        cut in 0usize..20,
    ) {
        let bytes = bundle_of(&entries);
        let count = u16::try_from(entries.len()).unwrap();
        let bundle = EntryBundle::parse(&bytes, width(count)).unwrap();
        prop_assert_eq!(bundle.entries(), &entries[..]);
        prop_assert_eq!(bundle.encode(), &bytes[..]);

        let cut = cut.min(entries.len());
        let len = prefix_len(&bytes, cut).unwrap();
        prop_assert_eq!(&bytes[..len], bundle_of(&entries[..cut]));
    }

    #[test]
    fn whatever_parses_encodes_to_itself(bytes in prop::collection::vec(0u8..3, 0..40)) {
        if let Ok(bundle) = EntryBundle::parse_any(&bytes, 256) {
            prop_assert_eq!(bundle.encode(), bytes);
        }
    }
}
