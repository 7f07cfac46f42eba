//! A key of a role: ECDSA on P-256, as PEM, under the id that everybody computes for it.

use pem_rfc7468::LineEnding;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fields::{Object, text, to_hex};
use super::{TufError, canonical};
use crate::public_key::{KeyKind, PublicKey};

const KEY_TYPE: &str = "ecdsa";
/// What older metadata calls the same kind of key.
const KEY_TYPE_OLD: &str = "ecdsa-sha2-nistp256";
const SCHEME: &str = "ecdsa-sha2-nistp256";
const PEM_LABEL: &str = "PUBLIC KEY";

/// A public key that verifies metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TufKey {
    key: PublicKey,
}

impl TufKey {
    /// A key from its DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// [`TufError::Key`] for anything but a good ECDSA key on P-256.
    pub fn from_spki_der(spki_der: &[u8]) -> Result<TufKey, TufError> {
        TufKey::read_spki(spki_der, "key")
    }

    fn read_spki(spki_der: &[u8], path: &str) -> Result<TufKey, TufError> {
        let refused = |reason: String| TufError::Key {
            path: path.to_owned(),
            reason,
        };
        let key = PublicKey::from_spki_der(spki_der).map_err(|error| refused(error.to_string()))?;
        match key.kind() {
            KeyKind::EcdsaP256 => Ok(TufKey { key }),
            other => Err(refused(format!("it is {other}"))),
        }
    }

    /// Reads the object that a root has for a key. `None` for another kind of key, which cannot be
    /// used to verify but must not make the rest unusable.
    pub(super) fn read(object: &Object, path: &str) -> Result<Option<TufKey>, TufError> {
        let key_type = text(object.get("keytype"), path)?;
        let scheme = text(object.get("scheme"), path)?;
        if ![KEY_TYPE, KEY_TYPE_OLD].contains(&key_type) || scheme != SCHEME {
            return Ok(None);
        }
        let public = object.get("keyval").and_then(|value| value.get("public"));
        let pem = text(public, path)?;
        let refused = |reason: String| TufError::Key {
            path: path.to_owned(),
            reason,
        };
        let (label, der) =
            pem_rfc7468::decode_vec(pem.as_bytes()).map_err(|error| refused(error.to_string()))?;
        if label != PEM_LABEL {
            return Err(refused("another label".to_owned()));
        }
        TufKey::read_spki(&der, path).map(Some)
    }

    /// The object that a root has for the key.
    ///
    /// # Panics
    ///
    /// Never: a key of 91 bytes has a PEM form.
    pub(super) fn to_value(&self) -> Value {
        let pem = pem_rfc7468::encode_string(PEM_LABEL, LineEnding::LF, self.key.spki_der())
            .expect("a short key has a pem form");
        json!({"keytype": KEY_TYPE, "scheme": SCHEME, "keyval": {"public": pem}})
    }

    /// The id: the SHA-256 of the canonical form of the key's object, in hex.
    ///
    /// # Panics
    ///
    /// Never: the object has no numbers.
    #[must_use]
    pub fn id(&self) -> String {
        let bytes = canonical::encode(&self.to_value()).expect("a key has no numbers");
        to_hex(&Sha256::digest(bytes))
    }

    /// Whether the DER signature is this key's over the message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let digest = Sha256::digest(message);
        // Signatures are DER; the 64 bytes that other formats allow have no place here.
        let der = signature.first() == Some(&0x30) && signature.len() != 64;
        let hash = self.key.kind().hash();
        der && self.key.verify_prehashed(hash, &digest, signature).is_ok()
    }
}
