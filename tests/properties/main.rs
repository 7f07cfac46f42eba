//! The whole engine on stores in memory, under random histories of adding, closing, opening and
//! moving to the cold store: what is promised holds after every step.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod history;
mod steps;
