//! Loading a repository from its files, checking it as a client would, but for expiry: a server
//! that was off for a year must be able to renew what it serves.

use std::collections::BTreeMap;

use sigstore::tuf::{Envelope, Role, Root, Snapshot, Targets, Timestamp, TufError, Version};

use super::repository::in_file;
use super::{Lifetimes, Repository, TrustRootError};

impl Repository {
    /// Loads a repository from the files that [`Repository::files`] gave.
    ///
    /// If an update was interrupted while its files were written, what had been written is enough
    /// to complete it, or is left aside; [`Repository::renew`] then has something to do.
    ///
    /// # Errors
    ///
    /// [`TrustRootError`] names the file that is missing or was changed.
    pub fn load(
        files: BTreeMap<String, Vec<u8>>,
        lifetimes: Lifetimes,
    ) -> Result<Repository, TrustRootError> {
        lifetimes.check()?;
        let (roots, root_file) = walk_roots(&files)?;
        let path = Role::Root.path(Version::FIRST);
        let missing = TrustRootError::MissingFile { path };
        let root = roots.last().cloned().ok_or(missing)?;
        let timestamp_path = Role::Timestamp.path(Version::FIRST);
        let timestamp_file = read(&files, &timestamp_path)?;
        let timestamp = Timestamp::read(&timestamp_file).map_err(in_file(&timestamp_path))?;
        verify_any(&roots, &timestamp_file, Role::Timestamp, &timestamp_path)?;
        let (snapshot, snapshot_file) = newest_snapshot(&files, &roots, timestamp.snapshot)?;
        let targets = newest_targets(&files, &root, snapshot.targets)?;
        let is_current = snapshot.targets == targets.version
            && timestamp.snapshot == snapshot.version
            && root.verify(&snapshot_file, Role::Snapshot).is_ok()
            && root.verify(&timestamp_file, Role::Timestamp).is_ok();
        Ok(Repository {
            lifetimes,
            files,
            root: (root, root_file),
            targets,
            snapshot,
            timestamp,
            is_unfinished: !is_current,
        })
    }

    /// Checks that a file is there and signed for its role by the newest root's keys.
    pub(super) fn verified(&self, path: &str, role: Role) -> Result<Envelope, TrustRootError> {
        let envelope = read(&self.files, path)?;
        let root = &self.root.0;
        root.verify(&envelope, role).map_err(in_file(path))?;
        Ok(envelope)
    }
}

fn read(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Result<Envelope, TrustRootError> {
    let bytes = files.get(path).ok_or_else(|| TrustRootError::MissingFile {
        path: path.to_owned(),
    })?;
    Envelope::parse(bytes).map_err(in_file(path))
}

/// Walks from the first root to the newest, as clients do. Returns all of them, and the file of the
/// newest.
fn walk_roots(files: &BTreeMap<String, Vec<u8>>) -> Result<(Vec<Root>, Envelope), TrustRootError> {
    let path = Role::Root.path(Version::FIRST);
    let mut envelope = read(files, &path)?;
    let mut root = Root::verify_first(&envelope).map_err(in_file(&path))?;
    if root.version != Version::FIRST {
        let (found, wanted) = (root.version, Version::FIRST);
        let role = Role::Root;
        return Err(in_file(&path)(TufError::Version {
            role,
            found,
            wanted,
        }));
    }
    let mut roots = vec![root.clone()];
    loop {
        let path = Role::Root.path(root.version.next());
        if !files.contains_key(&path) {
            return Ok((roots, envelope));
        }
        envelope = read(files, &path)?;
        root = root.verify_next(&envelope).map_err(in_file(&path))?;
        roots.push(root.clone());
    }
}

/// Checks a file that an older root's key may have signed, because a rotation was interrupted
/// before the new key could sign it anew. Its versions are counted on from, so they must be ours.
fn verify_any(
    roots: &[Root],
    envelope: &Envelope,
    role: Role,
    path: &str,
) -> Result<(), TrustRootError> {
    let mut refusal = Ok(());
    for root in roots.iter().rev() {
        match root.verify(envelope, role) {
            Ok(()) => return Ok(()),
            Err(error) => refusal = refusal.and(Err(in_file(path)(error))),
        }
    }
    refusal
}

/// The newest snapshot: the one that the timestamp names, or one that was written after it, whose
/// version must not be given again.
fn newest_snapshot(
    files: &BTreeMap<String, Vec<u8>>,
    roots: &[Root],
    named: Version,
) -> Result<(Snapshot, Envelope), TrustRootError> {
    let mut version = named;
    while files.contains_key(&Role::Snapshot.path(version.next())) {
        version = version.next();
    }
    let path = Role::Snapshot.path(version);
    let envelope = read(files, &path)?;
    let snapshot = Snapshot::read(&envelope).map_err(in_file(&path))?;
    verify_any(roots, &envelope, Role::Snapshot, &path)?;
    Ok((snapshot, envelope))
}

/// The newest list of files that is signed as it must be and whose files are all there, but none
/// older than the one that the snapshot names.
fn newest_targets(
    files: &BTreeMap<String, Vec<u8>>,
    root: &Root,
    named: Version,
) -> Result<Targets, TrustRootError> {
    let mut newest = None;
    let mut version = named;
    loop {
        let path = Role::Targets.path(version);
        if version > named && !files.contains_key(&path) {
            break;
        }
        let checked = read(files, &path).and_then(|envelope| {
            let targets = Targets::read(&envelope).map_err(in_file(&path))?;
            root.verify(&envelope, Role::Targets)
                .map_err(in_file(&path))?;
            check_files(files, &targets)?;
            Ok(targets)
        });
        newest = match (newest, checked) {
            // A later list that is not good is the rest of an update that was interrupted.
            (Some(Ok(good)), Err(_)) => Some(Ok(good)),
            (_, checked) => Some(checked),
        };
        version = version.next();
    }
    newest.unwrap_or_else(|| {
        let path = Role::Targets.path(named);
        Err(TrustRootError::MissingFile { path })
    })
}

fn check_files(files: &BTreeMap<String, Vec<u8>>, targets: &Targets) -> Result<(), TrustRootError> {
    for (name, file) in &targets.files {
        let path = file.path(name);
        match files.get(&path) {
            None => return Err(TrustRootError::MissingFile { path }),
            Some(bytes) if sigstore::tuf::TargetFile::of(bytes) != *file => {
                return Err(TrustRootError::WrongFile { path });
            }
            Some(_) => {}
        }
    }
    Ok(())
}
