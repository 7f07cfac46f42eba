//! Certificates of the public Fulcio, from the bundles of the Sigstore conformance suite: each is
//! written again from its parts, byte for byte. They are read beside the checkout where they are
//! kept and are no part of it; without them these tests say so and pass.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::profile::{SerialNumber, Validity, assemble, key_id};
use super::*;
use crate::sct::{CtEntry, log_id, parse_list};
use crate::{PublicKey, UnixMillis};

use sha2::{Digest as _, Sha256};

/// The folder of one kind of data, if it is there.
fn folder(name: &str) -> Option<PathBuf> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../shared/conformance", name]
        .iter()
        .collect();
    if path.is_dir() {
        return Some(path);
    }
    skip(&path);
    None
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(folder: &Path) {
    eprintln!("SKIPPED: no conformance data at {}", folder.display());
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn raw_bytes(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value["rawBytes"].as_str()?).ok()
}

/// Every different leaf in the bundles.
fn leaves() -> BTreeSet<Vec<u8>> {
    let Some(folder) = folder("bundle-verify") else {
        return BTreeSet::new();
    };
    let cases = fs::read_dir(&folder).unwrap();
    let leaf = |case: PathBuf| {
        let bundle = json(&case.join("bundle.sigstore.json"))?;
        let material = &bundle["verificationMaterial"];
        let chain = &material["x509CertificateChain"]["certificates"][0];
        raw_bytes(&material["certificate"]).or_else(|| raw_bytes(chain))
    };
    let leaves: BTreeSet<_> = cases
        .filter_map(|case| leaf(case.unwrap().path()))
        .collect();
    assert!(leaves.len() >= 10, "{} leaves", leaves.len());
    leaves
}

/// Authorities and log keys of the public instance.
fn trusted() -> Option<(Vec<Vec<u8>>, Vec<PublicKey>)> {
    let root = json(&folder("trust")?.join("production_trusted_root.json")).unwrap();
    let array = |value: &Value| value.as_array().unwrap().clone();
    let chains = array(&root["certificateAuthorities"]);
    let certs = chains
        .iter()
        .flat_map(|authority| array(&authority["certChain"]["certificates"]));
    let certs = certs.map(|cert| raw_bytes(&cert).unwrap()).collect();
    let logs = array(&root["ctlogs"]);
    let keys = logs.iter().map(|log| {
        let der = raw_bytes(&log["publicKey"]).unwrap();
        PublicKey::from_spki_der(&der).unwrap()
    });
    Some((certs, keys.collect()))
}

/// Writes a certificate again from what was read of it.
fn write_again(view: &CertificateView<'_>) -> Vec<u8> {
    let mut serial = [0; 20];
    serial[20 - view.serial().len()..].copy_from_slice(view.serial());
    let public_key = view.public_key().unwrap();
    let san = view.extension(oids::SUBJECT_ALT_NAME).unwrap();
    let algorithms = [
        SignatureAlgorithm::EcdsaP256Sha256,
        SignatureAlgorithm::EcdsaP384Sha384,
    ];
    let mut algorithms = algorithms.into_iter();
    let algorithm = algorithms.find(|known| known.to_der() == view.signature_algorithm());
    let fields = view.extensions().iter().map(|e| (e.oid, e.value));
    let profile = LeafProfile {
        serial: SerialNumber::from_random(serial),
        signature_algorithm: algorithm.expect("an algorithm that is known"),
        issuer_name: view.issuer(),
        issuer_key_id: &named_key(view),
        validity: Validity {
            not_before: view.not_before(),
            not_after: view.not_after(),
        },
        public_key: &public_key,
        san: &SubjectAltName::parse(san.value).unwrap(),
        extensions: &FulcioExtensions::parse(fields).unwrap(),
    };
    let scts = parse_list(view.extension(oids::CT_SCT_LIST).unwrap().value).unwrap();
    let tbs = profile.to_tbs().unwrap().with_scts(&scts).unwrap();
    assemble(&tbs, profile.signature_algorithm, view.signature())
}

#[test]
fn certificates_of_fulcio_are_written_again_byte_for_byte() {
    let leaves = leaves();
    let fulcio = DistinguishedName::new("sigstore.dev", "sigstore-intermediate").unwrap();
    let mut count = 0;
    for leaf in &leaves {
        let view = CertificateView::parse(leaf).unwrap();
        if view.issuer() != fulcio.to_der() {
            // Made for a test, by something that is not Fulcio.
            continue;
        }
        let absent = view.tbs_without(oids::FULCIO_ARC);
        assert_eq!(absent, view.tbs(), "what is not there cannot be left out");
        assert_eq!(hex::encode(write_again(&view)), hex::encode(leaf));
        count += 1;
    }
    assert!(count >= 5 || leaves.is_empty(), "{count} certificates");
}

#[test]
fn certificates_of_fulcio_verify_with_the_key_they_name() {
    let Some((authorities, _)) = trusted() else {
        return;
    };
    let mut count = 0;
    for leaf in leaves() {
        let view = CertificateView::parse(&leaf).unwrap();
        if let Some(issuer) = issuer_of(&view, &authorities) {
            let issuer = CertificateView::parse(&issuer).unwrap();
            let key = issuer.public_key().unwrap();
            assert_eq!(view.verify_signed_by(&key), Ok(()));
            count += 1;
        }
    }
    assert!(count >= 3, "{count} certificates");
}

#[test]
fn the_promises_in_certificates_of_fulcio_verify() {
    let Some((authorities, logs)) = trusted() else {
        return;
    };
    let mut count = 0;
    for leaf in leaves() {
        let view = CertificateView::parse(&leaf).unwrap();
        let Some(issuer) = issuer_of(&view, &authorities) else {
            continue;
        };
        let issuer = CertificateView::parse(&issuer).unwrap();
        let entry = CtEntry::Precert {
            issuer_key_hash: Sha256::digest(issuer.spki()).into(),
            tbs: &view.tbs_without(oids::CT_SCT_LIST),
        };
        for sct in parse_list(view.extension(oids::CT_SCT_LIST).unwrap().value).unwrap() {
            let log = logs.iter().find(|key| log_id(key.spki_der()) == sct.log_id);
            let log = log.expect("the log is in the trusted root");
            assert_eq!(sct.verify(&entry, log), Ok(()));
            let early = UnixMillis::new(view.not_before().get() * 1000);
            assert!(sct.timestamp >= early);
            count += 1;
        }
    }
    assert!(count >= 3, "{count} promises");
}

/// The key identifier of the issuer that a certificate names.
fn named_key(view: &CertificateView<'_>) -> [u8; 20] {
    let value = view
        .extension(oids::AUTHORITY_KEY_IDENTIFIER)
        .unwrap()
        .value;
    assert_eq!(value[..4], [0x30, 0x16, 0x80, 0x14]);
    value[4..].try_into().unwrap()
}

/// By key, not by name: the public instance and its rehearsal have the same names.
fn issuer_of(view: &CertificateView<'_>, authorities: &[Vec<u8>]) -> Option<Vec<u8>> {
    let named = authorities.iter().find(|der| {
        let authority = CertificateView::parse(der).unwrap();
        key_id(&authority.public_key().unwrap()) == named_key(view)
    });
    named.cloned()
}
