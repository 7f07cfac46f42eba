//! Keys, signatures and certificates for the tests of this crate, made on the spot.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::encoding::PublicKeyX509Der;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, rand::SystemRandom};
use sha2::Digest as _;

use crate::key_details::{HashAlgorithm, KeyDetails};

/// A private key of one of the seven allowed sorts.
pub(crate) struct TestKey {
    pub(crate) label: KeyDetails,
    pub(crate) spki: Vec<u8>,
    secret: Secret,
}

enum Secret {
    /// The same key twice: one signs ASN.1, the other r||s.
    Ecdsa {
        asn1: EcdsaKeyPair,
        fixed: EcdsaKeyPair,
    },
    Ed25519(ed25519_dalek::SigningKey),
    Rsa(RsaKeyPair),
}

/// One key for each label. Made once: RSA keys take a while.
pub(crate) fn keys() -> &'static [TestKey] {
    static KEYS: OnceLock<Vec<TestKey>> = OnceLock::new();
    KEYS.get_or_init(|| KeyDetails::ALL.into_iter().map(TestKey::generate).collect())
}

/// The key for one label.
pub(crate) fn key(label: KeyDetails) -> &'static TestKey {
    keys().iter().find(|key| key.label == label).unwrap()
}

impl TestKey {
    /// A new key.
    pub(crate) fn generate(label: KeyDetails) -> TestKey {
        let (spki, secret) = match label {
            KeyDetails::EcdsaP256Sha256 => ecdsa(
                &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            ),
            KeyDetails::EcdsaP384Sha384 => ecdsa(
                &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            ),
            KeyDetails::EcdsaP521Sha512 => ecdsa(
                &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
                &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            ),
            KeyDetails::Ed25519Ph => {
                let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
                (
                    ed25519_spki(key.verifying_key().as_bytes()),
                    Secret::Ed25519(key),
                )
            }
            KeyDetails::Rsa2048Sha256 => rsa(KeySize::Rsa2048),
            KeyDetails::Rsa3072Sha256 => rsa(KeySize::Rsa3072),
            KeyDetails::Rsa4096Sha256 => rsa(KeySize::Rsa4096),
        };
        TestKey {
            label,
            spki,
            secret,
        }
    }

    /// Signs a message; ECDSA gives ASN.1.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let hashed = digest::digest(aws_hash(self.label.hash()), message);
        match &self.secret {
            Secret::Ecdsa { asn1, .. } => asn1.sign_digest(&hashed).unwrap().as_ref().to_vec(),
            Secret::Ed25519(key) => {
                let prehash = sha2::Sha512::new().chain_update(message);
                key.sign_prehashed(prehash, None)
                    .unwrap()
                    .to_bytes()
                    .to_vec()
            }
            Secret::Rsa(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, &hashed, &mut out)
                    .unwrap();
                out
            }
        }
    }

    /// Signs a message with Ed25519 that is not prehashed.
    pub(crate) fn sign_pure_ed25519(&self, message: &[u8]) -> Vec<u8> {
        use ed25519_dalek::Signer as _;
        let Secret::Ed25519(key) = &self.secret else {
            panic!("not an ed25519 key")
        };
        key.sign(message).to_bytes().to_vec()
    }

    /// Signs a message with ECDSA, as r||s.
    pub(crate) fn sign_p1363(&self, message: &[u8]) -> Vec<u8> {
        let hashed = digest::digest(aws_hash(self.label.hash()), message);
        let Secret::Ecdsa { fixed, .. } = &self.secret else {
            panic!("not an ecdsa key")
        };
        fixed.sign_digest(&hashed).unwrap().as_ref().to_vec()
    }

    /// The digest of a message under the label's hash.
    pub(crate) fn digest(&self, message: &[u8]) -> Vec<u8> {
        digest::digest(aws_hash(self.label.hash()), message)
            .as_ref()
            .to_vec()
    }
}

/// The `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410).
pub(crate) fn ed25519_spki(key: &[u8]) -> Vec<u8> {
    let algorithm = tlv(0x30, &tlv(0x06, &[0x2b, 0x65, 0x70]));
    tlv(0x30, &[algorithm, bit_string(key)].concat())
}

/// The `SubjectPublicKeyInfo` of an RSA key (RFC 3279), with exponent 65537.
pub(crate) fn rsa_spki(modulus: &[u8]) -> Vec<u8> {
    let key = tlv(0x30, &[tlv(0x02, modulus), tlv(0x02, &[1, 0, 1])].concat());
    let oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let algorithm = tlv(0x30, &[tlv(0x06, &oid), tlv(0x05, &[])].concat());
    tlv(0x30, &[algorithm, bit_string(&key)].concat())
}

/// A certificate for a key, with `padding_len` bytes of nonsense in an extension. Its signature
/// is nonsense too: a log does not look at it.
pub(crate) fn certificate(spki: &[u8], padding_len: usize) -> Vec<u8> {
    let ecdsa_with_sha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let algorithm = tlv(0x30, &tlv(0x06, &ecdsa_with_sha256));
    let validity = [tlv(0x17, b"250101000000Z"), tlv(0x17, b"250101001000Z")].concat();
    let extension = [
        tlv(0x06, &[0x2a, 0x03, 0x04]),
        tlv(0x04, &vec![0; padding_len]),
    ]
    .concat();
    let extensions = tlv(0xa3, &tlv(0x30, &tlv(0x30, &extension)));
    let tbs = [
        tlv(0xa0, &tlv(0x02, &[2])),
        tlv(0x02, &[1]),
        algorithm.clone(),
        tlv(0x30, &[]),
        tlv(0x30, &validity),
        tlv(0x30, &[]),
        spki.to_vec(),
        extensions,
    ];
    tlv(
        0x30,
        &[tlv(0x30, &tbs.concat()), algorithm, bit_string(b"nonsense")].concat(),
    )
}

/// A bit string of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

/// One DER value.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap().to_be_bytes();
    let mut out = vec![tag];
    match content.len() {
        0..=127 => out.push(len[3]),
        128..=255 => out.extend([0x81, len[3]]),
        256..=65_535 => out.extend([0x82, len[2], len[3]]),
        _ => out.extend([0x83, len[1], len[2], len[3]]),
    }
    out.extend_from_slice(content);
    out
}

fn ecdsa(
    asn1: &'static EcdsaSigningAlgorithm,
    fixed: &'static EcdsaSigningAlgorithm,
) -> (Vec<u8>, Secret) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(asn1, &SystemRandom::new()).unwrap();
    let asn1 = EcdsaKeyPair::from_pkcs8(asn1, pkcs8.as_ref()).unwrap();
    let fixed = EcdsaKeyPair::from_pkcs8(fixed, pkcs8.as_ref()).unwrap();
    let spki: PublicKeyX509Der<'_> = asn1.public_key().as_der().unwrap();
    (spki.as_ref().to_vec(), Secret::Ecdsa { asn1, fixed })
}

fn rsa(size: KeySize) -> (Vec<u8>, Secret) {
    let key = RsaKeyPair::generate(size).unwrap();
    let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    (spki.as_ref().to_vec(), Secret::Rsa(key))
}

fn aws_hash(hash: HashAlgorithm) -> &'static digest::Algorithm {
    match hash {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    }
}
