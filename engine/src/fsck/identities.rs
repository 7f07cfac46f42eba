//! Whether every entry is found under its identity.
//!
//! Identities are hashes, so a look-up for each entry lands anywhere in the index, and all of them
//! cost several times as much as hashing the entries does. But the question is only whether two
//! sets of pairs, identity and index, are the same: those that follow from the entries and those
//! that the index holds. So both are read from end to end and each is added up: the sum of a keyed
//! hash of every pair. Sets that differ have the same sum with a chance of 2^-128. The key is the
//! root hash, which is known to nobody before all entries are.
//!
//! Only where the sums differ are the entries looked up, to name the first that is not found. They
//! are sorted first, a great many at a time, because the index is: then neighbours share the blocks
//! that are read for them.

use std::ops::RangeInclusive;

use rayon::prelude::*;
use tiles::{BundleRef, Hash, LeafIndex, TreeSize};

use super::{FsckError, Threads};
use crate::error::{ReadError, StoreError};
use crate::format::Identity;
use crate::reader::Reader;
use crate::store::{OBJECT_WIDTH, ObjectId};

/// Bundles whose identities are looked up together: a million, in 40 MB.
const BUNDLES_AT_ONCE: usize = 4096;

/// Identities in one call of the store.
const LOOK_UP_COUNT: usize = 1024;

/// Parts of the index that are read side by side: first bytes of the identities in one.
const FIRST_BYTES_IN_PART: u8 = 16;

/// Every entry of a format whose identity is the leaf hash must own its index.
///
/// # Errors
/// The first entry that does not, identities in the index that no entry has, or that something
/// cannot be read.
pub(super) fn check(
    threads: &Threads,
    reader: &Reader,
    head: (TreeSize, Hash),
) -> Result<(), FsckError> {
    if !reader.format.identity_is_leaf_hash() {
        return Ok(());
    }
    let (size, root_hash) = head;
    let covered = size.min(reader.hot.indexed().map_err(ReadError::Store)?);
    if covered == TreeSize::ZERO {
        // What is stored, if anything, is an index that the log's owner will not use.
        return Ok(());
    }
    let key = *root_hash.as_bytes();
    let stored = threads.run(|| sum_of_index(reader, covered, &key));
    let Some(stored) = stored.map_err(ReadError::Store)? else {
        return look_all_up(threads, reader, covered);
    };
    let mut wanted = Sum::default();
    threads.in_order(
        tiles::bundles_at(covered),
        |bundle| sum_of_bundle(reader, bundle, &key),
        |sum| {
            wanted = wanted.plus(sum);
            Ok(())
        },
    )?;
    if stored == wanted {
        return Ok(());
    }
    look_all_up(threads, reader, covered)?;
    // Every entry is found, so what makes the difference is more than there should be.
    Err(FsckError::Foreign {
        count: stored.count.saturating_sub(wanted.count),
    })
}

/// A set of pairs, each an identity and the index that it owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    sum: u128,
}

impl Sum {
    fn of(key: &[u8; 32], identity: &Identity, index: LeafIndex) -> Self {
        let mut pair = [0; 40];
        let (name, number) = pair.split_at_mut(32);
        name.copy_from_slice(identity.as_bytes());
        number.copy_from_slice(&index.get().to_be_bytes());
        let hash = blake3::keyed_hash(key, &pair);
        let half = hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
        Self {
            count: 1,
            sum: u128::from_be_bytes(*half),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            sum: self.sum.wrapping_add(other.sum),
        }
    }
}

/// The pairs in the index that are about the first `covered` entries; `None` if the store cannot
/// show them.
fn sum_of_index(
    reader: &Reader,
    covered: TreeSize,
    key: &[u8; 32],
) -> Result<Option<Sum>, StoreError> {
    let firsts: Vec<u8> = (0..=u8::MAX).step_by(FIRST_BYTES_IN_PART.into()).collect();
    let parts = firsts.into_par_iter().map(|first| {
        let part = first..=first.saturating_add(FIRST_BYTES_IN_PART - 1);
        sum_of_part(reader, part, covered, key)
    });
    let parts: Vec<Result<Option<Sum>, StoreError>> = parts.collect();
    let mut total = Sum::default();
    for part in parts {
        match part? {
            Some(sum) => total = total.plus(sum),
            None => return Ok(None),
        }
    }
    Ok(Some(total))
}

fn sum_of_part(
    reader: &Reader,
    part: RangeInclusive<u8>,
    covered: TreeSize,
    key: &[u8; 32],
) -> Result<Option<Sum>, StoreError> {
    let mut sum = Sum::default();
    let shown = reader.hot.visit_owners(part, &mut |identity, index| {
        if covered.contains(index) {
            sum = sum.plus(Sum::of(key, &identity, index));
        }
    })?;
    Ok(shown.then_some(sum))
}

fn sum_of_bundle(reader: &Reader, bundle: BundleRef, key: &[u8; 32]) -> Result<Sum, FsckError> {
    let owned = identities_of(reader, bundle.tile())?;
    let pairs = owned
        .iter()
        .map(|(identity, index)| Sum::of(key, identity, *index));
    Ok(pairs.fold(Sum::default(), Sum::plus))
}

/// Looks up every identity; the first entry that is not found is reported.
fn look_all_up(threads: &Threads, reader: &Reader, covered: TreeSize) -> Result<(), FsckError> {
    let mut bundles = tiles::bundles_at(covered).peekable();
    while bundles.peek().is_some() {
        let some = bundles.by_ref().take(BUNDLES_AT_ONCE);
        let mut owned: Vec<(Identity, LeafIndex)> = Vec::new();
        threads.in_order(
            some,
            |bundle| identities_of(reader, bundle.tile()),
            |identities| {
                owned.extend(identities);
                Ok(())
            },
        )?;
        threads.run(|| look_up(reader, owned))?;
    }
    Ok(())
}

/// The identities of the entries below a leaf tile, and the indices that they must own.
fn identities_of(
    reader: &Reader,
    tile: tiles::TileRef,
) -> Result<Vec<(Identity, LeafIndex)>, FsckError> {
    let missing = || ReadError::Missing(ObjectId::Tile(tile.id));
    let bytes = reader.tile(tile)?.ok_or_else(missing)?;
    let (hashes, _) = bytes.as_chunks::<{ tiles::HASH_LEN_BYTES }>();
    let first = tile.id.index * OBJECT_WIDTH;
    let owned = hashes.iter().zip(first..);
    Ok(owned
        .map(|(hash, index)| (Identity::new(*hash), LeafIndex::new(index)))
        .collect())
}

/// Looks all of them up; of those that are not found, the first entry is reported.
fn look_up(reader: &Reader, mut owned: Vec<(Identity, LeafIndex)>) -> Result<(), FsckError> {
    owned.par_sort_unstable();
    let found = owned
        .par_chunks(LOOK_UP_COUNT)
        .map(|some| first_not_found(reader, some))
        .collect::<Vec<_>>();
    let mut first: Option<(LeafIndex, Option<LeafIndex>)> = None;
    for found in found {
        if let Some(other) = found? {
            first = Some(first.map_or(other, |first| first.min(other)));
        }
    }
    match first {
        None => Ok(()),
        Some((index, found)) => Err(FsckError::Identity {
            index: index.get(),
            found: found.map(LeafIndex::get),
        }),
    }
}

/// The lowest of these indices that is not found under its identity, and what is found instead.
fn first_not_found(
    reader: &Reader,
    owned: &[(Identity, LeafIndex)],
) -> Result<Option<(LeafIndex, Option<LeafIndex>)>, FsckError> {
    let identities: Vec<Identity> = owned.iter().map(|(identity, _)| *identity).collect();
    let owners = reader.hot.find(&identities).map_err(ReadError::Store)?;
    let wrong = owned
        .iter()
        .zip(owners)
        .filter_map(|((_, index), owner)| (owner != Some(*index)).then_some((*index, owner)));
    Ok(wrong.min())
}
