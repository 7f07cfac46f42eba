//! Why a request, a token or a chain of certificates was refused.

use thiserror::Error;

use super::gen_time::GenTime;
use super::response::FailureInfo;
use crate::der_reader::MalformedDer;
use crate::key_details::HashAlgorithm;
use crate::public_key::PublicKeyError;

/// Why a request is not understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Longer than any request needs to be.
    #[error("timestamp request of {found} bytes, at most {max} are accepted")]
    TooLong {
        /// The length in bytes.
        found: usize,
        /// The most that is read.
        max: usize,
    },
    /// Not the DER of a request.
    #[error(transparent)]
    Malformed(#[from] MalformedDer),
    /// Not the JSON of a request.
    #[error("timestamp request in json: {reason}")]
    Json {
        /// What is wrong with it.
        reason: String,
    },
    /// A version that does not exist.
    #[error("timestamp request of version {found}, wanted 1")]
    Version {
        /// The version.
        found: u8,
    },
    /// A hash for which collisions can be made.
    #[error("weak hash algorithm {name} in timestamp request, use sha256, sha384 or sha512")]
    WeakHash {
        /// Its name.
        name: &'static str,
    },
    /// A hash that is not known here.
    #[error("unknown hash algorithm {found} in timestamp request, use sha256, sha384 or sha512")]
    UnknownHash {
        /// Its object identifier, or its name in JSON.
        found: String,
    },
    /// A digest that its hash cannot have made.
    #[error("message digest of {found} bytes, {hash} makes {wanted}")]
    DigestLen {
        /// The hash.
        hash: HashAlgorithm,
        /// The length in bytes.
        found: usize,
        /// The hash's length.
        wanted: usize,
    },
    /// No extension of requests is known.
    #[error("extensions in a timestamp request are not supported, leave them out")]
    Extensions,
}

impl RequestError {
    /// What an answer in DER says to a program.
    #[must_use]
    pub const fn failure(&self) -> FailureInfo {
        match self {
            RequestError::WeakHash { .. } | RequestError::UnknownHash { .. } => {
                FailureInfo::BadAlgorithm
            }
            RequestError::Version { .. } => FailureInfo::BadRequest,
            RequestError::Extensions => FailureInfo::UnacceptedExtension,
            RequestError::TooLong { .. }
            | RequestError::Malformed(_)
            | RequestError::Json { .. }
            | RequestError::DigestLen { .. } => FailureInfo::BadDataFormat,
        }
    }
}

/// Why bytes are not a response or a token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenFormatError {
    /// Longer than any response that could be accepted.
    #[error("timestamp of {found} bytes, at most {max} are accepted")]
    TooLong {
        /// The length in bytes.
        found: usize,
        /// The most that is read.
        max: usize,
    },
    /// Not the DER that it should be.
    #[error(transparent)]
    Malformed(#[from] MalformedDer),
    /// The digest in the token is not one to rely on.
    #[error("in the token: {0}")]
    Imprint(#[from] RequestError),
    /// A structure of another version.
    #[error("{what} of version {found}, wanted the one that RFC 3161 and RFC 5652 have")]
    Version {
        /// The structure.
        what: &'static str,
        /// The version.
        found: u8,
    },
    /// Another content type than that of a timestamp.
    #[error("{what} is {found}, wanted {wanted}")]
    ContentType {
        /// Where it says so.
        what: &'static str,
        /// The object identifier.
        found: String,
        /// The one of RFC 3161.
        wanted: String,
    },
    /// Extensions, of which none is known.
    #[error("extensions in the token, none is supported")]
    Extensions,
    /// The status is neither "granted" nor a refusal, or has what its kind never has.
    #[error("timestamp response with status {found}, wanted 0 for granted or 2 to 5 for rejected")]
    Status {
        /// The status.
        found: u8,
    },
    /// A failure that RFC 3161 does not have.
    #[error("timestamp response with a failure that RFC 3161 does not know")]
    FailureInfo,
    /// Granted, but what?
    #[error("timestamp response with status granted but no token")]
    NoToken,
    /// A token that was not granted.
    #[error("timestamp response with a token although it was rejected")]
    TokenInRejection,
    /// A token has exactly one signer.
    #[error("token with {found} signers, wanted 1")]
    SignerCount {
        /// How many there are.
        found: usize,
    },
    /// A signer's hash that was not announced, as RFC 5652 section 5.1 wants it.
    #[error("signer's hash {found} is not among the token's digest algorithms")]
    DigestAlgorithm {
        /// The object identifier.
        found: String,
    },
    /// An attribute that RFC 5652 or RFC 3161 requires is missing.
    #[error("token without the signed attribute {name}")]
    NoAttribute {
        /// The attribute.
        name: &'static str,
    },
    /// An attribute that may be there once.
    #[error("token with the signed attribute {name} twice")]
    AttributeTwice {
        /// The attribute.
        name: &'static str,
    },
}

/// Why a token proves nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The token is about something else.
    #[error("the token's message imprint is not the digest of what should be timestamped")]
    Imprint,
    /// The token names another signer than the trusted authority's certificate.
    #[error("the token names another signer than the authority's certificate, by {0}")]
    Signer(&'static str),
    /// The token carries a certificate in place of the authority's.
    #[error("the token carries certificates, but not the authority's")]
    Certificate,
    /// The attribute message-digest is not that of the content.
    #[error("the token's signed message digest is not that of its TSTInfo")]
    MessageDigest,
    /// A combination of hash, scheme and key that is not supported.
    #[error("signature algorithm {algorithm} with {key} is not supported")]
    Algorithm {
        /// The object identifiers.
        algorithm: String,
        /// The kind of key.
        key: String,
    },
    /// The signature is by somebody else or about something else.
    #[error("the token's signature is not the authority's")]
    Signature,
    /// The chain was not valid at the token's time.
    #[error(
        "at the token's time, {gen_time}, the certificate at place {place} of the chain was not \
         valid"
    )]
    Validity {
        /// The token's time.
        gen_time: GenTime,
        /// The place in the chain; the authority itself has 0.
        place: usize,
    },
}

/// Why certificates are not those of a timestamp authority.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// There must be at least one, and not too many.
    #[error("chain of {found} certificates, wanted 1 to {max}")]
    Count {
        /// How many there are.
        found: usize,
        /// The most that are read.
        max: usize,
    },
    /// One of them is longer than any certificate that is read.
    #[error("certificate at place {place}: {found} bytes, at most {max} are accepted")]
    TooLong {
        /// The place in the chain, from 0.
        place: usize,
        /// The length in bytes.
        found: usize,
        /// The most that is read.
        max: usize,
    },
    /// One of them is not a certificate.
    #[error("certificate at place {place}: {reason}")]
    Malformed {
        /// The place in the chain, from 0.
        place: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The key in one of them is not supported.
    #[error("certificate at place {place}: {source}")]
    Key {
        /// The place in the chain, from 0.
        place: usize,
        /// What is wrong with it.
        source: PublicKeyError,
    },
    /// One of them may not do what its place in the chain asks for.
    #[error("certificate at place {place}: {reason}")]
    Profile {
        /// The place in the chain, from 0.
        place: usize,
        /// What it lacks.
        reason: &'static str,
    },
    /// One of them was not issued by the next.
    #[error("certificate at place {place} was not issued by the next one: {reason}")]
    NotIssued {
        /// The place in the chain, from 0.
        place: usize,
        /// By which check.
        reason: String,
    },
}
