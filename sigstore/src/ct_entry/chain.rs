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

use der::Decode as _;
use der::asn1::ObjectIdentifier;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tiles::LeafIndex;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};

use super::{CtEntryError, Fingerprint, Logged, TileLeaf};
use crate::cert::oids;
use crate::cert::view::{CertificateError, CertificateView};
use crate::public_key::PublicKeyError;
use crate::time::UnixMillis;

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

    fn contains(&self, view: &CertificateView<'_>) -> bool {
        let same_name = self.by_subject.get(view.subject());
        same_name.is_some_and(|roots| roots.iter().any(|root| root == view.der()))
    }

    /// The root that signed a certificate.
    fn issuer_of(&self, view: &CertificateView<'_>) -> Option<&[u8]> {
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

/// Certificates that lead to an accepted root, the submitted one first, the root last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmittedChain {
    submitted_as: SubmittedAs,
    /// Two at least.
    certificates: Vec<Vec<u8>>,
    issuer_key_hash: [u8; 32],
    tbs: Vec<u8>,
}

impl SubmittedChain {
    /// Checks what was submitted. The root may have been left out.
    ///
    /// Cost: a signature for each certificate, about 0.1 ms.
    ///
    /// # Errors
    ///
    /// [`ChainError`] says which certificate, counted from 0, and what about it.
    pub fn check(
        submitted_as: SubmittedAs,
        mut certificates: Vec<Vec<u8>>,
        roots: &AcceptedRoots,
    ) -> Result<Self, ChainError> {
        if certificates.is_empty() || certificates.len() > CHAIN_LEN_MAX {
            let found = certificates.len();
            return Err(ChainError::Count { found });
        }
        if let Some(root) = missing_root(&certificates, roots)? {
            certificates.push(root);
        }
        let views: Result<Vec<_>, ChainError> = certificates
            .iter()
            .enumerate()
            .map(|(at, der)| parse_certificate(at, der))
            .collect();
        let views = views?;
        let [submitted, issuer, ..] = views.as_slice() else {
            return Err(ChainError::RootAlone);
        };
        check_kind(submitted_as, submitted)?;
        for (at, (signed, by)) in views.iter().zip(views.iter().skip(1)).enumerate() {
            check_link(at, signed, by)?;
        }
        let issuer_key_hash = Sha256::digest(issuer.spki()).into();
        let tbs = submitted.tbs_without(oids::CT_POISON);
        Ok(Self {
            submitted_as,
            certificates,
            issuer_key_hash,
            tbs,
        })
    }

    /// The certificates above the submitted one, the root last.
    #[must_use]
    pub fn issuers(&self) -> &[Vec<u8>] {
        self.certificates.get(1..).unwrap_or_default()
    }

    /// What is logged.
    #[must_use]
    pub fn logged(&self) -> Logged<'_> {
        let der = self.certificates.first().map(Vec::as_slice);
        let der = der.unwrap_or_default();
        match self.submitted_as {
            SubmittedAs::Certificate => Logged::Certificate { der },
            SubmittedAs::Precertificate => Logged::Precertificate {
                der,
                issuer_key_hash: self.issuer_key_hash,
                tbs: &self.tbs,
            },
        }
    }

    /// The leaf at this place and time.
    #[must_use]
    pub fn leaf(&self, index: LeafIndex, timestamp: UnixMillis) -> TileLeaf<'_> {
        TileLeaf {
            timestamp,
            index,
            logged: self.logged(),
            issuers: self.issuers().iter().map(|der| fingerprint(der)).collect(),
        }
    }
}

/// SHA-256 of a certificate.
#[must_use]
pub fn fingerprint(der: &[u8]) -> Fingerprint {
    Sha256::digest(der).into()
}

/// The root that was left out at the end, if it was.
fn missing_root(
    certificates: &[Vec<u8>],
    roots: &AcceptedRoots,
) -> Result<Option<Vec<u8>>, ChainError> {
    let at = certificates.len().saturating_sub(1);
    let last = certificates.last().map(Vec::as_slice).unwrap_or_default();
    let last = parse_certificate(at, last)?;
    if roots.contains(&last) {
        return Ok(None);
    }
    match roots.issuer_of(&last) {
        Some(root) => Ok(Some(root.to_vec())),
        None => Err(ChainError::NoRoot { at }),
    }
}

fn parse_certificate(at: usize, der: &[u8]) -> Result<CertificateView<'_>, ChainError> {
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

/// Checks that the certificate at `at` is signed by the next.
fn check_link(
    at: usize,
    signed: &CertificateView<'_>,
    by: &CertificateView<'_>,
) -> Result<(), ChainError> {
    let above = at.saturating_add(1);
    if signed.issuer() != by.subject() {
        return Err(ChainError::Names { at });
    }
    check_authority(above, by)?;
    let key = by
        .public_key()
        .map_err(|source| ChainError::Key { at: above, source })?;
    signed
        .verify_signed_by(&key)
        .map_err(|source| ChainError::Certificate { at, source })
}

fn check_authority(at: usize, view: &CertificateView<'_>) -> Result<(), ChainError> {
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
