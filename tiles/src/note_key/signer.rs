//! Signers of notes: private keys in memory, behind a trait that other custody can implement.
//!
//! Every signer here checks its own signature before it hands it out. A fault while signing can
//! otherwise publish a checkpoint that nobody accepts, or with some algorithms give away the key.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};

use super::{EcdsaCurve, KeyName, NoteKeyError, SignedAt, VerifierKey};

/// Something that can sign notes under a name.
pub trait NoteSigner: Send + Sync + fmt::Debug {
    /// The key that verifies what this signer signs.
    fn verifier(&self) -> &VerifierKey;

    /// Signs the text of a note. What comes back has been checked against [`Self::verifier`].
    ///
    /// # Errors
    /// The key cannot be used now, or gave a signature that does not verify; nothing was released.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// As [`Self::sign`], by signers whose signatures say when they were made.
    ///
    /// # Errors
    /// As [`Self::sign`].
    fn sign_at(&self, message: &[u8], _: SignedAt) -> Result<Vec<u8>, SignError> {
        self.sign(message)
    }
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Whoever keeps the key did not sign.
    #[error("the key did not sign: {reason}")]
    Unavailable {
        /// What they say.
        reason: String,
    },
    /// There was a signature, but a wrong one: it was kept back.
    #[error("the key gave a signature that does not verify, which was kept back")]
    SelfCheckFailed,
}

/// Signs with an Ed25519 key (type 0x01).
pub struct Ed25519NoteSigner {
    key_pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl Ed25519NoteSigner {
    /// The key in a DER PKCS #8 document, with or without the public key (RFC 8410 or RFC 5958).
    ///
    /// # Errors
    /// Not such a document, or its public key does not belong to its private key.
    pub fn from_pkcs8_der(name: KeyName, der: &[u8]) -> Result<Self, NoteKeyError> {
        let key_pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
        let key_pair = key_pair.map_err(|reason| rejected(&reason))?;
        Self::new(name, key_pair)
    }

    /// The key that follows from 32 secret random bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// The cryptographic library failed.
    pub fn from_seed(name: KeyName, seed: [u8; 32]) -> Result<Self, NoteKeyError> {
        let key_pair = Ed25519KeyPair::from_seed_unchecked(&seed);
        let key_pair = key_pair.map_err(|reason| rejected(&reason))?;
        Self::new(name, key_pair)
    }

    fn new(name: KeyName, key_pair: Ed25519KeyPair) -> Result<Self, NoteKeyError> {
        let public_key = key_pair.public_key().as_ref();
        let found = public_key.len();
        let public_key = public_key.try_into();
        let public_key = public_key.map_err(|_| NoteKeyError::Ed25519Len { found })?;
        let verifier = VerifierKey::from_ed25519(name, public_key);
        Ok(Self { key_pair, verifier })
    }
}

impl NoteSigner for Ed25519NoteSigner {
    fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self
            .key_pair
            .try_sign(message)
            .map_err(|reason| unavailable(&reason))?;
        checked(&self.verifier, message, signature.as_ref())
    }
}

impl fmt::Debug for Ed25519NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_redacted(f, "Ed25519NoteSigner", &self.verifier)
    }
}

/// Signs with an ECDSA key (type 0x02) on P-256 or P-521.
///
/// Not on P-384: notes are signed over SHA-256, a pairing that the cryptographic library verifies
/// but does not sign.
pub struct EcdsaNoteSigner {
    key_pair: EcdsaKeyPair,
    verifier: VerifierKey,
}

impl EcdsaNoteSigner {
    /// The key in a DER PKCS #8 document.
    ///
    /// # Errors
    /// Not such a document, or not a key on P-256 or P-521.
    pub fn from_pkcs8_der(name: KeyName, der: &[u8]) -> Result<Self, NoteKeyError> {
        let (p256, p521) = (
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &ECDSA_P521_SHA256_ASN1_SIGNING,
        );
        Self::on_curve(name.clone(), der, EcdsaCurve::P256, p256).or_else(|why_not_p256| {
            Self::on_curve(name, der, EcdsaCurve::P521, p521).map_err(|_| why_not_p256)
        })
    }

    fn on_curve(
        name: KeyName,
        der: &[u8],
        curve: EcdsaCurve,
        algorithm: &'static EcdsaSigningAlgorithm,
    ) -> Result<Self, NoteKeyError> {
        let key_pair = EcdsaKeyPair::from_pkcs8(algorithm, der);
        let key_pair = key_pair.map_err(|reason| rejected(&reason))?;
        let spki = [curve.spki_prefix(), key_pair.public_key().as_ref()].concat();
        let verifier = VerifierKey::from_ecdsa_spki(name, &spki)?;
        Ok(Self { key_pair, verifier })
    }
}

impl NoteSigner for EcdsaNoteSigner {
    fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        // Each signature needs a secret random number, which the library draws by itself.
        let signature = self.key_pair.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|reason| unavailable(&reason))?;
        checked(&self.verifier, message, signature.as_ref())
    }
}

impl fmt::Debug for EcdsaNoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_redacted(f, "EcdsaNoteSigner", &self.verifier)
    }
}

fn checked(verifier: &VerifierKey, message: &[u8], signature: &[u8]) -> Result<Vec<u8>, SignError> {
    match verifier.verify(message, signature) {
        Ok(()) => Ok(signature.to_vec()),
        Err(_) => Err(SignError::SelfCheckFailed),
    }
}

fn rejected(reason: &dyn fmt::Display) -> NoteKeyError {
    NoteKeyError::PrivateKey {
        reason: reason.to_string(),
    }
}

fn unavailable(reason: &dyn fmt::Display) -> SignError {
    SignError::Unavailable {
        reason: reason.to_string(),
    }
}

/// The public half only.
fn debug_redacted(
    f: &mut fmt::Formatter<'_>,
    type_name: &str,
    verifier: &VerifierKey,
) -> fmt::Result {
    let mut out = f.debug_struct(type_name);
    out.field("verifier", &format_args!("{verifier}"))
        .finish_non_exhaustive()
}
