//! Entries of public Rekor v2 logs, from the bundles of the Sigstore conformance suite. They are
//! read beside the checkout where they are kept and are no part of it; without them these tests
//! say so and pass.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tiles::leaf_hash;

use super::*;
use crate::canonical_json::parse_no_duplicates;
use crate::entry::log_entry::{LogEntryError, TransparencyLogEntry};

fn bundles() -> Vec<(String, Value)> {
    let folder: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "../../shared/conformance/bundle-verify",
    ]
    .iter()
    .collect();
    let Ok(cases) = fs::read_dir(&folder) else {
        skip(&folder);
        return Vec::new();
    };
    let mut bundles: Vec<(String, Value)> = cases
        .map(|case| case.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("rekor2-")
        })
        .map(|path| {
            let json = fs::read(path.join("bundle.sigstore.json")).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, parse_no_duplicates(&json, 32).unwrap())
        })
        .collect();
    bundles.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(
        bundles.len() >= 10,
        "only {} cases in {}",
        bundles.len(),
        folder.display()
    );
    bundles
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(folder: &Path) {
    eprintln!("SKIPPED: no conformance bundles at {}", folder.display());
}

fn log_entry(bundle: &Value) -> Result<TransparencyLogEntry, LogEntryError> {
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    TransparencyLogEntry::parse(entry.to_string().as_bytes())
}

#[test]
fn real_leaves_parse_verify_and_are_written_alike() {
    for (name, bundle) in bundles() {
        if name.starts_with("rekor2-no-inclusion-proof") {
            continue;
        }
        let entry = log_entry(&bundle).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(entry.kind_version.kind, KIND, "{name}");
        assert_eq!(entry.kind_version.version, VERSION, "{name}");
        let leaf = entry.canonicalized_body.as_slice();
        let parsed = HashedRekord::parse_leaf(leaf).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(parsed.leaf_bytes(), leaf, "{name}");
        assert_eq!(parsed.leaf_len(), leaf.len(), "{name}");
        assert!(
            matches!(parsed.verifier(), VerifierBytes::X509Certificate(_)),
            "{name}"
        );
        parsed
            .verify()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn real_answers_survive_being_written() {
    for (name, bundle) in bundles() {
        if let Ok(entry) = log_entry(&bundle) {
            let again = TransparencyLogEntry::parse(entry.to_json().as_bytes()).unwrap();
            assert_eq!(again, entry, "{name}");
        }
    }
}

#[test]
fn the_bundle_without_a_proof_is_refused_for_that() {
    for (name, bundle) in bundles() {
        if name == "rekor2-no-inclusion-proof_fail" {
            let error = log_entry(&bundle).unwrap_err();
            assert_eq!(
                error,
                LogEntryError::Missing {
                    path: "inclusionProof"
                }
            );
        }
    }
}

/// A tree's root hash from a leaf and its path: RFC 9162 section 2.1.3.2, written down anew.
#[test]
fn real_leaves_lead_to_their_root_hash() {
    for (name, bundle) in bundles() {
        let Ok(entry) = log_entry(&bundle) else {
            continue;
        };
        let proof = entry.proof().unwrap();
        let mut index = proof.log_index.get();
        let mut last = proof.tree_size.get() - 1;
        let mut hash = leaf_hash(&entry.canonicalized_body);
        for sibling in &proof.hashes {
            if index % 2 == 1 || index == last {
                hash = tiles::node_hash(sibling, &hash);
                while index % 2 == 0 && index != 0 {
                    (index, last) = (index / 2, last / 2);
                }
            } else {
                hash = tiles::node_hash(&hash, sibling);
            }
            (index, last) = (index / 2, last / 2);
        }
        assert_eq!(last, 0, "{name}");
        assert_eq!(hash, proof.root_hash, "{name}");
    }
}

/// What a client sent to get such an entry, spelled as clients spell it, gives the same leaf.
#[test]
fn requests_for_real_entries_give_the_same_leaf() {
    for (name, bundle) in bundles() {
        let Ok(entry) = log_entry(&bundle) else {
            continue;
        };
        let leaf = HashedRekord::parse_leaf(&entry.canonicalized_body).unwrap();
        let request = serde_json::json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(leaf.digest()),
            "signature": {
                "content": STANDARD.encode(leaf.signature()),
                "verifier": {
                    "x509Certificate": {"rawBytes": STANDARD.encode(leaf.verifier().der())},
                    "keyDetails": leaf.key_details().name(),
                },
            },
        }});
        let verified = HashedRekordRequest::parse_value(&request)
            .unwrap()
            .verify()
            .unwrap();
        assert_eq!(verified.leaf_bytes(), entry.canonicalized_body, "{name}");
    }
}

/// Every bit of a real signature counts.
#[test]
fn a_real_entry_with_a_flipped_bit_does_not_verify() {
    let Some((name, bundle)) = bundles()
        .into_iter()
        .find(|(n, _)| n == "rekor2-happy-path")
    else {
        return;
    };
    let entry = log_entry(&bundle).unwrap();
    let good = HashedRekord::parse_leaf(&entry.canonicalized_body).unwrap();
    for bit in 0..good.signature.len() * 8 {
        let mut flipped = good.clone();
        flipped.signature[bit / 8] ^= 1 << (bit % 8);
        assert!(
            matches!(flipped.verify(), Err(EntryError::Signature(_))),
            "{name} bit {bit}"
        );
    }
}
