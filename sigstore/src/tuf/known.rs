//! What a client knows of a repository: metadata and files that it has verified.
//!
//! It is kept between updates, because a client that forgets could be shown an older state. Whoever
//! keeps it must keep all of it together; reading it back verifies it again, so that a damaged or
//! mixed copy is found out and not believed.

use std::collections::BTreeMap;

use super::meta_file::MetaFile;
use super::{Envelope, Role, Root, Snapshot, TargetFile, Targets, Timestamp, TufError};
use crate::time::UnixSeconds;

/// Verified metadata, and the verified files that it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub(super) root: Held<Root>,
    pub(super) timestamp: Option<Pointing<Timestamp>>,
    pub(super) snapshot: Option<Pointing<Snapshot>>,
    pub(super) targets: Option<Held<Targets>>,
    /// The files by name, each as the targets list it.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Metadata with the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held<T> {
    pub(super) content: T,
    pub(super) bytes: Vec<u8>,
}

/// Metadata that names one other file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointing<T> {
    pub(super) content: T,
    pub(super) names: MetaFile,
    pub(super) bytes: Vec<u8>,
}

impl Known {
    /// A root that somebody brought who is trusted: where a client begins.
    ///
    /// # Errors
    ///
    /// [`TufError`] if it is no root, or not signed by its own keys. An expired one is taken: the
    /// update looks for newer ones.
    pub fn from_root(bytes: &[u8]) -> Result<Known, TufError> {
        let content = Root::verify_first(&Envelope::parse(bytes)?)?;
        Ok(Known {
            root: Held {
                content,
                bytes: bytes.to_vec(),
            },
            timestamp: None,
            snapshot: None,
            targets: None,
            files: BTreeMap::new(),
        })
    }

    /// Reads back what [`Known::to_files`] gave. What is not signed by the root's keys, and files
    /// that are not as listed, are left out: the next update fetches them.
    ///
    /// # Errors
    ///
    /// [`TufError`] if there is no root, or not a good one.
    pub fn from_files(files: &BTreeMap<String, Vec<u8>>) -> Result<Known, TufError> {
        let root = files.get(&name(Role::Root)).ok_or(TufError::Missing)?;
        let mut known = Known::from_root(root)?;
        let root = &known.root.content;
        let held = |role| files.get(&name(role));
        known.timestamp = held(Role::Timestamp).and_then(|b| Pointing::timestamp(b, root).ok());
        known.snapshot = held(Role::Snapshot).and_then(|b| Pointing::snapshot(b, root).ok());
        known.targets = held(Role::Targets).and_then(|b| Held::targets(b, root).ok());
        let listed = known.targets.iter().flat_map(|t| &t.content.files);
        let good = listed.filter_map(|(name, file)| {
            let bytes = files.get(&format!("{TARGETS}{name}"))?;
            (TargetFile::of(bytes) == *file).then(|| (name.clone(), bytes.clone()))
        });
        known.files = good.collect();
        Ok(known)
    }

    /// All of it as files, to be kept together.
    #[must_use]
    pub fn to_files(&self) -> BTreeMap<String, &[u8]> {
        let mut files = BTreeMap::from([(name(Role::Root), self.root.bytes.as_slice())]);
        let metadata = [
            (Role::Timestamp, self.timestamp.as_ref().map(|m| &m.bytes)),
            (Role::Snapshot, self.snapshot.as_ref().map(|m| &m.bytes)),
            (Role::Targets, self.targets.as_ref().map(|m| &m.bytes)),
        ];
        for (role, bytes) in metadata {
            files.extend(bytes.map(|bytes| (name(role), bytes.as_slice())));
        }
        let targets = self.files.iter();
        files.extend(targets.map(|(name, bytes)| (format!("{TARGETS}{name}"), bytes.as_slice())));
        files
    }

    /// The newest root.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root.content
    }

    /// A file that clients want, if an update has brought it.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Each role with its version and the first moment at which it is refused, as far as known.
    #[must_use]
    pub fn roles(&self) -> Vec<(Role, super::Version, UnixSeconds)> {
        let root = Some((self.root.content.version, self.root.content.expires));
        let targets = self.targets.as_ref().map(|m| &m.content);
        let snapshot = self.snapshot.as_ref().map(|m| &m.content);
        let timestamp = self.timestamp.as_ref().map(|m| &m.content);
        let roles = [
            (Role::Root, root),
            (Role::Targets, targets.map(|m| (m.version, m.expires))),
            (Role::Snapshot, snapshot.map(|m| (m.version, m.expires))),
            (Role::Timestamp, timestamp.map(|m| (m.version, m.expires))),
        ];
        let known = roles.into_iter();
        known
            .filter_map(|(role, found)| found.map(|(version, expires)| (role, version, expires)))
            .collect()
    }

    /// The first moment at which something of it is refused; `None` before the first update.
    #[must_use]
    pub fn expires(&self) -> Option<UnixSeconds> {
        let roles = self.roles();
        let is_whole = roles.len() == Role::ALL.len();
        is_whole.then(|| roles.iter().map(|(_, _, expires)| *expires).min())?
    }

    /// Forgets what the newest root's keys did not sign.
    pub(super) fn drop_unsigned(&mut self) {
        let root = &self.root.content;
        let by = |bytes: &[u8], role| {
            Envelope::parse(bytes).is_ok_and(|file| root.verify(&file, role).is_ok())
        };
        self.timestamp = self
            .timestamp
            .take()
            .filter(|m| by(&m.bytes, Role::Timestamp));
        self.snapshot = self
            .snapshot
            .take()
            .filter(|m| by(&m.bytes, Role::Snapshot));
        self.targets = self.targets.take().filter(|m| by(&m.bytes, Role::Targets));
    }
}

impl Pointing<Timestamp> {
    /// Reads a timestamp that the root's keys signed.
    pub(super) fn timestamp(bytes: &[u8], root: &Root) -> Result<Self, TufError> {
        let file = Envelope::parse(bytes)?;
        root.verify(&file, Role::Timestamp)?;
        Ok(Pointing {
            content: Timestamp::read(&file)?,
            names: MetaFile::read(&file, Role::Snapshot)?,
            bytes: bytes.to_vec(),
        })
    }
}

impl Pointing<Snapshot> {
    /// Reads a snapshot that the root's keys signed.
    pub(super) fn snapshot(bytes: &[u8], root: &Root) -> Result<Self, TufError> {
        let file = Envelope::parse(bytes)?;
        root.verify(&file, Role::Snapshot)?;
        Ok(Pointing {
            content: Snapshot::read(&file)?,
            names: MetaFile::read(&file, Role::Targets)?,
            bytes: bytes.to_vec(),
        })
    }
}

impl Held<Targets> {
    /// Reads a list of files that the root's keys signed.
    pub(super) fn targets(bytes: &[u8], root: &Root) -> Result<Self, TufError> {
        let file = Envelope::parse(bytes)?;
        root.verify(&file, Role::Targets)?;
        Ok(Held {
            content: Targets::read(&file)?,
            bytes: bytes.to_vec(),
        })
    }
}

/// The name under which metadata is kept: without a version, which it says itself.
fn name(role: Role) -> String {
    format!("{role}.json")
}

/// Before the names of files that are listed.
const TARGETS: &str = "targets/";
