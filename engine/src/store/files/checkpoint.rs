//! The last published checkpoint in a file of its own.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use super::{parent_of, write_durably};
use crate::UnixMillis;
use crate::error::StoreError;
use crate::store::CheckpointStore;

/// The last published checkpoint in a file of its own: the signed note as it was served, so that
/// an operator can read it and any tool can check it.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
}

impl CheckpointFile {
    /// The file at `path`, which need not exist yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl CheckpointStore for CheckpointFile {
    fn keep(&self, checkpoint: &[u8]) -> Result<(), StoreError> {
        write_durably(&self.path, checkpoint)
    }

    fn load(&self) -> Result<Option<(Bytes, UnixMillis)>, StoreError> {
        let read = || -> io::Result<(Vec<u8>, UnixMillis)> {
            // Whoever is shown this file must find it again: its name may be as young as a crash.
            File::open(parent_of(&self.path))?.sync_all()?;
            let kept_at = fs::metadata(&self.path)?.modified()?;
            Ok((fs::read(&self.path)?, UnixMillis::from_system(kept_at)))
        };
        match read() {
            Ok((checkpoint, kept_at)) => Ok(Some((Bytes::from(checkpoint), kept_at))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(
                format!("read {}", self.path.display()),
                error,
            )),
        }
    }
}
