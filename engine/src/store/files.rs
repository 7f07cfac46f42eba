//! Stores in plain files, and the durable write they rest on: the cold store, and the last
//! published checkpoint.
//!
//! A file is written beside its place, synced, and renamed into it, so that no name ever shows half
//! of anything; syncing the directory then makes the name itself durable.

mod checkpoint;
mod cold;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::StoreError;

pub use checkpoint::CheckpointFile;
pub use cold::FileStore;

/// Replaces the file at `path`: after `Ok` the new content survives any crash, and at no moment
/// does `path` show anything but the whole old or the whole new content.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_beside_and_rename(path, bytes)?;
    sync_dir(parent_of(path))
}

/// Numbers temporary files, so that two writers of one process never share one.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// As [`write_durably`], but the name may be lost in a crash until its directory is synced.
pub(crate) fn write_beside_and_rename(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
    let temporary = parent_of(path).join(format!(".unfinished-{}-{number}", std::process::id()));
    let result = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    result.map_err(|error| {
        // The write has failed whether or not its remains can be removed.
        let _ = fs::remove_file(&temporary);
        StoreError::io(format!("write {}", path.display()), error)
    })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Not exclusively: a process with the same number may have died over this name.
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| StoreError::io(format!("sync directory {}", dir.display()), error))
}

pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the directory that `path` lies in.
pub(crate) fn create_parent(path: &Path) -> Result<(), StoreError> {
    let dir = parent_of(path);
    fs::create_dir_all(dir)
        .map_err(|error| StoreError::io(format!("create directory {}", dir.display()), error))
}

/// Names below one directory that are written but not yet durable. A file's name is durable once
/// its directory is synced, and that directory's name once the one above it is.
#[derive(Debug)]
pub(crate) struct UnsyncedNames {
    root: PathBuf,
    dirs: BTreeSet<PathBuf>,
}

impl UnsyncedNames {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            dirs: BTreeSet::new(),
        }
    }

    /// Remembers that `path`, below the root, is to be found after a crash.
    pub(crate) fn note(&mut self, path: &Path) {
        let above = path.ancestors().skip(1);
        for dir in above.take_while(|dir| dir.starts_with(&self.root)) {
            if !self.dirs.insert(dir.to_owned()) {
                break;
            }
        }
    }

    /// Makes every remembered name durable.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        let dirs = std::mem::take(&mut self.dirs);
        dirs.iter().try_for_each(|dir| sync_dir(dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_durable_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_durably(&path, b"long content").unwrap();
        write_durably(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_remains_of_a_dead_process_are_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..1000 {
            let name = format!(".unfinished-{}-{number}", std::process::id());
            fs::write(dir.path().join(name), b"half a file").unwrap();
        }
        write_durably(&dir.path().join("file"), b"whole").unwrap();
        assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"whole");
    }

    #[test]
    fn a_failed_write_names_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_durably(&dir.path().join("none/file"), b"").unwrap_err();
        assert!(error.to_string().contains("none/file"), "{error}");
    }
}
