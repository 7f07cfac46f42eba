//! Our own records: a version, a checksum, the bytes.
//!
//! ```text
//! version   1 byte, 1
//! checksum  16 bytes: BLAKE3 of (length of the name in 8 bytes, name, payload), truncated
//! payload   the rest
//! ```
//!
//! The name is the key the record is stored under, so a record that turns up in another record's
//! place is caught like a flipped bit. All integers are big-endian.

use crate::error::StoreError;

const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 16;

/// Bytes a record is longer than its payload.
const HEADER_LEN: usize = 1 + CHECKSUM_LEN;

/// First half of the BLAKE3 hash of name and payload, which may come in pieces.
fn checksum(name: &[u8], payload: &[&[u8]]) -> [u8; CHECKSUM_LEN] {
    let name_len = u64::try_from(name.len()).unwrap_or(u64::MAX);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&name_len.to_be_bytes()).update(name);
    for piece in payload {
        hasher.update(piece);
    }
    *hasher
        .finalize()
        .as_bytes()
        .first_chunk()
        .expect("a hash has 32 bytes")
}

/// Wraps `payload` for storage under `name`.
pub(super) fn seal(name: &[u8], payload: &[u8]) -> Vec<u8> {
    seal_pieces(name, &[payload])
}

/// As [`seal`], for a payload in pieces.
pub(super) fn seal_pieces(name: &[u8], payload: &[&[u8]]) -> Vec<u8> {
    let payload_len: usize = payload.iter().map(|piece| piece.len()).sum();
    let mut record = Vec::with_capacity(HEADER_LEN + payload_len);
    record.push(VERSION);
    record.extend_from_slice(&checksum(name, payload));
    for piece in payload {
        record.extend_from_slice(piece);
    }
    record
}

/// The payload of a record stored under `name`; `shown` is how an error calls it.
pub(super) fn open<'a>(
    name: &[u8],
    record: &'a [u8],
    shown: impl Fn() -> String,
) -> Result<&'a [u8], StoreError> {
    let damaged = |why: &str| StoreError::damaged(shown(), why);
    let (version, rest) = record.split_first().ok_or_else(|| damaged("it is empty"))?;
    if *version != VERSION {
        let why = format!("version {version}, this program reads version {VERSION}");
        return Err(damaged(&why));
    }
    let (stored, payload) = rest
        .split_first_chunk::<CHECKSUM_LEN>()
        .ok_or_else(|| damaged("it is cut short"))?;
    if *stored == checksum(name, &[payload]) {
        Ok(payload)
    } else {
        Err(damaged("the checksum does not match"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> String {
        "it".to_owned()
    }

    #[test]
    fn a_record_opens_only_whole_unchanged_and_in_its_place() {
        let record = seal(b"name", b"payload");
        assert_eq!(open(b"name", &record, shown).unwrap(), b"payload");
        assert!(open(b"other", &record, shown).is_err());
        for cut in 0..record.len() {
            assert!(
                open(b"name", &record[..cut], shown).is_err(),
                "cut at {cut}"
            );
        }
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(b"name", &flipped, shown).is_err(), "bit {bit}");
        }
    }
}
