//! From sections to issuers: the checks that need more than one setting.

use super::pattern::{PATTERN_LEN_BYTES_MAX, Pattern};
use super::rule::Rule;
use super::section::IssuerSection;
use super::{ISSUER_COUNT_MAX, Issuer, IssuerConfigError, Profile, tenancy};
use crate::error::joined;
use crate::identity::email::Email;
use crate::identity::san_uri::Uri;
use crate::identity::spiffe::is_trust_domain;
use crate::identity::template::Template;
use crate::identity::templates::Templates;
use crate::identity::{Preset, Source};
use sigstore::ExtensionField;

/// A setting and what is wrong with it.
type Problem = (&'static str, String);

pub(super) fn issuers(
    sections: &[IssuerSection],
    profile: Profile,
) -> Result<Vec<Issuer>, IssuerConfigError> {
    let mut issuers: Vec<Issuer> = Vec::with_capacity(sections.len());
    for (number, section) in (1..).zip(sections) {
        let error = |(key, problem): Problem| IssuerConfigError {
            number,
            name: name_of(section),
            key,
            problem,
        };
        if number > ISSUER_COUNT_MAX {
            let problem = format!("more than {ISSUER_COUNT_MAX} issuers");
            return Err(error(("issuer", problem)));
        }
        let issuer = issuer(section, profile).map_err(error)?;
        let is_same =
            |other: &Issuer| other.url() == issuer.url() && other.audience() == issuer.audience();
        if let Some(place) = issuers.iter().position(is_same) {
            let problem = format!(
                "the same as in number {}; one URL may have several sections, each with its own \
                 audience",
                place + 1
            );
            return Err(error(("url", problem)));
        }
        if let Some(place) = issuers
            .iter()
            .position(|other| reads_otherwise(other, &issuer))
        {
            let problem = format!(
                "other than in number {}, which has the same url; give both the same `ca_file` \
                 and `private_addresses`",
                place + 1
            );
            return Err(error(("ca_file", problem)));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

/// Whether two sections of one URL differ in how its keys are to be read.
fn reads_otherwise(one: &Issuer, other: &Issuer) -> bool {
    let how = |issuer: &Issuer| (issuer.ca_file.clone(), issuer.has_private_addresses);
    one.url() == other.url() && how(one) != how(other)
}

fn name_of(section: &IssuerSection) -> String {
    let name = section.url.as_deref();
    name.unwrap_or(section.preset.name()).to_owned()
}

fn issuer(section: &IssuerSection, profile: Profile) -> Result<Issuer, Problem> {
    check_special_settings(section)?;
    let given = section.url.as_deref().or(section.preset.default_url());
    let Some(url) = given else {
        let problem = "missing; it is the `iss` of the tokens, byte for byte";
        return Err(("url", problem.to_owned()));
    };
    let pattern = Pattern::url(url);
    let uri = check_url(url, profile)?;
    if section.preset == Preset::Spiffe && pattern.has_wildcard() {
        let problem = "a wildcard would give many issuers the same trust domain; name one URL";
        return Err(("url", problem.to_owned()));
    }
    if section.audience.is_empty() {
        let problem = "empty; clients of Sigstore ask for tokens with the audience \"sigstore\"";
        return Err(("audience", problem.to_owned()));
    }
    let source = source(section, uri, profile)?;
    let rules = Rule::parse_all(&section.allow, section.preset);
    let rules = rules.map_err(|problem| ("allow", problem))?;
    if let Some(tenants) = tenancy::tenants(section.preset, uri, &pattern)
        && profile == Profile::Production
    {
        tenancy::check(&rules, tenants).map_err(|problem| ("allow", problem))?;
    }
    Ok(Issuer {
        preset: section.preset,
        url: pattern,
        audience: section.audience.clone(),
        source,
        rules,
        ca_file: section.ca_file.clone(),
        has_private_addresses: section.private_addresses,
    })
}

fn check_special_settings(section: &IssuerSection) -> Result<(), Problem> {
    for (key, is_there, presets) in section.special_settings() {
        if is_there && !presets.contains(&section.preset) {
            let (preset, presets) = (section.preset, joined(presets, " and "));
            let problem = format!("not for the preset {preset}, only for {presets}; take it out");
            return Err((key, problem));
        }
    }
    Ok(())
}

/// The address of an issuer, with its wildcards read as names.
fn check_url(url: &str, profile: Profile) -> Result<Uri<'_>, Problem> {
    let bad = |problem: String| ("url", problem);
    if url.len() > PATTERN_LEN_BYTES_MAX {
        let found = url.len();
        return Err(bad(format!(
            "{found} bytes, wanted {PATTERN_LEN_BYTES_MAX} at most"
        )));
    }
    let uri = Uri::parse_with_wildcards(url).map_err(|wanted| bad(format!("wanted {wanted}")))?;
    if url.contains(['?', '#']) {
        return Err(bad("wanted an address without ? and #".to_owned()));
    }
    let is_local = ["localhost", "127.0.0.1"].contains(&uri.host());
    let may_be_plain = is_local || profile == Profile::Dev;
    if uri.scheme != "https" && !(uri.scheme == "http" && may_be_plain) {
        let wanted = "wanted https://; http:// is for issuers on this machine and the dev profile";
        return Err(bad(wanted.to_owned()));
    }
    let mut labels = uri.host().rsplit('.');
    let has_open_end = labels.by_ref().take(2).any(|label| label.contains('*'));
    if has_open_end {
        let wanted = "a wildcard in the last two labels of the host would believe anybody's host";
        return Err(bad(wanted.to_owned()));
    }
    Ok(uri)
}

fn source(section: &IssuerSection, uri: Uri<'_>, profile: Profile) -> Result<Source, Problem> {
    let web_url = web_url(section, uri)?;
    if let Some(source) = Source::of_ci(section.preset, web_url.as_deref()) {
        return Ok(source);
    }
    match section.preset {
        Preset::Spiffe => spiffe(section),
        Preset::Username => username(section, uri, profile),
        Preset::Uri => subject_uri(section, uri, profile),
        Preset::Kubernetes => Ok(Source::Kubernetes),
        Preset::Template => template(section),
        _ => Ok(Source::Email(Email {
            issuer_claim: section.issuer_claim.clone(),
            skip_verification: section.skip_email_verification,
        })),
    }
}

/// Where the pages of a CI server are. A server of one's own has them where its issuer is.
fn web_url(section: &IssuerSection, uri: Uri<'_>) -> Result<Option<String>, Problem> {
    let own = format!("{}://{}", uri.scheme, uri.authority);
    let guessed = match section.preset {
        Preset::Gitlab => Some(format!("{own}{}", uri.path())),
        Preset::GithubEnterprise if uri.path() == "/_services/token" => Some(own),
        _ => None,
    };
    let Some(given) = &section.web_url else {
        let is_unknown = section.preset == Preset::GithubEnterprise
            && guessed.is_none()
            && Some(uri.host()) != github_host();
        if is_unknown {
            let problem = "missing; where are the pages of this server?";
            return Err(("web_url", problem.to_owned()));
        }
        return Ok(guessed);
    };
    match Uri::parse(given) {
        Ok(parsed) if !given.ends_with('/') && ["https", "http"].contains(&parsed.scheme) => {
            Ok(Some(given.clone()))
        }
        _ => {
            let wanted = "wanted an https:// address without a slash at its end";
            Err(("web_url", format!("{given:?}; {wanted}")))
        }
    }
}

/// The host of the tokens of github.com, whose pages are known.
fn github_host() -> Option<&'static str> {
    let uri = Uri::parse(Preset::Github.default_url()?).ok()?;
    Some(uri.host())
}

fn spiffe(section: &IssuerSection) -> Result<Source, Problem> {
    let found = section.trust_domain.clone().unwrap_or_default();
    if !is_trust_domain(&found) {
        let wanted = "wanted a trust domain, such as prod.acme.example";
        return Err(("trust_domain", format!("{found:?}; {wanted}")));
    }
    let trust_domain = found;
    Ok(Source::Spiffe { trust_domain })
}

fn username(section: &IssuerSection, uri: Uri<'_>, profile: Profile) -> Result<Source, Problem> {
    let domain = section.subject_domain.clone().unwrap_or_default();
    let is_host = Uri::parse(&format!("https://{domain}"))
        .is_ok_and(|parsed| parsed.has_only_authority() && parsed.host() == domain);
    if !is_host {
        let wanted = "wanted the domain of the user names, such as acme.example";
        return Err(("subject_domain", format!("{domain:?}; {wanted}")));
    }
    check_related(&domain, uri, profile)?;
    Ok(Source::Username { domain })
}

fn subject_uri(section: &IssuerSection, uri: Uri<'_>, profile: Profile) -> Result<Source, Problem> {
    let domain = section.subject_domain.clone().unwrap_or_default();
    let parsed = Uri::parse(&domain).ok().filter(Uri::has_only_authority);
    let Some(parsed) = parsed else {
        let wanted = "wanted scheme and host of the subjects, such as https://acme.example";
        return Err(("subject_domain", format!("{domain:?}; {wanted}")));
    };
    if parsed.scheme != uri.scheme && profile == Profile::Production {
        let problem = format!("{domain:?}; wanted the issuer's scheme, {}", uri.scheme);
        return Err(("subject_domain", problem));
    }
    check_related(parsed.host(), uri, profile)?;
    Ok(Source::Uri { domain })
}

/// An issuer speaks for its own domain only: the same host, or one with the same last two labels.
fn check_related(domain: &str, uri: Uri<'_>, profile: Profile) -> Result<(), Problem> {
    let tail = |host: &str| {
        let labels: Vec<String> = host.rsplit('.').take(2).map(str::to_owned).collect();
        (labels.len() == 2).then_some(labels)
    };
    let is_address = |host: &str| {
        host.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let host = uri.host();
    let is_related =
        host == domain || (tail(host).is_some() && tail(host) == tail(domain) && !is_address(host));
    if is_related || profile == Profile::Dev {
        return Ok(());
    }
    let wanted = "wanted the issuer's host, or one that shares its last two labels";
    Err((
        "subject_domain",
        format!("{domain:?} is not of {host:?}; {wanted}"),
    ))
}

fn template(section: &IssuerSection) -> Result<Source, Problem> {
    let Some(subject) = &section.subject else {
        let problem = "missing; it is a template that becomes a URI, such as \
                       \"https://ci.acme.example/{{ .project }}\"";
        return Err(("subject", problem.to_owned()));
    };
    let subject = Template::parse(subject).map_err(|error| ("subject", error.to_string()))?;
    let mut extensions = Vec::with_capacity(section.extensions.len());
    for (name, text) in &section.extensions {
        let problem = |problem: String| ("extensions", format!("{name}: {problem}"));
        let field = ExtensionField::from_template_name(name).filter(|field| may_be_set(*field));
        let Some(field) = field else {
            return Err(problem(format!("wanted one of {}", settable_names())));
        };
        let template = Template::parse(text).map_err(|error| problem(error.to_string()))?;
        extensions.push((field, template));
    }
    Ok(Source::Templates(Box::new(Templates {
        subject,
        extensions,
        defaults: section.defaults.clone(),
    })))
}

/// Issuer and subject of the token are in every certificate, and are not up to a template.
fn may_be_set(field: ExtensionField) -> bool {
    field != ExtensionField::Issuer && field != ExtensionField::TokenSubject
}

fn settable_names() -> String {
    let fields = ExtensionField::ALL
        .into_iter()
        .filter(|field| may_be_set(*field));
    let names: Vec<&str> = fields.map(ExtensionField::template_name).collect();
    names.join(", ")
}
