//! The authority's own certificates: the one that issues, and those above it up to the root.
//!
//! Every verifier has to build a path through them, each with rules of its own. A chain that loads
//! here keeps the rules of them all (RFC 5280 section 6, and what Sigstore's clients add), so a
//! mistake shows when the server starts and not when somebody verifies:
//!
//! - each certificate is an authority's, critically so, may sign certificates, and lies within the
//!   validity of the one above it, which signed it;
//! - whatever purposes are named include signing code, and an intermediate names it; a purpose is
//!   not critical, which sigstore-python insists on;
//! - keys are ECDSA or RSA, one sort throughout: some clients know but one;
//! - the issuing certificate has a subject key identifier, which every leaf repeats.
//!
//! Invariant: a [`CertificateChain`] keeps these rules and ends with a self-signed certificate.

use der::Decode;
use sha2::{Digest as _, Sha256};
use sigstore::cert::{CertificateError, CertificateView, oids};
use sigstore::pem::{self, PemError};
use sigstore::{KeyKind, PublicKey, PublicKeyError, UnixSeconds};
use spki::ObjectIdentifier;
use thiserror::Error;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};

pub use make::{Issuer, MakeError, NewCertificate, random_serial_number};

mod make;

/// The most certificates of a chain: a root and several intermediates.
pub const CHAIN_LEN_MAX: usize = 5;

/// The certificates of an authority that were checked, issuing first and root last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    certificates: Vec<Vec<u8>>,
    subject: Vec<u8>,
    key_id: Vec<u8>,
    public_key: PublicKey,
    not_before: UnixSeconds,
    not_after: UnixSeconds,
}

impl CertificateChain {
    /// Reads a chain from PEM, issuing certificate first, and checks it.
    ///
    /// # Errors
    ///
    /// [`ChainError`] names the first rule that is broken, and by which certificate.
    pub fn from_pem(text: &[u8]) -> Result<Self, ChainError> {
        Self::from_der(pem::parse_certificates(text, CHAIN_LEN_MAX)?)
    }

    /// Checks a chain, issuing certificate first.
    ///
    /// # Errors
    ///
    /// [`ChainError`] names the first rule that is broken, and by which certificate.
    pub fn from_der(certificates: Vec<Vec<u8>>) -> Result<Self, ChainError> {
        let found = certificates.len();
        if !(1..=CHAIN_LEN_MAX).contains(&found) {
            return Err(ChainError::Length { found });
        }
        let mut links = Vec::new();
        for (position, der) in certificates.iter().enumerate() {
            links.push(Link::parse(position, der)?);
        }
        for (position, link) in links.iter().enumerate() {
            link.check_alone(found)?;
            // The root is above itself.
            let above = links.get(position.saturating_add(1)).unwrap_or(link);
            link.check_against(above)?;
        }
        let issuing = links.first().ok_or(ChainError::Length { found })?;
        let key_id = issuing.own_key_id.clone().ok_or(ChainError::NoKeyId)?;
        Ok(Self {
            subject: issuing.view.subject().to_vec(),
            key_id,
            public_key: issuing.key.clone(),
            not_before: issuing.view.not_before(),
            not_after: issuing.view.not_after(),
            certificates,
        })
    }

    /// The certificates as DER, issuing first and root last.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The certificates as PEM, in the same order.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let certificates = self.certificates.iter();
        certificates
            .map(|der| pem::encode_certificate(der))
            .collect()
    }

    /// The name of the issuing certificate, DER.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The subject key identifier of the issuing certificate.
    #[must_use]
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// The key of the issuing certificate.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// SHA-256 of the issuing certificate's `SubjectPublicKeyInfo`, as a log's promise has it.
    #[must_use]
    pub fn issuer_key_hash(&self) -> [u8; 32] {
        Sha256::digest(self.public_key.spki_der()).into()
    }

    /// The first moment at which every certificate of the chain is valid.
    #[must_use]
    pub const fn not_before(&self) -> UnixSeconds {
        self.not_before
    }

    /// The last moment at which every certificate of the chain is valid.
    #[must_use]
    pub const fn not_after(&self) -> UnixSeconds {
        self.not_after
    }
}

/// Why a chain was refused. Positions count from the issuing certificate, which is 0.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Empty, or longer than any chain should be.
    #[error("chain of {found} certificates, wanted 1 to {CHAIN_LEN_MAX}")]
    Length {
        /// How many there are.
        found: usize,
    },
    /// One is no certificate, or was not signed by the one above it.
    #[error("certificate {position}: {error}")]
    Certificate {
        /// Which one.
        position: usize,
        /// What is wrong.
        error: CertificateError,
    },
    /// One has a key that cannot be used.
    #[error("certificate {position}: {error}")]
    Key {
        /// Which one.
        position: usize,
        /// What is wrong.
        error: PublicKeyError,
    },
    /// An extension that is not what it should be.
    #[error("certificate {position}: extension {oid} is not well-formed")]
    Extension {
        /// Which certificate.
        position: usize,
        /// Which extension.
        oid: ObjectIdentifier,
    },
    /// A critical extension whose rules are not kept here.
    #[error("certificate {position}: critical extension {oid} is not known")]
    UnknownCritical {
        /// Which certificate.
        position: usize,
        /// Which extension.
        oid: ObjectIdentifier,
    },
    /// A rule that one certificate breaks by itself, or with the one above it.
    #[error("certificate {position}: {rule}")]
    Rule {
        /// Which certificate.
        position: usize,
        /// The rule.
        rule: &'static str,
    },
    /// The issuing certificate has no subject key identifier.
    #[error("certificate 0: no subject key identifier, which every certificate below repeats")]
    NoKeyId,
}

/// One certificate of a chain, with what its extensions say.
struct Link<'a> {
    position: usize,
    view: CertificateView<'a>,
    key: PublicKey,
    constraints: Option<BasicConstraints>,
    usage: Option<KeyUsage>,
    purposes: Option<ExtendedKeyUsage>,
    own_key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
}

impl<'a> Link<'a> {
    fn parse(position: usize, der: &'a [u8]) -> Result<Self, ChainError> {
        let view = CertificateView::parse(der)
            .map_err(|error| ChainError::Certificate { position, error })?;
        let key = view
            .public_key()
            .map_err(|error| ChainError::Key { position, error })?;
        let own: Option<SubjectKeyIdentifier> =
            decode(position, &view, oids::SUBJECT_KEY_IDENTIFIER)?;
        let issuers: Option<AuthorityKeyIdentifier> =
            decode(position, &view, oids::AUTHORITY_KEY_IDENTIFIER)?;
        let issuers = issuers.and_then(|issuers| issuers.key_identifier);
        Ok(Self {
            position,
            key,
            constraints: decode(position, &view, oids::BASIC_CONSTRAINTS)?,
            usage: decode(position, &view, oids::KEY_USAGE)?,
            purposes: decode(position, &view, oids::EXTENDED_KEY_USAGE)?,
            own_key_id: own.map(|id| id.0.as_bytes().to_vec()),
            issuer_key_id: issuers.map(|id| id.as_bytes().to_vec()),
            view,
        })
    }

    /// The rules for one certificate of a chain of this length.
    fn check_alone(&self, chain_len: usize) -> Result<(), ChainError> {
        self.check_critical()?;
        let constraints = self.constraints.as_ref();
        let is_authority = constraints.is_some_and(|constraints| constraints.ca);
        self.rule(is_authority, "not the certificate of an authority")?;
        let critical = self.is_critical(oids::BASIC_CONSTRAINTS);
        self.rule(critical, "basic constraints are not critical")?;
        let room = constraints.and_then(|constraints| constraints.path_len_constraint);
        let fits = room.is_none_or(|room| usize::from(room) >= self.position);
        self.rule(
            fits,
            "more authorities below it than its path length allows",
        )?;
        let may_sign = self.usage.as_ref().is_some_and(KeyUsage::key_cert_sign);
        self.rule(may_sign, "key usage does not include signing certificates")?;
        let purposes = self.purposes.as_ref();
        let for_code = purposes.is_none_or(|purposes| purposes.0.contains(&oids::CODE_SIGNING));
        self.rule(for_code, "purposes do not include code signing")?;
        let is_root = self.position.saturating_add(1) == chain_len;
        self.rule(
            is_root || purposes.is_some(),
            "an intermediate without purposes",
        )
    }

    /// The rules for a certificate and the one above it. The root is above itself.
    fn check_against(&self, above: &Self) -> Result<(), ChainError> {
        let position = self.position;
        let named = self.view.issuer() == above.view.subject();
        self.rule(
            named,
            "its issuer is not the subject of the next certificate",
        )?;
        let key_ids = (&self.issuer_key_id, &above.own_key_id);
        let same_key = !matches!(key_ids, (Some(wanted), Some(found)) if wanted != found);
        self.rule(
            same_key,
            "it names another key of its issuer than the next certificate has",
        )?;
        let same_sort = is_rsa(&self.key) == is_rsa(&above.key);
        self.rule(same_sort, "rsa and ecdsa keys in one chain")?;
        let within = self.view.not_before() >= above.view.not_before()
            && self.view.not_after() <= above.view.not_after();
        self.rule(within, "it is valid when the next certificate is not")?;
        self.view
            .verify_signed_by(&above.key)
            .map_err(|error| ChainError::Certificate { position, error })
    }

    /// Extensions may be critical only if their rules are kept here, and purposes not at all.
    fn check_critical(&self) -> Result<(), ChainError> {
        let known = [oids::KEY_USAGE, oids::BASIC_CONSTRAINTS];
        let mut critical = self.view.extensions().iter().filter(|e| e.critical);
        match critical.find(|e| !known.contains(&e.oid)) {
            None => Ok(()),
            Some(extension) if extension.oid == oids::EXTENDED_KEY_USAGE => self.rule(
                false,
                "purposes are critical, which sigstore-python refuses",
            ),
            Some(extension) => Err(ChainError::UnknownCritical {
                position: self.position,
                oid: extension.oid,
            }),
        }
    }

    fn is_critical(&self, oid: ObjectIdentifier) -> bool {
        self.view.extension(oid).is_some_and(|e| e.critical)
    }

    const fn rule(&self, kept: bool, rule: &'static str) -> Result<(), ChainError> {
        let position = self.position;
        if kept {
            return Ok(());
        }
        Err(ChainError::Rule { position, rule })
    }
}

fn decode<'a, T: Decode<'a>>(
    position: usize,
    view: &CertificateView<'a>,
    oid: ObjectIdentifier,
) -> Result<Option<T>, ChainError> {
    let Some(extension) = view.extension(oid) else {
        return Ok(None);
    };
    let value = T::from_der(extension.value);
    value
        .map(Some)
        .map_err(|_| ChainError::Extension { position, oid })
}

fn is_rsa(key: &PublicKey) -> bool {
    matches!(key.kind(), KeyKind::Rsa { .. })
}

#[cfg(test)]
pub(crate) mod tests;
