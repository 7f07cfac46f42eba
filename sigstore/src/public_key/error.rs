//! Why a key or a signature was refused: by which check, with what was found and what is wanted.

use thiserror::Error;

use super::KeyKind;
use crate::key_details::HashAlgorithm;

/// Why bytes were refused as a public key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// Longer than any key or certificate that could be accepted.
    #[error("{what} of {found} bytes, at most {max} are accepted")]
    TooLong {
        /// `public key` or `certificate`.
        what: &'static str,
        /// The length in bytes.
        found: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// PEM, where DER is wanted.
    #[error("{what} is pem, wanted der: decode the base64 between its BEGIN and END lines")]
    Pem {
        /// `public key` or `certificate`.
        what: &'static str,
    },
    /// Not the one canonical DER value it should be.
    #[error("{what} is not well-formed der: {reason}")]
    Malformed {
        /// `public key` or `certificate`, or a part of one.
        what: &'static str,
        /// What the parser met.
        reason: String,
    },
    /// The key's algorithm is not ECDSA, Ed25519 or RSA.
    #[error("key algorithm {oid}, wanted ecdsa, ed25519 or rsa (rsaEncryption)")]
    Algorithm {
        /// The object identifier that was found.
        oid: String,
    },
    /// An ECDSA key on another curve.
    #[error("curve {oid}, wanted p-256, p-384 or p-521, as a named curve")]
    Curve {
        /// The object identifier that was found, or what was found in its place.
        oid: String,
    },
    /// The algorithm parameters are not those that the algorithm has.
    #[error("wrong algorithm parameters, wanted {wanted}")]
    Parameters {
        /// What should be there.
        wanted: &'static str,
    },
    /// The key bytes are no key of the algorithm: a point off the curve, compressed, or worse.
    #[error("not a usable {algorithm} key: {reason}")]
    Key {
        /// The algorithm.
        algorithm: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The RSA modulus is too short or too long.
    #[error("rsa modulus of {found} bits, wanted {min} to {max}")]
    RsaModulus {
        /// Its length in bits.
        found: usize,
        /// The least accepted length in bits.
        min: u32,
        /// The greatest accepted length in bits.
        max: u32,
    },
}

/// Why a signature was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The key does not sign over this hash.
    #[error("an {kind} key signs over {wanted} here, not over {found}")]
    Hash {
        /// The key.
        kind: KeyKind,
        /// The hash that was named.
        found: HashAlgorithm,
        /// The hash of this kind of key.
        wanted: HashAlgorithm,
    },
    /// The digest is shorter or longer than the hash makes it.
    #[error("digest of {found} bytes, wanted {wanted}")]
    DigestLen {
        /// The length in bytes.
        found: usize,
        /// The hash's length in bytes.
        wanted: usize,
    },
    /// Longer than any signature that could be accepted.
    #[error("signature of {found} bytes, at most {max} are accepted")]
    TooLong {
        /// The length in bytes.
        found: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Not in a form that the algorithm has.
    #[error("signature of {found} bytes is not in the form of {wanted}")]
    Malformed {
        /// The length in bytes.
        found: usize,
        /// The forms that are accepted.
        wanted: &'static str,
    },
    /// The signature does not verify.
    #[error("the signature is not one of this digest by this {kind} key")]
    Mismatch {
        /// The key.
        kind: KeyKind,
    },
}
