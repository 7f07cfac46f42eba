//! Signatures of OpenSSL and jarsigner, and structures that nobody should have made.

use aws_lc_rs::digest as aws;

use crate::der_writer::tag;
use crate::key_details::{HashAlgorithm, KeyDetails};
use crate::pem::parse_first;
use crate::pki::tests::vector;
use crate::pki::{Conditions, Format, Key, PkiError, Signature};
use crate::test_keys::{self, tlv};
use crate::time::UnixSeconds;

const RSA_SHA256: &str = "06092a864886f70d01010b";
const SHA256: &str = "0609608648016503040201";
const DATA: &str = "06092a864886f70d010701";

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &parts.concat())
}

/// Signed data by its parts, made with the RSA test key and without certificates.
struct Parts {
    outer_type: Vec<u8>,
    version: Vec<u8>,
    content_type: Vec<u8>,
    digest_algorithm: Vec<u8>,
    signature_algorithm: Vec<u8>,
    attributes: Vec<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
    signer_count: usize,
    behind: Vec<u8>,
}

fn attribute(oid: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[hex(oid), tlv(tag::SET, value)])
}

fn content_type(oid: &str) -> Vec<u8> {
    attribute("06092a864886f70d010903", &hex(oid))
}

fn message_digest(message: &[u8]) -> Vec<u8> {
    let digest = aws::digest(&aws::SHA256, message);
    let value = tlv(tag::OCTET_STRING, digest.as_ref());
    attribute("06092a864886f70d010904", &value)
}

impl Parts {
    fn new() -> Parts {
        Parts {
            outer_type: hex("06092a864886f70d010702"),
            version: hex("020101"),
            content_type: hex(DATA),
            digest_algorithm: sequence(&[hex(SHA256), hex("0500")]),
            signature_algorithm: sequence(&[hex(RSA_SHA256), hex("0500")]),
            attributes: vec![content_type(DATA), message_digest(b"message")],
            certificates: Vec::new(),
            signer_count: 1,
            behind: Vec::new(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let key = test_keys::key(KeyDetails::Rsa2048Sha256);
        let attributes = self.attributes.concat();
        let signature = key.sign(&tlv(tag::SET, &attributes));
        let signer = sequence(&[
            self.version.clone(),
            sequence(&[hex("3000"), hex("020101")]),
            self.digest_algorithm.clone(),
            tlv(0xa0, &attributes),
            self.signature_algorithm.clone(),
            tlv(tag::OCTET_STRING, &signature),
        ]);
        let mut data = vec![
            hex("020101"),
            tlv(tag::SET, &self.digest_algorithm),
            sequence(std::slice::from_ref(&self.content_type)),
        ];
        if !self.certificates.is_empty() {
            data.push(tlv(0xa0, &self.certificates.concat()));
        }
        data.push(tlv(tag::SET, &vec![signer; self.signer_count].concat()));
        data.push(self.behind.clone());
        sequence(&[self.outer_type.clone(), tlv(0xa0, &sequence(&data))])
    }
}

/// The key that signs what [`Parts`] makes.
fn key() -> Key {
    let (label, der) = (
        "PUBLIC KEY".to_owned(),
        &test_keys::key(KeyDetails::Rsa2048Sha256).spki,
    );
    let der = der.clone();
    Key::parse(crate::pem::PemBlock { label, der }.encode().as_bytes()).unwrap()
}

fn verify(signed: &[u8]) -> Result<(), PkiError> {
    key().verify(
        &Signature::parse(signed)?,
        b"message",
        &Conditions::default(),
    )
}

fn refused(change: impl FnOnce(&mut Parts)) -> String {
    let mut parts = Parts::new();
    assert_eq!(verify(&parts.encode()), Ok(()));
    change(&mut parts);
    verify(&parts.encode()).unwrap_err().to_string()
}

fn of_vector(name: &str) -> (Key, Signature) {
    let bytes = vector(name);
    (
        Key::parse(&bytes).unwrap(),
        Signature::parse(&bytes).unwrap(),
    )
}

#[test]
fn a_jar_is_signed_by_its_list_of_files() {
    let (key, signature) = of_vector("pkcs7-jar.sig");
    let conditions = Conditions::default();
    assert_eq!(
        key.verify(&signature, &vector("pkcs7-jar.sf"), &conditions),
        Ok(())
    );
    let error = key
        .verify(&signature, &vector("message"), &conditions)
        .unwrap_err();
    assert!(matches!(error, PkiError::Mismatch { .. }), "{error}");
}

#[test]
fn the_certificate_beside_it_verifies_as_well() {
    let key = Key::parse(&vector("pkcs7-p256.pem")).unwrap();
    for name in ["pkcs7-p256.sig", "pkcs7-p256.bare.sig"] {
        let signature = Signature::parse(&vector(name)).unwrap();
        let verified = key.verify(&signature, &vector("message"), &Conditions::default());
        assert_eq!(verified, Ok(()), "{name}");
    }
    let alone = Key::parse(&vector("x509-p256.pub")).unwrap();
    let (_, signature) = of_vector("pkcs7-p256.sig");
    let verified = alone.verify(&signature, &vector("message"), &Conditions::default());
    assert_eq!(verified, Ok(()));
}

#[test]
fn what_is_kept_has_no_message_and_no_chain() {
    let (key, signature) = of_vector("pkcs7-rsa.attached.sig");
    let kept = signature.canonical();
    let (block, _) = parse_first(&kept).unwrap();
    assert_eq!(block.label, "PKCS7");
    assert_eq!(block.der.len() + 10, vector("pkcs7-rsa.attached.sig").len());
    let again = Signature::parse(&kept).unwrap();
    let verified = key.verify(&again, &vector("message"), &Conditions::default());
    assert_eq!(verified, Ok(()));
    // A detached one is kept as it was.
    let (_, detached) = of_vector("pkcs7-p256.sig");
    let (block, _) = parse_first(&detached.canonical()).unwrap();
    assert_eq!(block.der, vector("pkcs7-p256.sig"));
    assert!(
        key.canonical()
            .starts_with(b"-----BEGIN CERTIFICATE-----\n")
    );
}

#[test]
fn of_several_certificates_the_signers_counts() {
    let (key, signature) = of_vector("pkcs7-p521.sig");
    let kind = key.public_key().unwrap().kind();
    assert_eq!(kind, crate::KeyKind::EcdsaP521);
    let verified = key.verify(&signature, &vector("message"), &Conditions::default());
    assert_eq!(verified, Ok(()));
}

#[test]
fn identities_are_those_of_subject_and_names() {
    let (key, _) = of_vector("pkcs7-rsa.sig");
    let identities: Vec<String> = key.identities().iter().map(ToString::to_string).collect();
    assert_eq!(identities, ["jane@example.org", "example.org"]);
}

#[test]
fn a_certificate_counts_only_while_it_is_valid() {
    let (with_certificate, signature) = of_vector("pkcs7-rsa.sig");
    let alone = Key::parse(&vector("x509-rsa.pub")).unwrap();
    for key in [with_certificate, alone] {
        let verify = |at| {
            let conditions = Conditions::at(UnixSeconds::new(at));
            key.verify(&signature, &vector("message"), &conditions)
        };
        for at in [0, u64::MAX] {
            let error = verify(at).unwrap_err();
            assert!(matches!(error, PkiError::NotValid { .. }), "{error}");
        }
    }
}

#[test]
fn ber_is_refused() {
    let error = Signature::parse(&vector("pkcs7-rsa.ber.sig")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("pkcs7 signature is malformed"),
        "{error}"
    );
}

#[test]
fn digests_do_where_they_are_signed() {
    let message = vector("message");
    let conditions = Conditions::default();
    for (name, wanted) in [
        ("pkcs7-rsa.sig", HashAlgorithm::Sha256),
        ("pkcs7-rsa.plain.sig", HashAlgorithm::Sha512),
        ("pkcs7-p384.sig", HashAlgorithm::Sha384),
    ] {
        let (key, signature) = of_vector(name);
        for hash in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            let digest = super::digest(hash, &message);
            let verified = key.verify_digest(&signature, hash, digest.as_ref(), &conditions);
            assert_eq!(verified.is_ok(), hash == wanted, "{name} by {hash}");
        }
    }
}

#[test]
fn another_signed_digest_is_refused() {
    let error = refused(|parts| parts.attributes[1] = message_digest(b"other"));
    assert!(
        error.contains("whose digest is not the signed one"),
        "{error}"
    );
}

#[test]
fn attributes_that_were_not_signed_are_refused() {
    let good = Parts::new().encode();
    let changed = Parts {
        attributes: Parts::new().attributes.into_iter().rev().collect(),
        ..Parts::new()
    };
    assert_eq!(verify(&changed.encode()), Ok(()), "signed in this order");
    // The signature of one with the attributes of the other: as long, so it fits.
    let swapped = changed.encode();
    let at = good.len() - 256;
    let mixed = [&good[..at], &swapped[at..]].concat();
    let error = verify(&mixed).unwrap_err().to_string();
    assert!(
        error.contains("the signed attributes is not by key"),
        "{error}"
    );
}

#[test]
fn attributes_without_a_digest_are_refused() {
    let error = refused(|parts| drop(parts.attributes.pop()));
    assert!(error.ends_with("no digest"), "{error}");
}

#[test]
fn attributes_of_another_content_type_are_refused() {
    let error = refused(|parts| parts.attributes[0] = content_type(SHA256));
    assert!(
        error.contains("they do not say that 1.2.840.113549.1.7.1 was signed"),
        "{error}"
    );
    let error = refused(|parts| drop(parts.attributes.remove(0)));
    assert!(error.contains("they do not say that"), "{error}");
}

#[test]
fn an_attribute_twice_is_refused() {
    let error = refused(|parts| parts.attributes.push(message_digest(b"message")));
    assert!(error.ends_with("1.2.840.113549.1.9.4 twice"), "{error}");
}

#[test]
fn too_many_attributes_are_refused() {
    let error = refused(|parts| {
        let other = attribute("06032a0304", &hex("0500"));
        parts.attributes.extend(vec![other; 63]);
    });
    assert!(
        error.ends_with("signed attributes: more than 64"),
        "{error}"
    );
}

#[test]
fn sha1_is_refused() {
    let error = refused(|parts| parts.digest_algorithm = sequence(&[hex("06052b0e03021a")]));
    assert!(
        error.ends_with("hash 1.3.14.3.2.26, wanted sha-256, sha-384 or sha-512"),
        "{error}"
    );
}

#[test]
fn two_hashes_are_refused() {
    let error = refused(|parts| {
        parts.digest_algorithm = sequence(&[hex("0609608648016503040203")]);
    });
    assert!(
        error.contains("1.2.840.113549.1.1.11 over SHA2_512"),
        "{error}"
    );
}

#[test]
fn an_unknown_signature_algorithm_is_refused() {
    let error = refused(|parts| {
        parts.signature_algorithm = sequence(&[hex("06092a864886f70d01010a")]);
    });
    assert!(
        error.ends_with("1.2.840.113549.1.1.10 is not supported"),
        "{error}"
    );
}

#[test]
fn an_algorithm_of_another_key_is_refused() {
    let error = refused(|parts| {
        parts.signature_algorithm = sequence(&[hex("06082a8648ce3d040302")]);
    });
    assert!(error.contains("algorithm Ecdsa by a key of rsa"), "{error}");
}

#[test]
fn other_content_is_refused() {
    let bytes = Parts {
        outer_type: hex(DATA),
        ..Parts::new()
    }
    .encode();
    let error = Signature::parse_as(Format::Pkcs7, &bytes)
        .unwrap_err()
        .to_string();
    let wanted = "content type 1.2.840.113549.1.7.1, wanted 1.2.840.113549.1.7.2";
    assert!(error.ends_with(wanted), "{error}");
}

#[test]
fn another_version_of_a_signer_is_refused() {
    let error = refused(|parts| parts.version = hex("020103"));
    assert!(error.ends_with("signer: version 3, wanted 1"), "{error}");
}

/// Where the last signer's version is, with what follows it.
fn signer_at(bytes: &[u8]) -> usize {
    let found = bytes
        .windows(4)
        .rposition(|window| window == [2, 1, 1, 0x30]);
    found.unwrap()
}

/// Around the signer there is much that nobody signed: certificates, above all.
#[test]
fn no_flipped_bit_of_a_signer_makes_another_one() {
    let message = vector("message");
    for name in ["pkcs7-p256.sig", "pkcs7-rsa.plain.sig"] {
        let (key, original) = of_vector(name);
        let bytes = vector(name);
        for bit in (signer_at(&bytes) * 8..bytes.len() * 8).step_by(3) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(read) = Signature::parse_as(Format::Pkcs7, &flipped) else {
                continue;
            };
            assert_ne!(read, original);
            let verified = key.verify(&read, &message, &Conditions::default());
            assert!(verified.is_err(), "{name}, bit {bit}");
        }
    }
}

#[test]
fn several_signers_and_none_are_refused() {
    assert!(refused(|parts| parts.signer_count = 2).ends_with("2 signers, wanted 1"));
    assert!(refused(|parts| parts.signer_count = 0).ends_with("0 signers, wanted 1"));
}

#[test]
fn certificates_of_others_alone_are_refused() {
    let other = test_keys::certificate(&test_keys::key(KeyDetails::EcdsaP256Sha256).spki, 1);
    let error = refused(|parts| parts.certificates = vec![with_serial_2(other)]);
    assert!(
        error.ends_with("no certificate inside is its signer's"),
        "{error}"
    );
}

fn with_serial_2(mut certificate: Vec<u8>) -> Vec<u8> {
    let serial = [2, 1, 1, 0x30];
    let at = certificate
        .windows(4)
        .position(|window| window == serial)
        .unwrap();
    certificate[at + 2] = 2;
    certificate
}

#[test]
fn a_certificate_for_another_key_is_refused() {
    let other = test_keys::certificate(&test_keys::key(KeyDetails::EcdsaP256Sha256).spki, 1);
    let error = refused(|parts| parts.certificates = vec![other]);
    assert!(
        error.contains("says it is by key ecdsa p-256 sha256:"),
        "{error}"
    );
    assert!(
        error.contains("the key given is rsa with 2048 bits sha256:"),
        "{error}"
    );
}

#[test]
fn something_behind_is_refused() {
    let error = refused(|parts| parts.behind = hex("0500"));
    assert!(error.contains("signed data"), "{error}");
    let text = vector("pkcs7-rsa.sig");
    let error = Signature::parse(&[text.clone(), text].concat()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("something follows the pem block"),
        "{error}"
    );
    let der = [Parts::new().encode(), vec![0]].concat();
    assert!(Signature::parse(&der).is_err());
}

#[test]
fn a_key_without_a_certificate_is_refused() {
    let error = Key::parse(&Parts::new().encode()).unwrap_err().to_string();
    assert_eq!(error, "pkcs7 key is malformed: no certificate inside");
}

#[test]
fn another_label_is_refused() {
    let text = String::from_utf8(vector("pkcs7-rsa.sig")).unwrap();
    let text = text.replace("CMS", "PKCS8");
    let error = Signature::parse_as(Format::Pkcs7, text.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("the pem label \"PKCS8\", wanted \"PKCS7\" or \"CMS\""),
        "{error}"
    );
}

#[test]
fn what_is_too_long_is_refused() {
    let error = Signature::parse_as(Format::Pkcs7, &vec![0x30; (1 << 18) + 1]).unwrap_err();
    assert!(
        error.to_string().ends_with("at most 262144 are read"),
        "{error}"
    );
}
