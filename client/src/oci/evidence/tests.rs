//! Evidence that is there, and what only looks like it.

use std::collections::BTreeMap;

use sigstore::image::Manifest;
use sigstore::{BundleContent, BundleFormat, SignerMaterial, bundle::MessageSignature};

use super::*;
use crate::http::Http;
use crate::oci::test_registry::TestRegistry;

fn bundle() -> SigstoreBundle {
    SigstoreBundle {
        format: BundleFormat::V03,
        signer: SignerMaterial::PublicKey {
            hint: String::new(),
        },
        log_entries: Vec::new(),
        timestamps: Vec::new(),
        content: BundleContent::Message(MessageSignature {
            digest: None,
            signature: vec![1],
        }),
    }
}

fn manifest(registry: &TestRegistry, image: ImageDigest) -> Manifest {
    let media_type = BundleFormat::V03.media_type();
    let mut subject = Descriptor::of(Manifest::MEDIA_TYPE, b"image");
    subject.digest = image;
    Manifest {
        artifact_type: Some(media_type.to_owned()),
        config: Descriptor::of("application/vnd.oci.empty.v1+json", b"{}"),
        layers: vec![registry.put_blob(media_type, &bundle().encode())],
        subject: Some(subject),
        annotations: BTreeMap::new(),
    }
}

#[test]
fn referrers_are_found_by_the_list_or_by_the_tag() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let image = ImageDigest::of(b"image");
    let repository = registry.repository("", &http);
    let finder = Finder {
        registry: &repository,
        image,
    };
    assert!(finder.current().unwrap().is_empty());
    let good = manifest(&registry, image).encode();
    registry.put_manifest("good", &good);
    assert!(finder.current().unwrap().is_empty(), "nothing lists it");
    registry.state.lock().unwrap().has_referrers = true;
    let found = finder.current().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(finder.read(&found[0]).unwrap().bundle, bundle());

    registry.state.lock().unwrap().has_referrers = false;
    let mut sbom = Descriptor::of(Manifest::MEDIA_TYPE, b"sbom");
    sbom.artifact_type = Some("application/spdx+json".to_owned());
    let index = Index {
        manifests: vec![Descriptor::of(Manifest::MEDIA_TYPE, &good), sbom],
        annotations: BTreeMap::new(),
    };
    registry.put_manifest(&image.tag(""), &index.encode());
    assert_eq!(finder.current().unwrap().len(), 1);
    registry.put_manifest(&image.tag(""), b"{}");
    assert!(finder.current().is_err());
}

#[test]
fn what_only_looks_like_evidence_is_refused() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let image = ImageDigest::of(b"image");
    let repository = registry.repository("", &http);
    let finder = Finder {
        registry: &repository,
        image,
    };
    let good = manifest(&registry, image);
    let refused = |manifest: &Manifest, wanted: &str| {
        let bytes = manifest.encode();
        registry.put_manifest("bad", &bytes);
        let piece = Piece::Referrer(Descriptor::of(Manifest::MEDIA_TYPE, &bytes));
        let failure = finder.read(&piece).unwrap_err();
        let said = failure.to_string();
        assert_eq!(failure.exit(), Exit::Refused);
        assert!(said.contains(wanted), "no {wanted:?} in {said}");
    };
    let mut other = good.clone();
    other.subject = Some(Descriptor::of(Manifest::MEDIA_TYPE, b"other"));
    refused(&other, "about another image");
    other.subject = None;
    refused(&other, "about another image");
    let mut two = good.clone();
    two.layers.push(good.layers[0].clone());
    refused(&two, "one layer");
    let mut typed = good.clone();
    typed.layers[0].media_type = "text/plain".to_owned();
    refused(&typed, "text/plain");
    let mut garbage = good.clone();
    garbage.layers[0] = registry.put_blob(BundleFormat::V03.media_type(), b"{}");
    refused(&garbage, "no evidence that can be read");
    let absent = Piece::Referrer(Descriptor::of(Manifest::MEDIA_TYPE, b"absent"));
    let said = finder.read(&absent).unwrap_err().to_string();
    assert!(said.contains("is not there"), "{said}");
}

#[test]
fn layers_of_the_older_tags_are_pieces() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let image = ImageDigest::of(b"image");
    let repository = registry.repository("", &http);
    let finder = Finder {
        registry: &repository,
        image,
    };
    assert!(finder.older().unwrap().is_empty());
    let mut layers = manifest(&registry, image);
    layers.subject = None;
    let mut payload = registry.put_blob(older::PAYLOAD_MEDIA_TYPE, b"payload");
    let signature = "dev.cosignproject.cosign/signature".to_owned();
    payload.annotations.insert(signature, "AQ==".to_owned());
    // What is no payload is passed over.
    layers.layers.push(payload.clone());
    registry.put_manifest(&image.tag(".sig"), &layers.encode());
    let envelope = br#"{"payloadType":"t","payload":"e30=","signatures":[{"sig":"AQ=="}]}"#;
    let mut envelope = registry.put_blob(older::ENVELOPE_MEDIA_TYPE, envelope);
    let said = ("predicateType".to_owned(), "x".to_owned());
    envelope.annotations.extend([said]);
    layers.layers = vec![envelope];
    registry.put_manifest(&image.tag(".att"), &layers.encode());
    let found = finder.older().unwrap();
    let read: Vec<_> = found.iter().map(|p| finder.read(p).unwrap()).collect();
    let [signed, attested] = read.as_slice() else {
        panic!("{read:?}");
    };
    assert_eq!(signed.payload.as_deref(), Some(&b"payload"[..]));
    assert_eq!(signed.bundle.content.signature(), [1]);
    assert_eq!(attested.payload, None);
    assert_eq!(attested.said_predicate_type.as_deref(), Some("x"));

    layers.layers = vec![payload; PIECE_COUNT_MAX + 1];
    registry.put_manifest(&image.tag(".sig"), &layers.encode());
    let said = finder.older().unwrap_err().to_string();
    assert!(said.contains("more evidence than is looked at"), "{said}");
}
