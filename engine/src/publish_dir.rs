//! A plain, spec-encoded copy of the published log in a directory, for any static file server.
//!
//! Everything a checkpoint refers to is written and synced before the checkpoint is renamed into
//! place, and a partial tile or bundle is removed only after a checkpoint that covers the full one
//! stands there. So at every moment the directory, by itself, is a complete and verifiable log.
//! Files never change once written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tiles::{BundleRef, Checkpoint, Layout, Note, TileRef, TreeSize};

use crate::clock::Clock;
use crate::driver::Step;
use crate::error::{ReadError, StoreError};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::publish::PublishedHead;
use crate::reader::Reader;
use crate::store::{
    ObjectId, UnsyncedNames, create_parent, write_beside_and_rename, write_durably,
};

/// Why a directory was not brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishDirError {
    /// The directory holds something else.
    #[error("{} holds another log, or a newer state of this one ({why}); name an empty directory",
        dir.display())]
    OtherLog {
        /// The directory.
        dir: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A file is there already with other content.
    #[error("{} exists with other content; name an empty directory", .0.display())]
    Differs(PathBuf),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The directory could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings `dir` up to the published head of `reader`, making it if need be, and gives back that
/// head. `progress` is told how many files are written and how many there will be.
///
/// # Errors
/// If the directory holds another log or cannot be written, or the log cannot be read. What was
/// written stays, and a later call goes on from there.
pub fn export(
    reader: &Reader,
    dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Arc<PublishedHead>, PublishDirError> {
    let head = reader.published();
    create_parent(&dir.join("checkpoint"))?;
    let old = present_size(reader, dir, &head)?;
    write_objects(reader, dir, old, head.size, progress)?;
    write_durably(&dir.join("checkpoint"), &head.checkpoint)?;
    remove_partials(reader.format().layout(), dir, old, head.size);
    Ok(head)
}

/// Size of the tree whose checkpoint stands in `dir`; zero if there is none.
fn present_size(
    reader: &Reader,
    dir: &Path,
    head: &PublishedHead,
) -> Result<TreeSize, PublishDirError> {
    let other = |why: String| PublishDirError::OtherLog {
        dir: dir.to_owned(),
        why,
    };
    if dir.join("hot").exists() {
        // Its checkpoint is the measure for its store, and not ours to replace.
        return Err(other("it is the store of a log".to_owned()));
    }
    let path = dir.join("checkpoint");
    let present = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TreeSize::ZERO),
        Err(error) => return Err(StoreError::io(format!("read {}", path.display()), error).into()),
    };
    let present = parse_checkpoint(&present).map_err(other)?;
    let ours = parse_checkpoint(&head.checkpoint).map_err(other)?;
    if present.origin() != ours.origin() {
        return Err(other(format!("its origin is {}", present.origin())));
    }
    if present.size() > head.size {
        let why = format!(
            "its size is {}, ours {}",
            present.size().get(),
            head.size.get()
        );
        return Err(other(why));
    }
    if reader.root_hash(present.size())? != present.root_hash() {
        return Err(other(format!(
            "its root hash at size {} differs",
            present.size().get()
        )));
    }
    Ok(present.size())
}

fn parse_checkpoint(bytes: &[u8]) -> Result<Checkpoint, String> {
    let note = Note::parse(bytes).map_err(|error| error.to_string())?;
    Checkpoint::parse(note.text()).map_err(|error| error.to_string())
}

/// Writes every bundle and tile that a tree of `new` has and one of `old` had not.
fn write_objects(
    reader: &Reader,
    dir: &Path,
    old: TreeSize,
    new: TreeSize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), PublishDirError> {
    let layout = reader.format().layout();
    let bundles: Vec<BundleRef> = tiles::bundles_changed(old, new).collect();
    let tiles: Vec<TileRef> = tiles::tiles_changed(old, new).collect();
    let total = u64::try_from(bundles.len() + tiles.len()).unwrap_or(u64::MAX);
    let mut unsynced = UnsyncedNames::new(dir);
    let mut done = 0;
    for bundle in bundles {
        let id = ObjectId::Bundle(bundle.index);
        let stored = reader.bundle(bundle)?.ok_or(ReadError::Missing(id))?;
        let bytes = stored.plain().map_err(ReadError::Store)?;
        write_once(&dir.join(layout.bundle_path(bundle)), &bytes, &mut unsynced)?;
        done += 1;
        progress(done, total);
    }
    for tile in tiles {
        let bytes: Bytes = reader
            .tile(tile)?
            .ok_or(ReadError::Missing(ObjectId::Tile(tile.id)))?;
        write_once(&dir.join(tiles::tile_path(tile)), &bytes, &mut unsynced)?;
        done += 1;
        progress(done, total);
    }
    Ok(unsynced.sync()?)
}

/// Writes a file that never changes: finds it equal, or creates it.
fn write_once(
    path: &Path,
    bytes: &[u8],
    unsynced: &mut UnsyncedNames,
) -> Result<(), PublishDirError> {
    match fs::read(path) {
        Ok(present) if present == bytes => {}
        Ok(_) => return Err(PublishDirError::Differs(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_parent(path)?;
            write_beside_and_rename(path, bytes)?;
        }
        Err(error) => return Err(StoreError::io(format!("read {}", path.display()), error).into()),
    }
    // Also a file that was there: it may be as young as a crash.
    unsynced.note(path);
    Ok(())
}

/// Removes the partial forms of everything that became full between two sizes. What cannot be
/// removed stays and does no harm: it is a true prefix of the full object.
fn remove_partials(layout: Layout, dir: &Path, old: TreeSize, new: TreeSize) {
    let bundles = tiles::bundles_changed(old, new).filter(|bundle| bundle.is_full());
    let tiles = tiles::tiles_changed(old, new).filter(|tile| tile.is_full());
    let full = bundles
        .map(|bundle| layout.bundle_path(bundle))
        .chain(tiles.map(tiles::tile_path));
    for path in full {
        let partials = dir.join(format!("{path}.p"));
        if let Err(error) = fs::remove_dir_all(&partials)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %partials.display(), %error, "partial tiles not removed");
        }
    }
}

/// Keeps a directory current while the log runs.
#[derive(Debug)]
pub(crate) struct DirPublisher {
    pub(crate) reader: Reader,
    pub(crate) dir: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    /// What stands in the directory, as far as this process wrote it. Owned by the publisher.
    pub(crate) written: Option<Arc<PublishedHead>>,
    /// Monotonic time before which nothing is tried again. Owned by the publisher.
    pub(crate) not_before: Duration,
}

impl DirPublisher {
    /// Brings the directory up to the published head if it is due.
    pub(crate) fn step(&mut self) -> Step {
        let publication = self.reader.publication.get();
        let ended = publication.ended.is_some();
        if self
            .written
            .as_ref()
            .is_some_and(|written| *written == publication.head)
        {
            return if ended { Step::Done } else { Step::Wait(None) };
        }
        let now = self.clock.monotonic();
        if now < self.not_before && !ended {
            return Step::Wait(Some(self.not_before.saturating_sub(now)));
        }
        match export(&self.reader, &self.dir, &mut |_, _| ()) {
            Ok(head) => {
                self.written = Some(head);
                self.not_before = now.saturating_add(self.limits.publish_dir_interval);
                Step::Again
            }
            Err(error) => {
                self.metrics.publish_dir_failures.add(1);
                tracing::error!(dir = %self.dir.display(), %error, "publish_dir is out of date");
                self.not_before = now.saturating_add(self.limits.retry_delay);
                if ended { Step::Done } else { Step::Again }
            }
        }
    }
}
