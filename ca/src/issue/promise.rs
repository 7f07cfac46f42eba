//! A log's promise that has not left the process of the log.
//!
//! Whoever gets a promise from elsewhere has to check its signature. Here the log's own signer has
//! done so a moment ago, and the bytes that it signed are kept beside the promise: whether it is
//! about some certificate is a comparison.

use sigstore::sct::log_id;
use sigstore::{CtEntry, PublicKey, SctError, SignedCertificateTimestamp, UnixMillis};

use super::IssueError;
use crate::signer::{SignatureAlgorithm, Signer};

/// A promise that a log of this process has signed.
#[derive(Clone, Debug)]
pub struct OwnPromise {
    sct: SignedCertificateTimestamp,
    signed: Vec<u8>,
}

impl OwnPromise {
    /// Has a log sign these bytes, the leaf of an entry as the tree hashes it, which state this
    /// time and these extensions. Cost: one signature.
    ///
    /// # Errors
    ///
    /// [`IssueError`]: the log's key is of a kind that promises are not signed with, or signing
    /// failed.
    pub fn sign(
        log: &dyn Signer,
        timestamp: UnixMillis,
        extensions: &[u8],
        tree_leaf: Vec<u8>,
    ) -> Result<Self, IssueError> {
        if log.algorithm() != SignatureAlgorithm::EcdsaP256Sha256 {
            return Err(IssueError::LogAlgorithm {
                found: log.algorithm(),
            });
        }
        let sct = SignedCertificateTimestamp {
            log_id: log_id(log.public_key()),
            timestamp,
            extensions: extensions.to_vec(),
            signature: log.sign(&tree_leaf)?,
        };
        let signed = tree_leaf;
        Ok(Self { sct, signed })
    }

    /// The promise, for whoever will check it.
    #[must_use]
    pub fn into_sct(self) -> SignedCertificateTimestamp {
        self.sct
    }

    /// The promise, if the log with this key has made it about this entry.
    pub(super) fn about(
        self,
        entry: &CtEntry<'_>,
        log_key: &PublicKey,
    ) -> Result<SignedCertificateTimestamp, IssueError> {
        let (found, wanted) = (self.sct.log_id, log_id(log_key.spki_der()));
        if found != wanted {
            return Err(SctError::LogId { found, wanted }.into());
        }
        if self.sct.signed_bytes(entry)? != self.signed {
            return Err(IssueError::OtherPromise);
        }
        Ok(self.sct)
    }
}
