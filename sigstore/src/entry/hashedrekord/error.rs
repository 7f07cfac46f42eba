//! Why a request, an entry or a leaf was refused: by which check, at which field, and what to send
//! instead.
//!
//! Not here: status codes. Whoever answers a request decides them; `upstream_message` has the
//! words that rekor-tiles answers with, for clients that look for them.

use std::borrow::Cow;

use thiserror::Error;

use crate::canonical_json::JsonError;
use crate::key_details::KeyDetails;
use crate::proto_json::ProtoJsonError;
use crate::public_key::{PublicKeyError, SignatureError};

/// Why bytes could not be decoded as a request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not the message.
    #[error(transparent)]
    Message(#[from] ProtoJsonError),
    /// Not the message in protobuf's binary form.
    #[error("request: not a CreateEntryRequest: {0}")]
    Protobuf(String),
    /// An empty message, or an empty body.
    #[error("request: hashedRekordRequestV002 is missing")]
    NoRequest,
    /// Part of an envelope is absent or empty.
    #[error("{path}: missing or empty")]
    DsseMissing {
        /// The field.
        path: &'static str,
    },
    /// An envelope with no signature or key, or several.
    #[error(
        "{path}: found {found}, wanted exactly 1, because an entry has one signature and one key: \
         send an envelope for each signature"
    )]
    DsseCount {
        /// The list.
        path: &'static str,
        /// How many it has.
        found: usize,
    },
}

impl RequestError {
    /// What rekor-tiles would say: a fixed text, or the text of its JSON decoder, in whose place
    /// stands ours.
    #[must_use]
    pub fn upstream_message(&self) -> Cow<'static, str> {
        match self {
            RequestError::Json(_) | RequestError::Message(_) | RequestError::Protobuf(_) => {
                Cow::Owned(self.to_string())
            }
            RequestError::NoRequest => Cow::Borrowed("invalid type, must be hashedrekord"),
            RequestError::DsseMissing { .. } | RequestError::DsseCount { .. } => {
                Cow::Borrowed("invalid dsse request")
            }
        }
    }
}

/// Why a decoded request, or an entry, was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryError {
    /// A field that must be there is absent, null or empty.
    #[error("{path}: missing or empty")]
    Missing {
        /// The field.
        path: &'static str,
    },
    /// A field is longer than any valid value.
    #[error("{path}: {found} bytes, at most {max} are accepted")]
    TooLong {
        /// The field.
        path: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The key, or the certificate or the key in it, does not parse.
    #[error("{path}: {source}")]
    PublicKey {
        /// The field.
        path: &'static str,
        /// What is wrong with it.
        source: PublicKeyError,
    },
    /// The label is unset, unknown or not allowed.
    #[error(
        "hashedRekordRequestV002.signature.verifier.keyDetails: {found} is not accepted, use one \
         of {allowed}"
    )]
    KeyDetailsNotAllowed {
        /// The label, by name if it has one.
        found: String,
        /// The labels that are accepted.
        allowed: String,
    },
    /// The label is for another kind of key.
    #[error(
        "hashedRekordRequestV002.signature.verifier.keyDetails: {found} does not fit the key, \
         which is {key}: use {wanted}"
    )]
    KeyDetailsMismatch {
        /// The label.
        found: KeyDetails,
        /// What the key is.
        key: String,
        /// The label that fits.
        wanted: &'static str,
    },
    /// The digest is shorter or longer than the label's hash makes it.
    #[error("hashedRekordRequestV002.digest: {found} bytes, {label} has digests of {wanted}")]
    DigestLen {
        /// Its length in bytes.
        found: usize,
        /// The hash's length in bytes.
        wanted: usize,
        /// The label.
        label: KeyDetails,
    },
    /// The signature does not verify.
    #[error("hashedRekordRequestV002.signature.content: {0}")]
    Signature(#[from] SignatureError),
    /// The entry would not fit into the log.
    #[error(
        "the entry would be {found} bytes, a log takes at most {max}: send a smaller certificate"
    )]
    LeafTooLong {
        /// The leaf's length in bytes.
        found: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The entry that an envelope becomes was refused.
    #[error("dsseRequestV002, logged as SHA-256 of its pre-authentication encoding: {0}")]
    OfEnvelope(Box<EntryError>),
}

impl EntryError {
    /// What rekor-tiles would say. It tells outsiders no more than this.
    #[must_use]
    pub fn upstream_message(&self) -> &'static str {
        "invalid hashedrekord request"
    }
}

/// Why bytes are not the leaf of a `hashedrekord` 0.0.2 entry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeafError {
    /// Longer than a log can hold.
    #[error("leaf of {found} bytes, at most {max} are possible")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not the message.
    #[error(transparent)]
    Message(#[from] ProtoJsonError),
    /// Another kind of entry, or another version.
    #[error("entry of kind {kind} version {version}, wanted hashedrekord 0.0.2")]
    Kind {
        /// Its kind, quoted.
        kind: String,
        /// Its version, quoted.
        version: String,
    },
    /// A part is absent, or empty.
    #[error("{path}: missing or empty")]
    Missing {
        /// The field.
        path: &'static str,
    },
    /// A field has a value that no entry has.
    #[error("{path}: {found}, wanted {wanted}")]
    Field {
        /// The field.
        path: &'static str,
        /// The value.
        found: String,
        /// What was wanted.
        wanted: String,
    },
    /// The right content, but not in the one form that a leaf has.
    #[error("leaf is not in canonical form")]
    NotCanonical,
}
