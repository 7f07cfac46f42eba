//! The repository as a value: made, renewed, and read as files. How it is changed is in `change`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sigstore::UnixSeconds;
use sigstore::tuf::{
    Envelope, Role, RoleKeys, Root, Snapshot, TargetFile, Targets, Timestamp, TufKey, Version,
};

use super::change::RoleHolders;
use super::update::sign;
use super::{Expiry, Lifetimes, RootKeys, TrustRootError};
use crate::signer::Signer;

/// The files that clients want, by name.
pub type TargetFiles = BTreeMap<String, Vec<u8>>;

/// A TUF repository. Small: some files of a few kilobytes, and nothing is ever taken out, so that a
/// client which began with an old state can walk on from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    pub(super) lifetimes: Lifetimes,
    /// Every file under its path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// The newest of each role, also among `files`.
    pub(super) root: (Root, Envelope),
    pub(super) targets: Targets,
    pub(super) snapshot: Snapshot,
    pub(super) timestamp: Timestamp,
    /// Whether snapshot and timestamp must be signed anew whatever their age: an update was
    /// interrupted.
    pub(super) is_unfinished: bool,
}

/// The keys of a repository that is made.
#[derive(Clone, Copy, Debug)]
pub struct InitialKeys<'a> {
    /// Signs roots.
    pub root: &'a dyn Signer,
    /// Signs lists of files.
    pub targets: &'a dyn Signer,
    /// Signs snapshots and timestamps.
    pub online: &'a dyn Signer,
}

impl Repository {
    /// Makes a repository: version 1 of everything.
    ///
    /// # Errors
    ///
    /// [`TrustRootError`]: lifetimes, file names or keys that cannot be used, or signing failed.
    pub fn create(
        keys: InitialKeys<'_>,
        files: TargetFiles,
        lifetimes: Lifetimes,
        now: UnixSeconds,
    ) -> Result<Repository, TrustRootError> {
        lifetimes.check()?;
        let root_keys = RootKeys {
            root: RoleHolders::single(key_of(keys.root, "root")?),
            targets: RoleHolders::single(key_of(keys.targets, "targets")?),
            online: key_of(keys.online, "snapshot and timestamp")?,
        };
        let first = Version::FIRST;
        let root = new_root(&root_keys, first, lifetimes.expiry(Role::Root, now));
        let mut root_file = root.unsigned();
        sign(&mut root_file, keys.root)?;
        Root::verify_first(&root_file).map_err(in_file(&Role::Root.path(first)))?;
        let targets = list_files(&files, first, lifetimes.expiry(Role::Targets, now))?;
        let mut targets_file = targets.unsigned();
        sign(&mut targets_file, keys.targets)?;
        let mut repository = Repository {
            lifetimes,
            files: BTreeMap::from([
                (Role::Root.path(first), root_file.encode()),
                (Role::Targets.path(first), targets_file.encode()),
            ]),
            root: (root, root_file),
            snapshot: Snapshot {
                version: first,
                expires: lifetimes.expiry(Role::Snapshot, now),
                targets: first,
            },
            timestamp: Timestamp {
                version: first,
                expires: lifetimes.expiry(Role::Timestamp, now),
                snapshot: first,
            },
            targets,
            is_unfinished: false,
        };
        repository.insert_target_files(files);
        let signed = [
            (repository.snapshot.unsigned(), Role::Snapshot),
            (repository.timestamp.unsigned(), Role::Timestamp),
        ];
        for (mut envelope, role) in signed {
            sign(&mut envelope, keys.online)?;
            repository.files.insert(role.path(first), envelope.encode());
        }
        Ok(repository)
    }

    /// Every file under its path, to be stored and served: `1.root.json`, `timestamp.json`,
    /// `targets/<sha256>.trusted_root.json` and so on.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The current files that clients want, by name.
    #[must_use]
    pub fn target_files(&self) -> TargetFiles {
        let listed = self.targets.files.iter();
        let stored = listed.filter_map(|(name, file)| {
            let bytes = self.files.get(&file.path(name))?;
            Some((name.clone(), bytes.clone()))
        });
        stored.collect()
    }

    /// The first root: what clients are given to begin with.
    #[must_use]
    pub fn first_root(&self) -> &[u8] {
        let first = self.files.get(&Role::Root.path(Version::FIRST));
        first.map_or(&[], Vec::as_slice)
    }

    /// What tells this repository from any other: the first 8 hex digits of the SHA-256 of its
    /// first root. Clients keep what they know of a repository by its URL, so the URL should have
    /// it.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = hex::encode(Sha256::digest(self.first_root()));
        id.truncate(8);
        id
    }

    /// The newest root.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root.0
    }

    /// When the current metadata expires, role by role.
    #[must_use]
    pub fn expiries(&self) -> [Expiry; 4] {
        Role::ALL.map(|role| Expiry {
            role,
            expires: match role {
                Role::Root => self.root.0.expires,
                Role::Targets => self.targets.expires,
                Role::Snapshot => self.snapshot.expires,
                Role::Timestamp => self.timestamp.expires,
            },
        })
    }

    /// Whether [`Repository::renew`] would do anything. Ask at least once a day.
    #[must_use]
    pub fn is_renewal_due(&self, now: UnixSeconds) -> bool {
        self.is_due(Role::Snapshot, now) || self.is_due(Role::Timestamp, now)
    }

    /// Signs anew what the online key signs, where a third of its time has passed or an update was
    /// interrupted. Returns the paths of the new files in the order in which to write them.
    ///
    /// # Errors
    ///
    /// [`TrustRootError`]: the key is not the root's, or signing failed. Nothing has changed then.
    pub fn renew(
        &mut self,
        online: &dyn Signer,
        now: UnixSeconds,
    ) -> Result<Vec<String>, TrustRootError> {
        if !self.is_renewal_due(now) {
            return Ok(Vec::new());
        }
        let mut next = self.clone();
        let paths = next.sign_online(online, now, self.is_due(Role::Snapshot, now))?;
        *self = next;
        Ok(paths)
    }

    /// Signs a timestamp, and if wanted a snapshot before it.
    pub(super) fn sign_online(
        &mut self,
        online: &dyn Signer,
        now: UnixSeconds,
        with_snapshot: bool,
    ) -> Result<Vec<String>, TrustRootError> {
        let mut paths = Vec::new();
        if with_snapshot {
            self.snapshot = Snapshot {
                version: self.snapshot.version.next(),
                expires: self.lifetimes.expiry(Role::Snapshot, now),
                targets: self.targets.version,
            };
            let path = Role::Snapshot.path(self.snapshot.version);
            self.insert_signed(&path, self.snapshot.unsigned(), Role::Snapshot, online)?;
            paths.push(path);
        }
        self.timestamp = Timestamp {
            version: self.timestamp.version.next(),
            expires: self.lifetimes.expiry(Role::Timestamp, now),
            snapshot: self.snapshot.version,
        };
        let path = Role::Timestamp.path(self.timestamp.version);
        self.insert_signed(&path, self.timestamp.unsigned(), Role::Timestamp, online)?;
        paths.push(path);
        self.is_unfinished = false;
        Ok(paths)
    }

    fn insert_signed(
        &mut self,
        path: &str,
        mut envelope: Envelope,
        role: Role,
        online: &dyn Signer,
    ) -> Result<(), TrustRootError> {
        let key = key_of(online, role.name())?;
        let root = &self.root.0;
        if !root.role(role).key_ids.contains(&key.id()) {
            return Err(TrustRootError::OnlineKey {
                found: key.id(),
                root_version: root.version.get(),
                role,
            });
        }
        sign(&mut envelope, online)?;
        root.verify(&envelope, role).map_err(in_file(path))?;
        self.files.insert(path.to_owned(), envelope.encode());
        Ok(())
    }

    pub(super) fn insert_target_files(&mut self, files: TargetFiles) -> Vec<String> {
        let mut paths = Vec::new();
        for (name, bytes) in files {
            let path = TargetFile::of(&bytes).path(&name);
            if self.files.insert(path.clone(), bytes).is_none() {
                paths.push(path);
            }
        }
        paths
    }

    fn is_due(&self, role: Role, now: UnixSeconds) -> bool {
        let expiries = self.expiries();
        let expiry = expiries.iter().find(|expiry| expiry.role == role);
        let is_old = |expiry: &Expiry| self.lifetimes.is_due(role, expiry.expires, now);
        self.is_unfinished || expiry.is_some_and(is_old)
    }
}

/// The TUF form of a signer's key.
pub(super) fn key_of(signer: &dyn Signer, role: &'static str) -> Result<TufKey, TrustRootError> {
    TufKey::from_spki_der(signer.public_key()).map_err(|error| TrustRootError::Key { role, error })
}

pub(super) fn in_file(path: &str) -> impl Fn(sigstore::tuf::TufError) -> TrustRootError {
    move |error| TrustRootError::Metadata {
        path: path.to_owned(),
        error,
    }
}

pub(super) fn new_root(keys: &RootKeys, version: Version, expires: UnixSeconds) -> Root {
    let offline = keys.root.keys.iter().chain(&keys.targets.keys);
    let all = offline.chain([&keys.online]);
    Root {
        version,
        expires,
        keys: all.map(|key| (key.id(), key.clone())).collect(),
        root: keys.root.role_keys(),
        targets: keys.targets.role_keys(),
        snapshot: RoleKeys::single(&keys.online),
        timestamp: RoleKeys::single(&keys.online),
    }
}

pub(super) fn list_files(
    files: &TargetFiles,
    version: Version,
    expires: UnixSeconds,
) -> Result<Targets, TrustRootError> {
    for name in files.keys() {
        check_name(name)?;
    }
    let listed = files
        .iter()
        .map(|(name, bytes)| (name.clone(), TargetFile::of(bytes)));
    Ok(Targets {
        version,
        expires,
        files: listed.collect(),
    })
}

/// A name becomes part of a path and a URL.
pub(super) fn check_name(name: &str) -> Result<(), TrustRootError> {
    const NAME_LEN_BYTES_MAX: usize = 128;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_good = !name.is_empty() && name.len() <= NAME_LEN_BYTES_MAX && name.bytes().all(plain);
    if is_good {
        return Ok(());
    }
    let name = name.to_owned();
    Err(TrustRootError::FileName { name })
}
