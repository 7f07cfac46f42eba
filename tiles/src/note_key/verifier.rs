//! Verifier keys: public keys under a name, read from and written as vkeys.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P521_SHA256_ASN1, ED25519,
    ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::tree_head::{split_signature, tree_head_bytes};
use super::{KeyId, KeyName, NoteKeyError};
use crate::cosignature::{cosigned_bytes, split_cosignature};

const TYPE_ED25519: u8 = 0x01;
const TYPE_ECDSA: u8 = 0x02;
const TYPE_COSIGNATURE: u8 = 0x04;
const TYPE_TREE_HEAD: u8 = 0x05;

/// How a key signs notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// Ed25519 over the text of the note.
    Ed25519,
    /// ECDSA with SHA-256 over the text of the note, the signature in DER.
    Ecdsa(EcdsaCurve),
    /// Ed25519 over the text of the note and a time: how witnesses sign.
    Cosignature,
    /// ECDSA on P-256 over an RFC 6962 tree head, which the text of the note says.
    TreeHead,
}

/// The curves that ECDSA keys of notes may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EcdsaCurve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl EcdsaCurve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// What comes before an uncompressed point in the only DER encoding of a key on this curve.
    pub(super) const fn spki_prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => {
                b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
                \x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
            }
            Self::P384 => {
                b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
                \x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"
            }
            Self::P521 => {
                b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\
                \x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00"
            }
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384 => &ECDSA_P384_SHA256_ASN1,
            Self::P521 => &ECDSA_P521_SHA256_ASN1,
        }
    }
}

/// What comes before the 32 bytes in the DER `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410).
const ED25519_SPKI_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum KeyMaterial {
    Ed25519([u8; 32]),
    Ecdsa {
        curve: EcdsaCurve,
        spki: Vec<u8>,
    },
    /// Ed25519.
    Cosignature([u8; 32]),
    /// On P-256.
    TreeHead {
        spki: Vec<u8>,
    },
}

/// A public key under a name: what it takes to trust signature lines.
///
/// `Display` writes the vkey.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: KeyName,
    material: KeyMaterial,
}

impl VerifierKey {
    /// Reads a vkey.
    ///
    /// # Errors
    /// The text is malformed, the type is not supported, the key is malformed, or the key id is
    /// not the key's.
    pub fn parse(vkey: &str) -> Result<Self, NoteKeyError> {
        // Base64 may have further plus signs.
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(key_id), Some(key)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoteKeyError::Syntax);
        };
        let name = KeyName::new(name)?;
        let found = KeyId::parse(key_id).ok_or(NoteKeyError::KeyIdSyntax)?;
        let key = STANDARD.decode(key).map_err(|_| NoteKeyError::Base64)?;
        let key = match key.split_first().ok_or(NoteKeyError::Base64)? {
            (&TYPE_ED25519, key) => Self::from_ed25519(name, ed25519_bytes(key)?),
            (&TYPE_COSIGNATURE, key) => Self::from_cosigner_ed25519(name, ed25519_bytes(key)?),
            (&TYPE_ECDSA, spki) => Self::from_ecdsa_spki(name, spki)?,
            (&TYPE_TREE_HEAD, spki) => Self::from_tree_head_spki(name, spki)?,
            (&type_byte, _) => return Err(NoteKeyError::UnsupportedAlgorithm { type_byte }),
        };
        let wanted = key.key_id();
        if found == wanted {
            Ok(key)
        } else {
            Err(NoteKeyError::KeyIdDiffers { found, wanted })
        }
    }

    /// An Ed25519 key from its 32 bytes.
    ///
    /// Bytes that are no point of the curve make a key under which nothing verifies.
    #[must_use]
    pub const fn from_ed25519(name: KeyName, public_key: [u8; 32]) -> Self {
        let material = KeyMaterial::Ed25519(public_key);
        Self { name, material }
    }

    /// The Ed25519 key of a cosigner from its 32 bytes.
    #[must_use]
    pub const fn from_cosigner_ed25519(name: KeyName, public_key: [u8; 32]) -> Self {
        let material = KeyMaterial::Cosignature(public_key);
        Self { name, material }
    }

    /// The key as that of a cosigner: lists of witnesses name some by a vkey of type 0x01, and it
    /// is by type 0x04 that they sign. `None` of any other key.
    #[must_use]
    pub fn into_cosigner(self) -> Option<Self> {
        match self.material {
            KeyMaterial::Ed25519(key) | KeyMaterial::Cosignature(key) => {
                Some(Self::from_cosigner_ed25519(self.name, key))
            }
            KeyMaterial::Ecdsa { .. } | KeyMaterial::TreeHead { .. } => None,
        }
    }

    /// An ECDSA key from its DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// Not the DER of an uncompressed point on one of the three curves.
    pub fn from_ecdsa_spki(name: KeyName, spki_der: &[u8]) -> Result<Self, NoteKeyError> {
        let with_point = EcdsaCurve::ALL.into_iter().find_map(|curve| {
            let point = spki_der.strip_prefix(curve.spki_prefix())?;
            Some((curve, point))
        });
        let (curve, point) = with_point.ok_or(NoteKeyError::Spki)?;
        let parsed = ParsedPublicKey::new(curve.verification(), point);
        // 0x04 marks an uncompressed point; the library would take a compressed one as well.
        if !point.starts_with(&[0x04]) || parsed.is_err() {
            return Err(NoteKeyError::Spki);
        }
        let material = KeyMaterial::Ecdsa {
            curve,
            spki: spki_der.to_vec(),
        };
        Ok(Self { name, material })
    }

    /// The key of an RFC 6962 log from its DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// As [`Self::from_ecdsa_spki`]; also if the point is not on P-256.
    pub fn from_tree_head_spki(name: KeyName, spki_der: &[u8]) -> Result<Self, NoteKeyError> {
        let mut key = Self::from_ecdsa_spki(name, spki_der)?;
        if key.algorithm() != KeyAlgorithm::Ecdsa(EcdsaCurve::P256) {
            return Err(NoteKeyError::TreeHeadCurve);
        }
        let spki = spki_der.to_vec();
        key.material = KeyMaterial::TreeHead { spki };
        Ok(key)
    }

    /// The name that signature lines by this key give.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id that signature lines by this key give. Costs one hash.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        let log_id = self.log_id();
        KeyId::of(match &self.material {
            KeyMaterial::Ed25519(_) | KeyMaterial::Cosignature(_) | KeyMaterial::Ecdsa { .. } => {
                log_id
            }
            KeyMaterial::TreeHead { .. } => Sha256::new()
                .chain_update(self.name.as_str())
                .chain_update([b'\n', TYPE_TREE_HEAD])
                .chain_update(log_id)
                .finalize()
                .into(),
        })
    }

    /// The hash of which the key id is the first four bytes; of an RFC 6962 log, which has a log
    /// id by its own specification, that one.
    ///
    /// Rekor calls it the log id, and transparency-log entries carry it as `logId.keyId`.
    #[must_use]
    pub fn log_id(&self) -> [u8; 32] {
        match &self.material {
            KeyMaterial::Ed25519(key) => ed25519_id(&self.name, TYPE_ED25519, key),
            KeyMaterial::Cosignature(key) => ed25519_id(&self.name, TYPE_COSIGNATURE, key),
            KeyMaterial::Ecdsa { spki, .. } | KeyMaterial::TreeHead { spki } => {
                Sha256::digest(spki).into()
            }
        }
    }

    /// How the key signs.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match &self.material {
            KeyMaterial::Ed25519(_) => KeyAlgorithm::Ed25519,
            KeyMaterial::Cosignature(_) => KeyAlgorithm::Cosignature,
            KeyMaterial::Ecdsa { curve, .. } => KeyAlgorithm::Ecdsa(*curve),
            KeyMaterial::TreeHead { .. } => KeyAlgorithm::TreeHead,
        }
    }

    /// The key as DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_der(&self) -> Vec<u8> {
        match &self.material {
            KeyMaterial::Ed25519(key) | KeyMaterial::Cosignature(key) => {
                [ED25519_SPKI_PREFIX, key].concat()
            }
            KeyMaterial::Ecdsa { spki, .. } | KeyMaterial::TreeHead { spki } => spki.clone(),
        }
    }

    /// Checks a signature, without its key id, over a message, which is the text of a note.
    ///
    /// # Errors
    /// [`NoteKeyError::SignatureInvalid`]; of an RFC 6962 log also
    /// [`NoteKeyError::NotATreeHead`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteKeyError> {
        let verified = match &self.material {
            KeyMaterial::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            KeyMaterial::Cosignature(key) => {
                let (seconds, signature) =
                    split_cosignature(signature).ok_or(NoteKeyError::SignatureInvalid)?;
                let signed = cosigned_bytes(message, seconds);
                UnparsedPublicKey::new(&ED25519, key).verify(&signed, signature)
            }
            KeyMaterial::Ecdsa { curve, spki } => verify_ecdsa(*curve, spki, message, signature),
            KeyMaterial::TreeHead { spki } => {
                let (signed_at, der) =
                    split_signature(signature).ok_or(NoteKeyError::SignatureInvalid)?;
                let signed = tree_head_bytes(&self.name, message, signed_at)?;
                verify_ecdsa(EcdsaCurve::P256, spki, &signed, der)
            }
        };
        verified.map_err(|_| NoteKeyError::SignatureInvalid)
    }
}

fn ed25519_bytes(key: &[u8]) -> Result<[u8; 32], NoteKeyError> {
    let found = key.len();
    key.try_into()
        .map_err(|_| NoteKeyError::Ed25519Len { found })
}

fn ed25519_id(name: &KeyName, type_byte: u8, key: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(name.as_str());
    hash.update([b'\n', type_byte]);
    hash.update(key);
    hash.finalize().into()
}

fn verify_ecdsa(
    curve: EcdsaCurve,
    spki: &[u8],
    message: &[u8],
    der: &[u8],
) -> Result<(), Unspecified> {
    let point = spki.strip_prefix(curve.spki_prefix()).unwrap_or_default();
    UnparsedPublicKey::new(curve.verification(), point).verify(message, der)
}

impl FromStr for VerifierKey {
    type Err = NoteKeyError;

    fn from_str(vkey: &str) -> Result<Self, NoteKeyError> {
        Self::parse(vkey)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.material {
            KeyMaterial::Ed25519(key) => [&[TYPE_ED25519], &key[..]].concat(),
            KeyMaterial::Cosignature(key) => [&[TYPE_COSIGNATURE], &key[..]].concat(),
            KeyMaterial::Ecdsa { spki, .. } => [&[TYPE_ECDSA], &spki[..]].concat(),
            KeyMaterial::TreeHead { spki } => [&[TYPE_TREE_HEAD], &spki[..]].concat(),
        };
        write!(
            f,
            "{}+{}+{}",
            self.name,
            self.key_id(),
            STANDARD.encode(key)
        )
    }
}
