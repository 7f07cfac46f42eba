//! Issuers that give tokens to everybody, and which claims tell their tenants apart.
//!
//! A certificate of a private CA must not be had by whoever has an account at GitHub. So a section
//! for such an issuer needs rules, and each rule must pin the tenant: `ref = "refs/heads/main"`
//! alone is everybody's main branch, and `repository = "*/app"` everybody's app.

use super::pattern::Pattern;
use super::rule::{Rule, Want};
use crate::identity::Preset;
use crate::identity::san_uri::Uri;

/// Claims that belong to one tenant, and how a pattern for them pins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tenants {
    /// Who the tenants are, in the words of an error.
    pub(super) everybody: &'static str,
    /// By what a rule pins one.
    pub(super) claims: &'static [&'static str],
}

const GITHUB: Tenants = Tenants {
    everybody: "everybody on GitHub",
    claims: &[
        "repository_owner",
        "repository_owner_id",
        "repository",
        "repository_id",
        "enterprise",
        "enterprise_id",
        "workflow_ref",
        "sub",
    ],
};
const GITLAB: Tenants = Tenants {
    everybody: "everybody on gitlab.com",
    claims: &[
        "namespace_path",
        "namespace_id",
        "project_path",
        "project_id",
        "sub",
    ],
};
const PEOPLE: Tenants = Tenants {
    everybody: "everybody with an account there",
    claims: &["email", "email_domain", "hd", "sub"],
};
const BUILDKITE: Tenants = Tenants {
    everybody: "everybody on Buildkite",
    claims: &["organization_slug", "organization_id", "pipeline_id", "sub"],
};
const CODEFRESH: Tenants = Tenants {
    everybody: "everybody on Codefresh",
    claims: &["account_id", "account_name", "pipeline_id", "sub"],
};
const CIRCLECI: Tenants = Tenants {
    everybody: "everybody on CircleCI",
    claims: &[
        "iss",
        "oidc.circleci.com/org-id",
        "oidc.circleci.com/project-id",
        "sub",
    ],
};
const ANYWHERE: Tenants = Tenants {
    everybody: "every issuer that the wildcard fits",
    claims: &["iss"],
};

/// Hosts that anybody can get a token from, whatever preset reads it.
const PUBLIC_HOSTS: [(&str, Tenants); 12] = [
    ("token.actions.githubusercontent.com", GITHUB),
    ("gitlab.com", GITLAB),
    ("accounts.google.com", PEOPLE),
    ("oauth2.sigstore.dev", PEOPLE),
    ("issuer.hello.coop", PEOPLE),
    ("appleid.apple.com", PEOPLE),
    ("www.facebook.com", PEOPLE),
    ("www.linkedin.com", PEOPLE),
    ("agent.buildkite.com", BUILDKITE),
    ("oidc.codefresh.io", CODEFRESH),
    ("oidc.circleci.com", CIRCLECI),
    ("issuer.enforce.dev", PEOPLE),
];

/// Whose tokens an issuer gives out, if they are those of more than one tenant.
pub(super) fn tenants(preset: Preset, uri: Uri<'_>, url: &Pattern) -> Option<Tenants> {
    if url.has_wildcard() && preset != Preset::Circleci {
        return Some(ANYWHERE);
    }
    let public = PUBLIC_HOSTS.iter().find(|(host, _)| *host == uri.host());
    match preset {
        // The URL names the enterprise, or the server is one's own.
        Preset::GithubEnterprise if uri.path().len() > 1 => None,
        Preset::Github => Some(GITHUB),
        Preset::Google => Some(PEOPLE),
        Preset::Buildkite => Some(BUILDKITE),
        Preset::Codefresh => Some(CODEFRESH),
        // The URL names the organization, unless that is a wildcard.
        Preset::Circleci => url.has_wildcard().then_some(CIRCLECI),
        _ => public.map(|(_, tenants)| *tenants),
    }
}

/// What is wrong with the rules of an issuer with many tenants.
pub(super) fn check(rules: &[Rule], tenants: Tenants) -> Result<(), String> {
    let everybody = tenants.everybody;
    let claims = tenants.claims.join(", ");
    if rules.is_empty() {
        return Err(format!(
            "missing, so {everybody} could get certificates; add [[issuer.allow]] with one of \
             {claims}"
        ));
    }
    for (number, rule) in (1..).zip(rules) {
        if !rule.wants().iter().any(|want| pins(want, tenants)) {
            return Err(format!(
                "rule {number} lets in {everybody}: it needs one of {claims}, without a wildcard \
                 before the tenant's name is complete"
            ));
        }
    }
    Ok(())
}

/// Whether what a rule wants of a claim is within one tenant, whichever of its patterns fits.
fn pins(want: &Want, tenants: Tenants) -> bool {
    let is_tenants = tenants.claims.contains(&want.claim.as_str());
    is_tenants
        && want
            .patterns
            .iter()
            .all(|pattern| pins_one(&want.claim, pattern))
}

fn pins_one(claim: &str, pattern: &Pattern) -> bool {
    let has_name = |text: &str| text.chars().any(|c| c.is_ascii_alphanumeric());
    if !pattern.has_wildcard() {
        return has_name(pattern.as_str());
    }
    let before = pattern.before_wildcard();
    match claim {
        // Names end on the right: "*@acme.example", "*.acme.example".
        "email" | "email_domain" | "hd" => {
            let after = pattern.after_wildcard();
            let begins_whole =
                after.starts_with('@') || (claim != "email" && after.starts_with('.'));
            begins_whole && has_name(after)
        }
        // The URL's host is known, so a name must follow it: "https://host/acme/*".
        "iss" => {
            let path = before
                .split_once("://")
                .and_then(|(_, rest)| rest.split_once('/'));
            before.ends_with('/') && path.is_some_and(|(_, path)| has_name(path))
        }
        // "repo:acme/*", "organization:acme:*": the label and a whole name.
        "sub" => {
            let (_, name) = before.split_once([':', '/']).unwrap_or_default();
            name.ends_with(['/', ':']) && has_name(name)
        }
        _ => before.ends_with('/') && has_name(before),
    }
}
