//! The cold store as a tree of files, and the durable file write it rests on.
//!
//! Objects lie under their public tlog-tiles paths. A file is a checksummed record: bundles are
//! compressed with zstd inside, tiles are hashes and do not compress. Files are written beside
//! their place, synced, and renamed into it, so that no name ever shows half an object; `sync`
//! makes the names themselves durable.

use std::collections::BTreeSet;
use std::fs::{self, File};
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
    /// Part of every checksum: the files of another log are damaged files of this one.
    log_id: [u8; 32],
    /// Names that are not synced yet.
    unsynced: Mutex<UnsyncedNames>,
}

impl FileStore {
    /// The store under `root`, which must exist, of the log with this id.
    ///
    /// # Errors
    /// If `root` is not a directory.
    pub fn open(root: &Path, log_id: [u8; 32]) -> Result<Self, StoreError> {
        let what = || format!("open the cold store at {}", root.display());
        let found = fs::metadata(root).map_err(|error| StoreError::io(what(), error))?;
        if !found.is_dir() {
            return Err(StoreError::io(what(), io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self {
            root: root.to_owned(),
            log_id,
            unsynced: Mutex::new(UnsyncedNames::new(root)),
        })
    }

    fn path(&self, id: ObjectId) -> PathBuf {
        self.root.join(id.to_string())
    }

    /// What a record is sealed under.
    fn name(&self, id: ObjectId) -> Vec<u8> {
        [&self.log_id[..], id.to_string().as_bytes()].concat()
    }

    fn encode(&self, id: ObjectId, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let payload = match id {
            ObjectId::Tile(_) => prefixed(CODEC_PLAIN, &[], bytes),
            ObjectId::Bundle(_) => {
                let frame = zstd::bulk::compress(bytes, ZSTD_LEVEL)
                    .map_err(|error| StoreError::io(format!("compress {id}"), error))?;
                let plain_len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                prefixed(CODEC_ZSTD, &plain_len.to_be_bytes(), &frame)
            }
        };
        Ok(record::seal(&self.name(id), &payload))
    }

    fn decode(&self, id: ObjectId, file: &[u8]) -> Result<StoredBytes, StoreError> {
        let shown = || format!("{id} in the cold store");
        let payload = record::open(&self.name(id), file, shown)?;
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
    /// have written other bytes for the same object. An equal file is written again all the same:
    /// it may be one whose sync failed, and that the disk does not have.
    fn put(&self, id: ObjectId, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some(stored) = self.get(id)?
            && stored.plain()? != bytes
        {
            return Err(StoreError::Differs { object: id });
        }
        let path = self.path(id);
        create_parent(&path)?;
        write_beside_and_rename(&path, &self.encode(id, bytes)?)?;
        crate::lock(&self.unsynced).note(&path);
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        crate::lock(&self.unsynced).sync()
    }

    fn get(&self, id: ObjectId) -> Result<Option<StoredBytes>, StoreError> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(file) => self.decode(id, &file).map(Some),
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
    fn the_files_of_another_log_are_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path(), [1; 32]).unwrap();
        store.put(ObjectId::Bundle(0), b"content").unwrap();
        let other = FileStore::open(dir.path(), [2; 32]).unwrap();
        assert!(matches!(
            other.get(ObjectId::Bundle(0)),
            Err(StoreError::Damaged { .. })
        ));
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
        let store = FileStore::open(dir.path(), [1; 32]).unwrap();
        store.put(ObjectId::Bundle(5), b"content").unwrap();
        let path = dir.path().join("tile/entries/005");
        let mut file = fs::read(&path).unwrap();
        *file.last_mut().unwrap() ^= 1;
        fs::write(&path, file).unwrap();
        let error = store.get(ObjectId::Bundle(5)).unwrap_err();
        assert!(error.to_string().contains("tile/entries/005"), "{error}");
    }
}
