//! `[[issuer]]` of `cairn.toml`, as it is written.
//!
//! ```toml
//! [[issuer]]
//! preset = "github"
//! [[issuer.allow]]
//! owner = "acme"
//! ref = ["refs/heads/main", "refs/tags/v*"]
//! ```
//!
//! Not here: whether the settings make sense together (`build`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::rule::Wanted;
use crate::identity::Preset;

/// The audience that every Sigstore client asks for.
const AUDIENCE_DEFAULT: &str = "sigstore";

/// One `[[issuer]]`, of which nothing is checked but names and types.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSection {
    /// What kind of issuer it is.
    pub preset: Preset,
    /// The token's `iss`, byte for byte; `*` stands for a name. Some presets know theirs.
    pub url: Option<String>,
    /// Whom tokens must be for.
    #[serde(default = "audience_default")]
    pub audience: String,
    /// Which tokens may have certificates: any rule lets a token in that fits all its claims.
    #[serde(default)]
    pub allow: Vec<BTreeMap<String, Wanted>>,
    /// The certificates, a PEM file, by which the issuer is known; those of the system if absent.
    pub ca_file: Option<String>,
    /// Whether the issuer may send whoever reads its keys to private addresses.
    #[serde(default)]
    pub private_addresses: bool,
    /// Where the pages of a CI server are, if not where the issuer is. `github-enterprise` and
    /// `gitlab`.
    pub web_url: Option<String>,
    /// The domain of user names (`username`), or scheme and host of subjects (`uri`).
    pub subject_domain: Option<String>,
    /// The trust domain of `spiffe`.
    pub trust_domain: Option<String>,
    /// The claim that names who vouches for an address, for issuers that pass on what others
    /// said. `email`.
    pub issuer_claim: Option<String>,
    /// Whether addresses are taken without `email_verified`. `email`.
    #[serde(default)]
    pub skip_email_verification: bool,
    /// The template of the subject. `template`.
    pub subject: Option<String>,
    /// Templates of extensions, by the names that Fulcio gives them. `template`.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
    /// Texts for claims that a token may lack. `template`.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
}

impl IssuerSection {
    /// A section with a preset and its defaults, and nothing else.
    #[must_use]
    pub fn new(preset: Preset) -> IssuerSection {
        IssuerSection {
            preset,
            url: None,
            audience: audience_default(),
            allow: Vec::new(),
            ca_file: None,
            private_addresses: false,
            web_url: None,
            subject_domain: None,
            trust_domain: None,
            issuer_claim: None,
            skip_email_verification: false,
            subject: None,
            extensions: BTreeMap::new(),
            defaults: BTreeMap::new(),
        }
    }

    /// Settings that belong to some presets only: whether each is there, and to which.
    pub(super) fn special_settings(&self) -> [(&'static str, bool, &'static [Preset]); 8] {
        use Preset::{Email, GithubEnterprise, Gitlab, Spiffe, Template, Uri, Username};
        [
            (
                "web_url",
                self.web_url.is_some(),
                &[GithubEnterprise, Gitlab],
            ),
            (
                "subject_domain",
                self.subject_domain.is_some(),
                &[Username, Uri],
            ),
            ("trust_domain", self.trust_domain.is_some(), &[Spiffe]),
            ("issuer_claim", self.issuer_claim.is_some(), &[Email]),
            (
                "skip_email_verification",
                self.skip_email_verification,
                &[Email],
            ),
            ("subject", self.subject.is_some(), &[Template]),
            ("extensions", !self.extensions.is_empty(), &[Template]),
            ("defaults", !self.defaults.is_empty(), &[Template]),
        ]
    }
}

fn audience_default() -> String {
    AUDIENCE_DEFAULT.to_owned()
}
