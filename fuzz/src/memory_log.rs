//! A log on stores in memory, for the targets that need a whole one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::store::memory::{Faults, MemoryCheckpoint, MemoryCold, MemoryHot};
use engine::{
    Clock, Log, LogConfig, LogIdentity, Stores, UnfinishedEntry, UnixMillis, hashing_pool,
};
use tiles::{Checkpoint, Ed25519NoteSigner, Hash, KeyName, Origin, TreeSize, VerifierKey};

use crate::rebuild::entry;

const ORIGIN: &str = "fuzz.example";
const SEED: [u8; 32] = [7; 32];

/// The log's key, or with another seed a stranger's of the same name.
fn signer(seed: [u8; 32]) -> Ed25519NoteSigner {
    let name = KeyName::new(ORIGIN).expect("a host name is a key name");
    Ed25519NoteSigner::from_seed(name, seed).expect("any seed will do")
}

fn origin() -> Origin {
    Origin::new(ORIGIN).expect("a host name is an origin")
}

/// The key that the log's checkpoints are signed with.
pub(crate) fn key() -> VerifierKey {
    use tiles::NoteSigner as _;
    signer(SEED).verifier().clone()
}

/// A note with this text, signed by the log or by somebody else of its name. `None` if no note has
/// such a text.
pub(crate) fn signed(text: &str, by_the_log: bool) -> Option<Vec<u8>> {
    let signer = signer(if by_the_log { SEED } else { [8; 32] });
    let note = tiles::sign_note(text, &[&signer]).ok()?;
    Some(note.encode().into_bytes())
}

/// The text of a checkpoint of the log.
pub(crate) fn claim(size: TreeSize, root_hash: Hash) -> String {
    Checkpoint::new(origin(), size, root_hash).encode()
}

/// A hash that differs, unless `change` is 0.
pub(crate) fn changed(hash: Hash, change: u8) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[0] ^= change;
    Hash::new(bytes)
}

/// A log that waits for nobody.
pub(crate) fn config() -> LogConfig {
    static HASHING: OnceLock<Arc<rayon::ThreadPool>> = OnceLock::new();
    let hashing = HASHING.get_or_init(|| hashing_pool().expect("the system has threads"));
    let signer = Arc::new(signer(SEED));
    let mut config = LogConfig::new(origin(), "fuzz", signer, Arc::clone(hashing));
    config.clock = Arc::new(TickingClock::default());
    config.limits.batch_age = Duration::ZERO;
    config.limits.checkpoint_interval = Duration::ZERO;
    config.limits.checkpoint_resign_interval = Duration::from_secs(u32::MAX.into());
    config.limits.retry_delay = Duration::from_millis(1);
    config
}

/// The stores of a closed log.
#[derive(Debug)]
pub(crate) struct MemoryLog {
    hot: MemoryHot,
    cold: MemoryCold,
    checkpoint: MemoryCheckpoint,
}

impl MemoryLog {
    /// A log without entries.
    pub(crate) fn create(config: &LogConfig, faults: &Arc<Faults>) -> Self {
        let identity = LogIdentity {
            origin: config.origin.clone(),
            kind: config.kind.clone(),
            log_id: key().log_id(),
            format: config.format.name().to_owned(),
        };
        let log = Self {
            hot: MemoryHot::new(identity, Arc::clone(faults)),
            cold: MemoryCold::new(Arc::clone(faults)),
            checkpoint: MemoryCheckpoint::new(Arc::clone(faults)),
        };
        Log::create_with(&log.stores(), config).expect("the stores are new");
        log
    }

    /// A log that has published the entries of an honest one.
    pub(crate) fn with_entries(size: TreeSize) -> Self {
        let config = config();
        let made = Self::create(&config, &Arc::default());
        let log = Log::open_with(&made.stores(), &config).expect("the log was just made");
        let entries = (0..size.get()).map(|n| UnfinishedEntry::new(entry(n).into()));
        let tickets = log.add_many(entries.collect()).expect("the pool has room");
        for ticket in tickets {
            let published = ticket.published_blocking();
            published.expect("no write fails");
        }
        log.close();
        made
    }

    /// The stores themselves.
    pub(crate) fn stores(&self) -> Stores {
        Stores {
            hot: Arc::new(self.hot.clone()),
            cold: Arc::new(self.cold.clone()),
            checkpoint: Arc::new(self.checkpoint.clone()),
        }
    }

    /// Other stores with the same content.
    pub(crate) fn copy(&self) -> Stores {
        let faults = Arc::new(Faults::default());
        Stores {
            hot: Arc::new(self.hot.copy(Arc::clone(&faults))),
            cold: Arc::new(self.cold.copy(Arc::clone(&faults))),
            checkpoint: Arc::new(self.checkpoint.copy(faults)),
        }
    }
}

/// Both clocks of a log as one counter that each look moves on by a millisecond: time passes, and
/// nothing ever has to wait for it.
#[derive(Debug, Default)]
struct TickingClock {
    looks: AtomicU64,
}

impl TickingClock {
    fn tick(&self) -> u64 {
        self.looks.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Clock for TickingClock {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.tick())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.tick())
    }
}
