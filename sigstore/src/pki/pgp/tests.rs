//! Keys and signatures of GnuPG: when they hold, and what does not count.

use crate::pki::tests::vector;
use crate::pki::{Conditions, Format, Key, PkiError, Signature};
use crate::time::UnixSeconds;

use super::armor;

/// The start of months in 2020; signatures are of the first of June.
const MARCH: u64 = 1_583_020_800;
const JUNE: u64 = 1_590_969_600;
const JULY: u64 = 1_593_561_600;
const YEAR_2021: u64 = 1_609_459_200;

fn key(name: &str) -> Key {
    Key::parse(&vector(&format!("pgp-{name}.key"))).unwrap()
}

fn signature(name: &str) -> Signature {
    Signature::parse(&vector(&format!("pgp-{name}.sig"))).unwrap()
}

fn verify_at(name: &str, at: Option<u64>) -> Result<(), PkiError> {
    let at = at.map(UnixSeconds::new);
    let conditions = Conditions {
        at,
        ..Conditions::default()
    };
    key(name).verify(&signature(name), &vector("message"), &conditions)
}

fn refused(result: Result<(), PkiError>) -> String {
    result.unwrap_err().to_string()
}

fn refused_key(bytes: &[u8]) -> String {
    Key::parse_as(Format::Pgp, bytes).unwrap_err().to_string()
}

fn refused_signature(bytes: &[u8]) -> String {
    Signature::parse_as(Format::Pgp, bytes)
        .unwrap_err()
        .to_string()
}

fn binary(name: &str) -> Vec<u8> {
    let bytes = vector(name);
    let label = if name.ends_with("key") {
        armor::PUBLIC_KEY
    } else {
        armor::SIGNATURE
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => armor::decode(text, label).unwrap(),
        Err(_) => bytes,
    }
}

#[test]
fn every_algorithm_verifies_armored_and_binary() {
    for name in ["rsa", "p256", "p384", "ed25519", "subkey"] {
        let armored_key = armor::encode(armor::PUBLIC_KEY, &binary(&format!("pgp-{name}.key")));
        let bytes = binary(&format!("pgp-{name}.sig"));
        let armored = armor::encode(armor::SIGNATURE, &bytes);
        for key in [binary(&format!("pgp-{name}.key")), armored_key] {
            let key = Key::parse(&key).unwrap();
            for signature in [&bytes, &armored] {
                let signature = Signature::parse(signature).unwrap();
                let verified = key.verify(&signature, &vector("message"), &Conditions::default());
                assert_eq!(verified, Ok(()), "{name}");
                assert_eq!(
                    Signature::parse(&signature.canonical()).unwrap(),
                    Signature::parse(&armored).unwrap()
                );
            }
            assert_eq!(Key::parse(&key.canonical()).unwrap(), key);
        }
    }
}

#[test]
fn a_keyring_finds_the_key_that_signed() {
    let ring = [
        binary("pgp-ed25519.key"),
        binary("pgp-subkey.key"),
        binary("pgp-rsa.key"),
    ];
    let armored: Vec<u8> = ring
        .iter()
        .flat_map(|key| [armor::encode(armor::PUBLIC_KEY, key), b"\n\n".to_vec()].concat())
        .collect();
    for ring in [ring.concat(), armored] {
        let ring = Key::parse(&ring).unwrap();
        for name in ["ed25519", "subkey", "rsa"] {
            let verified =
                ring.verify(&signature(name), &vector("message"), &Conditions::default());
            assert_eq!(verified, Ok(()), "{name}");
        }
        let error = ring.verify(
            &signature("p256"),
            &vector("message"),
            &Conditions::default(),
        );
        let error = refused(error);
        assert!(
            error.starts_with("the pgp signature says it is by key "),
            "{error}"
        );
        assert_eq!(
            ring.to_string().matches(", ").count(),
            2,
            "all of them are named"
        );
    }
}

#[test]
fn of_several_signatures_one_is_enough() {
    let two = signature("two");
    for name in ["rsa", "p256"] {
        let verified = key(name).verify(&two, &vector("message"), &Conditions::default());
        assert_eq!(verified, Ok(()), "{name}");
    }
    let stranger = key("ed25519").verify(&two, &vector("message"), &Conditions::default());
    assert!(matches!(stranger, Err(PkiError::OtherKey { .. })));
    let error = key("rsa").verify(&two, b"other", &Conditions::default());
    assert!(matches!(error, Err(PkiError::Mismatch { .. })));
}

#[test]
fn text_may_have_other_ends_of_lines() {
    let text = vector("message.text");
    let unix = b"one\ntwo\n\nthree".to_vec();
    let windows = b"one\r\ntwo\r\n\r\nthree".to_vec();
    assert_ne!(text, unix);
    let (key, signature) = (key("rsa"), signature("text"));
    for message in [text, unix, windows] {
        let conditions = Conditions::default();
        assert_eq!(key.verify(&signature, &message, &conditions), Ok(()));
        let mut check = key.begin(&signature, &conditions).unwrap();
        for byte in &message {
            check.update(&[*byte]);
        }
        assert_eq!(check.finish(), Ok(()), "byte by byte");
    }
    let conditions = Conditions::default();
    assert!(
        key.verify(&signature, b"one\ntwo\nthree", &conditions)
            .is_err()
    );
}

#[test]
fn identities_are_the_addresses_of_user_ids() {
    let identities: Vec<String> = key("rsa")
        .identities()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(identities, ["rsa@example.org"]);
    for (text, wanted) in [
        (
            "Jane Doe (work) <jane@example.org>",
            Some("jane@example.org"),
        ),
        ("jane@example.org", Some("jane@example.org")),
        ("Jane <Doe> <jane@example.org>", Some("jane@example.org")),
        ("Jane Doe", None),
        ("Jane <jane>", None),
    ] {
        let found = super::of_user_id(text).map(|identity| identity.to_string());
        assert_eq!(found.as_deref(), wanted, "{text}");
    }
}

#[test]
fn a_key_that_expired_later_still_counts_at_its_time() {
    assert_eq!(verify_at("expired", None), Ok(()));
    assert_eq!(verify_at("expired", Some(JULY)), Ok(()));
}

#[test]
fn a_key_that_has_expired_is_refused() {
    let error = refused(verify_at("expired", Some(YEAR_2021 + 86_400)));
    assert!(
        error.contains("was not valid at") && error.contains("it expired at"),
        "{error}"
    );
}

#[test]
fn a_signature_made_after_the_key_expired_is_refused() {
    for at in [None, Some(JULY)] {
        let error = refused(verify_at("shortened", at));
        assert!(
            error.contains(&format!("was not valid at {JUNE}: it expired at")),
            "{error}"
        );
    }
}

#[test]
fn a_compromised_key_is_refused_whenever_it_signed() {
    for at in [None, Some(JUNE), Some(JULY)] {
        let error = refused(verify_at("compromised", at));
        assert!(error.contains("it was revoked at"), "{error}");
    }
}

#[test]
fn a_retired_key_counts_until_then() {
    assert_eq!(verify_at("retired", None), Ok(()));
    assert_eq!(verify_at("retired", Some(JUNE + 60)), Ok(()));
    let error = refused(verify_at("retired", Some(JULY)));
    assert!(error.contains("it was revoked at"), "{error}");
}

#[test]
fn a_signature_that_has_expired_is_refused() {
    let verify = |at| {
        let conditions = Conditions::at(UnixSeconds::new(at));
        key("rsa").verify(&signature("short"), &vector("message"), &conditions)
    };
    assert_eq!(verify(JUNE + 29 * 86_400), Ok(()));
    let error = refused(verify(JUNE + 31 * 86_400));
    assert!(
        error.starts_with("the pgp signature was not valid at"),
        "{error}"
    );
}

#[test]
fn a_signature_from_the_future_is_refused() {
    assert_eq!(
        verify_at("rsa", Some(JUNE - 200)),
        Ok(()),
        "clocks differ a little"
    );
    let error = refused(verify_at("rsa", Some(MARCH)));
    assert!(
        error.ends_with(&format!("it says it was made at {JUNE}")),
        "{error}"
    );
}

#[test]
fn sha1_is_refused() {
    let error = key("rsa").verify(
        &signature("sha1"),
        &vector("message"),
        &Conditions::default(),
    );
    assert_eq!(
        refused(error),
        "pgp signature with hash SHA1, wanted sha-256 or stronger"
    );
}

#[test]
fn dsa_and_short_rsa_are_refused() {
    assert_eq!(
        refused(verify_at("dsa", None)),
        "pgp key with algorithm DSA, wanted rsa, ecdsa or ed25519"
    );
    let error = refused(verify_at("weak", None));
    assert_eq!(
        error,
        "pgp key with an rsa modulus of 1024 bits, wanted 2048 bits or more"
    );
}

/// The packets of the key whose subkey signs: key, user id, its signature, subkey, its signature.
fn packets(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let (len_len, len) = match (first & 3, after) {
            (0, [len, ..]) => (1, usize::from(*len)),
            (1, [a, b, ..]) => (2, usize::from(u16::from_be_bytes([*a, *b]))),
            _ => panic!("another form of length"),
        };
        let (packet, behind) = rest.split_at(1 + len_len + len);
        packets.push(packet.to_vec());
        rest = behind;
    }
    packets
}

fn of_subkey(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> String {
    let mut packets = packets(&binary("pgp-subkey.key"));
    assert_eq!(packets.len(), 5);
    change(&mut packets);
    let key = Key::parse(&packets.concat()).unwrap();
    refused(key.verify(
        &signature("subkey"),
        &vector("message"),
        &Conditions::default(),
    ))
}

#[test]
fn a_key_without_a_self_signature_is_refused() {
    let error = of_subkey(|packets| drop(packets.remove(2)));
    assert_eq!(
        error,
        "pgp key is malformed: it has no self-signature that holds"
    );
}

#[test]
fn a_forged_self_signature_is_refused() {
    let error = of_subkey(|packets| *packets[2].last_mut().unwrap() ^= 1);
    assert_eq!(
        error,
        "pgp key is malformed: it has no self-signature that holds"
    );
}

#[test]
fn a_subkey_that_is_not_bound_is_refused() {
    let error = of_subkey(|packets| *packets[4].last_mut().unwrap() ^= 1);
    assert_eq!(
        error,
        "pgp key is malformed: a subkey is not bound to its key"
    );
}

#[test]
fn a_subkey_of_another_key_is_refused() {
    let other = packets(&binary("pgp-ed25519.key"));
    let error = of_subkey(|packets| packets.splice(..3, other).for_each(drop));
    assert_eq!(
        error,
        "pgp key is malformed: a subkey is not bound to its key"
    );
}

#[test]
fn a_subkey_that_did_not_sign_its_key_is_refused() {
    // The embedded signature is not covered by the one around it.
    let error = of_subkey(|packets| {
        let binding = &mut packets[4];
        let embedded = binding
            .windows(2)
            .rposition(|window| window == [0x20, 0x04])
            .unwrap();
        binding[embedded + 200] ^= 1;
    });
    assert_eq!(
        error,
        "pgp key is malformed: a signing subkey has not signed its key"
    );
}

#[test]
fn private_keys_are_refused() {
    let text = String::from_utf8(vector("pgp-rsa.key")).unwrap();
    let error = refused_key(text.replace("PUBLIC", "PRIVATE").as_bytes());
    assert!(
        error.contains("armor of a PGP \"PRIVATE KEY BLOCK\", wanted PGP"),
        "{error}"
    );
}

#[test]
fn a_signature_is_no_key_and_a_key_no_signature() {
    assert_eq!(
        refused_key(&binary("pgp-rsa.sig")),
        "pgp key is malformed: no public key in it"
    );
    let error = refused_signature(&binary("pgp-rsa.key"));
    assert_eq!(
        error,
        "pgp signature is malformed: a packet that is no signature"
    );
}

#[test]
fn nothing_at_all_is_refused() {
    assert_eq!(
        refused_key(b""),
        "pgp key is malformed: no public key in it"
    );
    assert_eq!(
        refused_signature(b""),
        "pgp signature is malformed: no signature in it"
    );
}

#[test]
fn too_many_are_refused() {
    let error = refused_signature(&binary("pgp-p256.sig").repeat(17));
    assert_eq!(error, "pgp signature with more than 16 signatures");
    let error = refused_key(&binary("pgp-p256.key").repeat(257));
    assert_eq!(error, "pgp key with more than 256 keys");
    let packets = packets(&binary("pgp-subkey.key"));
    let subkeys = packets[3..].concat().repeat(65);
    let error = refused_key(&[packets[..3].concat(), subkeys].concat());
    assert_eq!(error, "pgp key with more than 64 subkeys");
}

#[test]
fn what_is_too_long_is_refused() {
    assert!(refused_key(&vec![0; (2 << 20) + 1]).ends_with("at most 2097152 are read"));
    assert!(refused_signature(&vec![0; (128 << 10) + 1]).ends_with("at most 131072 are read"));
}

#[test]
fn a_digest_does_not_do() {
    let hash = crate::HashAlgorithm::Sha256;
    let error = key("rsa").verify_digest(&signature("rsa"), hash, &[0; 32], &Conditions::default());
    assert!(refused(error).ends_with("wanted the message itself"));
}

#[test]
fn no_flipped_bit_of_a_signature_makes_another_one() {
    for name in ["p256", "ed25519"] {
        let bytes = binary(&format!("pgp-{name}.sig"));
        let original = super::Signature::parse(&bytes).unwrap();
        let key = super::Key::parse(&vector(&format!("pgp-{name}.key"))).unwrap();
        let mut read_count = 0;
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(read) = super::Signature::parse(&flipped) else {
                continue;
            };
            read_count += 1;
            let verified = key.begin(&read, None).and_then(|mut check| {
                check.update(&vector("message"));
                check.finish()
            });
            // A number may say that it is a bit longer than it is.
            let same = read.packaged == original.packaged;
            let harmless = same || is_unhashed(&bytes, bit / 8);
            assert!(verified.is_err() || harmless, "{name}, bit {bit}");
        }
        assert!(read_count > 100);
    }
}

/// Whether a byte is in the part that nobody signed: which key it says made it, beside the place
/// where that is signed.
fn is_unhashed(bytes: &[u8], place: usize) -> bool {
    let hashed_len = usize::from(u16::from_be_bytes([bytes[6], bytes[7]]));
    let begin = 8 + hashed_len;
    let len = usize::from(u16::from_be_bytes([bytes[begin], bytes[begin + 1]]));
    (begin..begin + 2 + len).contains(&place)
}
