//! `cairn trust init`: begins to follow a trust root.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use sigstore::tuf::{Known, METADATA_LEN_BYTES_MAX};

use super::{roles_json, roles_text};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::http::Http;
use crate::output::Output;
use crate::trust::{Mirror, Store};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Follow a trust root from now on

A trust root says whose keys count and where to sign. It is fetched from a TUF repository (the
mirror), and every later version of it must follow from the one before. Where that begins is a file
root.json, which you need to get from somebody you trust, not from the mirror; a checksum by another
way (--root-checksum) makes sure of it.

All other commands then use this mirror by themselves. What is known of it is kept in CAIRN_HOME
(default: ~/.local/share/cairn) and asked for again once a day. Give the same command again to begin
anew, with another mirror to change to that one; `--mirror URL` of other commands chooses between
several.

Example:
  cairn trust init --mirror https://sigstore.example.org/tuf --root root.json
  cairn trust init --mirror https://tuf-repo-cdn.sigstore.dev --root root.json";

/// Follow a trust root from now on
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// The address of the TUF repository
    #[arg(long, value_name = "URL")]
    mirror: String,
    /// A root.json of it, of any version, that somebody brought whom you trust
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// What the SHA-256 of that file must be, in hex
    #[arg(long, value_name = "SHA256")]
    root_checksum: Option<String>,
    /// Leave the mirror that other commands use by themselves as it is
    #[arg(long)]
    not_default: bool,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let bytes = files::read(&args.root, METADATA_LEN_BYTES_MAX)?;
    if let Some(wanted) = &args.root_checksum {
        check_sum(&args.root, &bytes, wanted)?;
    }
    let root = Known::from_root(&bytes).map_err(|error| {
        let failure = Failure::file(&args.root, "is not a root.json that its own keys signed");
        failure.found(error)
    })?;
    let store = Store::open()?;
    let mirror = Mirror::new(store.clone(), &args.mirror)?;
    let state = mirror.init(root, &Http::online())?;
    if !args.not_default {
        store.set_default(mirror.url())?;
    }
    let text = format!("following {}\n{}", mirror.url(), roles_text(&state));
    output.result(text, || roles_json(&state));
    Ok(())
}

fn check_sum(path: &Path, bytes: &[u8], wanted: &str) -> Result<(), Failure> {
    let found = hex::encode(Sha256::digest(bytes));
    if found.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let failure = Failure::new(Exit::Refused, path.display(), "has another checksum");
    Err(failure
        .expected(wanted)
        .found(found)
        .fix("get the file again, from somebody you trust"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_compared_without_its_case() {
        let path = Path::new("root.json");
        let sum = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        assert_eq!(check_sum(path, b"abc", sum), Ok(()));
        let failure = check_sum(path, b"abd", sum).unwrap_err();
        assert_eq!(failure.exit(), Exit::Refused);
    }
}
