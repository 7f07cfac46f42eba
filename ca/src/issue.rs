//! Issuing a certificate, in two steps with a log between them (RFC 6962 section 3.1).
//!
//! ```text
//! precertify   key and name -> to-be-signed part; with poison, signed: the precertificate
//!    ...       the caller has the log take it, and gets a promise
//! finish       promise checked; in the poison's place, signed again: the certificate
//! ```
//!
//! A certificate that no log has promised to show cannot come out: there is no other way to make a
//! [`IssuedCertificate`]. What is handed out is read again first, as a verifier will: the part that
//! the log promised must come out of the certificate byte for byte, and the promise must hold for
//! it. A fault between the two steps is found here, not at a verifier.
//!
//! The log is one of the same process, and no signature is checked twice: that a [`Precertificate`]
//! is signed by its issuer, and an [`OwnPromise`] by its log, is what those types say, for each is
//! made with a signer, which has checked the signature, and in no other way. What remains to be
//! compared are the bytes that they are about.
//!
//! [`PendingCertificate`] keeps the signer and the chain that it began with, so a change of keys
//! in between cannot mix two authorities.

use std::sync::Arc;

use sigstore::cert::profile::assemble;
use sigstore::cert::{
    CertificateError, CertificateView, LeafProfile, LeafTbs, ProfileError, SerialNumber, Validity,
    oids,
};
use sigstore::ct_entry::Logged;
use sigstore::pem;
use sigstore::sct::parse_list;
use sigstore::{
    FulcioExtensions, PublicKey, SctError, SignedCertificateTimestamp, SubjectAltName, UnixSeconds,
};
use thiserror::Error;

use crate::chain::CertificateChain;
use crate::challenge::CheckedKey;
use crate::signer::{SignatureAlgorithm, Signer, SignerError};

pub use promise::OwnPromise;

mod promise;

/// How long a certificate is valid: long enough to sign once.
pub const VALIDITY_SECONDS: u64 = 600;

/// An authority: a chain, and the key of its issuing certificate.
#[derive(Clone, Debug)]
pub struct CertificateAuthority {
    signer: Arc<dyn Signer>,
    chain: Arc<CertificateChain>,
}

/// What goes into one certificate.
#[derive(Clone, Copy, Debug)]
pub struct CertificateRequest<'a> {
    /// Whom it is for.
    pub san: &'a SubjectAltName,
    /// What else the ID token said.
    pub extensions: &'a FulcioExtensions,
    /// The key, whose possession was proven.
    pub key: &'a CheckedKey,
    /// When it begins to be valid.
    pub now: UnixSeconds,
    /// Its number, which never repeats.
    pub serial: SerialNumber,
}

impl CertificateAuthority {
    /// An authority of a chain and a key.
    ///
    /// # Errors
    ///
    /// [`IssueError::OtherKey`]: the key is not that of the issuing certificate.
    pub fn new(signer: Arc<dyn Signer>, chain: CertificateChain) -> Result<Self, IssueError> {
        if signer.public_key() != chain.public_key().spki_der() {
            return Err(IssueError::OtherKey);
        }
        let chain = Arc::new(chain);
        Ok(Self { signer, chain })
    }

    /// The authority's own certificates.
    #[must_use]
    pub fn chain(&self) -> &CertificateChain {
        &self.chain
    }

    /// The first step: the precertificate, signed. Cost: one signature.
    ///
    /// # Errors
    ///
    /// [`IssueError`]: the chain is not valid for as long as the certificate would be, the
    /// certificate cannot be written, or signing failed.
    pub fn precertify(
        &self,
        request: &CertificateRequest<'_>,
    ) -> Result<PendingCertificate, IssueError> {
        let validity = Validity {
            not_before: request.now,
            not_after: request.now.plus_seconds(VALIDITY_SECONDS),
        };
        self.check_validity(validity)?;
        let leaf = LeafProfile {
            serial: request.serial,
            signature_algorithm: self.signer.algorithm(),
            issuer_name: self.chain.subject(),
            issuer_key_id: self.chain.key_id(),
            validity,
            public_key: request.key.public_key(),
            san: request.san,
            extensions: request.extensions,
        }
        .to_tbs()?;
        let precertificate = Precertificate::sign(self, &leaf)?;
        Ok(PendingCertificate {
            signer: Arc::clone(&self.signer),
            leaf,
            precertificate,
        })
    }

    fn check_validity(&self, validity: Validity) -> Result<(), IssueError> {
        let (from, until) = (self.chain.not_before(), self.chain.not_after());
        if validity.not_before >= from && validity.not_after <= until {
            return Ok(());
        }
        let now = validity.not_before.get();
        let (from, until) = (from.get(), until.get());
        Err(IssueError::ChainValidity { now, from, until })
    }
}

/// A precertificate that an authority of this process has just made and read again.
#[derive(Clone, Debug)]
pub struct Precertificate {
    chain: Arc<CertificateChain>,
    der: Vec<u8>,
    /// Its to-be-signed part without poison.
    tbs: Vec<u8>,
}

impl Precertificate {
    fn sign(authority: &CertificateAuthority, leaf: &LeafTbs) -> Result<Self, IssueError> {
        let (signer, poisoned) = (authority.signer.as_ref(), leaf.poisoned());
        let algorithm = signer.algorithm();
        let signature = signer.sign(&poisoned)?;
        let der = assemble(&poisoned, algorithm, &signature);
        let view = CertificateView::parse(&der)?;
        let as_signed = view.tbs() == poisoned && view.signature() == signature;
        let tbs = leaf.logged();
        if !as_signed || !view.is_poisoned() || view.tbs_without(oids::CT_POISON) != tbs {
            return Err(IssueError::NotWhatIsLogged);
        }
        let chain = Arc::clone(&authority.chain);
        Ok(Self { chain, der, tbs })
    }

    /// The authority's chain, whose first certificate's key signed it.
    #[must_use]
    pub fn chain(&self) -> &CertificateChain {
        &self.chain
    }

    /// What a log keeps of it.
    #[must_use]
    pub fn logged(&self) -> Logged<'_> {
        Logged::Precertificate {
            der: &self.der,
            issuer_key_hash: self.chain.issuer_key_hash(),
            tbs: &self.tbs,
        }
    }
}

/// A certificate that waits for a log's promise.
#[derive(Clone, Debug)]
pub struct PendingCertificate {
    signer: Arc<dyn Signer>,
    leaf: LeafTbs,
    precertificate: Precertificate,
}

impl PendingCertificate {
    /// What is to be logged.
    #[must_use]
    pub const fn precertificate(&self) -> &Precertificate {
        &self.precertificate
    }

    /// The second step: checks whose promise it is and about what, and signs the certificate that
    /// holds it. Cost: one signature.
    ///
    /// # Errors
    ///
    /// [`IssueError`]: the promise is not one of this log about this certificate, signing failed,
    /// or what came out is not what was logged.
    pub fn finish(
        self,
        promise: OwnPromise,
        ct_log_key: &PublicKey,
    ) -> Result<IssuedCertificate, IssueError> {
        let Precertificate { chain, tbs, .. } = &self.precertificate;
        let entry = self.precertificate.logged().entry();
        let scts = [promise.about(&entry, ct_log_key)?];
        let leaf = sign(self.signer.as_ref(), &self.leaf.with_scts(&scts)?)?;
        check_final(&leaf, tbs, &scts)?;
        let above = chain.certificates().iter().cloned();
        let chain = std::iter::once(leaf).chain(above).collect();
        Ok(IssuedCertificate { chain })
    }
}

/// A certificate that a log has promised to show, with the chain above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    chain: Vec<Vec<u8>>,
}

impl IssuedCertificate {
    /// The certificates as DER, leaf first and root last.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The certificates as PEM without a newline at their ends, as Fulcio answers them.
    #[must_use]
    pub fn chain_pem(&self) -> Vec<String> {
        let pem = self.chain.iter().map(|der| pem::encode_certificate(der));
        pem.map(|text| text.trim_end().to_owned()).collect()
    }
}

/// Why no certificate was issued.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// The key is not that of the issuing certificate.
    #[error("the authority's key is not that of its issuing certificate, which is the first one")]
    OtherKey,
    /// The authority's chain is not valid for as long as the certificate would be.
    #[error("now is {now}, but the authority's chain is valid from {from} until {until}")]
    ChainValidity {
        /// When the certificate would begin.
        now: u64,
        /// When the chain begins.
        from: u64,
        /// When the chain ends.
        until: u64,
    },
    /// The certificate cannot be written.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Signing failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The log's promise is not one of the log that certificates are to show.
    #[error("the log's promise is refused: {0}")]
    Sct(#[from] SctError),
    /// A log that cannot make promises.
    #[error("the log signs with {found}, promises are signed with ecdsa on p-256")]
    LogAlgorithm {
        /// How its key signs.
        found: SignatureAlgorithm,
    },
    /// The log's promise is about something else.
    #[error("the log's promise is about another certificate, or says what the log did not sign")]
    OtherPromise,
    /// What was written cannot be read again.
    #[error("what was written is no certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// What was written is not what the log promised.
    #[error("what was written is not what is logged, so it was thrown away")]
    NotWhatIsLogged,
}

fn sign(signer: &dyn Signer, tbs: &[u8]) -> Result<Vec<u8>, IssueError> {
    Ok(assemble(tbs, signer.algorithm(), &signer.sign(tbs)?))
}

/// Reads a certificate as a verifier will: without its promises it is what was logged.
fn check_final(
    leaf: &[u8],
    logged: &[u8],
    scts: &[SignedCertificateTimestamp],
) -> Result<(), IssueError> {
    let view = CertificateView::parse(leaf)?;
    let list = view.extension(oids::CT_SCT_LIST);
    let list = list.ok_or(IssueError::NotWhatIsLogged)?;
    let same = view.tbs_without(oids::CT_SCT_LIST) == logged && parse_list(list.value)? == scts;
    if same {
        return Ok(());
    }
    Err(IssueError::NotWhatIsLogged)
}

#[cfg(test)]
mod tests;
