//! Signed metadata: a JSON object and the signatures over its canonical form.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fields::{array, hex, object, text, to_hex};
use super::{METADATA_LEN_BYTES_MAX, Role, RoleKeys, Root, TufError, canonical};
use crate::canonical_json::{JsonLimits, parse_limited};

/// Metadata nests six levels deep.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 32_768,
};

/// A metadata file, of any role, whoever signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    signed: Value,
    /// What was signed.
    canonical: Vec<u8>,
    /// By key id; an empty one is a place kept free for somebody who has yet to sign.
    signatures: BTreeMap<String, Vec<u8>>,
}

impl Envelope {
    /// Metadata that nobody has signed yet.
    pub(super) fn unsigned(signed: Value) -> Envelope {
        let canonical = canonical::encode(&signed).expect("our metadata has integers only");
        Envelope {
            signed,
            canonical,
            signatures: BTreeMap::new(),
        }
    }

    /// Reads a metadata file. Nothing is verified.
    ///
    /// # Errors
    ///
    /// [`TufError`]: too long, not JSON, or not an object with signatures.
    pub fn parse(json: &[u8]) -> Result<Envelope, TufError> {
        let (found, max) = (json.len(), METADATA_LEN_BYTES_MAX);
        if found > max {
            return Err(TufError::TooLong { found, max });
        }
        Envelope::from_value(&parse_limited(json, JSON_LIMITS)?)
    }

    /// As [`Envelope::parse`], for a part of something larger that was parsed without duplicate
    /// keys.
    ///
    /// # Errors
    ///
    /// As [`Envelope::parse`].
    pub fn from_value(value: &Value) -> Result<Envelope, TufError> {
        let envelope = object(Some(value), "metadata")?;
        let signed = Value::Object(object(envelope.get("signed"), "signed")?.clone());
        let mut signatures = BTreeMap::new();
        for signature in array(envelope.get("signatures"), "signatures")? {
            let path = "signatures[].keyid";
            let key_id = text(signature.get("keyid"), path)?;
            let path = "signatures[].sig";
            let bytes = hex(text(signature.get("sig"), path)?, path)?;
            if signatures.insert(key_id.to_owned(), bytes).is_some() {
                let key_id = crate::canonical_json::excerpt(key_id);
                return Err(TufError::SignedTwice { key_id });
            }
        }
        let canonical = canonical::encode(&signed)?;
        Ok(Envelope {
            signed,
            canonical,
            signatures,
        })
    }

    /// The file as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let signatures: Vec<Value> = self
            .signatures
            .iter()
            .map(|(key_id, sig)| json!({"keyid": key_id, "sig": to_hex(sig)}))
            .collect();
        json!({"signatures": signatures, "signed": self.signed})
    }

    /// Writes the file, indented, with a final newline. Parsed again it is equal.
    ///
    /// # Panics
    ///
    /// Never: JSON can be written.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(&self.to_value()).expect("json can be written");
        bytes.push(b'\n');
        bytes
    }

    /// The metadata itself.
    #[must_use]
    pub fn signed(&self) -> &Value {
        &self.signed
    }

    /// The bytes that signatures are over.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        &self.canonical
    }

    /// The ids of the keys that signed, whether or not the signatures are good.
    pub fn signer_ids(&self) -> impl Iterator<Item = &str> {
        let signatures = self.signatures.iter();
        let made = signatures.filter(|(_, signature)| !signature.is_empty());
        made.map(|(key_id, _)| key_id.as_str())
    }

    /// Adds a signature, in place of an earlier one by the same key.
    pub fn add_signature(&mut self, key_id: String, signature: Vec<u8>) {
        self.signatures.insert(key_id, signature);
    }

    /// Counts the keys of a role that signed, against the role's threshold.
    pub(super) fn verify(
        &self,
        role: Role,
        root: &Root,
        role_keys: &RoleKeys,
    ) -> Result<(), TufError> {
        let is_good = |key_id: &&String| {
            let key = root.keys.get(*key_id);
            let signature = self.signatures.get(*key_id);
            key.zip(signature)
                .is_some_and(|(key, signature)| key.verifies(&self.canonical, signature))
        };
        let found = role_keys.key_ids.iter().filter(is_good).count();
        if u32::try_from(found).is_ok_and(|found| found >= role_keys.threshold) {
            return Ok(());
        }
        Err(TufError::Threshold {
            role,
            by: format!("root {}", root.version),
            found,
            wanted: role_keys.threshold,
        })
    }
}
