//! Allow rules: which of an issuer's tokens may have certificates here.
//!
//! A rule is a table of claims with what they may be. It lets a token in if all of its claims fit;
//! a section with rules lets a token in if one of them does. A claim that is a list fits if one of
//! its items does. `email` and `email_domain` are looked at only if the address is verified.
//!
//! Invariant: a rule asks for something. What is missing from a token never fits.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::pattern::{PATTERN_LEN_BYTES_MAX, Pattern};
use crate::error::{excerpt_of, joined};
use crate::identity::{Preset, Source};
use crate::oidc::Claims;
use crate::oidc::claims::text_of;

/// The most rules of a section, and the most patterns of a claim.
const RULE_COUNT_MAX: usize = 1000;

/// The most characters of the reasons of rules that refused, in an operator's log.
const REASONS_LEN_MAX: usize = 1000;

/// What a claim may be: one thing, or one of several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "wanted a text, a whole number, true or false, or a list of these"
)]
pub enum Wanted {
    /// One thing.
    One(WantedValue),
    /// Any of these.
    AnyOf(Vec<WantedValue>),
}

/// One thing that a claim may be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum WantedValue {
    /// A text, in which `*` and `**` are wildcards.
    Text(String),
    /// A boolean.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
}

impl Wanted {
    fn values(&self) -> &[WantedValue] {
        match self {
            Wanted::One(value) => std::slice::from_ref(value),
            Wanted::AnyOf(values) => values,
        }
    }
}

/// A rule as it is used.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    wants: Vec<Want>,
}

/// What a rule wants of one claim.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// As the rule has it.
    pub(super) name: String,
    /// As the token has it.
    pub(super) claim: String,
    pub(super) patterns: Vec<Pattern>,
}

impl Rule {
    /// Reads the rules of a section. What is wrong is said with the place.
    pub(super) fn parse_all(
        sections: &[BTreeMap<String, Wanted>],
        preset: Preset,
    ) -> Result<Vec<Rule>, String> {
        if sections.len() > RULE_COUNT_MAX {
            let found = sections.len();
            return Err(format!("{found} rules, at most {RULE_COUNT_MAX} are read"));
        }
        let numbered = (1..).zip(sections);
        let parsed = numbered.map(|(number, section)| {
            Rule::parse(section, preset).map_err(|problem| format!("rule {number}: {problem}"))
        });
        parsed.collect()
    }

    fn parse(section: &BTreeMap<String, Wanted>, preset: Preset) -> Result<Rule, String> {
        if section.is_empty() {
            let problem = "asks for nothing, so it would let everybody in; name a claim";
            return Err(problem.to_owned());
        }
        let wants = section.iter();
        let wants = wants.map(|(name, wanted)| {
            let patterns = parse_patterns(name, wanted)?;
            let (name, claim) = (name.clone(), preset.claim_of_rule(name).to_owned());
            Ok(Want {
                name,
                claim,
                patterns,
            })
        });
        let wants = wants.collect::<Result<Vec<Want>, String>>()?;
        Ok(Rule { wants })
    }

    pub(super) fn wants(&self) -> &[Want] {
        &self.wants
    }

    /// Whether a token fits, or the first claim that does not.
    fn admit(&self, claims: &Claims, source: &Source, issuer: &str) -> Result<(), String> {
        for want in &self.wants {
            let Some(found) = want.find(claims, source, issuer) else {
                return Err(format!("{} is missing or not verified", want.name));
            };
            let items = found
                .as_array()
                .map_or(std::slice::from_ref(&found), |all| all);
            let texts = items.iter().filter_map(text_of);
            let fits = |text: String| want.patterns.iter().any(|one| one.matches(&text));
            if !texts.into_iter().any(fits) {
                let found = excerpt_of(&found);
                let wanted = joined(&want.patterns, " or ");
                return Err(format!("{} is {found}, wanted {wanted}", want.name));
            }
        }
        Ok(())
    }
}

/// The number of the first rule that a token fits, from 1, or why each refused it.
pub(super) fn admit(
    rules: &[Rule],
    claims: &Claims,
    source: &Source,
    issuer: &str,
) -> Result<usize, String> {
    let mut reasons = String::new();
    for (number, rule) in (1..).zip(rules) {
        match rule.admit(claims, source, issuer) {
            Ok(()) => return Ok(number),
            Err(_) if reasons.len() > REASONS_LEN_MAX => {}
            Err(reason) => {
                let separator = if reasons.is_empty() { "" } else { "; " };
                reasons = format!("{reasons}{separator}rule {number}: {reason}");
            }
        }
    }
    Err(reasons)
}

impl Want {
    fn find(&self, claims: &Claims, source: &Source, issuer: &str) -> Option<Value> {
        let is_address = self.claim == "email";
        if !is_address && self.claim != "email_domain" {
            return claims.find(&self.claim).cloned();
        }
        let address = source.email().address(claims, issuer).ok()?;
        if is_address {
            return Some(Value::String(address));
        }
        let (_, domain) = address.split_once('@')?;
        Some(Value::String(domain.to_ascii_lowercase()))
    }
}

fn parse_patterns(name: &str, wanted: &Wanted) -> Result<Vec<Pattern>, String> {
    let values = wanted.values();
    if values.is_empty() || values.len() > RULE_COUNT_MAX {
        let found = values.len();
        return Err(format!(
            "{name} may be any of {found} values, wanted 1 to {RULE_COUNT_MAX}"
        ));
    }
    let patterns = values.iter().map(|value| {
        let text = match value {
            WantedValue::Text(text) => text.clone(),
            WantedValue::Boolean(value) => value.to_string(),
            WantedValue::Integer(value) => value.to_string(),
        };
        if text.is_empty() || text.len() > PATTERN_LEN_BYTES_MAX {
            let found = text.len();
            let wanted = format!("wanted 1 to {PATTERN_LEN_BYTES_MAX}");
            return Err(format!("{name} has a pattern of {found} bytes, {wanted}"));
        }
        if name == "email_domain" && text.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(format!(
                "{name} is compared in lower case: write {text:?} so"
            ));
        }
        Ok(Pattern::claim(&text))
    });
    patterns.collect()
}
