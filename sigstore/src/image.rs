//! Container images: how they are named, and how a registry keeps what was signed about them.
//!
//! An image is known by the SHA-256 of its manifest, so whoever has verified something about that
//! digest has verified the image, wherever its bytes come from. What was signed is kept beside it:
//!
//! - in the current layout, in a manifest whose `subject` is the image and whose one layer is a
//!   Sigstore bundle: found by the registry's list of referrers, or, where it has no such list, by
//!   the tag `sha256-HEX`;
//! - in the older layout, in the manifests under the tags `sha256-HEX.sig` and `sha256-HEX.att`:
//!   each layer with its annotations is one piece of evidence, see [`older`].
//!
//! Nothing here has been checked but its form, and nothing here asks a registry.
//!
//! Spec: OCI image and distribution specifications 1.1; cosign `specs/BUNDLE_SPEC.md` and
//! `specs/SIGNATURE_SPEC.md`.

use std::fmt;

use sha2::{Digest as _, Sha256};

pub use challenge::{Challenge, ChallengeError};
pub use manifest::{Descriptor, Index, Manifest, ManifestError};
pub use older::OlderError;
pub use reference::{ImageReference, ReferenceError, Target};

mod challenge;
mod manifest;
pub mod older;
mod reference;

/// The longest manifest or index that is read, as registries have it.
pub const MANIFEST_LEN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many layers, or manifests of an index, are read: as many as cosign takes.
pub const DESCRIPTOR_COUNT_MAX: usize = 1000;

/// The predicate type by which a statement says no more than that its signer signs the image.
pub const SIGN_PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

/// How the media types of Sigstore bundles of every version begin.
pub const BUNDLE_MEDIA_TYPE_START: &str = "application/vnd.dev.sigstore.bundle";

/// The media type of a configuration that says nothing.
pub const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// The annotation of a bundle's manifest that says what is in the bundle.
pub const CONTENT_ANNOTATION: &str = "dev.sigstore.bundle.content";

/// The annotation of a bundle's manifest that repeats the predicate type of its statement.
pub const PREDICATE_TYPE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";

/// The digest of a manifest or blob: SHA-256, the one algorithm that every registry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageDigest([u8; 32]);

impl ImageDigest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> ImageDigest {
        ImageDigest(Sha256::digest(bytes).into())
    }

    /// A digest that was made elsewhere.
    #[must_use]
    pub const fn new(sha256: [u8; 32]) -> ImageDigest {
        ImageDigest(sha256)
    }

    /// Reads `sha256:` and 64 lower-case hex digits; `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<ImageDigest> {
        let digits = text.strip_prefix("sha256:")?;
        let is_lower = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if !digits.bytes().all(is_lower) {
            return None;
        }
        let mut sha256 = [0; 32];
        hex::decode_to_slice(digits, &mut sha256).ok()?;
        Some(ImageDigest(sha256))
    }

    /// The hash itself.
    #[must_use]
    pub const fn sha256(&self) -> [u8; 32] {
        self.0
    }

    /// The tag under which something about the image is kept: `sha256-HEX` and a suffix, which is
    /// empty for referrers, or `.sig` or `.att` in the older layout.
    #[must_use]
    pub fn tag(&self, suffix: &str) -> String {
        format!("sha256-{}{suffix}", hex::encode(self.0))
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_form() {
        let digest = ImageDigest::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.to_string(), text);
        assert_eq!(ImageDigest::parse(text), Some(digest));
        assert_eq!(digest.tag(".sig"), text.replace(':', "-") + ".sig");
        for wrong in [
            &text.to_uppercase(),
            &text.replace("e3b0", "E3b0"),
            &text.replace("sha256", "sha512"),
            text.get(..70).unwrap(),
            &format!("{text}00"),
        ] {
            assert_eq!(ImageDigest::parse(wrong), None, "{wrong}");
        }
    }
}
