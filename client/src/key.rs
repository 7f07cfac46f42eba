//! Private keys that sign. They are in memory that the cryptography library wipes, and every
//! signature is checked with the public half before it is given to anybody.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use sigstore::key_file::{self, Ed25519PhKey, KeyFileError, PrivateKeyDer, SealingRandom};
use sigstore::{HashAlgorithm, KeyDetails, PublicKey, PublicKeyError};
use zeroize::Zeroizing;

/// A key that signs digests.
#[derive(Debug)]
pub(crate) struct SigningKey {
    secret: Secret,
    public: PublicKey,
    details: KeyDetails,
}

#[derive(Debug)]
enum Secret {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519PhKey),
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error(transparent)]
    Public(#[from] PublicKeyError),
    /// It is a private key, but of no kind that verifiers know.
    #[error("the key is none of ecdsa p-256, p-384, p-521, rsa of 2048, 3072, 4096 bits, ed25519")]
    Kind,
    /// The library failed.
    #[error("the cryptography library failed")]
    Library,
    /// A signature that was just made does not verify: a faulty machine, or a damaged key.
    #[error("a signature that was just made does not verify: the key or the machine is damaged")]
    SelfCheck,
}

impl SigningKey {
    /// A new P-256 key, for one use.
    pub(crate) fn generate() -> Result<SigningKey, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        SigningKey::new(Secret::Ecdsa(pair.map_err(|_| KeyError::Library)?))
    }

    /// Reads a private key in any of the forms of [`key_file::read`].
    pub(crate) fn read(pem: &[u8], passphrase: &[u8]) -> Result<SigningKey, KeyError> {
        let der = key_file::read(pem, passphrase)?;
        SigningKey::new(secret_of(&der).ok_or(KeyError::Kind)?)
    }

    fn new(secret: Secret) -> Result<SigningKey, KeyError> {
        let spki = secret.spki_der().ok_or(KeyError::Library)?;
        let public = PublicKey::from_spki_der(&spki)?;
        let details = KeyDetails::for_key_kind(public.kind()).ok_or(KeyError::Kind)?;
        Ok(SigningKey {
            secret,
            public,
            details,
        })
    }

    /// The public half.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What the key is and how it signs.
    pub(crate) fn details(&self) -> KeyDetails {
        self.details
    }

    /// Signs a digest by the hash of [`SigningKey::details`].
    pub(crate) fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let hash = self.details.hash();
        let signature = self.secret.sign_digest(hash, digest);
        let signature = signature.ok_or(KeyError::Library)?;
        self.public
            .verify_prehashed(hash, digest, &signature)
            .map_err(|_| KeyError::SelfCheck)?;
        Ok(signature)
    }
}

impl Secret {
    fn spki_der(&self) -> Option<Vec<u8>> {
        let of = |der: PublicKeyX509Der<'_>| der.as_ref().to_vec();
        match self {
            Secret::Ecdsa(pair) => pair.public_key().as_der().map(of).ok(),
            Secret::Rsa(pair) => pair.public_key().as_der().map(of).ok(),
            Secret::Ed25519(key) => {
                Some([ED25519_SPKI_PREFIX.as_slice(), &key.public_key()].concat())
            }
        }
    }

    fn sign_digest(&self, hash: HashAlgorithm, digest: &[u8]) -> Option<Vec<u8>> {
        let imported = digest::Digest::import_less_safe(digest, aws_hash(hash)).ok()?;
        match self {
            Secret::Ecdsa(pair) => Some(pair.sign_digest(&imported).ok()?.as_ref().to_vec()),
            Secret::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &imported, &mut signature)
                    .ok()?;
                Some(signature)
            }
            Secret::Ed25519(key) => key.sign_digest(digest).map(Vec::from),
        }
    }
}

/// A new P-256 key pair: the private half sealed as cosign does it, the public one as PEM.
pub(crate) fn generate_sealed(passphrase: &[u8]) -> Result<(String, String), KeyError> {
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
    let pair = pair.map_err(|_| KeyError::Library)?;
    let der = Zeroizing::new(pair.as_ref().to_vec());
    let mut random = SealingRandom {
        salt: [0; 32],
        nonce: [0; 24],
    };
    for bytes in [random.salt.as_mut_slice(), random.nonce.as_mut_slice()] {
        rand::fill(bytes).map_err(|_| KeyError::Library)?;
    }
    let sealed = key_file::seal(&der, passphrase, &random)?;
    let key = SigningKey::read(sealed.as_bytes(), passphrase)?;
    let label = "PUBLIC KEY".to_owned();
    let der = key.public().spki_der().to_vec();
    Ok((sealed, sigstore::pem::PemBlock { label, der }.encode()))
}

fn secret_of(der: &PrivateKeyDer) -> Option<Secret> {
    const CURVES: [&EcdsaSigningAlgorithm; 3] = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let ecdsa = |read: fn(&'static EcdsaSigningAlgorithm, &[u8]) -> Option<EcdsaKeyPair>,
                 der: &[u8]| {
        let mut pairs = CURVES.into_iter().filter_map(|curve| read(curve, der));
        pairs.next().map(Secret::Ecdsa)
    };
    match der {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der).ok().map(Secret::Rsa),
        PrivateKeyDer::Sec1(der) => ecdsa(
            |curve, der| EcdsaKeyPair::from_private_key_der(curve, der).ok(),
            der,
        ),
        PrivateKeyDer::Pkcs8(pkcs8) => {
            let found = ecdsa(
                |curve, der| EcdsaKeyPair::from_pkcs8(curve, der).ok(),
                pkcs8,
            );
            let found = found.or_else(|| RsaKeyPair::from_pkcs8(pkcs8).ok().map(Secret::Rsa));
            found.or_else(|| Ed25519PhKey::from_pkcs8(pkcs8).map(Secret::Ed25519))
        }
    }
}

/// What precedes the 32 bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

fn aws_hash(hash: HashAlgorithm) -> &'static digest::Algorithm {
    match hash {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A key made by OpenSSL.
    fn made(args: &[&str]) -> Vec<u8> {
        let made = Command::new("openssl").args(args).output().unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        made.stdout
    }

    #[test]
    fn keys_of_every_kind_and_form_sign() {
        let ec = |curve: &str| made(&["ecparam", "-genkey", "-name", curve]);
        let generated = |args: &[&str]| made(&[&["genpkey", "-algorithm"], args].concat());
        let rsa = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        for (pem, wanted) in [
            (ec("prime256v1"), KeyDetails::EcdsaP256Sha256),
            (ec("secp384r1"), KeyDetails::EcdsaP384Sha384),
            (ec("secp521r1"), KeyDetails::EcdsaP521Sha512),
            (
                generated(&["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                KeyDetails::EcdsaP256Sha256,
            ),
            (generated(&rsa), KeyDetails::Rsa2048Sha256),
            (
                made(&["genrsa", "-traditional", "2048"]),
                KeyDetails::Rsa2048Sha256,
            ),
            (generated(&["ED25519"]), KeyDetails::Ed25519Ph),
        ] {
            let key = SigningKey::read(&pem, b"").unwrap();
            assert_eq!(key.details(), wanted);
            let digest = vec![7; wanted.hash().digest_len_bytes()];
            // It checks its own signature.
            assert!(!key.sign_digest(&digest).unwrap().is_empty());
            assert!(matches!(key.sign_digest(b"short"), Err(KeyError::Library)));
        }
        let other = generated(&["X25519"]);
        assert!(matches!(SigningKey::read(&other, b""), Err(KeyError::Kind)));
    }

    #[test]
    fn a_pair_is_sealed_under_its_passphrase() {
        let (sealed, public) = generate_sealed(b"secret").unwrap();
        let key = SigningKey::read(sealed.as_bytes(), b"secret").unwrap();
        let (block, _) = sigstore::pem::parse_first(public.as_bytes()).unwrap();
        assert_eq!(block.der, key.public().spki_der());
        assert!(SigningKey::read(sealed.as_bytes(), b"other").is_err());
    }
}
