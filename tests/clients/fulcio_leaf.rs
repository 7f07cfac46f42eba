//! A certificate that an instance issued to a workflow, compared field by field with one of the
//! public Fulcio for another workflow, from the bundles of the Sigstore conformance suite. They are
//! read beside the checkout where they are kept and are no part of it.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cairn_tests::announce;
use cairn_tests::cairnd::workspace;
use serde_json::Value;
use sigstore::cert::{CertificateView, FulcioExtensions, oids};
use sigstore::{pem, sct};

use crate::openssl::issue;
use crate::scene::Scene;

const WORKFLOW: &str = "acme/app/.github/workflows/release.yml@refs/heads/main";

const TOKEN_SUBJECT: &str = "1.3.6.1.4.1.57264.1.24";

/// The newest of the bundles, with all that Fulcio says of a workflow today.
fn bundle() -> Option<PathBuf> {
    let case = "../shared/conformance/bundle-verify/rekor2-dsse-happy-path/bundle.sigstore.json";
    let path = workspace().join(case);
    if path.exists() {
        return Some(path);
    }
    announce(&format!("SKIPPED: no {}", path.display()));
    None
}

fn leaf_of(bundle: &Path) -> Vec<u8> {
    let bundle: Value = serde_json::from_slice(&fs::read(bundle).unwrap()).unwrap();
    let raw = &bundle["verificationMaterial"]["certificate"]["rawBytes"];
    STANDARD.decode(raw.as_str().unwrap()).unwrap()
}

/// All that must be the same in the two, each with its name.
fn fields(leaf: &CertificateView<'_>) -> Vec<(String, String)> {
    let seconds = leaf.not_after().get() - leaf.not_before().get();
    let mut fields = vec![
        ("subject".to_owned(), hex::encode(leaf.subject())),
        ("validity in seconds".to_owned(), seconds.to_string()),
        // Up to the point itself.
        ("kind of key".to_owned(), hex::encode(&leaf.spki()[..26])),
    ];
    for extension in leaf.extensions() {
        let name = extension.oid.to_string();
        let is_fixed = [oids::KEY_USAGE, oids::EXTENDED_KEY_USAGE].contains(&extension.oid);
        let value = extension.value;
        let form = if is_fixed {
            hex::encode(value)
        } else if extension.oid == oids::CT_SCT_LIST {
            let promises = sct::parse_list(value).unwrap();
            format!("{} promises", promises.len())
        } else if extension.oid == oids::SUBJECT_ALT_NAME {
            // The kind of the one name in it, behind the header of the sequence.
            format!(
                "name of kind {:02x}",
                value[value.len() - content_len(value)]
            )
        } else if value.first() == Some(&UTF8_STRING) {
            "a UTF-8 string".to_owned()
        } else if value.is_ascii() {
            "text alone".to_owned()
        } else {
            format!("{} bytes", value.len())
        };
        fields.push((name, format!("critical: {}, {form}", extension.critical)));
    }
    fields
}

/// The tag of a string in DER.
const UTF8_STRING: u8 = 0x0c;

/// How long what a sequence contains is.
fn content_len(sequence: &[u8]) -> usize {
    assert_eq!(sequence[0], 0x30);
    let header = match sequence[1] {
        0x81 => 3,
        0x82 => 4,
        _ => 2,
    };
    sequence.len() - header
}

#[test]
fn a_workflow_gets_what_fulcio_would_give_it() {
    let Some(bundle) = bundle() else { return };
    let theirs = leaf_of(&bundle);
    let theirs = CertificateView::parse(&theirs).unwrap();
    let scene = Scene::new();
    issue(&scene, "github", WORKFLOW);
    let ours = fs::read(scene.path("leaf.pem")).unwrap();
    let (ours, _) = pem::parse_first(&ours).unwrap();
    let ours = CertificateView::parse(&ours.der).unwrap();
    let (mut ours_fields, theirs_fields) = (fields(&ours), fields(&theirs));
    // Fulcio has named the subject of the token only since it issued that one.
    let newer = ours_fields.extract_if(.., |(name, _)| name == TOKEN_SUBJECT);
    assert_eq!(newer.count(), 1);
    assert_eq!(ours_fields, theirs_fields);
    let names = |leaf: &CertificateView<'_>| {
        let values = leaf.extensions().iter().map(|e| (e.oid, e.value));
        FulcioExtensions::parse(values).unwrap()
    };
    // The same ones are there, and each can be read as what it is.
    assert!(names(&ours) != names(&theirs), "two workflows");
    for leaf in [&ours, &theirs] {
        assert!(leaf.serial().len() <= 20 && leaf.serial()[0] < 0x80);
    }
}
