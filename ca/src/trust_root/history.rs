//! Since when clients could know of something: the repository keeps every list that it published,
//! and a snapshot is dated by its expiry, so nothing else has to remember.

use sigstore::UnixSeconds;
use sigstore::tuf::{Envelope, Role, Snapshot, Targets, Version};

use super::{Draft, PartyId, PartyKind, Repository, TargetFiles};

impl Repository {
    /// When the party was first among those that clients trust; `None` if it never was.
    #[must_use]
    pub fn published_at(&self, kind: PartyKind, id: PartyId) -> Option<UnixSeconds> {
        let listed = self.versions(Role::Targets, self.targets.version);
        let first = listed.into_iter().find(|version| {
            let draft = self.listed_at(*version).map(Draft::read);
            matches!(draft, Some(Ok(draft)) if draft.find(kind, id).is_some())
        })?;
        let snapshots = self.versions(Role::Snapshot, self.snapshot.version);
        let shown = snapshots.into_iter().find_map(|version| {
            let file = self.files.get(&Role::Snapshot.path(version))?;
            let snapshot = Snapshot::read(&Envelope::parse(file).ok()?).ok()?;
            (snapshot.targets >= first).then_some(snapshot)
        })?;
        Some(self.lifetimes.signed_at(Role::Snapshot, shown.expires))
    }

    /// The versions of a role whose files there are, oldest first.
    fn versions(&self, role: Role, last: Version) -> Vec<Version> {
        let mut versions = vec![Version::FIRST];
        while let Some(newest) = versions.last().copied().filter(|newest| *newest < last) {
            versions.push(newest.next());
        }
        versions.retain(|version| self.files.contains_key(&role.path(*version)));
        versions
    }

    /// The files that a list named.
    fn listed_at(&self, version: Version) -> Option<TargetFiles> {
        let file = self.files.get(&Role::Targets.path(version))?;
        let targets = Targets::read(&Envelope::parse(file).ok()?).ok()?;
        let listed = targets.files.iter();
        let stored = listed.filter_map(|(name, file)| {
            Some((name.clone(), self.files.get(&file.path(name))?.clone()))
        });
        Some(stored.collect())
    }
}
