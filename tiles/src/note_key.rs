//! Keys of signed notes: names, key ids, verifier keys, signers (C2SP signed-note).
//!
//! A verifier key is written as a *vkey*: `<name>+<key id>+<base64 of type byte and key>`. The key
//! id is only a hint that tells which key a signature line is meant for; it is derived from the
//! key, and one that does not match its key is refused.
//!
//! | type | algorithm | key | key id: first four bytes of |
//! |---|---|---|---|
//! | 0x01 | Ed25519 | 32 bytes | SHA-256(name, 0x0A, 0x01, key) |
//! | 0x02 | ECDSA with SHA-256, P-256, P-384 or P-521 | SPKI DER | SHA-256(SPKI DER) |
//! | 0x04 | Ed25519 cosignature with a time | 32 bytes | SHA-256(name, 0x0A, 0x04, key) |
//! | 0x05 | RFC 6962 tree head, ECDSA P-256 | SPKI DER | SHA-256(name, 0x0A, 0x05, log id) |
//!
//! The log id of a 0x05 key is SHA-256(SPKI DER). Other types are refused by their number. Note
//! that the id of a 0x02 key does not depend on the name.

mod name;
mod signer;
mod tree_head;
mod verifier;

pub use name::{KeyId, KeyName, NAME_LEN_BYTES_MAX};
pub use signer::{EcdsaNoteSigner, Ed25519NoteSigner, NoteSigner, SignError};
pub use tree_head::{SignedAt, tree_head_bytes, tree_head_signature};
pub use verifier::{EcdsaCurve, KeyAlgorithm, VerifierKey};

/// What is wrong with a key, or with a signature by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteKeyError {
    /// The key name is empty.
    #[error("a key name cannot be empty")]
    NameEmpty,
    /// The key name is too long.
    #[error("a key name has at most {NAME_LEN_BYTES_MAX} bytes, found {found}")]
    NameTooLong {
        /// How many bytes it has.
        found: usize,
    },
    /// The key name has white space, a control character or a plus sign.
    #[error("a key name cannot have {found:?}, found at byte {position}")]
    NameCharacter {
        /// Where, in bytes from the start of the name.
        position: usize,
        /// What was found there.
        found: char,
    },
    /// The text does not have the three parts of a vkey.
    #[error("a verifier key has the form <name>+<key id>+<base64>")]
    Syntax,
    /// The key id is not eight lower-case hex digits.
    #[error("the key id of a verifier key is eight lower-case hex digits")]
    KeyIdSyntax,
    /// The key is not canonical standard base64 of at least a type byte.
    #[error("the last part of a verifier key is not the base64 of a type byte and a key")]
    Base64,
    /// The type byte stands for something that is not supported.
    #[error("unsupported algorithm: keys of type {type_byte:#04x} are not understood")]
    UnsupportedAlgorithm {
        /// The type byte.
        type_byte: u8,
    },
    /// An Ed25519 key of another length.
    #[error("an Ed25519 key has 32 bytes, found {found}")]
    Ed25519Len {
        /// How many bytes there were.
        found: usize,
    },
    /// Not the DER encoding of an ECDSA key.
    #[error("not a DER SubjectPublicKeyInfo with an uncompressed point on P-256, P-384 or P-521")]
    Spki,
    /// An RFC 6962 log key on another curve than P-256.
    #[error("the key of an RFC 6962 log is on P-256")]
    TreeHeadCurve,
    /// The text is nothing that an RFC 6962 log signs.
    #[error("not a tree head of this log: {reason}")]
    NotATreeHead {
        /// What is wrong with it.
        reason: String,
    },
    /// The key id that was written is not the one that follows from the key.
    #[error("the key id is given as {found}, the key's is {wanted}")]
    KeyIdDiffers {
        /// What was written.
        found: KeyId,
        /// What follows from name and key.
        wanted: KeyId,
    },
    /// Not a private key that this signer can use.
    #[error("cannot use the private key: {reason}")]
    PrivateKey {
        /// What the cryptographic library says.
        reason: String,
    },
    /// The signature is not by this key over this message.
    #[error("the signature does not verify")]
    SignatureInvalid,
}

#[cfg(test)]
mod tests;
