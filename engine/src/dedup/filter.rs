//! Which identities the stored index cannot hold: nearly all that are asked for.
//!
//! A blocked Bloom filter (Putze, Sanders and Singler 2007) in memory: an identity sets one bit in
//! each of the eight words of one cache line, so that a look-up costs one cache miss. Identities
//! are hashes already and are not hashed again. Whoever forces false answers by searching for
//! identities with equal bits only buys look-ups in the store for his own entries.
//!
//! The filter grows in *layers*, because a full one cannot be enlarged: each holds half as many
//! identities as all before it together, so a look-up visits few.
//!
//! It is not stored. Until it has been filled from the index after opening, every identity may be
//! there, and the store, which has filters of its own, answers more slowly.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::format::Identity;

/// Identities that the index may hold. One thread adds, any may ask.
#[derive(Default)]
pub(super) struct Filter {
    layers: RwLock<Vec<Arc<Layer>>>,
    /// Whether everything in the index has been added.
    complete: AtomicBool,
}

/// The filter as it is at some moment, for many questions.
pub(super) struct FilterView {
    layers: Vec<Arc<Layer>>,
    complete: bool,
}

/// A filter of fixed size.
struct Layer {
    blocks: Vec<Block>,
    /// Identities it may take.
    capacity: usize,
    /// Identities it has taken.
    count: AtomicU64,
}

/// One cache line.
#[derive(Default)]
#[repr(align(64))]
struct Block([AtomicU64; WORDS]);

const WORDS: usize = 8;

/// Identities for each block: 12 bits each, which lets one in two hundred unknown ones through.
const IDENTITIES_PER_BLOCK: usize = 42;

/// Identities that the first layer takes: a few segments, 3 MB.
const FIRST_LAYER: usize = 1 << 21;

impl Filter {
    /// Adds identities. Only one thread may add.
    pub(super) fn add(&self, identities: impl ExactSizeIterator<Item = Identity>) {
        let layer = self.layer_for(identities.len());
        layer.count.fetch_add(
            u64::try_from(identities.len()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
        for identity in identities {
            layer.add(&identity);
        }
    }

    /// Makes the first layer large enough for so many identities and more to come.
    pub(super) fn expect(&self, count: usize) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        layers.push(Arc::new(Layer::new(
            count.saturating_add(count / 2).max(FIRST_LAYER),
        )));
    }

    /// From now on an identity that was not added is not in the index.
    pub(super) fn completed(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Whether everything in the index has been added.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    pub(super) fn view(&self) -> FilterView {
        // In this order: what is complete now has all its layers.
        let complete = self.is_complete();
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        FilterView {
            layers: layers.clone(),
            complete,
        }
    }

    /// The newest layer, or a further one if it has no room for `count`.
    fn layer_for(&self, count: usize) -> Arc<Layer> {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = layers.last()
            && last.room() >= count
        {
            return Arc::clone(last);
        }
        let total: usize = layers.iter().map(|layer| layer.capacity).sum();
        let layer = Arc::new(Layer::new((total / 2).max(count).max(FIRST_LAYER)));
        layers.push(Arc::clone(&layer));
        layer
    }
}

impl FilterView {
    /// Whether the index may hold `identity`; if not, it does not.
    pub(super) fn may_hold(&self, identity: &Identity) -> bool {
        !self.complete || self.layers.iter().any(|layer| layer.may_hold(identity))
    }
}

impl Layer {
    fn new(capacity: usize) -> Self {
        let blocks = capacity.div_ceil(IDENTITIES_PER_BLOCK).max(1);
        let mut layer = Self {
            blocks: Vec::new(),
            capacity,
            count: AtomicU64::new(0),
        };
        layer.blocks.resize_with(blocks, Block::default);
        layer
    }

    fn room(&self) -> usize {
        let count = usize::try_from(self.count.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        self.capacity.saturating_sub(count)
    }

    fn add(&self, identity: &Identity) {
        let (block, bits) = self.place(identity);
        for (word, bit) in block.0.iter().zip(bits) {
            // Nobody else writes, so nothing is lost between load and store.
            word.store(word.load(Ordering::Relaxed) | bit, Ordering::Relaxed);
        }
    }

    fn may_hold(&self, identity: &Identity) -> bool {
        let (block, bits) = self.place(identity);
        let mut words = block.0.iter().zip(bits);
        words.all(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// The block of an identity, and its bit in each word.
    fn place(&self, identity: &Identity) -> (&Block, [u64; WORDS]) {
        let bytes = identity.as_bytes();
        let (start, rest) = bytes.split_first_chunk::<8>().expect("32 bytes");
        let (choice, _) = rest.split_first_chunk::<8>().expect("24 bytes");
        // The identity as a fraction of all: sorted identities walk through the blocks in order.
        let blocks = u128::try_from(self.blocks.len()).expect("less than memory");
        let scaled = (u128::from(u64::from_be_bytes(*start)) * blocks) >> 64;
        let number = usize::try_from(scaled).expect("less than the number of blocks");
        let block = self
            .blocks
            .get(number)
            .expect("less than the number of blocks");
        (block, choice.map(|byte| 1 << (byte % 64)))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Filter")
            .field("layers", &layers.len())
            .field("complete", &self.complete)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(range: std::ops::Range<u64>) -> Vec<Identity> {
        range
            .map(|number| Identity::of_leaf(&number.to_be_bytes()))
            .collect()
    }

    #[test]
    fn everything_that_was_added_may_be_there_whatever_the_layer() {
        let filter = Filter::default();
        filter.expect(10);
        let mut added = Vec::new();
        for range in [0..10, 10..3_000, 3_000..3_001] {
            let more = identities(range);
            filter.add(more.iter().copied());
            added.extend(more);
        }
        // Larger than what is left of the first layer: it gets a layer of its own.
        let large = vec![added[0]; FIRST_LAYER];
        filter.add(large.into_iter());
        filter.completed();
        let view = filter.view();
        assert_eq!(view.layers.len(), 2);
        assert!(added.iter().all(|identity| view.may_hold(identity)));
    }

    #[test]
    fn few_of_the_others_may_be_there() {
        let layer = Layer::new(100_000);
        for identity in identities(0..100_000) {
            layer.add(&identity);
        }
        let others = identities(100_000..200_000);
        let wrong = others.iter().filter(|other| layer.may_hold(other)).count();
        assert!((1..1_000).contains(&wrong), "{wrong} of 100,000");
    }

    #[test]
    fn a_filter_that_is_not_complete_excludes_nothing() {
        let filter = Filter::default();
        assert!(filter.view().may_hold(&Identity::of_leaf(b"x")));
        filter.completed();
        assert!(!filter.view().may_hold(&Identity::of_leaf(b"x")));
    }
}
