//! Why a key or a signature was refused: the format, the check, what was found and what is wanted.

use thiserror::Error;

use super::Format;
use crate::key_details::HashAlgorithm;
use crate::time::UnixSeconds;

/// Why bytes are no key or signature, or why a signature does not hold.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PkiError {
    /// Nothing that is known here.
    #[error("{what} of an unknown format, wanted {wanted}")]
    UnknownFormat {
        /// A key or a signature.
        what: What,
        /// The formats there are, and how they begin.
        wanted: &'static str,
    },
    /// Longer than anything that could be accepted.
    #[error("{format} {what} of {found} bytes, at most {max} are read")]
    TooLong {
        /// The format.
        format: Format,
        /// A key or a signature.
        what: What,
        /// The length in bytes.
        found: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// More parts than anything that could be accepted.
    #[error("{format} {what} with more than {max} {parts}")]
    TooMany {
        /// The format.
        format: Format,
        /// A key or a signature.
        what: What,
        /// What there are too many of.
        parts: &'static str,
        /// The limit.
        max: usize,
    },
    /// Not what the format wants there to be.
    #[error("{format} {what} is malformed: {reason}")]
    Malformed {
        /// The format.
        format: Format,
        /// A key or a signature.
        what: What,
        /// What was met, and what is wanted.
        reason: String,
    },
    /// Well-formed, but of a sort that is not supported, or too weak.
    #[error("{format} {what} with {part} {found}, wanted {wanted}")]
    Unsupported {
        /// The format.
        format: Format,
        /// A key or a signature.
        what: What,
        /// Which part of it.
        part: &'static str,
        /// What it is.
        found: String,
        /// What is supported.
        wanted: &'static str,
    },
    /// Of a format that was left out when the program was built.
    #[error("this is in {format} format, which this program was built without")]
    NotBuilt {
        /// The format.
        format: Format,
    },
    /// A signature of one format and a key of another.
    #[error("the signature is in {signature} format, but the key is in {key} format")]
    OtherFormat {
        /// The key's format.
        key: Format,
        /// The signature's format.
        signature: Format,
    },
    /// The signature says that another key made it.
    #[error("the {format} signature says it is by key {found}, but the key given is {wanted}")]
    OtherKey {
        /// The format.
        format: Format,
        /// The key that the signature names.
        found: String,
        /// The key, or keys, that were given.
        wanted: String,
    },
    /// The signature was made for another purpose.
    #[error("the ssh signature is for the namespace {found:?}, wanted {wanted:?}")]
    Namespace {
        /// The signature's namespace.
        found: String,
        /// The namespace that was asked for.
        wanted: String,
    },
    /// The message is known by its digest alone, and the format signs something else.
    #[error("a digest by {found} cannot check this {format} signature, wanted {wanted}")]
    Digest {
        /// The format.
        format: Format,
        /// The hash that was given.
        found: HashAlgorithm,
        /// What would do.
        wanted: &'static str,
    },
    /// The signature is about another message, or by another key.
    #[error("the {format} signature does not verify: {check} is not by key {key}")]
    Mismatch {
        /// The format.
        format: Format,
        /// What was checked.
        check: &'static str,
        /// The key it was checked with.
        key: String,
    },
    /// Key, certificate or signature were not valid at a time at which they should have been.
    #[error("the {format} {part} was not valid at {at}: {reason}", at = at.get())]
    NotValid {
        /// The format.
        format: Format,
        /// The key, certificate or signature.
        part: String,
        /// The time, in seconds since 1970.
        at: UnixSeconds,
        /// Expired, not yet valid, revoked, with the time since when.
        reason: String,
    },
}

/// What was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A public key.
    Key,
    /// A signature.
    Signature,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            What::Key => "key",
            What::Signature => "signature",
        })
    }
}

/// Bytes of a format that are being read: what an error about them begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) format: Format,
    pub(super) what: What,
}

impl Subject {
    pub(super) const fn key(format: Format) -> Subject {
        let what = What::Key;
        Subject { format, what }
    }

    pub(super) const fn signature(format: Format) -> Subject {
        let what = What::Signature;
        Subject { format, what }
    }

    /// Refuses more bytes than are read.
    pub(super) fn check_len(self, bytes: &[u8], max: usize) -> Result<(), PkiError> {
        let Subject { format, what } = self;
        let found = bytes.len();
        if found > max {
            return Err(PkiError::TooLong {
                format,
                what,
                found,
                max,
            });
        }
        Ok(())
    }

    pub(super) fn malformed(self, reason: impl Into<String>) -> PkiError {
        let Subject { format, what } = self;
        let reason = reason.into();
        PkiError::Malformed {
            format,
            what,
            reason,
        }
    }

    pub(super) fn too_many(self, parts: &'static str, max: usize) -> PkiError {
        let Subject { format, what } = self;
        PkiError::TooMany {
            format,
            what,
            parts,
            max,
        }
    }

    pub(super) fn unsupported(
        self,
        part: &'static str,
        found: impl Into<String>,
        wanted: &'static str,
    ) -> PkiError {
        let Subject { format, what } = self;
        let found = found.into();
        PkiError::Unsupported {
            format,
            what,
            part,
            found,
            wanted,
        }
    }
}
