//! What a certificate log of C2SP static-ct-api keeps and hashes for each entry.
//!
//! The index of an entry is part of it, so that whoever holds a promise knows where to look. It
//! stands in the extensions that the log signs, together with the time.
//!
//! ```text
//! extensions   0 (leaf index), u16 5, index (5 bytes, so below 2^40)
//! entry        as in `sct`, with its time and these extensions: TimestampedEntry
//! tile leaf    entry, for a precertificate u24 length and all of it, u16 length, fingerprints
//! tree leaf    0 (version) 0 (timestamped entry) entry: what is hashed, and what is signed
//! ```
//!
//! A data tile is nothing but tile leaves, one after the other: only by reading a leaf is its end
//! found. A fingerprint is the SHA-256 of a certificate, from the issuer up to the root.
//!
//! [`chain`] is what makes an entry of submitted certificates.
//!
//! Invariant: a leaf parses only if it is byte for byte what [`TileLeaf::encode`] writes.

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tiles::LeafIndex;

use crate::sct::reader::Reader;
use crate::sct::{CtEntry, SctError, append_u16, append_u24};
use crate::time::UnixMillis;

pub use chain::{AcceptedRoots, ChainError, SubmittedChain};
pub use framing::STATIC_CT;
pub use issuers::CheckedIssuers;

pub mod chain;
mod framing;
mod issuers;

/// The longest leaf: as long as the longest entry of a tlog-tiles log, so that whatever bounds a
/// bundle of those bounds a data tile.
pub const TILE_LEAF_LEN_BYTES_MAX: usize = tiles::ENTRY_LEN_BYTES_MAX;

/// The last index that a leaf can state.
pub const LEAF_INDEX_MAX: LeafIndex = LeafIndex::new((1 << 40) - 1);

/// Bytes of the extensions of a promise.
pub const EXTENSIONS_LEN_BYTES: usize = 8;

/// Type of the one extension there is, and the length of its content.
const LEAF_INDEX: [u8; 3] = [0, 0, 5];

/// SHA-256 of a certificate.
pub type Fingerprint = [u8; 32];

/// One entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileLeaf<'a> {
    /// When the log took it.
    pub timestamp: UnixMillis,
    /// Its place in the log.
    pub index: LeafIndex,
    /// What was submitted.
    pub logged: Logged<'a>,
    /// The certificates above it, from its issuer up to the root.
    pub issuers: Vec<Fingerprint>,
}

/// What was submitted, less the certificates above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged<'a> {
    /// A certificate.
    Certificate {
        /// Its DER.
        der: &'a [u8],
    },
    /// A precertificate.
    Precertificate {
        /// Its DER, poison and all.
        der: &'a [u8],
        /// SHA-256 of the key, as `SubjectPublicKeyInfo`, that signs the certificate.
        issuer_key_hash: [u8; 32],
        /// Its to-be-signed part without poison.
        tbs: &'a [u8],
    },
}

impl<'a> Logged<'a> {
    /// What the log promises.
    #[must_use]
    pub const fn entry(self) -> CtEntry<'a> {
        match self {
            Self::Certificate { der } => CtEntry::X509 { cert: der },
            Self::Precertificate {
                issuer_key_hash,
                tbs,
                ..
            } => CtEntry::Precert {
                issuer_key_hash,
                tbs,
            },
        }
    }

    /// What makes two submissions the same: all of what was submitted, and as what.
    ///
    /// The signature counts. Whoever submits a certificate signed twice gets two entries, so that
    /// each has a leaf with the very bytes that were sent.
    #[must_use]
    pub fn identity(self) -> [u8; 32] {
        let (kind, der) = match self {
            Self::Certificate { der } => (0_u8, der),
            Self::Precertificate { der, .. } => (1, der),
        };
        Sha256::new()
            .chain_update(b"cairn ct submission\0")
            .chain_update([kind])
            .chain_update(der)
            .finalize()
            .into()
    }
}

impl<'a> TileLeaf<'a> {
    /// The leaf as a data tile has it.
    ///
    /// # Errors
    ///
    /// [`CtEntryError`]: a part does not fit into its length, the leaf is longer than
    /// [`TILE_LEAF_LEN_BYTES_MAX`], or its index is beyond [`LEAF_INDEX_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, CtEntryError> {
        let extensions = index_extensions(self.index)?;
        let mut out = self
            .logged
            .entry()
            .timestamped(self.timestamp, &extensions)?;
        if let Logged::Precertificate { der, .. } = self.logged {
            append_u24("precertificate", &mut out, der)?;
        }
        append_u16("fingerprints", &mut out, &self.issuers.concat())?;
        if out.len() > TILE_LEAF_LEN_BYTES_MAX {
            return Err(CtEntryError::LeafTooLong { found: out.len() });
        }
        Ok(out)
    }

    /// Reads a leaf, and nothing after it.
    ///
    /// # Errors
    ///
    /// [`CtEntryError`]: not a leaf, or not one alone.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CtEntryError> {
        let (leaf, rest) = Self::parse_first(bytes)?;
        if rest.is_empty() {
            return Ok(leaf);
        }
        let count = rest.len();
        Err(SctError::Trailing {
            what: "leaf",
            count,
        }
        .into())
    }

    /// Reads the first leaf of a data tile; gives it and what follows it.
    ///
    /// # Errors
    ///
    /// [`CtEntryError`]: the bytes do not begin with a leaf.
    pub fn parse_first(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), CtEntryError> {
        let mut reader = Reader::new(bytes);
        let timestamp = UnixMillis::new(u64::from_be_bytes(reader.array("timestamp")?));
        let half = read_entry(&mut reader)?;
        let index = parse_index_extensions(reader.vector_u16("extensions")?)?;
        let logged = match half {
            CtEntry::X509 { cert } => Logged::Certificate { der: cert },
            CtEntry::Precert {
                issuer_key_hash,
                tbs,
            } => Logged::Precertificate {
                der: reader.vector_u24("precertificate")?,
                issuer_key_hash,
                tbs,
            },
        };
        let fingerprints = reader.vector_u16("fingerprints")?;
        let (issuers, []) = fingerprints.as_chunks() else {
            let found = fingerprints.len();
            return Err(CtEntryError::Fingerprints { found });
        };
        let rest = reader.rest();
        let found = bytes.len().saturating_sub(rest.len());
        if found > TILE_LEAF_LEN_BYTES_MAX {
            return Err(CtEntryError::LeafTooLong { found });
        }
        let leaf = Self {
            timestamp,
            index,
            logged,
            issuers: issuers.to_vec(),
        };
        Ok((leaf, rest))
    }

    /// The leaf as the tree hashes it, `MerkleTreeLeaf`, which is also what the log signs for its
    /// promise.
    ///
    /// # Errors
    ///
    /// As [`TileLeaf::encode`].
    pub fn tree_leaf(&self) -> Result<Vec<u8>, CtEntryError> {
        let extensions = index_extensions(self.index)?;
        let leaf = self
            .logged
            .entry()
            .signed_bytes(self.timestamp, &extensions)?;
        Ok(leaf)
    }
}

/// The extensions of the entry at `index`.
///
/// # Errors
///
/// [`CtEntryError::IndexTooLarge`]: the index is beyond [`LEAF_INDEX_MAX`].
pub fn index_extensions(index: LeafIndex) -> Result<[u8; EXTENSIONS_LEN_BYTES], CtEntryError> {
    let mut extensions = index.get().to_be_bytes();
    let (head, _index) = extensions.split_at_mut(LEAF_INDEX.len());
    if head != [0; LEAF_INDEX.len()] {
        return Err(CtEntryError::IndexTooLarge { found: index.get() });
    }
    head.copy_from_slice(&LEAF_INDEX);
    Ok(extensions)
}

/// The index that the extensions of a promise state: this one extension and no other.
///
/// # Errors
///
/// [`CtEntryError::Extensions`]: anything else.
pub fn parse_index_extensions(extensions: &[u8]) -> Result<LeafIndex, CtEntryError> {
    let refused = CtEntryError::Extensions {
        found: extensions.len(),
    };
    let mut bytes: [u8; EXTENSIONS_LEN_BYTES] =
        extensions.try_into().map_err(|_| refused.clone())?;
    let (head, _index) = bytes.split_at_mut(LEAF_INDEX.len());
    if head != LEAF_INDEX {
        return Err(refused);
    }
    head.fill(0);
    Ok(LeafIndex::new(u64::from_be_bytes(bytes)))
}

fn read_entry<'a>(reader: &mut Reader<'a>) -> Result<CtEntry<'a>, CtEntryError> {
    match u16::from_be_bytes(reader.array("entry type")?) {
        0 => Ok(CtEntry::X509 {
            cert: reader.vector_u24("certificate")?,
        }),
        1 => Ok(CtEntry::Precert {
            issuer_key_hash: reader.array("issuer key hash")?,
            tbs: reader.vector_u24("to-be-signed part")?,
        }),
        found => Err(CtEntryError::EntryType { found }),
    }
}

/// Why bytes are no leaf, or a leaf has no bytes.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CtEntryError {
    /// A part is cut off, followed by something, or too long for its length.
    #[error("ct leaf: {0}")]
    Part(#[from] SctError),
    /// Neither a certificate nor a precertificate.
    #[error("ct leaf of type {found}, wanted 0 (certificate) or 1 (precertificate)")]
    EntryType {
        /// The type.
        found: u16,
    },
    /// Extensions that are not the index alone.
    #[error("ct extensions of {found} bytes, wanted 000005 and an index of 5 bytes")]
    Extensions {
        /// How long they are.
        found: usize,
    },
    /// Fingerprints that are not of 32 bytes each.
    #[error("{found} bytes of fingerprints, wanted a multiple of 32")]
    Fingerprints {
        /// How long they are together.
        found: usize,
    },
    /// A leaf that is too long.
    #[error("ct leaf of {found} bytes, at most {TILE_LEAF_LEN_BYTES_MAX} are kept")]
    LeafTooLong {
        /// How long it is.
        found: usize,
    },
    /// An index that has no 5 bytes.
    #[error("leaf index {found}, a certificate log ends before 2^40")]
    IndexTooLarge {
        /// The index.
        found: u64,
    },
}

#[cfg(test)]
mod tests;
