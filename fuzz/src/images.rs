//! What registries say of container images, and how images are named: [`sigstore::image`].

use std::collections::BTreeMap;

use sigstore::SigstoreBundle;
use sigstore::canonical_json::parse_no_duplicates;
use sigstore::image::{Challenge, ImageReference, Index, Manifest, older};

/// Deeper than annotations nest.
const DEPTH_MAX: usize = 8;

/// Names of images: [`ImageReference::parse`].
#[must_use]
pub fn image_reference(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(reference) = ImageReference::parse(text) else {
        return false;
    };
    assert_eq!(reference.to_string(), text, "a name has one form");
    let url = [reference.registry(), reference.repository()].concat();
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b".:[]_-/".contains(&c);
    assert!(url.bytes().all(is_plain), "it can be put into a URL");
    assert!(!url.contains("/../"), "and stays where it is put");
    true
}

/// Manifests and indexes: [`Manifest::parse`], [`Index::parse`].
#[must_use]
pub fn image_manifest(bytes: &[u8]) -> bool {
    let manifest = Manifest::parse(bytes);
    if let Ok(manifest) = &manifest {
        let again = Manifest::parse(&manifest.encode());
        assert_eq!(again.as_ref(), Ok(manifest), "it is read as it was");
    }
    let index = Index::parse(bytes);
    if let Ok(index) = &index {
        let again = Index::parse(&index.encode());
        assert_eq!(again.as_ref(), Ok(index), "it is read as it was");
    }
    manifest.is_ok() || index.is_ok()
}

/// Signatures of the older layout: a payload, or annotations as a JSON object, which may be those
/// of an attestation. Accepted is what is any of the three.
#[must_use]
pub fn image_signature(bytes: &[u8]) -> bool {
    let is_payload = older::parse_payload(bytes).is_ok();
    let attested = older::parse_attestation(bytes, &BTreeMap::new());
    let annotations = parse_no_duplicates(bytes, DEPTH_MAX).ok();
    let annotations = annotations.and_then(|value| serde_json::from_value(value).ok());
    let annotations: BTreeMap<String, String> = annotations.unwrap_or_default();
    let signed = older::parse_signature(&annotations);
    for bundle in [&attested, &signed].into_iter().flatten() {
        let again = SigstoreBundle::parse(&bundle.encode());
        // Two certificates that are the same are no chain to write.
        if let Ok(again) = again {
            assert_eq!(&again, bundle, "it can be written as a bundle of today");
        }
    }
    is_payload || attested.is_ok() || signed.is_ok()
}

/// Headers `WWW-Authenticate` of registries: [`Challenge::parse`].
#[must_use]
pub fn registry_challenge(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    match Challenge::parse(text) {
        Ok(Challenge::Basic) => true,
        Ok(Challenge::Bearer { realm, .. }) => {
            assert!(!realm.is_empty(), "it says where tokens are");
            true
        }
        Err(_) => false,
    }
}
