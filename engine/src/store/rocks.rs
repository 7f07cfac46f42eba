//! The hot store on RocksDB, opened to refuse rather than to forgive.
//!
//! | column family | key | value |
//! |---|---|---|
//! | `meta` | `log`, `head`, `tiered`, `indexed` | record: log identity, head, sizes |
//! | `tiles` | level (1), index (8), start (2) | record: end (2), hashes |
//! | `bundles` | index (8), start (2) | record: end (2), framed entries |
//! | `identities` | identity (32) | index (8), checksum (4) |
//! | `times` | size after the batch (8) | record: time (8) |
//!
//! An object that still grows lies in pieces, one for each batch that added to it, so that a batch
//! writes only what is new; the batch that fills it writes it whole at start 0 and deletes the
//! later pieces. Integers are big-endian, so keys sort as the log grows.
//!
//! RocksDB's default recovery drops everything behind a flipped bit in its write-ahead log without
//! a word. Here it may drop only an incomplete record at the very end, which is a write that never
//! returned; anything else refuses to open. The published checkpoint, kept outside RocksDB, is the
//! last word on whether too much is gone.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rocksdb::{
    BlockBasedOptions, BoundColumnFamily, Cache, ColumnFamilyDescriptor, DBCompressionType,
    DBRecoveryMode, Direction, ErrorKind, IteratorMode, MultiThreaded, Options, ReadOptions,
    WriteBatch, WriteOptions,
};
use tiles::{LeafIndex, TileId, TreeSize};

use self::log_files::Mark;
use super::{Commit, Head, HotStore, IdentityRun, LogIdentity, ObjectId, ObjectWrite, record};
use crate::UnixMillis;
use crate::error::StoreError;
use crate::format::Identity;

type Db = rocksdb::DBWithThreadMode<MultiThreaded>;
type Family<'a> = std::sync::Arc<BoundColumnFamily<'a>>;

const META: &str = "meta";
const TILES: &str = "tiles";
const BUNDLES: &str = "bundles";
const IDENTITIES: &str = "identities";
const TIMES: &str = "times";
const FAMILIES: [&str; 5] = [META, TILES, BUNDLES, IDENTITIES, TIMES];

const KEY_LOG: &[u8] = b"log";
const KEY_HEAD: &[u8] = b"head";
const KEY_TIERED: &[u8] = b"tiered";

/// Memory for blocks read from disk, shared by all column families.
const BLOCK_CACHE_BYTES: usize = 128 * 1024 * 1024;
/// Most bytes of write-ahead log: what opening has to replay.
const WAL_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Info logs are kept small; the engine reports through tracing.
const INFO_LOG_COUNT: usize = 4;
const INFO_LOG_BYTES: usize = 4 * 1024 * 1024;

/// The hot store of one log.
#[derive(Debug)]
pub struct RocksStore {
    db: Db,
    /// Where RocksDB keeps its files.
    path: PathBuf,
    /// What was moved away, and is hidden however much of it is still there.
    dropped: drop::Dropped,
    /// Every batch begins with it.
    mark: Mark,
}

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        Self::Backend(error.into_string())
    }
}

/// As the conversion above, but damage that RocksDB found by its own checksums is named like damage
/// that we find by ours.
fn named(error: rocksdb::Error, shown: impl FnOnce() -> String) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::damaged(shown(), error.into_string()),
        _ => error.into(),
    }
}

impl RocksStore {
    /// Makes an empty store for the log `identity` at `path`, where nothing may be yet.
    ///
    /// # Errors
    /// If there is something at `path` or RocksDB fails.
    pub fn create(path: &Path, identity: &LogIdentity) -> Result<Self, StoreError> {
        let mut options = options();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_error_if_exists(true);
        let store = Self {
            db: Db::open_cf_descriptors(&options, path, families())?,
            path: path.to_owned(),
            dropped: drop::Dropped::default(),
            mark: mark()?,
        };
        let mut batch = store.mark.batch();
        let meta = store.family(META)?;
        batch.put_cf(
            &meta,
            KEY_LOG,
            record::seal(KEY_LOG, &encoding::encode_log_identity(identity)),
        );
        batch.put_cf(
            &meta,
            KEY_HEAD,
            record::seal(KEY_HEAD, &encoding::encode_head(&Head::EMPTY)),
        );
        batch.put_cf(
            &meta,
            KEY_TIERED,
            record::seal(KEY_TIERED, &encoding::encode_tiered(TreeSize::ZERO, 0)),
        );
        drop(meta);
        store.write(batch)?;
        store.begin_index()?;
        Ok(store)
    }

    /// Opens the store at `path`; never creates one.
    ///
    /// # Errors
    /// If there is none, or if RocksDB finds anything that was synced and is not there any more.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        log_files::check(path)?;
        let db = Db::open_cf_descriptors(&options(), path, families())?;
        let store = Self::over(db, path)?;
        if !store.has_index()? {
            store.begin_index()?;
        }
        Ok(store)
    }

    /// Opens the store at `path` for reading beside the process that owns it. `scratch` is a
    /// directory for RocksDB's own notes.
    ///
    /// The store shows the state at this call. Objects that the owner moves to the cold store
    /// meanwhile stay readable, because their files stay open.
    ///
    /// # Errors
    /// If there is no store or it cannot be read.
    pub fn open_beside(path: &Path, scratch: &Path) -> Result<Self, StoreError> {
        log_files::check(path)?;
        let mut options = options();
        // A secondary instance must hold every file open, or the owner could delete one it needs.
        options.set_max_open_files(-1);
        let db = Db::open_cf_descriptors_as_secondary(&options, path, scratch, families())?;
        db.try_catch_up_with_primary()?;
        Self::over(db, path)
    }

    fn over(db: Db, path: &Path) -> Result<Self, StoreError> {
        let store = Self {
            db,
            path: path.to_owned(),
            dropped: drop::Dropped::default(),
            mark: mark()?,
        };
        store.hide_what_was_dropped();
        Ok(store)
    }

    fn family(&self, name: &'static str) -> Result<Family<'_>, StoreError> {
        self.db
            .cf_handle(name)
            .ok_or_else(|| StoreError::damaged("the hot store", format!("no column family {name}")))
    }

    fn write(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.db.write_opt(batch, &options)?)
    }

    fn meta(&self, key: &'static [u8]) -> Result<Vec<u8>, StoreError> {
        let shown = || format!("meta/{} in the hot store", String::from_utf8_lossy(key));
        let found = self.db.get_cf(&self.family(META)?, key);
        let found = found.map_err(|error| named(error, shown))?;
        let sealed = found.ok_or_else(|| StoreError::damaged(shown(), "it is missing"))?;
        Ok(record::open(key, &sealed, shown)?.to_vec())
    }

    fn put_object(&self, batch: &mut WriteBatch, write: &ObjectWrite) -> Result<(), StoreError> {
        let family = self.family(family_of(write.id))?;
        let prefix = object_prefix(write.id);
        if write.completes() && write.start > 0 {
            batch.delete_range_cf(&family, piece_key(&prefix, 1), piece_key(&prefix, u16::MAX));
        }
        let key = piece_key(&prefix, if write.completes() { 0 } else { write.start });
        let payload: [&[u8]; 2] = [&write.end.to_be_bytes(), &write.bytes];
        batch.put_cf(&family, &key, record::seal_pieces(&key, &payload));
        Ok(())
    }
}

impl HotStore for RocksStore {
    fn log_identity(&self) -> Result<LogIdentity, StoreError> {
        encoding::decode_log_identity(&self.meta(KEY_LOG)?)
            .ok_or_else(|| StoreError::damaged("meta/log in the hot store", "it cannot be decoded"))
    }

    fn head(&self) -> Result<Head, StoreError> {
        encoding::decode_head(&self.meta(KEY_HEAD)?).ok_or_else(|| {
            StoreError::damaged("meta/head in the hot store", "it cannot be decoded")
        })
    }

    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        if self.head()? != commit.previous {
            let why = "the commit does not follow the stored head";
            return Err(StoreError::Backend(why.to_owned()));
        }
        let mut batch = self.mark.batch();
        for write in &commit.objects {
            self.put_object(&mut batch, write)?;
        }
        let size = commit.head.size.get().to_be_bytes();
        let time = record::seal(&size, &commit.head.time.get().to_be_bytes());
        batch.put_cf(&self.family(TIMES)?, size, time);
        let head = record::seal(KEY_HEAD, &encoding::encode_head(&commit.head));
        batch.put_cf(&self.family(META)?, KEY_HEAD, head);
        self.write(batch)
    }

    fn object(&self, id: ObjectId) -> Result<Option<Bytes>, StoreError> {
        if self.dropped.covers(id) {
            return Ok(None);
        }
        let family = self.family(family_of(id))?;
        let prefix = object_prefix(id);
        let mut pieces = Pieces::new(id);
        let mut read = ReadOptions::default();
        read.set_iterate_upper_bound(piece_key(&prefix, u16::MAX));
        let first = piece_key(&prefix, 0);
        let mode = IteratorMode::From(&first, Direction::Forward);
        for item in self.db.iterator_cf_opt(&family, read, mode) {
            let (key, sealed) =
                item.map_err(|error| named(error, || format!("{id} in the hot store")))?;
            pieces.append(&key, &sealed)?;
        }
        Ok(pieces.finish())
    }

    fn index(&self, run: &IdentityRun) -> Result<(), StoreError> {
        self.write_run(run)
    }

    fn indexed(&self) -> Result<TreeSize, StoreError> {
        Ok(self.index_state()?.complete)
    }

    fn find(&self, identities: &[Identity]) -> Result<Vec<Option<LeafIndex>>, StoreError> {
        self.find_owners(identities)
    }

    fn identities_after(
        &self,
        last: Option<&Identity>,
        count: usize,
    ) -> Result<Vec<Identity>, StoreError> {
        self.following_identities(last, count)
    }

    fn visit_owners(
        &self,
        first_bytes: RangeInclusive<u8>,
        visit: &mut dyn FnMut(Identity, LeafIndex),
    ) -> Result<bool, StoreError> {
        self.scan_owners(first_bytes, visit).map(|()| true)
    }

    fn time_of(&self, index: LeafIndex) -> Result<Option<UnixMillis>, StoreError> {
        let Some(after) = index.get().checked_add(1) else {
            return Ok(None);
        };
        let from = after.to_be_bytes();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let Some(item) = self.db.iterator_cf(&self.family(TIMES)?, mode).next() else {
            return Ok(None);
        };
        let shown = || format!("the time of the batch with entry {}", index.get());
        let (key, sealed) = item.map_err(|error| named(error, shown))?;
        let payload = record::open(&key, &sealed, shown)?;
        let time = encoding::Fields::new(payload).u64();
        time.map(|time| Some(UnixMillis::new(time)))
            .ok_or_else(|| StoreError::damaged(shown(), "it cannot be decoded"))
    }

    fn tiered(&self) -> Result<TreeSize, StoreError> {
        Ok(self.tiered_record()?.0)
    }

    fn cold_len_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.tiered_record()?.1)
    }

    fn drop_full(&self, size: TreeSize, added_len_bytes: u64) -> Result<(), StoreError> {
        self.drop_objects(size, added_len_bytes)
    }

    fn disk_usage(&self) -> Vec<(&'static str, u64)> {
        self.sizes_on_disk()
    }

    fn snapshot(&self, to: &Path) -> Result<(), StoreError> {
        snapshot::take(&self.db, to)
    }
}

fn mark() -> Result<Mark, StoreError> {
    let doing = || "ask the system for random bytes".to_owned();
    Mark::random().map_err(|error| StoreError::io(doing(), error))
}

/// The pieces of one object, put together in order.
struct Pieces {
    id: ObjectId,
    end: u16,
    bytes: Vec<u8>,
    found: bool,
}

impl Pieces {
    const fn new(id: ObjectId) -> Self {
        Self {
            id,
            end: 0,
            bytes: Vec::new(),
            found: false,
        }
    }

    fn append(&mut self, key: &[u8], sealed: &[u8]) -> Result<(), StoreError> {
        let shown = || format!("{} in the hot store", self.id);
        let payload = record::open(key, sealed, shown)?;
        let gap = || StoreError::damaged(shown(), format!("no piece follows element {}", self.end));
        let (end, bytes) = payload.split_first_chunk().ok_or_else(gap)?;
        if !key.ends_with(&self.end.to_be_bytes()) {
            return Err(gap());
        }
        self.end = u16::from_be_bytes(*end);
        self.bytes.extend_from_slice(bytes);
        self.found = true;
        Ok(())
    }

    fn finish(self) -> Option<Bytes> {
        self.found.then(|| Bytes::from(self.bytes))
    }
}

const fn family_of(id: ObjectId) -> &'static str {
    match id {
        ObjectId::Bundle(_) => BUNDLES,
        ObjectId::Tile(_) => TILES,
    }
}

fn object_prefix(id: ObjectId) -> Vec<u8> {
    match id {
        ObjectId::Bundle(index) => index.to_be_bytes().to_vec(),
        ObjectId::Tile(TileId { level, index }) => {
            let mut prefix = vec![level.get()];
            prefix.extend_from_slice(&index.to_be_bytes());
            prefix
        }
    }
}

fn piece_key(prefix: &[u8], start: u16) -> Vec<u8> {
    let mut key = prefix.to_vec();
    key.extend_from_slice(&start.to_be_bytes());
    key
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_paranoid_checks(true);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    // Hardly anyone but the committer writes: tables that take one writer at a time are faster.
    options.set_allow_concurrent_memtable_write(false);
    options.set_keep_log_file_num(INFO_LOG_COUNT);
    options.set_max_log_file_size(INFO_LOG_BYTES);
    options
}

fn families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    FAMILIES
        .iter()
        .map(|name| ColumnFamilyDescriptor::new(*name, family_options(name, &cache)))
        .collect()
}

fn family_options(name: &str, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    let mut options = Options::default();
    if name == IDENTITIES {
        identity_runs::tune(&mut options, &mut table);
    }
    if name == BUNDLES || name == TILES {
        drop::set_options(name, &mut options);
    }
    options.set_block_based_table_factory(&table);
    // What is left is small.
    options.set_compression_type(DBCompressionType::None);
    options
}

mod drop;
mod encoding;
mod identity_runs;
mod log_files;
mod owners;
mod snapshot;
#[cfg(test)]
mod tests;
