//! `cairnd dev-token`: a token for any identity, of an instance of the dev profile.

use std::path::PathBuf;

use anyhow::Context as _;
use ca::{Preset, Profile};

use crate::config::Config;
use crate::dev::{self, AUDIENCE, DevIssuers, DevKey, Wanted};
use crate::stdout::say;
use crate::{keys, wall_clock};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Print a token for any identity (dev profile only)

The token is for the instance that `cairnd up` made in this directory, whether or not it is
running, and is good for ten minutes. Each preset has identities of its own form: an email address,
a workflow, a service account; a wrong one is refused with an example.

Examples:
  cairnd dev-token --dir ./try --identity you@example.com
  cairnd dev-token --dir ./try --preset github \\
    --identity acme/app/.github/workflows/release.yml@refs/heads/main";

/// Print a token for any identity (dev profile only)
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory, with cairn.toml in it
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// Whom the token is for
    #[arg(long, value_name = "ID")]
    identity: String,
    /// What kind of issuer it is from
    #[arg(long, value_name = "P", default_value = "email", value_parser = parse_preset)]
    preset: Preset,
    /// Whom the token is meant for
    #[arg(long, value_name = "AUD", default_value = AUDIENCE)]
    audience: String,
}

fn parse_preset(text: &str) -> Result<Preset, String> {
    let known = dev::presets().find(|preset| preset.name() == text);
    known.ok_or_else(|| {
        let names: Vec<&str> = dev::presets().map(Preset::name).collect();
        format!("write one of {}", names.join(", "))
    })
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.dir)?;
    anyhow::ensure!(
        config.instance.profile == Profile::Dev,
        "{} is not of the dev profile, which alone has issuers of its own; make one with \
         `cairnd up`",
        args.dir.display()
    );
    let url = config.url.as_deref().context("cairn.toml has no `url`")?;
    let key = DevKey::from_pkcs8_der(&keys::read(&args.dir.join(dev::KEY_FILE))?)?;
    let wanted = Wanted {
        preset: args.preset,
        identity: &args.identity,
        audience: &args.audience,
        nonce: None,
    };
    let token = DevIssuers::new(url, key)?.mint(wanted, wall_clock::seconds())?;
    say!("{token}");
    Ok(())
}
