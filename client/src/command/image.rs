//! `cairn image`: what registries keep about container images.

use clap::Subcommand;
use sigstore::image::ImageReference;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

mod attach;
mod verify;

#[derive(Debug, Subcommand)]
pub(super) enum ImageCommand {
    Verify(Box<verify::Args>),
    Attach(attach::Args),
}

pub(super) fn run(command: &ImageCommand, output: Output) -> Result<(), Failure> {
    match command {
        ImageCommand::Verify(args) => verify::run(args, output),
        ImageCommand::Attach(args) => attach::run(args, output),
    }
}

/// Which image, and how its registry is reached.
#[derive(Debug, clap::Args)]
struct ImageArgs {
    /// The image: REGISTRY/REPOSITORY@sha256:HEX, or with :TAG, which is looked up once
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Talk to the registry without TLS, and without saying who asks
    #[arg(long)]
    plain_http: bool,
}

impl ImageArgs {
    fn reference(&self) -> Result<ImageReference, Failure> {
        ImageReference::parse(&self.image).map_err(|error| {
            Failure::new(Exit::Usage, &self.image, "is not the name of an image").found(error)
        })
    }
}
