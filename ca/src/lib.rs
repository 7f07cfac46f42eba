//! The certificate authority without its sockets: who may sign as whom.
//!
//! Tokens, keys and the time come in as arguments; certificates, timestamps and trust metadata come
//! out as bytes. Fetching key sets, submitting to the CT log and answering requests is for the
//! server that uses this crate, so everything here can be tested with nothing running.
//!
//! | module | what |
//! |---|---|
//! | [`signer`] | private keys, behind one interface |

pub mod signer;

pub use signer::{SignatureAlgorithm, Signer, SignerError};
