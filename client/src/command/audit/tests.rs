//! A log in a directory that grows, and each way in which one goes wrong.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tiles::{
    Checkpoint, CompactRange, Ed25519NoteSigner, Hash, KeyName, LeafIndex, NoteSigner as _, Origin,
    Tile, TileId, TileLevel, TileRef, TileWidth, TreeSize, append_entry, entries_path, leaf_hash,
    sign_note, tile_path,
};

use super::*;

const ORIGIN: &str = "log.example/a";

/// A directory for logs, and what an auditor remembers.
struct Scene {
    dir: TempDir,
}

fn signer() -> Ed25519NoteSigner {
    Ed25519NoteSigner::from_seed(KeyName::new(ORIGIN).unwrap(), [7; 32]).unwrap()
}

/// Entries that say their number, from some number on something else.
fn entries(count: usize, other_from: usize) -> Vec<Vec<u8>> {
    let entry = |i: usize| {
        if i < other_from {
            format!("{i}")
        } else {
            format!("other {i}")
        }
    };
    (0..count).map(|i| entry(i).into_bytes()).collect()
}

impl Scene {
    fn new() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        Scene { dir }
    }

    fn memory(&self) -> Memory {
        Memory::at(&self.dir.path().join("home"))
    }

    /// The log of that name with these entries, as one publishes it.
    fn publish(&self, name: &str, entries: &[Vec<u8>]) -> PathBuf {
        let dir = self.dir.path().join(name);
        let mut hashes: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let mut tree = CompactRange::empty(LeafIndex::ZERO);
        for hash in &hashes {
            tree.append(*hash);
        }
        for (index, chunk) in (0..).zip(entries.chunks(256)) {
            let mut bytes = Vec::new();
            for entry in chunk {
                append_entry(&mut bytes, entry).unwrap();
            }
            let width = TileWidth::new(u16::try_from(chunk.len()).unwrap()).unwrap();
            write(
                &dir,
                &entries_path(tiles::BundleRef::new(index, width)),
                &bytes,
            );
        }
        for level in 0.. {
            let mut above = Vec::new();
            for (index, chunk) in (0..).zip(hashes.chunks(256)) {
                let tile = Tile::new(chunk.to_vec()).unwrap();
                let id = TileId::new(TileLevel::new(level).unwrap(), index);
                write(
                    &dir,
                    &tile_path(TileRef::new(id, tile.width())),
                    &tile.encode(),
                );
                above.extend(tile.root_hash());
            }
            if above.is_empty() {
                break;
            }
            hashes = above;
        }
        let size = TreeSize::new(u64::try_from(entries.len()).unwrap());
        let origin = Origin::new(ORIGIN).unwrap();
        let checkpoint = Checkpoint::new(origin, size, tree.root_hash().unwrap());
        let note = sign_note(&checkpoint.encode(), &[&signer()]).unwrap();
        write(&dir, "checkpoint", note.encode().as_bytes());
        dir
    }

    fn audit(&self, dir: &Path, since_last: bool) -> Result<Audited, Failure> {
        let source = Source::new(dir.to_str().unwrap());
        let keys = LogKeys::Given(Box::new(signer().verifier().clone()));
        audit(source, &keys, &self.memory(), since_last)
    }

    /// A failure of an audit, which must not have changed what is remembered.
    fn refusal(&self, dir: &Path, since_last: bool) -> Failure {
        let origin = Origin::new(ORIGIN).unwrap();
        let before = self.memory().last(&origin).unwrap();
        let Err(failure) = self.audit(dir, since_last) else {
            panic!("the audit should have failed");
        };
        assert_eq!(self.memory().last(&origin).unwrap(), before);
        failure
    }

    fn evidence(&self) -> Vec<serde_json::Value> {
        let Ok(files) = fs::read_dir(self.dir.path().join("home/evidence")) else {
            return Vec::new();
        };
        let read = |file: fs::DirEntry| fs::read(file.path()).unwrap();
        files
            .map(|file| serde_json::from_slice(&read(file.unwrap())).unwrap())
            .collect()
    }
}

fn write(dir: &Path, path: &str, bytes: &[u8]) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[track_caller]
fn assert_says(failure: &Failure, exit: Exit, words: &[&str]) {
    let text = failure.to_string();
    assert_eq!(failure.exit(), exit, "{text}");
    for word in words {
        assert!(text.contains(word), "{text} does not say {word}");
    }
}

#[test]
fn a_log_grows_between_audits() {
    let scene = Scene::new();
    let sizes = [0, 3, 300, 300, 600];
    for (number, size) in (0..).zip(sizes) {
        let log = scene.publish("log", &entries(size, usize::MAX));
        let audited = scene.audit(&log, false).unwrap();
        assert_eq!(audited.before.is_some(), number > 0);
        assert!(audited.whole.is_some());
        assert_eq!(audited.to_json()["size"], size);
    }
    let log = scene.publish("log", &entries(70_000, usize::MAX));
    let quick = scene.audit(&log, true).unwrap();
    assert_eq!(quick.whole, None);
    assert_eq!(quick.to_json()["sizeSeenBefore"], 600);
    assert!(
        quick.text().contains("grew from 600 entries"),
        "{}",
        quick.text()
    );
    assert!(scene.evidence().is_empty());
}

#[test]
fn a_log_that_was_never_seen_is_read_whole() {
    let scene = Scene::new();
    let log = scene.publish("log", &entries(3, usize::MAX));
    assert_eq!(scene.audit(&log, true).unwrap().whole, Some((1, 1)));
}

#[test]
fn a_log_that_went_back_is_refused_with_evidence() {
    let scene = Scene::new();
    let log = scene.publish("log", &entries(300, usize::MAX));
    scene.audit(&log, false).unwrap();
    for since_last in [true, false] {
        let old = scene.publish("old", &entries(299, usize::MAX));
        let failure = scene.refusal(&old, since_last);
        assert_says(
            &failure,
            Exit::Refused,
            &["went back", "300 entries", "299 entries"],
        );
    }
    let [evidence]: [serde_json::Value; 1] = scene.evidence().try_into().unwrap();
    for (field, dir) in [("seenBefore", "log"), ("seenNow", "old")] {
        let note = fs::read_to_string(scene.dir.path().join(dir).join("checkpoint")).unwrap();
        assert_eq!(evidence[field], note);
    }
}

#[test]
fn a_forked_log_is_refused_with_evidence() {
    for (size, since_last) in [(300, true), (300, false), (900, true), (900, false)] {
        let scene = Scene::new();
        let log = scene.publish("log", &entries(300, usize::MAX));
        scene.audit(&log, false).unwrap();
        let fork = scene.publish("fork", &entries(size, 299));
        let failure = scene.refusal(&fork, since_last);
        assert_says(&failure, Exit::Refused, &["forked", "evidence"]);
        assert_eq!(scene.evidence().len(), 1);
    }
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    for (path, at, words) in [
        (
            "tile/entries/001.p/44",
            3,
            &["tile/0/001.p/44", "entry 256"][..],
        ),
        ("tile/0/000", 32 * 9, &["tile/0/000", "entry 9"]),
        ("tile/1/000.p/1", 0, &["tile/1/000.p/1"]),
    ] {
        let scene = Scene::new();
        let log = scene.publish("log", &entries(300, usize::MAX));
        let mut bytes = fs::read(log.join(path)).unwrap();
        bytes[at] ^= 1;
        fs::write(log.join(path), bytes).unwrap();
        assert_says(&scene.refusal(&log, false), Exit::Refused, words);
    }
}

#[test]
fn damaged_tiles_are_not_taken_for_a_fork() {
    let scene = Scene::new();
    let log = scene.publish("log", &entries(300, usize::MAX));
    scene.audit(&log, false).unwrap();
    let log = scene.publish("log", &entries(400, usize::MAX));
    let path = log.join("tile/0/001.p/144");
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    let failure = scene.refusal(&log, true);
    assert_says(&failure, Exit::Refused, &["do not lead to the root hash"]);
    assert!(scene.evidence().is_empty());
}

#[test]
fn what_is_not_there_is_named() {
    let scene = Scene::new();
    let log = scene.publish("log", &entries(300, usize::MAX));
    fs::remove_file(log.join("tile/entries/000")).unwrap();
    let failure = scene.refusal(&log, false);
    assert_says(&failure, Exit::Refused, &["tile/entries/000", "not there"]);
    let nowhere = scene.refusal(&scene.dir.path().join("nowhere"), false);
    assert_says(&nowhere, Exit::File, &["no checkpoint"]);
}

#[test]
fn a_checkpoint_of_other_entries_is_refused() {
    let scene = Scene::new();
    let log = scene.publish("log", &entries(3, usize::MAX));
    let other = scene.publish("other", &entries(3, 2));
    fs::copy(other.join("checkpoint"), log.join("checkpoint")).unwrap();
    let failure = scene.refusal(&log, false);
    assert_says(&failure, Exit::Refused, &["not those of the checkpoint"]);
}

#[test]
fn a_checkpoint_by_another_key_is_refused() {
    let scene = Scene::new();
    let log = scene.publish("log", &entries(3, usize::MAX));
    let checkpoint = fs::read_to_string(log.join("checkpoint")).unwrap();
    fs::write(log.join("checkpoint"), checkpoint.replacen("3\n", "4\n", 1)).unwrap();
    let failure = scene.refusal(&log, false);
    assert_says(
        &failure,
        Exit::Refused,
        &["not signed as its log's must be"],
    );
}
