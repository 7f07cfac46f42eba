//! From an issuer's claims to the name in a certificate: a small file for each source.
//!
//! What a source makes of a token is what Sigstore's public CA makes of it, byte for byte, because
//! verification policies are written against those names. CI systems are templates; the sources
//! of people, machines and workloads are code, because each has a check of its own.
//!
//! Not here: whether the token is genuine (`oidc`) and whether its holder may come in (`issuers`).
//!
//! Invariant: no two tokens that an issuer would tell apart share a subject because something in
//! it was empty; every certificate names the issuer and the token's `sub`.

mod buildkite;
mod circleci;
mod codefresh;
mod common;
pub(crate) mod email;
mod github;
mod gitlab;
mod kubernetes;
pub(crate) mod san_uri;
pub(crate) mod spiffe;
pub mod template;
pub(crate) mod templates;
mod uri;
mod username;

use std::fmt;

use serde::Deserialize;
use sigstore::{FulcioExtensions, SubjectAltName};

use crate::error::Refusal;
use crate::oidc::Claims;
use email::Email;
use templates::{BuiltIn, Templates};

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The certificate's one name.
    pub san: SubjectAltName,
    /// What else the certificate says of them.
    pub extensions: FulcioExtensions,
    /// What they sign to prove that they have their key: their email address, or `sub`.
    pub proof_subject: String,
    /// The other of the two, if the token has both. Many clients sign the address whenever there
    /// is one.
    pub proof_alternative: Option<String>,
}

impl Principal {
    /// Every text that a proof of possession may be over. Which of them it is makes no difference:
    /// it shows that the key is there, and the token shows all else.
    #[must_use]
    pub fn proof_subjects(&self) -> Vec<&str> {
        let alternative = self.proof_alternative.as_deref();
        std::iter::once(self.proof_subject.as_str())
            .chain(alternative)
            .collect()
    }
}

/// The kinds of issuer that can be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// GitHub Actions on github.com.
    Github,
    /// GitHub Actions of a GitHub Enterprise server, or of one enterprise on github.com.
    GithubEnterprise,
    /// GitLab CI, on gitlab.com or elsewhere.
    Gitlab,
    /// Google accounts.
    Google,
    /// Service accounts of a Kubernetes cluster.
    Kubernetes,
    /// Buildkite.
    Buildkite,
    /// Codefresh.
    Codefresh,
    /// `CircleCI`.
    Circleci,
    /// SPIFFE workloads.
    Spiffe,
    /// Any issuer of email addresses.
    Email,
    /// Any issuer of user names.
    Username,
    /// Any issuer of URIs.
    Uri,
    /// Anything else: subject and extensions by template.
    Template,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Preset; 13] = [
        Preset::Github,
        Preset::GithubEnterprise,
        Preset::Gitlab,
        Preset::Google,
        Preset::Kubernetes,
        Preset::Buildkite,
        Preset::Codefresh,
        Preset::Circleci,
        Preset::Spiffe,
        Preset::Email,
        Preset::Username,
        Preset::Uri,
        Preset::Template,
    ];

    /// Its name in `cairn.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Preset::Github => "github",
            Preset::GithubEnterprise => "github-enterprise",
            Preset::Gitlab => "gitlab",
            Preset::Google => "google",
            Preset::Kubernetes => "kubernetes",
            Preset::Buildkite => "buildkite",
            Preset::Codefresh => "codefresh",
            Preset::Circleci => "circleci",
            Preset::Spiffe => "spiffe",
            Preset::Email => "email",
            Preset::Username => "username",
            Preset::Uri => "uri",
            Preset::Template => "template",
        }
    }

    /// The preset of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// The issuer, where there is but one.
    #[must_use]
    pub const fn default_url(self) -> Option<&'static str> {
        match self {
            Preset::Github => Some("https://token.actions.githubusercontent.com"),
            Preset::Gitlab => Some("https://gitlab.com"),
            Preset::Google => Some("https://accounts.google.com"),
            Preset::Buildkite => Some("https://agent.buildkite.com"),
            Preset::Codefresh => Some("https://oidc.codefresh.io"),
            _ => None,
        }
    }

    /// The issuer's type in the words of Fulcio's API.
    #[must_use]
    pub const fn fulcio_type(self) -> &'static str {
        match self {
            Preset::Google | Preset::Email => "email",
            Preset::Kubernetes => "kubernetes",
            Preset::Spiffe => "spiffe",
            Preset::Username => "username",
            Preset::Uri => "uri",
            _ => "ci-provider",
        }
    }

    /// The claim behind a short name that rules may use for it.
    pub(crate) fn claim_of_rule(self, name: &str) -> &str {
        match (self, name) {
            (Preset::Github | Preset::GithubEnterprise, "owner") => "repository_owner",
            (Preset::Gitlab, "owner") => "namespace_path",
            (Preset::Kubernetes, "namespace") => kubernetes::NAMESPACE,
            (Preset::Kubernetes, "service_account") => kubernetes::SERVICE_ACCOUNT,
            _ => name,
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the tokens of one issuer become principals.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Email(Email),
    Username { domain: String },
    Uri { domain: String },
    Spiffe { trust_domain: String },
    Kubernetes,
    Templates(Box<Templates>),
}

impl Source {
    /// The source of a CI preset, its pages at `web_url`; none if it is not one by template.
    pub(crate) fn of_ci(preset: Preset, web_url: Option<&str>) -> Option<Source> {
        let (templates, web_url): (BuiltIn, _) = match preset {
            Preset::Github | Preset::GithubEnterprise => {
                (github::TEMPLATES, web_url.or(Some(github::WEB_URL)))
            }
            Preset::Gitlab => (gitlab::TEMPLATES, web_url),
            Preset::Buildkite => (buildkite::TEMPLATES, web_url.or(Some(buildkite::WEB_URL))),
            Preset::Codefresh => (codefresh::TEMPLATES, None),
            Preset::Circleci => (circleci::TEMPLATES, None),
            _ => return None,
        };
        let templates = Templates::built_in(templates, web_url);
        Some(Source::Templates(Box::new(templates)))
    }

    pub(crate) fn principal(&self, claims: &Claims, issuer: &str) -> Result<Principal, Refusal> {
        match self {
            Source::Email(email) => email.principal(claims, issuer),
            Source::Username { domain } => username::principal(domain, claims, issuer),
            Source::Uri { domain } => uri::principal(domain, claims, issuer),
            Source::Spiffe { trust_domain } => spiffe::principal(trust_domain, claims, issuer),
            Source::Kubernetes => kubernetes::principal(claims, issuer),
            Source::Templates(templates) => templates.principal(claims, issuer),
        }
    }

    /// The email settings under which rules may read an address.
    pub(crate) fn email(&self) -> Email {
        match self {
            Source::Email(email) => email.clone(),
            _ => Email::default(),
        }
    }
}

#[cfg(test)]
mod tests;
