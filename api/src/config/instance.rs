//! What cairn.toml says of the instance beside its logs: `profile` and `[[issuer]]`.

use ca::{IssuerSection, IssuerTable, Profile};
use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::table::{ConfigError, Field, Source, Table};
use crate::dev;

/// What there is beside the logs.
#[derive(Clone, Debug)]
pub(crate) struct InstanceSettings {
    pub(crate) profile: Profile,
    /// Whose tokens are believed.
    pub(crate) issuers: IssuerTable,
    /// As they were written, to compare settings by.
    sections: Vec<IssuerSection>,
}

impl PartialEq for InstanceSettings {
    fn eq(&self, other: &InstanceSettings) -> bool {
        (self.profile, &self.sections) == (other.profile, &other.sections)
    }
}

/// Takes the instance's keys from the top level.
pub(super) fn parse(
    source: Source<'_>,
    top: &mut Table<'_>,
    url: Option<&str>,
) -> Result<InstanceSettings, ConfigError> {
    let profiles = [("production", Profile::Production), ("dev", Profile::Dev)];
    let profile = match top.take("profile") {
        Some(field) => field.choice(&profiles)?,
        None => Profile::Production,
    };
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
