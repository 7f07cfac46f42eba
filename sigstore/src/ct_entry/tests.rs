//! Tests of leaves: bytes written by hand, a real data tile, each refusal.

use std::path::Path;

use proptest::prelude::*;

use super::*;

const CERTIFICATE: Logged<'static> = Logged::Certificate { der: b"cert" };
const PRECERTIFICATE: Logged<'static> = Logged::Precertificate {
    der: b"precert",
    issuer_key_hash: [3; 32],
    tbs: b"tbs",
};

fn leaf(logged: Logged<'_>) -> TileLeaf<'_> {
    TileLeaf {
        timestamp: UnixMillis::new(0x0102_0304_0506_0708),
        index: LeafIndex::new(9),
        logged,
        issuers: vec![[4; 32]],
    }
}

#[test]
fn a_leaf_has_the_bytes_of_the_specification() {
    let encode = |logged| hex::encode(leaf(logged).encode().unwrap());
    let issuers = format!("0020{}", "04".repeat(32));
    let extensions = "00080000050000000009";
    let head = format!("01020304050607080000000004{}", hex::encode("cert"));
    assert_eq!(encode(CERTIFICATE), format!("{head}{extensions}{issuers}"));
    let tree_leaf = hex::encode(leaf(CERTIFICATE).tree_leaf().unwrap());
    assert_eq!(tree_leaf, format!("0000{head}{extensions}"));

    let hash = "03".repeat(32);
    let head = format!("01020304050607080001{hash}000003{}", hex::encode("tbs"));
    let precert = format!("000007{}", hex::encode("precert"));
    let wanted = format!("{head}{extensions}{precert}{issuers}");
    assert_eq!(encode(PRECERTIFICATE), wanted);
    let tree_leaf = hex::encode(leaf(PRECERTIFICATE).tree_leaf().unwrap());
    assert_eq!(tree_leaf, format!("0000{head}{extensions}"));
}

#[test]
fn leaves_follow_each_other_without_lengths() {
    let (one, two) = (leaf(PRECERTIFICATE), leaf(CERTIFICATE));
    let tile = [one.encode().unwrap(), two.encode().unwrap()].concat();
    let (first, rest) = TileLeaf::parse_first(&tile).unwrap();
    assert_eq!((first, TileLeaf::parse(rest).unwrap()), (one, two));
    assert!(matches!(
        TileLeaf::parse(&tile),
        Err(CtEntryError::Part(SctError::Trailing { .. }))
    ));
}

#[test]
fn a_leaf_that_is_cut_off_is_refused_everywhere() {
    let bytes = leaf(PRECERTIFICATE).encode().unwrap();
    for len in 0..bytes.len() {
        let error = TileLeaf::parse(&bytes[..len]).unwrap_err();
        assert!(
            matches!(error, CtEntryError::Part(SctError::CutOff { .. })),
            "{len}: {error}"
        );
    }
}

fn check_refused(at: usize, byte: u8, wanted: &CtEntryError) {
    let mut bytes = leaf(CERTIFICATE).encode().unwrap();
    bytes[at] = byte;
    assert_eq!(TileLeaf::parse(&bytes).as_ref(), Err(wanted));
}

#[test]
fn other_types_and_extensions_are_refused() {
    check_refused(9, 2, &CtEntryError::EntryType { found: 2 });
    check_refused(19, 1, &CtEntryError::Extensions { found: 8 });
    check_refused(21, 6, &CtEntryError::Extensions { found: 8 });
    let two = [index_extensions(LeafIndex::new(1)).unwrap(); 2].concat();
    let found = 16;
    assert_eq!(
        parse_index_extensions(&two),
        Err(CtEntryError::Extensions { found })
    );
    let none = parse_index_extensions(b"");
    assert_eq!(none, Err(CtEntryError::Extensions { found: 0 }));
}

#[test]
fn fingerprints_are_whole() {
    let mut bytes = leaf(CERTIFICATE).encode().unwrap();
    let at = bytes.len() - 33;
    bytes[at] = 31;
    bytes.pop();
    let found = 31;
    let error = TileLeaf::parse(&bytes);
    assert_eq!(error, Err(CtEntryError::Fingerprints { found }));
}

#[test]
fn the_last_index_is_below_two_to_the_fortieth() {
    let last = index_extensions(LEAF_INDEX_MAX).unwrap();
    assert_eq!(last, [0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(parse_index_extensions(&last), Ok(LEAF_INDEX_MAX));
    let found = 1 << 40;
    let error = index_extensions(LeafIndex::new(found));
    assert_eq!(error, Err(CtEntryError::IndexTooLarge { found }));
}

#[test]
fn a_leaf_that_no_tile_takes_is_refused() {
    let der = vec![0; TILE_LEAF_LEN_BYTES_MAX];
    let long = leaf(Logged::Certificate { der: &der });
    let error = long.encode().unwrap_err();
    assert!(matches!(error, CtEntryError::LeafTooLong { .. }), "{error}");
}

#[test]
fn submissions_are_the_same_if_all_of_them_is() {
    let precert = |der, tbs| Logged::Precertificate {
        der,
        issuer_key_hash: [0; 32],
        tbs,
    };
    assert_eq!(
        precert(b"a", b"b").identity(),
        precert(b"a", b"b").identity()
    );
    assert_ne!(
        precert(b"a", b"b").identity(),
        precert(b"b", b"b").identity()
    );
    let certificate = Logged::Certificate { der: b"a" };
    assert_ne!(certificate.identity(), precert(b"a", b"b").identity());
}

/// Source: FiloSottile/sunlight `testdata/navigli2025h2`, ten leaves of a public log.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn a_real_data_tile_hashes_to_its_level_zero_tile() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vectors/FiloSottile-sunlight/navigli2025h2/tile");
    let (Ok(data), Ok(hashes)) = (
        std::fs::read(log.join("data/003.p/10")),
        std::fs::read(log.join("0/003.p/10")),
    ) else {
        eprintln!("SKIPPED: no {}", log.display());
        return;
    };
    let mut rest = data.as_slice();
    let mut again = Vec::new();
    for (index, hash) in (768..).zip(hashes.chunks(32)) {
        let (leaf, after) = TileLeaf::parse_first(rest).unwrap();
        assert_eq!(leaf.index, LeafIndex::new(index));
        let found = tiles::leaf_hash(&leaf.tree_leaf().unwrap());
        assert_eq!(found.as_bytes(), hash, "{index}");
        again.extend(leaf.encode().unwrap());
        rest = after;
    }
    assert_eq!(rest, b"");
    assert_eq!(again, data);
}

proptest! {
    #[test]
    fn whatever_parses_is_what_is_written(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        // A plausible beginning, or nearly nothing parses.
        if let Some(kind) = bytes.get_mut(8..13) {
            kind.copy_from_slice(&[0, 0, 0, 0, 2]);
        }
        if let Some(extensions) = bytes.get_mut(15..20) {
            extensions.copy_from_slice(&[0, 8, 0, 0, 5]);
        }
        if let Ok((leaf, rest)) = TileLeaf::parse_first(&bytes) {
            let len = bytes.len() - rest.len();
            prop_assert_eq!(&leaf.encode().unwrap()[..], &bytes[..len]);
        }
    }

    #[test]
    fn leaves_round_trip(time: u64, index in 0_u64..1 << 40, der: Vec<u8>, issuers: Vec<[u8; 32]>) {
        let leaf = TileLeaf {
            timestamp: UnixMillis::new(time),
            index: LeafIndex::new(index),
            logged: Logged::Certificate { der: &der },
            issuers,
        };
        let bytes = leaf.encode().unwrap();
        prop_assert_eq!(TileLeaf::parse(&bytes), Ok(leaf));
    }
}
