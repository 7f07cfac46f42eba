//! Crash images of real directories: what a machine that dies leaves of the files that were being
//! written. The content of a file is synced before it gets its name, so that a name shows all of it
//! or is not there; which names are there is open until their directory is synced, and beside them
//! may lie what never got a name.

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;
use tiles::{BundleRef, LogBytes, TileRef, TileWidth};

use super::*;
use crate::store::memory::MemoryStores;
use crate::store::{CheckpointFile, FileStore};

/// Sizes before and after, around where bundles and tiles become full.
const GROWTHS: [(usize, usize); 6] = [
    (0, 1),
    (254, 255),
    (254, 256),
    (255, 257),
    (300, 512),
    (500, 1030),
];

/// Crash images for each growth, besides those that lose everything or nothing.
const IMAGES: u64 = 12;

/// A log in memory, of which one part writes to real files.
struct Case {
    config: LogConfig,
    memory: MemoryStores,
    dir: TempDir,
}

impl Case {
    fn new() -> Self {
        let mut config = config();
        config.limits.batch_age = Duration::ZERO;
        config.limits.checkpoint_interval = Duration::ZERO;
        config.limits.publish_dir_interval = Duration::ZERO;
        let memory = MemoryStores::new(config.identity().unwrap());
        let dir = tempfile::tempdir().unwrap();
        Self {
            config,
            memory,
            dir,
        }
    }

    /// Adds entries up to `size`, and steps everything but what `holds` names until it is published
    /// and nothing is left to do.
    fn grow(&self, stores: &Stores, size: usize, holds: &[Part]) -> Stepped {
        let mut log = Stepped::open(stores, &self.config).unwrap();
        let from = usize::try_from(log.log().status().committed.size.get()).unwrap();
        let tickets = log.log().add_many(entries(from..size)).unwrap();
        let parts = || Part::ALL.into_iter().filter(|part| !holds.contains(part));
        loop {
            let busy = parts().map(|part| log.step(part) == Next::Now);
            let busy = busy.fold(false, |busy, now| busy | now);
            let published = usize::try_from(log.log().published().size.get()).unwrap();
            if !busy && published == size {
                break;
            }
        }
        for (n, ticket) in (from..).zip(tickets) {
            let index = ticket.sequenced_by_now().unwrap().unwrap().index.get();
            assert_eq!(index, u64::try_from(n).unwrap());
        }
        log
    }
}

/// The files below a directory, by name.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn read(dir: &Path) -> Files {
    let mut files = Files::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for file in fs::read_dir(next).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

fn write(files: &Files) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

/// What may be there of `after` if the machine dies while the files that `before` has not are
/// written: nothing, all, and any of them, with the beginning of another beside it.
fn images(before: &Files, after: &Files) -> Vec<Files> {
    let new: Vec<_> = after
        .iter()
        .filter(|(name, _)| !before.contains_key(*name))
        .collect();
    let mut images = vec![before.clone(), before.clone()];
    images[1].extend(
        new.iter()
            .map(|(name, bytes)| ((*name).clone(), (*bytes).clone())),
    );
    for image in 0..IMAGES {
        let mut files = before.clone();
        for (number, (name, bytes)) in (0..).zip(&new) {
            let choice = blake3::hash(&[image, number].map(u64::to_be_bytes).concat());
            let choice = choice.as_bytes()[0];
            if choice & 1 == 0 {
                files.insert((*name).clone(), (*bytes).clone());
            } else if choice & 2 == 0 {
                let beside = name.with_file_name(format!(".unfinished-1-{number}"));
                files.insert(beside, bytes[..bytes.len() / 2].to_vec());
            }
        }
        images.push(files);
    }
    images
}

/// A published log as plain files.
struct Plain<'a>(&'a Path);

impl LogBytes for Plain<'_> {
    type Error = std::io::Error;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> std::io::Result<Vec<u8>> {
        fs::read(self.0.join(tiles::tile_path(tile)))
    }

    fn bundle(&self, bundle: BundleRef) -> std::io::Result<Vec<u8>> {
        fs::read(self.0.join(tiles::entries_path(bundle)))
    }
}

/// Checks that a directory, by itself, is the whole log of the checkpoint in it; gives its size.
fn verified(dir: &Path) -> usize {
    let note = tiles::Note::parse(&fs::read(dir.join("checkpoint")).unwrap()).unwrap();
    let checkpoint = tiles::Checkpoint::parse(note.text()).unwrap();
    let leaves = |bytes: &[u8], width: TileWidth| {
        let entries = TlogTiles.split_bundle(bytes, width.count())?;
        Ok::<_, crate::FormatError>(entries.into_iter().map(tiles::leaf_hash).collect())
    };
    let head = (checkpoint.size(), checkpoint.root_hash());
    tiles::rebuild(&Plain(dir), head, &leaves, &mut |_| ()).unwrap();
    usize::try_from(checkpoint.size().get()).unwrap()
}

#[test]
fn a_torn_publish_dir_is_complete_before_and_after_it_is_brought_up_to_date() {
    for (old, new) in GROWTHS {
        for later in [new, new + 3] {
            let case = Case::new();
            let stores = case.memory.stores();
            Log::create_with(&stores, &case.config).unwrap();
            let public = case.dir.path();
            let export = |log: &Stepped, dir: &Path| {
                crate::export(&log.log().reader(), dir, &mut |_, _| ()).unwrap()
            };
            export(&case.grow(&stores, old, &[]), public);
            let before = read(public);
            export(&case.grow(&stores, new, &[]), public);
            let mut after = read(public);
            let checkpoint = PathBuf::from("checkpoint");
            let shown = after.insert(checkpoint.clone(), before[&checkpoint].clone());
            let mut images = images(&before, &after);
            // The checkpoint is shown, and what it makes superfluous is still there.
            let mut last = images[1].clone();
            last.insert(checkpoint, shown.unwrap());
            images.push(last);
            let log = case.grow(&stores, later, &[]);
            for (number, image) in images.iter().enumerate() {
                let dir = write(image);
                let found = verified(dir.path());
                let wanted = if number + 1 == images.len() { new } else { old };
                assert_eq!(found, wanted, "{old} to {new}, image {number}");
                for _ in 0..2 {
                    export(&log, dir.path());
                    assert_eq!(
                        verified(dir.path()),
                        later,
                        "{old} to {new}, image {number}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_torn_move_to_the_cold_store_is_done_again() {
    for (old, new) in GROWTHS {
        let mut case = Case::new();
        case.config.limits.hot_entries = 0;
        let log_id = case.config.identity().unwrap().log_id;
        let on = |memory: &MemoryStores, dir: &Path| Stores {
            cold: Arc::new(FileStore::open(dir, log_id).unwrap()),
            ..memory.stores()
        };
        let stores = on(&case.memory, case.dir.path());
        Log::create_with(&stores, &case.config).unwrap();
        case.grow(&stores, old, &[]);
        let before = read(case.dir.path());
        case.grow(&stores, new, &[Part::Tier]);
        let hot = case.memory.copy();
        case.grow(&stores, new, &[]);
        let after = read(case.dir.path());
        for (number, image) in images(&before, &after).iter().enumerate() {
            for later in [new, new + 300] {
                let (memory, dir) = (hot.copy(), write(image));
                let stores = on(&memory, dir.path());
                let log = case.grow(&stores, later, &[]);
                let report = fsck(&log.log().reader(), &mut |_| ()).unwrap();
                let found = usize::try_from(report.head.size.get()).unwrap();
                assert_eq!(found, later, "{old} to {new}, image {number}");
                let tiered = stores.hot.tiered().unwrap().get();
                assert_eq!(tiered, u64::try_from(later / 256 * 256).unwrap());
            }
        }
    }
}

#[test]
fn a_torn_checkpoint_file_is_the_old_or_the_new_one() {
    for (old, new) in GROWTHS {
        let case = Case::new();
        let on = |memory: &MemoryStores, dir: &Path| Stores {
            checkpoint: Arc::new(CheckpointFile::new(dir.join("checkpoint"))),
            ..memory.stores()
        };
        let stores = on(&case.memory, case.dir.path());
        Log::create_with(&stores, &case.config).unwrap();
        let kept = || fs::read(case.dir.path().join("checkpoint")).unwrap();
        case.grow(&stores, old, &[]);
        let before = kept();
        case.grow(&stores, new, &[]);
        let after = kept();
        for stands in [&before, &after] {
            for beside in [&after[..0], &after[..after.len() / 2], &after[..]] {
                let files = [("checkpoint", &stands[..]), (".unfinished-1-0", beside)];
                let files = files.map(|(name, bytes)| (PathBuf::from(name), bytes.to_vec()));
                let dir = write(&files.into());
                let memory = case.memory.copy();
                let stores = on(&memory, dir.path());
                let log = case.grow(&stores, new + 2, &[]);
                let head = log.log().published();
                assert_eq!(head.size.get(), u64::try_from(new + 2).unwrap());
                let (kept, _) = stores.checkpoint.load().unwrap().unwrap();
                assert_eq!(kept, head.checkpoint);
                fsck(&log.log().reader(), &mut |_| ()).unwrap();
                let was = TreeSize::new(u64::try_from(new).unwrap());
                let root_hash = log.log().reader().root_hash(was).unwrap();
                let shown = tiles::open_checkpoint(&after, &[case.config.key().unwrap().clone()]);
                assert_eq!(shown.unwrap().0.root_hash(), root_hash);
            }
        }
    }
}
