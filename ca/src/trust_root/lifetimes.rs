//! How long metadata is good for, and when it is renewed.

use sigstore::UnixSeconds;
use sigstore::tuf::Role;

use super::TrustRootError;

/// How many days the metadata of each role is good for from when it is signed.
///
/// Expired metadata stops every client, so what the server renews by itself is renewed when a third
/// of its time has passed. Root and targets need their keys, which may be far away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of a root.
    pub root_days: u32,
    /// Of a list of files.
    pub targets_days: u32,
    /// Of a snapshot.
    pub snapshot_days: u32,
    /// Of a timestamp: how long a server may be down before its clients are, and how long clients
    /// that are cut off can be shown an old state.
    pub timestamp_days: u32,
}

/// A server that is restored after a week must not find its clients locked out.
const TIMESTAMP_DAYS_MIN: u32 = 7;

const DAYS_MAX: u32 = 3653;

const DAY_SECONDS: u64 = 24 * 60 * 60;

impl Default for Lifetimes {
    fn default() -> Self {
        Lifetimes {
            root_days: 365,
            targets_days: 365,
            snapshot_days: 90,
            timestamp_days: 14,
        }
    }
}

impl Lifetimes {
    /// Checks that a timestamp lasts a week and no role's time is shorter than that of the role
    /// that it vouches for.
    ///
    /// # Errors
    ///
    /// [`TrustRootError::Lifetime`].
    pub fn check(&self) -> Result<(), TrustRootError> {
        let refuse = |what, found, wanted| {
            Err(TrustRootError::Lifetime {
                what,
                found,
                wanted,
            })
        };
        if self.timestamp_days < TIMESTAMP_DAYS_MIN {
            return refuse("timestamp", self.timestamp_days, "at least 7");
        }
        if self.snapshot_days < self.timestamp_days {
            let wanted = "at least as many as the timestamp";
            return refuse("snapshot", self.snapshot_days, wanted);
        }
        for (what, found) in [("root", self.root_days), ("targets", self.targets_days)] {
            if found < self.snapshot_days {
                return refuse(what, found, "at least as many as the snapshot");
            }
            if found > DAYS_MAX {
                return refuse(what, found, "at most ten years");
            }
        }
        Ok(())
    }

    /// When metadata that is signed now expires.
    pub(super) fn expiry(&self, role: Role, now: UnixSeconds) -> UnixSeconds {
        now.plus_seconds(self.seconds(role))
    }

    /// When metadata that expires then was signed.
    pub(super) fn signed_at(&self, role: Role, expires: UnixSeconds) -> UnixSeconds {
        UnixSeconds::new(expires.get().saturating_sub(self.seconds(role)))
    }

    /// Whether a third of the time has passed.
    pub(super) fn is_due(&self, role: Role, expires: UnixSeconds, now: UnixSeconds) -> bool {
        let left = expires.get().saturating_sub(now.get());
        left < self.seconds(role) / 3 * 2
    }

    fn seconds(&self, role: Role) -> u64 {
        let days = match role {
            Role::Root => self.root_days,
            Role::Targets => self.targets_days,
            Role::Snapshot => self.snapshot_days,
            Role::Timestamp => self.timestamp_days,
        };
        u64::from(days) * DAY_SECONDS
    }
}

/// When the current metadata of a role expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Whose.
    pub role: Role,
    /// The first moment at which clients refuse it.
    pub expires: UnixSeconds,
}

impl Expiry {
    /// How many seconds are left: negative ones are none.
    #[must_use]
    pub fn seconds_left(&self, now: UnixSeconds) -> u64 {
        self.expires.get().saturating_sub(now.get())
    }
}
