//! One identity, one index: exact, because a single sequencer decides.
//!
//! A batch is resolved against the store, which knows every committed identity, and against
//! itself. Nothing is in flight besides: the sequencer commits a batch before it takes the next.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tiles::{LeafIndex, TreeSize};

use crate::error::StoreError;
use crate::format::{Identity, UnfinishedEntry};
use crate::store::HotStore;

/// Where an entry of a batch belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A new index, given in this batch.
    New(LeafIndex),
    /// An index given earlier in this batch to the same identity.
    Repeated(LeafIndex),
    /// An index of the committed tree.
    Committed(LeafIndex),
}

/// Decides the place of every entry of a batch that follows a tree of `size`.
///
/// New indices are given in the order of the batch, without gaps.
pub(crate) fn resolve(
    store: &dyn HotStore,
    size: TreeSize,
    entries: &[UnfinishedEntry],
) -> Result<Vec<Place>, StoreError> {
    let identities: Vec<Identity> = entries.iter().map(UnfinishedEntry::identity).collect();
    let committed = store.find(&identities)?;
    let mut given: HashMap<Identity, LeafIndex> = HashMap::with_capacity(entries.len());
    let mut next = size.next_index();
    let places = identities
        .into_iter()
        .zip(committed)
        .map(|(identity, committed)| {
            if let Some(index) = committed {
                return Place::Committed(index);
            }
            match given.entry(identity) {
                Entry::Occupied(first) => Place::Repeated(*first.get()),
                Entry::Vacant(vacant) => {
                    let index = *vacant.insert(next);
                    next = LeafIndex::new(next.get() + 1);
                    Place::New(index)
                }
            }
        });
    Ok(places.collect())
}
