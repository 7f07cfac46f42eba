//! All three stores in memory, with faults and crashes on demand (feature `testing`).
//!
//! What is stored lives behind an `Arc` of its own, so that a test can drop a log, as a crash
//! would, and open another over what was durable. Each store knows what readers see and what is
//! left of it if the machine stops now; a *crash image* is the second, plus whatever of the writes
//! between the two the disk happened to have done, in any order that the store's contract allows.

mod checkpoint;
mod cold;
mod faults;
mod hot;

use std::sync::Arc;

pub use checkpoint::MemoryCheckpoint;
pub use cold::MemoryCold;
pub use faults::{Fault, Faults, Write};
pub use hot::MemoryHot;

use super::LogIdentity;
use crate::Stores;

/// Decides one thing that a crash leaves open.
pub type Coin<'a> = dyn FnMut() -> bool + 'a;

/// The stores of one log on one simulated machine.
#[derive(Clone, Debug)]
pub struct MemoryStores {
    /// The working set.
    pub hot: MemoryHot,
    /// Full objects.
    pub cold: MemoryCold,
    /// The kept checkpoint.
    pub checkpoint: MemoryCheckpoint,
    /// What goes wrong in all of them.
    pub faults: Arc<Faults>,
}

impl MemoryStores {
    /// Empty stores for the log `identity`.
    #[must_use]
    pub fn new(identity: LogIdentity) -> Self {
        let faults = Arc::new(Faults::default());
        Self {
            hot: MemoryHot::new(identity, Arc::clone(&faults)),
            cold: MemoryCold::new(Arc::clone(&faults)),
            checkpoint: MemoryCheckpoint::new(Arc::clone(&faults)),
            faults,
        }
    }

    /// These stores, as a log takes them.
    #[must_use]
    pub fn stores(&self) -> Stores {
        Stores {
            hot: Arc::new(self.hot.clone()),
            cold: Arc::new(self.cold.clone()),
            checkpoint: Arc::new(self.checkpoint.clone()),
        }
    }

    /// Other stores with the same content and no faults planned, which share nothing with these.
    #[must_use]
    pub fn copy(&self) -> Self {
        let faults = Arc::new(Faults::default());
        Self {
            hot: self.hot.copy(Arc::clone(&faults)),
            cold: self.cold.copy(Arc::clone(&faults)),
            checkpoint: self.checkpoint.copy(Arc::clone(&faults)),
            faults,
        }
    }

    /// The machine stops and starts again. What was unsynced or torn is there or not, as the coin
    /// falls. Faults are cleared.
    pub fn crash(&self, coin: &mut Coin<'_>) {
        self.hot.crash(coin);
        self.cold.crash(coin);
        self.checkpoint.restart(coin);
        self.faults.clear();
    }

    /// The process ends, and another opens the stores on the same machine: what was unsynced is
    /// still seen, and still unsynced. Faults are cleared.
    pub fn restart(&self, coin: &mut Coin<'_>) {
        self.hot.restart(coin);
        self.cold.restart(coin);
        self.checkpoint.restart(coin);
        self.faults.clear();
    }
}
