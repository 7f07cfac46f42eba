//! `cairn man`: the help texts as manual pages.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory as _;
use serde_json::json;

use super::Cli;
use crate::failure::Failure;
use crate::output::Output;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Write the manual pages: cairn.1, and one for each command

Example:
  cairn man ~/.local/share/man/man1
  man cairn-sign";

/// Write the manual pages: cairn.1, and one for each command
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// Where to; made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let written = fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.dir));
    written.map_err(|error| Failure::file(&args.dir, "can't be written to").found(error))?;
    output.result(
        format_args!("manual pages in {}", args.dir.display()),
        || json!({"man": args.dir}),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let dir = tempfile::tempdir().unwrap();
        let args = Args {
            dir: dir.path().join("man1"),
        };
        run(&args, Output::new(true)).unwrap();
        for page in ["cairn.1", "cairn-man.1", "cairn-completions.1"] {
            let text = fs::read_to_string(args.dir.join(page)).unwrap();
            assert!(text.contains(".SH SYNOPSIS"), "{page}");
        }
    }
}
