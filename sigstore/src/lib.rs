//! Sigstore's formats, and the order in which they are checked.
//!
//! A signer sends a log three things: the digest of an artifact, a signature over that digest and
//! the key (or the certificate with the key) that made it. The log checks that they belong
//! together, writes them down in one canonical form, the entry, and answers with a proof that the
//! entry is in the log. Server, monitor and verifier must agree on each of those bytes, so all of
//! them are read and written here:
//!
//! - [`HashedRekordRequest`] and [`HashedRekord`]: Rekor v2's one entry kind, as requested and as
//!   logged;
//! - [`TransparencyLogEntry`]: the answer;
//! - [`dsse`]: what the signatures of an envelope are over;
//! - [`PublicKey`] and [`KeyDetails`]: keys, their labels, and signatures checked by digest;
//! - [`canonical_json`]: RFC 8785, behind a parser that refuses ambiguous JSON;
//! - [`cert`]: certificates: the name they are for, and what else an ID token said;
//! - [`sct`]: the promises of a certificate log;
//! - [`trusted_root`], [`signing_config`]: whom to trust and where to sign;
//! - [`tuf`]: the metadata by which clients get those two;
//! - [`key_file`]: private keys under a passphrase;
//! - [`timestamp_token`]: RFC 3161 requests and tokens, written and checked.
//! - [`sct`]: the promises of a certificate log, [`ct_entry`]: what it keeps;
//! - [`pki`]: the keys and signatures of other tools, whatever their format;
//! - [`image`]: names of container images, and what registries keep about them.
//!
//! Pure: no I/O, no clock, no randomness, no global state. Sizes are bounded before work is done.
//!
//! # Example
//!
//! From a request to the bytes that a log holds:
//!
//! ```
//! use sigstore::{HashedRekord, HashedRekordRequest};
//!
//! let body = concat!(
//!     r#"{"hashedRekordRequestV002":{"#,
//!     r#""digest":"WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=","#,
//!     r#""signature":{"content":"MEUCIDEL+3EUQRoEy7Mrb/z1RmoH+kyhQF7Y9rfRMJV5FNWxAiEA"#,
//!     r#"sRxp5Lp+00jb+U7+1+3EgjUd3rPXstssxcNk+HraI0s=","verifier":{"#,
//!     r#""keyDetails":"PKIX_ECDSA_P256_SHA_256","#,
//!     r#""publicKey":{"rawBytes":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfPJ7GI0DT36KUjgDBLUa"#,
//!     r#"w8CJaeJ38hs1pgtI/EdmmXgHd1UQ247QQCk9msafdDDbun2t5jzpgimeBLedInhz0Q=="}}}}}"#,
//! );
//! let entry = HashedRekordRequest::parse(body.as_bytes())?.verify()?;
//! let leaf = entry.leaf_bytes();
//! assert!(leaf.starts_with(br#"{"apiVersion":"0.0.2","kind":"hashedrekord","#));
//! assert_eq!(HashedRekord::parse_leaf(&leaf)?, entry);
//!
//! let error = HashedRekordRequest::parse(br#"{"hashed":{}}"#).unwrap_err();
//! assert!(error.to_string().starts_with(r#"request: unknown field "hashed", known are "#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bundle;
pub mod canonical_json;
pub mod cert;
pub mod ct_entry;
pub mod dsse;
pub mod entry;
pub mod identity;
pub mod image;
pub mod key_details;
pub mod key_file;
pub mod pem;
pub mod pki;
pub mod public_key;
pub mod sct;
pub mod signing_config;
pub mod statement;
pub mod time;
pub mod time_range;
pub mod timestamp_token;
pub mod trusted_root;
pub mod tuf;
pub mod verify;

mod der_reader;
mod der_writer;
mod named_signature;
mod proto_json;
#[cfg(test)]
mod test_keys;
mod trust_json;

pub use bundle::{BundleContent, BundleError, BundleFormat, SignerMaterial, SigstoreBundle};
pub use canonical_json::JsonError;
pub use cert::{ExtensionField, FulcioExtensions, SubjectAltName};
pub use ct_entry::{AcceptedRoots, ChainError, CheckedIssuers, SubmittedChain, TileLeaf};
pub use dsse::DsseEnvelope;
pub use entry::hashedrekord::{
    EntryError, HashedRekord, HashedRekordRequest, LeafError, RequestError, VerifierBytes,
};
pub use entry::log_entry::{InclusionProof, KindVersion, LogEntryError, TransparencyLogEntry};
pub use key_details::{HashAlgorithm, KeyDetails};
pub use proto_json::ProtoJsonError;
pub use public_key::{KeyKind, PublicKey, PublicKeyError, SignatureError};
pub use sct::{CtEntry, SctError, SignedCertificateTimestamp};
pub use time::{UnixMillis, UnixSeconds};
pub use trust_json::{TRUST_FILE_LEN_BYTES_MAX, TrustFileError};
