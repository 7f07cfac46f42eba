//! The cold store as a tree of files, and the durable file write it rests on.
//!
//! Objects lie under their public tlog-tiles paths. A file is a checksummed record: bundles are
//! compressed with zstd inside, tiles are hashes and do not compress. Files are written beside
//! their place, synced, and renamed into it, so that no name ever shows half an object; `sync`
//! makes the names themselves durable.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::{CheckpointStore, ColdStore, ObjectId, StoredBytes, record};
use crate::UnixMillis;
use crate::error::StoreError;

/// Measured on entry bundles: higher levels gain 2-10 % at a hundredth of the speed.
const ZSTD_LEVEL: i32 = 3;

const CODEC_PLAIN: u8 = 0;
const CODEC_ZSTD: u8 = 1;

/// Full objects as files under one directory.
#[derive(Debug)]
pub struct FileStore {
    root: PathBuf,
    /// Directories with names that are not synced yet.
    unsynced: Mutex<BTreeSet<PathBuf>>,
}

impl FileStore {
    /// The store under `root`, which must exist.
    ///
    /// # Errors
    /// If `root` is not a directory.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let what = || format!("open the cold store at {}", root.display());
        let found = fs::metadata(root).map_err(|error| StoreError::io(what(), error))?;
        if !found.is_dir() {
            return Err(StoreError::io(what(), io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self {
            root: root.to_owned(),
            unsynced: Mutex::default(),
        })
    }

    fn path(&self, id: ObjectId) -> PathBuf {
        self.root.join(id.to_string())
    }

    fn encode(id: ObjectId, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let payload = match id {
            ObjectId::Tile(_) => prefixed(CODEC_PLAIN, &[], bytes),
            ObjectId::Bundle(_) => {
                let frame = zstd::bulk::compress(bytes, ZSTD_LEVEL)
                    .map_err(|error| StoreError::io(format!("compress {id}"), error))?;
                let plain_len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                prefixed(CODEC_ZSTD, &plain_len.to_be_bytes(), &frame)
            }
        };
        Ok(record::seal(id.to_string().as_bytes(), &payload))
    }

    fn decode(id: ObjectId, file: &[u8]) -> Result<StoredBytes, StoreError> {
        let name = id.to_string();
        let shown = || format!("{name} in the cold store");
        let payload = record::open(name.as_bytes(), file, shown)?;
        let malformed = || StoreError::damaged(shown(), "the codec is unknown");
        match payload.split_first().ok_or_else(malformed)? {
            (&CODEC_PLAIN, bytes) => Ok(StoredBytes::Plain(Bytes::copy_from_slice(bytes))),
            (&CODEC_ZSTD, rest) => {
                let (len, frame) = rest.split_first_chunk().ok_or_else(malformed)?;
                let plain_len =
                    usize::try_from(u64::from_be_bytes(*len)).map_err(|_| malformed())?;
                Ok(StoredBytes::Zstd {
                    frame: Bytes::copy_from_slice(frame),
                    plain_len,
                })
            }
            _ => Err(malformed()),
        }
    }
}

fn prefixed(codec: u8, fields: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(1 + fields.len() + bytes.len());
    payload.push(codec);
    payload.extend_from_slice(fields);
    payload.extend_from_slice(bytes);
    payload
}

impl ColdStore for FileStore {
    /// Compares decompressed content with what is there: another version of the compressor may
    /// have written other bytes for the same object.
    fn put(&self, id: ObjectId, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(id);
        let dir = path.parent().unwrap_or(&self.root).to_owned();
        if let Some(stored) = self.get(id)? {
            if stored.plain()? != bytes {
                return Err(StoreError::Differs { object: id });
            }
        } else {
            create_dir_durably(&dir)?;
            write_beside_and_rename(&path, &Self::encode(id, bytes)?)?;
        }
        // Also for a file that was there already: its name may date from just before a crash.
        crate::lock(&self.unsynced).insert(dir);
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let dirs = std::mem::take(&mut *crate::lock(&self.unsynced));
        dirs.iter().try_for_each(|dir| sync_dir(dir))
    }

    fn get(&self, id: ObjectId) -> Result<Option<StoredBytes>, StoreError> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(file) => Self::decode(id, &file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(format!("read {}", path.display()), error)),
        }
    }
}

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

/// Replaces the file at `path`: after `Ok` the new content survives any crash, and at no moment
/// does `path` show anything but the whole old or the whole new content.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_beside_and_rename(path, bytes)?;
    sync_dir(parent_of(path))
}

/// Numbers temporary files, so that two writers of one process never share one.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

fn write_beside_and_rename(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
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
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| StoreError::io(format!("sync directory {}", dir.display()), error))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes `dir` and every missing directory above it, each durable in its parent.
pub(crate) fn create_dir_durably(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = parent_of(dir);
    create_dir_durably(parent)?;
    match fs::create_dir(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(StoreError::io(
                format!("create directory {}", dir.display()),
                error,
            ));
        }
    }
    sync_dir(dir)?;
    sync_dir(parent)
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
    fn a_failed_write_names_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_durably(&dir.path().join("none/file"), b"").unwrap_err();
        assert!(error.to_string().contains("none/file"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path()).unwrap();
        store.put(ObjectId::Bundle(5), b"content").unwrap();
        let path = dir.path().join("tile/entries/005");
        let mut file = fs::read(&path).unwrap();
        *file.last_mut().unwrap() ^= 1;
        fs::write(&path, file).unwrap();
        let error = store.get(ObjectId::Bundle(5)).unwrap_err();
        assert!(error.to_string().contains("tile/entries/005"), "{error}");
    }
}
