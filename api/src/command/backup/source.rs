//! Where the hot stores are read: in snapshots that a running server made, or as they lie in a data
//! directory that nobody has open.

use std::path::PathBuf;

use anyhow::Context as _;
use engine::{Clock as _, DirLock, OpenError};

use crate::admin::{self, Lease};
use crate::config::{Config, LogSettings};

/// Keeps what it names as it is, for as long as it lives.
#[derive(Debug)]
pub(super) enum Source {
    /// The server's snapshots.
    Served(Lease),
    /// The stores themselves, locked: the data directory, then each log.
    Closed { _locks: Vec<DirLock> },
}

impl Source {
    /// Asks the server if there is one.
    pub(super) fn open(config: &Config) -> anyhow::Result<Source> {
        let now = engine::SystemClock::new().now();
        match DirLock::acquire(&config.dir, now) {
            Ok(lock) => {
                let mut locks = vec![lock];
                for log in &config.logs {
                    let dir = log.store_dir(&config.dir);
                    if !dir.join("hot").is_dir() {
                        return Err(OpenError::Missing(dir).into());
                    }
                    locks.push(DirLock::acquire(&dir, now)?);
                }
                Ok(Source::Closed { _locks: locks })
            }
            Err(OpenError::InUse { .. }) => Ok(Source::Served(admin::lease(&config.dir)?)),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory with the checkpoint and the hot store of a log.
    pub(super) fn snapshot(&self, config: &Config, log: &LogSettings) -> anyhow::Result<PathBuf> {
        match self {
            Source::Closed { .. } => Ok(log.store_dir(&config.dir)),
            Source::Served(lease) => lease.snapshot(config, log).context(
                "the running server does not serve it; restart the server, or stop it and run \
                 this again",
            ),
        }
    }
}
