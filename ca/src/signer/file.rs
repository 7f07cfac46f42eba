//! Keys in memory, from an unencrypted PKCS #8 document (RFC 5958).

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};
use sigstore::cert::oids;
use sigstore::{KeyKind, PublicKey};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::self_check::SelfCheck;
use super::{SignatureAlgorithm, Signer, SignerError};

/// A private key as unencrypted PKCS #8 DER. It is wiped when dropped.
pub type Pkcs8 = Zeroizing<Vec<u8>>;

/// A key that is held in memory.
pub struct FileSigner {
    algorithm: SignatureAlgorithm,
    public_key: PublicKey,
    key: Key,
    /// For the curve that nearly every authority's key is on.
    self_check: Option<SelfCheck>,
}

/// Both are wiped by the library when dropped.
enum Key {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl FileSigner {
    /// Reads a key from unencrypted PKCS #8 DER.
    ///
    /// # Errors
    ///
    /// [`SignerError`]: not PKCS #8, a kind of key that an authority should not have, or one that
    /// does not hold together.
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, SignerError> {
        let key = match kind_of(pkcs8)? {
            Stored::Ecdsa(algorithm) => {
                let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(rejected)?;
                Key::Ecdsa(key)
            }
            Stored::Rsa => Key::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
        };
        let spki: PublicKeyX509Der<'_> = match &key {
            Key::Ecdsa(key) => key.public_key().as_der(),
            Key::Rsa(key) => key.public_key().as_der(),
        }
        .map_err(rejected)?;
        let public_key = PublicKey::from_spki_der(spki.as_ref()).map_err(rejected)?;
        let kind = public_key.kind();
        let algorithm = SignatureAlgorithm::for_key_kind(kind).ok_or_else(|| unwanted(&kind))?;
        let self_check = match algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 => SelfCheck::new(&public_key.key_bits()),
            SignatureAlgorithm::EcdsaP384Sha384 | SignatureAlgorithm::RsaPkcs1Sha256 => None,
        };
        Ok(Self {
            algorithm,
            public_key,
            key,
            self_check,
        })
    }

    fn sign_unchecked(&self, digest: &digest::Digest) -> Result<Vec<u8>, SignerError> {
        match &self.key {
            Key::Ecdsa(key) => {
                let signature = key.sign_digest(digest).map_err(|_| SignerError::Sign)?;
                Ok(signature.as_ref().to_vec())
            }
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, digest, &mut signature)
                    .map_err(|_| SignerError::Sign)?;
                Ok(signature)
            }
        }
    }

    /// Checks a signature by tables if there are any, and else as any verifier would.
    fn check(&self, digest: &digest::Digest, signature: &[u8]) -> Result<(), SignerError> {
        let digest = digest.as_ref();
        let by_tables = self.self_check.as_ref();
        if by_tables.is_some_and(|check| check.accepts(digest, signature)) {
            return Ok(());
        }
        let hash = self.public_key.kind().hash();
        let checked = self.public_key.verify_prehashed(hash, digest, signature);
        checked.map_err(SignerError::Faulty)
    }
}

impl Signer for FileSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &[u8] {
        self.public_key.spki_der()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let hash = match self.algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::RsaPkcs1Sha256 => {
                &digest::SHA256
            }
            SignatureAlgorithm::EcdsaP384Sha384 => &digest::SHA384,
        };
        let digest = digest::digest(hash, message);
        let signature = self.sign_unchecked(&digest)?;
        self.check(&digest, &signature)?;
        Ok(signature)
    }
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSigner")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

/// Makes a new key of a kind that an authority may have.
///
/// # Errors
///
/// [`SignerError`]: another kind of key, or the system has no randomness.
pub fn generate(kind: KeyKind) -> Result<Pkcs8, SignerError> {
    let algorithm = SignatureAlgorithm::for_key_kind(kind).ok_or_else(|| unwanted(&kind))?;
    let ecdsa = |algorithm| {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())
            .map_err(|_| SignerError::Generate)?;
        Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
    };
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
        SignatureAlgorithm::EcdsaP384Sha384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
        SignatureAlgorithm::RsaPkcs1Sha256 => {
            let size = match kind {
                KeyKind::Rsa { modulus_bits: 2048 } => KeySize::Rsa2048,
                KeyKind::Rsa { modulus_bits: 3072 } => KeySize::Rsa3072,
                _ => KeySize::Rsa4096,
            };
            let key = RsaKeyPair::generate(size).map_err(|_| SignerError::Generate)?;
            let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| SignerError::Generate)?;
            Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
        }
    }
}

/// What a PKCS #8 document says that it holds.
enum Stored {
    Ecdsa(&'static EcdsaSigningAlgorithm),
    Rsa,
}

fn kind_of(pkcs8: &[u8]) -> Result<Stored, SignerError> {
    let algorithm = algorithm_of(pkcs8).map_err(|error| SignerError::Malformed {
        reason: error.to_string(),
    })?;
    match algorithm.oid {
        oids::RSA_ENCRYPTION => Ok(Stored::Rsa),
        oids::EC_PUBLIC_KEY => {
            let curve = algorithm
                .parameters
                .and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
            match curve {
                Some(oids::P256) => Ok(Stored::Ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)),
                Some(oids::P384) => Ok(Stored::Ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)),
                Some(other) => Err(unwanted(&format!("ecdsa on the curve {other}"))),
                None => Err(unwanted(&"ecdsa on an unnamed curve")),
            }
        }
        oids::ED25519 => Err(unwanted(&"ed25519")),
        other => Err(unwanted(&other)),
    }
}

/// The algorithm of a `OneAsymmetricKey` (RFC 5958 section 2).
fn algorithm_of(pkcs8: &[u8]) -> Result<AlgorithmIdentifierRef<'_>, der::Error> {
    let mut reader = SliceReader::new(pkcs8)?;
    let algorithm = reader.sequence(|info| {
        u8::decode(info)?;
        let algorithm = AlgorithmIdentifierRef::decode(info)?;
        while !info.is_finished() {
            AnyRef::decode(info)?;
        }
        Ok::<_, der::Error>(algorithm)
    })?;
    reader.finish()?;
    Ok(algorithm)
}

fn unwanted(found: &dyn fmt::Display) -> SignerError {
    let found = found.to_string();
    SignerError::Kind { found }
}

fn rejected(error: impl fmt::Display) -> SignerError {
    let reason = error.to_string();
    SignerError::Rejected { reason }
}

#[cfg(test)]
mod tests {
    use sigstore::{HashAlgorithm, SignatureError};

    use super::*;

    const KINDS: [KeyKind; 3] = [
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::Rsa { modulus_bits: 2048 },
    ];

    #[test]
    fn a_key_is_made_read_and_signs() {
        for kind in KINDS {
            let pkcs8 = generate(kind).unwrap();
            let signer = FileSigner::from_pkcs8_der(&pkcs8).unwrap();
            let public = PublicKey::from_spki_der(signer.public_key()).unwrap();
            assert_eq!(public.kind(), kind);
            let algorithm = SignatureAlgorithm::for_key_kind(kind).unwrap();
            assert_eq!(signer.algorithm(), algorithm);
            let signature = signer.sign(b"message").unwrap();
            let (hash, digest) = match kind.hash() {
                HashAlgorithm::Sha384 => (HashAlgorithm::Sha384, &digest::SHA384),
                _ => (HashAlgorithm::Sha256, &digest::SHA256),
            };
            let digest = digest::digest(digest, b"message");
            let verified = public.verify_prehashed(hash, digest.as_ref(), &signature);
            assert_eq!(verified, Ok(()), "{kind}");
        }
    }

    #[test]
    fn two_keys_are_two_keys() {
        let keys = [(); 2].map(|()| generate(KeyKind::EcdsaP256).unwrap());
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn nothing_of_a_key_is_shown() {
        let pkcs8 = generate(KeyKind::EcdsaP256).unwrap();
        let signer = FileSigner::from_pkcs8_der(&pkcs8).unwrap();
        let shown = format!("{signer:?}");
        assert!(shown.starts_with("FileSigner { public_key: PublicKey { kind: EcdsaP256"));
        assert!(shown.len() < 120, "{shown}");
    }

    #[test]
    fn a_signature_that_is_not_the_keys_is_thrown_away() {
        for kind in KINDS {
            let [key, other] = [(); 2].map(|()| generate(kind).unwrap());
            let mut signer = FileSigner::from_pkcs8_der(&key).unwrap();
            signer.key = FileSigner::from_pkcs8_der(&other).unwrap().key;
            let refused = SignerError::Faulty(SignatureError::Mismatch { kind });
            assert_eq!(signer.sign(b"message"), Err(refused));
        }
    }

    /// The full check has the last word, so damage there costs time and nothing else.
    #[test]
    fn a_signature_that_only_damaged_tables_refuse_is_given() {
        let [key, other] = [(); 2].map(|()| generate(KeyKind::EcdsaP256).unwrap());
        let mut signer = FileSigner::from_pkcs8_der(&key).unwrap();
        signer.self_check = FileSigner::from_pkcs8_der(&other).unwrap().self_check;
        assert!(signer.sign(b"message").is_ok());
    }

    #[test]
    fn kinds_of_key_that_clients_refuse_are_refused() {
        let odd = KeyKind::Rsa { modulus_bits: 8192 };
        for kind in [KeyKind::Ed25519, KeyKind::EcdsaP521, odd] {
            let found = kind.to_string();
            assert_eq!(generate(kind).unwrap_err(), SignerError::Kind { found });
        }
        let ed25519 = aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let error = FileSigner::from_pkcs8_der(ed25519.unwrap().as_ref()).unwrap_err();
        let found = "ed25519".to_owned();
        assert_eq!(error, SignerError::Kind { found });
        let p521 = EcdsaKeyPair::generate_pkcs8(
            &aws_lc_rs::signature::ECDSA_P521_SHA512_ASN1_SIGNING,
            &SystemRandom::new(),
        );
        let error = FileSigner::from_pkcs8_der(p521.unwrap().as_ref()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("ecdsa on the curve 1.3.132.0.35 key")
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let pkcs8 = generate(KeyKind::EcdsaP256).unwrap();
        for len in 0..pkcs8.len() {
            let error = FileSigner::from_pkcs8_der(&pkcs8[..len]).unwrap_err();
            assert!(
                matches!(error, SignerError::Malformed { .. }),
                "{len}: {error}"
            );
        }
        let trailing = [pkcs8.as_slice(), &[0]].concat();
        let error = FileSigner::from_pkcs8_der(&trailing).unwrap_err();
        assert!(matches!(error, SignerError::Malformed { .. }), "{error}");
        let mut inner = pkcs8.to_vec();
        // The private number of another key, beside the public point of this one.
        inner[40] ^= 1;
        let error = FileSigner::from_pkcs8_der(&inner).unwrap_err();
        assert!(matches!(error, SignerError::Rejected { .. }), "{error}");
    }
}
