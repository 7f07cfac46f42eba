//! Tests of reading certificates: parts of one that was made here, and each refusal.

use proptest::prelude::*;

use super::*;
use crate::KeyDetails;
use crate::der_writer::bit_string;
use crate::test_keys::key;

/// What a certificate is put together from, to put a wrong part into it.
#[derive(Clone)]
struct Parts {
    version: Vec<u8>,
    serial: Vec<u8>,
    inner: Vec<u8>,
    outer: Vec<u8>,
    extensions: Vec<Vec<u8>>,
    behind: Vec<u8>,
}

impl Parts {
    fn good() -> Self {
        let algorithm = SignatureAlgorithm::EcdsaP256Sha256.to_der();
        Self {
            version: VERSION_3.to_vec(),
            serial: vec![2, 1, 5],
            inner: algorithm.clone(),
            outer: algorithm,
            extensions: vec![
                ext(&[0x2a, 3, 4], true, b"a"),
                ext(&[0x2a, 3, 5], false, b"b"),
            ],
            behind: Vec::new(),
        }
    }

    fn tbs(&self) -> Vec<u8> {
        let time = |text: &[u8]| tlv(0x17, text);
        let validity = sequence(&[time(b"250101000000Z"), time(b"250101001000Z")]);
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            some => tlv(EXTENSIONS, &sequence(some)),
        };
        sequence(&[
            self.version.clone(),
            self.serial.clone(),
            self.inner.clone(),
            sequence(&[b""]),
            validity,
            sequence(&[b""]),
            key(KeyDetails::EcdsaP256Sha256).spki.clone(),
            extensions,
            self.behind.clone(),
        ])
    }

    fn der(&self) -> Vec<u8> {
        let tbs = self.tbs();
        let signature = key(KeyDetails::EcdsaP256Sha256).sign(&tbs);
        sequence(&[tbs, self.outer.clone(), bit_string(&signature)])
    }

    fn error(&self) -> CertificateError {
        CertificateView::parse(&self.der()).unwrap_err()
    }
}

fn ext(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let flag = if critical {
        tlv(tag::BOOLEAN, &[0xff])
    } else {
        Vec::new()
    };
    sequence(&[tlv(tag::OID, oid), flag, tlv(tag::OCTET_STRING, value)])
}

fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

#[test]
fn the_parts_are_the_slices_they_are() {
    let der = Parts::good().der();
    let view = CertificateView::parse(&der).unwrap();
    assert_eq!(view.der(), der);
    assert_eq!(view.tbs(), Parts::good().tbs());
    assert_eq!(view.serial(), [5]);
    assert_eq!(view.issuer(), [0x30, 0]);
    assert_eq!(view.subject(), [0x30, 0]);
    assert_eq!(view.not_before(), UnixSeconds::new(1_735_689_600));
    assert_eq!(view.not_after(), UnixSeconds::new(1_735_690_200));
    assert_eq!(view.spki(), key(KeyDetails::EcdsaP256Sha256).spki);
    let found: Vec<_> = view
        .extensions()
        .iter()
        .map(|e| (e.critical, e.value))
        .collect();
    assert_eq!(found, [(true, b"a".as_slice()), (false, b"b")]);
    assert!(view.extension(oid("1.2.3.6")).is_none());
    assert!(!view.is_poisoned());
}

#[test]
fn an_extension_is_left_out_and_no_other_byte_changes() {
    let parts = Parts::good();
    let der = parts.der();
    let view = CertificateView::parse(&der).unwrap();
    assert_eq!(view.tbs_without(oid("1.2.3.6")), view.tbs());
    let mut without = parts.clone();
    without.extensions.remove(0);
    assert_eq!(view.tbs_without(oid("1.2.3.4")), without.tbs());
    let mut one = parts;
    one.extensions.truncate(1);
    let der = one.der();
    one.extensions.clear();
    let view = CertificateView::parse(&der).unwrap();
    assert_eq!(view.tbs_without(oid("1.2.3.4")), one.tbs());
}

#[test]
fn the_poison_counts_only_in_its_one_form() {
    let poison = oids::CT_POISON;
    for (critical, value, wanted) in [
        (true, [5, 0].as_slice(), true),
        (false, &[5, 0], false),
        (true, &[5], false),
    ] {
        let mut parts = Parts::good();
        parts
            .extensions
            .push(ext(poison.as_bytes(), critical, value));
        let der = parts.der();
        assert_eq!(CertificateView::parse(&der).unwrap().is_poisoned(), wanted);
    }
}

#[test]
fn a_certificate_verifies_with_its_issuers_key_alone() {
    let der = Parts::good().der();
    let view = CertificateView::parse(&der).unwrap();
    view.verify_signed_by(&view.public_key().unwrap()).unwrap();
    let error = |label: KeyDetails| {
        let other = PublicKey::from_spki_der(&key(label).spki).unwrap();
        view.verify_signed_by(&other).unwrap_err()
    };
    let wanted = SignatureAlgorithm::EcdsaP384Sha384;
    assert_eq!(
        error(KeyDetails::EcdsaP384Sha384),
        CertificateError::Algorithm { wanted }
    );
    let found = "ed25519".to_owned();
    assert_eq!(
        error(KeyDetails::Ed25519Ph),
        CertificateError::AuthorityKey { found }
    );
    let mut bytes = der.clone();
    let at = bytes.len() - 200;
    bytes[at] ^= 1;
    if let Ok(changed) = CertificateView::parse(&bytes) {
        let error = changed.verify_signed_by(&view.public_key().unwrap());
        assert!(matches!(error, Err(CertificateError::Signature(_))));
    }
}

#[test]
fn what_is_no_certificate_is_refused() {
    let der = Parts::good().der();
    for len in 0..der.len() {
        let error = CertificateView::parse(&der[..len]).unwrap_err();
        assert!(
            matches!(error, CertificateError::Malformed(_)),
            "{len}: {error}"
        );
    }
    let trailing = [der.as_slice(), &[0]].concat();
    let error = CertificateView::parse(&trailing).unwrap_err();
    assert!(matches!(error, CertificateError::Malformed(_)), "{error}");
    let long = vec![0x30; CERTIFICATE_LEN_BYTES_MAX + 1];
    let found = long.len();
    let error = CertificateView::parse(&long).unwrap_err();
    assert_eq!(error, CertificateError::TooLong { found });
}

#[test]
fn each_wrong_part_is_named() {
    let part = |part| CertificateError::Part { part };
    let change = |change: fn(&mut Parts)| {
        let mut parts = Parts::good();
        change(&mut parts);
        parts.error()
    };
    assert_eq!(
        change(|p| p.version = vec![0xa0, 3, 2, 1, 1]),
        part("version")
    );
    assert_eq!(change(|p| p.version.clear()), part("version"));
    let error = change(|p| p.serial = vec![2, 1, 0x85]);
    assert!(
        matches!(error, CertificateError::Malformed(_)),
        "a negative number: {error}"
    );
    assert_eq!(
        change(|p| p.inner = vec![5, 0]),
        part("signature algorithm")
    );
    let other = change(|p| p.outer = SignatureAlgorithm::EcdsaP384Sha384.to_der());
    assert_eq!(other, CertificateError::TwoAlgorithms);
    let unique_id = change(|p| {
        p.extensions.clear();
        p.behind = vec![0x81, 2, 0, 1];
    });
    assert_eq!(unique_id, part("extensions"));
    let none = change(|p| {
        p.extensions.clear();
        p.behind = vec![0xa3, 2, 0x30, 0];
    });
    assert_eq!(none, part("extensions"));
    let explicit_false = change(|p| {
        let content = [tlv(6, &[0x2a, 3, 4]), vec![1, 1, 0], vec![4, 0]];
        p.extensions = vec![sequence(&content)];
    });
    assert_eq!(explicit_false, part("extension"));
    let twice = change(|p| p.extensions.push(ext(&[0x2a, 3, 4], false, b"c")));
    assert_eq!(
        twice,
        CertificateError::Twice {
            oid: oid("1.2.3.4")
        }
    );
    let many = change(|p| p.extensions = (0..65).map(|i| ext(&[0x2a, i], false, b"")).collect());
    assert_eq!(many, CertificateError::ExtensionCount);
}

proptest! {
    #[test]
    fn no_flipped_bit_goes_unseen(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut der = Parts::good().der();
        let good = der.clone();
        let public = CertificateView::parse(&good).unwrap().public_key().unwrap();
        let at = at.index(der.len());
        der[at] ^= 1 << bit;
        if let Ok(view) = CertificateView::parse(&der) {
            prop_assert!(view.verify_signed_by(&public).is_err());
        }
    }
}
