//! `cairnd`: one server program for transparency logs, and the operator's commands beside it.
//!
//! This file parses the command line and dispatches; nothing is decided here. Exit codes: 0 done,
//! 1 the command failed (for `fsck` also: a difference was found), 2 the command line or cairn.toml
//! is wrong.
//!
//! It is a library so that its parsers can be fuzzed (`parsers`, behind the feature `testing`), and
//! offers nothing else but [`main`]: what others may rely on is the program, its routes and its
//! files.

mod admin;
mod anchors;
mod answer;
mod app;
mod body;
mod client_address;
mod command;
mod config;
mod content_coding;
mod cors;
mod ct;
mod deadline;
mod dev;
mod error;
mod frozen;
mod fulcio;
mod grpc;
mod instance;
mod issuer_keys;
mod keys;
mod limits;
mod live;
mod log_config;
mod ntp;
mod observe;
mod origin;
#[cfg(feature = "testing")]
pub mod parsers;
mod rate;
mod raw;
mod read;
mod rekor;
mod route;
mod serve;
mod stdout;
#[cfg(test)]
mod testing;
mod timers;
mod trust;
mod tsa;
mod verify_pool;
mod wall_clock;

use std::process::ExitCode;

use clap::Parser;

use crate::command::Cli;

/// Does what the command line says.
#[expect(
    clippy::print_stderr,
    reason = "this is where a command's error reaches the operator"
)]
#[must_use]
pub fn main() -> ExitCode {
    match command::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cairnd: {error:#}");
            ExitCode::from(command::exit_code(&error))
        }
    }
}
