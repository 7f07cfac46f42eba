//! Keys of every kind, in and out of shape; signatures of every kind, by a second implementation
//! where there is one.

use proptest::prelude::*;

use super::signature_form::P1363_LEN_BYTES_MAX;
use super::*;
use crate::key_details::KeyDetails;
use crate::test_keys::{bit_string, certificate, ed25519_spki, key, keys, rsa_spki, tlv};

const MESSAGE: &[u8] = b"hello\n";

fn parse(spki: &[u8]) -> Result<PublicKey, PublicKeyError> {
    PublicKey::from_spki_der(spki)
}

/// The `SubjectPublicKeyInfo` of an ECDSA key (RFC 5480).
fn ecdsa_spki(curve: &[u8], point: &[u8]) -> Vec<u8> {
    let ec_public_key = tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]);
    let algorithm = tlv(0x30, &[ec_public_key, curve.to_vec()].concat());
    tlv(0x30, &[algorithm, bit_string(point)].concat())
}

fn p256_oid() -> Vec<u8> {
    tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07])
}

fn p256_point() -> Vec<u8> {
    let spki = &key(KeyDetails::EcdsaP256Sha256).spki;
    spki[spki.len() - 65..].to_vec()
}

fn malformed_reason(spki: &[u8]) -> String {
    match parse(spki).unwrap_err() {
        PublicKeyError::Malformed { reason, .. } => reason,
        other => panic!("wanted malformed, found {other:?}"),
    }
}

#[test]
fn every_kind_of_key_is_read_and_verifies() {
    for key in keys() {
        let parsed = parse(&key.spki).unwrap();
        assert_eq!(parsed.kind(), key.label.key_kind());
        assert_eq!(parsed.spki_der(), key.spki);
        let (digest, signature) = (key.digest(MESSAGE), key.sign(MESSAGE));
        parsed
            .verify_prehashed(key.label.hash(), &digest, &signature)
            .unwrap();
    }
}

#[test]
fn every_kind_of_key_checks_messages() {
    for key in keys() {
        let parsed = parse(&key.spki).unwrap();
        let signature = match key.label {
            KeyDetails::Ed25519Ph => key.sign_pure_ed25519(MESSAGE),
            _ => key.sign(MESSAGE),
        };
        assert_eq!(parsed.verify_message(MESSAGE, &signature), Ok(()));
        let kind = parsed.kind();
        let mismatch = Err(SignatureError::Mismatch { kind });
        assert_eq!(parsed.verify_message(b"other", &signature), mismatch);
        let long = parsed.verify_message(MESSAGE, &[0; SIGNATURE_LEN_BYTES_MAX + 1]);
        assert!(matches!(
            long,
            Err(SignatureError::TooLong { found: 1025, .. })
        ));
    }
}

#[test]
fn a_message_is_not_taken_with_another_form_of_signature() {
    let p256 = key(KeyDetails::EcdsaP256Sha256);
    let raw = p256.sign_p1363(MESSAGE);
    assert!(
        parse(&p256.spki)
            .unwrap()
            .verify_message(MESSAGE, &raw)
            .is_err()
    );
    let ed25519 = key(KeyDetails::Ed25519Ph);
    let prehashed = ed25519.sign(MESSAGE);
    let parsed = parse(&ed25519.spki).unwrap();
    assert!(parsed.verify_message(MESSAGE, &prehashed).is_err());
    let error = parsed.verify_message(MESSAGE, &[0; 63]).unwrap_err();
    assert!(matches!(error, SignatureError::Malformed { found: 63, .. }));
}

#[test]
fn the_bits_of_a_key_are_those_after_its_algorithm() {
    let p256 = parse(&key(KeyDetails::EcdsaP256Sha256).spki).unwrap();
    assert_eq!(p256.key_bits(), p256_point());
}

#[test]
fn every_kind_of_key_is_read_from_a_certificate() {
    for key in keys() {
        let parsed = PublicKey::from_certificate_der(&certificate(&key.spki, 3)).unwrap();
        assert_eq!(parsed, parse(&key.spki).unwrap());
    }
}

#[test]
fn another_message_does_not_verify() {
    for key in keys() {
        let (digest, signature) = (key.digest(b"hello"), key.sign(MESSAGE));
        let result =
            parse(&key.spki)
                .unwrap()
                .verify_prehashed(key.label.hash(), &digest, &signature);
        assert_eq!(
            result,
            Err(SignatureError::Mismatch {
                kind: key.label.key_kind()
            })
        );
    }
}

#[test]
fn another_key_does_not_verify() {
    let stranger = crate::test_keys::TestKey::generate(KeyDetails::EcdsaP256Sha256);
    let key = key(KeyDetails::EcdsaP256Sha256);
    let result = parse(&stranger.spki).unwrap().verify_prehashed(
        HashAlgorithm::Sha256,
        &key.digest(MESSAGE),
        &key.sign(MESSAGE),
    );
    assert_eq!(
        result,
        Err(SignatureError::Mismatch {
            kind: KeyKind::EcdsaP256
        })
    );
}

#[test]
fn any_flipped_bit_of_digest_or_signature_fails() {
    for key in keys() {
        let parsed = parse(&key.spki).unwrap();
        let (digest, signature) = (key.digest(MESSAGE), key.sign(MESSAGE));
        let verify = |digest: &[u8], signature: &[u8]| {
            parsed.verify_prehashed(key.label.hash(), digest, signature)
        };
        for byte in 0..digest.len() {
            let mut flipped = digest.clone();
            flipped[byte] ^= 1 << (byte % 8);
            assert!(
                verify(&flipped, &signature).is_err(),
                "{} digest byte {byte}",
                key.label
            );
        }
        for bit in 0..signature.len() * 8 {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                verify(&digest, &flipped).is_err(),
                "{} signature bit {bit}",
                key.label
            );
        }
    }
}

#[test]
fn shortened_lengthened_and_empty_signatures_fail() {
    for key in keys() {
        let parsed = parse(&key.spki).unwrap();
        let (digest, signature) = (key.digest(MESSAGE), key.sign(MESSAGE));
        let longer = [signature.as_slice(), &[0]].concat();
        for signature in [
            &signature[1..],
            &signature[..signature.len() - 1],
            &longer,
            &[],
        ] {
            let result = parsed.verify_prehashed(key.label.hash(), &digest, signature);
            assert!(
                result.is_err(),
                "{} with {} bytes",
                key.label,
                signature.len()
            );
        }
    }
}

#[test]
fn a_hash_that_is_not_the_keys_is_refused() {
    for key in keys() {
        let wanted = key.label.hash();
        for found in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            if found != wanted {
                let digest = vec![0; found.digest_len_bytes()];
                let result = parse(&key.spki)
                    .unwrap()
                    .verify_prehashed(found, &digest, b"x");
                let kind = key.label.key_kind();
                assert_eq!(
                    result,
                    Err(SignatureError::Hash {
                        kind,
                        found,
                        wanted
                    })
                );
            }
        }
    }
}

#[test]
fn a_digest_of_another_length_is_refused() {
    for key in keys() {
        let wanted = key.label.hash().digest_len_bytes();
        for found in [0, wanted - 1, wanted + 1] {
            let parsed = parse(&key.spki).unwrap();
            let result = parsed.verify_prehashed(key.label.hash(), &vec![0; found], b"x");
            assert_eq!(result, Err(SignatureError::DigestLen { found, wanted }));
        }
    }
}

#[test]
fn a_signature_that_is_too_long_is_refused() {
    let key = key(KeyDetails::Rsa2048Sha256);
    let result = parse(&key.spki).unwrap().verify_prehashed(
        HashAlgorithm::Sha256,
        &key.digest(MESSAGE),
        &[0; SIGNATURE_LEN_BYTES_MAX + 1],
    );
    assert_eq!(
        result,
        Err(SignatureError::TooLong {
            found: 1025,
            max: 1024
        })
    );
}

#[test]
fn ecdsa_takes_r_and_s_side_by_side() {
    for label in [
        KeyDetails::EcdsaP256Sha256,
        KeyDetails::EcdsaP384Sha384,
        KeyDetails::EcdsaP521Sha512,
    ] {
        let key = key(label);
        let parsed = parse(&key.spki).unwrap();
        let (digest, signature) = (key.digest(MESSAGE), key.sign_p1363(MESSAGE));
        parsed
            .verify_prehashed(label.hash(), &digest, &signature)
            .unwrap();
        let half = signature.len() / 2;
        let swapped = [&signature[half..], &signature[..half]].concat();
        assert!(
            parsed
                .verify_prehashed(label.hash(), &digest, &swapped)
                .is_err()
        );
        // Wider halves hold the same numbers, and are the same signature to other readers.
        let wider = [&[0], &signature[..half], &[0], &signature[half..]].concat();
        let result = parsed.verify_prehashed(label.hash(), &digest, &wider);
        assert_eq!(result.is_ok(), wider.len() <= P1363_LEN_BYTES_MAX);
    }
}

#[test]
fn ecdsa_refuses_what_is_neither_form() {
    let key = key(KeyDetails::EcdsaP256Sha256);
    let parsed = parse(&key.spki).unwrap();
    for signature in [vec![], vec![1; 63], vec![1; 134], vec![0x30; 1000]] {
        let result =
            parsed.verify_prehashed(HashAlgorithm::Sha256, &key.digest(MESSAGE), &signature);
        assert!(
            matches!(result, Err(SignatureError::Malformed { .. })),
            "{result:?}"
        );
    }
}

#[test]
fn ecdsa_refuses_zero_and_too_large_numbers() {
    let key = key(KeyDetails::EcdsaP256Sha256);
    let parsed = parse(&key.spki).unwrap();
    let good = key.sign_p1363(MESSAGE);
    let (r, s) = good.split_at(32);
    let cases = [
        vec![0; 64],
        vec![0xff; 64],
        [r, &[0; 32]].concat(),
        [&[0; 32], s].concat(),
        [r, &[0xff; 32]].concat(),
    ];
    for signature in cases {
        let result =
            parsed.verify_prehashed(HashAlgorithm::Sha256, &key.digest(MESSAGE), &signature);
        assert_eq!(
            result,
            Err(SignatureError::Mismatch {
                kind: KeyKind::EcdsaP256
            })
        );
    }
}

#[test]
fn ecdsa_asn1_must_be_der() {
    let key = key(KeyDetails::EcdsaP256Sha256);
    let parsed = parse(&key.spki).unwrap();
    let verify = |signature: &[u8]| {
        parsed.verify_prehashed(HashAlgorithm::Sha256, &key.digest(MESSAGE), signature)
    };
    let fixed = key.sign_p1363(MESSAGE);
    let (r, s) = fixed.split_at(32);
    let integer = |bytes: &[u8]| tlv(0x02, &[&[0; 2], bytes].concat());
    // Leading zeros beyond the sign bit.
    assert!(verify(&tlv(0x30, &[integer(r), integer(s)].concat())).is_err());
    // A third member, and bytes behind the end.
    let good = key.sign(MESSAGE);
    assert!(verify(&tlv(0x30, &[&good[2..], &tlv(0x02, &[1])].concat())).is_err());
    assert!(verify(&[good.as_slice(), &[0, 0]].concat()).is_err());
    // A length in its long form, and one without end.
    assert!(verify(&[&[0x30, 0x81, good[1]], &good[2..]].concat()).is_err());
    assert!(verify(&[&[0x30, 0x80], &good[2..], &[0, 0]].concat()).is_err());
    assert!(verify(&good).is_ok());
}

#[test]
fn rsa_refuses_a_signature_of_another_length() {
    let key = key(KeyDetails::Rsa2048Sha256);
    let parsed = parse(&key.spki).unwrap();
    let padded = [&[0], key.sign(MESSAGE).as_slice()].concat();
    let result = parsed.verify_prehashed(HashAlgorithm::Sha256, &key.digest(MESSAGE), &padded);
    assert!(matches!(result, Err(SignatureError::Mismatch { .. })));
}

#[test]
fn plain_ed25519_is_not_ed25519ph() {
    use ed25519_dalek::Signer as _;
    let key = key(KeyDetails::Ed25519Ph);
    let secret = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let parsed = parse(&key.spki).unwrap();
    let digest = key.digest(MESSAGE);
    for signed in [MESSAGE, &digest] {
        let signature = secret.sign(signed).to_bytes();
        let result = parsed.verify_prehashed(HashAlgorithm::Sha512, &digest, &signature);
        assert_eq!(
            result,
            Err(SignatureError::Mismatch {
                kind: KeyKind::Ed25519
            })
        );
    }
}

#[test]
fn ed25519ph_with_a_context_is_another_signature() {
    use sha2::Digest as _;
    let key = key(KeyDetails::Ed25519Ph);
    let secret = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let hasher = sha2::Sha512::new().chain_update(MESSAGE);
    let signature = secret
        .sign_prehashed(hasher, Some(b"context"))
        .unwrap()
        .to_bytes();
    let parsed = parse(&key.spki).unwrap();
    let result = parsed.verify_prehashed(HashAlgorithm::Sha512, &key.digest(MESSAGE), &signature);
    assert_eq!(
        result,
        Err(SignatureError::Mismatch {
            kind: KeyKind::Ed25519
        })
    );
}

/// RFC 8032 section 7.3, the test vector of `Ed25519ph`: the message is `abc`.
#[test]
fn ed25519ph_of_rfc8032() {
    let key =
        hex::decode("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf").unwrap();
    let signature = hex::decode(concat!(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41",
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    ))
    .unwrap();
    let digest = hex::decode(concat!(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ))
    .unwrap();
    let parsed = parse(&ed25519_spki(&key)).unwrap();
    parsed
        .verify_prehashed(HashAlgorithm::Sha512, &digest, &signature)
        .unwrap();
}

#[test]
fn ed25519_keys_of_small_order_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    for point in [identity, [0; 32]] {
        let error = parse(&ed25519_spki(&point)).unwrap_err();
        assert!(error.to_string().contains("small order"), "{error}");
    }
}

#[test]
fn ed25519_keys_of_another_length_are_refused() {
    for len in [0, 31, 33, 64] {
        let error = parse(&ed25519_spki(&vec![1; len])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "not a usable ed25519 key: wanted 32 bytes"
        );
    }
}

#[test]
fn ed25519_with_parameters_is_refused() {
    let algorithm = tlv(
        0x30,
        &[tlv(0x06, &[0x2b, 0x65, 0x70]), tlv(0x05, &[])].concat(),
    );
    let spki = tlv(0x30, &[algorithm, bit_string(&[1; 32])].concat());
    let wanted = PublicKeyError::Parameters {
        wanted: "none for ed25519",
    };
    assert_eq!(parse(&spki).unwrap_err(), wanted);
}

#[test]
fn pem_is_refused_as_such() {
    let pem = b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
    assert_eq!(
        parse(pem).unwrap_err(),
        PublicKeyError::Pem { what: "public key" }
    );
    let pem = b"\n-----BEGIN CERTIFICATE-----\n";
    let error = PublicKey::from_certificate_der(pem).unwrap_err();
    assert_eq!(
        error,
        PublicKeyError::Pem {
            what: "certificate"
        }
    );
}

#[test]
fn a_bare_rsa_key_is_refused() {
    let key = tlv(0x30, &[tlv(0x02, &[1; 256]), tlv(0x02, &[3])].concat());
    malformed_reason(&key);
}

#[test]
fn nothing_and_nonsense_are_refused() {
    malformed_reason(b"");
    malformed_reason(b"\x30");
    malformed_reason(b"not a key");
    malformed_reason(&[0x30, 0]);
}

#[test]
fn bytes_behind_the_key_are_refused() {
    for key in keys() {
        malformed_reason(&[key.spki.as_slice(), &[0]].concat());
    }
}

#[test]
fn a_shortened_key_is_refused() {
    for key in keys() {
        for len in [0, 1, key.spki.len() / 2, key.spki.len() - 1] {
            malformed_reason(&key.spki[..len]);
        }
    }
}

#[test]
fn a_length_in_its_long_form_is_refused() {
    let spki = &key(KeyDetails::EcdsaP256Sha256).spki;
    malformed_reason(&[&[0x30, 0x81, spki[1]], &spki[2..]].concat());
}

#[test]
fn unused_bits_are_refused() {
    let mut spki = key(KeyDetails::EcdsaP256Sha256).spki.clone();
    let unused_bits_at = spki.len() - 66;
    assert_eq!(spki[unused_bits_at], 0);
    spki[unused_bits_at] = 1;
    assert!(parse(&spki).is_err());
}

#[test]
fn too_long_is_refused_before_parsing() {
    let error = parse(&vec![0; SPKI_LEN_BYTES_MAX + 1]).unwrap_err();
    let wanted = PublicKeyError::TooLong {
        what: "public key",
        found: 2049,
        max: 2048,
    };
    assert_eq!(error, wanted);
    let long = vec![0; CERTIFICATE_LEN_BYTES_MAX + 1];
    let error = PublicKey::from_certificate_der(&long).unwrap_err();
    assert!(matches!(
        error,
        PublicKeyError::TooLong {
            what: "certificate",
            ..
        }
    ));
}

#[test]
fn another_algorithm_is_refused_by_its_number() {
    // X25519 (RFC 8410) is for key agreement.
    let algorithm = tlv(0x30, &tlv(0x06, &[0x2b, 0x65, 0x6e]));
    let spki = tlv(0x30, &[algorithm, bit_string(&[1; 32])].concat());
    let error = parse(&spki).unwrap_err();
    assert_eq!(
        error,
        PublicKeyError::Algorithm {
            oid: "1.3.101.110".to_owned()
        }
    );
}

#[test]
fn another_curve_is_refused_by_its_number() {
    let secp256k1 = tlv(0x06, &[0x2b, 0x81, 0x04, 0x00, 0x0a]);
    let error = parse(&ecdsa_spki(&secp256k1, &[4; 65])).unwrap_err();
    assert_eq!(
        error,
        PublicKeyError::Curve {
            oid: "1.3.132.0.10".to_owned()
        }
    );
}

#[test]
fn a_curve_that_is_not_named_is_refused() {
    for parameters in [vec![], tlv(0x05, &[]), tlv(0x30, &[])] {
        let error = parse(&ecdsa_spki(&parameters, &p256_point())).unwrap_err();
        assert_eq!(
            error,
            PublicKeyError::Curve {
                oid: "not named".to_owned()
            }
        );
    }
}

#[test]
fn a_point_of_another_curve_is_refused() {
    let mut point = p256_point();
    point[64] ^= 1;
    let p384_point = [&[4], [1; 96].as_slice()].concat();
    for point in [point, p384_point, vec![4; 65], vec![0], vec![]] {
        let error = parse(&ecdsa_spki(&p256_oid(), &point)).unwrap_err();
        assert!(
            matches!(
                error,
                PublicKeyError::Key {
                    algorithm: "ecdsa",
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn a_compressed_point_is_refused() {
    let point = p256_point();
    let compressed = [&[2 + point[64] % 2], &point[1..33]].concat();
    let error = parse(&ecdsa_spki(&p256_oid(), &compressed)).unwrap_err();
    assert!(error.to_string().contains("uncompressed"), "{error}");
}

#[test]
fn rsa_without_null_parameters_is_refused() {
    let spki = &key(KeyDetails::Rsa2048Sha256).spki;
    let oid = tlv(
        0x06,
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
    );
    let algorithm_len = oid.len() + 4;
    let header_len = 4;
    let rest = &spki[header_len + algorithm_len..];
    let bare = tlv(0x30, &[tlv(0x30, &oid).as_slice(), rest].concat());
    assert_eq!(
        parse(&bare).unwrap_err(),
        PublicKeyError::Parameters {
            wanted: "null for rsa"
        }
    );
}

#[test]
fn rsa_moduli_out_of_bounds_are_refused() {
    let modulus = |bits: usize| {
        let mut bytes = vec![0xff; bits / 8];
        if !bits.is_multiple_of(8) {
            bytes.insert(0, 0x7f);
        }
        if bytes[0] & 0x80 != 0 {
            bytes.insert(0, 0);
        }
        bytes
    };
    for bits in [1024, 2047, 8199] {
        let error = parse(&rsa_spki(&modulus(bits))).unwrap_err();
        assert_eq!(
            error,
            PublicKeyError::RsaModulus {
                found: bits,
                min: 2048,
                max: 8192
            }
        );
    }
}

#[test]
fn rsa_keys_that_are_no_keys_are_refused() {
    // An even modulus, and a negative one.
    let even = [&[0], [0xfe; 256].as_slice()].concat();
    assert!(parse(&rsa_spki(&even)).is_err());
    assert!(parse(&rsa_spki(&[0xff; 256])).is_err());
    assert!(parse(&rsa_spki(&[])).is_err());
    assert!(parse(&rsa_spki(&[0])).is_err());
}

#[test]
fn two_certificates_are_refused() {
    let one = certificate(&key(KeyDetails::Ed25519Ph).spki, 0);
    let error = PublicKey::from_certificate_der(&[one.clone(), one].concat()).unwrap_err();
    assert!(matches!(
        error,
        PublicKeyError::Malformed {
            what: "certificate",
            ..
        }
    ));
}

#[test]
fn a_key_in_place_of_a_certificate_and_the_reverse_are_refused() {
    let spki = &key(KeyDetails::EcdsaP256Sha256).spki;
    assert!(PublicKey::from_certificate_der(spki).is_err());
    assert!(parse(&certificate(spki, 0)).is_err());
}

#[test]
fn a_certificate_with_an_unsupported_key_is_refused() {
    let algorithm = tlv(0x30, &tlv(0x06, &[0x2b, 0x65, 0x6e]));
    let spki = tlv(0x30, &[algorithm, bit_string(&[1; 32])].concat());
    let error = PublicKey::from_certificate_der(&certificate(&spki, 0)).unwrap_err();
    assert!(matches!(error, PublicKeyError::Algorithm { .. }));
}

#[test]
fn debug_shows_the_kind_only() {
    let parsed = parse(&key(KeyDetails::EcdsaP256Sha256).spki).unwrap();
    assert_eq!(
        format!("{parsed:?}"),
        "PublicKey { kind: EcdsaP256, spki_len: 91, .. }"
    );
}

proptest! {
    /// A second implementation signs, ours verifies; and both judge a tampered one alike.
    #[test]
    fn ecdsa_agrees_with_p256(
        secret in prop::array::uniform32(1_u8..),
        digest in prop::array::uniform32(any::<u8>()),
        flip in prop::option::of(0_usize..512),
    ) {
        use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
        use p256::ecdsa::{Signature, SigningKey};
        let Ok(signing) = SigningKey::from_slice(&secret) else { return Ok(()) };
        let signature: Signature = signing.sign_prehash(&digest).unwrap();
        let mut fixed = signature.to_bytes();
        if let Some(bit) = flip {
            fixed[bit / 8] ^= 1 << (bit % 8);
        }
        let theirs = Signature::from_slice(&fixed)
            .is_ok_and(|s| signing.verifying_key().verify_prehash(&digest, &s).is_ok());
        let point = signing.verifying_key().to_sec1_point(false);
        let ours = parse(&ecdsa_spki(&p256_oid(), point.as_bytes())).unwrap();
        let verify = |s: &[u8]| ours.verify_prehashed(HashAlgorithm::Sha256, &digest, s).is_ok();
        prop_assert_eq!(verify(&fixed), theirs);
        prop_assert_eq!(theirs, flip.is_none());
        if let Ok(signature) = Signature::from_slice(&fixed) {
            prop_assert_eq!(verify(signature.to_der().as_bytes()), theirs);
        }
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
        let _ = parse(&bytes);
        let _ = PublicKey::from_certificate_der(&bytes);
    }

    /// Whatever is still accepted after a change is exactly what was given.
    #[test]
    fn a_changed_byte_is_refused_or_kept(which in 0_usize..7, at in 0_usize..4096, to: u8) {
        let mut spki = keys()[which].spki.clone();
        let at = at % spki.len();
        spki[at] = to;
        if let Ok(parsed) = parse(&spki) {
            prop_assert_eq!(parsed.spki_der(), spki.as_slice());
        }
    }

    #[test]
    fn no_signature_makes_verification_panic(
        which in 0_usize..7,
        signature in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let key = &keys()[which];
        let parsed = parse(&key.spki).unwrap();
        let digest = key.digest(MESSAGE);
        prop_assert!(parsed.verify_prehashed(key.label.hash(), &digest, &signature).is_err());
    }
}
