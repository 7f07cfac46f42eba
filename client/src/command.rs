//! The command line: one file for each subcommand, with its arguments and what it does.
//!
//! To add one: a file here with `Args` (the clap arguments, its help with an example) and
//! `run(&Args, Output) -> Result<(), Failure>`, and a line each in [`Command`] and [`dispatch`].

mod attest;
mod audit;
mod completions;
mod conformance;
mod convert;
mod generate_key_pair;
mod image;
mod inspect;
mod man;
mod rule_args;
mod sign;
mod signing;
mod spool;
mod trust;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::{EXIT_CODES, Exit};
use crate::failure::Failure;
use crate::output::Output;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "cairn", version, about = ABOUT)]
#[command(long_about = LONG_ABOUT, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Say results as JSON on standard output, one object a line; a failure is {"error": ...}
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "Sign and verify anything, without having to trust a server";

const LONG_ABOUT: &str = "\
Sign and verify anything, without having to trust a server.

Sign a file without a key of your own: a browser opens for you to log in, and what proves it is
written beside the file.
  cairn sign app.tar.gz
Verify that somebody in particular signed it.
  cairn verify --identity you@example.org --issuer https://accounts.google.com app.tar.gz

Every command explains itself: `cairn help COMMAND`.";

#[derive(Debug, Subcommand)]
enum Command {
    Sign(sign::Args),
    Verify(Box<verify::Args>),
    Inspect(inspect::Args),
    Convert(convert::Args),
    /// Work with container images, where they are
    #[command(subcommand)]
    Image(image::ImageCommand),
    Audit(Box<audit::Args>),
    Attest(attest::Args),
    GenerateKeyPair(generate_key_pair::Args),
    /// Work with signatures that wait for a log
    #[command(subcommand)]
    Spool(spool::SpoolCommand),
    /// Choose and follow the trust root that other commands go by
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// Speak the command line of Sigstore's conformance suite
    #[command(subcommand)]
    Conformance(conformance::Conformance),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the command and says how it ended.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.json);
    match dispatch(cli.command, output) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit().into()
        }
    }
}

fn dispatch(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Sign(args) => sign::run(&args, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
        Command::Convert(args) => convert::run(&args, output),
        Command::Image(command) => image::run(&command, output),
        Command::Audit(args) => audit::run(&args, output),
        Command::Attest(args) => attest::run(&args, output),
        Command::GenerateKeyPair(args) => generate_key_pair::run(&args, output),
        Command::Spool(command) => spool::run(&command, output),
        Command::Trust(command) => trust::run(&command, output),
        Command::Conformance(command) => conformance::run(&command, output),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Every command, those below others too, by its whole name.
    fn each_command(command: &clap::Command, name: &str, see: &mut dyn FnMut(&str, String)) {
        for below in command.get_subcommands() {
            let name = format!("{name} {}", below.get_name());
            if below.has_subcommands() {
                each_command(below, &name, see);
            } else {
                see(&name, below.clone().render_long_help().to_string());
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_an_example() {
        let cli = Cli::command();
        cli.clone().debug_assert();
        let mut count = 0;
        each_command(&cli, "cairn", &mut |name, help| {
            count += 1;
            assert!(help.contains("Example"), "{name} shows no example");
            assert!(help.contains(name), "{name} is not in its own example");
        });
        assert!(count >= 2);
    }

    #[test]
    fn help_is_plain_ascii_within_100_columns() {
        let mut cli = Cli::command();
        for line in cli.render_long_help().to_string().lines() {
            assert!(line.is_ascii() && line.len() <= 100, "{line}");
        }
        each_command(&cli, "cairn", &mut |name, help| {
            for line in help.lines() {
                assert!(line.is_ascii(), "{name}: {line}");
            }
        });
    }
}
