//! The cold store as a tree of files.
//!
//! Objects lie under their public tlog-tiles paths. A file is a checksummed record: bundles are
//! compressed with zstd inside, tiles are hashes and do not compress.
//!
//! A put leaves a file beside its place, and `sync` makes all of them durable at once before it
//! renames them. Where the system can sync a whole filesystem and report what it lost (Linux, from
//! 5.8 on), that is one call for hundreds of files, and three times as fast as a call for each. A
//! file that a crash left unfinished is written over when the object is put again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use rayon::prelude::*;

use super::{UnsyncedNames, parent_of};
use crate::error::StoreError;
use crate::store::{ColdStore, ObjectId, StoredBytes, record};

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
    unsynced: Mutex<Unsynced>,
    /// Open from the beginning, so that no failed write since then goes unreported.
    root_dir: File,
}

/// What was put and may be lost in a crash.
#[derive(Debug)]
struct Unsynced {
    /// Files beside their place. Whoever puts objects syncs often enough to bound them.
    files: BTreeMap<ObjectId, Unfinished>,
    /// Names whose directories are not synced.
    names: UnsyncedNames,
}

/// A whole file under a name of its own.
#[derive(Debug)]
struct Unfinished {
    path: PathBuf,
    /// Tells apart what was put: equal objects have equal records.
    record_hash: blake3::Hash,
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
            root_dir: File::open(root).map_err(|error| StoreError::io(what(), error))?,
            unsynced: Mutex::new(Unsynced {
                files: BTreeMap::new(),
                names: UnsyncedNames::new(root),
            }),
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

    fn decode(&self, id: ObjectId, file: Vec<u8>) -> Result<StoredBytes, StoreError> {
        let shown = || format!("{id} in the cold store");
        let file = Bytes::from(file);
        let payload = file.slice_ref(record::open(&self.name(id), &file, shown)?);
        let malformed = || StoreError::damaged(shown(), "the codec is unknown");
        match payload.split_first().ok_or_else(malformed)? {
            (&CODEC_PLAIN, bytes) => Ok(StoredBytes::Plain(payload.slice_ref(bytes))),
            (&CODEC_ZSTD, rest) => {
                let (len, frame) = rest.split_first_chunk().ok_or_else(malformed)?;
                let plain_len =
                    usize::try_from(u64::from_be_bytes(*len)).map_err(|_| malformed())?;
                Ok(StoredBytes::Zstd {
                    frame: payload.slice_ref(frame),
                    plain_len,
                })
            }
            _ => Err(malformed()),
        }
    }

    /// Compares with what is there, and gives the record that is to be there.
    ///
    /// It is the decompressed content that is compared: another version of the compressor may have
    /// written other bytes for the same object. An equal file is written again all the same: it may
    /// be one whose sync failed, and that the disk does not have.
    fn prepare(&self, id: ObjectId, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        if let Some(stored) = self.get(id)?
            && stored.plain()? != bytes
        {
            return Err(StoreError::Differs { object: id });
        }
        self.encode(id, bytes)
    }
}

impl Unsynced {
    fn write(&mut self, id: ObjectId, path: PathBuf, record: &[u8]) -> Result<(), StoreError> {
        let record_hash = blake3::hash(record);
        if let Some(written) = self.files.get(&id) {
            return if written.record_hash == record_hash {
                Ok(())
            } else {
                Err(StoreError::Differs { object: id })
            };
        }
        let temporary = beside(&path);
        create(&temporary, record)
            .map_err(|error| StoreError::io(format!("write {}", temporary.display()), error))?;
        let unfinished = Unfinished { path, record_hash };
        self.files.insert(id, unfinished);
        Ok(())
    }

    /// First the content of all files, then their names.
    fn sync(&mut self, root_dir: &File) -> Result<(), StoreError> {
        let files = std::mem::take(&mut self.files);
        let paths = || files.values().map(|file| file.path.as_path());
        sync_content(root_dir, paths().map(beside))?;
        for path in paths() {
            fs::rename(beside(path), path)
                .map_err(|error| StoreError::io(format!("rename to {}", path.display()), error))?;
            self.names.note(path);
        }
        self.names.sync()
    }
}

/// Makes the content of files below a directory durable.
#[cfg(target_os = "linux")]
fn sync_content(root_dir: &File, files: impl Iterator<Item = PathBuf>) -> Result<(), StoreError> {
    if files.count() == 0 {
        return Ok(());
    }
    let synced = rustix::fs::syncfs(root_dir);
    synced.map_err(|error| StoreError::io("sync the filesystem of the cold store", error.into()))
}

/// Makes the content of files below a directory durable.
#[cfg(not(target_os = "linux"))]
fn sync_content(_: &File, mut files: impl Iterator<Item = PathBuf>) -> Result<(), StoreError> {
    files.try_for_each(|path| {
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(|error| StoreError::io(format!("sync {}", path.display()), error))
    })
}

/// The name of the object's file while it is unfinished.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().display();
    parent_of(path).join(format!(".unfinished-{name}"))
}

/// Writes a file, over what a crash may have left there.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::write(path, bytes) {
        // Seldom the first of its directory, so nobody asks before.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(parent_of(path))?;
            fs::write(path, bytes)
        }
        written => written,
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
    fn put(&self, id: ObjectId, bytes: &[u8]) -> Result<(), StoreError> {
        let record = self.prepare(id, bytes)?;
        crate::lock(&self.unsynced).write(id, self.path(id), &record)
    }

    /// Compares and compresses on every thread of the pool it is called in, and writes in order.
    fn put_all(&self, objects: &[(ObjectId, Bytes)]) -> Result<u64, StoreError> {
        let records: Vec<Result<Vec<u8>, StoreError>> = objects
            .par_iter()
            .map(|(id, bytes)| self.prepare(*id, bytes))
            .collect();
        let mut total = 0;
        let mut unsynced = crate::lock(&self.unsynced);
        for ((id, _), record) in objects.iter().zip(records) {
            let record = record?;
            unsynced.write(*id, self.path(*id), &record)?;
            total += len(&record);
        }
        Ok(total)
    }

    fn sync(&self) -> Result<(), StoreError> {
        crate::lock(&self.unsynced).sync(&self.root_dir)
    }

    fn get(&self, id: ObjectId) -> Result<Option<StoredBytes>, StoreError> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(file) => self.decode(id, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(format!("read {}", path.display()), error)),
        }
    }
}

fn len(record: &[u8]) -> u64 {
    u64::try_from(record.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_another_log_are_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path(), [1; 32]).unwrap();
        store.put(ObjectId::Bundle(0), b"content").unwrap();
        store.sync().unwrap();
        let other = FileStore::open(dir.path(), [2; 32]).unwrap();
        assert!(matches!(
            other.get(ObjectId::Bundle(0)),
            Err(StoreError::Damaged { .. })
        ));
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path(), [1; 32]).unwrap();
        store.put(ObjectId::Bundle(5), b"content").unwrap();
        store.sync().unwrap();
        let path = dir.path().join("tile/entries/005");
        let mut file = fs::read(&path).unwrap();
        *file.last_mut().unwrap() ^= 1;
        fs::write(&path, file).unwrap();
        let error = store.get(ObjectId::Bundle(5)).unwrap_err();
        assert!(error.to_string().contains("tile/entries/005"), "{error}");
    }

    /// Every file below a directory.
    fn files_below(dir: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(files_below(&path));
            } else {
                files.push(path);
            }
        }
        files.sort();
        files
    }

    #[test]
    fn a_name_shows_an_object_only_once_it_is_synced() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path(), [1; 32]).unwrap();
        let id = ObjectId::Bundle(5);
        store.put(id, b"content").unwrap();
        assert!(store.get(id).unwrap().is_none());
        assert!(!dir.path().join("tile/entries/005").exists());
        store.sync().unwrap();
        assert_eq!(
            store.get(id).unwrap().unwrap().plain().unwrap(),
            b"content"[..]
        );
    }

    #[test]
    fn what_a_crash_left_unfinished_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join("tile/entries/.unfinished-005");
        fs::create_dir_all(left.parent().unwrap()).unwrap();
        fs::write(&left, vec![7; 10_000]).unwrap();
        let store = FileStore::open(dir.path(), [1; 32]).unwrap();
        store.put(ObjectId::Bundle(5), b"content").unwrap();
        store.sync().unwrap();
        assert_eq!(
            files_below(dir.path()),
            [dir.path().join("tile/entries/005")]
        );
        let stored = store.get(ObjectId::Bundle(5)).unwrap().unwrap();
        assert_eq!(stored.plain().unwrap(), b"content"[..]);
    }

    #[test]
    fn the_bytes_told_are_those_of_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path(), [1; 32]).unwrap();
        let object = |index| (ObjectId::Bundle(index), Bytes::from(vec![b'a'; 5000]));
        let told = store
            .put_all(&[object(0), object(1), object(2_000)])
            .unwrap();
        store.sync().unwrap();
        let files = files_below(dir.path());
        let found: u64 = files
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        assert_eq!((files.len(), found), (3, told));
        assert!(told < 3 * 5000, "bundles are compressed");
    }
}
