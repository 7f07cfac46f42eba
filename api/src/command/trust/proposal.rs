//! What the commands of the trust root share: the repository as it lies in the data directory, and
//! a change of it written down for the holders of the offline keys.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use ca::trust_root::{Change, Draft, Lifetimes, Repository, Update};
use engine::{Clock as _, DirLock, OpenError};
use sigstore::UnixSeconds;
use sigstore::time_range::ProtoTime;

use crate::config::{Config, TrustSettings};
use crate::stdout::say;
use crate::{admin, trust, wall_clock};

/// The repository of a data directory, and when it is looked at.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) config: Config,
    pub(super) settings: TrustSettings,
    pub(super) repository: Repository,
    pub(super) now: UnixSeconds,
}

impl Place {
    pub(super) fn open(dir: &Path) -> anyhow::Result<Place> {
        let config = Config::load(dir)?;
        let settings = config.instance.services.trust.clone();
        let settings = settings.context("cairn.toml has no [trust]; see `cairnd init --help`")?;
        let files = trust::read_files(&settings.dir).with_context(|| {
            format!(
                "{} can't be read; restore it from your backup",
                settings.dir.display()
            )
        })?;
        Ok(Place {
            repository: Repository::load(files, Lifetimes::default())?,
            config,
            settings,
            now: wall_clock::seconds(),
        })
    }

    /// What clients are told now.
    pub(super) fn draft(&self) -> anyhow::Result<Draft> {
        Ok(Draft::read(self.repository.target_files())?)
    }

    pub(super) fn time(&self) -> anyhow::Result<ProtoTime> {
        time(self.now)
    }

    /// The public URL, which everything published names.
    pub(super) fn url(&self) -> anyhow::Result<&str> {
        let url = self.config.url.as_deref();
        url.context("cairn.toml has no `url`, which everything published names")
    }

    /// Writes a change of what clients are told to a new file, and says what will be and what is to
    /// be done.
    pub(super) fn propose(&self, draft: &Draft, to: &Path) -> anyhow::Result<()> {
        let change = Change {
            keys: None,
            files: Some(draft.target_files()?),
        };
        self.write(change, to)?;
        say!("Once it is applied, clients are told:");
        for party in draft.parties() {
            say!("  {party}");
        }
        self.say_next(to, "the offline keys");
        Ok(())
    }

    /// Writes a change to a new file.
    pub(super) fn write(&self, change: Change, to: &Path) -> anyhow::Result<Update> {
        let update = self.repository.propose(change, self.now)?;
        let file = fs::OpenOptions::new().write(true).create_new(true).open(to);
        let mut file = file.with_context(|| {
            format!(
                "{} can't be made; remove what is there if it is an old update, or name another \
                 file with --to",
                to.display()
            )
        })?;
        file.write_all(&update.encode())?;
        file.sync_all()?;
        say!("{}: {update}", to.display());
        Ok(update)
    }

    pub(super) fn say_next(&self, to: &Path, keys: &str) {
        let (file, dir) = (to.display(), self.config.dir.display());
        say!("Next:");
        say!("  where {keys} are: cairnd trust sign {file} --keys FILE");
        say!("  here again: cairnd trust apply {file} --dir {dir}");
    }
}

pub(super) fn time(seconds: UnixSeconds) -> anyhow::Result<ProtoTime> {
    ProtoTime::from_seconds(seconds).context("the clock is set to after the year 9999")
}

/// Has a running server take over what has changed. Whether there is one.
pub(super) fn tell_server(dir: &Path) -> anyhow::Result<bool> {
    match DirLock::acquire(dir, engine::SystemClock::new().now()) {
        Ok(_lock) => Ok(false),
        Err(OpenError::InUse { .. }) => {
            for line in admin::reload(dir)? {
                say!("{}", line.trim_end());
            }
            Ok(true)
        }
        Err(error) => bail!(error),
    }
}
