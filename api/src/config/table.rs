//! Reading one table of cairn.toml so that every refusal names file, line and key, says what was
//! found and what is allowed, and how to fix it.
//!
//! A reader asks for each key it knows; what is left over at the end is unknown and refused, with
//! the keys that were asked for as the list of what is allowed.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sigstore::time_range::ProtoTime;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why cairn.toml is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: key `{key}`: found {found}, allowed is {allowed}; {fix}", path.display())]
pub(crate) struct ConfigError {
    pub(crate) path: PathBuf,
    /// Counted from 1.
    pub(crate) line: usize,
    /// With its table: `limits.connections_max`, `log.name`.
    pub(crate) key: String,
    pub(crate) found: Box<str>,
    pub(crate) allowed: Box<str>,
    pub(crate) fix: Box<str>,
}

/// The file being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// The line, from 1, that holds the byte at `at`.
    pub(crate) fn line(&self, at: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(at)
            .filter(|byte| *byte == b'\n')
            .count()
    }

    /// The first line, from 1, that has `text` as a quoted value; the first of all if none has.
    pub(crate) fn line_with(&self, text: &str) -> usize {
        let value = toml::Value::String(text.to_owned()).to_string();
        self.text.find(&value).map_or(1, |at| self.line(at))
    }

    /// The refusal of a file that is not TOML at all.
    pub(crate) fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let at = error.span().map_or(0, |span| span.start);
        let line = self.line(at);
        let text = self.text.lines().nth(line - 1).unwrap_or("").trim();
        ConfigError {
            path: self.path.to_owned(),
            line,
            key: text.split(['=', ' ']).next().unwrap_or("").to_owned(),
            found: format!("{text:?} ({})", error.message()).into(),
            allowed: "TOML: `key = value`, text in double quotes, each key once".into(),
            fix: "correct this line".into(),
        }
    }
}

/// A table of which some keys may have been read already.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    source: Source<'a>,
    /// `""` for the top level, else the table's name.
    name: &'static str,
    line: usize,
    /// What was not read yet, each with the byte at which its key begins. Its line is counted only
    /// once it is asked for: a file may have a hundred thousand keys that nobody knows.
    left: BTreeMap<&'a str, (usize, &'a DeValue<'a>)>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Begins reading `table`, which starts at `line`.
    pub(crate) fn new(
        source: Source<'a>,
        name: &'static str,
        line: usize,
        table: &'a DeTable<'a>,
    ) -> Table<'a> {
        let left = table
            .iter()
            .map(|(key, value)| {
                let at = key.span().start;
                (key.get_ref().as_ref(), (at, value.get_ref()))
            })
            .collect();
        Table {
            source,
            name,
            line,
            left,
            known: Vec::new(),
        }
    }

    /// The value of `key`, if it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let (at, value) = self.left.remove(key)?;
        Some(Field {
            source: self.source,
            line: self.source.line(at),
            key: self.full_key(key),
            value,
        })
    }

    /// The value of `key`, which must be there.
    pub(crate) fn require(
        &mut self,
        key: &'static str,
        allowed: &str,
    ) -> Result<Field<'a>, ConfigError> {
        if let Some(field) = self.take(key) {
            return Ok(field);
        }
        let fix = format!("add a line `{key} = ...` to this table");
        Err(self.refuse(key, "nothing", allowed, &fix))
    }

    /// A refusal of what this table lacks.
    pub(crate) fn refuse(&self, key: &str, found: &str, allowed: &str, fix: &str) -> ConfigError {
        ConfigError {
            path: self.source.path.to_owned(),
            line: self.line,
            key: self.full_key(key),
            found: found.into(),
            allowed: allowed.into(),
            fix: fix.into(),
        }
    }

    /// Refuses whatever was not asked for.
    pub(crate) fn finish(self) -> Result<(), ConfigError> {
        let Some((key, (at, _value))) = self.left.iter().min_by_key(|(_, (at, _))| *at) else {
            return Ok(());
        };
        let table = if self.name.is_empty() {
            "the top level"
        } else {
            self.name
        };
        Err(ConfigError {
            path: self.source.path.to_owned(),
            line: self.source.line(*at),
            key: self.full_key(key),
            found: "an unknown key".into(),
            allowed: format!("in {table}: {}", self.known.join(", ")).into(),
            fix: "correct its spelling, move it to its table, or remove the line".into(),
        })
    }

    fn full_key(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }
}

/// The largest rate, a minute: one that limits nothing.
const RATE_MAX: u64 = 1_000_000_000;

/// One key with its value.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    source: Source<'a>,
    line: usize,
    key: String,
    value: &'a DeValue<'a>,
}

impl<'a> Field<'a> {
    /// The line the key is in.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// A refusal of this value.
    pub(crate) fn refuse(
        &self,
        allowed: impl Into<Box<str>>,
        fix: impl Into<Box<str>>,
    ) -> ConfigError {
        self.refuse_found(self.found(), allowed, fix)
    }

    /// A refusal of part of this value.
    pub(crate) fn refuse_found(
        &self,
        found: impl Into<Box<str>>,
        allowed: impl Into<Box<str>>,
        fix: impl Into<Box<str>>,
    ) -> ConfigError {
        ConfigError {
            path: self.source.path.to_owned(),
            line: self.line,
            key: self.key.clone(),
            found: found.into(),
            allowed: allowed.into(),
            fix: fix.into(),
        }
    }

    pub(crate) fn string(&self) -> Result<&'a str, ConfigError> {
        self.value
            .as_str()
            .ok_or_else(|| self.refuse("text", "put the value in double quotes"))
    }

    pub(crate) fn boolean(&self) -> Result<bool, ConfigError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.refuse("true or false", "write true or false, without quotes"))
    }

    /// A moment, in UTC.
    pub(crate) fn time(&self) -> Result<ProtoTime, ConfigError> {
        let text = match self.value {
            DeValue::Datetime(time) => time.to_string(),
            _ => String::new(),
        };
        ProtoTime::read(&text).ok_or_else(|| {
            self.refuse(
                "a time in UTC, without quotes",
                "write it as 2026-01-31T12:00:00Z",
            )
        })
    }

    /// A list of texts.
    pub(crate) fn strings(&self) -> Result<Vec<&'a str>, ConfigError> {
        let refuse = || self.refuse("a list of texts", "write [\"one\", \"two\"]");
        let values = self.value.as_array().ok_or_else(refuse)?;
        values
            .iter()
            .map(|value| value.get_ref().as_str().ok_or_else(refuse))
            .collect()
    }

    /// An integer within `range`.
    pub(crate) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let parsed = self.value.as_integer().and_then(|integer| {
            let digits = integer.as_str().replace('_', "");
            u64::from_str_radix(&digits, integer.radix()).ok()
        });
        match parsed {
            Some(value) if range.contains(&value) => Ok(value),
            _ => Err(self.refuse(
                format!("an integer from {} to {}", range.start(), range.end()),
                format!(
                    "write a number within these bounds, such as {}",
                    range.start()
                ),
            )),
        }
    }

    /// A count or a length within `range`.
    pub(crate) fn size(&self, range: RangeInclusive<u64>) -> Result<usize, ConfigError> {
        let value = self.integer(range)?;
        usize::try_from(value).map_err(|_| {
            self.refuse(
                "a number this machine can address",
                "write a smaller number",
            )
        })
    }

    /// How many a minute; 0 is no limit.
    pub(crate) fn rate(&self) -> Result<u32, ConfigError> {
        let value = self.integer(0..=RATE_MAX)?;
        // Within the range, so it fits.
        Ok(u32::try_from(value).unwrap_or(u32::MAX))
    }

    /// A time in milliseconds within `range`.
    pub(crate) fn millis(&self, range: RangeInclusive<u64>) -> Result<Duration, ConfigError> {
        self.integer(range).map(Duration::from_millis)
    }

    /// One of the given texts.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("{name:?}"))
            .collect();
        let found = self.value.as_str();
        choices
            .iter()
            .find(|(name, _)| found == Some(name))
            .map(|(_, choice)| *choice)
            .ok_or_else(|| self.refuse(names.join(" or "), "write one of these, with the quotes"))
    }

    /// The tables of `[[name]]`, each with the line where it starts.
    pub(crate) fn tables(&self) -> Result<Vec<(usize, &'a DeTable<'a>)>, ConfigError> {
        let refuse = || self.refuse("[[log]] sections", "write each log as a section of its own");
        let values = self.value.as_array().ok_or_else(refuse)?;
        let table = |value: &'a Spanned<DeValue<'a>>| {
            let table = value.get_ref().as_table().ok_or_else(refuse)?;
            Ok((self.source.line(value.span().start), table))
        };
        values.iter().map(table).collect()
    }

    /// The values of a list.
    pub(crate) fn values(&self) -> Option<&'a [Spanned<DeValue<'a>>]> {
        self.value.as_array().map(|values| &**values)
    }

    /// The one table of `[name]`.
    pub(crate) fn table(&self) -> Result<&'a DeTable<'a>, ConfigError> {
        self.value.as_table().ok_or_else(|| {
            let fix = format!(
                "write [{}] on a line of its own, its keys below it",
                self.key
            );
            self.refuse("a table", fix)
        })
    }

    /// The value as the operator would recognise it.
    fn found(&self) -> String {
        match self.value {
            DeValue::String(text) => format!("{text:?}"),
            DeValue::Integer(integer) => integer.as_str().to_owned(),
            DeValue::Float(float) => float.as_str().to_owned(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(time) => time.to_string(),
            DeValue::Array(values) => format!("a list of {}", values.len()),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }
}
