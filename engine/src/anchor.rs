//! Anchors: copies of the published checkpoint in places that do not share the log's fate.
//!
//! The checkpoint file guards the hot store. It lies beside it, so an old copy of the whole
//! directory looks right to itself; only a place outside can tell. Every anchor is read before the
//! first signature, and a head that does not extend what it says is never signed over. Anchors that
//! can be written, files, are written with each head before anybody sees it, so that none of them
//! ever falls behind the world.
//!
//! An anchor that cannot be read keeps the log closed, and one that cannot be written holds
//! publication: a guard that is skipped in silence is none.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tiles::{Checkpoint, Hash, ProofBuildError, TreeSize, VerifierKey};

use crate::error::{OpenError, StoreError};
use crate::reader::StoredTiles;
use crate::store::{CheckpointFile, CheckpointStore, Head};

/// One place that remembers what a log published.
#[derive(Clone, Debug)]
pub struct Anchor {
    place: String,
    memory: Memory,
}

/// How a place remembers.
#[derive(Clone, Debug)]
enum Memory {
    /// A checkpoint that was seen there.
    Seen(Bytes),
    /// The log keeps its checkpoint there. `read` is whether it has to be there already.
    Kept {
        store: Arc<dyn CheckpointStore>,
        read: bool,
    },
}

impl Anchor {
    /// A signed checkpoint that was seen in `place`, such as a public copy of the log.
    #[must_use]
    pub const fn seen(place: String, checkpoint: Bytes) -> Self {
        Self {
            place,
            memory: Memory::Seen(checkpoint),
        }
    }

    /// The file at `path`, in a directory that exists.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        let store = Arc::new(CheckpointFile::new(path.to_owned()));
        Self::kept(path.display().to_string(), store)
    }

    /// Any store of one checkpoint.
    #[must_use]
    pub fn kept(place: String, store: Arc<dyn CheckpointStore>) -> Self {
        Self {
            place,
            memory: Memory::Kept { store, read: true },
        }
    }

    /// This anchor, written from the next head on but not read before: for one that is new, or that
    /// its operator gives up. A checkpoint that was only seen is not asked at all.
    #[must_use]
    pub fn unread(self) -> Option<Self> {
        match self.memory {
            Memory::Seen(_) => None,
            Memory::Kept { store, .. } => Some(Self {
                place: self.place,
                memory: Memory::Kept { store, read: false },
            }),
        }
    }

    /// The note that the place holds; `None` if it need not be asked.
    fn load(&self) -> Result<Option<Bytes>, OpenError> {
        match &self.memory {
            Memory::Seen(note) => Ok(Some(note.clone())),
            Memory::Kept { read: false, .. } => Ok(None),
            Memory::Kept { store, .. } => match store.load() {
                Ok(Some((note, _kept_at))) => Ok(Some(note)),
                Ok(None) => Err(self.unusable("it is not there")),
                Err(error) => Err(self.unusable(&error.to_string())),
            },
        }
    }

    fn unusable(&self, why: &str) -> OpenError {
        OpenError::Anchor {
            anchor: self.place.clone(),
            why: why.to_owned(),
        }
    }
}

/// What a place says that the log published.
#[derive(Clone, Debug)]
pub(crate) struct Anchored {
    /// The place, for messages.
    pub(crate) place: String,
    pub(crate) checkpoint: Checkpoint,
}

/// The log's own public copy in `dir`, as an anchor. It needs no operator to name it: whatever
/// stands there with the log's signature was published. Anything else there is not its business;
/// whoever writes the directory refuses it.
pub(crate) fn copy_in(dir: &Path, key: &VerifierKey) -> Option<Anchor> {
    let path = dir.join("checkpoint");
    let note = fs::read(&path).ok()?;
    tiles::open_checkpoint(&note, std::slice::from_ref(key)).ok()?;
    Some(Anchor::seen(path.display().to_string(), note.into()))
}

/// What every anchor says; each checkpoint must be signed with the log's key.
pub(crate) fn read(anchors: &[Anchor], key: &VerifierKey) -> Result<Vec<Anchored>, OpenError> {
    let mut anchored = Vec::new();
    for anchor in anchors {
        let Some(note) = anchor.load()? else { continue };
        let (checkpoint, _) = tiles::open_checkpoint(&note, std::slice::from_ref(key))
            .map_err(|error| anchor.unusable(&error.to_string()))?;
        anchored.push(Anchored {
            place: anchor.place.clone(),
            checkpoint,
        });
    }
    Ok(anchored)
}

/// Checks that the committed tree extends what every anchor says.
pub(crate) fn check(
    anchors: &[Anchor],
    key: &VerifierKey,
    stored: &StoredTiles<'_>,
    head: &Head,
) -> Result<(), OpenError> {
    for Anchored { place, checkpoint } in read(anchors, key)? {
        if checkpoint.size() > head.size {
            return Err(OpenError::BehindAnchor {
                anchor: place,
                anchored: checkpoint.size(),
                committed: head.size,
            });
        }
        let found = root_hash(stored, checkpoint.size())?;
        if found != checkpoint.root_hash() {
            return Err(OpenError::ForkedFromAnchor {
                anchor: place,
                size: checkpoint.size(),
                found,
                wanted: checkpoint.root_hash(),
            });
        }
    }
    Ok(())
}

/// Root hash of the stored tree at `size`, which it has reached.
pub(crate) fn root_hash(stored: &StoredTiles<'_>, size: TreeSize) -> Result<Hash, StoreError> {
    tiles::root_hash(stored, size).map_err(|error| match error {
        ProofBuildError::Source(error) => error,
        other => StoreError::damaged(format!("the tree at size {size}"), other.to_string()),
    })
}

/// Writes a signed head to every anchor that is kept. The next call repeats what failed with a
/// later head, so the anchors may differ meanwhile; each holds a head that was committed.
pub(crate) fn keep(anchors: &[Anchor], checkpoint: &[u8]) -> Result<(), String> {
    for anchor in anchors {
        if let Memory::Kept { store, .. } = &anchor.memory {
            store.keep(checkpoint).map_err(|error| {
                format!("the anchor {} cannot be written: {error}", anchor.place)
            })?;
        }
    }
    Ok(())
}
