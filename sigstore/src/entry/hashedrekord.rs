//! `hashedrekord` 0.0.2, the entry kind of Rekor v2: somebody signed something with this digest.
//!
//! A [`HashedRekordRequest`] is what a signer sends (`CreateEntryRequest` of rekor-tiles, as
//! protobuf JSON). [`HashedRekordRequest::verify`] checks it in a fixed order and gives the
//! [`HashedRekord`], whose [`HashedRekord::leaf_bytes`] is what the log holds:
//!
//! ```text
//! {"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{
//!   "data":{"algorithm":HASH,"digest":BASE64},
//!   "signature":{"content":BASE64,"verifier":{"keyDetails":LABEL,ARM:{"rawBytes":BASE64}}}}}}
//! ```
//!
//! without white space, ARM being `publicKey` or `x509Certificate`. That is the protobuf JSON of
//! the entry in RFC 8785 form.
//!
//! One check is stricter than rekor-tiles: the label must fit the key itself, not merely share
//! its hash. Verifiers rebuild the leaf with the label that fits, so an entry with another one
//! would never verify.
//!
//! Not here: who may sign (no certificate chain, date or identity is looked at) and the log.
//!
//! Invariant: `HashedRekord::parse_leaf(bytes)` gives an entry whose `leaf_bytes()` are `bytes`,
//! or an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::canonical_json::{JsonLimits, excerpt, parse_limited};
use crate::key_details::{self, HashAlgorithm, KeyDetails};
use crate::proto_json::{self, FieldName};
use crate::public_key::{CERTIFICATE_LEN_BYTES_MAX, PublicKey, SPKI_LEN_BYTES_MAX};

pub use error::{EntryError, LeafError, RequestError};
pub use request::HashedRekordRequest;
use request::{
    CERTIFICATE_RAW_BYTES_PATH, DIGEST, PUBLIC_KEY_RAW_BYTES_PATH, SIGNATURE, parse_signature,
};

mod dsse_request;
mod error;
mod protobuf_request;
mod request;

/// The `kind` of these entries.
pub const KIND: &str = "hashedrekord";
/// The `apiVersion` of these entries.
pub const VERSION: &str = "0.0.2";
/// The longest leaf: entry bundles give its length in 16 bits.
pub const LEAF_LEN_BYTES_MAX: usize = tiles::ENTRY_LEN_BYTES_MAX;

/// Requests and leaves nest up to six levels deep and hold about a dozen values; the rest is
/// room for a clear error.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 64,
};

// A certificate beyond its own limit could not be logged anyway.
const _: () = assert!(CERTIFICATE_LEN_BYTES_MAX / 3 * 4 > LEAF_LEN_BYTES_MAX);

/// Key material as the signer sent it, in DER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VerifierBytes {
    /// A `SubjectPublicKeyInfo`.
    PublicKey(Vec<u8>),
    /// An X.509 certificate.
    X509Certificate(Vec<u8>),
}

/// An entry: a signature over a digest, with the key to check it by.
///
/// From [`HashedRekordRequest::verify`] the signature has been checked; from
/// [`HashedRekord::parse_leaf`] it has not: call [`HashedRekord::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HashedRekord {
    digest: Vec<u8>,
    signature: Vec<u8>,
    verifier: VerifierBytes,
    key_details: KeyDetails,
}

impl HashedRekord {
    /// Reads a leaf. Strict: only the bytes that [`HashedRekord::leaf_bytes`] writes are taken.
    ///
    /// # Errors
    ///
    /// [`LeafError`]: other JSON, another kind or version, a label that is not allowed, a digest
    /// that does not fit it, or the right content in another form.
    pub fn parse_leaf(leaf: &[u8]) -> Result<HashedRekord, LeafError> {
        if leaf.len() > LEAF_LEN_BYTES_MAX {
            return Err(LeafError::TooLong {
                found: leaf.len(),
                max: LEAF_LEN_BYTES_MAX,
            });
        }
        let entry = parse_leaf_value(&parse_limited(leaf, JSON_LIMITS)?)?;
        if entry.leaf_bytes() != leaf {
            return Err(LeafError::NotCanonical);
        }
        Ok(entry)
    }

    /// The bytes that the log holds. Cost: linear in their length.
    #[must_use]
    pub fn leaf_bytes(&self) -> Vec<u8> {
        // The keys stand in RFC 8785 order, and no value has a character that JSON would escape.
        let mut leaf = String::with_capacity(self.leaf_len());
        leaf.push_str(LEAF_TO_ALGORITHM);
        leaf.push_str(self.key_details.hash().name());
        leaf.push_str(LEAF_TO_DIGEST);
        STANDARD.encode_string(&self.digest, &mut leaf);
        leaf.push_str(LEAF_TO_CONTENT);
        STANDARD.encode_string(&self.signature, &mut leaf);
        leaf.push_str(LEAF_TO_KEY_DETAILS);
        leaf.push_str(self.key_details.name());
        leaf.push_str(self.verifier.leaf_to_raw_bytes());
        STANDARD.encode_string(self.verifier.der(), &mut leaf);
        leaf.push_str(LEAF_END);
        leaf.into_bytes()
    }

    /// The request that asks a log to take this entry.
    #[must_use]
    pub fn to_request_json(&self) -> String {
        let arm = match &self.verifier {
            VerifierBytes::PublicKey(_) => "publicKey",
            VerifierBytes::X509Certificate(_) => "x509Certificate",
        };
        let request = serde_json::json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(&self.digest),
            "signature": {
                "content": STANDARD.encode(&self.signature),
                "verifier": {
                    arm: {"rawBytes": STANDARD.encode(self.verifier.der())},
                    "keyDetails": self.key_details.name(),
                },
            },
        }});
        request.to_string()
    }

    /// Checks the signature: the key parses, the label fits it, the digest has the right length,
    /// and the signature is one of that digest by that key.
    ///
    /// # Errors
    ///
    /// [`EntryError`] names the first check that failed.
    pub fn verify(&self) -> Result<(), EntryError> {
        self.verify_with(&self.verifier.public_key()?)
    }

    /// The digest of what was signed.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The hash that made the digest.
    #[must_use]
    pub fn hash(&self) -> HashAlgorithm {
        self.key_details.hash()
    }

    /// The signature, as it was sent.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The key or certificate, as it was sent.
    #[must_use]
    pub fn verifier(&self) -> &VerifierBytes {
        &self.verifier
    }

    /// The label of key, scheme and hash.
    #[must_use]
    pub fn key_details(&self) -> KeyDetails {
        self.key_details
    }

    fn verify_with(&self, public_key: &PublicKey) -> Result<(), EntryError> {
        let label = self.key_details;
        if label.key_kind() != public_key.kind() {
            return Err(EntryError::KeyDetailsMismatch {
                found: label,
                key: public_key.kind().to_string(),
                wanted: KeyDetails::for_key_kind(public_key.kind())
                    .map_or("another key: no label fits this one", KeyDetails::name),
            });
        }
        let (found, wanted) = (self.digest.len(), label.hash().digest_len_bytes());
        if found != wanted {
            return Err(EntryError::DigestLen {
                found,
                wanted,
                label,
            });
        }
        public_key.verify_prehashed(label.hash(), &self.digest, &self.signature)?;
        Ok(())
    }

    /// The length of `leaf_bytes()`, without making them.
    fn leaf_len(&self) -> usize {
        let base64_len = |len: usize| len.div_ceil(3).saturating_mul(4);
        let fixed = [
            LEAF_TO_ALGORITHM,
            self.key_details.hash().name(),
            LEAF_TO_DIGEST,
            LEAF_TO_CONTENT,
            LEAF_TO_KEY_DETAILS,
            self.key_details.name(),
            self.verifier.leaf_to_raw_bytes(),
            LEAF_END,
        ];
        let values = [
            self.digest.len(),
            self.signature.len(),
            self.verifier.der().len(),
        ];
        let fixed: usize = fixed.iter().map(|text| text.len()).sum();
        values
            .into_iter()
            .map(base64_len)
            .fold(fixed, usize::saturating_add)
    }
}

impl VerifierBytes {
    /// The DER bytes of either arm.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        match self {
            VerifierBytes::PublicKey(der) | VerifierBytes::X509Certificate(der) => der,
        }
    }

    /// Parses the key, or the certificate and the key in it.
    ///
    /// # Errors
    ///
    /// [`EntryError::PublicKey`], with the field.
    pub fn public_key(&self) -> Result<PublicKey, EntryError> {
        let parsed = match self {
            VerifierBytes::PublicKey(der) => PublicKey::from_spki_der(der),
            VerifierBytes::X509Certificate(der) => PublicKey::from_certificate_der(der),
        };
        parsed.map_err(|source| EntryError::PublicKey {
            path: self.path(),
            source,
        })
    }

    const fn path(&self) -> &'static str {
        match self {
            VerifierBytes::PublicKey(_) => PUBLIC_KEY_RAW_BYTES_PATH,
            VerifierBytes::X509Certificate(_) => CERTIFICATE_RAW_BYTES_PATH,
        }
    }

    const fn len_bytes_max(&self) -> usize {
        match self {
            VerifierBytes::PublicKey(_) => SPKI_LEN_BYTES_MAX,
            VerifierBytes::X509Certificate(_) => CERTIFICATE_LEN_BYTES_MAX,
        }
    }

    const fn leaf_to_raw_bytes(&self) -> &'static str {
        match self {
            VerifierBytes::PublicKey(_) => r#"","publicKey":{"rawBytes":""#,
            VerifierBytes::X509Certificate(_) => r#"","x509Certificate":{"rawBytes":""#,
        }
    }
}

const API_VERSION: FieldName = FieldName::new("apiVersion", "api_version");
const KIND_FIELD: FieldName = FieldName::new("kind", "kind");
const SPEC: FieldName = FieldName::new("spec", "spec");
const HASHED_REKORD: FieldName = FieldName::new("hashedRekordV002", "hashed_rekord_v002");
const DATA: FieldName = FieldName::new("data", "data");
const ALGORITHM: FieldName = FieldName::new("algorithm", "algorithm");

const LEAF_TO_ALGORITHM: &str = concat!(
    r#"{"apiVersion":"0.0.2","kind":"hashedrekord","#,
    r#""spec":{"hashedRekordV002":{"data":{"algorithm":""#
);
const LEAF_TO_DIGEST: &str = r#"","digest":""#;
const LEAF_TO_CONTENT: &str = r#""},"signature":{"content":""#;
const LEAF_TO_KEY_DETAILS: &str = r#"","verifier":{"keyDetails":""#;
const LEAF_END: &str = r#""}}}}}}"#;

/// Reads the content of a leaf; that its form is the right one is for the caller to check.
fn parse_leaf_value(value: &Value) -> Result<HashedRekord, LeafError> {
    let missing = |path| LeafError::Missing { path };
    let names = [API_VERSION, KIND_FIELD, SPEC];
    let [version, kind, spec] = proto_json::fields(value, "entry", &names)?;
    let version = proto_json::string(version, "apiVersion")?;
    let kind = proto_json::string(kind, "kind")?;
    if (kind.as_str(), version.as_str()) != (KIND, VERSION) {
        return Err(LeafError::Kind {
            kind: excerpt(&kind),
            version: excerpt(&version),
        });
    }
    let spec = spec.ok_or_else(|| missing("spec"))?;
    let [body] = proto_json::fields(spec, "spec", &[HASHED_REKORD])?;
    let body = body.ok_or_else(|| missing("spec.hashedRekordV002"))?;
    let [data, signature] = proto_json::fields(body, "hashedRekordV002", &[DATA, SIGNATURE])?;
    let data = data.ok_or_else(|| missing("data"))?;
    let [algorithm, digest] = proto_json::fields(data, "data", &[ALGORITHM, DIGEST])?;
    let algorithm = proto_json::string(algorithm, "data.algorithm")?;
    let digest = proto_json::bytes(digest, "data.digest")?;
    let (signature, verifier) = parse_signature(signature)?;
    let verifier = verifier.ok_or_else(|| missing("signature.verifier"))?;
    let key_details =
        KeyDetails::from_number(verifier.key_details).ok_or_else(|| LeafError::Field {
            path: "signature.verifier.keyDetails",
            found: key_details::describe_number(verifier.key_details),
            wanted: format!("one of {}", key_details::allowed_names()),
        })?;
    let hash = key_details.hash();
    if algorithm != hash.name() || digest.len() != hash.digest_len_bytes() {
        return Err(LeafError::Field {
            path: "data",
            found: format!("{} with {} bytes", excerpt(&algorithm), digest.len()),
            wanted: format!("{hash} with {} bytes", hash.digest_len_bytes()),
        });
    }
    let verifier = verifier
        .key
        .ok_or_else(|| missing("signature.verifier.publicKey"))?;
    if signature.is_empty() || verifier.der().is_empty() {
        return Err(missing("signature"));
    }
    Ok(HashedRekord {
        digest,
        signature,
        verifier,
        key_details,
    })
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod dsse_request_tests;
#[cfg(test)]
mod request_tests;
#[cfg(test)]
pub(crate) mod tests;
