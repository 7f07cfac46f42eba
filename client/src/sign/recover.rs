//! An entry that a log of version 2 has already: its index is known, the rest is read from the
//! log's tiles.
//!
//! The bytes of the entry are known here, because a signer can make them; so all that is needed is
//! a checkpoint and the path up to it. Whether both hold is checked with the bundle.

use sigstore::{InclusionProof, KindVersion, TransparencyLogEntry};
use tiles::{Checkpoint, LeafIndex, Note, Tile, TileRef, TileSource, TileWidth};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::http;

use super::Draft;
use super::rekor::Log;

/// Bytes of a checkpoint.
const CHECKPOINT_LEN_BYTES_MAX: usize = 1 << 20;

/// Bytes of a tile: 256 hashes.
const TILE_LEN_BYTES_MAX: usize = 256 * 32;

/// A log that is read.
struct Reader<'a>(Log<'a>);

/// The entry of a bundle's signature, at an index of the log.
pub(super) fn entry_at(
    log: Log<'_>,
    index: u64,
    draft: &Draft,
) -> Result<TransparencyLogEntry, Failure> {
    let reader = Reader(log);
    let wrong = |error: &dyn std::fmt::Display| {
        let what = "has the signature already, but does not prove it";
        Failure::new(Exit::Service, log.url, what).found(error)
    };
    let bytes = reader.get("checkpoint", CHECKPOINT_LEN_BYTES_MAX)?;
    let note = Note::parse(&bytes).map_err(|error| wrong(&error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| wrong(&error))?;
    let (index, size) = (LeafIndex::new(index), checkpoint.size());
    let hashes = tiles::inclusion_proof(&reader, index, size).map_err(|error| match error {
        tiles::proof::ProofBuildError::Source(failure) => failure,
        other => wrong(&other.to_string()),
    })?;
    let body = draft.record.leaf_bytes();
    let root_hash = checkpoint.root_hash();
    tiles::verify_inclusion(index, size, &tiles::leaf_hash(&body), &hashes, &root_hash)
        .map_err(|error| wrong(&error))?;
    Ok(TransparencyLogEntry {
        log_index: index,
        log_id: log_id(&note, log).ok_or_else(|| wrong(&"by none of the logs that are trusted"))?,
        kind_version: KindVersion {
            kind: sigstore::entry::hashedrekord::KIND.to_owned(),
            version: sigstore::entry::hashedrekord::VERSION.to_owned(),
        },
        integrated_time: 0,
        signed_entry_timestamp: None,
        inclusion_proof: Some(InclusionProof {
            log_index: index,
            root_hash,
            tree_size: size,
            hashes,
            checkpoint: note.encode(),
        }),
        canonicalized_body: body,
    })
}

/// The id of the log that signed the note, as the trusted root has it.
fn log_id(note: &Note, log: Log<'_>) -> Option<[u8; 32]> {
    let signed = |id: &[u8]| {
        let hint = id.get(..4).map(<[u8]>::to_vec);
        let hint = hint
            .and_then(|hint| hint.try_into().ok())
            .map(u32::from_be_bytes);
        let mut signatures = note.signatures().iter();
        signatures.any(|signature| Some(signature.key_id().get()) == hint)
    };
    let mut logs = log.trusted_root.tlogs.iter();
    let found = logs.find(|log| match &log.checkpoint_key_id {
        Some(id) => signed(id),
        None => signed(&log.log_id),
    });
    found.map(|log| log.log_id)
}

impl Reader<'_> {
    fn get(&self, path: &str, len_bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let Reader(log) = self;
        log.get(
            &http::join(log.url, &format!("api/v2/{path}")),
            len_bytes_max,
        )
    }

    fn tile_at(&self, tile: TileRef) -> Result<Vec<u8>, Failure> {
        self.get(&tiles::tile_path(tile), TILE_LEN_BYTES_MAX)
    }
}

impl TileSource for Reader<'_> {
    type Error = Failure;

    /// A log may drop a partial tile once there is a full one, which begins with it.
    fn tile(&self, tile: TileRef) -> Result<Tile, Failure> {
        let full = TileRef {
            width: TileWidth::FULL,
            ..tile
        };
        let bytes = self.tile_at(tile).or_else(|failure| {
            let full = self.tile_at(full).map_err(|_| failure)?;
            let len = tile.width.count() * tiles::HASH_LEN_BYTES;
            Ok(full.into_iter().take(len).collect())
        })?;
        let url = http::join(self.0.url, &tiles::tile_path(tile));
        Tile::parse(&bytes, tile.width)
            .map_err(|error| Failure::new(Exit::Service, url, "is not a tile").found(error))
    }
}
