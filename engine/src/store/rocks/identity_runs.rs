//! The index of identities in RocksDB: sorted runs that it takes in as whole files.
//!
//! A run is written beside the database as a sorted table and then ingested, which moves the file:
//! nothing passes through the write-ahead log or a table in memory, where random keys are dear.
//! The record `meta/indexed` has two sizes. *Begun* is written, synced, before a run is ingested:
//! the index may hold identities of entries below it. *Complete* follows when the run is in. So an
//! index that knows more than the log does, which only lost log files could cause, is noticed; each
//! run has its end in it as well, in case the record is lost with them.

use std::fs;
use std::io;

use rocksdb::{
    BlockBasedOptions, DBCompactionStyle, DBCompressionType, Direction, IngestExternalFileOptions,
    IteratorMode, Options, ReadOptions, SstFileWriter, UniversalCompactOptions, WriteBatch,
};
use tiles::{LeafIndex, TreeSize};

use super::{IDENTITIES, META, RocksStore, encoding, named, record};
use crate::error::StoreError;
use crate::format::Identity;
use crate::store::{HotStore, IdentityRun};

const KEY_INDEXED: &[u8] = b"indexed";

/// Where each run says how far the index goes with it: behind every identity. The newest counts,
/// in the form of `meta/indexed`.
pub(super) const KEY_END: [u8; 33] = {
    let mut key = [0xff; 33];
    key[32] = 0;
    key
};

/// Name of a run that is being written; RocksDB gives it another when it takes it in.
const RUN_FILE: &str = "identities.run";

/// Bits of filter for an identity: one look-up in a thousand finds a run that has not got it.
const FILTER_BITS: f64 = 14.0;

/// Runs of like size that are merged into one. Every merge rewrites identities, and every look-up
/// that comes this far asks the filter of every run: with sixteen, a hundred million identities lie
/// in less than thirty runs and were rewritten at most twice.
const RUNS_PER_MERGE: i32 = 16;

/// Bytes to read ahead when the whole index is read.
const READAHEAD_BYTES: usize = 2 << 20;

/// How far the index goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexState {
    /// All entries below this size are in the index.
    pub(super) complete: TreeSize,
    /// No entry at or beyond this size is in the index.
    begun: TreeSize,
}

impl IndexState {
    const NOTHING: Self = Self {
        complete: TreeSize::ZERO,
        begun: TreeSize::ZERO,
    };

    fn encode(self) -> [u8; 16] {
        let mut payload = [0; 16];
        let (complete, begun) = payload.split_at_mut(8);
        complete.copy_from_slice(&self.complete.get().to_be_bytes());
        begun.copy_from_slice(&self.begun.get().to_be_bytes());
        payload
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let mut fields = encoding::Fields::new(payload);
        let complete = TreeSize::new(fields.u64()?);
        let begun = TreeSize::new(fields.u64()?);
        fields.end()?;
        Some(Self { complete, begun })
    }
}

impl RocksStore {
    /// Whether the store has an index of this kind. Cairn 0.1 wrote identities with each batch, in
    /// records of another shape.
    pub(super) fn has_index(&self) -> Result<bool, StoreError> {
        let found = self.db.get_pinned_cf(&self.family(META)?, KEY_INDEXED)?;
        Ok(found.is_some())
    }

    /// Empties the index, in one step; opening the log builds it again.
    pub(super) fn begin_index(&self) -> Result<(), StoreError> {
        let mut batch = self.index_record(IndexState::NOTHING)?;
        let beyond_all = [0xff; 33];
        batch.delete_range_cf(&self.family(IDENTITIES)?, &[][..], &beyond_all[..]);
        self.write(batch)
    }

    /// How far the index goes.
    pub(super) fn index_state(&self) -> Result<IndexState, StoreError> {
        let shown = || "meta/indexed in the hot store".to_owned();
        let found = self.db.get_cf(&self.family(META)?, KEY_INDEXED);
        let found = found.map_err(|error| named(error, shown))?;
        let sealed = found.ok_or_else(|| StoreError::damaged(shown(), "it is missing"))?;
        let payload = record::open(KEY_INDEXED, &sealed, shown)?;
        let state = IndexState::decode(payload)
            .ok_or_else(|| StoreError::damaged(shown(), "it cannot be decoded"))?;
        let runs = self.state_of_runs()?;
        let begun = state.begun.max(runs.begun);
        let size = self.head()?.size;
        if begun > size {
            let why = format!("it speaks of {begun} entries, the log has {size}");
            return Err(StoreError::damaged(shown(), why));
        }
        let complete = state.complete.min(runs.complete);
        Ok(IndexState { complete, begun })
    }

    /// How far the index goes by what is in it. Its files outlive a log file that is cut off, and
    /// the record with it; and they may be older than a log file that was copied after them.
    fn state_of_runs(&self) -> Result<IndexState, StoreError> {
        let shown = || "the end of the index in the hot store".to_owned();
        let found = self.db.get_cf(&self.family(IDENTITIES)?, KEY_END);
        let Some(sealed) = found.map_err(|error| named(error, shown))? else {
            return Ok(IndexState::NOTHING);
        };
        let payload = record::open(&KEY_END, &sealed, shown)?;
        IndexState::decode(payload)
            .ok_or_else(|| StoreError::damaged(shown(), "it cannot be decoded"))
    }

    pub(super) fn write_run(&self, run: &IdentityRun) -> Result<(), StoreError> {
        let IndexState { complete, begun } = self.index_state()?;
        let begun = run.end.max(begun);
        self.write(self.index_record(IndexState { complete, begun })?)?;
        let complete = run.end.max(complete);
        let state = IndexState { complete, begun };
        self.ingest(run, state)?;
        // Synced for the sake of what follows: of two writes that are not, the later may reach the
        // disk alone, and a batch behind a hole is refused.
        self.write(self.index_record(state)?)
    }

    /// Writes a run as a sorted table, with `state` in it, and gives it to RocksDB.
    fn ingest(&self, run: &IdentityRun, state: IndexState) -> Result<(), StoreError> {
        let path = self.path.join(RUN_FILE);
        // RocksDB links the table under a name of its own before it removes this one. After a
        // crash between the two this name is a second one of a live table, and to write to it
        // would be to write over that.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let doing = format!("remove what a crash left at {}", path.display());
                return Err(StoreError::io(doing, error));
            }
            _ => {}
        }
        let mut options = Options::default();
        let mut table = BlockBasedOptions::default();
        tune(&mut options, &mut table);
        options.set_block_based_table_factory(&table);
        let mut writer = SstFileWriter::create(&options);
        writer.open(&path)?;
        for (identity, index) in &run.owners {
            let key = identity.as_bytes();
            writer.put(key, encoding::encode_owner(key, *index))?;
        }
        writer.put(KEY_END, record::seal(&KEY_END, &state.encode()))?;
        writer.finish()?;
        let mut ingest = IngestExternalFileOptions::default();
        ingest.set_move_files(true);
        let family = self.family(IDENTITIES)?;
        Ok(self
            .db
            .ingest_external_file_cf_opts(&family, &ingest, vec![path])?)
    }

    fn index_record(&self, state: IndexState) -> Result<WriteBatch, StoreError> {
        let mut batch = self.mark.batch();
        let sealed = record::seal(KEY_INDEXED, &state.encode());
        batch.put_cf(&self.family(META)?, KEY_INDEXED, sealed);
        Ok(batch)
    }

    pub(super) fn find_owners(
        &self,
        identities: &[Identity],
    ) -> Result<Vec<Option<LeafIndex>>, StoreError> {
        let family = self.family(IDENTITIES)?;
        let keys = identities.iter().map(Identity::as_bytes);
        let found = self.db.batched_multi_get_cf(&family, keys, false);
        identities
            .iter()
            .zip(found)
            .map(|(identity, value)| {
                let shown = || format!("the index record of {identity:?} in the hot store");
                let Some(value) = value.map_err(|error| named(error, shown))? else {
                    return Ok(None);
                };
                encoding::decode_owner(identity.as_bytes(), &value)
                    .map(Some)
                    .ok_or_else(|| StoreError::damaged(shown(), "the checksum does not match"))
            })
            .collect()
    }

    pub(super) fn following_identities(
        &self,
        last: Option<&Identity>,
        count: usize,
    ) -> Result<Vec<Identity>, StoreError> {
        let family = self.family(IDENTITIES)?;
        let mut read = ReadOptions::default();
        // All of it is read once; the block cache is for look-ups.
        read.fill_cache(false);
        read.set_readahead_size(READAHEAD_BYTES);
        read.set_iterate_upper_bound(KEY_END);
        let mode = last.map_or(IteratorMode::Start, |last| {
            IteratorMode::From(last.as_bytes(), Direction::Forward)
        });
        let found = self.db.iterator_cf_opt(&family, read, mode).map(|item| {
            let damaged = || "the index of identities in the hot store".to_owned();
            let (key, _) = item.map_err(|error| named(error, damaged))?;
            let key = <[u8; 32]>::try_from(key.as_ref());
            key.map(Identity::new)
                .map_err(|_| StoreError::damaged(damaged(), "a key has not 32 bytes"))
        });
        let known = |found: &Result<Identity, StoreError>| found.as_ref().ok() == last;
        found.skip_while(known).take(count).collect()
    }
}

/// Sets what the index needs: for the files that are written here and those that RocksDB merges.
pub(super) fn tune(options: &mut Options, table: &mut BlockBasedOptions) {
    // Nearly every look-up is for an identity that is not there: let a filter answer it.
    table.set_bloom_filter(FILTER_BITS, false);
    // Hashes do not compress.
    options.set_compression_type(DBCompressionType::None);
    // Merging few runs of like size rewrites an identity seldom; levels would rewrite it tenfold,
    // because the runs hold random keys and each overlaps all the others.
    options.set_compaction_style(DBCompactionStyle::Universal);
    let mut universal = UniversalCompactOptions::default();
    universal.set_min_merge_width(RUNS_PER_MERGE);
    universal.set_max_merge_width(RUNS_PER_MERGE);
    // Nothing in the index is ever overwritten or deleted, so merging everything frees no space.
    universal.set_max_size_amplification_percent(i32::MAX);
    options.set_universal_compaction_options(&universal);
    options.set_level_zero_file_num_compaction_trigger(RUNS_PER_MERGE);
    // Runs come from one thread that waits for nothing else; they never hold up commits.
    options.set_level_zero_slowdown_writes_trigger(i32::MAX);
    options.set_level_zero_stop_writes_trigger(i32::MAX);
}
