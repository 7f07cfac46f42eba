//! Who is believed: the table of issuers, and which of their tokens may have certificates.
//!
//! An issuer is found by the exact `iss` of a token: first among those without a wildcard, then
//! among the others, each in the order of the configuration. One URL may have several sections
//! with different audiences.
//!
//! Not here: whether a token is genuine (`oidc`), and what name it becomes (`identity`).
//!
//! Invariant: outside the dev profile, every issuer in a table uses TLS or is on this machine, and
//! none gives certificates to everybody: who has an account at a public service must also fit a
//! rule that pins the tenant.
//!
//! ```
//! use ca::{IssuerSection, IssuerTable, Profile};
//!
//! let open: IssuerSection = toml::from_str("preset = 'github'")?;
//! let refused = IssuerTable::new(&[open], Profile::Production).unwrap_err();
//! assert!(refused.problem.starts_with("missing, so everybody on GitHub could get certificates"));
//!
//! let ours: IssuerSection = toml::from_str("preset = 'github'\nallow = [{ owner = 'acme' }]")?;
//! let table = IssuerTable::new(&[ours], Profile::Production)?;
//! assert_eq!(table.find("https://token.actions.githubusercontent.com").len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod pattern;
mod rule;
mod section;
mod tenancy;

use thiserror::Error;

pub use rule::{Wanted, WantedValue};
pub use section::IssuerSection;

use crate::error::Refusal;
use crate::identity::{Preset, Principal, Source};
use crate::oidc::Claims;
use pattern::Pattern;
use rule::Rule;

/// The most issuers that can be configured.
pub const ISSUER_COUNT_MAX: usize = 1000;

/// What a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Other people trust what is signed.
    Production,
    /// Nobody does: issuers need no rules and no TLS.
    Dev,
}

/// An issuer that is believed.
#[derive(Clone, Debug)]
pub struct Issuer {
    preset: Preset,
    url: Pattern,
    audience: String,
    source: Source,
    rules: Vec<Rule>,
    ca_file: Option<String>,
    has_private_addresses: bool,
}

impl Issuer {
    /// Its URL, with `*` where there is a wildcard.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Whether its URL has a wildcard, so that it is many issuers.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.url.has_wildcard()
    }

    /// Whether it is, or stands for, the issuer with that `iss`.
    #[must_use]
    pub fn fits(&self, issuer: &str) -> bool {
        issuer.len() <= pattern::PATTERN_LEN_BYTES_MAX && self.url.matches(issuer)
    }

    /// Whom its tokens must be for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The file with the certificates by which it is known, if not by those of the system.
    #[must_use]
    pub fn ca_file(&self) -> Option<&str> {
        self.ca_file.as_deref()
    }

    /// Whether its documents may be at private addresses although its URL does not name them.
    #[must_use]
    pub fn has_private_addresses(&self) -> bool {
        self.has_private_addresses
    }

    /// What kind of issuer it is.
    #[must_use]
    pub fn preset(&self) -> Preset {
        self.preset
    }

    /// The claim that clients sign to prove that they have their key.
    #[must_use]
    pub fn challenge_claim(&self) -> &'static str {
        match self.source {
            Source::Email(_) => "email",
            _ => "sub",
        }
    }

    /// The trust domain of a SPIFFE issuer.
    #[must_use]
    pub fn trust_domain(&self) -> Option<&str> {
        match &self.source {
            Source::Spiffe { trust_domain } => Some(trust_domain),
            _ => None,
        }
    }

    /// The domain of user names, or scheme and host of URIs.
    #[must_use]
    pub fn subject_domain(&self) -> Option<&str> {
        match &self.source {
            Source::Username { domain } | Source::Uri { domain } => Some(domain),
            _ => None,
        }
    }

    /// Whether addresses are taken that the issuer does not call verified.
    #[must_use]
    pub fn skips_email_verification(&self) -> bool {
        matches!(&self.source, Source::Email(email) if email.skip_verification)
    }

    /// Whom a certificate for these claims would name.
    pub(crate) fn principal(&self, claims: &Claims) -> Result<Principal, Refusal> {
        self.source.principal(claims, issuer_of(claims))
    }

    /// The rule that lets these claims in, from 1; none if there are no rules.
    pub(crate) fn admit(&self, claims: &Claims) -> Result<Option<usize>, Refusal> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let issuer = issuer_of(claims);
        let admitted = rule::admit(&self.rules, claims, &self.source, issuer);
        admitted.map(Some).map_err(|rules| Refusal::NotAllowed {
            issuer: issuer.to_owned(),
            rules,
        })
    }
}

/// The exact issuer, which the section may only have a pattern for.
fn issuer_of(claims: &Claims) -> &str {
    claims.string("iss").unwrap_or_default()
}

/// Every issuer that is believed.
#[derive(Clone, Debug, Default)]
pub struct IssuerTable {
    issuers: Vec<Issuer>,
}

impl IssuerTable {
    /// Makes a table of what `cairn.toml` says.
    ///
    /// # Errors
    ///
    /// [`IssuerConfigError`] names the section, the setting, what is wrong and what to do.
    pub fn new(
        sections: &[IssuerSection],
        profile: Profile,
    ) -> Result<IssuerTable, IssuerConfigError> {
        let issuers = build::issuers(sections, profile)?;
        Ok(IssuerTable { issuers })
    }

    /// Every issuer, in the order of the configuration.
    #[must_use]
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The sections for a token's `iss`: those with exactly this URL, or else those whose wildcard
    /// fits it.
    #[must_use]
    pub fn find(&self, issuer: &str) -> Vec<&Issuer> {
        let exact = |one: &&Issuer| !one.has_wildcard() && one.url() == issuer;
        let found: Vec<&Issuer> = self.issuers.iter().filter(exact).collect();
        if !found.is_empty() || issuer.len() > pattern::PATTERN_LEN_BYTES_MAX {
            return found;
        }
        let fits = |one: &&Issuer| one.has_wildcard() && one.url.matches(issuer);
        self.issuers.iter().filter(fits).collect()
    }
}

/// Why a section was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("[[issuer]] number {number} ({name}): {key}: {problem}")]
pub struct IssuerConfigError {
    /// Which section, from 1.
    pub number: usize,
    /// Its URL, or its preset if it has none.
    pub name: String,
    /// The setting.
    pub key: &'static str,
    /// What was found, what was wanted and what to do.
    pub problem: String,
}

#[cfg(test)]
mod tests;
