//! Where the records of a RocksDB write-ahead log begin and end.
//!
//! The file is made of blocks of 32 KiB; a record that does not fit into what is left of a block
//! goes on in the next. Each part has a header: checksum (4 bytes), length (2, little-endian) and
//! type; the types above 4 have a log number (4) as well.
//! <https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format>

use std::ops::Range;

const BLOCK_LEN_BYTES: usize = 32 * 1024;
const HEADER_LEN_BYTES: usize = 7;
/// In the header.
const TYPE_AT: usize = 6;

/// The records in `bytes`, in order, headers included. Stops at what is not a record.
pub(crate) fn records(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut records: Vec<Range<usize>> = Vec::new();
    let mut begun = None;
    for part in parts(bytes) {
        match bytes[part.start + TYPE_AT] {
            1 | 5 => records.push(part),
            2 | 6 => begun = Some(part.start),
            4 | 8 => records.extend(begun.take().map(|begin| begin..part.end)),
            // The middle of a record, or what a database says about its files.
            _ => {}
        }
    }
    records
}

/// Where the types of all parts of records are.
pub(crate) fn types(bytes: &[u8]) -> Vec<usize> {
    parts(bytes)
        .into_iter()
        .map(|part| part.start + TYPE_AT)
        .collect()
}

fn parts(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut parts, mut at) = (Vec::new(), 0);
    loop {
        let left = BLOCK_LEN_BYTES - at % BLOCK_LEN_BYTES;
        if left < HEADER_LEN_BYTES {
            at += left;
        }
        let Some(header) = bytes.get(at..at + HEADER_LEN_BYTES) else {
            return parts;
        };
        let len = usize::from(u16::from_le_bytes([header[4], header[5]]));
        let recyclable = if (5..=8).contains(&header[TYPE_AT]) {
            4
        } else {
            0
        };
        let end = at + HEADER_LEN_BYTES + recyclable + len;
        if end > bytes.len() || header[TYPE_AT] == 0 {
            return parts;
        }
        parts.push(at..end);
        at = end;
    }
}
