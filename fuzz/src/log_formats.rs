//! The formats of a log: notes, keys, checkpoints, paths, bundles and tiles.
//!
//! All of them are strict, so each target asks first for `encode(parse(x)) == x`.

use std::sync::OnceLock;

use tiles::note_key::NAME_LEN_BYTES_MAX;
use tiles::{
    BundleRef, Checkpoint, Ed25519NoteSigner, EntryBundle, KeyAlgorithm, KeyName, Layout, Note,
    NoteSigner, ResourcePath, Tile, TileId, TileLevel, TileRef, TileWidth, VerifierKey,
    append_entry, node_hash, open_checkpoint, prefix_len, sign_note,
};

use crate::input::Input;

/// The name and the seed of the key that valid notes in the corpus are signed with.
const NAME: &str = "fuzz.example/log";
const SEED: [u8; 32] = [7; 32];

/// Signing appends a line, which must not exceed the limit of a note.
const SIGNED_LEN_BYTES_MAX: usize = 1 << 16;

fn signer(name: KeyName) -> Ed25519NoteSigner {
    Ed25519NoteSigner::from_seed(name, SEED).expect("32 bytes of any value are a seed")
}

fn key() -> &'static VerifierKey {
    static KEY: OnceLock<VerifierKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let name = KeyName::new(NAME).expect("a host and a path are a name");
        signer(name).verifier().clone()
    })
}

/// Signed notes: [`Note::parse`] and [`tiles::open`]. Accepted is what the corpus key signed.
#[must_use]
pub fn note(bytes: &[u8]) -> bool {
    let Ok(note) = Note::parse(bytes) else {
        assert!(tiles::open(bytes, &[key().clone()]).is_err());
        return false;
    };
    assert_eq!(note.encode().as_bytes(), bytes, "a note has one form");
    if note.text().len() < SIGNED_LEN_BYTES_MAX {
        // What is a note's text once is one always.
        let signed = sign_note(note.text(), &[&signer(key().name().clone())]);
        let signed = signed.expect("the text was that of a note").encode();
        let opened = tiles::open(signed.as_bytes(), &[key().clone()]).expect("it was just signed");
        assert_eq!(opened.note.text(), note.text());
    }
    let Ok(opened) = tiles::open(bytes, &[key().clone()]) else {
        return false;
    };
    assert_eq!(opened.note, note);
    let [line] = opened.verified.as_slice() else {
        unreachable!("one key was given, so one line can verify");
    };
    let verified = key().verify(note.text().as_bytes(), line.signature());
    assert!(verified.is_ok(), "an opened note was signed");
    true
}

/// Verifier keys: [`VerifierKey::parse`].
#[must_use]
pub fn vkey(bytes: &[u8]) -> bool {
    let Some(key) = text(bytes).and_then(|text| VerifierKey::parse(text).ok()) else {
        return false;
    };
    assert_eq!(key.to_string().as_bytes(), bytes, "a vkey has one form");
    assert!(key.name().as_str().len() <= NAME_LEN_BYTES_MAX);
    if key.algorithm() == KeyAlgorithm::TreeHead {
        let again = VerifierKey::from_tree_head_spki(key.name().clone(), &key.spki_der());
        assert_eq!(again.as_ref(), Ok(&key));
    } else {
        assert!(key.log_id().starts_with(&key.key_id().get().to_be_bytes()));
    }
    if let KeyAlgorithm::Ecdsa(_) = key.algorithm() {
        let again = VerifierKey::from_ecdsa_spki(key.name().clone(), &key.spki_der());
        assert_eq!(again.as_ref(), Ok(&key));
    }
    // Over a message that no input names, nothing verifies.
    assert!(key.verify(b"never signed", bytes).is_err());
    true
}

/// Checkpoints: [`Checkpoint::parse`], and [`open_checkpoint`] on what was signed.
#[must_use]
pub fn checkpoint(bytes: &[u8]) -> bool {
    // Bytes that are a whole note as well go through the other door, too.
    let _ = open_checkpoint(bytes, &[key().clone()]);
    let Some(checkpoint) = text(bytes).and_then(|text| Checkpoint::parse(text).ok()) else {
        return false;
    };
    let encoded = checkpoint.encode();
    assert_eq!(encoded.as_bytes(), bytes, "a checkpoint has one form");
    if let Ok(name) = KeyName::try_from(checkpoint.origin())
        && encoded.len() < SIGNED_LEN_BYTES_MAX
    {
        let signer = signer(name);
        let signed = sign_note(&encoded, &[&signer]).expect("a checkpoint is a note's text");
        let keys = [signer.verifier().clone()];
        let (opened, _) = open_checkpoint(signed.encode().as_bytes(), &keys)
            .expect("it was signed by a key named as its origin");
        assert_eq!(opened, checkpoint);
    }
    true
}

/// Paths below a log's prefix: [`ResourcePath::parse`], and back from any resource.
#[must_use]
pub fn tile_path(bytes: &[u8]) -> bool {
    let mut input = Input::new(bytes);
    let (level, width, index) = (input.u8() % 64, input.u16() % 256 + 1, input.u64());
    let level = TileLevel::new(level).expect("63 at most");
    let width = TileWidth::new(width).expect("1 to 256");
    for resource in [
        ResourcePath::Tile(TileRef::new(TileId::new(level, index), width)),
        ResourcePath::Entries(BundleRef::new(index, width)),
    ] {
        assert_eq!(ResourcePath::parse(&resource.to_string()), Ok(resource));
    }
    if let Some(resource) = text(bytes).and_then(|text| Layout::StaticCt.parse(text).ok()) {
        let path = Layout::StaticCt.path(resource);
        assert_eq!(path.as_bytes(), bytes, "one path each");
    }
    let Some(resource) = text(bytes).and_then(|text| ResourcePath::parse(text).ok()) else {
        return false;
    };
    assert_eq!(resource.to_string().as_bytes(), bytes, "one path each");
    true
}

/// Entry bundles: the first byte is the width less 1, the rest is given to [`EntryBundle::parse`].
#[must_use]
pub fn entry_bundle(bytes: &[u8]) -> bool {
    let (width, rest) = width_and_rest(bytes);
    let Ok(bundle) = EntryBundle::parse(rest, width) else {
        return false;
    };
    assert_eq!(bundle.encode(), rest, "a bundle has one form");
    assert_eq!(bundle.entries().len(), width.count());
    assert_eq!(EntryBundle::parse_any(rest, 256).as_ref(), Ok(&bundle));
    let mut grown = Vec::new();
    for (count, entry) in (1..).zip(bundle.entries()) {
        append_entry(&mut grown, entry).expect("it was in a bundle");
        assert_eq!(prefix_len(rest, count), Ok(grown.len()));
    }
    assert_eq!(grown, rest);
    assert!(prefix_len(rest, width.count() + 1).is_err());
    true
}

/// Tiles: the first byte is the width less 1, the rest is given to [`Tile::parse`].
#[must_use]
pub fn tile(bytes: &[u8]) -> bool {
    let (width, rest) = width_and_rest(bytes);
    let Ok(tile) = Tile::parse(rest, width) else {
        return false;
    };
    assert_eq!(tile.encode(), rest, "a tile has one form");
    assert_eq!(tile.hashes().len(), width.count());
    assert_eq!(tile.root_hash().is_some(), width.is_full());
    for level in 1..8_u8 {
        for index in 0..=(255_u8 >> level) {
            let children = tile
                .node(level - 1, 2 * index)
                .zip(tile.node(level - 1, 2 * index + 1));
            let wanted = children.map(|(left, right)| node_hash(&left, &right));
            assert_eq!(tile.node(level, index), wanted);
        }
    }
    for narrow in (1..=width.get()).filter_map(TileWidth::new) {
        let cut = tile.clone().truncate(narrow).expect("it is wider");
        assert!(rest.starts_with(&cut.encode()));
        assert_eq!(cut.width(), narrow);
    }
    true
}

fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok()
}

fn width_and_rest(bytes: &[u8]) -> (TileWidth, &[u8]) {
    let mut input = Input::new(bytes);
    let width = u16::from(input.u8()) + 1;
    let width = TileWidth::new(width).expect("1 to 256");
    (width, input.rest())
}
