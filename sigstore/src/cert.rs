//! Certificates of Sigstore: short-lived, and about who signed rather than about a host.
//!
//! | module | what |
//! |---|---|
//! | [`oids`] | the object identifiers, each with where it is defined |
//! | [`san`] | the one name a certificate is for |
//! | [`extensions`] | what else an ID token said: Fulcio's own extensions |
//! | [`profile`] | a signer's certificate, and the precertificate that is logged before it |
//! | [`csr`] | a request for one |
//! | [`authority`] | the certificates above it |
//! | [`view`] | reading any certificate without changing a byte |
//!
//! Not here: keys of a certificate (`public_key`), signing, and whom to trust.

pub mod authority;
pub mod csr;
pub mod extensions;
pub mod name;
pub mod oids;
pub mod profile;
pub mod san;
pub mod signature_algorithm;
pub mod view;

pub use authority::{AuthorityProfile, Purpose, Role};
pub use extensions::{Extension, ExtensionField, ExtensionsError, FulcioExtensions};
pub use name::{DistinguishedName, NameError};
pub use profile::{LeafProfile, LeafTbs, ProfileError, SerialNumber, Validity};
pub use san::{SanError, SubjectAltName};
pub use signature_algorithm::SignatureAlgorithm;
pub use view::{CertificateError, CertificateView, ExtensionView};

#[cfg(test)]
mod conformance;
