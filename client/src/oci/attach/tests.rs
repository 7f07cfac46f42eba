//! What is attached is found again, in registries of both sorts.

use sigstore::dsse::{DsseEnvelope, DsseSignature, STATEMENT_TYPE};
use sigstore::{BundleFormat, SignerMaterial};

use super::*;
use crate::http::Http;
use crate::oci::evidence::Layout;
use crate::oci::test_registry::TestRegistry;

fn bundle(signature: u8) -> SigstoreBundle {
    let statement = r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"t",
        "subject":[{"digest":{"sha256":"00"}}]}"#;
    SigstoreBundle {
        format: BundleFormat::V03,
        signer: SignerMaterial::PublicKey {
            hint: String::new(),
        },
        log_entries: Vec::new(),
        timestamps: Vec::new(),
        content: BundleContent::Envelope(DsseEnvelope {
            payload_type: STATEMENT_TYPE.to_owned(),
            payload: statement.as_bytes().to_vec(),
            signatures: vec![DsseSignature {
                key_id: String::new(),
                signature: vec![signature],
            }],
        }),
    }
}

#[test]
fn what_is_attached_is_found_again() {
    for has_referrers in [true, false] {
        let (registry, http) = (TestRegistry::start(), Http::online());
        registry.state.lock().unwrap().has_referrers = has_referrers;
        let image = registry.put_manifest("v1", br#"{"mediaType":"a/b"}"#);
        let repository = registry.repository("", &http);
        for signature in [1, 2] {
            let now = UnixSeconds::new(1_700_000_000);
            attach(&repository, image, &bundle(signature), now).unwrap();
        }
        let finder = Finder {
            registry: &repository,
            image,
        };
        let pieces = finder.pieces(Layout::Current).unwrap();
        let read = pieces.iter().map(|piece| finder.read(piece).unwrap());
        let mut found: Vec<_> = read
            .map(|evidence| {
                assert_eq!(evidence.said_predicate_type.as_deref(), Some("t"));
                evidence.bundle.content.signature().to_vec()
            })
            .collect();
        found.sort();
        assert_eq!(found, [[1], [2]]);
        let is_tagged = finder.tagged().unwrap().is_some();
        assert_eq!(is_tagged, !has_referrers);
    }
}

#[test]
fn an_image_that_is_not_there_gets_nothing() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let repository = registry.repository("", &http);
    let image = ImageDigest::of(b"image");
    let now = UnixSeconds::new(0);
    let refused = attach(&repository, image, &bundle(1), now).unwrap_err();
    assert!(refused.to_string().contains("push the image first"));
    assert!(registry.state.lock().unwrap().blobs.is_empty());
}

#[test]
fn a_registry_may_not_send_the_bundle_elsewhere() {
    let (registry, http) = (TestRegistry::start(), Http::online());
    let image = registry.put_manifest("v1", b"{}");
    let location = "location: https://other.example/\r\n";
    registry.answer("/v2/app/blobs/uploads/", 202, location, b"");
    let repository = registry.repository("", &http);
    let refused = attach(&repository, image, &bundle(1), UnixSeconds::new(0)).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("not of the same registry"), "{said}");
    registry.answer("/v2/app/blobs/uploads/", 403, "", b"");
    let refused = attach(&repository, image, &bundle(1), UnixSeconds::new(0)).unwrap_err();
    assert!(refused.to_string().contains("does not take a blob"));
}
