//! Tests of the quick check: that it accepts what is right, and nothing that the full one refuses.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use proptest::prelude::*;
use sigstore::{HashAlgorithm, PublicKey};

use super::*;

/// A key, and both checks of its signatures.
struct Sample {
    key: EcdsaKeyPair,
    quick: SelfCheck,
    full: PublicKey,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(Sample::generate);

impl Sample {
    fn generate() -> Sample {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let full = PublicKey::from_spki_der(spki.as_ref()).unwrap();
        let quick = SelfCheck::new(key.public_key().as_ref()).unwrap();
        Sample { key, quick, full }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    }

    /// What both say. The quick one may refuse what is right, so rarely that no test will see it,
    /// and must not accept what is wrong.
    fn check(&self, digest: &[u8], signature: &[u8]) -> bool {
        let quick = self.quick.accepts(digest, signature);
        let full = &self.full;
        let full = full.verify_prehashed(HashAlgorithm::Sha256, digest, signature);
        assert_eq!(quick, full.is_ok(), "{}", hex::encode(signature));
        quick
    }
}

/// A signature of these two numbers, written without looking at them.
fn signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
        let len = u8::try_from(sign.len() + bytes.len()).unwrap();
        [&[2, len], sign, bytes].concat()
    };
    let content = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat()
}

fn big_endian(number: Scalar) -> [u8; 32] {
    let mut bytes = number.encode();
    bytes.reverse();
    bytes
}

#[test]
fn signatures_of_many_keys_are_accepted_by_their_own_alone() {
    let samples: Vec<Sample> = (0..4).map(|_| Sample::generate()).collect();
    for (at, sample) in samples.iter().enumerate() {
        let signature = sample.sign(b"message");
        let digest = digest(&SHA256, b"message");
        for (other, checks) in samples.iter().enumerate() {
            assert_eq!(checks.check(digest.as_ref(), &signature), at == other);
        }
    }
}

#[test]
fn every_flipped_bit_is_seen() {
    let (signature, digest) = (SAMPLE.sign(b"message"), digest(&SHA256, b"message"));
    for at in 0..signature.len() * 8 {
        let mut flipped = signature.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(!SAMPLE.quick.accepts(digest.as_ref(), &flipped), "{at}");
    }
    for at in 0..256 {
        let mut flipped = digest.as_ref().to_vec();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(!SAMPLE.check(&flipped, &signature), "{at}");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let digest = digest(&SHA256, b"message");
    let good = SAMPLE.sign(b"message");
    let [r, s] = numbers(&good).unwrap().map(big_endian);
    assert!(SAMPLE.check(digest.as_ref(), &signature(&r, &s)));
    // The order of the curve less one is minus one.
    let mut order = big_endian(-Scalar::ONE);
    order[31] += 1;
    for odd in [&[0][..], &order, &[0xff; 32]] {
        assert!(!SAMPLE.check(digest.as_ref(), &signature(odd, &s)));
        assert!(!SAMPLE.check(digest.as_ref(), &signature(&r, odd)));
        assert!(!SAMPLE.check(digest.as_ref(), &signature(odd, odd)));
    }
    for len in 0..good.len() {
        assert!(!SAMPLE.quick.accepts(digest.as_ref(), &good[..len]));
    }
    let trailing = [&good[..], &[0]].concat();
    assert!(!SAMPLE.quick.accepts(digest.as_ref(), &trailing));
    let long = [&[1][..], &r].concat();
    assert!(!SAMPLE.quick.accepts(digest.as_ref(), &signature(&long, &s)));
    for len in [0, 31, 33] {
        assert!(!SAMPLE.quick.accepts(&vec![0; len], &good), "{len}");
    }
}

/// Both factors are chosen such that the products cancel: infinity has no x.
#[test]
fn a_point_at_infinity_has_no_x() {
    let private = Scalar::ONE + Scalar::ONE;
    let point = (Point::BASE * private).encode_uncompressed();
    let check = SelfCheck::new(&point).unwrap();
    // z + r d = 0 for r = 1, d = 2.
    let digest = big_endian(-private);
    let one = big_endian(Scalar::ONE);
    assert!(!check.accepts(&digest, &signature(&one[31..], &one[31..])));
}

#[test]
fn a_fault_in_the_tables_is_a_refusal() {
    let mut sample = Sample::generate();
    let (signature, digest) = (sample.sign(b"message"), digest(&SHA256, b"message"));
    assert!(sample.quick.accepts(digest.as_ref(), &signature));
    for row in &mut sample.quick.key.0 {
        row.iter_mut()
            .skip(1)
            .for_each(|point| *point += Point::BASE);
    }
    assert!(!sample.quick.accepts(digest.as_ref(), &signature));
}

#[test]
fn what_is_no_point_has_no_check() {
    let mut point = SAMPLE.key.public_key().as_ref().to_vec();
    point[64] ^= 1;
    assert!(SelfCheck::new(&point).is_none());
    assert!(SelfCheck::new(&point[..64]).is_none());
}

proptest! {
    #[test]
    fn both_checks_agree(message: Vec<u8>, other: Vec<u8>) {
        let signature = SAMPLE.sign(&message);
        let digest_of = |message: &[u8]| digest(&SHA256, message);
        prop_assert!(SAMPLE.check(digest_of(&message).as_ref(), &signature));
        let same = message == other;
        prop_assert_eq!(SAMPLE.check(digest_of(&other).as_ref(), &signature), same);
    }

    /// Digests below the order and above it, with many equal bytes: the same row, again and again.
    #[test]
    fn both_checks_agree_on_odd_digests(byte: u8, other: u8, at in 0_usize..32) {
        let mut bytes = [byte; 32];
        bytes[at] = other;
        let digest = aws_lc_rs::digest::Digest::import_less_safe(&bytes, &SHA256).unwrap();
        let signature = SAMPLE.key.sign_digest(&digest).unwrap();
        prop_assert!(SAMPLE.check(&bytes, signature.as_ref()));
    }
}
