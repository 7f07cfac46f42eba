//! The trust root of an instance: what clients must know, and the TUF repository they get it from.
//!
//! [`TrustMaterial`] lists the instance's parties and writes the two files that clients read,
//! `trusted_root.json` and `signing_config.v0.2.json`. [`Repository`] is the TUF repository that
//! carries them: a value that is made once, loaded from its files, changed, and asked for its
//! files. [`Draft`] takes what it tells clients, and adds a party or has it succeed another.
//! Storing and serving are for others.
//!
//! | keys | where | sign |
//! |---|---|---|
//! | root, targets | a file that may leave the machine ([`OfflineKeys`]) | what is trusted |
//! | one online key | with the server | that the above is still current |
//!
//! Who takes the server can therefore hold clients back for a while, but never make them trust
//! something else. A change of what is trusted goes in three steps: [`Repository::propose`] writes
//! an [`Update`] on the server, [`Update::sign`] signs it wherever the keys are, without a network,
//! and [`Repository::apply`] publishes it. [`Repository::renew`] needs the online key alone.
//!
//! Invariant: whatever a [`Repository`] holds has been verified as a client would, but for expiry.

use thiserror::Error;

use sigstore::TrustFileError;
use sigstore::key_file::KeyFileError;
use sigstore::tuf::{Role, TufError};

use crate::signer::SignerError;

pub use change::{Change, RoleHolders, RootKeys};
pub use draft::{Draft, DraftError, Party, PartyId, PartyKind, PartyView};
pub use lifetimes::{Expiry, Lifetimes};
pub use material::{CertifiedAuthority, LogIdentity, TrustMaterial, TrustedLog};
pub use offline::OfflineKeys;
pub use repository::{InitialKeys, Repository, TargetFiles};
pub use update::Update;

mod change;
mod draft;
mod history;
mod lifetimes;
mod load;
mod material;
mod offline;
mod repository;
mod update;

/// The name of the file that says whom to trust.
pub const TRUSTED_ROOT: &str = "trusted_root.json";

/// The name of the file that says where to sign.
pub const SIGNING_CONFIG: &str = "signing_config.v0.2.json";

/// Why trust material could not be made, read or changed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustRootError {
    /// Metadata is malformed, or not signed as it must be.
    #[error("{path}: {error}")]
    Metadata {
        /// Which file.
        path: String,
        /// What is wrong with it.
        error: TufError,
    },
    /// A file that must be there is not.
    #[error("{path}: missing, restore the repository from a backup")]
    MissingFile {
        /// Which file.
        path: String,
    },
    /// A file's bytes are not the ones that were signed.
    #[error("{path}: not the bytes that targets.json lists")]
    WrongFile {
        /// Which file.
        path: String,
    },
    /// A name that cannot be part of a path.
    #[error("{name:?} cannot be the name of a target: letters, digits, dots, '-' and '_' only")]
    FileName {
        /// The name.
        name: String,
    },
    /// The server's key is not the one that the root names.
    #[error("the online key {found} is not the one that root {root_version} names for {role}")]
    OnlineKey {
        /// The key's id.
        found: String,
        /// The newest root.
        root_version: u32,
        /// What it would have to sign.
        role: Role,
    },
    /// A key that TUF clients could not use.
    #[error("key for {role}: {error}")]
    Key {
        /// What it was to sign.
        role: &'static str,
        /// What is wrong with it.
        error: TufError,
    },
    /// A key that has nothing to sign in an update.
    #[error("the key {key_id} has nothing to sign here: neither root names it for this update")]
    NoPart {
        /// The key's id.
        key_id: String,
    },
    /// An update was made for another state of the repository.
    #[error("the update was proposed for {role} {found}, but the repository is at {current}")]
    Stale {
        /// What has moved on.
        role: Role,
        /// The version before the update.
        found: u32,
        /// The version now.
        current: u32,
    },
    /// An update has already expired.
    #[error("the update's {role} has expired: propose it again")]
    Expired {
        /// What has expired.
        role: Role,
    },
    /// An update file is not one.
    #[error("update file: {reason}")]
    Update {
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing is to be changed.
    #[error("an update needs new files, new keys or a new expiry")]
    NothingToChange,
    /// Lifetimes that would leave clients without metadata.
    #[error("{what}: {found} days, wanted {wanted}")]
    Lifetime {
        /// Whose.
        what: &'static str,
        /// How long.
        found: u32,
        /// How long it must be.
        wanted: &'static str,
    },
    /// Signing failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A key file was refused.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// What would be published could not be used by clients.
    #[error(transparent)]
    Material(#[from] TrustFileError),
}

#[cfg(test)]
mod tests;
