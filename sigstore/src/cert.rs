//! Certificates of Sigstore: short-lived, and about who signed rather than about a host.
//!
//! | module | what |
//! |---|---|
//! | [`oids`] | the object identifiers, each with where it is defined |
//! | [`san`] | the one name a certificate is for |
//! | [`extensions`] | what else an ID token said: Fulcio's own extensions |
//!
//! Not here: keys of a certificate (`public_key`), signing, and whom to trust.

pub mod extensions;
pub mod oids;
pub mod san;

pub use extensions::{Extension, ExtensionField, ExtensionsError, FulcioExtensions};
pub use san::{SanError, SubjectAltName};
