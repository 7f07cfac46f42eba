//! `cairn convert`: a bundle in another version of its format.

use std::path::{Path, PathBuf};

use serde_json::json;
use sigstore::bundle::{BUNDLE_LEN_BYTES_MAX, ConversionError};
use sigstore::{BundleFormat, SigstoreBundle};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::output::{self, Output};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Convert a bundle to another version of the format

For programs that read one version only. Whatever is in the bundle is kept, and nothing is made up:
where the other version has no place for something, or demands what is not there, the bundle is
refused and that is named. The older bundle of cosign can be converted, too. Nothing is verified;
what verified before does so afterwards.

Examples:
  cairn convert --to v0.3 app.tar.gz.sigstore.json -o new.json
  cairn convert --to v0.1 cosign.bundle > app.tar.gz.sigstore.json";

/// Convert a bundle to another version of the format
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The bundle, of any version
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The version that is wanted
    #[arg(long, value_name = "VERSION", value_enum)]
    to: Version,
    /// Where to write it; without this, on standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Version {
    #[value(name = "v0.1")]
    V01,
    #[value(name = "v0.2")]
    V02,
    #[value(name = "v0.3")]
    V03,
}

impl From<Version> for BundleFormat {
    fn from(version: Version) -> BundleFormat {
        match version {
            Version::V01 => BundleFormat::V01,
            Version::V02 => BundleFormat::V02,
            Version::V03 => BundleFormat::V03,
        }
    }
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let bytes = files::read(&args.file, BUNDLE_LEN_BYTES_MAX)?;
    let format = BundleFormat::from(args.to);
    let converted = convert(&args.file, bytes, format)?;
    let Some(path) = &args.output else {
        output::bytes(&converted);
        return Ok(());
    };
    files::write(path, &converted, Readers::Anybody)?;
    let (from, to) = (args.file.display(), path.display());
    output.result(format_args!("{from}: converted to {to}"), || {
        json!({
            "file": from.to_string(),
            "output": to.to_string(),
            "mediaType": format.media_type(),
        })
    });
    Ok(())
}

/// The bytes of the converted bundle. One that is of the version already stays as it is, with what
/// our reader passes over.
fn convert(path: &Path, bytes: Vec<u8>, format: BundleFormat) -> Result<Vec<u8>, Failure> {
    let converted = if is_of_cosign(&bytes) {
        SigstoreBundle::convert_cosign(&bytes, format)
    } else {
        match SigstoreBundle::parse(&bytes) {
            Ok(bundle) if bundle.format == format => return Ok(bytes),
            Ok(bundle) => bundle.convert(format),
            Err(error) => Err(ConversionError::Bundle(error)),
        }
    };
    let converted = converted.map_err(|error| match error {
        ConversionError::Bundle(error) => Failure::file(path, "is no bundle").found(error),
        error => Failure::new(Exit::File, path.display(), "can't be converted").found(error),
    })?;
    let mut text = converted.encode();
    text.push(b'\n');
    Ok(text)
}

fn is_of_cosign(bytes: &[u8]) -> bool {
    let name = b"\"base64Signature\"";
    bytes.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const OLD: &[u8] = br#"{"base64Signature":"MAA="}"#;

    fn convert_to(bytes: &[u8], format: BundleFormat) -> Result<Vec<u8>, Failure> {
        convert(Path::new("a.json"), bytes.to_vec(), format)
    }

    #[test]
    fn an_older_bundle_becomes_a_newer_one_that_can_be_read() {
        let new = convert_to(OLD, BundleFormat::V03).unwrap();
        let bundle = SigstoreBundle::parse(&new).unwrap();
        assert_eq!(bundle.format, BundleFormat::V03);
        assert_eq!(bundle.content.signature(), [0x30, 0]);
        let older = convert_to(&new, BundleFormat::V01).unwrap();
        assert_eq!(
            SigstoreBundle::parse(&older).unwrap().format,
            BundleFormat::V01
        );
    }

    #[test]
    fn a_bundle_of_that_version_stays_byte_for_byte() {
        let mut new = convert_to(OLD, BundleFormat::V03).unwrap();
        new.extend_from_slice(b"\n\n");
        assert_eq!(convert_to(&new, BundleFormat::V03).unwrap(), new);
    }

    #[test]
    fn what_is_refused_is_named() {
        let cert = STANDARD.encode("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n");
        let keyed = json!({"base64Signature": "MAA=", "cert": cert}).to_string();
        let refused = convert_to(keyed.as_bytes(), BundleFormat::V01).unwrap_err();
        assert_eq!(refused.exit(), Exit::File);
        assert!(
            refused.to_string().contains("public key in cert"),
            "{refused}"
        );
        let refused = convert_to(b"{}", BundleFormat::V01).unwrap_err();
        assert!(
            refused.to_string().contains("a.json: is no bundle"),
            "{refused}"
        );
    }
}
