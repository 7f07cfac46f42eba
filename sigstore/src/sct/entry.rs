//! What a log promises: a certificate, or what will become one (RFC 6962 sections 3.1, 3.2, 3.4).

use super::{SctError, append_u16};
use crate::time::UnixMillis;

/// The entry of a certificate log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtEntry<'a> {
    /// A certificate, as it is.
    X509 {
        /// Its DER.
        cert: &'a [u8],
    },
    /// A precertificate.
    Precert {
        /// SHA-256 of the `SubjectPublicKeyInfo` of the certificate that issues it.
        issuer_key_hash: [u8; 32],
        /// The to-be-signed part of the certificate, without poison and without promises.
        tbs: &'a [u8],
    },
}

impl CtEntry<'_> {
    /// The entry with its time: `TimestampedEntry`, the second half of a leaf.
    ///
    /// # Errors
    ///
    /// [`SctError::TooLong`]: entry or extensions do not fit into their length.
    pub fn timestamped(
        &self,
        timestamp: UnixMillis,
        extensions: &[u8],
    ) -> Result<Vec<u8>, SctError> {
        let mut out = timestamp.get().to_be_bytes().to_vec();
        match self {
            Self::X509 { cert } => {
                out.extend_from_slice(&X509_ENTRY.to_be_bytes());
                append_u24("certificate", &mut out, cert)?;
            }
            Self::Precert {
                issuer_key_hash,
                tbs,
            } => {
                out.extend_from_slice(&PRECERT_ENTRY.to_be_bytes());
                out.extend_from_slice(issuer_key_hash);
                append_u24("to-be-signed part", &mut out, tbs)?;
            }
        }
        append_u16("extensions", &mut out, extensions)?;
        Ok(out)
    }

    /// What a log signs for its promise, which is also the `MerkleTreeLeaf`.
    ///
    /// # Errors
    ///
    /// [`SctError::TooLong`]: entry or extensions do not fit into their length.
    pub fn signed_bytes(
        &self,
        timestamp: UnixMillis,
        extensions: &[u8],
    ) -> Result<Vec<u8>, SctError> {
        let mut out = vec![VERSION_1, FIRST_TYPE];
        out.extend(self.timestamped(timestamp, extensions)?);
        Ok(out)
    }
}

const VERSION_1: u8 = 0;
/// `certificate_timestamp` in what is signed, `timestamped_entry` in a leaf.
const FIRST_TYPE: u8 = 0;
const X509_ENTRY: u16 = 0;
const PRECERT_ENTRY: u16 = 1;
/// What three bytes of length can say.
const U24_MAX: usize = (1 << 24) - 1;

/// Appends bytes behind a length of three.
pub(crate) fn append_u24(
    what: &'static str,
    out: &mut Vec<u8>,
    bytes: &[u8],
) -> Result<(), SctError> {
    let found = bytes.len();
    let too_long = SctError::TooLong {
        what,
        found,
        max: U24_MAX,
    };
    let len = u32::try_from(found).map_err(|_| too_long.clone())?;
    let [0, a, b, c] = len.to_be_bytes() else {
        return Err(too_long);
    };
    out.extend_from_slice(&[a, b, c]);
    out.extend_from_slice(bytes);
    Ok(())
}
