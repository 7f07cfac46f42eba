//! `cairn-load`: measures a transparency log under load, and checks what it answers.
//!
//! The command line and the exit code; everything else is in `bench::load`.

use std::process::ExitCode;

use clap::Parser as _;

use bench::load::{Args, run};

#[expect(
    clippy::print_stderr,
    reason = "this is where the tool's error reaches whoever started it"
)]
fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cairn-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}
