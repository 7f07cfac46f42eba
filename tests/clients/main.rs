//! Programs of others against a running `cairnd`: an independent verifier in Python, nginx, the
//! auditor of another log server, openssl and curl; and Sigstore clients against a whole instance.
//!
//! scripts/setup.sh and scripts/peers.sh install them. A test whose program is not there says so
//! loudly and passes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod certificate_log;
mod command_line;
mod cosign;
mod peers;
mod restored;
mod sigstore_python;
mod static_files;
mod verifier;
