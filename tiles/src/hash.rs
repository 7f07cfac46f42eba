//! The tree hash: SHA-256 with the domain separation of RFC 6962 section 2.1.
//!
//! A leaf is `H(0x00 || entry)`, a node `H(0x01 || left || right)`, the root of the empty tree
//! `H("")`. The one-byte prefixes are what keeps a node from being passed off as an entry. No
//! other file of this crate hashes tree material. Many hashes at once are several times as fast as
//! one by one: see `lanes`.

#[cfg(target_arch = "x86_64")]
mod lanes;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Length of every hash in the tree.
pub const HASH_LEN_BYTES: usize = 32;

/// The root hash of the tree without entries: SHA-256 of the empty string.
///
/// Not the hash of an empty entry, which is `leaf_hash(b"")`.
pub const EMPTY_ROOT_HASH: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// A SHA-256 hash of a leaf, a node or a tree.
///
/// `Debug` shows hex, `Display` standard base64, as checkpoints and proofs write it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_LEN_BYTES]);

impl Hash {
    /// Takes the 32 bytes as they are.
    #[must_use]
    pub const fn new(bytes: [u8; HASH_LEN_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_LEN_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl From<[u8; HASH_LEN_BYTES]> for Hash {
    fn from(bytes: [u8; HASH_LEN_BYTES]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes that should have been a hash, but are not 32 long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash has {HASH_LEN_BYTES} bytes, found {found}")]
pub struct HashLenError {
    /// How many bytes there were.
    pub found: usize,
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashLenError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashLenError> {
        <[u8; HASH_LEN_BYTES]>::try_from(bytes)
            .map(Self)
            .map_err(|_| HashLenError { found: bytes.len() })
    }
}

/// The hash of an entry as a leaf of the tree.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([LEAF_PREFIX])
            .chain_update(entry)
            .finalize()
            .into(),
    )
}

/// The hash of the node over two children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One buffer and one update: the hasher then sees its two blocks at once.
    let mut message = [NODE_PREFIX; 1 + 2 * HASH_LEN_BYTES];
    let (_, children) = message.split_at_mut(1);
    let (left_half, right_half) = children.split_at_mut(HASH_LEN_BYTES);
    left_half.copy_from_slice(&left.0);
    right_half.copy_from_slice(&right.0);
    Hash(Sha256::digest(message).into())
}

/// Appends the leaf hash of each entry to `out`, in order. Faster than one by one.
pub fn leaf_hashes(entries: &[impl AsRef<[u8]>], out: &mut Vec<Hash>) {
    #[cfg(target_arch = "x86_64")]
    if lanes::leaf_hashes(entries, out) {
        return;
    }
    out.extend(entries.iter().map(|entry| leaf_hash(entry.as_ref())));
}

/// Appends the node hash of each pair of children to `out`, in order.
///
/// Faster than one by one. The pairs of one tree level are `hashes.as_chunks().0`.
pub fn node_hashes(pairs: &[[Hash; 2]], out: &mut Vec<Hash>) {
    #[cfg(target_arch = "x86_64")]
    if lanes::node_hashes(pairs, out) {
        return;
    }
    out.extend(pairs.iter().map(|[left, right]| node_hash(left, right)));
}

/// The root hash of the tree without entries, [`EMPTY_ROOT_HASH`].
#[must_use]
pub const fn empty_root() -> Hash {
    EMPTY_ROOT_HASH
}

#[cfg(test)]
mod tests {
    use super::*;

    // Source of the values: transparency-dev/merkle rfc6962/rfc6962_test.go.
    #[test]
    fn known_hashes() {
        check(
            Hash(Sha256::digest([]).into()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        );
        check(
            leaf_hash(b""),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        );
        check(
            leaf_hash(b"L123456"),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56",
        );
        // testonly/constants.go of the same project: the node over leaves "" and "\0".
        check(
            node_hash(&leaf_hash(b""), &leaf_hash(&[0])),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        );
    }

    fn check(hash: Hash, wanted_hex: &str) {
        assert_eq!(format!("{hash:?}"), wanted_hex);
    }

    #[test]
    fn empty_root_is_the_hash_of_nothing() {
        assert_eq!(empty_root(), Hash(Sha256::digest([]).into()));
        assert_ne!(empty_root(), leaf_hash(b""));
    }

    #[test]
    fn slice_versions_agree_with_the_single_ones() {
        let entries: Vec<Vec<u8>> = (0..9u8).map(|i| vec![i; usize::from(i) * 31]).collect();
        let mut leaves = vec![empty_root()];
        leaf_hashes(&entries, &mut leaves);
        let wanted: Vec<Hash> = entries.iter().map(|e| leaf_hash(e)).collect();
        assert_eq!(leaves[1..], wanted);

        let mut nodes = Vec::new();
        node_hashes(wanted.as_chunks().0, &mut nodes);
        let wanted: Vec<Hash> = (0..4)
            .map(|i| node_hash(&wanted[2 * i], &wanted[2 * i + 1]))
            .collect();
        assert_eq!(nodes, wanted);
    }

    #[test]
    fn displays_as_base64() {
        assert_eq!(
            empty_root().to_string(),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }

    #[test]
    fn refuses_other_lengths() {
        assert_eq!(Hash::try_from(&[7; 32][..]), Ok(Hash([7; 32])));
        for found in [0, 31, 33] {
            let bytes = vec![7; found];
            assert_eq!(Hash::try_from(&bytes[..]), Err(HashLenError { found }));
        }
    }
}
