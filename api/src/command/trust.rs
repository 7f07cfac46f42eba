//! `cairnd trust export`: what clients are to trust, as files, for those that don't use TUF. The
//! other commands of the trust root have files of their own.

pub(super) mod add;
pub(super) mod apply;
mod authority;
mod proposal;
pub(super) mod renew;
pub(super) mod rotate;
pub(super) mod show;
pub(super) mod sign;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use ca::trust_root::{Lifetimes, Repository, SIGNING_CONFIG, TRUSTED_ROOT};
use sigstore::signing_config::{ClientTrustConfig, SigningConfig};
use sigstore::trusted_root::TrustedRoot;

use crate::config::Config;
use crate::stdout::say;
use crate::trust;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Write what clients are to trust into files

Writes trusted_root.json (whom to trust), signing_config.v0.2.json (where to sign),
trust_config.json (both in one) and root.json (with which a client begins to use the TUF
repository). All of them are public.

Example:
  cairnd trust export --dir ./try --to ./trust
  sigstore --trust-config trust/trust_config.json sign artifact";

/// Write what clients are to trust into files
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The data directory
    #[arg(long, value_name = "D", default_value = ".")]
    dir: PathBuf,
    /// The directory to write to; made if it isn't there
    #[arg(long, value_name = "T")]
    to: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.dir)?;
    let settings = config.instance.services.trust.as_ref();
    let dir = &settings
        .context("cairn.toml has no [trust]; see `cairnd init --help`")?
        .dir;
    let files = trust::read_files(dir).with_context(|| {
        format!(
            "{} can't be read; restore it from your backup",
            dir.display()
        )
    })?;
    let repository = Repository::load(files, Lifetimes::default())?;
    let targets = repository.target_files();
    let target = |name| {
        let bytes = targets.get(name);
        bytes.with_context(|| format!("{} has no {name}", dir.display()))
    };
    let (root, config) = (target(TRUSTED_ROOT)?, target(SIGNING_CONFIG)?);
    let both = ClientTrustConfig {
        trusted_root: TrustedRoot::parse(root)?,
        signing_config: SigningConfig::parse(config)?,
    };
    let files = BTreeMap::from([
        (TRUSTED_ROOT, root.clone()),
        (SIGNING_CONFIG, config.clone()),
        ("trust_config.json", both.encode()),
        ("root.json", repository.first_root().to_vec()),
    ]);
    fs::create_dir_all(&args.to).with_context(|| format!("{} can't be made", args.to.display()))?;
    for (name, bytes) in files {
        let path = args.to.join(name);
        fs::write(&path, bytes).with_context(|| format!("{} can't be written", path.display()))?;
        say!("{}", path.display());
    }
    Ok(())
}
