//! What the hot store writes into its records, byte for byte. Integers are big-endian.
//!
//! ```text
//! head       size (8), time in ms (8), root hash (32)
//! tiered     size (8), bytes in the cold store (8)
//! log        log id (32), then origin, kind and format, each behind its length (2)
//! identity   index (8), CRC32C of identity and index (4)
//! ```

use tiles::{Hash, LeafIndex, TreeSize};

use super::super::{Head, LogIdentity};
use crate::UnixMillis;

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

pub(super) fn encode_tiered(size: TreeSize, cold_len_bytes: u64) -> Vec<u8> {
    [size.get(), cold_len_bytes]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

pub(super) fn decode_tiered(payload: &[u8]) -> Option<(TreeSize, u64)> {
    let mut fields = Fields::new(payload);
    let size = TreeSize::new(fields.u64()?);
    // A record from before bytes were counted ends here: they are counted from then on.
    let cold_len_bytes = match fields.end() {
        Some(()) => 0,
        None => fields.u64()?,
    };
    fields.end()?;
    Some((size, cold_len_bytes))
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

/// An index as an identity's value: the index, then a checksum over identity and index. These are
/// by far the most frequent records and derived from the entries, so they carry a short checksum,
/// no version, and nothing that takes time.
pub(super) fn encode_owner(identity: &[u8; 32], index: LeafIndex) -> [u8; 12] {
    let number = index.get().to_be_bytes();
    let check = crc32c::crc32c_append(crc32c::crc32c(identity), &number);
    let mut value = [0; 12];
    let (start, end) = value.split_at_mut(8);
    start.copy_from_slice(&number);
    end.copy_from_slice(&check.to_be_bytes());
    value
}

pub(super) fn decode_owner(identity: &[u8; 32], value: &[u8]) -> Option<LeafIndex> {
    let mut fields = Fields::new(value);
    let index = LeafIndex::new(fields.u64()?);
    (encode_owner(identity, index) == *value).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_identities_round_trip() {
        let head = Head {
            size: TreeSize::new(7),
            ..Head::EMPTY
        };
        assert_eq!(decode_head(&encode_head(&head)), Some(head));
        assert_eq!(decode_head(&encode_head(&head)[1..]), None);
        let tiered = encode_tiered(TreeSize::new(256), 7);
        assert_eq!(decode_tiered(&tiered), Some((TreeSize::new(256), 7)));
        assert_eq!(decode_tiered(&tiered[..15]), None);
        let uncounted = decode_tiered(&tiered[..8]);
        assert_eq!(uncounted, Some((TreeSize::new(256), 0)));
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
        assert_eq!(decode_owner(&[1; 32], &value[..11]), None);
    }
}
