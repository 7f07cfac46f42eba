//! The timestamp authority: says, by RFC 3161, when it has seen a digest.
//!
//! A token is believed for decades, and by it alone a certificate of ten minutes stays good. So a
//! token is only made at a [`TrustedTime`], which only a [`ClockGuard`] gives, and only while the
//! authority's own certificates are valid.
//!
//! Serial numbers are random, 158 bits. A counter would have to be durable before each answer, and
//! a directory restored from an old copy would count from where it was; of random numbers no two
//! are ever the same without anything being kept.
//!
//! Not here: the formats (`sigstore::timestamp_token`), HTTP, reading clocks and asking others for
//! the time.

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use sigstore::timestamp_token::{
    Accuracy, ChainError, FailureInfo, GenTime, Rejection, RequestError, SerialNumber,
    TimestampChain, TimestampPolicy, TimestampRequest, TimestampResponse, TokenError,
    TokenSignature, TokenTemplate, TstInfo,
};
use thiserror::Error;

use crate::signer::{SignatureAlgorithm, Signer, SignerError};

pub use certificates::{AuthorityNames, issue_authority, issue_root};
pub use clock::{ClockGuard, ClockReading, ClockRefusal, Quorum, TrustedTime};

mod certificates;
mod clock;

/// A timestamp authority: its key, its certificates and its policy.
#[derive(Debug)]
pub struct TimestampAuthority {
    signer: Arc<dyn Signer>,
    chain: TimestampChain,
    template: TokenTemplate,
    policy: TimestampPolicy,
}

/// Why an authority cannot be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The chain is not one of a timestamp authority.
    #[error("timestamp authority's chain: {0}")]
    Chain(#[from] ChainError),
    /// Clients want a root that is not the authority itself.
    #[error("timestamp authority's chain has one certificate, some clients want its root as well")]
    NoRoot,
    /// The first certificate is for another key.
    #[error("timestamp authority's certificate is for another key than the one that signs")]
    OtherKey,
    /// Not every client takes such signatures.
    #[error("timestamp authority signs with {found}, not every client takes that: wanted ecdsa")]
    Algorithm {
        /// How its key signs.
        found: SignatureAlgorithm,
    },
    /// No certificate could be signed, or no number made.
    #[error("timestamp authority's certificate: {0}")]
    Signer(#[from] SignerError),
    /// The system has no randomness.
    #[error("no random serial number: the system gives no randomness")]
    Random,
    /// A time that no certificate can name.
    #[error("timestamp authority's certificate would be valid past the year 9999")]
    Validity,
}

/// Why no timestamp is given.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampRefusal {
    /// The request is not understood or asks for what is never given.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The request insists on another policy.
    #[error("unaccepted policy {found}, this authority works by {wanted}")]
    Policy {
        /// What was asked for.
        found: TimestampPolicy,
        /// The authority's own.
        wanted: TimestampPolicy,
    },
    /// The clock is not to be trusted now.
    #[error(transparent)]
    Clock(#[from] ClockRefusal),
    /// The authority's certificates are not valid now.
    #[error("the timestamp authority cannot sign now: {0}")]
    Certificate(TokenError),
    /// The system has no randomness.
    #[error("no random serial number: the system gives no randomness")]
    Random,
    /// The key could not be used.
    #[error("the timestamp authority's key: {0}")]
    Signer(#[from] SignerError),
}

impl TimestampRefusal {
    /// A name for programs that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            TimestampRefusal::Request(RequestError::WeakHash { .. }) => "weak-hash",
            TimestampRefusal::Request(RequestError::UnknownHash { .. }) => "unknown-hash",
            TimestampRefusal::Request(RequestError::Extensions) => "extensions",
            TimestampRefusal::Request(RequestError::TooLong { .. }) => "too-long",
            TimestampRefusal::Request(_) => "bad-request",
            TimestampRefusal::Policy { .. } => "policy",
            TimestampRefusal::Clock(_) => "clock",
            TimestampRefusal::Certificate(_) => "certificate",
            TimestampRefusal::Random | TimestampRefusal::Signer(_) => "signer",
        }
    }

    /// Whether the request is at fault; otherwise the same one may be granted later.
    #[must_use]
    pub const fn is_callers_fault(&self) -> bool {
        matches!(
            self,
            TimestampRefusal::Request(_) | TimestampRefusal::Policy { .. }
        )
    }

    /// The refusal in the words of RFC 3161. What is the authority's own trouble is told by its
    /// kind only.
    #[must_use]
    pub fn rejection(&self) -> Rejection {
        let (failure, text) = match self {
            TimestampRefusal::Request(error) => (error.failure(), error.to_string()),
            TimestampRefusal::Policy { .. } => (FailureInfo::UnacceptedPolicy, self.to_string()),
            TimestampRefusal::Clock(_) => {
                let text = "the clock is not to be trusted at the moment, try again later";
                (FailureInfo::TimeNotAvailable, text.to_owned())
            }
            TimestampRefusal::Certificate(_)
            | TimestampRefusal::Random
            | TimestampRefusal::Signer(_) => {
                let text = "the authority cannot sign at the moment, try again later";
                (FailureInfo::SystemFailure, text.to_owned())
            }
        };
        Rejection::new(failure, text)
    }
}

impl TimestampAuthority {
    /// An authority that signs with this key under these certificates, DER, its own first and its
    /// root last. Checks that they fit each other and the key.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: a chain that no client would accept, a certificate for another key, or
    /// a key that is not ECDSA.
    pub fn new<T: AsRef<[u8]>>(
        signer: Arc<dyn Signer>,
        certificates: &[T],
        policy: TimestampPolicy,
    ) -> Result<TimestampAuthority, AuthorityError> {
        let signature = token_signature(signer.algorithm())?;
        let chain = TimestampChain::parse_der(certificates)?;
        let [first, _, ..] = certificates else {
            return Err(AuthorityError::NoRoot);
        };
        if chain.key().spki_der() != signer.public_key() {
            return Err(AuthorityError::OtherKey);
        }
        Ok(TimestampAuthority {
            template: TokenTemplate::new(first.as_ref(), signature)?,
            signer,
            chain,
            policy,
        })
    }

    /// The certificates, the authority's own first.
    #[must_use]
    pub const fn chain(&self) -> &TimestampChain {
        &self.chain
    }

    /// The policy that is named in each token.
    #[must_use]
    pub const fn policy(&self) -> TimestampPolicy {
        self.policy
    }

    /// Answers a request: a whole `TimeStampResp` with a token in it. The same serial number must
    /// never be used twice, see [`random_serial_number`].
    ///
    /// Cost: one signature and the check of it.
    ///
    /// # Errors
    ///
    /// [`TimestampRefusal`]: another policy, certificates that are not valid now, or the signer.
    pub fn answer(
        &self,
        request: &TimestampRequest,
        now: TrustedTime,
        serial_number: SerialNumber,
    ) -> Result<Vec<u8>, TimestampRefusal> {
        if let Some(found) = request.policy.filter(|policy| *policy != self.policy) {
            let wanted = self.policy;
            return Err(TimestampRefusal::Policy { found, wanted });
        }
        // Whole seconds, rounded down: some clients read nothing finer. The accuracy covers that.
        let gen_time = GenTime::from_seconds(now.get().seconds()).ok_or(ClockRefusal::Year)?;
        self.chain
            .check_valid_at(&gen_time)
            .map_err(TimestampRefusal::Certificate)?;
        let statement = TstInfo {
            policy: self.policy,
            imprint: request.imprint.clone(),
            serial_number,
            gen_time,
            accuracy: Some(Accuracy::ONE_SECOND),
            ordering: false,
            nonce: request.nonce.clone(),
            tsa_name: Some(self.template.tsa_name().to_vec()),
        };
        let unsigned = self.template.prepare(&statement, request.wants_certificate);
        let signature = self.signer.sign(unsigned.signed_bytes())?;
        Ok(TimestampResponse::granted_der(&unsigned.finish(&signature)))
    }
}

/// A serial number that was never used and never will be.
///
/// # Errors
///
/// [`TimestampRefusal::Random`] if the system gives no randomness.
pub fn random_serial_number() -> Result<SerialNumber, TimestampRefusal> {
    let mut random = [0; 20];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| TimestampRefusal::Random)?;
    Ok(SerialNumber::from_random(random))
}

/// ECDSA only: sigstore-js knows no other signature in tokens.
const fn token_signature(found: SignatureAlgorithm) -> Result<TokenSignature, AuthorityError> {
    match found {
        SignatureAlgorithm::EcdsaP256Sha256 => Ok(TokenSignature::EcdsaSha256),
        SignatureAlgorithm::EcdsaP384Sha384 => Ok(TokenSignature::EcdsaSha384),
        SignatureAlgorithm::RsaPkcs1Sha256 => Err(AuthorityError::Algorithm { found }),
    }
}

#[cfg(test)]
mod tests;
