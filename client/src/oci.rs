//! Container images: what registries keep about them, read and added to.
//!
//! A registry is believed in nothing. Manifests and blobs are asked for by digest and hashed when
//! they come; a tag is looked up once, said, and is from then on the digest that it was; whatever
//! comes has a limit. A registry can withhold evidence, and then an image is not verified.
//!
//! Both layouts of `sigstore::image` are read, and the current one is written: a bundle in a
//! manifest of its own, which a registry with the referrers API finds by itself, and any other by
//! the tag `sha256-HEX`.
//!
//! Spec: OCI distribution specification 1.1.

pub(crate) use attach::attach;
pub(crate) use evidence::{Finder, ImageEvidence, Layout};
pub(crate) use registry::{Access, Registry};

mod attach;
mod authorize;
mod credentials;
mod evidence;
mod registry;
#[cfg(test)]
mod test_registry;
