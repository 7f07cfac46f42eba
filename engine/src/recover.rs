//! Opening a log after whatever happened to it.
//!
//! The published checkpoint was kept before anyone saw it, and outside the hot store; so it is the
//! measure. The hot store must hold a tree that extends it, and must be what it claims to be: its
//! right edge folds to its root, and the last entries hash to the last leaves. Anything else is
//! refused; a log is never continued from a shorter or another history.

use tiles::{Hash, LeafIndex, TileId, TileLevel, TileWidth, VerifierKey};

use crate::dedup::Dedup;
use crate::error::{OpenError, StoreError};
use crate::format::{Format, FormatError, Identity, check_bundle};
use crate::integrate::Edge;
use crate::publish::PublishedHead;
use crate::reader::StoredTiles;
use crate::sequencer::Tail;
use crate::store::{CheckpointStore, Head, HotStore, LogIdentity, OBJECT_WIDTH, ObjectId};

/// Checks that the store holds the log that the configuration names.
pub(crate) fn check_identity(
    store: &dyn HotStore,
    configured: &LogIdentity,
) -> Result<(), OpenError> {
    let stored = store.log_identity()?;
    let hex = |id: [u8; 32]| format!("{:?}", Hash::new(id));
    let fields = [
        (
            "origin",
            stored.origin.to_string(),
            configured.origin.to_string(),
        ),
        ("kind", stored.kind, configured.kind.clone()),
        ("log id", hex(stored.log_id), hex(configured.log_id)),
        ("format", stored.format, configured.format.clone()),
    ];
    for (field, stored, configured) in fields {
        if stored != configured {
            return Err(OpenError::OtherLog {
                field,
                stored,
                configured,
            });
        }
    }
    Ok(())
}

/// The last published head; its signature must verify with the log's key.
pub(crate) fn published(
    store: &dyn CheckpointStore,
    key: &VerifierKey,
    path: &std::path::Path,
) -> Result<PublishedHead, OpenError> {
    let unusable = |why: String| OpenError::Published {
        path: path.to_owned(),
        why,
    };
    let kept = store
        .load()?
        .ok_or_else(|| unusable("it is missing".to_owned()))?;
    let (bytes, kept_at) = kept;
    let (checkpoint, _) = tiles::open_checkpoint(&bytes, std::slice::from_ref(key))
        .map_err(|error| unusable(error.to_string()))?;
    Ok(PublishedHead {
        size: checkpoint.size(),
        root_hash: checkpoint.root_hash(),
        checkpoint: bytes,
        signed_at: kept_at,
    })
}

/// The tail of the log, checked against itself and against what was published.
pub(crate) fn tail(
    stored: &StoredTiles<'_>,
    format: &dyn Format,
    published: &PublishedHead,
) -> Result<Tail, OpenError> {
    let head = stored.hot.head()?;
    if head.size < published.size {
        return Err(OpenError::RolledBack {
            committed: head.size,
            published: published.size,
        });
    }
    cold_store(stored, format)?;
    let edge = edge(stored, &head)?;
    let bundle = growing_bundle(stored, format, &head)?;
    let found = tiles::root_hash(stored, published.size).map_err(|error| match error {
        tiles::ProofBuildError::Source(error) => error,
        other => StoreError::damaged("the tiles of the published tree", other.to_string()),
    })?;
    if found != published.root_hash {
        let (size, wanted) = (published.size, published.root_hash);
        return Err(OpenError::Forked {
            size,
            found,
            wanted,
        });
    }
    Ok(Tail { head, edge, bundle })
}

/// Reads the identities that the index does not cover yet from the entries they belong to. Whole
/// segments are written to the index on the way, so that any number of entries can be missing: an
/// index that was never written is built here.
pub(crate) fn identities(
    stored: &StoredTiles<'_>,
    format: &dyn Format,
    head: &Head,
    dedup: &Dedup,
) -> Result<(), OpenError> {
    let indexed = stored.hot.indexed()?.get();
    let size = head.size.get();
    let mut index = indexed / OBJECT_WIDTH;
    while index * OBJECT_WIDTH < size {
        let count = (size - index * OBJECT_WIDTH).min(OBJECT_WIDTH);
        let width = u16::try_from(count).ok().and_then(TileWidth::new);
        let width = width.expect("1 to 256 entries");
        let found = stored_identities(stored, format, index, width)?;
        for (number, identity) in (index * OBJECT_WIDTH..).zip(found) {
            if number >= indexed {
                dedup.replay(identity, LeafIndex::new(number));
            }
        }
        while let Some(segment) = dedup.oldest_frozen() {
            stored.hot.index(&segment.run())?;
            dedup.written();
        }
        index += 1;
    }
    Ok(())
}

/// The identities of the first entries of a bundle.
fn stored_identities(
    stored: &StoredTiles<'_>,
    format: &dyn Format,
    index: u64,
    width: TileWidth,
) -> Result<Vec<Identity>, StoreError> {
    if format.identity_is_leaf_hash() {
        let level = TileLevel::LEAF;
        let leaves = stored.hashes(TileId { level, index }, width)?;
        let hashes = leaves.hashes().iter();
        return Ok(hashes.map(|hash| Identity::new(*hash.as_bytes())).collect());
    }
    let id = ObjectId::Bundle(index);
    let bytes = stored.object(id)?;
    let damaged = |error: FormatError| StoreError::damaged(id.to_string(), error.to_string());
    let len = format.bundle_prefix_len(&bytes, width.count());
    let bundle = bytes.get(..len.map_err(damaged)?).unwrap_or(&bytes);
    let entries = format
        .split_bundle(bundle, width.count())
        .map_err(damaged)?;
    let identities = entries.into_iter().map(|entry| format.identity_of(entry));
    identities.collect::<Result<_, _>>().map_err(damaged)
}

/// The growing tiles of the committed tree; they must fold to its root.
fn edge(stored: &StoredTiles<'_>, head: &Head) -> Result<Edge, StoreError> {
    let mut levels = Vec::new();
    let mut full = head.size.get();
    for level in 0.. {
        let Some(level) = TileLevel::new(level).filter(|_| full > 0) else {
            break;
        };
        let index = full / OBJECT_WIDTH;
        let width = u16::try_from(full % OBJECT_WIDTH)
            .ok()
            .and_then(TileWidth::new);
        levels.push(match width {
            Some(width) => stored
                .hashes(TileId { level, index }, width)?
                .hashes()
                .to_vec(),
            None => Vec::new(),
        });
        full = index;
    }
    let damaged = |why: &str| StoreError::damaged("the right edge of the tree", why);
    let edge = Edge::new(head.size, levels).ok_or_else(|| damaged("its shape is wrong"))?;
    if edge.root_hash() == head.root_hash {
        Ok(edge)
    } else {
        Err(damaged("it does not fold to the committed root hash"))
    }
}

/// The bytes of the bundle that still grows; every entry in it must hash to its leaf.
fn growing_bundle(
    stored: &StoredTiles<'_>,
    format: &dyn Format,
    head: &Head,
) -> Result<Vec<u8>, StoreError> {
    let index = head.size.get() / OBJECT_WIDTH;
    let Some(width) = u16::try_from(head.size.get() % OBJECT_WIDTH)
        .ok()
        .and_then(TileWidth::new)
    else {
        return Ok(Vec::new());
    };
    let bytes = stored.object(ObjectId::Bundle(index))?;
    let level = TileLevel::LEAF;
    let leaves = stored.hashes(TileId { level, index }, width)?;
    check_bundle(format, index, &bytes, &leaves)?;
    Ok(bytes.to_vec())
}

/// Checks that the cold store has what was moved there last, and that it belongs to this tree: a
/// volume that is not mounted, or another log's, must not go unnoticed until somebody reads.
fn cold_store(stored: &StoredTiles<'_>, format: &dyn Format) -> Result<(), OpenError> {
    let Some(last) = (stored.hot.tiered()?.get() / OBJECT_WIDTH).checked_sub(1) else {
        return Ok(());
    };
    let level = TileLevel::LEAF;
    let tile = ObjectId::Tile(TileId { level, index: last });
    for object in [tile, ObjectId::Bundle(last)] {
        if stored.cold.get(object)?.is_none() {
            return Err(OpenError::ColdMissing { object });
        }
    }
    let leaves = stored.hashes(TileId { level, index: last }, TileWidth::FULL)?;
    check_bundle(
        format,
        last,
        &stored.object(ObjectId::Bundle(last))?,
        &leaves,
    )?;
    let above = TileId {
        level: TileLevel::new(1).expect("a small level"),
        index: last / OBJECT_WIDTH,
    };
    let place = u16::try_from(last % OBJECT_WIDTH).expect("a remainder of 256");
    let width = TileWidth::new(place + 1).expect("1 to 256");
    if stored.hashes(above, width)?.hashes().last().copied() != leaves.root_hash() {
        let why = "it is not what the tile above it says";
        return Err(StoreError::damaged(tile.to_string(), why).into());
    }
    Ok(())
}
