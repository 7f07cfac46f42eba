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
//! A log file is a sequence of blocks of 32 KiB; a record does not cross their borders, and fewer
//! than seven bytes at the end of a block stay zero. Record: masked CRC-32C of type and content (4
//! bytes), length (2), type (1), content; little-endian (`db/log_format.h`).

use std::fs;
use std::io;
use std::path::Path;

use crate::error::StoreError;

const BLOCK_LEN: usize = 32 * 1024;
const HEADER_LEN: usize = 7;

const TYPE_FULL: u8 = 1;
const TYPE_FIRST: u8 = 2;
/// Full, first, middle, last; compression; timestamp size; predecessor log.
const TYPES: [u8; 7] = [TYPE_FULL, TYPE_FIRST, 3, 4, 9, 10, 130];

/// Full, first, middle, last; timestamp size; predecessor log: of files that are written over.
const RECYCLABLE_TYPES: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// Refuses damaged log files in `dir`.
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    let unreadable = |path: &Path, error| StoreError::io(format!("read {}", path.display()), error);
    for found in dir.read_dir().map_err(|error| unreadable(dir, error))? {
        let path = found.map_err(|error| unreadable(dir, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_log = name.starts_with("MANIFEST-")
            || path.extension().is_some_and(|extension| extension == "log");
        if !is_log {
            continue;
        }
        let bytes = match fs::read(&path) {
            // The process that owns the store may have removed it since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read.map_err(|error| unreadable(&path, error))?,
        };
        if let Some(at) = damage(&bytes) {
            let why = format!("the record at byte {at} is damaged, and others follow it");
            return Err(StoreError::damaged(path.display().to_string(), why));
        }
    }
    Ok(())
}

/// Where the first record is that is not whole, if it is not merely the torn end of the file.
fn damage(file: &[u8]) -> Option<usize> {
    let torn = first_torn(file)?;
    let recyclable = record_at(file, torn).is_some_and(|it| RECYCLABLE_TYPES.contains(&it.kind));
    let (_, after) = file.split_at_checked(torn)?;
    let unwritten = after.iter().all(|byte| *byte == 0);
    let followed = || (torn + 1..file.len()).any(|at| begins_batch(file, at));
    (!unwritten && (recyclable || followed())).then_some(torn)
}

/// Where the first record begins that is not whole.
fn first_torn(file: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < file.len() {
        let left = BLOCK_LEN - at % BLOCK_LEN;
        if left < HEADER_LEN {
            at += left;
            continue;
        }
        match record_at(file, at) {
            Some(record) if record.is_whole() => at += HEADER_LEN + record.content.len(),
            _ => return Some(at),
        }
    }
    None
}

/// Whether a whole record that begins a batch is at `at`.
fn begins_batch(file: &[u8], at: usize) -> bool {
    record_at(file, at).is_some_and(|record| {
        matches!(record.kind, TYPE_FULL | TYPE_FIRST)
            && !record.content.is_empty()
            && record.is_whole()
    })
}

/// What looks like a record.
struct Record<'a> {
    crc: u32,
    kind: u8,
    content: &'a [u8],
}

impl Record<'_> {
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
mod tests {
    use super::*;

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let len = u16::try_from(content.len()).unwrap().to_le_bytes();
        let crc = masked_crc(kind, content).to_le_bytes();
        [&crc[..], &len, &[kind], content].concat()
    }

    /// Three batches, the second in two records.
    fn file() -> (Vec<u8>, usize) {
        let before = [
            record(1, b"first batch"),
            record(2, b"second"),
            record(4, b"batch"),
        ]
        .concat();
        let last = before.len();
        ([before, record(1, b"the last batch")].concat(), last)
    }

    #[test]
    fn whole_torn_and_preallocated_files_pass() {
        let (file, last) = file();
        for cut in last..=file.len() {
            assert_eq!(damage(&file[..cut]), None, "cut at {cut}");
        }
        assert_eq!(damage(&[&file[..], &[0; 100]].concat()), None);
        assert_eq!(damage(b""), None);
    }

    #[test]
    fn any_flipped_bit_before_the_last_batch_is_found() {
        let (file, last) = file();
        for bit in 0..last * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                damage(&flipped).is_some_and(|at| at <= bit / 8),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_hole_of_zeros_is_found() {
        let (mut file, _) = file();
        file[..HEADER_LEN].fill(0);
        assert_eq!(damage(&file), Some(0));
    }

    #[test]
    fn a_recyclable_type_is_found_even_at_the_end() {
        for kind in [5, 6, 7, 8, 11, 131] {
            let (mut file, last) = file();
            file[last + 6] = kind;
            assert_eq!(damage(&file), Some(last));
        }
    }

    #[test]
    fn a_last_batch_whose_header_never_reached_the_disk_is_a_torn_end() {
        for kind in [0, 65] {
            let (mut file, last) = file();
            file[last..last + HEADER_LEN].fill(0);
            file[last + 6] = kind;
            assert_eq!(damage(&file), None);
        }
    }

    #[test]
    fn records_go_on_in_the_next_block() {
        // Leaves three bytes at the end of the block, which stay zero.
        let long = vec![7; BLOCK_LEN - HEADER_LEN - 3];
        let file = [record(1, &long), vec![0; 3], record(1, b"x")];
        assert_eq!(damage(&file.concat()), None);
    }

    #[test]
    fn a_torn_batch_of_several_records_is_a_torn_end() {
        let (file, _) = file();
        let mut file = [
            file,
            record(2, b"lost page"),
            record(4, b"page that was written"),
        ]
        .concat();
        let at = file.len() - record(4, b"page that was written").len() - 3;
        file[at] ^= 1;
        assert_eq!(damage(&file), None);
    }
}
