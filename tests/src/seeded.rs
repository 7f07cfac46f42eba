//! Randomness that can be repeated: one number decides everything, and a failure prints it.

use sha2::{Digest as _, Sha256};

use crate::environment;

/// A stream of numbers from one seed.
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    drawn: u64,
}

impl Random {
    /// The stream of `CAIRN_SEED`, or of `default`. Says which on stderr, which the test runner
    /// shows if the test fails.
    #[must_use]
    pub fn from_environment(default: u64) -> Self {
        let seed = environment::number("CAIRN_SEED", default);
        eprintln!("repeat with CAIRN_SEED={seed}");
        Self { seed, drawn: 0 }
    }

    /// A number below `bound`, which is not zero. The bias is far below what a test could see.
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.drawn.to_be_bytes());
        self.drawn += 1;
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_first_chunk().expect("32 bytes hold 8");
        u64::from_be_bytes(*first) % bound
    }

    /// As [`Random::below`], for places in memory.
    pub fn position(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a size fits in 64 bits");
        usize::try_from(self.below(bound)).expect("it is below a size")
    }
}
