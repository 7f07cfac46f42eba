//! Sigstore's formats: requests, entries, answers, keys and certificates, and the JSON under them.

use sigstore::bundle::{SigstoreBundle, parse_promised_entry};
use sigstore::canonical_json::{JsonError, canonicalize, parse_no_duplicates};
use sigstore::ct_entry::{TILE_LEAF_LEN_BYTES_MAX, TileLeaf};
use sigstore::entry::body::EntryBody;
use sigstore::entry::hashedrekord::LEAF_LEN_BYTES_MAX;
use sigstore::entry::log_entry::KindVersion;
use sigstore::identity::TextMatch;
use sigstore::public_key::{CERTIFICATE_LEN_BYTES_MAX, SPKI_LEN_BYTES_MAX};
use sigstore::statement::Statement;
use sigstore::{HashedRekord, HashedRekordRequest, PublicKey, TransparencyLogEntry};

/// Deeper than any format here nests, and far below the parser's own limit.
const DEPTH_MAX: usize = 32;

/// Requests: [`HashedRekordRequest::parse`] and its checks. Accepted is what a log would log.
#[must_use]
pub fn hashedrekord_request(bytes: &[u8]) -> bool {
    let Ok(request) = HashedRekordRequest::parse(bytes) else {
        return false;
    };
    let Ok(entry) = request.verify() else {
        return false;
    };
    let leaf = entry.leaf_bytes();
    assert!(
        leaf.len() <= LEAF_LEN_BYTES_MAX,
        "a leaf fits into a bundle"
    );
    assert_eq!(HashedRekord::parse_leaf(&leaf).as_ref(), Ok(&entry));
    assert_eq!(entry.verify(), Ok(()), "a checked entry stays right");
    true
}

/// Leaves: [`HashedRekord::parse_leaf`]. Accepted whether or not the signature is right.
#[must_use]
pub fn hashedrekord_leaf(bytes: &[u8]) -> bool {
    let Ok(entry) = HashedRekord::parse_leaf(bytes) else {
        return false;
    };
    assert_eq!(entry.leaf_bytes(), bytes, "a leaf has one form");
    let value = parse_no_duplicates(bytes, DEPTH_MAX).expect("a leaf is strict JSON");
    assert_eq!(canonicalize(&value), bytes, "and that is RFC 8785");
    assert_eq!(entry.digest().len(), entry.hash().digest_len_bytes());
    let _ = entry.verify();
    true
}

/// Leaves of a certificate log: [`TileLeaf::parse_first`].
#[must_use]
pub fn tile_leaf(bytes: &[u8]) -> bool {
    let Ok((leaf, rest)) = TileLeaf::parse_first(bytes) else {
        return false;
    };
    let encoded = leaf.encode().expect("it was read from a tile");
    assert!(encoded.len() <= TILE_LEAF_LEN_BYTES_MAX);
    assert_eq!([&encoded, rest].concat(), bytes, "a leaf has one form");
    assert_eq!(TileLeaf::parse(&encoded).as_ref(), Ok(&leaf));
    let hashed = leaf.tree_leaf().expect("it is no longer than the leaf");
    let (_version, hashed) = hashed.split_at(2);
    assert!(encoded.starts_with(hashed), "what is hashed comes first");
    true
}

/// Answers of a log: [`TransparencyLogEntry::parse`].
#[must_use]
pub fn log_entry(bytes: &[u8]) -> bool {
    let Ok(entry) = TransparencyLogEntry::parse(bytes) else {
        return false;
    };
    let json = entry.to_json();
    let again = TransparencyLogEntry::parse(json.as_bytes());
    assert_eq!(again.as_ref(), Ok(&entry), "what is written can be read");
    let proof = entry.proof().expect("parse refuses an entry without");
    assert!(proof.tree_size.contains(proof.log_index));
    true
}

/// Bundles of every version: [`SigstoreBundle::parse`].
#[must_use]
pub fn sigstore_bundle(bytes: &[u8]) -> bool {
    let Ok(bundle) = SigstoreBundle::parse(bytes) else {
        return false;
    };
    let again = SigstoreBundle::parse(&bundle.encode());
    assert_eq!(again, Ok(bundle), "what is written is read as it was");
    true
}

/// Older bundles of cosign: [`SigstoreBundle::parse_cosign`] and the entry in them.
#[must_use]
pub fn cosign_bundle(bytes: &[u8]) -> bool {
    if parse_promised_entry(bytes).is_ok() {
        return true;
    }
    let Ok(bundle) = SigstoreBundle::parse_cosign(bytes) else {
        return false;
    };
    let again = SigstoreBundle::parse(&bundle.encode());
    assert_eq!(again, Ok(bundle), "it can be written as a bundle of today");
    true
}

/// Bodies of entries of any kind: [`EntryBody::parse`], as each kind that is known.
#[must_use]
pub fn entry_body(bytes: &[u8]) -> bool {
    let kinds = [
        ("hashedrekord", "0.0.1"),
        ("hashedrekord", "0.0.2"),
        ("dsse", "0.0.1"),
        ("intoto", "0.0.2"),
    ];
    let read = |(kind, version): &(&str, &str)| {
        let kind_version = KindVersion {
            kind: (*kind).to_owned(),
            version: (*version).to_owned(),
        };
        EntryBody::parse(&kind_version, bytes).is_ok()
    };
    let count = kinds.iter().filter(|kind| read(kind)).count();
    assert!(count <= 1, "a body says of what kind it is");
    count == 1
}

/// Payloads of envelopes: [`Statement::parse`].
#[must_use]
pub fn statement(bytes: &[u8]) -> bool {
    Statement::parse(bytes).is_ok_and(|statement| {
        let subjects = statement.subjects.iter();
        subjects.flat_map(|s| &s.digests).next().is_some()
    })
}

/// Patterns for identities, with a text behind a newline: [`TextMatch::pattern`]. Accepted is a
/// pattern; whatever the text, no more may match than all of it.
#[must_use]
pub fn identity_pattern(bytes: &[u8]) -> bool {
    let Ok(input) = std::str::from_utf8(bytes) else {
        return false;
    };
    let (pattern, text) = input.split_once('\n').unwrap_or((input, ""));
    let Ok(matcher) = TextMatch::pattern(pattern) else {
        return false;
    };
    let exact = TextMatch::Exact(text.to_owned());
    assert!(exact.matches(text) && exact != matcher);
    // The same pattern, and something in front or behind that it says nothing of.
    if matcher.matches(text) {
        let literal = pattern.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(!literal || pattern == text, "a word is only itself");
    }
    true
}

/// JSON: [`parse_no_duplicates`] and [`canonicalize`], which must be idempotent.
#[must_use]
pub fn canonical_json(bytes: &[u8]) -> bool {
    let Ok(value) = parse_no_duplicates(bytes, DEPTH_MAX) else {
        return false;
    };
    let canonical = canonicalize(&value);
    match parse_no_duplicates(&canonical, DEPTH_MAX) {
        Ok(again) => assert_eq!(canonicalize(&again), canonical, "one canonical form"),
        // A double like 1e16 is written as an integer, which is refused as input.
        Err(JsonError::InexactInteger { .. }) => {}
        Err(error) => unreachable!("the canonical form is refused: {error}"),
    }
    true
}

/// Public keys: [`PublicKey::from_spki_der`].
#[must_use]
pub fn spki(bytes: &[u8]) -> bool {
    let Ok(key) = PublicKey::from_spki_der(bytes) else {
        return false;
    };
    assert!(bytes.len() <= SPKI_LEN_BYTES_MAX);
    check_key(&key, bytes);
    assert_eq!(key.spki_der(), bytes, "a key has one form");
    true
}

/// Certificates: [`PublicKey::from_certificate_der`].
#[must_use]
pub fn certificate(bytes: &[u8]) -> bool {
    let Ok(key) = PublicKey::from_certificate_der(bytes) else {
        return false;
    };
    assert!(bytes.len() <= CERTIFICATE_LEN_BYTES_MAX);
    check_key(&key, bytes);
    let again = PublicKey::from_spki_der(key.spki_der()).expect("it was taken from a certificate");
    assert_eq!(again.kind(), key.kind());
    true
}

/// A parsed key checks signatures without a panic, and takes none that the input made up.
fn check_key(key: &PublicKey, signature: &[u8]) {
    let hash = key.kind().hash();
    let digest = vec![0x5a; hash.digest_len_bytes()];
    assert!(key.verify_prehashed(hash, &digest, signature).is_err());
    assert!(key.verify_prehashed(hash, &digest, &[0; 64]).is_err());
    assert!(key.verify_prehashed(hash, &[], signature).is_err());
}
