//! Tests of keys and signers. The vectors of other projects are in `tests/vectors.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

/// Source: golang/mod `sumdb/note/note_test.go`.
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

// Made with `openssl genpkey`, as PKCS #8.
const P256_DER: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420\
    0532fc859f12801b7e99fd9bdc6b6d906ac86663f3cc83433114463eed151d9ea14403420004fff71881cd1003\
    961234db135e00705839469fd1e9ef59ab3d48b5bccdf17a09ba1125b2b84aa07b6e1f243d0bdc7c917488b16a\
    4586618d29c38364c1a236ff";
const P521_DER: &str = "3081ee020100301006072a8648ce3d020106052b810400230481d63081d3020101044200\
    f840425108b2a1992a89b74faba46bb98a4a59b1c01ad0c1e408f2f86af0466ec02502db75d3b222629f97e281\
    83a7e438ffe684d4ea86be19a3b0638e1af0e17ba181890381860004019571d8bd6c17028deb29d8ca683bd89f\
    5063cdf3d09721b5fc1747a23f9b76fc652812a845561027bea1cc53b893811027f6170c76ba3b08cd7730de6d\
    81ac146200d3d9ef0cad75f9388d47ec9698969e09750ff4c39456b7851b973f0b61af468d11a4336fd720e51a\
    e57f2a9f4bd649725fa51c114f17b747ea7abf8e66a26da261";
const P384_DER: &str = "3081b6020100301006072a8648ce3d020106052b8104002204819e30819b020101043088\
    90a6747f8a1a0b2c0bf5a6cf20470da51d75e40f64959ab06dad4418039d6a58806bab1087200db6140cbd0ce9\
    8a77a164036200042c2276d9330c155353e10d31c6c79459b7908c741ede37ac370cce8d10c9c46d4f432d3efe\
    51489ccd4fecb9ad7baf5d2867e86e664f5a408f34aba33087a968b138791a865df522ae11b241d3b511218870\
    5020f59192c0435ea28397d3593a";
/// The public key to `P384_DER`, and what `openssl dgst -sha256 -sign` made of `hello\n` with it.
const P384_SPKI: &str = "3076301006072a8648ce3d020106052b81040022036200042c2276d9330c155353e10d31\
    c6c79459b7908c741ede37ac370cce8d10c9c46d4f432d3efe51489ccd4fecb9ad7baf5d2867e86e664f5a408f\
    34aba33087a968b138791a865df522ae11b241d3b5112188705020f59192c0435ea28397d3593a";
const P384_SIGNATURE: &str = "3065023100a481583f77f807b946d4991a96b4663e8ad29cacf3a45c4152e70194\
    0693d582c6a62305339b9084f951b724f479f5f802307aa2ec0481498c8c4fd02c95a7392e23b39ba3a2ef102b\
    0e6df33c6ee87a59ffdfe36e4ccdb049847ecf9ee1668a84b0";

fn name() -> KeyName {
    KeyName::new("example.com/log").unwrap()
}

fn der(hex_digits: &str) -> Vec<u8> {
    hex::decode(hex_digits).unwrap()
}

fn check_signer(signer: &dyn NoteSigner, algorithm: KeyAlgorithm) {
    let verifier = signer.verifier();
    assert_eq!(verifier.algorithm(), algorithm);
    assert_eq!(
        VerifierKey::parse(&verifier.to_string()).as_ref(),
        Ok(verifier)
    );
    let signature = signer.sign(b"text\n").unwrap();
    assert_eq!(verifier.verify(b"text\n", &signature), Ok(()));
    let other = verifier.verify(b"text", &signature);
    assert_eq!(other, Err(NoteKeyError::SignatureInvalid));
    for position in 0..signature.len() {
        let mut bad = signature.clone();
        bad[position] ^= 1;
        let bad = verifier.verify(b"text\n", &bad);
        assert_eq!(bad, Err(NoteKeyError::SignatureInvalid));
    }
}

#[test]
fn ed25519_signs() {
    let signer = Ed25519NoteSigner::from_seed(name(), [9; 32]).unwrap();
    check_signer(&signer, KeyAlgorithm::Ed25519);
}

#[test]
fn ecdsa_signs_on_p256_and_p521() {
    for (key, curve) in [(P256_DER, EcdsaCurve::P256), (P521_DER, EcdsaCurve::P521)] {
        let signer = EcdsaNoteSigner::from_pkcs8_der(name(), &der(key)).unwrap();
        check_signer(&signer, KeyAlgorithm::Ecdsa(curve));
    }
}

#[test]
fn ecdsa_verifies_on_p384_but_does_not_sign() {
    let key = VerifierKey::from_ecdsa_spki(name(), &der(P384_SPKI)).unwrap();
    assert_eq!(key.algorithm(), KeyAlgorithm::Ecdsa(EcdsaCurve::P384));
    assert_eq!(key.verify(b"hello\n", &der(P384_SIGNATURE)), Ok(()));
    assert!(key.verify(b"hello", &der(P384_SIGNATURE)).is_err());
    let signer = EcdsaNoteSigner::from_pkcs8_der(name(), &der(P384_DER));
    assert!(matches!(signer, Err(NoteKeyError::PrivateKey { .. })));
}

// Source of the key: RFC 8410 section 10.3.
#[test]
fn ed25519_from_pkcs8() {
    let seed = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
    let key = der(&format!("302e020100300506032b657004220420{seed}"));
    let signer = Ed25519NoteSigner::from_pkcs8_der(name(), &key).unwrap();
    let spki = "302a300506032b657003210019bf44096984cdfe8541bac167dc3b96\
        c85086aa30b6b6cb0c5c38ad703166e1";
    assert_eq!(signer.verifier().spki_der(), der(spki));
    check_signer(&signer, KeyAlgorithm::Ed25519);
    let from_seed = Ed25519NoteSigner::from_seed(name(), der(seed).try_into().unwrap()).unwrap();
    assert_eq!(from_seed.verifier(), signer.verifier());
}

/// A document may carry the public key as well (RFC 5958), which then has to be the right one.
#[test]
fn ed25519_from_pkcs8_with_public_key() {
    let public_key = *Ed25519NoteSigner::from_seed(name(), [9; 32])
        .unwrap()
        .verifier()
        .spki_der()
        .last_chunk::<32>()
        .unwrap();
    let document = |public_key: [u8; 32]| {
        let start = der("3051020101300506032b657004220420");
        [&start[..], &[9; 32], &der("812100"), &public_key].concat()
    };
    let signer = Ed25519NoteSigner::from_pkcs8_der(name(), &document(public_key)).unwrap();
    check_signer(&signer, KeyAlgorithm::Ed25519);
    let wrong = Ed25519NoteSigner::from_pkcs8_der(name(), &document([7; 32]));
    assert!(matches!(wrong, Err(NoteKeyError::PrivateKey { .. })));
}

#[test]
fn refuses_other_private_keys() {
    let ed25519 = Ed25519NoteSigner::from_pkcs8_der(name(), &der(P256_DER));
    assert!(matches!(ed25519, Err(NoteKeyError::PrivateKey { .. })));
    let ecdsa = EcdsaNoteSigner::from_pkcs8_der(name(), b"not a key");
    assert!(matches!(ecdsa, Err(NoteKeyError::PrivateKey { .. })));
}

#[test]
fn debug_shows_no_secret() {
    let signer = Ed25519NoteSigner::from_seed(name(), [0xab; 32]).unwrap();
    let shown = format!("{signer:?}");
    assert!(shown.contains(&signer.verifier().to_string()));
    assert!(!shown.contains("abab") && !shown.contains("171, 171"));
    let signer = EcdsaNoteSigner::from_pkcs8_der(name(), &der(P256_DER)).unwrap();
    assert!(!format!("{signer:?}").contains("0532fc"));
}

#[test]
fn key_ids() {
    let key = VerifierKey::parse(VKEY).unwrap();
    assert_eq!(key.name().as_str(), "PeterNeumann");
    assert_eq!(key.key_id(), KeyId::new(0xc74f_20a3));
    assert_eq!(key.key_id().to_string(), "c74f20a3");
    assert_eq!(key.log_id()[..4], [0xc7, 0x4f, 0x20, 0xa3]);
    assert_eq!(KeyId::new(0x1f).to_string(), "0000001f");
}

/// The id of an ECDSA key is that of the key alone.
#[test]
fn ecdsa_key_id_does_not_depend_on_the_name() {
    let spki = der(P384_SPKI);
    let one = VerifierKey::from_ecdsa_spki(name(), &spki).unwrap();
    let two = VerifierKey::from_ecdsa_spki(KeyName::new("two").unwrap(), &spki).unwrap();
    assert_ne!(one, two);
    assert_eq!(one.log_id(), two.log_id());
    assert_eq!(one.log_id(), <[u8; 32]>::from(Sha256::digest(&spki)));
    assert_eq!(one.spki_der(), spki);
}

#[test]
fn refuses_bad_names() {
    assert_eq!(KeyName::new(""), Err(NoteKeyError::NameEmpty));
    let found = NAME_LEN_BYTES_MAX + 1;
    assert_eq!(
        KeyName::new("a".repeat(found)),
        Err(NoteKeyError::NameTooLong { found })
    );
    assert!(KeyName::new("a".repeat(found - 1)).is_ok());
    for found in [
        ' ', '+', '\n', '\t', '\u{1}', '\u{a0}', '\u{2003}', '\u{85}',
    ] {
        let result = KeyName::new(format!("ab{found}c"));
        assert_eq!(
            result,
            Err(NoteKeyError::NameCharacter { position: 2, found })
        );
    }
}

#[test]
fn refuses_vkeys_without_three_parts() {
    for vkey in ["", "PeterNeumann", "PeterNeumann+c74f20a3"] {
        assert_eq!(VerifierKey::parse(vkey), Err(NoteKeyError::Syntax));
    }
}

#[test]
fn refuses_bad_key_ids() {
    for key_id in [
        "",
        "c74f20a",
        "C74F20A3",
        "c74f20a33",
        "+74f20a3",
        "c74f20ag",
    ] {
        let vkey = VKEY.replace("+c74f20a3", &format!("+{key_id}"));
        let result = VerifierKey::parse(&vkey);
        let by_split = matches!(
            result,
            Err(NoteKeyError::KeyIdSyntax | NoteKeyError::Syntax)
        );
        assert!(by_split, "{key_id}");
    }
    let found = KeyId::new(0xc74f_20a4);
    let wanted = KeyId::new(0xc74f_20a3);
    let result = VerifierKey::parse(&VKEY.replace("20a3", "20a4"));
    assert_eq!(result, Err(NoteKeyError::KeyIdDiffers { found, wanted }));
}

#[test]
fn refuses_bad_base64() {
    for key in [
        "",
        "A",
        "AR?=",
        "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_LDE4izWy10TW",
        "AR==",
        "AQ== ",
    ] {
        let result = VerifierKey::parse(&format!("name+00000000+{key}"));
        assert_eq!(result, Err(NoteKeyError::Base64), "{key}");
    }
}

#[test]
fn refuses_other_algorithms_by_number() {
    for type_byte in [0x00, 0x03, 0x06, 0xff] {
        let key = STANDARD.encode([&[type_byte], &[7; 32][..]].concat());
        let result = VerifierKey::parse(&format!("name+00000000+{key}"));
        assert_eq!(
            result,
            Err(NoteKeyError::UnsupportedAlgorithm { type_byte })
        );
    }
    let message = NoteKeyError::UnsupportedAlgorithm { type_byte: 6 }.to_string();
    assert_eq!(
        message,
        "unsupported algorithm: keys of type 0x06 are not understood"
    );
}

#[test]
fn refuses_ed25519_keys_of_another_length() {
    for found in [0, 31, 33] {
        let key = STANDARD.encode([&[0x01], &vec![7; found][..]].concat());
        let result = VerifierKey::parse(&format!("name+00000000+{key}"));
        assert_eq!(result, Err(NoteKeyError::Ed25519Len { found }));
    }
}

#[test]
fn refuses_other_public_keys() {
    let good = der(P384_SPKI);
    let mut off_curve = good.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let trailing = [&good[..], &[0]].concat();
    let truncated = &good[..good.len() - 1];
    // The same point, compressed, with the lengths that then are right.
    let compressed = der(&format!(
        "3046301006072a8648ce3d020106052b8104002203320002{}",
        hex::encode(&good[24..72])
    ));
    let ed25519 = VerifierKey::from_ed25519(name(), [7; 32]).spki_der();
    for bad in [&off_curve, &trailing, truncated, &compressed, &ed25519, b""] {
        let result = VerifierKey::from_ecdsa_spki(name(), bad);
        assert_eq!(result, Err(NoteKeyError::Spki));
    }
}

proptest! {
    #[test]
    fn vkeys_round_trip(name in "[!-*,-~]{1,40}", key: [u8; 32]) {
        let key = VerifierKey::from_ed25519(KeyName::new(name).unwrap(), key);
        prop_assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key));
    }

    #[test]
    fn whatever_parses_encodes_to_itself(position in 0..VKEY.len(), byte in 0x20u8..0x7f) {
        let mut vkey = VKEY.as_bytes().to_vec();
        vkey[position] = byte;
        let vkey = String::from_utf8(vkey).unwrap();
        let parsed = VerifierKey::parse(&vkey).map(|key| key.to_string());
        prop_assert_eq!(parsed.ok(), (vkey == VKEY).then_some(vkey));
    }
}

/// A cosignature of the public witness of Geomys on a checkpoint of Sigstore's staging log, as the
/// bundle `rekor2-dsse-happy-path` of the Sigstore conformance suite carries it. The vkey is that
/// of the witness network's list.
#[test]
fn a_cosignature_of_a_public_witness_verifies() {
    const VKEY: &str = "witness.navigli.sunlight.geomys.org+a3e00fe2+\
        BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G";
    const TEXT: &str = "log2025-alpha3.rekor.sigstage.dev\n4026479\n\
        5iaX4xK6PMnp4ZFTP4iywMcwLgaTjzgRTkrTOUFIrfY=\n";
    const LINE: &str = "o+AP4gAAAABqBM+2NoYlK4g3lkC5QltDB6f2F9U8yF6+8kXKjLKHAYvSDJ3u5dZufSU3bz+\
        AtJMdOoMixoFJBkQ397WY/mE0i9tlCg==";
    let key = VerifierKey::parse(VKEY).unwrap();
    assert_eq!(key.algorithm(), KeyAlgorithm::Cosignature);
    assert_eq!(key.to_string(), VKEY);
    let line = STANDARD.decode(LINE).unwrap();
    let (key_id, signature) = line.split_at(4);
    assert_eq!(key_id, key.key_id().get().to_be_bytes());
    assert_eq!(key.verify(TEXT.as_bytes(), signature), Ok(()));
    let (seconds, _) = crate::split_cosignature(signature).unwrap();
    assert_eq!(seconds, 0x6a04_cfb6);
    // Another time, another text, and the key as one that signs notes.
    let mut later = signature.to_vec();
    later[7] ^= 1;
    let invalid = Err(NoteKeyError::SignatureInvalid);
    assert_eq!(key.verify(TEXT.as_bytes(), &later), invalid);
    assert_eq!(key.verify(&TEXT.as_bytes()[1..], signature), invalid);
    let spki = key.spki_der();
    let bytes = spki[spki.len() - 32..].try_into().unwrap();
    let note_key = VerifierKey::from_ed25519(key.name().clone(), bytes);
    assert_eq!(note_key.verify(TEXT.as_bytes(), signature), invalid);
    assert_ne!(note_key.key_id(), key.key_id());
    assert_eq!(note_key.into_cosigner(), Some(key));
}
