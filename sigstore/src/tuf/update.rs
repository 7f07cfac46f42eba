//! A client's update, as a state machine: it says which file it wants next, is given it, and keeps
//! only what holds. Who fetches, and where from, is none of its business.
//!
//! Spec: section 5 of <https://theupdateframework.github.io/specification/v1.0.33/>. Roots are
//! walked one version at a time, each signed by the keys of the one before and by its own; then
//! timestamp, snapshot and targets are compared with what was known, so that no server can show an
//! older state; then the files are fetched by their hashes. When the keys of timestamp or snapshot
//! have changed, what they signed before is forgotten: a thief of the old keys may have written
//! versions so high that no honest one would follow them.
//!
//! Invariant: [`Update::known`] is always something that may be kept and used: metadata and files
//! fit together at every step, and versions never go back.

use super::known::{Held, Known, Pointing};
use super::{Envelope, METADATA_LEN_BYTES_MAX, Role, TargetFile, Targets, TufError, Version};
use crate::time::UnixSeconds;
use crate::trust_json::TRUST_FILE_LEN_BYTES_MAX;

/// The most roots that one update walks. Each takes a request; one a week makes it five years.
const ROOT_COUNT_MAX: u32 = 256;

/// An update that is under way.
#[derive(Clone, Debug)]
pub struct Update {
    known: Known,
    /// When it began, which is what expiry is compared with throughout.
    began: UnixSeconds,
    stage: Stage,
    roots_left: u32,
    /// The names of the files, and whether there must be such a file.
    wanted: Vec<(String, bool)>,
    /// Targets and files, which replace the known ones together.
    next_targets: Option<Held<Targets>>,
    next_files: Vec<(String, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Roots,
    Timestamp,
    Snapshot,
    Targets,
    Files,
    Done,
    /// After a refusal: nothing more is taken.
    Refused,
}

/// A file that an update needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is, below the repository's address.
    pub path: String,
    /// The most bytes to read of it.
    pub length_max: usize,
}

/// Why an update was refused, at which file.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path}: {error}")]
pub struct UpdateError {
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub error: TufError,
}

impl Update {
    /// Begins an update of what is known, at the time `now`, that is to bring `files`: the names,
    /// and whether there must be such a file.
    #[must_use]
    pub fn new(known: Known, files: &[(&str, bool)], now: UnixSeconds) -> Update {
        Update {
            known,
            began: now,
            stage: Stage::Roots,
            roots_left: ROOT_COUNT_MAX,
            wanted: files
                .iter()
                .map(|(name, must)| ((*name).to_owned(), *must))
                .collect(),
            next_targets: None,
            next_files: Vec::new(),
        }
    }

    /// What is known by now, which may be kept at every step.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The file that is needed next; `None` when all is done.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        let metadata = |role: Role, version, length_max| {
            Some(Wanted {
                path: role.path(version),
                length_max,
            })
        };
        match self.stage {
            Stage::Roots => {
                let next = self.known.root().version.next();
                metadata(Role::Root, next, METADATA_LEN_BYTES_MAX)
            }
            Stage::Timestamp => metadata(Role::Timestamp, Version::FIRST, METADATA_LEN_BYTES_MAX),
            Stage::Snapshot => {
                let names = &self.known.timestamp.as_ref()?.names;
                metadata(Role::Snapshot, names.version, names.length_max())
            }
            Stage::Targets => {
                let names = &self.known.snapshot.as_ref()?.names;
                metadata(Role::Targets, names.version, names.length_max())
            }
            Stage::Files => {
                let (name, file) = self.next_file()?;
                Some(Wanted {
                    path: file.path(name),
                    length_max: usize::try_from(file.length).ok()?,
                })
            }
            Stage::Done | Stage::Refused => None,
        }
    }

    /// Takes the file that was wanted, or that there is none.
    ///
    /// # Errors
    ///
    /// [`UpdateError`] if the file does not hold; [`Update::known`] is then what held before it,
    /// and nothing more is wanted.
    pub fn receive(&mut self, answer: Option<&[u8]>) -> Result<(), UpdateError> {
        let path = self.wanted().map(|wanted| wanted.path).unwrap_or_default();
        self.take(answer).map_err(|error| {
            self.stage = Stage::Refused;
            UpdateError { path, error }
        })
    }

    fn take(&mut self, answer: Option<&[u8]>) -> Result<(), TufError> {
        match (self.stage, answer) {
            (Stage::Roots, Some(bytes)) => self.take_root(bytes),
            (Stage::Roots, None) => self.end_roots(),
            (_, None) => Err(TufError::Missing),
            (Stage::Timestamp, Some(bytes)) => self.take_timestamp(bytes),
            (Stage::Snapshot, Some(bytes)) => self.take_snapshot(bytes),
            (Stage::Targets, Some(bytes)) => self.take_targets(bytes),
            (Stage::Files, Some(bytes)) => self.take_file(bytes),
            (Stage::Done | Stage::Refused, Some(_)) => Err(TufError::NotWanted),
        }
    }

    fn take_root(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        let left = self.roots_left.checked_sub(1);
        self.roots_left = left.ok_or(TufError::TooManyRoots {
            max: ROOT_COUNT_MAX,
        })?;
        let before = self.known.root();
        let content = before.verify_next(&Envelope::parse(bytes)?)?;
        let is_rotated = |role| content.role(role) != before.role(role);
        if is_rotated(Role::Timestamp) || is_rotated(Role::Snapshot) {
            self.known.timestamp = None;
            self.known.snapshot = None;
        }
        self.known.root = Held {
            content,
            bytes: bytes.to_vec(),
        };
        Ok(())
    }

    /// The newest root is known: it must not have expired, and what its keys did not sign is
    /// forgotten.
    fn end_roots(&mut self) -> Result<(), TufError> {
        let root = self.known.root();
        check_expiry(Role::Root, root.expires, self.began)?;
        self.known.drop_unsigned();
        self.stage = Stage::Timestamp;
        Ok(())
    }

    fn take_timestamp(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        let new = Pointing::timestamp(bytes, self.known.root())?;
        let mut is_newer = true;
        if let Some(known) = &self.known.timestamp {
            let (found, known_version) = (new.content.version, known.content.version);
            not_older(Role::Timestamp, found, known_version)?;
            not_older(Role::Snapshot, new.names.version, known.names.version)?;
            is_newer = found > known_version;
        }
        if let Some(known) = &self.known.snapshot {
            not_older(Role::Snapshot, new.names.version, known.content.version)?;
        }
        check_expiry(Role::Timestamp, new.content.expires, self.began)?;
        // Two of one version say the same; the first that was seen stays.
        if is_newer {
            self.known.timestamp = Some(new);
        }
        self.stage = Stage::Snapshot;
        self.skip_known_snapshot()
    }

    fn skip_known_snapshot(&mut self) -> Result<(), TufError> {
        let named = self.known.timestamp.as_ref().map(|m| m.names.clone());
        let known = self.known.snapshot.as_ref();
        if let (Some(named), Some(known)) = (named, known)
            && known.content.version == named.version
            && named.check(&known.bytes).is_ok()
        {
            check_expiry(Role::Snapshot, known.content.expires, self.began)?;
            self.stage = Stage::Targets;
            return self.skip_known_targets();
        }
        Ok(())
    }

    fn take_snapshot(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        let named = self.known.timestamp.as_ref().ok_or(TufError::NotWanted)?;
        named.names.check(bytes)?;
        let new = Pointing::snapshot(bytes, self.known.root())?;
        exactly(Role::Snapshot, new.content.version, named.names.version)?;
        if let Some(known) = &self.known.snapshot {
            not_older(Role::Targets, new.names.version, known.names.version)?;
        }
        check_expiry(Role::Snapshot, new.content.expires, self.began)?;
        self.known.snapshot = Some(new);
        self.stage = Stage::Targets;
        self.skip_known_targets()
    }

    fn skip_known_targets(&mut self) -> Result<(), TufError> {
        let named = self.known.snapshot.as_ref().map(|m| m.names.clone());
        let known = self.known.targets.clone();
        if let (Some(named), Some(known)) = (named, known)
            && known.content.version == named.version
            && named.check(&known.bytes).is_ok()
        {
            return self.begin_files(known);
        }
        Ok(())
    }

    fn take_targets(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        let named = self.known.snapshot.as_ref().ok_or(TufError::NotWanted)?;
        named.names.check(bytes)?;
        let new = Held::targets(bytes, self.known.root())?;
        exactly(Role::Targets, new.content.version, named.names.version)?;
        self.begin_files(new)
    }

    fn begin_files(&mut self, targets: Held<Targets>) -> Result<(), TufError> {
        check_expiry(Role::Targets, targets.content.expires, self.began)?;
        for (name, must) in &self.wanted {
            match targets.content.files.get(name) {
                None if *must => {
                    let name = name.clone();
                    return Err(TufError::NotListed { name });
                }
                None => {}
                Some(file) => check_length(file)?,
            }
        }
        self.next_targets = Some(targets);
        self.stage = Stage::Files;
        self.skip_known_files();
        Ok(())
    }

    /// The file to fetch now: the first that is wanted and listed, and is not there yet.
    fn next_file(&self) -> Option<(&str, &TargetFile)> {
        let listed = &self.next_targets.as_ref()?.content.files;
        let have = |name: &str| self.next_files.iter().any(|(known, _)| known == name);
        let mut missing = self.wanted.iter().filter(|(name, _)| !have(name));
        missing.find_map(|(name, _)| listed.get(name).map(|file| (name.as_str(), file)))
    }

    /// Takes over what is known already, up to a file that is not; or ends the update.
    fn skip_known_files(&mut self) {
        while let Some((name, file)) = self.next_file() {
            let known = self.known.file(name);
            let Some(bytes) = known.filter(|bytes| TargetFile::of(bytes) == *file) else {
                return;
            };
            let file = (name.to_owned(), bytes.to_vec());
            self.next_files.push(file);
        }
        self.known.targets = self.next_targets.take();
        self.known.files = self.next_files.drain(..).collect();
        self.stage = Stage::Done;
    }

    fn take_file(&mut self, bytes: &[u8]) -> Result<(), TufError> {
        let (name, file) = self.next_file().ok_or(TufError::NotWanted)?;
        if TargetFile::of(bytes) != *file {
            return Err(TufError::Hash);
        }
        let file = (name.to_owned(), bytes.to_vec());
        self.next_files.push(file);
        self.skip_known_files();
        Ok(())
    }
}

/// Metadata may be used until just before the moment at which it expires.
fn check_expiry(role: Role, expires: UnixSeconds, now: UnixSeconds) -> Result<(), TufError> {
    if now < expires {
        Ok(())
    } else {
        Err(TufError::Expired { role, expires, now })
    }
}

fn not_older(role: Role, found: Version, known: Version) -> Result<(), TufError> {
    if found >= known {
        Ok(())
    } else {
        Err(TufError::Rollback { role, found, known })
    }
}

fn exactly(role: Role, found: Version, wanted: Version) -> Result<(), TufError> {
    if found == wanted {
        Ok(())
    } else {
        Err(TufError::Version {
            role,
            found,
            wanted,
        })
    }
}

fn check_length(file: &TargetFile) -> Result<(), TufError> {
    let (max, length) = (TRUST_FILE_LEN_BYTES_MAX, usize::try_from(file.length));
    let found = length.unwrap_or(usize::MAX);
    if found <= max {
        Ok(())
    } else {
        Err(TufError::TooLong { found, max })
    }
}

#[cfg(test)]
mod tests;
