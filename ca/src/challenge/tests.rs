//! Tests of proofs: every sort of key that clients have, in every layout, and each refusal.

use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RsaKeyPair,
};
use sigstore::HashAlgorithm;

use super::*;

const SUBJECT: &str = "alice@example.com";

/// A client's key, and what it does with it.
pub(crate) enum ClientKey {
    Ecdsa(EcdsaKeyPair, ObjectIdentifier),
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl ClientKey {
    fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, oid: ObjectIdentifier) -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(algorithm).unwrap(), oid)
    }

    pub(crate) fn p256() -> Self {
        Self::ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, oids::ECDSA_WITH_SHA256)
    }

    fn rsa(size: KeySize) -> Self {
        Self::Rsa(Box::new(RsaKeyPair::generate(size).unwrap()))
    }

    /// One of every sort that clients send.
    fn all() -> Vec<Self> {
        vec![
            Self::p256(),
            Self::ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, oids::ECDSA_WITH_SHA384),
            Self::ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING, oids::ECDSA_WITH_SHA512),
            Self::rsa(KeySize::Rsa2048),
            Self::rsa(KeySize::Rsa3072),
            Self::rsa(KeySize::Rsa4096),
            Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
        ]
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Ecdsa(key, _) => key.public_key().as_der(),
            Self::Rsa(key) => key.public_key().as_der(),
            Self::Ed25519(key) => key.public_key().as_der(),
        }
        .unwrap();
        der.as_ref().to_vec()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ecdsa(key, _) => {
                let random = SystemRandom::new();
                key.sign(&random, message).unwrap().as_ref().to_vec()
            }
            Self::Rsa(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut out)
                    .unwrap();
                out
            }
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    fn algorithm(&self) -> ObjectIdentifier {
        match self {
            Self::Ecdsa(_, oid) => *oid,
            Self::Rsa(_) => oids::RSA_WITH_SHA256,
            Self::Ed25519(_) => oids::ED25519,
        }
    }

    /// A request as sigstore-python makes it: no subject, an attribute that nobody reads.
    fn csr(&self) -> Vec<u8> {
        let attributes = tlv(
            0xa0,
            &tlv(0x30, &[tlv(0x06, &[0x2a, 3]), tlv(0x31, &[])].concat()),
        );
        let info = [&[2, 1, 0, 0x30, 0], self.spki().as_slice(), &attributes].concat();
        let info = tlv(0x30, &info);
        csr_of(&info, self.algorithm(), &self.sign(&info))
    }
}

/// A request of its three parts.
fn csr_of(info: &[u8], oid: ObjectIdentifier, signature: &[u8]) -> Vec<u8> {
    let algorithm = tlv(0x30, &tlv(0x06, oid.as_bytes()));
    let signature = tlv(0x03, &[&[0], signature].concat());
    tlv(0x30, &[info, &algorithm, &signature].concat())
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap().to_be_bytes();
    let mut out = vec![tag];
    match content.len() {
        0..=127 => out.push(len[3]),
        128..=255 => out.extend([0x81, len[3]]),
        _ => out.extend([0x82, len[2], len[3]]),
    }
    out.extend_from_slice(content);
    out
}

fn pem(label: &str, der: &[u8]) -> String {
    let (label, der) = (label.to_owned(), der.to_vec());
    PemBlock { label, der }.encode()
}

fn check(key: &ClientKey, subjects: &[&str]) -> Result<CheckedKey, ChallengeError> {
    let text = pem("PUBLIC KEY", &key.spki());
    check_public_key(text.as_bytes(), &key.sign(SUBJECT.as_bytes()), subjects)
}

fn key_error(content: &[u8]) -> ChallengeError {
    check_public_key(content, &[], &[SUBJECT]).unwrap_err()
}

fn csr_error(der: &[u8]) -> ChallengeError {
    check_csr(pem("CERTIFICATE REQUEST", der).as_bytes()).unwrap_err()
}

#[test]
fn every_sort_of_key_is_taken() {
    for key in ClientKey::all() {
        let checked = check(&key, &[SUBJECT]).unwrap();
        assert_eq!(checked.public_key().spki_der(), key.spki());
        let csr = check_csr(pem("CERTIFICATE REQUEST", &key.csr()).as_bytes());
        assert_eq!(csr.unwrap(), checked);
    }
}

#[test]
fn every_layout_is_taken() {
    let key = ClientKey::p256();
    let proof = key.sign(SUBJECT.as_bytes());
    let strict = pem("PUBLIC KEY", &key.spki());
    let lines: Vec<&str> = strict.lines().collect();
    let one_line = [
        lines[0],
        &lines[1..lines.len() - 1].concat(),
        lines[lines.len() - 1],
    ];
    for content in [
        strict.as_bytes(),
        strict.trim_end().as_bytes(),
        strict.replace('\n', "\r\n").as_bytes(),
        one_line.join("\n").as_bytes(),
        &key.spki(),
    ] {
        assert!(check_public_key(content, &proof, &[SUBJECT]).is_ok());
    }
    let csr = pem("NEW CERTIFICATE REQUEST", &key.csr());
    assert!(check_csr(csr.trim_end().as_bytes()).is_ok());
}

#[test]
fn a_key_without_its_algorithm_is_taken() {
    let key = ClientKey::rsa(KeySize::Rsa2048);
    let public = PublicKey::from_spki_der(&key.spki()).unwrap();
    let text = pem("RSA PUBLIC KEY", &public.key_bits());
    let proof = key.sign(SUBJECT.as_bytes());
    let checked = check_public_key(text.as_bytes(), &proof, &[SUBJECT]).unwrap();
    assert_eq!(checked.public_key(), &public);
}

#[test]
fn any_of_the_names_may_be_signed_but_no_other() {
    let key = ClientKey::p256();
    assert!(check(&key, &["sub", SUBJECT]).is_ok());
    assert!(check(&key, &[SUBJECT, "sub"]).is_ok());
    let kind = KeyKind::EcdsaP256;
    let mismatch = ChallengeError::Proof(SignatureError::Mismatch { kind });
    assert_eq!(check(&key, &["sub"]), Err(mismatch));
    assert_eq!(check(&key, &[]), Err(ChallengeError::NoSubject));
}

#[test]
fn an_empty_name_cannot_be_signed() {
    let key = ClientKey::p256();
    let error = check_public_key(&key.spki(), &key.sign(b""), &[""]);
    assert_eq!(error, Err(ChallengeError::NoSubject));
}

#[test]
fn a_proof_by_another_key_is_refused() {
    let (key, other) = (ClientKey::p256(), ClientKey::p256());
    let proof = other.sign(SUBJECT.as_bytes());
    let error = check_public_key(&key.spki(), &proof, &[SUBJECT]).unwrap_err();
    assert!(matches!(error, ChallengeError::Proof(_)), "{error}");
}

#[test]
fn what_is_no_key_is_refused() {
    let shown = |content: &[u8]| key_error(content).to_string();
    assert_eq!(shown(b""), "the public key cannot be read: it is empty");
    let long = shown(&vec![b'x'; KEY_LEN_BYTES_MAX + 1]);
    assert!(
        long.ends_with("it has 16385 bytes, at most 16384 are accepted"),
        "{long}"
    );
    let label = shown(pem("PRIVATE KEY", &[1]).as_bytes());
    assert!(
        label.contains(r#"pem block "PRIVATE KEY", wanted PUBLIC KEY"#),
        "{label}"
    );
    for content in [b"key".as_slice(), b"-----BEGIN PUBLIC KEY-----", &[0x30, 0]] {
        let error = key_error(content);
        assert!(matches!(error, ChallengeError::PublicKey(_)), "{error}");
    }
}

#[test]
fn weak_keys_are_refused() {
    let error = key_error(&rsa_spki(1024, &[1, 0, 1]));
    let wanted = "the public key is insecure: rsa modulus of 1024 bits, wanted 2048 to 8192";
    assert_eq!(error.to_string(), wanted);
    let found = 2049;
    let odd = ChallengeError::Insecure(WeakKey::RsaModulus { found });
    assert_eq!(key_error(&rsa_spki(2049, &[1, 0, 1])), odd);
    let exponent = ChallengeError::Insecure(WeakKey::RsaExponent);
    assert_eq!(key_error(&rsa_spki(2048, &[1, 0, 3])), exponent);
    let secp256k1 = "3056301006072a8648ce3d020106052b8104000a034200".to_owned()
        + "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\
           483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
    let error = key_error(&hex::decode(secp256k1).unwrap());
    assert!(
        error
            .to_string()
            .contains("curve 1.3.132.0.10, wanted p-256"),
        "{error}"
    );
    assert!(matches!(error, ChallengeError::Insecure(_)));
}

/// An RSA key of so many bits; nobody knows its private half.
fn rsa_spki(bits: usize, exponent: &[u8]) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = if bits.is_multiple_of(8) { 0xff } else { 1 };
    let modulus = UintRef::new(&modulus).unwrap().to_der().unwrap();
    let exponent = UintRef::new(exponent).unwrap().to_der().unwrap();
    spki_from_pkcs1(&tlv(0x30, &[modulus, exponent].concat())).unwrap()
}

#[test]
fn what_is_no_request_is_refused() {
    let shown = |text: &str| check_csr(text.as_bytes()).unwrap_err().to_string();
    let start = "the certificate signing request cannot be read: ";
    assert_eq!(shown(""), format!("{start}it is empty"));
    let label = format!("{start}pem block \"CERTIFICATE\", wanted CERTIFICATE REQUEST");
    assert_eq!(shown(&pem("CERTIFICATE", &[1])), label);
    let long = shown(&"x".repeat(CSR_LEN_BYTES_MAX + 1));
    assert!(
        long.ends_with("it has 32769 bytes, at most 32768 are accepted"),
        "{long}"
    );
    let good = ClientKey::p256().csr();
    for len in 0..good.len() {
        let error = csr_error(&good[..len]);
        assert!(matches!(error, ChallengeError::Csr(_)), "{len}: {error}");
    }
    let trailing = csr_error(&[good.as_slice(), &[0]].concat());
    assert!(matches!(trailing, ChallengeError::Csr(_)), "{trailing}");
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let key = ClientKey::p256();
    let mut changed = key.csr();
    // The version, which nobody reads but the signature.
    let at = changed.windows(3).position(|w| w == [2, 1, 0]).unwrap();
    changed[at + 2] = 1;
    let kind = KeyKind::EcdsaP256;
    let mismatch = ChallengeError::Proof(SignatureError::Mismatch { kind });
    assert_eq!(csr_error(&changed), mismatch);
}

#[test]
fn algorithms_that_do_not_go_with_the_key_are_refused() {
    let p384 = ClientKey::ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, oids::ECDSA_WITH_SHA256);
    let kind = KeyKind::EcdsaP384;
    let hash = "SHA-256";
    let wanted = ChallengeError::NotPermitted { kind, hash };
    assert_eq!(csr_error(&p384.csr()), wanted);
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let info = b"\x30\x00";
    let mut signature = vec![0; 256];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA512, &random, info, &mut signature)
        .unwrap();
    let rsa = ClientKey::Rsa(Box::new(key));
    let info = [&[2, 1, 0, 0x30, 0], rsa.spki().as_slice()].concat();
    let info = tlv(0x30, &info);
    for (oid, hash) in [
        (oids::RSA_WITH_SHA512, "SHA-512"),
        (oids::RSA_WITH_SHA384, "SHA-384"),
    ] {
        let error = csr_error(&csr_of(&info, oid, &signature));
        let kind = KeyKind::Rsa { modulus_bits: 2048 };
        assert_eq!(error, ChallengeError::NotPermitted { kind, hash });
    }
    // RSA over SHA-1, RSA-PSS.
    for oid in ["1.2.840.113549.1.1.5", "1.2.840.113549.1.1.10"] {
        let oid = ObjectIdentifier::new_unwrap(oid);
        let error = csr_error(&csr_of(&info, oid, &signature));
        assert_eq!(error, ChallengeError::UnknownAlgorithm { oid });
    }
}

#[test]
fn a_weak_key_in_a_request_is_refused() {
    let info = [&[2, 1, 0, 0x30, 0], rsa_spki(2049, &[1, 0, 1]).as_slice()].concat();
    let error = csr_error(&csr_of(&tlv(0x30, &info), oids::RSA_WITH_SHA256, &[1]));
    assert!(matches!(error, ChallengeError::Insecure(_)), "{error}");
}

#[test]
fn a_high_s_is_taken() {
    // Some clients leave s as it came out; of every two signatures one has it high.
    let key = ClientKey::p256();
    for _ in 0..16 {
        let proof = key.sign(SUBJECT.as_bytes());
        assert!(check_public_key(&key.spki(), &proof, &[SUBJECT]).is_ok());
    }
}

#[test]
fn a_digest_is_not_taken_for_the_name() {
    let ClientKey::Ecdsa(pair, _) = ClientKey::p256() else {
        panic!("not an ecdsa key")
    };
    let hashed: Digest = digest(&SHA256, SUBJECT.as_bytes());
    let key = ClientKey::Ecdsa(pair, oids::ECDSA_WITH_SHA256);
    let twice = key.sign(hashed.as_ref());
    assert!(check_public_key(&key.spki(), &twice, &[SUBJECT]).is_err());
    let parsed = PublicKey::from_spki_der(&key.spki()).unwrap();
    assert_eq!(parsed.kind().hash(), HashAlgorithm::Sha256);
}
