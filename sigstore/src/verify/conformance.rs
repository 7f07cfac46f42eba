//! The cases of the Sigstore conformance suite, each with the whole artifact and with its digest
//! alone. They are read beside the checkout where they are kept and are no part of it; without them
//! this test says so and passes.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::bundle::BundleFormat;
use crate::identity::{Identity, TextMatch};
use crate::pem;
use crate::trusted_root::TrustedRoot;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance");
/// What the suite's own tokens say, where a case says nothing else.
const IDENTITY: &str = concat!(
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/",
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
);
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

fn policy(case: &Path) -> Policy {
    if let Ok(key) = fs::read(case.join("key.pub")) {
        let (block, _) = pem::parse_first(&key).unwrap();
        return Policy::key(PublicKey::from_spki_der(&block.der).unwrap());
    }
    let or = |name: &str, default: &str| text(&case.join(name)).unwrap_or(default.to_owned());
    Policy::identities(vec![Identity {
        issuer: TextMatch::Exact(or("issuer", ISSUER)),
        name: TextMatch::Exact(or("identity", IDENTITY)),
    }])
}

/// Verifies one case, twice, and gives what was said.
fn run(case: &Path, folder: &Path) -> [Result<(), String>; 2] {
    run_as(case, folder, |bundle| {
        SigstoreBundle::parse(bundle).map_err(|error| error.to_string())
    })
}

/// The same, of what `read` makes of the bundle.
fn run_as(
    case: &Path,
    folder: &Path,
    read: impl Fn(&[u8]) -> Result<SigstoreBundle, String>,
) -> [Result<(), String>; 2] {
    let own_root = fs::read(case.join("trusted_root.json")).ok();
    let production = || fs::read(folder.join("trust/production_trusted_root.json")).unwrap();
    let artifact = fs::read(case.join("artifact"))
        .unwrap_or_else(|_| fs::read(folder.join("bundle-verify/a.txt")).unwrap());
    let whole = Artifact::from_content(&artifact);
    let digest = Artifact::from_sha256(Sha256::digest(&artifact).into());
    [whole, digest].map(|artifact| {
        let root = own_root.clone().unwrap_or_else(production);
        let root = TrustedRoot::parse(&root).map_err(|error| error.to_string())?;
        let bundle = fs::read(case.join("bundle.sigstore.json")).unwrap();
        let bundle = read(&bundle)?;
        let trust = TrustMaterial::new(&root);
        let verified = verify(&bundle, &artifact, &policy(case), &trust);
        verified.map(drop).map_err(|refused| refused.to_string())
    })
}

#[test]
fn every_case_ends_as_its_name_says() {
    let folder = Path::new(FOLDER);
    let Ok(cases) = fs::read_dir(folder.join("bundle-verify")) else {
        say(&format!("SKIPPED: no conformance data at {FOLDER}"));
        return;
    };
    let mut cases: Vec<_> = cases.map(|case| case.unwrap().path()).collect();
    cases.retain(|case| case.is_dir());
    cases.sort();
    let mut wrong = 0;
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        for verdict in run(case, folder) {
            let right = verdict.is_err() == name.ends_with("_fail");
            let mark = if right { "ok" } else { "WRONG" };
            say(&format!("{mark} {name}: {verdict:?}"));
            wrong += usize::from(!right);
        }
    }
    assert_eq!(wrong, 0, "of {}", 2 * cases.len());
    assert!(cases.len() >= 50, "{} cases", cases.len());
}

/// What verifies, verifies in every other version that it has a form in, and comes back from there
/// as it was.
#[test]
fn converted_cases_verify_and_come_back() {
    let folder = Path::new(FOLDER);
    let Ok(cases) = fs::read_dir(folder.join("bundle-verify")) else {
        say(&format!("SKIPPED: no conformance data at {FOLDER}"));
        return;
    };
    let mut converted_count = 0;
    for case in cases.map(|case| case.unwrap().path()) {
        if !case.is_dir() || case.to_str().unwrap().ends_with("_fail") {
            continue;
        }
        for format in [BundleFormat::V01, BundleFormat::V02, BundleFormat::V03] {
            let bytes = fs::read(case.join("bundle.sigstore.json")).unwrap();
            let bundle = SigstoreBundle::parse(&bytes).unwrap();
            let Ok(converted) = bundle.clone().convert(format) else {
                continue;
            };
            let back = converted.clone().convert(bundle.format).unwrap();
            assert_eq!(back, bundle, "{}", case.display());
            converted_count += usize::from(bundle.format != format);
            let written = converted.encode();
            for verdict in run_as(&case, folder, |_| {
                Ok(SigstoreBundle::parse(&written).unwrap())
            }) {
                assert_eq!(verdict, Ok(()), "{} as {format:?}", case.display());
            }
        }
    }
    assert!(converted_count >= 5, "{converted_count} conversions");
}

#[allow(
    clippy::print_stderr,
    reason = "verdicts, and a skipped test, must be seen"
)]
fn say(text: &str) {
    eprintln!("{text}");
}
