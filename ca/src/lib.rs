//! The certificate authority without its sockets: who may sign as whom.
//!
//! Tokens, keys and the time come in as arguments; certificates, timestamps and trust metadata come
//! out as bytes. Fetching key sets, submitting to the CT log and answering requests is for the
//! server that uses this crate, so everything here can be tested with nothing running.
//!
//! | module | what |
//! |---|---|
//! | [`oidc`] | ID tokens, and the keys they are checked with |
//! | [`issuers`] | whose tokens are believed, and which of them may have certificates |
//! | [`identity`] | from a token's claims to the name in a certificate |
//! | [`error`] | why a token was refused |
//! | [`chain`] | the authority's own certificates: checking them, making them |
//! | [`challenge`] | whether who asks holds the private key |
//! | [`issue`] | precertificate, promise of the log, certificate |
//! | [`signer`] | private keys, behind one interface |
//! | [`trust_root`] | what clients must know, and the TUF repository they get it from |
//! | [`timestamp`] | the timestamp authority, and when its clock is to be trusted |

pub mod chain;
pub mod challenge;
pub mod error;
pub mod identity;
pub mod issue;
pub mod issuers;
pub mod oidc;
pub mod signer;
pub mod timestamp;
pub mod trust_root;

pub use chain::{CertificateChain, ChainError};
pub use challenge::{ChallengeError, CheckedKey, check_csr, check_public_key};
pub use error::Refusal;
pub use identity::{Preset, Principal};
pub use issue::{
    CertificateAuthority, IssueError, IssuedCertificate, OwnPromise, PendingCertificate,
    Precertificate,
};
pub use issuers::{Issuer, IssuerSection, IssuerTable, Profile};
pub use oidc::{KeySets, verify_token};
pub use signer::{SignatureAlgorithm, Signer, SignerError};
pub use timestamp::{ClockGuard, TimestampAuthority, TimestampRefusal};
