//! One process for each directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::clock::UnixMillis;
use crate::error::{OpenError, StoreError};

/// An exclusive lock on a directory, held until dropped, and by the system's doing also released
/// when the process ends in any way.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Locks `dir` by the file `lock` in it, and writes into that file who holds it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] naming the holder, or the system's error.
    pub fn acquire(dir: &Path, now: UnixMillis) -> Result<Self, OpenError> {
        let path = dir.join("lock");
        let what = || format!("lock {}", path.display());
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = opened.map_err(|error| StoreError::io(what(), error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    path: dir.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io(what(), error).into()),
        }
        write_holder(&mut file, now).map_err(|error| StoreError::io(what(), error))?;
        Ok(Self { _file: file })
    }
}

fn write_holder(file: &mut File, now: UnixMillis) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(
        file,
        "process {} since {} (seconds since 1970)",
        std::process::id(),
        now.get() / 1000
    )
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // The holder may be between truncating and writing, and the file is only for humans.
    match file.take(200).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_holder_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::acquire(dir.path(), UnixMillis::new(5000)).unwrap();
        let refused = DirLock::acquire(dir.path(), UnixMillis::new(6000)).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        drop(first);
        DirLock::acquire(dir.path(), UnixMillis::new(7000)).unwrap();
    }
}
