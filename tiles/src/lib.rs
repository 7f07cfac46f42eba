//! Merkle tree arithmetic and the formats of tiled transparency logs.
//!
//! A transparency log is an append-only list of entries under a Merkle tree (RFC 6962 section 2).
//! Its tree is published as *tiles* of 256 hashes, its entries as *entry bundles* of 256 entries
//! (C2SP tlog-tiles), and its state as a *checkpoint*: origin, size and root hash (C2SP
//! tlog-checkpoint) inside a *signed note* (C2SP signed-note). This crate has the types, the
//! parsers and the proofs for all of that, for those who write a log and those who check one.
//!
//! What is not here: files, sockets, clocks, logging, global state. Bytes and keys come in as
//! arguments. Randomness is used in one place only, inside the cryptographic library, where ECDSA
//! signing cannot do without it.
//!
//! Invariants that hold everywhere:
//! - every parser is a strict inverse: `encode(parse(x)) == x`, or an error that says where;
//! - a value of a type here was checked when it was made, so that no user needs to check again;
//! - sizes and indices are `u64` without overflow, up to and including 2^64-1.
//!
//! # Example
//!
//! Grow a tree of three entries, then prove to somebody who holds only its head that the entry at
//! index 1 is in it:
//!
//! ```
//! use tiles::{CompactRange, LeafIndex, TreeSize, leaf_hash, node_hash, verify_inclusion};
//!
//! let leaves = [b"one", b"two", b"six"].map(|entry| leaf_hash(entry));
//! let mut tree = CompactRange::empty(LeafIndex::ZERO);
//! for leaf in leaves {
//!     tree.append(leaf);
//! }
//! let root_hash = tree.root_hash().expect("the range starts at the first leaf");
//! assert_eq!(root_hash, node_hash(&node_hash(&leaves[0], &leaves[1]), &leaves[2]));
//!
//! let proof = [leaves[0], leaves[2]];
//! let (index, size) = (LeafIndex::new(1), TreeSize::new(3));
//! assert!(verify_inclusion(index, size, &leaves[1], &proof, &root_hash).is_ok());
//! assert!(verify_inclusion(index, size, &leaf_hash(b"2"), &proof, &root_hash).is_err());
//! ```

pub mod checkpoint;
pub mod cosignature;
pub mod entry_bundle;
pub mod hash;
pub mod index;
pub mod note;
pub mod note_key;
pub mod path;
pub mod proof;
pub mod published;
pub mod range;
pub mod rebuild;
#[cfg(any(test, feature = "testing"))]
pub mod reference;
pub mod tile;
pub mod verify;

pub use crate::checkpoint::{Checkpoint, CheckpointError, Origin, open_checkpoint};
pub use crate::cosignature::{cosigned_bytes, split_cosignature};
pub use crate::entry_bundle::{
    BundleError, ENTRY_LEN_BYTES_MAX, EntryBundle, append_entry, prefix_len,
};
pub use crate::hash::{
    EMPTY_ROOT_HASH, HASH_LEN_BYTES, Hash, empty_root, leaf_hash, leaf_hashes, node_hash,
    node_hashes,
};
pub use crate::index::{LeafIndex, NodeId, NodeLevel, TreeSize};
pub use crate::note::{Note, NoteError, NoteSignature, OpenedNote, open, sign_note, sign_note_at};
pub use crate::note_key::{
    EcdsaCurve, EcdsaNoteSigner, Ed25519NoteSigner, KeyAlgorithm, KeyId, KeyName, NoteKeyError,
    NoteSigner, SignError, SignedAt, VerifierKey, tree_head_bytes, tree_head_signature,
};
pub use crate::path::{Layout, PathError, ResourcePath, entries_path, tile_path};
pub use crate::proof::{
    CONSISTENCY_PROOF_LEN_MAX, INCLUSION_PROOF_LEN_MAX, ProofBuildError, TileSource,
    consistency_proof, inclusion_proof, root_hash,
};
pub use crate::published::{Framing, PublishedError, PublishedLog, PublishedTileError, Resources};
pub use crate::range::{CompactRange, RangeError};
pub use crate::rebuild::{
    CheckedBundle, LogBytes, Rebuild, RebuildError, rebuild, tlog_tiles_leaves,
};
pub use crate::tile::{
    BundleRef, NodeInTile, TILE_WIDTH_MAX, Tile, TileError, TileId, TileLevel, TileRef, TileWidth,
    bundles_at, bundles_changed, locate, tiles_at, tiles_changed,
};
pub use crate::verify::{
    ProofError, Subtree, verify_consistency, verify_inclusion, verify_subtree_consistency,
    verify_subtree_inclusion,
};
