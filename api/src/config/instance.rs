//! What cairn.toml says of the instance beside its logs: `profile`, `passphrase_file`,
//! `[[issuer]]`, and the sections of its services.

use std::path::Path;

use ca::{IssuerSection, IssuerTable, Profile};
use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::passphrase::PassphraseSource;
use super::services::{self, Place, Services};
use super::table::{ConfigError, Field, Source, Table};
use crate::dev;

/// What there is beside the logs.
#[derive(Clone, Debug)]
pub(crate) struct InstanceSettings {
    pub(crate) profile: Profile,
    /// Whose tokens are believed.
    pub(crate) issuers: IssuerTable,
    pub(crate) services: Services,
    /// What opens the private keys.
    pub(crate) passphrase: PassphraseSource,
    /// As they were written, to compare settings by.
    sections: Vec<IssuerSection>,
}

impl PartialEq for InstanceSettings {
    fn eq(&self, other: &InstanceSettings) -> bool {
        let all = |it: &InstanceSettings| {
            (
                it.profile,
                it.services.clone(),
                it.passphrase.clone(),
                it.sections.clone(),
            )
        };
        all(self) == all(other)
    }
}

/// Takes the instance's keys from the top level.
pub(super) fn parse<'a>(
    source: Source<'a>,
    top: &mut Table<'a>,
    dir: &Path,
    url: Option<&str>,
) -> Result<InstanceSettings, ConfigError> {
    let profiles = [("production", Profile::Production), ("dev", Profile::Dev)];
    let profile = match top.take("profile") {
        Some(field) => field.choice(&profiles)?,
        None => Profile::Production,
    };
    let passphrase = match top.take("passphrase_file") {
        Some(field) => PassphraseSource::File(dir.join(field.string()?)),
        None => PassphraseSource::Environment,
    };
    let place = Place {
        dir,
        passphrase: &passphrase,
    };
    let services = services::parse(source, top, place)?;
    if services.any() && url.is_none() {
        let fix = "add the line, such as url = \"https://sigstore.example.org\"";
        let allowed = "the public URL, which all that [ca], [tsa] and [trust] publish names";
        return Err(top.refuse("url", "nothing", allowed, fix));
    }
    let field = top.take("issuer");
    let mut sections = match &field {
        Some(field) => parse_issuers(field)?,
        None => Vec::new(),
    };
    let configured = sections.len();
    if let (Profile::Dev, Some(url)) = (profile, url) {
        sections.extend(dev::issuer_sections(url));
    }
    let issuers = IssuerTable::new(&sections, profile).map_err(|error| {
        let line = match &field {
            Some(field) if error.number <= configured => line_of(source, field, error.number),
            _ => 1,
        };
        ConfigError {
            path: source.path.to_owned(),
            line,
            key: format!("issuer.{}", error.key),
            found: error.name.clone().into(),
            allowed: "an issuer whose tokens can be believed".into(),
            fix: error.problem.into(),
        }
    })?;
    Ok(InstanceSettings {
        profile,
        issuers,
        services,
        passphrase,
        sections,
    })
}

/// The line of the section with that number, from 1.
fn line_of(source: Source<'_>, field: &Field<'_>, number: usize) -> usize {
    let sections = field.values().unwrap_or_default();
    let section = sections.get(number.saturating_sub(1));
    section.map_or(1, |section| source.line(section.span().start))
}

fn parse_issuers(field: &Field<'_>) -> Result<Vec<IssuerSection>, ConfigError> {
    let refuse = || {
        field.refuse(
            "[[issuer]] sections",
            "write each issuer as its own section",
        )
    };
    let sections = field.values().ok_or_else(refuse)?;
    let parse = |section: &Spanned<DeValue<'_>>| {
        IssuerSection::deserialize(ValueDeserializer::from(section.clone()))
            .map_err(|error| field.refuse("known keys with values of their kinds", error.message()))
    };
    sections.iter().map(parse).collect()
}
