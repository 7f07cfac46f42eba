//! What a log keeps when its process, its disk, its clients or its operator misbehave: a `cairnd`
//! killed or stopped under load, disks that are full or read-only, clocks that jump, floods, stores
//! damaged byte by byte, two processes on one directory, shutdown, wrong settings.
//!
//! The modules behind feature `slow` take minutes. They print their seed, and `CAIRN_SEED`,
//! `CAIRN_ROUNDS` and `CAIRN_POSITIONS` repeat or extend them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod anchors;
mod auditor;
mod backup;
#[cfg(feature = "slow")]
mod clock;
#[cfg(feature = "slow")]
mod cut;
#[cfg(feature = "slow")]
mod damaged;
mod damaged_object;
mod drained;
#[cfg(feature = "slow")]
mod flood;
#[cfg(feature = "slow")]
mod full_disk;
mod history;
#[cfg(feature = "slow")]
mod idle_connections;
#[cfg(feature = "slow")]
mod killed;
mod load;
#[cfg(feature = "slow")]
mod read_only;
mod refusals;
#[cfg(feature = "slow")]
mod slow_clients;
#[cfg(feature = "slow")]
mod stopped;
mod two_processes;
#[cfg(feature = "slow")]
mod wal;
