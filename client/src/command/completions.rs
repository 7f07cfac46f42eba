//! `cairn completions`: lets a shell complete the rest of a command.

use clap::CommandFactory as _;
use clap_complete::{Generator as _, Shell};

use super::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Print what a shell needs to complete commands and options

Example:
  cairn completions bash > ~/.local/share/bash-completion/completions/cairn
  cairn completions zsh > ~/.zfunc/_cairn
  cairn completions fish > ~/.config/fish/completions/cairn.fish";

/// Print what a shell needs to complete commands and options
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.set_bin_name("cairn");
    command.build();
    let mut script = Vec::new();
    let written = args.shell.try_generate(&command, &mut script);
    written
        .map_err(|error| Failure::new(Exit::Usage, args.shell, "no completions").found(error))?;
    output::bytes(&script);
    Ok(())
}
