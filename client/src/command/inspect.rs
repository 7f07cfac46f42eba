//! `cairn inspect`: what is in a file.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::inspect::{self, Facts, InspectError};
use crate::output::{self, Output};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Show what is in a file, without verifying it

A bundle of any version, a certificate or a chain, an entry of a log, a checkpoint, a timestamp, a
public key, a signature, a trusted root, a signing config, TUF metadata: nobody has to say which,
the bytes do. What is shown is what the file claims, and anybody may have written it: `cairn verify`
says whether it is true.

Examples:
  cairn inspect app.tar.gz.sigstore.json
  cairn inspect --json *.sigstore.json
  curl -s https://log.example.org/checkpoint -o checkpoint && cairn inspect checkpoint";

/// Show what is in a file, without verifying it
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let mut first = None;
    for path in &args.files {
        match read(path) {
            Ok(facts) => show(path, &facts, output),
            Err(failure) if args.files.len() == 1 => return Err(failure),
            Err(failure) => {
                output.failure(&failure);
                first.get_or_insert(failure);
            }
        }
    }
    match first {
        None => Ok(()),
        Some(failure) => Err(Failure::new(
            failure.exit(),
            "inspect",
            "not all of the files could be shown",
        )),
    }
}

fn show(path: &Path, facts: &Facts, output: Output) {
    let name = path.display().to_string();
    if output.is_json() {
        let value = json!({"file": name, "verified": false, "content": facts.to_json()});
        output::line(format_args!("{}", inspect::plain_json(&value)));
        return;
    }
    let (name, kind) = (inspect::plain(&name), inspect::plain(facts.kind()));
    output::line(format_args!("{name}: {kind}; nothing was verified{facts}"));
}

fn read(path: &Path) -> Result<Facts, Failure> {
    let bytes = files::read(path, inspect::LEN_BYTES_MAX)?;
    inspect::inspect(&bytes).map_err(|error| {
        let failure = Failure::new(Exit::File, path.display(), &error);
        match error {
            InspectError::Unknown => failure.expected(inspect::KNOWN),
            InspectError::Secret => failure.fix("keep it to yourself"),
            InspectError::Malformed { why, .. } => failure.found(inspect::plain(&why)),
        }
    })
}
