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

use tiles::{Hash, LeafIndex, TreeSize};

use super::{Head, LogIdentity};
use crate::UnixMillis;
use crate::error::StoreError;

const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 16;

/// Bytes a record is longer than its payload.
pub(super) const HEADER_LEN: usize = 1 + CHECKSUM_LEN;

fn checksum(name: &[u8], payload: &[u8]) -> [u8; CHECKSUM_LEN] {
    let name_len = u64::try_from(name.len()).unwrap_or(u64::MAX);
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&name_len.to_be_bytes())
        .update(name)
        .update(payload);
    let mut truncated = [0; CHECKSUM_LEN];
    hasher.finalize_xof().fill(&mut truncated);
    truncated
}

/// Wraps `payload` for storage under `name`.
pub(super) fn seal(name: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER_LEN + payload.len());
    record.push(VERSION);
    record.extend_from_slice(&checksum(name, payload));
    record.extend_from_slice(payload);
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
    if *stored == checksum(name, payload) {
        Ok(payload)
    } else {
        Err(damaged("the checksum does not match"))
    }
}

/// Reads fixed-size fields from the front of a payload.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*array)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    pub(super) fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

pub(super) fn encode_head(head: &Head) -> Vec<u8> {
    let mut payload = Vec::with_capacity(48);
    payload.extend_from_slice(&head.size.get().to_be_bytes());
    payload.extend_from_slice(&head.time.get().to_be_bytes());
    payload.extend_from_slice(head.root_hash.as_bytes());
    payload
}

pub(super) fn decode_head(payload: &[u8]) -> Option<Head> {
    let mut fields = Fields::new(payload);
    let size = TreeSize::new(fields.u64()?);
    let time = UnixMillis::new(fields.u64()?);
    let root_hash = Hash::new(fields.array()?);
    fields.end()?;
    Some(Head {
        size,
        root_hash,
        time,
    })
}

pub(super) fn encode_log_identity(identity: &LogIdentity) -> Vec<u8> {
    let mut payload = identity.log_id.to_vec();
    for text in [identity.origin.as_str(), &identity.kind, &identity.format] {
        // The lengths were checked when the identity was made: an origin has 255 bytes at most,
        // and the others are names out of programs.
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        payload.extend_from_slice(&len.to_be_bytes());
        payload.extend_from_slice(text.as_bytes());
    }
    payload
}

pub(super) fn decode_log_identity(payload: &[u8]) -> Option<LogIdentity> {
    let mut fields = Fields::new(payload);
    let log_id = fields.array()?;
    let origin = tiles::Origin::new(&fields.text()?).ok()?;
    let kind = fields.text()?;
    let format = fields.text()?;
    fields.end()?;
    Some(LogIdentity {
        origin,
        kind,
        log_id,
        format,
    })
}

/// An index as an identity's value: the index, then 8 bytes of checksum over identity and index.
/// These records are small and many, so they carry a shorter checksum and no version of their own.
pub(super) fn encode_owner(identity: &[u8], index: LeafIndex) -> [u8; 16] {
    let mut value = [0; 16];
    let (number, check) = value.split_at_mut(8);
    number.copy_from_slice(&index.get().to_be_bytes());
    let sum = checksum(identity, &index.get().to_be_bytes());
    check.copy_from_slice(sum.first_chunk::<8>().expect("a checksum has 16 bytes"));
    value
}

pub(super) fn decode_owner(identity: &[u8], value: &[u8]) -> Option<LeafIndex> {
    let mut fields = Fields::new(value);
    let index = LeafIndex::new(fields.u64()?);
    (encode_owner(identity, index) == *value).then_some(index)
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

    #[test]
    fn heads_and_identities_round_trip() {
        let head = Head {
            size: TreeSize::new(7),
            ..Head::EMPTY
        };
        assert_eq!(decode_head(&encode_head(&head)), Some(head));
        assert_eq!(decode_head(&encode_head(&head)[1..]), None);
        let identity = LogIdentity {
            origin: tiles::Origin::new("log.example").unwrap(),
            kind: "raw".to_owned(),
            log_id: [9; 32],
            format: "tlog-tiles".to_owned(),
        };
        let encoded = encode_log_identity(&identity);
        assert_eq!(decode_log_identity(&encoded), Some(identity));
        assert_eq!(decode_log_identity(&encoded[..encoded.len() - 1]), None);
    }

    #[test]
    fn an_owner_is_tied_to_its_identity() {
        let value = encode_owner(&[1; 32], LeafIndex::new(5));
        assert_eq!(decode_owner(&[1; 32], &value), Some(LeafIndex::new(5)));
        assert_eq!(decode_owner(&[2; 32], &value), None);
        assert_eq!(decode_owner(&[1; 32], &value[..15]), None);
    }
}
