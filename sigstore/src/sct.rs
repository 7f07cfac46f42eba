//! Signed certificate timestamps: a log's promise about one entry (RFC 6962 section 3).
//!
//! A log signs the entry together with a time. The signature of a certificate cannot cover a
//! promise that is made about it, so the promise inside a certificate is about its
//! *precertificate*: the same to-be-signed part without the list of promises, together with the
//! hash of the issuer's key.
//!
//! ```text
//! signed       0 (version) 0 (certificate timestamp) u64 ms, entry, u16 length, extensions
//! entry        u16 0, u24 length, certificate
//!              u16 1, issuer key hash (32), u24 length, to-be-signed part
//! SCT          0 (version), log id (32), u64 ms, u16 length, extensions, 4 (SHA-256) 3 (ECDSA),
//!              u16 length, signature
//! list         u16 length, (u16 length, SCT)...; in a certificate inside an octet string
//! ```
//!
//! The signed bytes are also the `MerkleTreeLeaf` of the entry: there the first two bytes mean
//! version and leaf type. Only ECDSA over SHA-256 is known, which is what every log that Sigstore
//! clients accept signs with.
//!
//! Invariant: each parser accepts exactly what its encoder writes.

use der::Decode;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::der_writer::{tag, tlv};
use crate::public_key::{PublicKey, SignatureError};
use crate::time::UnixMillis;
use crate::{HashAlgorithm, KeyKind};

pub use entry::CtEntry;

use reader::Reader;

pub(crate) use entry::append_u24;

mod entry;
pub(crate) mod reader;

/// The most promises in a list: no certificate has more than a handful.
pub const SCT_COUNT_MAX: usize = 16;

/// Version 1, the only one.
const VERSION: u8 = 0;
/// SHA-256 and ECDSA, by their numbers in TLS 1.2.
const SHA256_ECDSA: [u8; 2] = [4, 3];

/// A log's promise that it has, or soon will have, an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCertificateTimestamp {
    /// SHA-256 of the log's `SubjectPublicKeyInfo`.
    pub log_id: [u8; 32],
    /// When the log took the entry.
    pub timestamp: UnixMillis,
    /// Extensions as they stand; a log of static-ct puts the index of the entry there.
    pub extensions: Vec<u8>,
    /// An ECDSA signature over SHA-256, as DER.
    pub signature: Vec<u8>,
}

impl SignedCertificateTimestamp {
    /// The promise as bytes.
    ///
    /// # Errors
    ///
    /// [`SctError::TooLong`]: extensions or signature do not fit into 65,535 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, SctError> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.log_id);
        out.extend_from_slice(&self.timestamp.get().to_be_bytes());
        append_u16("extensions", &mut out, &self.extensions)?;
        out.extend_from_slice(&SHA256_ECDSA);
        append_u16("signature", &mut out, &self.signature)?;
        Ok(out)
    }

    /// Reads one promise.
    ///
    /// # Errors
    ///
    /// [`SctError`]: cut off, bytes after it, another version or another algorithm.
    pub fn parse(bytes: &[u8]) -> Result<Self, SctError> {
        let mut reader = Reader::new(bytes);
        let found = reader.u8("version")?;
        if found != VERSION {
            return Err(SctError::Version { found });
        }
        let log_id = reader.array("log id")?;
        let timestamp = UnixMillis::new(u64::from_be_bytes(reader.array("timestamp")?));
        let extensions = reader.vector_u16("extensions")?.to_vec();
        let found = reader.array("signature algorithm")?;
        if found != SHA256_ECDSA {
            return Err(SctError::Algorithm { found });
        }
        let signature = reader.vector_u16("signature")?.to_vec();
        reader.finish("sct")?;
        Ok(Self {
            log_id,
            timestamp,
            extensions,
            signature,
        })
    }

    /// What the log signed: the promise about this entry.
    ///
    /// # Errors
    ///
    /// [`SctError::TooLong`]: entry or extensions do not fit into their length.
    pub fn signed_bytes(&self, entry: &CtEntry<'_>) -> Result<Vec<u8>, SctError> {
        entry.signed_bytes(self.timestamp, &self.extensions)
    }

    /// Checks that the log with this key made the promise about this entry. When it was made, and
    /// whether the log is to be trusted, is for the caller to judge.
    ///
    /// # Errors
    ///
    /// [`SctError`]: the key is not ECDSA on P-256, the promise is another log's, or the
    /// signature does not verify.
    pub fn verify(&self, entry: &CtEntry<'_>, log_key: &PublicKey) -> Result<(), SctError> {
        if log_key.kind() != KeyKind::EcdsaP256 {
            let found = log_key.kind();
            return Err(SctError::Key { found });
        }
        let wanted = log_id(log_key.spki_der());
        if self.log_id != wanted {
            let found = self.log_id;
            return Err(SctError::LogId { found, wanted });
        }
        if self.signature.first() != Some(&tag::SEQUENCE) {
            return Err(SctError::SignatureForm);
        }
        let digest = Sha256::digest(self.signed_bytes(entry)?);
        log_key
            .verify_prehashed(HashAlgorithm::Sha256, &digest, &self.signature)
            .map_err(SctError::Signature)
    }
}

/// A log's id: SHA-256 of its key's `SubjectPublicKeyInfo`.
#[must_use]
pub fn log_id(spki_der: &[u8]) -> [u8; 32] {
    Sha256::digest(spki_der).into()
}

/// A list of promises, as a certificate's extension [`CT_SCT_LIST`](crate::cert::oids::CT_SCT_LIST)
/// holds it: inside an octet string of its own.
///
/// # Errors
///
/// [`SctError`]: none, more than [`SCT_COUNT_MAX`], or too long.
pub fn encode_list(scts: &[SignedCertificateTimestamp]) -> Result<Vec<u8>, SctError> {
    check_count(scts.len())?;
    let mut items = Vec::new();
    for sct in scts {
        append_u16("sct", &mut items, &sct.encode()?)?;
    }
    let mut list = Vec::new();
    append_u16("list", &mut list, &items)?;
    Ok(tlv(tag::OCTET_STRING, &list))
}

/// Reads the list of promises in a certificate's extension.
///
/// # Errors
///
/// [`SctError`]: not an octet string, none, more than [`SCT_COUNT_MAX`], or one that
/// [`SignedCertificateTimestamp::parse`] refuses.
pub fn parse_list(value: &[u8]) -> Result<Vec<SignedCertificateTimestamp>, SctError> {
    let list = <&der::asn1::OctetStringRef>::from_der(value).map_err(|error| SctError::Der {
        reason: error.to_string(),
    })?;
    let mut reader = Reader::new(list.as_bytes());
    let mut items = Reader::new(reader.vector_u16("list")?);
    reader.finish("list")?;
    let mut scts = Vec::new();
    while !items.is_empty() {
        check_count(scts.len().saturating_add(1))?;
        let item = items.vector_u16("sct")?;
        scts.push(SignedCertificateTimestamp::parse(item)?);
    }
    check_count(scts.len())?;
    Ok(scts)
}

/// Why a promise could not be read or written, or is not one about this entry by this log.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SctError {
    /// The extension is not an octet string.
    #[error("list of scts is not an octet string: {reason}")]
    Der {
        /// What the parser met.
        reason: String,
    },
    /// The bytes end too soon.
    #[error("cut off inside the {field}")]
    CutOff {
        /// Where.
        field: &'static str,
    },
    /// There is more behind it.
    #[error("{count} bytes after the {what}")]
    Trailing {
        /// Behind what.
        what: &'static str,
        /// How many bytes.
        count: usize,
    },
    /// Longer than its length field can say.
    #[error("{what} of {found} bytes, at most {max} fit")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How long it is.
        found: usize,
        /// The most that fits.
        max: usize,
    },
    /// No promise in a list, or more than any certificate has.
    #[error("list of {found} scts, wanted 1 to {SCT_COUNT_MAX}")]
    Count {
        /// How many there are, at least.
        found: usize,
    },
    /// A version that is not known.
    #[error("sct version {found}, wanted 0 (which is called v1)")]
    Version {
        /// What was found.
        found: u8,
    },
    /// An algorithm other than ECDSA over SHA-256.
    #[error("sct signature algorithm {found:?}, wanted [4, 3]: ecdsa over sha-256")]
    Algorithm {
        /// Hash and signature, by their numbers in TLS 1.2.
        found: [u8; 2],
    },
    /// A log's key of another kind.
    #[error("the log's key is {found}, wanted ecdsa p-256")]
    Key {
        /// What it is.
        found: KeyKind,
    },
    /// A promise by another log.
    #[error("the sct is by log {}, wanted {}", hex(found), hex(wanted))]
    LogId {
        /// Which log it names.
        found: [u8; 32],
        /// The log whose key was given.
        wanted: [u8; 32],
    },
    /// A signature that is not DER.
    #[error("the sct's signature is not der")]
    SignatureForm,
    /// The signature is not one of this entry.
    #[error("the sct does not verify: {0}")]
    Signature(SignatureError),
}

fn check_count(found: usize) -> Result<(), SctError> {
    if (1..=SCT_COUNT_MAX).contains(&found) {
        return Ok(());
    }
    Err(SctError::Count { found })
}

/// Appends bytes behind a length of two.
pub(crate) fn append_u16(
    what: &'static str,
    out: &mut Vec<u8>,
    bytes: &[u8],
) -> Result<(), SctError> {
    let found = bytes.len();
    let max = usize::from(u16::MAX);
    let len = u16::try_from(found).map_err(|_| SctError::TooLong { what, found, max })?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
