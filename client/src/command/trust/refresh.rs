//! `cairn trust refresh`: asks for news of a trust root.

use super::{roles_json, roles_text};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::output::Output;
use crate::trust::{Mirror, Store};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Ask a trust root's mirror for news now

Other commands do this once a day by themselves, unless they are told to stay --offline. Something
older than was seen before is refused, with exit code 1, and so is what has expired.

Example:
  cairn trust refresh";

/// Ask a trust root's mirror for news now
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    /// Which mirror, if not the one that was initialised last
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let mirror = chosen(args.mirror.as_deref())?;
    let state = mirror.refresh(&Http::online())?;
    let text = format!("{} is as follows\n{}", mirror.url(), roles_text(&state));
    output.result(text, || roles_json(&state));
    Ok(())
}

/// The mirror that is named, or the one that other commands use.
fn chosen(url: Option<&str>) -> Result<Mirror, Failure> {
    let store = Store::open()?;
    match url {
        Some(url) => store.mirror(url),
        None => store.default_mirror()?.ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "cairn trust refresh",
                "there is no mirror to ask",
            )
            .fix("cairn trust init --mirror URL --root FILE")
        }),
    }
}
