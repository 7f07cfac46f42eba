//! The last checkpoint that was seen of each log: one file for each, named after its origin.
//!
//! A file holds the note exactly as the log signed it. It was checked before it was written, and
//! is the evidence if the log ever shows something else. Whoever audits holds the lock beside it,
//! so that of two audits at once neither takes the other's back.

use std::fs::{self, File};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tiles::note::NOTE_LEN_BYTES_MAX;
use tiles::{Checkpoint, Note, Origin};

use crate::config::{self, Variable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Readers};

/// Where checkpoints are kept, and evidence.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    home: PathBuf,
}

/// A checkpoint, and the note that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenCheckpoint {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: String,
}

impl Memory {
    /// In the user's directory.
    pub(crate) fn open() -> Result<Memory, Failure> {
        let home = Variable::CairnHome.name();
        let failure = || {
            Failure::new(Exit::Usage, home, "no directory to keep checkpoints in")
                .fix(format!("set {home} to one"))
        };
        config::home()
            .map(|home| Memory { home })
            .ok_or_else(failure)
    }

    /// In a directory.
    #[cfg(test)]
    pub(crate) fn at(home: &std::path::Path) -> Memory {
        let home = home.to_owned();
        Memory { home }
    }

    /// The last checkpoint of a log, if there ever was one.
    pub(crate) fn last(&self, origin: &Origin) -> Result<Option<SeenCheckpoint>, Failure> {
        let path = self.path(origin);
        let Some(bytes) = files::read_if_there(&path, NOTE_LEN_BYTES_MAX)? else {
            return Ok(None);
        };
        let damaged = |found: String| {
            Failure::file(&path, "is not the last checkpoint seen of the log")
                .expected(format!("a checkpoint of {}", origin.as_str()))
                .found(found)
                .fix("restore the file from a backup; without it, what the log showed is forgotten")
        };
        let note = Note::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        let checkpoint =
            Checkpoint::parse(note.text()).map_err(|error| damaged(error.to_string()))?;
        if checkpoint.origin() != origin {
            return Err(damaged(format!("one of {}", checkpoint.origin().as_str())));
        }
        Ok(Some(SeenCheckpoint {
            checkpoint,
            note: note.encode(),
        }))
    }

    /// Remembers a checkpoint, whole, in place of the one before.
    pub(crate) fn remember(&self, seen: &SeenCheckpoint) -> Result<(), Failure> {
        let path = self.path(seen.checkpoint.origin());
        files::write(&path, seen.note.as_bytes(), Readers::Anybody)
    }

    /// Waits until nobody else audits the log; ends with the returned value.
    pub(crate) fn lock(&self, origin: &Origin) -> Result<File, Failure> {
        let path = self.path(origin).with_extension("lock");
        let locked = fs::create_dir_all(self.home.join(CHECKPOINTS))
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file));
        locked.map_err(|error| Failure::file(&path, "can't be locked").found(error))
    }

    /// Keeps evidence under a name, and gives its path.
    pub(crate) fn keep_evidence(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let dir = self.home.join(EVIDENCE);
        let made = fs::create_dir_all(&dir);
        made.map_err(|error| Failure::file(&dir, "can't be made").found(error))?;
        let path = dir.join(file_name(name, "json"));
        files::write(&path, bytes, Readers::Anybody)?;
        Ok(path)
    }

    fn path(&self, origin: &Origin) -> PathBuf {
        let name = file_name(origin.as_str(), "checkpoint");
        self.home.join(CHECKPOINTS).join(name)
    }
}

const CHECKPOINTS: &str = "checkpoints";
const EVIDENCE: &str = "evidence";

/// Readable, and different for different texts.
fn file_name(text: &str, extension: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let plain = text.chars().map(|c| if is_plain(c) { c } else { '_' });
    let plain: String = plain.take(64).collect();
    let hash = Sha256::digest(text);
    let hash = hex::encode(hash.get(..8).unwrap_or_default());
    format!("{plain}-{hash}.{extension}")
}

#[cfg(test)]
mod tests {
    use tiles::{Hash, KeyId, KeyName, NoteSignature, TreeSize};

    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::new(text).unwrap()
    }

    fn seen(name: &str, size: u64) -> SeenCheckpoint {
        let checkpoint = Checkpoint::new(origin(name), TreeSize::new(size), Hash::new([1; 32]));
        let key = KeyName::new("key").unwrap();
        let signature = NoteSignature::new(key, KeyId::new(1), vec![1]).unwrap();
        let note = Note::new(checkpoint.encode(), vec![signature]).unwrap();
        SeenCheckpoint {
            checkpoint,
            note: note.encode(),
        }
    }

    #[test]
    fn each_log_has_its_own_last_checkpoint() {
        let home = tempfile::tempdir().unwrap();
        let memory = Memory::at(home.path());
        assert_eq!(memory.last(&origin("a/b")), Ok(None));
        let _held = memory.lock(&origin("a/b")).unwrap();
        for checkpoint in [seen("a/b", 3), seen("a/b", 4), seen("a_b", 1)] {
            memory.remember(&checkpoint).unwrap();
            let last = memory.last(checkpoint.checkpoint.origin()).unwrap();
            assert_eq!(last, Some(checkpoint));
        }
        assert_eq!(memory.last(&origin("a/b")).unwrap(), Some(seen("a/b", 4)));
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_nothing_seen() {
        let home = tempfile::tempdir().unwrap();
        let memory = Memory::at(home.path());
        let _held = memory.lock(&origin("a")).unwrap();
        let path = memory.path(&origin("a"));
        for wrong in ["", "garbage", &seen("b", 1).note] {
            fs::write(&path, wrong).unwrap();
            let failure = memory.last(&origin("a")).unwrap_err();
            assert_eq!(failure.exit(), Exit::File);
            assert!(
                failure.to_string().contains("a checkpoint of a"),
                "{failure}"
            );
        }
    }
}
