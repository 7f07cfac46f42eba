//! The machine that the log runs on: its disks, its clock, its key, and how they misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::store::memory::{MemoryStores, Write};
use engine::{Clock as _, Format, Limits, LogConfig, LogIdentity, SimulatedClock, UnixMillis};
use tempfile::TempDir;
use tiles::{Ed25519NoteSigner, KeyName, NoteSigner, Origin, SignError, VerifierKey};

use crate::dice::Dice;

const ORIGIN: &str = "simulation.example";
const BEGINNING: UnixMillis = UnixMillis::new(1_800_000_000_000);
/// A clock is never further off than this, in either direction.
const CLOCK_OFF_MAX_MS: u64 = 10_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) stores: MemoryStores,
    pub(crate) config: LogConfig,
    signer: Arc<Signer>,
    clock: Arc<SimulatedClock>,
    /// What an exact clock shows.
    time: UnixMillis,
    publish_dir: Option<TempDir>,
}

impl Machine {
    /// A machine without a log yet.
    pub(crate) fn new(hashing: &Arc<rayon::ThreadPool>) -> Self {
        let name = KeyName::new(ORIGIN).expect("a host name is a key name");
        let key = Ed25519NoteSigner::from_seed(name, [7; 32]).expect("any seed will do");
        let signer = Arc::new(Signer {
            key,
            fails: AtomicBool::new(false),
        });
        let clock = Arc::new(SimulatedClock::new(BEGINNING));
        let origin = Origin::new(ORIGIN).expect("a host name is an origin");
        let mut config = LogConfig::new(
            origin,
            "simulation",
            Arc::<Signer>::clone(&signer),
            Arc::clone(hashing),
        );
        config.clock = Arc::<SimulatedClock>::clone(&clock);
        Self {
            stores: MemoryStores::new(identity(&config)),
            config,
            signer,
            clock,
            time: BEGINNING,
            publish_dir: None,
        }
    }

    /// Makes this the machine of a log with entries in another format.
    pub(crate) fn set_format(&mut self, format: Arc<dyn Format>) {
        self.config.format = format;
        self.stores = MemoryStores::new(identity(&self.config));
    }

    /// Gives the log a directory to publish in.
    pub(crate) fn publish_dir(&mut self) {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        self.config.publish_dir = Some(dir.path().join("public"));
        self.publish_dir = Some(dir);
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        self.signer.verifier()
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).expect("simulations are short");
        self.time = UnixMillis::new(self.time.get() + millis);
        self.clock.advance(by);
    }

    /// Sets the clock wrongly, or right again.
    pub(crate) fn set_clock(&self, dice: &mut Dice) {
        let off = dice.below(2 * CLOCK_OFF_MAX_MS);
        let wrong = UnixMillis::new(self.time.get() + off - CLOCK_OFF_MAX_MS);
        self.clock
            .set_wall(if dice.coin() { self.time } else { wrong });
    }

    pub(crate) fn set_clock_right(&self) {
        self.clock.set_wall(self.time);
    }

    pub(crate) fn set_signer(&self, fails: bool) {
        self.signer.fails.store(fails, Ordering::Relaxed);
    }

    /// Another process looks at the clock for the first time.
    pub(crate) fn new_process(&mut self) {
        self.clock = Arc::new(SimulatedClock::new(self.clock.now()));
        self.config.clock = Arc::<SimulatedClock>::clone(&self.clock);
    }
}

/// What the stores of a log are created for.
fn identity(config: &LogConfig) -> LogIdentity {
    LogIdentity {
        origin: config.origin.clone(),
        kind: config.kind.clone(),
        log_id: config.signers[0].verifier().log_id(),
        format: config.format.name().to_owned(),
    }
}

/// Signs, unless told to fail.
#[derive(Debug)]
struct Signer {
    key: Ed25519NoteSigner,
    fails: AtomicBool,
}

impl NoteSigner for Signer {
    fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if self.fails.load(Ordering::Relaxed) {
            let reason = "simulated: the key is away".to_owned();
            return Err(SignError::Unavailable { reason });
        }
        self.key.sign(message)
    }
}

/// Limits so small that a short history meets all of them.
pub(crate) fn limits(dice: &mut Dice) -> Limits {
    let mut millis = |choices: &[u64]| Duration::from_millis(dice.one_of(choices));
    let mut limits = Limits {
        batch_age: millis(&[0, 0, 1, 20, 50]),
        checkpoint_interval: millis(&[0, 0, 1, 30, 100]),
        checkpoint_resign_interval: millis(&[100, 1000, 60_000]),
        clock_wait_max: millis(&[0, 50, 5000]),
        retry_delay: millis(&[0, 10, 1000]),
        publish_dir_interval: millis(&[0, 10, 1000]),
        ..Limits::default()
    };
    limits.batch_count_max = dice.one_of(&[1, 7, 64, 256, 300, 1000]);
    limits.index_segment_len = dice.one_of(&[1, 8, 100, 1000]);
    limits.pool_count_max = dice.one_of(&[4, 100, 600, 2000]);
    limits.hot_entries = dice.one_of(&[0, 1, 255, 256, 300, 1000]);
    limits.tier_bundles_per_step = dice.one_of(&[1, 1, 2, 4, 64]);
    limits
}

/// A write to fail.
pub(crate) fn kind_of_write(dice: &mut Dice) -> Write {
    dice.one_of(&Write::ALL)
}
