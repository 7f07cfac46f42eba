//! What a log has promised and shown, and what follows from it. The log is held to this.
//!
//! Each published entry is read once, when it is published. The tree over the entries is grown here
//! leaf by leaf, by the recursive definition of RFC 6962 and none of the log's own code but the
//! hash; so equal roots mean that every entry is where it is in the model, and that each published
//! tree is a prefix of the next.

use std::collections::BTreeMap;

use engine::{Format, PublishedHead, Reader, Sequenced};
use tiles::{Hash, TreeSize};

use crate::breach::{Checked, During as _, ensure};
use crate::entry::{Number, number_of};

/// How many published heads are remembered for consistency proofs.
const HEADS_MAX: usize = 64;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// What is known of each entry ever submitted, by number.
    entries: Vec<Known>,
    /// The published entries, by index.
    published: Vec<Number>,
    /// Who owns the indices that are promised and not yet published.
    promised: BTreeMap<u64, Number>,
    leaves: Vec<Hash>,
    tree: Mountains,
    /// Published heads, the newest last.
    heads: Vec<(TreeSize, Hash)>,
}

/// What is known of one entry.
#[derive(Clone, Debug, Default)]
struct Known {
    index: Option<u64>,
    time: Option<u64>,
    /// Whether somebody was told that it is new.
    told_new: bool,
}

impl Model {
    /// The number of an entry that was never submitted.
    pub(crate) fn new_number(&mut self) -> Number {
        self.entries.push(Known::default());
        Number::try_from(self.entries.len() - 1).expect("simulations are short")
    }

    /// How many entries were ever submitted.
    pub(crate) fn submitted(&self) -> u64 {
        u64::try_from(self.entries.len()).expect("a length fits in 64 bits")
    }

    pub(crate) fn published_count(&self) -> usize {
        self.published.len()
    }

    /// The published entry at `index`.
    pub(crate) fn published_at(&self, index: usize) -> (Number, Hash) {
        (self.published[index], self.leaves[index])
    }

    pub(crate) fn heads(&self) -> &[(TreeSize, Hash)] {
        &self.heads
    }

    /// The largest tree that is owed to anybody.
    pub(crate) fn owed_size(&self) -> u64 {
        let promised = self.promised.last_key_value();
        let promised = promised.map_or(0, |(index, _)| index + 1);
        promised.max(u64::try_from(self.published.len()).expect("a length fits in 64 bits"))
    }

    /// Somebody was told where an entry is.
    pub(crate) fn promise(&mut self, number: Number, place: Sequenced) -> Checked {
        let index = place.index.get();
        self.own(number, index)?;
        let known = &mut self.entries[usize::try_from(number).expect("a position")];
        let time = *known.time.get_or_insert(place.time.get());
        ensure(time == place.time.get(), || {
            let found = place.time.get();
            format!("entry {number} has time {time}, and was given {found} later")
        })?;
        ensure(place.duplicate || !known.told_new, || {
            format!("entry {number} was given index {index} as a new entry twice")
        })?;
        known.told_new |= !place.duplicate;
        if index >= u64::try_from(self.published.len()).expect("a length fits in 64 bits") {
            self.promised.insert(index, number);
        }
        Ok(())
    }

    /// One entry, one index; one index, one entry.
    fn own(&mut self, number: Number, index: u64) -> Checked {
        let holder = usize::try_from(index).ok();
        let holder = holder.and_then(|index| self.published.get(index));
        let holder = holder.or_else(|| self.promised.get(&index));
        ensure(holder.is_none_or(|holder| *holder == number), || {
            format!("index {index} holds entry {holder:?}, and now entry {number} as well")
        })?;
        let known = self
            .entries
            .get_mut(usize::try_from(number).expect("a position"));
        let known = known.ok_or_else(|| format!("entry {number} was never submitted"))?;
        let first = *known.index.get_or_insert(index);
        ensure(first == index, || {
            format!("entry {number} has index {first}, and now {index} as well")
        })
    }

    /// A head was published: reads what is new in it, and holds the log to it.
    pub(crate) fn publish(&mut self, reader: &Reader, head: &PublishedHead) -> Checked {
        let old = TreeSize::new(u64::try_from(self.published.len()).expect("a length"));
        ensure(head.size >= old, || {
            format!("size {} was published after {old}", head.size)
        })?;
        for bundle in tiles::bundles_changed(old, head.size) {
            let stored = reader.bundle(bundle).during("reading what was published")?;
            let stored = stored.ok_or("a published bundle is missing")?;
            let bytes = stored.plain().during("reading what was published")?;
            let format = reader.format();
            let entries = format.split_bundle(&bytes, bundle.width.count());
            let first = bundle.index * 256;
            for (index, entry) in (first..).zip(entries.during("splitting a bundle")?) {
                if index >= old.get() {
                    self.append(format, index, entry)?;
                }
            }
        }
        let root_hash = self.tree.root_hash();
        ensure(head.root_hash == root_hash, || {
            let (size, found) = (head.size, head.root_hash);
            format!("the root published for size {size} is {found:?}, and must be {root_hash:?}")
        })?;
        if self.heads.last() != Some(&(head.size, root_hash)) {
            if self.heads.len() == HEADS_MAX {
                // Every other one: those that stay reach from the first to the newest.
                let mut position = 0_u32;
                self.heads.retain(|_| {
                    position += 1;
                    position % 2 == 1
                });
            }
            self.heads.push((head.size, root_hash));
        }
        Ok(())
    }

    /// The next published entry.
    fn append(&mut self, format: &dyn Format, index: u64, stored: &[u8]) -> Checked {
        let number = number_of(format, index, stored);
        let number = number.ok_or_else(|| format!("index {index} holds {stored:?}"))?;
        self.own(number, index)?;
        self.promised.remove(&index);
        let leaf = tiles::leaf_hash(&format.leaf_of(stored).during("reading an entry")?);
        self.published.push(number);
        self.leaves.push(leaf);
        self.tree.append(leaf);
        Ok(())
    }
}

/// A tree as the perfect trees that it is made of, the largest first.
#[derive(Clone, Debug, Default)]
struct Mountains(Vec<(u32, Hash)>);

impl Mountains {
    fn append(&mut self, leaf: Hash) {
        let mut peak = (0, leaf);
        while let Some((height, left)) = self.0.pop_if(|(height, _)| *height == peak.0) {
            peak = (height + 1, tiles::node_hash(&left, &peak.1));
        }
        self.0.push(peak);
    }

    fn root_hash(&self) -> Hash {
        let hashes = self.0.iter().rev().map(|(_, hash)| *hash);
        let root_hash = hashes.reduce(|right, left| tiles::node_hash(&left, &right));
        root_hash.unwrap_or(tiles::EMPTY_ROOT_HASH)
    }
}
