//! What a log keeps when its process, its disk or its operator misbehaves: a `cairnd` killed under
//! load, stores damaged byte by byte, two processes on one directory, shutdown, wrong settings.
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

#[cfg(feature = "slow")]
mod damaged;
mod damaged_object;
mod drained;
#[cfg(feature = "slow")]
mod killed;
mod load;
mod refusals;
mod two_processes;
#[cfg(feature = "slow")]
mod wal;
