//! PEM keys, chains and bare signatures.

use crate::cert::CertificateView;
use crate::key_details::{HashAlgorithm, KeyDetails};
use crate::pem::{PemBlock, encode_certificate, parse_certificates};
use crate::pki::tests::vector;
use crate::pki::{Conditions, Format, Key, PkiError, Signature, base64_encode};
use crate::test_keys;
use crate::time::UnixSeconds;

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let (label, der) = (label.to_owned(), der.to_vec());
    PemBlock { label, der }.encode().into_bytes()
}

fn refused(bytes: &[u8]) -> String {
    Key::parse_as(Format::X509, bytes).unwrap_err().to_string()
}

fn bare(bytes: &[u8]) -> Signature {
    Signature::parse_as(Format::X509, bytes).unwrap()
}

/// The chain's certificates, the signer's first.
fn chain() -> Vec<Vec<u8>> {
    parse_certificates(&vector("x509-chain.pem"), 3).unwrap()
}

fn chain_of(certificates: &[&Vec<u8>]) -> Vec<u8> {
    let texts = certificates.iter().map(|der| encode_certificate(der));
    texts.collect::<String>().into_bytes()
}

#[test]
fn every_kind_of_key_is_kept_as_it_was() {
    for key in test_keys::keys() {
        let text = pem("PUBLIC KEY", &key.spki);
        let read = Key::parse(&text).unwrap();
        assert_eq!(read.canonical(), text);
        assert_eq!(read.public_key().unwrap().spki_der(), key.spki);
        let signature = bare(&key.sign(b"message"));
        let verified = read.verify(&signature, b"message", &Conditions::default());
        assert_eq!(verified, Ok(()), "{}", key.label);
    }
}

#[test]
fn ed25519_verifies_as_it_is_and_prehashed() {
    let key = test_keys::key(KeyDetails::Ed25519Ph);
    let read = Key::parse(&pem("PUBLIC KEY", &key.spki)).unwrap();
    let conditions = Conditions::default();
    for signature in [key.sign(b"message"), key.sign_pure_ed25519(b"message")] {
        assert_eq!(
            read.verify(&bare(&signature), b"message", &conditions),
            Ok(())
        );
        let error = read.verify(&bare(&signature), b"other", &conditions);
        assert!(matches!(error, Err(PkiError::Mismatch { .. })));
    }
    // With a hash, only the prehashed one is meant.
    let hash = Some(HashAlgorithm::Sha512);
    let prehashed = Conditions { hash, ..conditions };
    let verified = read.verify(&bare(&key.sign(b"message")), b"message", &prehashed);
    assert_eq!(verified, Ok(()));
    let pure = bare(&key.sign_pure_ed25519(b"message"));
    assert!(read.verify(&pure, b"message", &prehashed).is_err());
}

#[test]
fn ecdsa_signatures_may_be_two_numbers() {
    for label in [KeyDetails::EcdsaP256Sha256, KeyDetails::EcdsaP521Sha512] {
        let key = test_keys::key(label);
        let read = Key::parse(&pem("PUBLIC KEY", &key.spki)).unwrap();
        let signature = bare(&key.sign_p1363(b"message"));
        let verified = read.verify(&signature, b"message", &Conditions::default());
        assert_eq!(verified, Ok(()));
    }
}

#[test]
fn a_hash_that_is_given_is_the_only_one() {
    let key = Key::parse(&vector("x509-rsa.pub")).unwrap();
    let message = vector("message");
    for (name, wanted) in [
        ("x509-rsa.sha256.sig", HashAlgorithm::Sha256),
        ("x509-rsa.sha384.sig", HashAlgorithm::Sha384),
        ("x509-rsa.sha512.sig", HashAlgorithm::Sha512),
    ] {
        let signature = bare(&vector(name));
        for hash in [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ] {
            let only = Conditions {
                hash: Some(hash),
                ..Conditions::default()
            };
            let verified = key.verify(&signature, &message, &only);
            assert_eq!(verified.is_ok(), hash == wanted, "{name} by {hash}");
        }
    }
}

#[test]
fn signatures_and_pem_may_be_in_base64() {
    let signature = base64_encode(&vector("x509-p256.sha256.sig"));
    let key = base64_encode(&vector("x509-p256.pub"));
    let key = Key::parse(key.as_bytes()).unwrap();
    for text in [
        signature.clone(),
        format!("{signature}\n"),
        signature.replace('A', "A\r\n"),
    ] {
        let signature = Signature::parse(text.as_bytes()).unwrap();
        let verified = key.verify(&signature, &vector("message"), &Conditions::default());
        assert_eq!(verified, Ok(()));
        // Rekor takes bytes as they are, and so does whoever names the format.
        let as_is = Signature::parse_as(Format::X509, text.as_bytes()).unwrap();
        assert_ne!(as_is, signature);
    }
}

#[test]
fn pkcs1_is_kept_as_any_other_key() {
    let pkcs1 = Key::parse(&vector("x509-rsa.pkcs1.pub")).unwrap();
    assert_eq!(pkcs1.canonical(), vector("x509-rsa.pub"));
}

#[test]
fn text_around_a_key_is_passed_over() {
    let text = [
        b"Our key:\n\n".as_slice(),
        &vector("x509-p256.pub"),
        b"\n\n",
    ]
    .concat();
    assert_eq!(
        Key::parse(&text).unwrap().canonical(),
        vector("x509-p256.pub")
    );
}

#[test]
fn a_chain_verifies_and_is_kept_whole() {
    let key = Key::parse(&vector("x509-chain.pem")).unwrap();
    assert_eq!(key.canonical(), vector("x509-chain.pem"));
    assert_eq!(key.certificate(), Some(chain()[0].as_slice()));
    let alone = Key::parse(&chain_of(&[&chain()[0]])).unwrap();
    assert_eq!(alone.public_key(), key.public_key());
}

#[test]
fn a_chain_with_a_missing_link_is_refused() {
    let chain = chain();
    let error = refused(&chain_of(&[&chain[0], &chain[2]]));
    let wanted = "certificate 1 of the chain: its issuer is not the subject of the next";
    assert!(error.ends_with(wanted), "{error}");
}

#[test]
fn a_chain_upside_down_is_refused() {
    let chain = chain();
    let error = refused(&chain_of(&[&chain[1], &chain[0]]));
    assert!(error.contains("its issuer is not the subject"), "{error}");
}

#[test]
fn a_forged_link_is_refused() {
    let mut chain = chain();
    let last = chain[0].last_mut().unwrap();
    *last ^= 1;
    let error = refused(&chain_of(&[&chain[0], &chain[1], &chain[2]]));
    assert!(
        error.ends_with("its signature is not by the issuer's key"),
        "{error}"
    );
}

#[test]
fn a_chain_of_too_many_is_refused() {
    let chain = chain();
    let root = &chain[2];
    let many: Vec<&Vec<u8>> = std::iter::repeat_n(root, 11).collect();
    let error = refused(&chain_of(&many));
    assert!(error.ends_with("more than 10 certificates"), "{error}");
    assert!(Key::parse(&chain_of(&many[..10])).is_ok());
}

#[test]
fn a_certificate_counts_only_while_it_is_valid() {
    let key = Key::parse(&vector("x509-chain.pem")).unwrap();
    let signature = Signature::parse(&vector("x509-chain.sig")).unwrap();
    let der = key.certificate().unwrap().to_vec();
    let view = CertificateView::parse(&der).unwrap();
    let (begin, end) = (view.not_before(), view.not_after());
    let verify = |at: u64| {
        let conditions = Conditions::at(UnixSeconds::new(at));
        key.verify(&signature, &vector("message"), &conditions)
    };
    assert_eq!(verify(begin.get()), Ok(()));
    assert_eq!(verify(end.get()), Ok(()));
    let early = verify(begin.get() - 1).unwrap_err().to_string();
    let wanted = format!("it begins to be valid at {}", begin.get());
    assert!(early.ends_with(&wanted), "{early}");
    let late = verify(end.get() + 1).unwrap_err().to_string();
    assert!(
        late.ends_with(&format!("it expired at {}", end.get())),
        "{late}"
    );
}

#[test]
fn a_private_key_is_refused() {
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        let error = refused(&pem(label, b"secret"));
        assert!(error.contains("the pem label"), "{error}");
        assert!(error.ends_with("or \"CERTIFICATE\""), "{error}");
    }
}

#[test]
fn der_is_refused() {
    let error = refused(&test_keys::keys()[0].spki);
    assert!(error.starts_with("x509 key is malformed: "), "{error}");
}

#[test]
fn something_behind_a_key_is_refused() {
    let key = vector("x509-p256.pub");
    let error = refused(&[key.clone(), key].concat());
    assert!(error.ends_with("something follows the key"), "{error}");
}

#[test]
fn a_key_after_a_certificate_is_refused() {
    let text = [vector("x509-chain.pem"), vector("x509-p256.pub")].concat();
    let error = refused(&text);
    assert!(error.ends_with("wanted \"CERTIFICATE\""), "{error}");
}

#[test]
fn a_key_that_is_too_weak_is_refused() {
    let error = refused(&pem("PUBLIC KEY", &test_keys::rsa_spki(&[0x7f; 128])));
    assert!(error.contains("rsa modulus of 1023 bits"), "{error}");
}

#[test]
fn an_empty_signature_is_refused() {
    let error = Signature::parse_as(Format::X509, b"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x509 signature is malformed: it is empty"
    );
}

#[test]
fn a_signature_that_is_too_long_is_refused() {
    let error = Signature::parse_as(Format::X509, &[1; 1025]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x509 signature of 1025 bytes, at most 1024 are read"
    );
}

#[test]
fn a_signature_of_another_form_is_refused() {
    let key = Key::parse(&vector("x509-ed25519.pub")).unwrap();
    let error = key
        .verify(&bare(&[1; 63]), b"", &Conditions::default())
        .unwrap_err();
    assert!(
        error.to_string().contains("signature of 63 bytes"),
        "{error}"
    );
}
