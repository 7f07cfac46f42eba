//! Sources, and states that are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sigstore::UnixSeconds;
use sigstore::tuf::{Known, RoleKeys, Root, TufKey, Version};

use super::*;

const MIRROR: &str = "http://127.0.0.1:9/tuf";

/// A root of one key, signed.
fn root_json() -> Vec<u8> {
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let key = EcdsaKeyPair::generate(algorithm).unwrap();
    let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let public = TufKey::from_spki_der(spki.as_ref()).unwrap();
    let role = RoleKeys {
        key_ids: BTreeSet::from([public.id()]),
        threshold: 1,
    };
    let root = Root {
        version: Version::FIRST,
        expires: UnixSeconds::new(4_000_000_000),
        keys: BTreeMap::from([(public.id(), public.clone())]),
        root: role.clone(),
        targets: role.clone(),
        snapshot: role.clone(),
        timestamp: role,
    };
    let mut file = root.unsigned();
    let signature = key.sign(&SystemRandom::new(), file.signed_bytes()).unwrap();
    file.add_signature(public.id(), signature.as_ref().to_vec());
    file.encode()
}

fn kept(home: &Path) -> Store {
    let store = Store::at(home);
    let _lock = store.lock(MIRROR).unwrap();
    let known = Known::from_root(&root_json()).unwrap();
    let state = State {
        mirror: MIRROR.to_owned(),
        refreshed: UnixSeconds::new(7),
        known,
    };
    store.write(&state).unwrap();
    store
}

fn state_file(home: &Path) -> PathBuf {
    let files = fs::read_dir(home.join("trust")).unwrap();
    let mut paths = files.map(|file| file.unwrap().path());
    paths
        .find(|path| path.extension().is_some_and(|end| end == "json"))
        .unwrap()
}

#[test]
fn a_state_is_read_back_and_only_for_its_mirror() {
    let home = tempfile::tempdir().unwrap();
    let store = kept(home.path());
    let state = store.read(MIRROR).unwrap();
    assert_eq!(state.refreshed, UnixSeconds::new(7));
    assert_eq!(state.known.root().version, Version::FIRST);
    let name = state_file(home.path());
    let name = name.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("127.0.0.1_9_tuf-"), "{name}");
    // A state that lies where another one belongs is not that one.
    let other = MIRROR.replace("127.0.0.1:9", "127.0.0.1_9");
    let failure = store.mirror(&other).unwrap_err();
    assert!(failure.to_string().contains("no trust root was ever given"));
}

#[test]
fn a_damaged_state_is_not_believed() {
    let home = tempfile::tempdir().unwrap();
    let store = kept(home.path());
    let path = state_file(home.path());
    let text = fs::read_to_string(&path).unwrap();
    for (what, changed) in [
        ("cut", text[..text.len() / 2].to_owned()),
        ("another mirror", text.replace(":9/tuf", ":8/tuf")),
        ("another expiry", text.replace("2096-10-02", "2097-10-02")),
        ("no root", text.replace("root.json", "toor.json")),
    ] {
        assert_ne!(changed, text, "{what}");
        fs::write(&path, changed).unwrap();
        let failure = store.read(MIRROR).unwrap_err();
        assert_eq!(failure.exit(), Exit::File, "{what}: {failure}");
        assert!(
            failure.to_string().contains("cairn trust init"),
            "{what}: {failure}"
        );
    }
}

#[test]
fn a_mirror_is_used_by_itself_once_it_was_initialised() {
    let home = tempfile::tempdir().unwrap();
    assert!(Store::at(home.path()).default_mirror().unwrap().is_none());
    let store = kept(home.path());
    store.set_default(MIRROR).unwrap();
    let mirror = store.default_mirror().unwrap().unwrap();
    assert_eq!(mirror.url(), MIRROR);
    // It has no files yet, and says how to get them.
    let state = mirror.current(&Http::offline()).unwrap();
    let failure = state.parsed(TRUSTED_ROOT, TrustedRoot::parse).unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("cairn trust refresh --mirror http://127.0.0.1:9/tuf")
    );
    // Nobody is there to ask, and what is known is not enough to go on with.
    let failure = mirror.current(&Http::online()).unwrap_err();
    assert_eq!(failure.exit(), Exit::Service);
}

#[test]
fn addresses_need_a_scheme() {
    let home = tempfile::tempdir().unwrap();
    let failure = Mirror::new(Store::at(home.path()), "sigstore.example.org").unwrap_err();
    assert!(failure.to_string().contains("begins with https://"));
}

#[test]
fn files_come_first_and_a_root_alone_cannot_sign() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let trusted_root = sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT;
    let signing_config = sigstore_trust_root::SIGSTORE_STAGING_SIGNING_CONFIG;
    fs::write(path("root"), trusted_root).unwrap();
    fs::write(path("config"), signing_config).unwrap();
    let mut args = TrustArgs {
        trusted_root: Some(path("root")),
        staging: true,
        ..TrustArgs::default()
    };
    let wanted = TrustedRoot::parse(trusted_root.as_bytes()).unwrap();
    let http = Http::offline();
    assert_eq!(args.source().trusted_root(&http), Ok(wanted.clone()));
    let failure = args.source().for_signing(&http).unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
    args.signing_config = Some(path("config"));
    let both = args.source().for_signing(&http).unwrap();
    assert_eq!(both.trusted_root, wanted);
    fs::write(path("both"), both.encode()).unwrap();
    let whole = TrustArgs {
        trust_config: Some(path("both")),
        ..TrustArgs::default()
    };
    assert_eq!(whole.source().for_signing(&http), Ok(both));
    assert_eq!(whole.source().trusted_root(&http), Ok(wanted));
    let swapped = TrustArgs {
        trusted_root: Some(path("config")),
        ..TrustArgs::default()
    };
    let failure = swapped.source().trusted_root(&http).unwrap_err();
    assert!(failure.to_string().contains("mediaType"), "{failure}");
}
