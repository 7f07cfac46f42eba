//! A log in a directory of its own, on RocksDB and files.
//!
//! ```text
//! lock         who has the log open
//! checkpoint   the last published checkpoint, as it was served
//! hot/         RocksDB
//! cold/        full bundles and tiles under their public paths
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tiles::VerifierKey;

use super::{Log, LogConfig, Stores};
use crate::error::{OpenError, Rejection, StoreError};
use crate::format::Format;
use crate::lock::DirLock;
use crate::publish::Publication;
use crate::reader::Reader;
use crate::recover;
use crate::signal::Signal;
use crate::store::{
    CheckpointFile, FileStore, HotStore, LogIdentity, RocksStore, parent_of, sync_dir,
};

pub(crate) fn hot_dir(log_dir: &Path) -> PathBuf {
    log_dir.join("hot")
}

pub(crate) fn cold_dir(log_dir: &Path) -> PathBuf {
    log_dir.join("cold")
}

pub(crate) fn checkpoint_path(log_dir: &Path) -> PathBuf {
    log_dir.join("checkpoint")
}

/// The stores of an existing directory, around an opened hot store.
pub(crate) fn stores(log_dir: &Path, hot: RocksStore) -> Result<Stores, OpenError> {
    let log_id = hot.log_identity()?.log_id;
    Ok(Stores {
        hot: Arc::new(hot),
        cold: Arc::new(FileStore::open(&cold_dir(log_dir), log_id)?),
        checkpoint: Arc::new(CheckpointFile::new(checkpoint_path(log_dir))),
    })
}

/// The stores of an existing directory, and the lock that keeps every other process out.
pub(crate) fn open_stores(
    log_dir: &Path,
    config: &LogConfig,
) -> Result<(Stores, DirLock), OpenError> {
    if !hot_dir(log_dir).is_dir() {
        return Err(OpenError::Missing(log_dir.to_owned()));
    }
    let lock = DirLock::acquire(log_dir, config.clock.now())?;
    let stores = stores(log_dir, RocksStore::open(&hot_dir(log_dir))?)?;
    Ok((stores, lock))
}

impl Log {
    /// Makes an empty log in `dir`, which must not exist. Either the whole log is there
    /// afterwards, or nothing is.
    ///
    /// # Errors
    /// [`OpenError::Exists`], or what kept the log from being made.
    pub fn create(dir: &Path, config: &LogConfig) -> Result<(), OpenError> {
        if dir.exists() {
            return Err(OpenError::Exists(dir.to_owned()));
        }
        let mut unfinished = dir.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let io = |what: &str, path: &Path, error| {
            OpenError::from(StoreError::io(format!("{what} {}", path.display()), error))
        };
        if unfinished.exists() {
            // Left by a creation that was cut short: nothing was ever signed over it.
            fs::remove_dir_all(&unfinished).map_err(|error| io("remove", &unfinished, error))?;
        }
        let cold = cold_dir(&unfinished);
        fs::create_dir_all(&cold).map_err(|error| io("create directory", &cold, error))?;
        let hot = RocksStore::create(&hot_dir(&unfinished), &config.identity()?)?;
        Self::create_with(&stores(&unfinished, hot)?, config)?;
        // Keeping the checkpoint has synced the names beside it.
        fs::rename(&unfinished, dir).map_err(|error| io("rename to", dir, error))?;
        Ok(sync_dir(parent_of(dir))?)
    }

    /// Opens the log in `dir`; never makes one.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(dir: &Path, config: &LogConfig) -> Result<Self, OpenError> {
        let (stores, lock) = open_stores(dir, config)?;
        Self::open_locked(&stores, config, Some(lock), &checkpoint_path(dir))
    }
}

impl Reader {
    /// Reads the log in `dir` beside the process that has it open, as of now. `scratch` is an
    /// empty directory for RocksDB's own notes. Gives the identity that the store was created for.
    ///
    /// # Errors
    /// If there is no log, or it is not one of this format and key.
    pub fn open_beside(
        dir: &Path,
        scratch: &Path,
        format: Arc<dyn Format>,
        key: &VerifierKey,
    ) -> Result<(Self, LogIdentity), OpenError> {
        if !hot_dir(dir).is_dir() {
            return Err(OpenError::Missing(dir.to_owned()));
        }
        // The checkpoint first: whatever it covers was committed before it was kept.
        let path = checkpoint_path(dir);
        let published = recover::published(&CheckpointFile::new(path.clone()), key, &path)?;
        let stores = stores(dir, RocksStore::open_beside(&hot_dir(dir), scratch)?)?;
        let identity = stores.hot.log_identity()?;
        let configured = LogIdentity {
            log_id: key.log_id(),
            format: format.name().to_owned(),
            ..identity.clone()
        };
        recover::check_identity(stores.hot.as_ref(), &configured)?;
        let publication = Publication {
            head: Arc::new(published),
            // Nothing further will be published to this reader.
            ended: Some(Rejection::ReadOnly("read beside its owner".to_owned()).into()),
        };
        let reader = Self {
            hot: stores.hot,
            cold: stores.cold,
            format,
            publication: Arc::new(Signal::new(publication)),
            tile_cache: Arc::default(),
            dedup: None,
            fail_stop: None,
        };
        Ok((reader, identity))
    }
}
