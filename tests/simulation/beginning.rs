//! What a history begins with: an empty log, or one so large that a short history crosses the
//! boundary at 65,536.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use engine::store::memory::MemoryStores;
use engine::{Log, Next, Part, Stepped};

use crate::breach::{Checked, During as _};
use crate::entry::entry;
use crate::machine::Machine;
use crate::model::Model;

/// Entries in a large log: what is added to it crosses the boundary.
const LARGE_SIZE: u64 = 65_536 - 700;
/// Entries in one batch, while a log is grown.
const BATCH: u64 = 4096;

/// A log that is there before the history begins, and what is known of it.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) machine: Machine,
    pub(crate) model: Model,
}

impl Beginning {
    /// An empty log on a machine without one.
    pub(crate) fn empty(machine: Machine) -> Checked<Self> {
        Log::create_with(&machine.stores.stores(), &machine.config).during("creating a log")?;
        let model = Model::default();
        Ok(Self { machine, model })
    }

    /// A log that is about to have 65,536 entries.
    pub(crate) fn large(hashing: &Arc<rayon::ThreadPool>) -> Self {
        Self::of_size(hashing, LARGE_SIZE)
    }

    /// A log of `size` entries, all of them published. Nothing was moved to the cold store.
    pub(crate) fn of_size(hashing: &Arc<rayon::ThreadPool>, size: u64) -> Self {
        static GROWN: OnceLock<Mutex<Vec<Grown>>> = OnceLock::new();
        let grown = GROWN.get_or_init(Mutex::default);
        let mut grown = grown.lock().unwrap_or_else(PoisonError::into_inner);
        if grown.iter().all(|grown| grown.model.submitted() != size) {
            grown.push(Grown::new(hashing, size));
        }
        let mut grown = grown.iter();
        let grown = grown.find(|grown| grown.model.submitted() == size);
        let grown = grown.expect("it was just made if there was none");
        let mut machine = Machine::new(hashing);
        machine.stores = grown.stores.copy();
        machine.advance(grown.age);
        let model = grown.model.clone();
        Self { machine, model }
    }
}

/// A log that was grown once, to be copied.
#[derive(Debug)]
struct Grown {
    stores: MemoryStores,
    model: Model,
    /// How long it took to grow.
    age: Duration,
}

impl Grown {
    fn new(hashing: &Arc<rayon::ThreadPool>, size: u64) -> Self {
        let mut machine = Machine::new(hashing);
        machine.config.limits.batch_age = Duration::ZERO;
        machine.config.limits.checkpoint_interval = Duration::ZERO;
        machine.config.limits.index_segment_len = 16_384;
        let stores = machine.stores.stores();
        Log::create_with(&stores, &machine.config).expect("the stores are new");
        let mut log = Stepped::open(&stores, &machine.config).expect("the log was just made");
        let mut model = Model::default();
        let mut age = Duration::ZERO;
        while model.submitted() < size {
            let count = BATCH.min(size - model.submitted());
            let entries = (0..count).map(|_| entry(model.new_number())).collect();
            log.log().add_many(entries).expect("the pool is empty");
            machine.advance(Duration::from_millis(1));
            age += Duration::from_millis(1);
            for part in Part::ALL {
                while log.step(part) == Next::Now {}
            }
        }
        let head = log.log().published();
        let published = model.publish(&log.log().reader(), &head);
        published.expect("nothing fails here");
        assert_eq!(head.size.get(), size);
        Self {
            stores: machine.stores,
            model,
            age: age + Duration::from_millis(1),
        }
    }
}
