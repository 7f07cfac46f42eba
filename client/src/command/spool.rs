//! `cairn spool`: signatures that wait for a log.

mod flush;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum SpoolCommand {
    Flush(flush::Args),
}

pub(super) fn run(command: &SpoolCommand, output: Output) -> Result<(), Failure> {
    match command {
        SpoolCommand::Flush(args) => flush::run(args, output),
    }
}
