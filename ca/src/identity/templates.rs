//! Principals by template: the form of every CI preset, and of an operator's own.

use std::collections::BTreeMap;

use sigstore::cert::extensions::{ExtensionField, FulcioExtensions};
use sigstore::cert::san::SubjectAltName;

use super::template::{RenderError, Template, Values};
use super::{Principal, common, san_uri};
use crate::error::{Refusal, excerpt};
use crate::oidc::Claims;

/// How a token of a CI system becomes a principal.
#[derive(Clone, Debug)]
pub(crate) struct Templates {
    /// The subject, which becomes a URI.
    pub(crate) subject: Template,
    /// Extensions beside those that every certificate has.
    pub(crate) extensions: Vec<(ExtensionField, Template)>,
    /// Texts for claims that a token may lack.
    pub(crate) defaults: BTreeMap<String, String>,
}

/// The templates of a preset, as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltIn {
    pub(super) subject: &'static str,
    pub(super) extensions: &'static [(ExtensionField, &'static str)],
    pub(super) defaults: &'static [(&'static str, &'static str)],
}

impl Templates {
    /// Those of a preset, with the address of the CI system's pages as `.url`.
    ///
    /// # Panics
    ///
    /// If a preset's template is wrong, which the tests of this crate would have found.
    pub(super) fn built_in(source: BuiltIn, web_url: Option<&str>) -> Templates {
        let parse = |text| Template::parse(text).expect("the templates of presets are right");
        let extensions = source.extensions.iter();
        let defaults = source.defaults.iter().copied();
        let url = web_url.map(|url| ("url", url));
        Templates {
            subject: parse(source.subject),
            extensions: extensions
                .map(|(field, text)| (*field, parse(text)))
                .collect(),
            defaults: defaults
                .chain(url)
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
        }
    }

    pub(super) fn principal(&self, claims: &Claims, issuer: &str) -> Result<Principal, Refusal> {
        let defaults = &self.defaults;
        let values = Values { claims, defaults };
        let refused = |error| refusal(issuer, error);
        let subject = self.subject.render_without_gaps(values).map_err(refused)?;
        let uri = san_uri::normalized(&subject).map_err(|wanted| Refusal::ClaimInvalid {
            issuer: issuer.to_owned(),
            claim: "(subject by template)".to_owned(),
            found: excerpt(&subject),
            wanted: wanted.to_owned(),
        })?;
        let mut extensions = FulcioExtensions::new();
        for (field, template) in &self.extensions {
            extensions.set(*field, template.render(values).map_err(refused)?);
        }
        common::principal(claims, issuer, SubjectAltName::Uri(uri), extensions)
    }
}

fn refusal(issuer: &str, error: RenderError) -> Refusal {
    let issuer = issuer.to_owned();
    let invalid = |claim, found: &str, wanted: &str| Refusal::ClaimInvalid {
        issuer: issuer.clone(),
        claim,
        found: found.to_owned(),
        wanted: wanted.to_owned(),
    };
    match error {
        RenderError::Missing(claim) => Refusal::ClaimMissing { issuer, claim },
        RenderError::NotText(claim) => {
            invalid(claim, "a list or an object", "text, a number or a boolean")
        }
        RenderError::TooLong => invalid("(several)".to_owned(), "too long", "shorter texts"),
    }
}
