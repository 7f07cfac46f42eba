//! The metadata of The Update Framework: how clients get trust files and learn of new ones.
//!
//! Four roles sign four files. `root` says which keys each role has, and every version of it is
//! signed by the keys of the one before, so that a client walks from the version that it was given
//! to the newest. `targets` lists the files with their hashes, `snapshot` says which `targets` is
//! current and `timestamp` which `snapshot`; its early expiry is what stops somebody from showing
//! clients an old state for long. Versions of all but `timestamp` have the version in their names,
//! and target files their hash, so that a client which began with one state can end with it.
//!
//! Spec: <https://theupdateframework.github.io/specification/v1.0.33/>, as far as Sigstore's
//! clients use it: no delegations, and ECDSA on P-256 the one kind of key.
//!
//! Fields that are not in the spec are ignored but signed, as it wants, so that other people's
//! metadata can be checked. What is written has none.
//!
//! A client that follows a repository is an [`Update`] of what it has [`Known`].
//!
//! Not here: private keys, and when to write which version (`ca`); fetching and keeping files.
//!
//! Invariant: signatures are checked over the canonical form of the JSON that was received, never
//! over what a parsed type would be written as.

use std::fmt;

use thiserror::Error;

use crate::canonical_json::JsonError;
use crate::time::UnixSeconds;
use crate::time_range::ProtoTime;

pub use envelope::Envelope;
pub use key::TufKey;
pub use known::Known;
pub use listing::{Snapshot, TargetFile, Targets, Timestamp};
pub use root::{RoleKeys, Root};
pub use update::{Update, UpdateError, Wanted};

pub mod canonical;
mod envelope;
mod fields;
mod key;
mod known;
mod listing;
mod meta_file;
mod root;
mod update;

/// The longest metadata file that is read.
pub const METADATA_LEN_BYTES_MAX: usize = 512 * 1024;

/// The version of the specification that is written. Any 1.x is read.
pub const SPEC_VERSION: &str = "1.0.31";

/// Who signs a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The keys of all roles.
    Root,
    /// The list of files.
    Targets,
    /// Which list of files is current.
    Snapshot,
    /// Which snapshot is current.
    Timestamp,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];

    /// The name in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Targets => "targets",
            Role::Snapshot => "snapshot",
            Role::Timestamp => "timestamp",
        }
    }

    /// The path of a version: `3.root.json`, but always `timestamp.json`.
    #[must_use]
    pub fn path(self, version: Version) -> String {
        match self {
            Role::Timestamp => "timestamp.json".to_owned(),
            _ => format!("{version}.{}.json", self.name()),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The version of a metadata file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u32);

impl Version {
    /// Where every role begins.
    pub const FIRST: Version = Version(1);

    /// A version from its number, `None` for 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Version> {
        if number == 0 {
            None
        } else {
            Some(Version(number))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one that follows.
    ///
    /// # Panics
    ///
    /// After 4,294,967,295, which takes a version each second for a century.
    #[must_use]
    pub const fn next(self) -> Version {
        Version(self.0.checked_add(1).expect("versions end at 2^32 - 1"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why metadata was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TufError {
    /// Longer than any real file.
    #[error("metadata: {found} bytes, at most {max} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field is missing, or not what it should be.
    #[error("{path}: wanted {wanted}")]
    Field {
        /// The field.
        path: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// Signed JSON may not have numbers that are no integers.
    #[error("the number {found} has no canonical form, wanted an integer")]
    NotCanonical {
        /// The number.
        found: String,
    },
    /// One key signed twice.
    #[error("signatures: the key {key_id} is there twice")]
    SignedTwice {
        /// Its id.
        key_id: String,
    },
    /// Too few of a role's keys signed.
    #[error("{role} has {found} good signatures by keys of {by}, wanted {wanted}")]
    Threshold {
        /// What was to be signed.
        role: Role,
        /// Whose keys were looked for, for example `root 3`.
        by: String,
        /// How many different keys signed.
        found: usize,
        /// How many must.
        wanted: u32,
    },
    /// A version is not the one that must follow.
    #[error("{role} has version {found}, wanted {wanted}")]
    Version {
        /// Whose.
        role: Role,
        /// What it is.
        found: Version,
        /// What it must be.
        wanted: Version,
    },
    /// It may not be used any more, because somebody could be holding back a newer one.
    #[error("{role} expired at {}, and it is {}", date(*expires), date(*now))]
    Expired {
        /// What has expired.
        role: Role,
        /// The first moment at which it is refused.
        expires: UnixSeconds,
        /// When it was to be used.
        now: UnixSeconds,
    },
    /// Older than what was seen before: somebody shows an old state again.
    #[error("{role} has version {found}, but version {known} was seen before")]
    Rollback {
        /// What has gone back.
        role: Role,
        /// Its version now.
        found: Version,
        /// The version that was there.
        known: Version,
    },
    /// Another length than the metadata above it says.
    #[error("{found} bytes, wanted {wanted}")]
    Length {
        /// Its length in bytes.
        found: usize,
        /// What is signed.
        wanted: usize,
    },
    /// Other bytes than the metadata above it says.
    #[error("not the bytes whose hash is signed")]
    Hash,
    /// It is not there.
    #[error("missing")]
    Missing,
    /// A file that must be listed is not.
    #[error("{name} is not among the files of this repository")]
    NotListed {
        /// The file.
        name: String,
    },
    /// A server that never runs out of roots.
    #[error("more than {max} roots in one update")]
    TooManyRoots {
        /// The limit.
        max: u32,
    },
    /// Something was given to an update that was not asked for.
    #[error("not a file that is needed now")]
    NotWanted,
    /// A kind of key that cannot be used.
    #[error("{path}: not an ecdsa p-256 key in pem: {reason}")]
    Key {
        /// Where.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// A moment for people.
fn date(time: UnixSeconds) -> String {
    let known = ProtoTime::from_seconds(time);
    known.map_or_else(|| "the end of time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
