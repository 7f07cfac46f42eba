//! From submitted certificates to an entry: who may add to a certificate log.
//!
//! A log takes what leads to a root that it knows, because otherwise anybody could fill it. That is
//! all the check is for: dates, purposes and names are not looked at, and a certificate that breaks
//! rules is what a log is there to show.
//!
//! Each certificate is signed by the next, which is an authority's and has the name that the
//! signed one gives for its issuer. The last is a root that the log accepts, or signed by one.
//! Certificates that exist only to sign precertificates are refused, as static-ct-api allows.
//!
//! Not here: fetching, time, and what became of the entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use der::Decode as _;
use der::asn1::ObjectIdentifier;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};

use super::{CheckedIssuers, CtEntryError, Fingerprint, Logged};
use crate::cert::oids;
use crate::cert::view::{CertificateError, CertificateView};
use crate::public_key::PublicKeyError;

/// The most certificates of a submission, its root included.
pub const CHAIN_LEN_MAX: usize = 8;

/// The most roots of a log: a private one has a handful, over all the years.
pub const ROOT_COUNT_MAX: usize = 256;

/// The purpose of a certificate that signs nothing but precertificates (RFC 6962 section 3.1).
const PRECERTIFICATE_SIGNING: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.4");

/// The roots that a log accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptedRoots {
    by_subject: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    count: usize,
}

impl AcceptedRoots {
    /// Takes roots as DER. One that is given twice counts once.
    ///
    /// # Errors
    ///
    /// [`ChainError`]: one is not a certificate of an authority, or there are more than
    /// [`ROOT_COUNT_MAX`].
    pub fn new(roots: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, ChainError> {
        let mut accepted = Self::default();
        for (at, der) in roots.into_iter().enumerate() {
            let view = parse_certificate(at, &der)?;
            check_authority(at, &view)?;
            let subject = view.subject().to_vec();
            let same_name = accepted.by_subject.entry(subject).or_default();
            if same_name.contains(&der) {
                continue;
            }
            same_name.push(der);
            accepted.count = accepted.count.saturating_add(1);
            if accepted.count > ROOT_COUNT_MAX {
                return Err(ChainError::RootCount);
            }
        }
        Ok(accepted)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every root as DER, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.by_subject.values().flatten().map(Vec::as_slice)
    }

    pub(super) fn contains(&self, view: &CertificateView<'_>) -> bool {
        let same_name = self.by_subject.get(view.subject());
        same_name.is_some_and(|roots| roots.iter().any(|root| root == view.der()))
    }

    /// The root that signed a certificate.
    pub(super) fn issuer_of(&self, view: &CertificateView<'_>) -> Option<&[u8]> {
        let same_name = self.by_subject.get(view.issuer())?;
        let signed_it = |root: &&Vec<u8>| {
            let root = CertificateView::parse(root).ok();
            let key = root.and_then(|root| root.public_key().ok());
            key.is_some_and(|key| view.verify_signed_by(&key).is_ok())
        };
        same_name.iter().find(signed_it).map(Vec::as_slice)
    }
}

/// By which of the two ways certificates were submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmittedAs {
    /// `add-chain`.
    Certificate,
    /// `add-pre-chain`.
    Precertificate,
}

/// A certificate that leads to an accepted root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmittedChain {
    submitted_as: SubmittedAs,
    certificate: Vec<u8>,
    issuers: Arc<CheckedIssuers>,
    tbs: Vec<u8>,
}

impl SubmittedChain {
    /// Checks what was submitted, the root last, which may have been left out.
    ///
    /// Cost: a signature for each certificate, about 0.1 ms.
    ///
    /// # Errors
    ///
    /// [`ChainError`] says which certificate, counted from 0, and what about it.
    pub fn check(
        submitted_as: SubmittedAs,
        certificates: Vec<Vec<u8>>,
        roots: &AcceptedRoots,
    ) -> Result<Self, ChainError> {
        let (certificate, above) = split(certificates)?;
        let issuers = if above.is_empty() {
            CheckedIssuers::root_of(&certificate, roots)?
        } else {
            CheckedIssuers::check(above, roots)?
        };
        Self::below(submitted_as, certificate, Arc::new(issuers))
    }

    /// Checks what was submitted below certificates that are known to lead to a root.
    ///
    /// Cost: one signature.
    ///
    /// # Errors
    ///
    /// As [`SubmittedChain::check`], of the first certificate.
    pub fn below(
        submitted_as: SubmittedAs,
        certificate: Vec<u8>,
        issuers: Arc<CheckedIssuers>,
    ) -> Result<Self, ChainError> {
        let view = parse_certificate(0, &certificate)?;
        check_kind(submitted_as, &view)?;
        issuers.check_signed(&view)?;
        let tbs = view.tbs_without(oids::CT_POISON);
        Ok(Self {
            submitted_as,
            certificate,
            issuers,
            tbs,
        })
    }

    /// The certificates above the submitted one.
    #[must_use]
    pub const fn issuers(&self) -> &Arc<CheckedIssuers> {
        &self.issuers
    }

    /// What is logged.
    #[must_use]
    pub fn logged(&self) -> Logged<'_> {
        let der = &self.certificate;
        match self.submitted_as {
            SubmittedAs::Certificate => Logged::Certificate { der },
            SubmittedAs::Precertificate => Logged::Precertificate {
                der,
                issuer_key_hash: self.issuers.key_hash(),
                tbs: &self.tbs,
            },
        }
    }
}

/// Parts what was submitted into the certificate and those above it, of which there may be none.
///
/// # Errors
///
/// [`ChainError::Count`]: there are none at all, or too many.
pub fn split(mut certificates: Vec<Vec<u8>>) -> Result<(Vec<u8>, Vec<Vec<u8>>), ChainError> {
    let found = certificates.len();
    if !(1..=CHAIN_LEN_MAX).contains(&found) {
        return Err(ChainError::Count { found });
    }
    let certificate = certificates.remove(0);
    Ok((certificate, certificates))
}

/// SHA-256 of a certificate.
#[must_use]
pub fn fingerprint(der: &[u8]) -> Fingerprint {
    Sha256::digest(der).into()
}

pub(super) fn parse_certificate(at: usize, der: &[u8]) -> Result<CertificateView<'_>, ChainError> {
    CertificateView::parse(der).map_err(|source| ChainError::Certificate { at, source })
}

/// A precertificate is poisoned, and by nothing else is it told from a certificate.
fn check_kind(
    submitted_as: SubmittedAs,
    submitted: &CertificateView<'_>,
) -> Result<(), ChainError> {
    let has_poison = submitted.extension(oids::CT_POISON).is_some();
    match submitted_as {
        SubmittedAs::Certificate if has_poison => Err(ChainError::Poisoned),
        SubmittedAs::Precertificate if !submitted.is_poisoned() => Err(ChainError::NotPoisoned),
        _ => Ok(()),
    }
}

pub(super) fn check_authority(at: usize, view: &CertificateView<'_>) -> Result<(), ChainError> {
    let constraints = view.extension(oids::BASIC_CONSTRAINTS);
    let constraints = constraints.and_then(|e| BasicConstraints::from_der(e.value).ok());
    if !constraints.is_some_and(|constraints| constraints.ca) {
        return Err(ChainError::NotAnAuthority { at });
    }
    let purposes = view.extension(oids::EXTENDED_KEY_USAGE);
    let purposes = purposes.and_then(|e| ExtendedKeyUsage::from_der(e.value).ok());
    if purposes.is_some_and(|purposes| purposes.0.contains(&PRECERTIFICATE_SIGNING)) {
        return Err(ChainError::PrecertificateSigner { at });
    }
    Ok(())
}

/// Why certificates are not taken. Places in the chain are counted from 0, the submitted one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// None, or too many.
    #[error("chain of {found} certificates, wanted 1 to {CHAIN_LEN_MAX}")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// Nothing but a root that the log knows already.
    #[error("the chain is an accepted root alone; put the certificate it signed in front")]
    RootAlone,
    /// Too many roots are configured.
    #[error("more than {ROOT_COUNT_MAX} roots")]
    RootCount,
    /// A certificate that is malformed, or not signed by the next.
    #[error("certificate {at} of the chain: {source}")]
    Certificate {
        /// Which one.
        at: usize,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// A key that no signature can be checked with.
    #[error("certificate {at} of the chain: {source}")]
    Key {
        /// Which one.
        at: usize,
        /// What is wrong with the key.
        source: PublicKeyError,
    },
    /// The next certificate is not the issuer's.
    #[error(
        "certificate {at} of the chain is not by the next: names differ; order them leaf first"
    )]
    Names {
        /// Which one.
        at: usize,
    },
    /// Not the certificate of an authority.
    #[error("certificate {at} of the chain may not sign: it is not an authority's")]
    NotAnAuthority {
        /// Which one.
        at: usize,
    },
    /// An authority that signs precertificates alone.
    #[error(
        "certificate {at} of the chain signs precertificates only, which this log does not take; \
         have the issuer sign them itself"
    )]
    PrecertificateSigner {
        /// Which one.
        at: usize,
    },
    /// No accepted root signed the last certificate.
    #[error(
        "certificate {at}, the last of the chain, is neither an accepted root nor signed by one; \
         get-roots lists them"
    )]
    NoRoot {
        /// Which one.
        at: usize,
    },
    /// A precertificate, submitted as a certificate.
    #[error("the certificate is poisoned; submit a precertificate to add-pre-chain")]
    Poisoned,
    /// A certificate, submitted as a precertificate.
    #[error("the precertificate has no critical poison; submit a certificate to add-chain")]
    NotPoisoned,
    /// The entry is too large.
    #[error(transparent)]
    Entry(#[from] CtEntryError),
}

#[cfg(test)]
mod tests;
