//! Sequencing, storage and publishing of opaque entries: the engine under every cairn log.
//!
//! A [`Log`] takes entries, gives each distinct one an index for ever, keeps entries and Merkle
//! tree on disk, and publishes signed checkpoints of the growing tree. What it promises:
//!
//! - **sequenced**: the entry is on disk and its index will never hold anything else;
//! - **published**: a signed checkpoint covers the entry and will never be contradicted;
//! - one identity has one index, under concurrency, crash and restart;
//! - no checkpoint is ever signed over a shorter or another history;
//! - after a write with an unknown outcome the log takes no entries until it is reopened.
//!
//! What is not here: HTTP, JSON, Sigstore, any idea of what an entry means.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # #[cfg(feature = "rocks")] {
//! use std::sync::Arc;
//!
//! use engine::{Log, LogConfig, UnfinishedEntry, hashing_pool};
//! use tiles::{Ed25519NoteSigner, KeyName, Origin};
//!
//! let dir = tempfile::tempdir()?;
//! let dir = dir.path().join("log");
//! let signer = Ed25519NoteSigner::from_seed(KeyName::new("log.example")?, [7; 32])?;
//! let origin = Origin::new("log.example")?;
//! let config = LogConfig::new(origin, "raw", Arc::new(signer), hashing_pool()?);
//! Log::create(&dir, &config)?;
//!
//! let log = Log::open(&dir, &config)?;
//! let ticket = log.add(UnfinishedEntry::new("an entry".into()))?;
//! let (place, head) = ticket.published_blocking()?;
//! let proof = log.reader().inclusion_proof(place.index, head.size)?;
//! let leaf_hash = tiles::leaf_hash(b"an entry");
//! tiles::verify_inclusion(place.index, head.size, &leaf_hash, &proof, &head.root_hash)?;
//! log.close();
//! # }
//! # Ok(())
//! # }
//! ```

mod anchor;
#[cfg(feature = "rocks")]
mod backup;
mod catch_up;
mod clock;
mod commit;
mod dedup;
mod disk_usage;
mod driver;
mod error;
mod fail_stop;
mod format;
mod fsck;
mod indexer;
mod integrate;
mod limits;
mod lock;
mod log;
mod metrics;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod pool;
mod publish;
mod publish_dir;
mod reader;
mod recover;
mod sequencer;
mod signal;
pub mod store;
mod ticket;
mod tier;
mod tile_cache;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub use anchor::Anchor;
pub use catch_up::{CatchUp, CatchUpError, CaughtUp};
#[cfg(any(test, feature = "testing"))]
pub use clock::SimulatedClock;
pub use clock::{Clock, SystemClock, UnixMillis};
pub use disk_usage::DiskUsage;
pub use error::{AddError, OpenError, ReadError, Rejection, StoreError};
#[cfg(any(test, feature = "testing"))]
pub use format::IndexedLeaf;
pub use format::{FinishedEntry, Format, FormatError, Identity, TlogTiles, UnfinishedEntry};
pub use fsck::{FsckError, FsckReport, Threads, bundle_leaves, fsck, rebuild_on};
pub use limits::{Limits, LimitsError};
pub use lock::DirLock;
pub use log::{Log, LogConfig, LogStatus, Stores, hashing_pool};
#[cfg(any(test, feature = "testing"))]
pub use log::{Next, Part, Stepped};
pub use metrics::{Counter, Durations, Metrics};
pub use publish::PublishedHead;
pub use publish_dir::{PublishDirError, export};
pub use reader::Reader;
pub use store::{INDEX_PART, LogIdentity, StoredBytes};
pub use ticket::{Sequenced, Ticket};

/// Locks a mutex whose data is whole even if a holder panicked: every critical section in this
/// crate either only reads or finishes its change before anything in it can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits on a condition variable, with the same view of panics as [`lock`].
fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
