//! What the engine asks of a store: the hot and the cold contract.
//!
//! An *object* is an entry bundle or a tile. It grows by appending until it holds 256 elements and
//! never changes after that; any narrower state of it is a prefix.
//!
//! **The hot store** holds the working set and moves the log forward in one step:
//! - `commit` is atomic and durable. After `Ok` every later call, in this process or after any
//!   crash, sees all of it. After `Err` the outcome is unknown: the caller must stop writing and
//!   reopen the store.
//! - `commit` refuses a batch that does not follow the stored head, so that a second writer cannot
//!   fork the log even if it got past every lock.
//! - Reads see every commit that returned `Ok` before they began.
//! - `index` follows the commits at its own pace. It only ever holds committed entries, so that
//!   whoever replays the entries behind `indexed` knows every identity there is.
//! - A record that is not what was written is reported as damaged, by name; other records stay
//!   readable.
//!
//! **The cold store** holds full objects under their public paths:
//! - `put` creates the object or finds an equal one there; other content is an error and changes
//!   nothing. After `Ok` and a following `sync` the object survives any crash.
//! - `get` gives back exactly the bytes that were put, once they are synced.
//! - Nothing is ever removed.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod files;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod record;
#[cfg(feature = "rocks")]
mod rocks;

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use bytes::Bytes;
use tiles::{BundleRef, Hash, LeafIndex, TileId, TileRef, TileWidth, TreeSize};

use crate::UnixMillis;
use crate::error::StoreError;
use crate::format::Identity;

pub use files::{CheckpointFile, FileStore};
pub(crate) use files::{UnsyncedNames, create_parent, write_beside_and_rename, write_durably};
#[cfg(feature = "rocks")]
pub(crate) use files::{parent_of, sync_dir};
#[cfg(feature = "rocks")]
pub use rocks::RocksStore;

/// Elements in a full object.
pub(crate) const OBJECT_WIDTH: u64 = 256;

/// Names an entry bundle or a tile, whatever its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// The entry bundle with this index.
    Bundle(u64),
    /// A tile of hashes.
    Tile(TileId),
}

impl fmt::Display for ObjectId {
    /// The public path of the full object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Bundle(index) => f.write_str(&tiles::entries_path(BundleRef {
                index,
                width: TileWidth::FULL,
            })),
            Self::Tile(id) => f.write_str(&tiles::tile_path(TileRef {
                id,
                width: TileWidth::FULL,
            })),
        }
    }
}

/// What names a log, fixed when its store is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// First line of every checkpoint.
    pub origin: tiles::Origin,
    /// What the log is for, in the words of the program that runs it.
    pub kind: String,
    /// SHA-256 identifying origin and key together, as `tiles::VerifierKey::log_id` gives it.
    pub log_id: [u8; 32],
    /// Name of the log's [`crate::Format`].
    pub format: String,
}

/// A committed tree head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries in the tree.
    pub size: TreeSize,
    /// Root hash at this size.
    pub root_hash: Hash,
    /// Time of the batch that led here; strictly increasing from commit to commit.
    pub time: UnixMillis,
}

impl Head {
    /// The head of a log without entries.
    pub const EMPTY: Self = Self {
        size: TreeSize::ZERO,
        root_hash: tiles::EMPTY_ROOT_HASH,
        time: UnixMillis::new(0),
    };
}

/// New elements of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectWrite {
    /// The object.
    pub id: ObjectId,
    /// How many elements the store holds already.
    pub start: u16,
    /// How many elements the object has after this write, 256 at most.
    pub end: u16,
    /// If `end` is 256: the whole object, which replaces every piece stored before. Otherwise only
    /// the elements from `start` to `end`.
    pub bytes: Bytes,
}

impl ObjectWrite {
    /// Whether this write fills the object.
    #[must_use]
    pub fn completes(&self) -> bool {
        u64::from(self.end) == OBJECT_WIDTH
    }
}

/// One step of a log: everything a batch changes, to be written at once.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The head this commit follows.
    pub previous: Head,
    /// The head after it.
    pub head: Head,
    /// New elements of bundles and tiles.
    pub objects: Vec<ObjectWrite>,
}

/// Identities for the index: of all entries between the size up to which the index is complete and
/// `end`, and perhaps of some before that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRun {
    /// Size up to which the index is complete with this run. It is committed.
    pub end: TreeSize,
    /// Identities and the indices they own, sorted; no identity comes twice.
    pub owners: Vec<(Identity, LeafIndex)>,
}

/// The working set of one log. The contract is in the module's words.
pub trait HotStore: Send + Sync + fmt::Debug {
    /// What the store was created for.
    ///
    /// # Errors
    /// If the record cannot be read.
    fn log_identity(&self) -> Result<LogIdentity, StoreError>;

    /// The newest committed head.
    ///
    /// # Errors
    /// If the record cannot be read.
    fn head(&self) -> Result<Head, StoreError>;

    /// Moves the log from `commit.previous` to `commit.head`, atomically and durably.
    ///
    /// # Errors
    /// After an error the outcome is unknown.
    fn commit(&self, commit: &Commit) -> Result<(), StoreError>;

    /// All stored elements of an object: at least as many as any head committed before the call
    /// implies. `None` if the store holds none of it.
    ///
    /// # Errors
    /// If a record of the object is damaged.
    fn object(&self, id: ObjectId) -> Result<Option<Bytes>, StoreError>;

    /// Adds a run to the index of identities. Durable, but only as derived data needs it: after a
    /// crash the index may hold the run without being [complete](HotStore::indexed) up to its end.
    ///
    /// # Errors
    /// After an error the index may hold the run or not; adding it again is safe.
    fn index(&self, run: &IdentityRun) -> Result<(), StoreError>;

    /// Size up to which the index of identities is complete.
    ///
    /// # Errors
    /// If the record cannot be read, or the index knows of entries that the log does not have.
    fn indexed(&self) -> Result<TreeSize, StoreError>;

    /// The index each identity owns, in order, as far as the index of identities goes.
    ///
    /// # Errors
    /// If a record is damaged.
    fn find(&self, identities: &[Identity]) -> Result<Vec<Option<LeafIndex>>, StoreError>;

    /// Up to `count` identities of the index that follow `last`, in order: fewer only at its end.
    ///
    /// # Errors
    /// If the index cannot be read.
    fn identities_after(
        &self,
        last: Option<&Identity>,
        count: usize,
    ) -> Result<Vec<Identity>, StoreError>;

    /// Shows `visit` every identity of the index whose first byte is in that range, and the index
    /// that it owns. Says whether the store can: if not, nothing was shown.
    ///
    /// # Errors
    /// If a record is damaged.
    fn visit_owners(
        &self,
        _first_bytes: RangeInclusive<u8>,
        _visit: &mut dyn FnMut(Identity, LeafIndex),
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Time of the batch that sequenced the entry at `index`; `None` beyond the committed size.
    ///
    /// # Errors
    /// If the record is damaged.
    fn time_of(&self, index: LeafIndex) -> Result<Option<UnixMillis>, StoreError>;

    /// Size below which full objects were moved to the cold store: a multiple of 256.
    ///
    /// # Errors
    /// If the record cannot be read.
    fn tiered(&self) -> Result<TreeSize, StoreError>;

    /// Bytes that everything tiered takes in the cold store, as [`HotStore::drop_full`] was told.
    ///
    /// # Errors
    /// If the record cannot be read.
    fn cold_len_bytes(&self) -> Result<u64, StoreError>;

    /// Forgets every object that is full in a tree of `size` (a multiple of 256), remembers `size`
    /// as tiered, and adds to what the cold store holds. Objects that still grow stay. Nothing
    /// happens if that much was tiered before.
    ///
    /// # Errors
    /// After an error some of the objects may be gone; calling again is safe.
    fn drop_full(&self, size: TreeSize, added_len_bytes: u64) -> Result<(), StoreError>;

    /// Bytes on disk of each part of the store, by its name there; [`INDEX_PART`] is the identity
    /// index. Nothing for a store that is not on a disk.
    fn disk_usage(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Makes a copy of the store at the path `to`, where nothing may be yet: the state of one
    /// instant during this call, durable when it returns. Writes go on meanwhile.
    ///
    /// # Errors
    /// If the copy cannot be made, or this kind of store has no copies.
    fn snapshot(&self, to: &Path) -> Result<(), StoreError> {
        let why = "this kind of store makes no snapshots";
        Err(StoreError::Backend(format!("{}: {why}", to.display())))
    }
}

/// The part of a hot store that holds which index each identity owns: derived data, and the only
/// part that grows with the log.
pub const INDEX_PART: &str = "identities";

/// Full objects, kept for ever. The contract is in the module's words.
pub trait ColdStore: Send + Sync + fmt::Debug {
    /// Stores a full object, or finds an equal one stored already.
    ///
    /// # Errors
    /// [`StoreError::Differs`] if other content is stored; nothing is changed then.
    fn put(&self, id: ObjectId, bytes: &[u8]) -> Result<(), StoreError>;

    /// Puts several objects, in order, and gives back how many bytes they take in the store. One
    /// that can do better than one after the other does.
    ///
    /// # Errors
    /// The first error of a put, in order; those before it are put.
    fn put_all(&self, objects: &[(ObjectId, Bytes)]) -> Result<u64, StoreError> {
        let mut total = 0_u64;
        for (id, bytes) in objects {
            self.put(*id, bytes)?;
            total = total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        Ok(total)
    }

    /// Makes every `put` that returned before this call survive a crash.
    ///
    /// # Errors
    /// After an error no earlier `put` may be relied on.
    fn sync(&self) -> Result<(), StoreError>;

    /// The object's bytes, or `None` if it was never put.
    ///
    /// # Errors
    /// If the stored record is damaged.
    fn get(&self, id: ObjectId) -> Result<Option<StoredBytes>, StoreError>;
}

/// Keeps the last published checkpoint, apart from the hot store, so that a rolled back hot store
/// is noticed.
///
/// After `keep` returned `Ok`, `load` gives these bytes back, in this process or after any crash.
/// After `Err` it is unknown whether `load` gives the old or the new bytes; it never gives a
/// mixture.
pub trait CheckpointStore: Send + Sync + fmt::Debug {
    /// Replaces the kept checkpoint.
    ///
    /// # Errors
    /// After an error the outcome is unknown.
    fn keep(&self, checkpoint: &[u8]) -> Result<(), StoreError>;

    /// The kept checkpoint and when it was kept; `None` if there never was one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn load(&self) -> Result<Option<(Bytes, UnixMillis)>, StoreError>;
}

/// An object's bytes as a store keeps them, so that a server can pass compressed ones on as they
/// are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredBytes {
    /// The bytes themselves.
    Plain(Bytes),
    /// A zstd frame of the bytes.
    Zstd {
        /// The frame.
        frame: Bytes,
        /// How many bytes it holds.
        plain_len: usize,
    },
}

impl StoredBytes {
    /// The bytes themselves, decompressed if need be.
    ///
    /// # Errors
    /// If the frame does not hold what was recorded.
    pub fn plain(&self) -> Result<Bytes, StoreError> {
        match self {
            Self::Plain(bytes) => Ok(bytes.clone()),
            Self::Zstd { frame, plain_len } => {
                let damaged = |why: &str| StoreError::damaged("a zstd frame", why);
                if *plain_len > OBJECT_LEN_BYTES_MAX {
                    return Err(damaged("it claims to hold more than any object can"));
                }
                let bytes = zstd::bulk::decompress(frame, *plain_len)
                    .map_err(|error| damaged(&error.to_string()))?;
                if bytes.len() == *plain_len {
                    Ok(Bytes::from(bytes))
                } else {
                    Err(damaged("it holds fewer bytes than recorded"))
                }
            }
        }
    }
}

/// No bundle of any format is larger than this.
const OBJECT_LEN_BYTES_MAX: usize = 256 * crate::limits::STORED_LEN_BYTES_MAX;

/// The full objects of a tree that end in `(old, new]`, both multiples of 256: bundles, then tiles
/// level by level.
pub(crate) fn full_objects(old: TreeSize, new: TreeSize) -> Vec<ObjectId> {
    let mut objects: Vec<ObjectId> = tiles::bundles_changed(old, new)
        .filter(|bundle| bundle.width == TileWidth::FULL)
        .map(|bundle| ObjectId::Bundle(bundle.index))
        .collect();
    objects.extend(
        tiles::tiles_changed(old, new)
            .filter(|tile| tile.is_full())
            .map(|tile| ObjectId::Tile(tile.id)),
    );
    objects
}

#[cfg(test)]
mod tests;
