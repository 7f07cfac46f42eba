//! `cairn`: signs and verifies anything, and never has to trust a server.
//!
//! What it is given by a certificate authority, a timestamp authority or a log is checked before it
//! is written down, by the same code that verifies what others made. All of that is in `sigstore`;
//! here are files, sockets, and what is said to whoever types.
//!
//! This file parses the command line and dispatches; nothing is decided here. How a command ended
//! is in `exit`.
//!
//! Absent on purpose: a storage engine, a listener (but for the answer of a browser, on loopback),
//! and anything that is made ready before it is needed, since checking one file without a network
//! takes a few milliseconds.

mod audit;
mod clock;
mod command;
mod config;
mod exit;
mod failure;
mod files;
mod http;
mod inspect;
mod key;
mod oci;
mod oidc;
mod output;
mod parallel;
mod progress;
mod sign;
mod submit;
mod trust;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use crate::command::Cli;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    command::run(Cli::parse())
}
