//! Tests of promises: bytes written by hand from RFC 6962, signatures of a key, each refusal.

use proptest::prelude::*;

use super::*;
use crate::KeyDetails;
use crate::test_keys::{TestKey, key};

fn sample() -> SignedCertificateTimestamp {
    SignedCertificateTimestamp {
        log_id: [7; 32],
        timestamp: UnixMillis::new(0x0102_0304_0506_0708),
        extensions: vec![0, 0, 5, 0, 0, 0, 0, 9],
        signature: vec![0x30, 0x00],
    }
}

const ENTRY: CtEntry<'static> = CtEntry::Precert {
    issuer_key_hash: [3; 32],
    tbs: b"tbs",
};

fn promise(key: &TestKey, entry: &CtEntry<'_>) -> SignedCertificateTimestamp {
    let mut sct = sample();
    sct.log_id = log_id(&key.spki);
    sct.signature = key.sign(&sct.signed_bytes(entry).unwrap());
    sct
}

fn public(key: &TestKey) -> PublicKey {
    PublicKey::from_spki_der(&key.spki).unwrap()
}

#[test]
fn a_promise_has_the_bytes_of_the_rfc() {
    let bytes = sample().encode().unwrap();
    let id = "07".repeat(32);
    let wanted = format!("00{id}01020304050607080008000005000000000904030002 3000");
    assert_eq!(hex::encode(&bytes), wanted.replace(' ', ""));
    let list = encode_list(&[sample()]).unwrap();
    assert_eq!(list[..6], [0x04, 61, 0, 59, 0, 57]);
    assert_eq!(list[6..], bytes);
}

#[test]
fn what_is_signed_has_the_bytes_of_the_rfc() {
    let head = "0000 0102030405060708".replace(' ', "");
    let tail = "0008 0000050000000009".replace(' ', "");
    let signed = |entry| hex::encode(sample().signed_bytes(&entry).unwrap());
    let cert = CtEntry::X509 { cert: b"cert" };
    assert_eq!(signed(cert), format!("{head}000000000463657274{tail}"));
    let hash = "03".repeat(32);
    assert_eq!(signed(ENTRY), format!("{head}0001{hash}000003746273{tail}"));
}

#[test]
fn a_promise_verifies_for_its_entry_and_its_log_alone() {
    let log = key(KeyDetails::EcdsaP256Sha256);
    let sct = promise(log, &ENTRY);
    assert_eq!(sct.verify(&ENTRY, &public(log)), Ok(()));
    let other_entry = CtEntry::X509 { cert: b"tbs" };
    let error = sct.verify(&other_entry, &public(log)).unwrap_err();
    assert!(matches!(error, SctError::Signature(_)), "{error}");

    let other_log = TestKey::generate(KeyDetails::EcdsaP256Sha256);
    let error = sct.verify(&ENTRY, &public(&other_log)).unwrap_err();
    assert!(matches!(error, SctError::LogId { .. }), "{error}");
    assert!(error.to_string().starts_with("the sct is by log "));

    let p384 = key(KeyDetails::EcdsaP384Sha384);
    let error = promise(p384, &ENTRY).verify(&ENTRY, &public(p384));
    let found = KeyKind::EcdsaP384;
    assert_eq!(error, Err(SctError::Key { found }));

    let mut later = sct.clone();
    later.timestamp = UnixMillis::new(1);
    assert!(later.verify(&ENTRY, &public(log)).is_err());
    let mut elsewhere = sct.clone();
    elsewhere.extensions[7] ^= 1;
    assert!(elsewhere.verify(&ENTRY, &public(log)).is_err());
    let mut raw = sct;
    raw.signature = log.sign_p1363(&raw.signed_bytes(&ENTRY).unwrap());
    if raw.signature[0] != 0x30 {
        assert_eq!(
            raw.verify(&ENTRY, &public(log)),
            Err(SctError::SignatureForm)
        );
    }
}

#[test]
fn what_is_no_promise_is_refused() {
    let good = sample().encode().unwrap();
    let parse = SignedCertificateTimestamp::parse;
    assert_eq!(parse(&good).unwrap(), sample());
    for len in 0..good.len() {
        let error = parse(&good[..len]).unwrap_err();
        assert!(matches!(error, SctError::CutOff { .. }), "{len}: {error}");
    }
    let (what, count) = ("sct", 1);
    let trailing = [good.as_slice(), &[0]].concat();
    assert_eq!(parse(&trailing), Err(SctError::Trailing { what, count }));
    let mut version = good.clone();
    version[0] = 1;
    assert_eq!(parse(&version), Err(SctError::Version { found: 1 }));
    let mut rsa = good;
    rsa[52] = 1;
    assert_eq!(parse(&rsa), Err(SctError::Algorithm { found: [4, 1] }));
}

#[test]
fn what_is_no_list_is_refused() {
    let list = |bytes: &[u8]| parse_list(&tlv(tag::OCTET_STRING, bytes)).unwrap_err();
    assert_eq!(list(&[0, 0]), SctError::Count { found: 0 });
    assert_eq!(list(&[0]), SctError::CutOff { field: "list" });
    assert_eq!(list(&[0, 3, 0, 2, 0]), SctError::CutOff { field: "sct" });
    let (what, count) = ("list", 1);
    assert_eq!(list(&[0, 0, 0]), SctError::Trailing { what, count });
    assert!(matches!(parse_list(&[0, 0]), Err(SctError::Der { .. })));
    assert_eq!(encode_list(&[]), Err(SctError::Count { found: 0 }));
    let many = vec![sample(); SCT_COUNT_MAX + 1];
    assert_eq!(encode_list(&many), Err(SctError::Count { found: 17 }));
    let most = encode_list(&many[1..]).unwrap();
    assert_eq!(parse_list(&most).unwrap().len(), SCT_COUNT_MAX);
    let item = [&[0, 57], sample().encode().unwrap().as_slice()].concat();
    let too_many = item.repeat(SCT_COUNT_MAX + 1);
    let len = u16::try_from(too_many.len()).unwrap().to_be_bytes();
    let error = list(&[len.as_slice(), &too_many].concat());
    assert_eq!(error, SctError::Count { found: 17 });
}

#[test]
fn what_does_not_fit_its_length_is_refused() {
    let mut sct = sample();
    sct.signature = vec![0; 65_536];
    let error = sct.encode().unwrap_err().to_string();
    assert_eq!(error, "signature of 65536 bytes, at most 65535 fit");
    let cert = vec![0; 1 << 24];
    let entry = CtEntry::X509 { cert: &cert };
    let error = sample().signed_bytes(&entry).unwrap_err().to_string();
    assert_eq!(error, "certificate of 16777216 bytes, at most 16777215 fit");
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        log_id in any::<[u8; 32]>(),
        millis in any::<u64>(),
        extensions in prop::collection::vec(any::<u8>(), 0..40),
        signature in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let timestamp = UnixMillis::new(millis);
        let sct = SignedCertificateTimestamp { log_id, timestamp, extensions, signature };
        let list = encode_list(std::slice::from_ref(&sct)).unwrap();
        prop_assert_eq!(parse_list(&list).unwrap(), vec![sct]);
    }

    #[test]
    fn no_flipped_bit_goes_unseen(at in 0usize..60, bit in 0u8..8) {
        let log = key(KeyDetails::EcdsaP256Sha256);
        let mut bytes = promise(log, &ENTRY).encode().unwrap();
        bytes[at] ^= 1 << bit;
        if let Ok(sct) = SignedCertificateTimestamp::parse(&bytes) {
            prop_assert_eq!(sct.encode().unwrap(), bytes);
            prop_assert!(sct.verify(&ENTRY, &public(log)).is_err());
        }
    }
}
