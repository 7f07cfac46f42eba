//! The certificates above a submitted one, checked up to a root.
//!
//! They are the same for nearly every submission, so a log may remember them: what is checked here
//! depends on the certificates and the accepted roots alone, never on what they have signed.
//!
//! Invariant: a [`CheckedIssuers`] has one certificate at least, each is an authority's and signed
//! by the next, and the last is an accepted root.

use sha2::{Digest as _, Sha256};

use super::Fingerprint;
use super::chain::{
    AcceptedRoots, CHAIN_LEN_MAX, ChainError, check_authority, fingerprint, parse_certificate,
};
use crate::cert::view::CertificateView;
use crate::public_key::PublicKey;

/// Certificates that lead to an accepted root, which is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedIssuers {
    certificates: Vec<Vec<u8>>,
    fingerprints: Vec<Fingerprint>,
    /// Of the first one.
    subject: Vec<u8>,
    key: PublicKey,
    key_hash: [u8; 32],
}

impl CheckedIssuers {
    /// Checks the certificates above a submitted one, of which the root may have been left out.
    ///
    /// Cost: a signature for each but the root.
    ///
    /// # Errors
    ///
    /// [`ChainError`] says which, counted from the submitted one, which is 0.
    pub fn check(
        mut certificates: Vec<Vec<u8>>,
        roots: &AcceptedRoots,
    ) -> Result<Self, ChainError> {
        let at = certificates.len();
        let Some(last) = certificates.last().filter(|_| at < CHAIN_LEN_MAX) else {
            let found = at.saturating_add(1);
            return Err(ChainError::Count { found });
        };
        let last = parse_certificate(at, last)?;
        if !roots.contains(&last) {
            let root = roots.issuer_of(&last).ok_or(ChainError::NoRoot { at })?;
            certificates.push(root.to_vec());
        }
        let views = (1..).zip(&certificates);
        let views: Result<Vec<_>, ChainError> = views
            .map(|(at, der)| Ok((at, parse_certificate(at, der)?)))
            .collect();
        let views = views?;
        let (first, key) = check_links(&views)?;
        Ok(Self {
            subject: first.subject().to_vec(),
            key_hash: Sha256::digest(first.spki()).into(),
            key,
            fingerprints: certificates.iter().map(|der| fingerprint(der)).collect(),
            certificates,
        })
    }

    /// The root that signed a certificate which came alone.
    ///
    /// # Errors
    ///
    /// [`ChainError`]: it is a root itself, or no accepted root signed it.
    pub fn root_of(certificate: &[u8], roots: &AcceptedRoots) -> Result<Self, ChainError> {
        let view = parse_certificate(0, certificate)?;
        if roots.contains(&view) {
            return Err(ChainError::RootAlone);
        }
        let root = roots.issuer_of(&view).ok_or(ChainError::NoRoot { at: 0 })?;
        Self::check(vec![root.to_vec()], roots)
    }

    /// The certificates as DER, the root last.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// Their fingerprints, in the same order.
    #[must_use]
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.fingerprints
    }

    /// SHA-256 of the first one's key, as a promise names who issues.
    #[must_use]
    pub const fn key_hash(&self) -> [u8; 32] {
        self.key_hash
    }

    /// Checks that the first of them signed a certificate.
    pub(super) fn check_signed(&self, view: &CertificateView<'_>) -> Result<(), ChainError> {
        check_link(0, view, &self.subject, &self.key)
    }
}

/// Each one with its place in the submission.
type Placed<'a> = (usize, CertificateView<'a>);

/// Checks each by the next, from the root down; gives the first, and its key.
fn check_links<'a, 'b>(
    views: &'b [Placed<'a>],
) -> Result<(&'b CertificateView<'a>, PublicKey), ChainError> {
    let mut below: Option<(&CertificateView<'_>, PublicKey)> = None;
    for (at, view) in views.iter().rev() {
        check_authority(*at, view)?;
        if let Some((by, key)) = below {
            check_link(*at, view, by.subject(), &key)?;
        }
        let key = view.public_key();
        let key = key.map_err(|source| ChainError::Key { at: *at, source })?;
        below = Some((view, key));
    }
    below.ok_or(ChainError::Count { found: 1 })
}

/// Checks that the certificate at `at` was signed by that name and key.
fn check_link(
    at: usize,
    signed: &CertificateView<'_>,
    by: &[u8],
    key: &PublicKey,
) -> Result<(), ChainError> {
    if signed.issuer() != by {
        return Err(ChainError::Names { at });
    }
    let verified = signed.verify_signed_by(key);
    verified.map_err(|source| ChainError::Certificate { at, source })
}
