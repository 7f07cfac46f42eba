//! `cairn attest`: signs a statement about files.

use std::path::{Path, PathBuf};

use serde_json::json;
use serde_json::value::RawValue;
use sigstore::statement::TYPE_V1;

use super::signing::{self, SigningArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Sign a statement about files: how they were built, what is in them

The predicate is a file with JSON. It is put into an in-toto statement about each FILE as it is, and
the signed statement into FILE.sigstore.json. However large it is, only hashes of it travel to the
services (a log of Rekor's first version is the exception).

--type is the URI of the predicate's type, or one of: slsaprovenance1, slsaprovenance02, spdx,
cyclonedx, vuln, openvex, link.

All else is as with `cairn sign`.

Example:
  cairn attest --predicate sbom.spdx.json --type spdx release.tar.gz";

/// Sign a statement about files: how they were built, what is in them
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// A file with what is to be said, JSON
    #[arg(long, value_name = "FILE")]
    predicate: PathBuf,
    /// What type it is
    #[arg(long = "type", value_name = "TYPE")]
    predicate_type: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// The longest predicate: what a bundle can hold.
const PREDICATE_LEN_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Short names of types, which cosign has, too.
const TYPES: [(&str, &str); 8] = [
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("spdx", "https://spdx.dev/Document"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("link", "https://in-toto.io/Link/v1"),
];

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let predicate_type = type_uri(&args.predicate_type)?;
    let bytes = files::read(&args.predicate, PREDICATE_LEN_BYTES_MAX)?;
    let predicate: &RawValue = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::file(&args.predicate, "is not JSON").found(error))?;
    let statement =
        |file: &Path, sha256: &[u8; 32]| Some(statement(file, sha256, &predicate_type, predicate));
    signing::run(&args.signing, &statement, output)
}

/// A statement about one file, with the predicate as it was written.
fn statement(file: &Path, sha256: &[u8; 32], of_type: &str, predicate: &RawValue) -> Vec<u8> {
    let name = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy();
    let head = json!({
        "_type": TYPE_V1,
        "subject": [{"name": name, "digest": {"sha256": hex::encode(sha256)}}],
        "predicateType": of_type,
    });
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or_default();
    format!("{head},\"predicate\":{}}}", predicate.get()).into_bytes()
}

fn type_uri(text: &str) -> Result<String, Failure> {
    if text.contains("://") {
        return Ok(text.to_owned());
    }
    let mut known = TYPES.iter();
    let uri = known.find_map(|(name, uri)| (*name == text).then(|| (*uri).to_owned()));
    uri.ok_or_else(|| {
        let names = TYPES.map(|(name, _)| name).join(", ");
        let failure = Failure::new(Exit::Usage, text, "is no type of a predicate");
        failure.expected(format!("a URI, or one of {names}"))
    })
}

#[cfg(test)]
mod tests {
    use sigstore::statement::Statement;

    use super::*;

    #[test]
    fn the_predicate_is_in_the_statement_as_it_was_written() {
        let text = "{\"b\" : 1.50,\n \"a\": [\"\\u00e9\"]}";
        let predicate: &RawValue = serde_json::from_str(text).unwrap();
        let of_type = type_uri("spdx").unwrap();
        let bytes = statement(
            Path::new("dist/a \"b\".txt"),
            &[0xab; 32],
            &of_type,
            predicate,
        );
        assert!(str::from_utf8(&bytes).unwrap().contains(text));
        let read = Statement::parse(&bytes).unwrap();
        assert_eq!(read.predicate_type, "https://spdx.dev/Document");
        assert_eq!(read.subjects[0].name, "a \"b\".txt");
        assert!(read.subjects[0].is("sha256", &"ab".repeat(32)));
    }

    #[test]
    fn types_are_short_names_or_uris() {
        assert_eq!(
            type_uri("https://a.example/t").as_deref(),
            Ok("https://a.example/t")
        );
        let failure = type_uri("sbom").unwrap_err();
        assert!(failure.to_string().contains("cyclonedx"), "{failure}");
    }
}
