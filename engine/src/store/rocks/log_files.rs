//! A look at RocksDB's log files, write-ahead logs and manifests, before RocksDB itself reads them.
//!
//! A crash may tear the end of the last batch, which nobody was told about; RocksDB is opened so
//! that it drops that, and only that. Its reader (11.8, `log::Reader`) is fooled in three ways that
//! one flipped bit or a hole of zeros can bring about, so they are refused here:
//!
//! - a zeroed header in the middle: the rest of the block is skipped without a word, and what
//!   follows is replayed over the hole;
//! - a length or checksum that is wrong in the last block: everything behind it passes for torn;
//! - a record of a recyclable type, which this engine never writes: reading never ends.
//!
//! The rule: behind the first record that is not whole, no batch may begin. Batches are synced one
//! by one, so a later one proves that the damaged one was once whole. What remains unnoticed is
//! damage to the very last batch, which cannot be told from a torn write; the published checkpoint
//! guards that.
//!
//! Batches hold what clients sent, and a client may send what looks like a record: a torn write of
//! his entry must not pass for damage, or he could keep a log closed. So behind the first record
//! that is not whole, a record of a write-ahead log counts in two places only: where a block
//! begins, because RocksDB writes a header there, and the records that follow it; and anywhere if
//! it carries the [`Mark`] of the batches before it, which no client knows.
//!
//! Log files follow each other: one that is torn and is not the newest was not torn by the crash
//! that ended the newest, unless the next goes on where its last whole batch ends.
//!
//! A log file is a sequence of blocks of 32 KiB; a record does not cross their borders, and fewer
//! than seven bytes at the end of a block stay zero. Record: masked CRC-32C of type and content (4
//! bytes), length (2), type (1), content; little-endian (`db/log_format.h`).

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rocksdb::WriteBatch;

use crate::error::StoreError;

const BLOCK_LEN: usize = 32 * 1024;
const HEADER_LEN: usize = 7;

const TYPE_FULL: u8 = 1;
const TYPE_FIRST: u8 = 2;
/// Full, first, middle, last; compression; timestamp size; predecessor log.
const TYPES: [u8; 7] = [TYPE_FULL, TYPE_FIRST, 3, 4, 9, 10, 130];

/// Full, first, middle, last; timestamp size; predecessor log: of files that are written over.
const RECYCLABLE_TYPES: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// What every batch of a store that is open for writing begins with, chosen at random for as long
/// as it is open. It is in the write-ahead log and nowhere else, so clients cannot know it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark([u8; Mark::LEN]);

impl Mark {
    const LEN: usize = 16;

    /// A new one.
    pub(super) fn random() -> io::Result<Self> {
        let mut mark = [0; Self::LEN];
        rustix::rand::getrandom(&mut mark, rustix::rand::GetRandomFlags::empty())?;
        Ok(Self(mark))
    }

    /// A batch that begins with it.
    pub(super) fn batch(&self) -> WriteBatch {
        let mut batch = WriteBatch::default();
        batch.put_log_data(self.0);
        batch
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(..)")
    }
}

/// Refuses damaged log files in `dir`.
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    let (mut logs, mut manifests) = (Vec::new(), Vec::new());
    let unreadable = |error| StoreError::io(format!("read {}", dir.display()), error);
    for found in dir.read_dir().map_err(unreadable)? {
        let path = found.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("MANIFEST-") {
            manifests.push(path);
        } else if let Some(number) = name.strip_suffix(".log") {
            logs.extend(number.parse().ok().map(|number: u64| (number, path)));
        }
    }
    for path in manifests {
        if let Some(file) = read(&path)?
            && let Some(torn) = damage(&file, |at| begins_batch(&file, at))
        {
            return Err(damaged(&path, torn, "others follow it"));
        }
    }
    logs.sort_unstable();
    // Of the last log file that is torn: where, and what the next batch has to be.
    let mut open_end: Option<(PathBuf, usize, u64)> = None;
    for (_, path) in logs {
        let Some(file) = read(&path)? else {
            continue;
        };
        let log = WriteAheadLog::walk(&file);
        if let Some(at) = damage(&file, |at| log.has_batch(at)) {
            return Err(damaged(&path, at, "others follow it"));
        }
        let Some(first) = log.batches.first() else {
            continue;
        };
        if let Some((path, at, next)) = open_end.take()
            // A run of the identity index that is taken in between has a number of its own.
            && first.sequence > next.saturating_add(1)
        {
            return Err(damaged(&path, at, "the next log file is from after it"));
        }
        let last = log.batches.last().unwrap_or(first);
        open_end = log.torn.map(|torn| (path, torn, last.next_sequence()));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        // The process that owns the store may have removed it since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => {
            let doing = || format!("read {}", path.display());
            read.map(Some)
                .map_err(|error| StoreError::io(doing(), error))
        }
    }
}

fn damaged(path: &Path, at: usize, proof: &str) -> StoreError {
    let why = format!(
        "the record at byte {at} is damaged, and {proof}: it was acknowledged; restore the log \
         from a backup and run `cairnd recover`, or look for what harms the disk"
    );
    StoreError::damaged(path.display().to_string(), why)
}

/// Where the first record is that is not whole, if it is not merely the torn end of the file:
/// `is_batch` says of which places behind it that a batch begins there.
fn damage(file: &[u8], is_batch: impl Fn(usize) -> bool) -> Option<usize> {
    let torn = first_torn(file, 0)?;
    let recyclable = record_at(file, torn).is_some_and(|it| RECYCLABLE_TYPES.contains(&it.kind));
    let (_, after) = file.split_at_checked(torn)?;
    let unwritten = after.iter().all(|byte| *byte == 0);
    let followed = || (torn + 1..file.len()).any(is_batch);
    (!unwritten && (recyclable || followed())).then_some(torn)
}

/// What a write-ahead log says of its batches.
struct WriteAheadLog<'a> {
    file: &'a [u8],
    /// Where the first record is that is not whole.
    torn: Option<usize>,
    /// The whole records before that which begin a batch.
    batches: Vec<BatchStart>,
    /// Where batches begin behind that, in blocks that begin with a record.
    behind: Vec<usize>,
}

impl<'a> WriteAheadLog<'a> {
    fn walk(file: &'a [u8]) -> Self {
        let torn = first_torn(file, 0);
        let end = torn.unwrap_or(file.len());
        let batches = Records::from(file, 0)
            .take_while(|(at, _)| *at < end)
            .filter_map(|(_, record)| BatchStart::parse(&record))
            .collect();
        let blocks = (end.next_multiple_of(BLOCK_LEN)..file.len()).step_by(BLOCK_LEN);
        let behind = blocks
            .flat_map(|block| {
                Records::from(file, block).take_while(move |(at, _)| *at < block + BLOCK_LEN)
            })
            .filter(|(_, record)| record.begins_batch())
            .map(|(at, _)| at)
            .collect();
        Self {
            file,
            torn,
            batches,
            behind,
        }
    }

    /// Whether a batch begins at `at`, behind the first record that is not whole.
    fn has_batch(&self, at: usize) -> bool {
        self.behind.binary_search(&at).is_ok()
            || record_at(self.file, at).is_some_and(|record| {
                let mark = BatchStart::parse(&record).and_then(|start| start.mark);
                mark.is_some()
                    && mark == self.batches.last().and_then(|known| known.mark)
                    && record.is_whole()
            })
    }
}

/// The head of a batch (`db/write_batch.cc`): sequence number of its first operation (8 bytes),
/// their count (4), then the operations.
struct BatchStart {
    sequence: u64,
    count: u32,
    mark: Option<Mark>,
}

impl BatchStart {
    fn parse(record: &Record<'_>) -> Option<Self> {
        let content = record.begins_batch().then_some(record.content)?;
        let (sequence, rest) = content.split_first_chunk()?;
        let (count, operations) = rest.split_first_chunk()?;
        let mark = operations
            .strip_prefix(&LOG_DATA)
            .and_then(|rest| rest.first_chunk());
        Some(Self {
            sequence: u64::from_le_bytes(*sequence),
            count: u32::from_le_bytes(*count),
            mark: mark.map(|mark| Mark(*mark)),
        })
    }

    fn next_sequence(&self) -> u64 {
        self.sequence.saturating_add(u64::from(self.count))
    }
}

/// The operation that puts a mark into the log: its type, and the length of the mark.
const LOG_DATA: [u8; 2] = [3, 16];

/// Where the first record from `begin` on begins that is not whole.
fn first_torn(file: &[u8], begin: usize) -> Option<usize> {
    let mut records = Records::from(file, begin);
    while records.next().is_some() {}
    (records.at < file.len()).then_some(records.at)
}

/// Whole records, one behind the other, and where each begins.
struct Records<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    const fn from(file: &'a [u8], at: usize) -> Self {
        Self { file, at }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (usize, Record<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let left = BLOCK_LEN - self.at % BLOCK_LEN;
        if left < HEADER_LEN {
            self.at = self.at.saturating_add(left).min(self.file.len());
        }
        let record = record_at(self.file, self.at).filter(Record::is_whole)?;
        let at = self.at;
        self.at += HEADER_LEN + record.content.len();
        Some((at, record))
    }
}

/// Whether a whole record that begins a batch is at `at`.
fn begins_batch(file: &[u8], at: usize) -> bool {
    record_at(file, at).is_some_and(|record| record.begins_batch() && record.is_whole())
}

/// What looks like a record.
struct Record<'a> {
    crc: u32,
    kind: u8,
    content: &'a [u8],
}

impl Record<'_> {
    fn begins_batch(&self) -> bool {
        matches!(self.kind, TYPE_FULL | TYPE_FIRST) && !self.content.is_empty()
    }

    fn is_whole(&self) -> bool {
        TYPES.contains(&self.kind) && self.crc == masked_crc(self.kind, self.content)
    }
}

/// The record at `at`, if its header and content fit the file and the block.
fn record_at(file: &[u8], at: usize) -> Option<Record<'_>> {
    let ([a, b, c, d, low, high, kind], rest) = file.get(at..)?.split_first_chunk()?;
    let len = usize::from(u16::from_le_bytes([*low, *high]));
    if at % BLOCK_LEN + HEADER_LEN + len > BLOCK_LEN {
        return None;
    }
    Some(Record {
        crc: u32::from_le_bytes([*a, *b, *c, *d]),
        kind: *kind,
        content: rest.get(..len)?,
    })
}

/// RocksDB masks checksums, so that the checksum of bytes that hold checksums is no fixed point.
fn masked_crc(kind: u8, content: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[kind]), content);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests;
