//! Whom to trust and where to sign: from files, from a TUF repository that is followed, or built
//! in.
//!
//! A repository is followed from a root that the user brought (`cairn trust init`). What is known
//! of it is kept between runs, and asked for again once a day; a repository that shows something
//! older, or nothing new for longer than it says, is refused. The roots of the public instances are
//! built in as they were when this program was made; whoever wants to follow the public instance
//! gives its address and root to `cairn trust init`, too.

use std::path::{Path, PathBuf};

use sigstore::signing_config::{ClientTrustConfig, SigningConfig};
use sigstore::trusted_root::TrustedRoot;
use sigstore::{TRUST_FILE_LEN_BYTES_MAX, TrustFileError};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::http::Http;

pub(crate) use mirror::{Mirror, SIGNING_CONFIG, TRUSTED_ROOT};
pub(crate) use store::{State, Store};

mod built_in;
mod mirror;
mod store;

/// The options by which a command is told whom to trust. With none of them it is the repository of
/// the last `cairn trust init`, or else the public instance.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(
    next_help_heading = "Whom to trust (default: the mirror of `cairn trust init`, or else \
    Sigstore's public instance)"
)]
pub(crate) struct TrustArgs {
    /// Whom to trust: a file `trusted_root.json`
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// Where to sign: a file `signing_config.v0.2.json`
    #[arg(long, value_name = "FILE")]
    signing_config: Option<PathBuf>,
    /// Both in one file: a client trust config
    #[arg(long, value_name = "FILE", conflicts_with_all = ["trusted_root", "signing_config"])]
    trust_config: Option<PathBuf>,
    /// The TUF repository at this address, which `cairn trust init` has seen before
    #[arg(long, value_name = "URL", conflicts_with_all = ["trust_config", "trusted_root"])]
    mirror: Option<String>,
    /// Sigstore's public instance for tests
    #[arg(long, conflicts_with_all = ["mirror", "trust_config"])]
    staging: bool,
}

impl TrustArgs {
    /// What the options name.
    pub(crate) fn source(&self) -> TrustSource {
        let instance = match &self.mirror {
            Some(url) => Instance::Mirror(url.clone()),
            None if self.staging => Instance::Staging,
            None => Instance::Default,
        };
        TrustSource {
            trusted_root: self.trusted_root.clone(),
            signing_config: self.signing_config.clone(),
            trust_config: self.trust_config.clone(),
            instance,
        }
    }
}

/// Where trust comes from.
#[derive(Clone, Debug)]
pub(crate) struct TrustSource {
    /// Files come before the instance, each for itself.
    trusted_root: Option<PathBuf>,
    signing_config: Option<PathBuf>,
    trust_config: Option<PathBuf>,
    instance: Instance,
}

#[derive(Clone, Debug)]
enum Instance {
    /// A repository that is followed.
    Mirror(String),
    /// The one that was initialised last, or else the public one.
    Default,
    Staging,
}

impl TrustSource {
    /// Whom to trust. A repository is asked for news if it has not been for a day, unless `http` is
    /// offline.
    pub(crate) fn trusted_root(&self, http: &Http) -> Result<TrustedRoot, Failure> {
        if let Some(path) = &self.trusted_root {
            return read(path, TrustedRoot::parse);
        }
        if let Some(path) = &self.trust_config {
            return read(path, ClientTrustConfig::parse).map(|config| config.trusted_root);
        }
        match self.mirror()? {
            Some(mirror) => mirror
                .current(http)?
                .parsed(TRUSTED_ROOT, TrustedRoot::parse),
            None => built_in::trusted_root(self.is_staging()),
        }
    }

    /// Whom to trust and where to sign, of one state of the same repository.
    pub(crate) fn for_signing(&self, http: &Http) -> Result<ClientTrustConfig, Failure> {
        if let Some(path) = &self.trust_config {
            return read(path, ClientTrustConfig::parse);
        }
        let files = (&self.trusted_root, &self.signing_config);
        if let (Some(trusted_root), Some(signing_config)) = files {
            return Ok(ClientTrustConfig {
                trusted_root: read(trusted_root, TrustedRoot::parse)?,
                signing_config: read(signing_config, SigningConfig::parse)?,
            });
        }
        // A file for one of the two replaces what the instance says of it.
        let mut both = match self.mirror()? {
            Some(mirror) => {
                let state = mirror.current(http)?;
                ClientTrustConfig {
                    trusted_root: state.parsed(TRUSTED_ROOT, TrustedRoot::parse)?,
                    signing_config: state.parsed(SIGNING_CONFIG, SigningConfig::parse)?,
                }
            }
            None => ClientTrustConfig {
                trusted_root: built_in::trusted_root(self.is_staging())?,
                signing_config: built_in::signing_config(self.is_staging())?,
            },
        };
        if let Some(path) = &self.signing_config {
            both.signing_config = read(path, SigningConfig::parse)?;
        }
        match &self.trusted_root {
            None => Ok(both),
            Some(path) => Err(Failure::new(
                Exit::Usage,
                path.display(),
                "says whom to trust, but nothing says where to sign",
            )
            .fix("give --signing-config with it, or one --trust-config")),
        }
    }

    fn is_staging(&self) -> bool {
        matches!(self.instance, Instance::Staging)
    }

    /// The repository that is followed; `None` if the public instance's built-in root is meant.
    fn mirror(&self) -> Result<Option<Mirror>, Failure> {
        match &self.instance {
            Instance::Staging => Ok(None),
            Instance::Mirror(url) => Store::open()?.mirror(url).map(Some),
            Instance::Default => match Store::find() {
                None => Ok(None),
                Some(store) => store.default_mirror(),
            },
        }
    }
}

/// Reads a trust file.
fn read<T>(path: &Path, parse: fn(&[u8]) -> Result<T, TrustFileError>) -> Result<T, Failure> {
    let bytes = files::read(path, TRUST_FILE_LEN_BYTES_MAX)?;
    parse(&bytes).map_err(|error| Failure::file(path, "is not such a trust file").found(error))
}

#[cfg(test)]
mod tests;
