//! What goes into a Rekor log, one file for each kind of entry, and what comes back.

pub mod body;
pub mod hashedrekord;
pub mod log_entry;
