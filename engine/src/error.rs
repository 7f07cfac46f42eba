//! What can fail, by family, and what the caller may do about it.

use std::io;
use std::path::PathBuf;

use tiles::TreeSize;

use crate::limits::LimitsError;
use crate::store::ObjectId;

/// Why an entry was not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Nothing happened; the same call may succeed later or with another entry.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The batch with this entry was not sequenced; the log goes on and the call may be repeated.
    #[error("the batch was not sequenced: {0}")]
    BatchFailed(String),
    /// A durable write has an unknown outcome. The log takes no more entries until it is opened
    /// again; whether this entry is in the log is known only then.
    #[error("the log stopped taking entries and must be reopened: {0}")]
    Fatal(String),
}

/// Why an entry was turned away before anything happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Too much is waiting for an index already. Try again shortly.
    #[error("too many entries are waiting for an index ({count} entries, {bytes} bytes)")]
    PoolFull {
        /// Entries waiting.
        count: usize,
        /// Bytes waiting.
        bytes: usize,
    },
    /// More entries in one call than the pool could ever hold.
    #[error("{found} entries in one call, at most {max} fit")]
    TooMany {
        /// Entries in the call.
        found: usize,
        /// Most the pool holds.
        max: usize,
    },
    /// More bytes in one call than the pool could ever hold.
    #[error("{found} bytes in one call, at most {max} fit")]
    TooManyBytes {
        /// Bytes in the call.
        found: usize,
        /// Most the pool holds.
        max: usize,
    },
    /// The entry is larger than the log's format can store.
    #[error("the entry has {found} bytes, the log takes at most {max}")]
    TooLarge {
        /// Bytes in the entry.
        found: usize,
        /// Most the format takes.
        max: usize,
    },
    /// The caller named an identity where the log's format goes by the leaf hash.
    #[error("this log identifies entries by their leaf hash; leave the identity to it")]
    GivenIdentity,
    /// The log is shutting down.
    #[error("the log is shutting down")]
    Closed,
    /// The log serves reads only.
    #[error("the log is read-only: {0}")]
    ReadOnly(String),
}

/// Why a log could not be created or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is already something where the log was to be made.
    #[error("{} exists already; a log is never made over another", .0.display())]
    Exists(PathBuf),
    /// There is no log here. Opening never makes one: an unmounted volume must not begin a second
    /// history.
    #[error("there is no log at {}; if a volume is not mounted, mount it; otherwise create the log",
        .0.display())]
    Missing(PathBuf),
    /// Another process has the log open.
    #[error("{} is in use by {holder}; stop that process first", path.display())]
    InUse {
        /// The log's directory.
        path: PathBuf,
        /// What the holder wrote into the lock file.
        holder: String,
    },
    /// The configuration names another log than the store holds.
    #[error(
        "the store holds a log whose {field} is {stored}, the configuration says {configured}; \
        these are fixed when a log is created"
    )]
    OtherLog {
        /// What differs: `origin`, `kind`, `log id` or `format`.
        field: &'static str,
        /// What the store says.
        stored: String,
        /// What the configuration says.
        configured: String,
    },
    /// The store is older than a checkpoint that was already shown to the world.
    #[error(
        "the store ends at size {committed} but a checkpoint of size {published} was published: \
        this is an old or damaged copy; restore the newest one, or fetch what is missing from a \
        public copy of the log with `cairnd recover --from URL`"
    )]
    RolledBack {
        /// Size of the committed tree.
        committed: TreeSize,
        /// Size of the published checkpoint.
        published: TreeSize,
    },
    /// The store's tree is not the one that was published.
    #[error(
        "the store's tree at size {size} has root {found}, the published checkpoint says {wanted}"
    )]
    Forked {
        /// The size compared.
        size: TreeSize,
        /// Root hash computed from the store.
        found: tiles::Hash,
        /// Root hash in the published checkpoint.
        wanted: tiles::Hash,
    },
    /// The store is older than what an anchor remembers.
    #[error(
        "the store ends at size {committed} but the anchor {anchor} remembers a checkpoint of size \
        {anchored}: this is an old copy of the log, and nothing is signed over it; fetch what is \
        missing from a public copy of the log with `cairnd recover --from URL`"
    )]
    BehindAnchor {
        /// The anchor.
        anchor: String,
        /// Size of the checkpoint that it remembers.
        anchored: TreeSize,
        /// Size of the committed tree.
        committed: TreeSize,
    },
    /// The store's tree is not the one that an anchor remembers.
    #[error(
        "the store's tree at size {size} has root {found}, the anchor {anchor} remembers {wanted} \
        under this log's signature: two histories exist; keep both, and find out which one others \
        have seen"
    )]
    ForkedFromAnchor {
        /// The anchor.
        anchor: String,
        /// The size compared.
        size: TreeSize,
        /// Root hash computed from the store.
        found: tiles::Hash,
        /// Root hash that the anchor remembers.
        wanted: tiles::Hash,
    },
    /// An anchor cannot be read, or does not hold a checkpoint of this log.
    #[error(
        "the anchor {anchor} cannot be used: {why}; mount it or make it reachable; if it is new, \
        or lost for good, start once with `--without-anchor {anchor}`"
    )]
    Anchor {
        /// The anchor.
        anchor: String,
        /// What is wrong.
        why: String,
    },
    /// Something that was moved to the cold store is not there.
    #[error(
        "the cold store lacks {object}, which was moved there; if its volume is not mounted, \
        mount it, otherwise restore it"
    )]
    ColdMissing {
        /// What is missing.
        object: ObjectId,
    },
    /// The published checkpoint's file is not there or cannot be read.
    #[error("the last published checkpoint at {} cannot be used: {why}; put back the file from a \
        backup, or any later copy of this log's checkpoint", path.display())]
    Published {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A bound is impossible.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The first checkpoint could not be signed.
    #[error("the checkpoint cannot be signed: {0}")]
    Sign(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system said no.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// A stored record is not what was written.
    #[error("damaged record {record}: {why}")]
    Damaged {
        /// The record, by the name others would use for it.
        record: String,
        /// What is wrong with it.
        why: String,
    },
    /// An immutable object exists with other content.
    #[error("{object} exists in the cold store with other content")]
    Differs {
        /// The object.
        object: ObjectId,
    },
    /// The storage engine failed.
    #[error("storage engine: {0}")]
    Backend(String),
}

impl StoreError {
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    pub(crate) fn damaged(record: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Damaged {
            record: record.into(),
            why: why.into(),
        }
    }
}

/// Why a read failed. A resource that is simply not published yet is `Ok(None)`, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The published tree covers this object, and no store has it.
    #[error("{0} is part of the published tree and missing from every store")]
    Missing(ObjectId),
    /// The log is read beside its owner, who alone knows the newest identities.
    #[error("entries cannot be looked up by identity beside the process that owns the log")]
    NotTheOwner,
    /// A size or index outside the published tree.
    #[error("{what} is outside the published tree of size {published}")]
    OutOfRange {
        /// What was asked for.
        what: String,
        /// Size of the published tree.
        published: TreeSize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
