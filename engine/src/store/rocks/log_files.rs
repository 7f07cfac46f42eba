//! A look at RocksDB's log files before RocksDB itself reads them.
//!
//! RocksDB (11.8, `log::Reader::ReadPhysicalRecord`) answers a record of a recyclable type among
//! records of the other types with "bad record" without stepping over it, and its caller asks
//! again, for ever: one flipped bit in a log file and opening never ends. The engine never recycles
//! log files, so such a type is damage, and is refused here.
//!
//! A log file is a sequence of blocks of 32 KiB. A record has a header: checksum (4 bytes), length
//! (2, little-endian), type (1). Contents and checksums are left to RocksDB.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::StoreError;

const BLOCK_LEN_BYTES: u64 = 32 * 1024;

/// Refuses log files in `dir`, write-ahead logs and manifests, with records of a type that is never
/// written.
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    let unreadable = |path: &Path, error| StoreError::io(format!("read {}", path.display()), error);
    for found in dir.read_dir().map_err(|error| unreadable(dir, error))? {
        let path = found.map_err(|error| unreadable(dir, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_log = name.starts_with("MANIFEST-")
            || path.extension().is_some_and(|extension| extension == "log");
        if is_log && let Some(kind) = impossible_type(&path).map_err(|e| unreadable(&path, e))? {
            let why = format!("it has a record of type {kind}, which is never written");
            return Err(StoreError::damaged(path.display().to_string(), why));
        }
    }
    Ok(())
}

/// The first record type in a log file that this program never writes.
fn impossible_type(path: &Path) -> io::Result<Option<u8>> {
    let mut file = match File::open(path) {
        // The process that owns the store may have removed a log file since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut block = Vec::new();
    loop {
        block.clear();
        if file
            .by_ref()
            .take(BLOCK_LEN_BYTES)
            .read_to_end(&mut block)?
            == 0
        {
            return Ok(None);
        }
        if let Some(kind) = impossible_type_in(&block) {
            return Ok(Some(kind));
        }
    }
}

fn impossible_type_in(block: &[u8]) -> Option<u8> {
    let mut left = block;
    while let Some(([_, _, _, _, low, high, kind], after)) = left.split_first_chunk() {
        let len = u16::from_le_bytes([*low, *high]);
        match (*kind, len) {
            // Space that was reserved and never written; RocksDB skips what is left of the block.
            (0, 0) => return None,
            (RECYCLABLE_FIRST..=RECYCLABLE_LAST | RECYCLABLE_SIZE | RECYCLABLE_WAL, _) => {
                return Some(*kind);
            }
            _ => left = after.get(usize::from(len)..)?,
        }
    }
    None
}

// `db/log_format.h` of RocksDB: full, first, middle and last record; user timestamp size;
// predecessor write-ahead log.
const RECYCLABLE_FIRST: u8 = 5;
const RECYCLABLE_LAST: u8 = 8;
const RECYCLABLE_SIZE: u8 = 11;
const RECYCLABLE_WAL: u8 = 131;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let len = u16::try_from(content.len()).unwrap().to_le_bytes();
        [&[9, 9, 9, 9, len[0], len[1], kind], content].concat()
    }

    #[test]
    fn types_are_found_wherever_the_record_begins() {
        let good = [record(1, b"abc"), record(2, b""), record(4, &[5; 40])].concat();
        assert_eq!(impossible_type_in(&good), None);
        for kind in [5, 6, 7, 8, 11, 131] {
            let bad = [good.clone(), record(kind, b"x")].concat();
            assert_eq!(impossible_type_in(&bad), Some(kind));
        }
    }

    #[test]
    fn what_was_never_written_and_what_is_cut_short_is_left_to_rocksdb() {
        let reserved = [record(1, b"abc"), vec![0; 20], record(5, b"")].concat();
        assert_eq!(impossible_type_in(&reserved), None);
        assert_eq!(impossible_type_in(&record(1, &[5; 40])[..30]), None);
        assert_eq!(impossible_type_in(&[0, 0, 5]), None);
    }
}
