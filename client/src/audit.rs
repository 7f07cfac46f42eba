//! Auditing a log: everything that it publishes, hashed again, against the checkpoint it signed and
//! against the one that it showed the last time.
//!
//! `tiles` does the hashing and the proofs; here is where the bytes come from ([`Source`]), what is
//! remembered between two audits ([`Memory`]), and what a difference is called.
//!
//! A log that shows something else than it showed has broken the one promise that it makes. Both
//! checkpoints are signed by it, so together they prove that to everybody: they are written to a
//! file of their own, and so are those of a log that shows less.

pub(crate) use contradiction::{Contradiction, GrowthError};
pub(crate) use keys::LogKeys;
pub(crate) use memory::{Memory, SeenCheckpoint};
pub(crate) use replay::{ReplayError, framing_of, replay};
pub(crate) use source::{Source, SourceError};

mod contradiction;
mod keys;
mod memory;
mod replay;
mod source;
