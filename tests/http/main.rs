//! A real `cairnd` over HTTP: every route and every refusal against goldens, every proof against
//! the log's key, and clients that do not behave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod audit;
mod cases;
mod clock;
mod ct;
mod doctor;
mod goldens;
mod grpc;
mod hostile;
mod instance;
mod issuers;
mod load;
mod production;
mod rates;
mod raw;
mod reads;
mod rekor;
mod routing;
mod shards;
mod trust;
mod verified;
