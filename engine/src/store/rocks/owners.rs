//! Reading the index of identities from end to end: many times as fast as look-ups.

use std::ops::RangeInclusive;

use rocksdb::ReadOptions;
use tiles::LeafIndex;

use super::identity_runs::KEY_END;
use super::{IDENTITIES, RocksStore, encoding, named};
use crate::error::StoreError;
use crate::format::Identity;

/// Bytes to read ahead from a disk.
const READAHEAD_BYTES: usize = 2 << 20;

impl RocksStore {
    pub(super) fn scan_owners(
        &self,
        first_bytes: RangeInclusive<u8>,
        visit: &mut dyn FnMut(Identity, LeafIndex),
    ) -> Result<(), StoreError> {
        let mut read = ReadOptions::default();
        // All of it is read once; the block cache is for look-ups.
        read.fill_cache(false);
        read.set_readahead_size(READAHEAD_BYTES);
        read.set_iterate_lower_bound([*first_bytes.start()]);
        match first_bytes.end().checked_add(1) {
            Some(end) => read.set_iterate_upper_bound([end]),
            None => read.set_iterate_upper_bound(KEY_END),
        }
        let shown = || "the index of identities in the hot store".to_owned();
        let mut records = self.db.raw_iterator_cf_opt(&self.family(IDENTITIES)?, read);
        records.seek_to_first();
        while let Some((key, value)) = records.item() {
            let key = <&[u8; 32]>::try_from(key)
                .map_err(|_| StoreError::damaged(shown(), "a key has not 32 bytes"))?;
            let identity = Identity::new(*key);
            let owner = encoding::decode_owner(key, value).ok_or_else(|| {
                let shown = format!("the index record of {identity:?} in the hot store");
                StoreError::damaged(shown, "the checksum does not match")
            })?;
            visit(identity, owner);
            records.next();
        }
        records.status().map_err(|error| named(error, shown))
    }
}
