//! The checks by name: what was found when one held, what was wanted when one did not.

use std::fmt;

use thiserror::Error;

/// One check of a bundle. Its code never changes; more checks may be added.
///
/// They are listed in the order in which they are made. Of several entries, [`Check::LogKnown`] and
/// [`Check::LogPromise`] are made one entry after the other, and so are those from
/// [`Check::LogInclusion`] to [`Check::LogValidity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Check {
    /// The bundle has the kind of signer that the policy asks for.
    SignerMaterial,
    /// The certificate is a signer's: purpose, usage, one name, an issuer.
    CertificateProfile,
    /// The digest that the bundle mentions is the artifact's.
    MessageDigest,
    /// An entry is by a log that is trusted.
    LogKnown,
    /// A log's promise about an entry, and the time in it.
    LogPromise,
    /// A timestamp is by an authority that is trusted, about this signature, and of its time.
    Timestamp,
    /// There is at least one time at which the signature is known to have existed.
    SigningTime,
    /// The certificate leads to an authority that is trusted.
    CertificatePath,
    /// Certificate, path and authority were valid at every signing time.
    CertificateValidity,
    /// A certificate log that is trusted promised to show the certificate.
    CertificateLogged,
    /// The token of the signer came from the issuer that the policy wants.
    IdentityIssuer,
    /// The certificate is for the name that the policy wants.
    IdentityName,
    /// There is an entry of a log, or the policy goes without.
    LogEntry,
    /// The log's proof leads from the entry to the root hash.
    LogInclusion,
    /// The root hash is that of a checkpoint which the log signed.
    LogCheckpoint,
    /// Enough witnesses saw that checkpoint.
    LogWitnesses,
    /// A log that gave no time itself was trusted at a signing time.
    LogValidity,
    /// The signature is by the signer's key over the artifact or envelope.
    Signature,
    /// The statement in the envelope is about the artifact.
    StatementSubject,
    /// The entry is about this signature, this signer and this artifact.
    EntryBinding,
}

impl Check {
    /// Every check, in the order in which they are made of a bundle with one entry.
    pub const ALL: [Check; 20] = [
        Check::SignerMaterial,
        Check::CertificateProfile,
        Check::MessageDigest,
        Check::LogKnown,
        Check::LogPromise,
        Check::Timestamp,
        Check::SigningTime,
        Check::CertificatePath,
        Check::CertificateValidity,
        Check::CertificateLogged,
        Check::IdentityIssuer,
        Check::IdentityName,
        Check::LogEntry,
        Check::LogInclusion,
        Check::LogCheckpoint,
        Check::LogWitnesses,
        Check::LogValidity,
        Check::Signature,
        Check::StatementSubject,
        Check::EntryBinding,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Check::SignerMaterial => "signer-material",
            Check::CertificateProfile => "certificate-profile",
            Check::MessageDigest => "message-digest",
            Check::LogKnown => "log-known",
            Check::LogPromise => "log-promise",
            Check::Timestamp => "timestamp",
            Check::SigningTime => "signing-time",
            Check::CertificatePath => "certificate-path",
            Check::CertificateValidity => "certificate-validity",
            Check::CertificateLogged => "certificate-logged",
            Check::IdentityIssuer => "identity-issuer",
            Check::IdentityName => "identity-name",
            Check::LogEntry => "log-entry",
            Check::LogInclusion => "log-inclusion",
            Check::LogCheckpoint => "log-checkpoint",
            Check::LogWitnesses => "log-witnesses",
            Check::LogValidity => "log-validity",
            Check::Signature => "signature",
            Check::StatementSubject => "statement-subject",
            Check::EntryBinding => "entry-binding",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A check that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Which check.
    pub check: Check,
    /// What was found, in words.
    pub found: String,
}

/// A check that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which check.
    pub check: Check,
    /// What is wrong, in words.
    pub reason: String,
    /// What was wanted, where that is one thing.
    pub wanted: Option<String>,
    /// What was found in its place.
    pub found: Option<String>,
}

impl Failed {
    pub(super) fn new(check: Check, reason: impl fmt::Display) -> Failed {
        Failed {
            check,
            reason: reason.to_string(),
            wanted: None,
            found: None,
        }
    }

    #[must_use]
    pub(super) fn wanted(mut self, wanted: impl fmt::Display) -> Failed {
        self.wanted = Some(wanted.to_string());
        self
    }

    #[must_use]
    pub(super) fn found(mut self, found: impl fmt::Display) -> Failed {
        self.found = Some(found.to_string());
        self
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.reason)?;
        if let Some(found) = &self.found {
            write!(f, ", found {found}")?;
        }
        if let Some(wanted) = &self.wanted {
            write!(f, ", wanted {wanted}")?;
        }
        Ok(())
    }
}

/// A bundle was not verified: the first check that did not hold, and those before it that did.
/// Nothing is checked behind the first failure.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{failed}")]
pub struct Refused {
    /// The check that did not hold.
    pub failed: Failed,
    /// The checks that held before.
    pub passed: Vec<Passed>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_all_different_and_in_order() {
        let codes: BTreeSet<_> = Check::ALL.iter().map(|check| check.code()).collect();
        assert_eq!(codes.len(), Check::ALL.len());
        assert!(Check::ALL.is_sorted());
    }

    #[test]
    fn a_failure_says_what_was_found_and_wanted() {
        let failed = Failed::new(Check::IdentityName, "another name");
        assert_eq!(failed.to_string(), "identity-name: another name");
        let failed = failed.found("\"a\"").wanted("\"b\"");
        let text = "identity-name: another name, found \"a\", wanted \"b\"";
        assert_eq!(failed.to_string(), text);
    }
}
