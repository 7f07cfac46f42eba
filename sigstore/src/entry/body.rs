//! What an entry of a log says of a signature, whatever kind of entry it is.
//!
//! | kind | versions | digest | signature | signer |
//! |---|---|---|---|---|
//! | `hashedrekord` | 0.0.1, 0.0.2 | of what was signed | yes | PEM; DER |
//! | `dsse` | 0.0.1 | of the envelope's payload | yes | PEM |
//! | `intoto` | 0.0.2 | of the envelope's payload | yes, in base64 twice | PEM |
//!
//! An `intoto` entry of version 0.0.1 has no signature, so nothing can be told from it about one.
//! Other digests that an entry has, of the envelope as it was sent, cannot be computed from a
//! bundle and are not looked at. Nothing here is checked but its form: the log vouches for the
//! bytes, and whether they are about the bundle at hand is for `verify` to say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use thiserror::Error;

use super::hashedrekord::{self, HashedRekord, LeafError, VerifierBytes};
use super::log_entry::KindVersion;
use crate::canonical_json::{JsonError, JsonLimits, excerpt, parse_limited};
use crate::key_details::HashAlgorithm;
use crate::pem;

/// The longest body that is read: a statement of some megabytes is in an old entry whole.
pub const BODY_LEN_BYTES_MAX: usize = 64 * 1024 * 1024;

const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 256,
};

/// An entry about a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBody {
    /// What was signed.
    pub subject: LoggedSubject,
    /// The signature.
    pub signature: Vec<u8>,
    /// Who signed.
    pub signer: VerifierBytes,
}

/// What a logged signature is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedSubject {
    /// The digest of what was signed: an artifact, or the encoding of an envelope.
    Signed(LoggedDigest),
    /// The digest of the payload of an envelope that was signed.
    Payload(LoggedDigest),
}

/// A digest, and how it was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedDigest {
    /// Which hash.
    pub algorithm: HashAlgorithm,
    /// The digest, of that hash's length.
    pub digest: Vec<u8>,
}

impl EntryBody {
    /// Reads the body of an entry of this kind. Cost: linear.
    ///
    /// # Errors
    ///
    /// [`BodyError`]: a kind that says nothing of a signature, another kind inside, or a field
    /// that is missing or not what it should be.
    pub fn parse(kind_version: &KindVersion, body: &[u8]) -> Result<EntryBody, BodyError> {
        let KindVersion { kind, version } = kind_version;
        if (kind.as_str(), version.as_str()) == (hashedrekord::KIND, hashedrekord::VERSION) {
            return Ok(EntryBody::from(&HashedRekord::parse_leaf(body)?));
        }
        let (found, max) = (body.len(), BODY_LEN_BYTES_MAX);
        if found > max {
            return Err(BodyError::TooLong { found, max });
        }
        let value = parse_limited(body, JSON_LIMITS)?;
        let read = match (kind.as_str(), version.as_str()) {
            ("hashedrekord", "0.0.1") => read_hashedrekord,
            ("dsse", "0.0.1") => read_dsse,
            ("intoto", "0.0.2") => read_intoto,
            _ => {
                let (kind, version) = (excerpt(kind), excerpt(version));
                return Err(BodyError::Kind { kind, version });
            }
        };
        for (name, wanted) in [("kind", kind), ("apiVersion", version)] {
            if text(&value, name)? != wanted {
                let found = excerpt(text(&value, name)?);
                return Err(BodyError::OtherKind { name, found });
            }
        }
        read(&value)
    }
}

impl From<&HashedRekord> for EntryBody {
    fn from(entry: &HashedRekord) -> EntryBody {
        EntryBody {
            subject: LoggedSubject::Signed(LoggedDigest {
                algorithm: entry.hash(),
                digest: entry.digest().to_vec(),
            }),
            signature: entry.signature().to_vec(),
            signer: entry.verifier().clone(),
        }
    }
}

fn read_hashedrekord(body: &Value) -> Result<EntryBody, BodyError> {
    Ok(EntryBody {
        subject: LoggedSubject::Signed(digest(at(body, "/spec/data/hash")?)?),
        signature: base64(body, "/spec/signature/content")?,
        signer: signer(&base64(body, "/spec/signature/publicKey/content")?)?,
    })
}

fn read_dsse(body: &Value) -> Result<EntryBody, BodyError> {
    let signature = only_one(at(body, "/spec/signatures")?)?;
    Ok(EntryBody {
        subject: LoggedSubject::Payload(digest(at(body, "/spec/payloadHash")?)?),
        signature: base64(signature, "/signature")?,
        signer: signer(&base64(signature, "/verifier")?)?,
    })
}

fn read_intoto(body: &Value) -> Result<EntryBody, BodyError> {
    let signature = only_one(at(body, "/spec/content/envelope/signatures")?)?;
    let inner = base64(signature, "/sig")?;
    Ok(EntryBody {
        subject: LoggedSubject::Payload(digest(at(body, "/spec/content/payloadHash")?)?),
        signature: STANDARD.decode(inner).map_err(|error| BodyError::Field {
            path: "/sig".to_owned(),
            reason: format!("not base64 inside its base64: {error}"),
        })?,
        signer: signer(&base64(signature, "/publicKey")?)?,
    })
}

fn only_one(signatures: &Value) -> Result<&Value, BodyError> {
    match signatures.as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one),
        Some(several) => Err(BodyError::SignatureCount {
            found: several.len(),
        }),
        None => Err(BodyError::Field {
            path: "signatures".to_owned(),
            reason: "not a list".to_owned(),
        }),
    }
}

fn digest(hash: &Value) -> Result<LoggedDigest, BodyError> {
    let (name, value) = (text(hash, "algorithm")?, text(hash, "value")?);
    let refuse = |path: &str, reason: String| BodyError::Field {
        path: path.to_owned(),
        reason,
    };
    let algorithm = HashAlgorithm::from_lower_case_name(name)
        .ok_or_else(|| refuse("algorithm", format!("{} is not supported", excerpt(name))))?;
    let digest = hex::decode(value)
        .ok()
        .filter(|d| d.len() == algorithm.digest_len_bytes());
    let digest = digest.ok_or_else(|| {
        let wanted = algorithm.digest_len_bytes();
        refuse(
            "value",
            format!("{} is not {wanted} bytes in hex", excerpt(value)),
        )
    })?;
    Ok(LoggedDigest { algorithm, digest })
}

/// A certificate or a key, from PEM with nothing behind it.
fn signer(text: &[u8]) -> Result<VerifierBytes, BodyError> {
    let refuse = |reason: String| BodyError::Field {
        path: "signer".to_owned(),
        reason,
    };
    let (block, rest) = pem::parse_first(text).map_err(|error| refuse(error.to_string()))?;
    if !rest.trim_ascii().is_empty() {
        return Err(refuse("more than one block of PEM".to_owned()));
    }
    match block.label.as_str() {
        "CERTIFICATE" => Ok(VerifierBytes::X509Certificate(block.der)),
        "PUBLIC KEY" => Ok(VerifierBytes::PublicKey(block.der)),
        label => Err(refuse(format!(
            "PEM of {}, wanted CERTIFICATE or PUBLIC KEY",
            excerpt(label)
        ))),
    }
}

fn at<'a>(value: &'a Value, pointer: &str) -> Result<&'a Value, BodyError> {
    value.pointer(pointer).ok_or_else(|| BodyError::Field {
        path: pointer.to_owned(),
        reason: "missing".to_owned(),
    })
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, BodyError> {
    let text = at(value, &format!("/{name}"))?;
    text.as_str().ok_or_else(|| BodyError::Field {
        path: name.to_owned(),
        reason: "not a string".to_owned(),
    })
}

fn base64(value: &Value, pointer: &str) -> Result<Vec<u8>, BodyError> {
    let refuse = |reason: String| BodyError::Field {
        path: pointer.to_owned(),
        reason,
    };
    let text = at(value, pointer)?
        .as_str()
        .ok_or_else(|| refuse("not a string".to_owned()))?;
    STANDARD
        .decode(text)
        .map_err(|e| refuse(format!("not base64: {e}")))
}

/// Why the body of an entry says nothing about a signature that could be compared.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// A kind from which nothing can be told about a signature.
    #[error(
        "an entry of kind {kind} version {version}, wanted hashedrekord 0.0.1 or 0.0.2, dsse \
         0.0.1 or intoto 0.0.2"
    )]
    Kind {
        /// The kind, quoted.
        kind: String,
        /// The version, quoted.
        version: String,
    },
    /// The body says that it is of another kind.
    #[error("{name}: the body of the entry says {found}, which the entry does not")]
    OtherKind {
        /// `kind` or `apiVersion`.
        name: &'static str,
        /// What the body says, quoted.
        found: String,
    },
    /// Longer than any that is read.
    #[error("body of {found} bytes, at most {max} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A body of Rekor v2 that is not in its one form.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// A field that is missing or not what it should be.
    #[error("{path}: {reason}")]
    Field {
        /// Where.
        path: String,
        /// What about it.
        reason: String,
    },
    /// None or several signatures, where a bundle has one.
    #[error("an entry about {found} signatures, wanted exactly one")]
    SignatureCount {
        /// How many there are.
        found: usize,
    },
}

#[cfg(test)]
mod tests;
