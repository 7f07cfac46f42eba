//! Queries and form bodies, `application/x-www-form-urlencoded`.

use std::collections::BTreeMap;

/// Fields of a query or a form; further ones are not looked at.
const FIELD_COUNT_MAX: usize = 32;

/// The fields of a query or a form, each with its first value.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn parse(encoded: &[u8]) -> Form {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded).take(FIELD_COUNT_MAX) {
            fields
                .entry(name.into_owned())
                .or_insert(value.into_owned());
        }
        Form(fields)
    }

    /// The field of that name, unless it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?;
        (!text.is_empty()).then_some(text.as_str())
    }

    /// All fields, by name.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All fields but one.
    pub(super) fn without<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields().filter(move |(other, _)| *other != name)
    }
}
