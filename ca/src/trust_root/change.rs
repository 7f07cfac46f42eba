//! Changing what is trusted: a change is written down on the server, signed wherever its keys are,
//! and published once everybody who must sign has.

use std::collections::BTreeSet;

use sigstore::UnixSeconds;
use sigstore::tuf::{Envelope, Role, RoleKeys, Root, Targets, TufKey};

use super::repository::{in_file, list_files, new_root};
use super::{Repository, TargetFiles, TrustRootError, Update};
use crate::signer::Signer;

/// What an update changes. Whatever it changes gets a new expiry.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// All keys, for a new root. The same keys again only renew the root.
    pub keys: Option<RootKeys>,
    /// All files, for a new list. The same files again only renew the list.
    pub files: Option<TargetFiles>,
}

/// Who holds which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKeys {
    /// Who signs roots.
    pub root: RoleHolders,
    /// Who signs lists of files.
    pub targets: RoleHolders,
    /// The key that signs snapshots and timestamps.
    pub online: TufKey,
}

/// The keys of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleHolders {
    /// Each of them once.
    pub keys: Vec<TufKey>,
    /// How many must sign.
    pub threshold: u32,
}

impl RoleHolders {
    /// One key that signs alone.
    #[must_use]
    pub fn single(key: TufKey) -> RoleHolders {
        RoleHolders {
            keys: vec![key],
            threshold: 1,
        }
    }

    pub(super) fn role_keys(&self) -> RoleKeys {
        RoleKeys {
            key_ids: self.keys.iter().map(TufKey::id).collect::<BTreeSet<_>>(),
            threshold: self.threshold,
        }
    }
}

impl Repository {
    /// Writes down a change for the holders of the keys to sign.
    ///
    /// # Errors
    ///
    /// [`TrustRootError`]: nothing to change, or files or keys that cannot be used.
    pub fn propose(&self, change: Change, now: UnixSeconds) -> Result<Update, TrustRootError> {
        let (root, root_file) = &self.root;
        let new_root = change.keys.map(|keys| {
            let expires = self.lifetimes.expiry(Role::Root, now);
            new_root(&keys, root.version.next(), expires)
        });
        // New keys for targets must sign the list anew, even if it stays what it was.
        let other_signers = new_root
            .as_ref()
            .is_some_and(|new| new.targets != root.targets);
        let files = match change.files {
            Some(files) => Some(files),
            None if other_signers => Some(self.target_files()),
            None => None,
        };
        if new_root.is_none() && files.is_none() {
            return Err(TrustRootError::NothingToChange);
        }
        let targets = match &files {
            None => None,
            Some(files) => {
                let expires = self.lifetimes.expiry(Role::Targets, now);
                Some(list_files(files, self.targets.version.next(), expires)?)
            }
        };
        Update::new(
            root_file.clone(),
            new_root.map(|root| root.unsigned()),
            targets.map(|targets| targets.unsigned()),
            files.unwrap_or_default(),
        )
    }

    /// Publishes a signed update. Returns the paths of the new files in the order in which to write
    /// them: if only the first of them are stored, loading and renewing completes or drops the
    /// update.
    ///
    /// # Errors
    ///
    /// [`TrustRootError`]: made for another state, expired, not signed by all who must, or not the
    /// root's online key. Nothing has changed then.
    pub fn apply(
        &mut self,
        update: &Update,
        online: &dyn Signer,
        now: UnixSeconds,
    ) -> Result<Vec<String>, TrustRootError> {
        let mut next = self.clone();
        let mut paths = Vec::new();
        if update.base_root().signed_bytes() != self.root.1.signed_bytes() {
            let found = Root::read(update.base_root()).map_err(in_update)?;
            return Err(TrustRootError::Stale {
                role: Role::Root,
                found: found.version.get(),
                current: self.root.0.version.get(),
            });
        }
        if let Some(envelope) = update.root() {
            let root = self.root.0.verify_next(envelope).map_err(in_update)?;
            not_expired(Role::Root, root.expires, now)?;
            next.root = (root, envelope.clone());
        }
        if let Some(envelope) = update.targets() {
            let targets = next.accept_targets(envelope, now)?;
            paths.extend(next.insert_target_files(update.files().clone()));
            let path = Role::Targets.path(targets.version);
            next.files.insert(path.clone(), envelope.encode());
            paths.push(path);
            next.targets = targets;
        } else {
            let path = Role::Targets.path(next.targets.version);
            next.verified(&path, Role::Targets)?;
        }
        if let Some(envelope) = update.root() {
            let path = Role::Root.path(next.root.0.version);
            next.files.insert(path.clone(), envelope.encode());
            paths.push(path);
        }
        paths.extend(next.sign_online(online, now, true)?);
        *self = next;
        Ok(paths)
    }

    fn accept_targets(
        &self,
        envelope: &Envelope,
        now: UnixSeconds,
    ) -> Result<Targets, TrustRootError> {
        let targets = Targets::read(envelope).map_err(in_update)?;
        if targets.version != self.targets.version.next() {
            return Err(TrustRootError::Stale {
                role: Role::Targets,
                found: targets.version.get() - 1,
                current: self.targets.version.get(),
            });
        }
        not_expired(Role::Targets, targets.expires, now)?;
        let verified = self.root.0.verify(envelope, Role::Targets);
        verified.map_err(in_update)?;
        Ok(targets)
    }
}

fn in_update(error: sigstore::tuf::TufError) -> TrustRootError {
    in_file("update")(error)
}

fn not_expired(role: Role, expires: UnixSeconds, now: UnixSeconds) -> Result<(), TrustRootError> {
    if expires > now {
        return Ok(());
    }
    Err(TrustRootError::Expired { role })
}
