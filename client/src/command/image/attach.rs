//! `cairn image attach`: a bundle that was made elsewhere is put beside its image.

use std::path::PathBuf;

use sigstore::bundle::{BUNDLE_LEN_BYTES_MAX, BundleContent, SigstoreBundle};
use sigstore::image::ImageDigest;
use sigstore::statement::Statement;

use super::ImageArgs;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::http::Http;
use crate::oci::{self, Access, Registry};
use crate::output::Output;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Put a bundle beside the image that it is about

The bundle must be an attestation of the image: whoever looks for evidence about the image in its
registry then finds it. Nothing is verified but that the two belong together.

Example:
  cairn image attach --bundle provenance.sigstore.json registry.example/app@sha256:HEX";

/// Put a bundle beside the image that it is about
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// The bundle
    #[arg(long, value_name = "FILE", required = true)]
    bundle: PathBuf,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let reference = args.image.reference()?;
    let path = &args.bundle;
    let json = files::read(path, BUNDLE_LEN_BYTES_MAX)?;
    let bundle = SigstoreBundle::parse(&json)
        .map_err(|error| Failure::file(path, "is no bundle").found(error))?;
    let http = Http::online();
    let registry = Registry::of(&reference, Access::Push, args.image.plain_http, &http)?;
    let image = registry.resolve()?;
    if let Err(why) = check_subject(&bundle, image) {
        let what = "is not about that image";
        return Err(Failure::new(Exit::Refused, path.display(), what)
            .expected(image)
            .found(why));
    }
    let name = registry.name(image);
    let digest = oci::attach(&registry, image, &bundle, clock::now())?;
    let json = || serde_json::json!({ "image": name, "manifest": digest.to_string() });
    output.result(format_args!("{name}: attached as {digest}"), json);
    Ok(())
}

/// Checks that it is a statement about the image.
fn check_subject(bundle: &SigstoreBundle, image: ImageDigest) -> Result<(), String> {
    let BundleContent::Envelope(envelope) = &bundle.content else {
        return Err("a signature over a file".to_owned());
    };
    let statement = Statement::parse(&envelope.payload).map_err(|error| error.to_string())?;
    let digest = hex::encode(image.sha256());
    let mut subjects = statement.subjects.iter();
    if subjects.any(|subject| subject.is("sha256", &digest)) {
        return Ok(());
    }
    Err("a statement about something else".to_owned())
}
