//! Why bytes are not a bundle.

use thiserror::Error;

use crate::canonical_json::JsonError;
use crate::entry::log_entry::LogEntryError;
use crate::key_details::HashAlgorithm;
use crate::pem::PemError;
use crate::proto_json::ProtoJsonError;

/// Why bytes are not a bundle. Each variant says at which field.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleError {
    /// Longer than any that is read.
    #[error("bundle: {found} bytes, at most {max} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not the message.
    #[error(transparent)]
    Message(#[from] ProtoJsonError),
    /// Another kind of file, or a version that is not known.
    #[error(
        "mediaType: found {found}, wanted a bundle of version 0.1, 0.2 or 0.3, for example \
         \"application/vnd.dev.sigstore.bundle.v0.3+json\""
    )]
    MediaType {
        /// What it says, quoted.
        found: String,
    },
    /// A part is absent or empty that a bundle of its version has.
    #[error("{path}: missing or empty")]
    Missing {
        /// The field.
        path: String,
    },
    /// A field of cosign's older bundle.
    #[error("{path}: missing, or not what cosign writes there")]
    NotThat {
        /// The field.
        path: String,
    },
    /// A certificate or key in cosign's older bundle.
    #[error("cert: {0}")]
    Pem(PemError),
    /// A chain where version 0.3 has one certificate.
    #[error(
        "verificationMaterial.x509CertificateChain: a bundle of version 0.3 has one certificate, \
         in the field certificate"
    )]
    ChainInV03,
    /// More items than any signer writes.
    #[error("{path}: {found} items, at most {max} are read")]
    TooMany {
        /// The list.
        path: String,
        /// How many there are.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// An item that is there already: counted twice it would look like two witnesses.
    #[error("{path}: the same as an item before it")]
    Twice {
        /// The item.
        path: String,
    },
    /// The entry of a log.
    #[error("{path}: {source}")]
    LogEntry {
        /// Which entry.
        path: String,
        /// What is wrong with it.
        source: LogEntryError,
    },
    /// A hash that is not known.
    #[error(
        "messageSignature.messageDigest.algorithm: hash algorithm {found}, wanted SHA2_256, \
         SHA2_384 or SHA2_512"
    )]
    HashAlgorithm {
        /// Its number in the enum.
        found: i32,
    },
    /// A digest of another length than its algorithm's.
    #[error(
        "messageSignature.messageDigest.digest: {found} bytes, {algorithm} has digests of {wanted}"
    )]
    DigestLen {
        /// What hash it is said to be of.
        algorithm: HashAlgorithm,
        /// Its length in bytes.
        found: usize,
        /// That of the hash.
        wanted: usize,
    },
    /// None or several signatures in an envelope.
    #[error("dsseEnvelope.signatures: {found} signatures, wanted exactly one")]
    SignatureCount {
        /// How many there are.
        found: usize,
    },
}
