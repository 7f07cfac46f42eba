//! in-toto statements: what an attestation says of which artifacts.
//!
//! A statement names its subjects by digest and carries a predicate of some type, which is not
//! looked into here. Versions 0.1 and 1 of the format differ in nothing that matters.
//!
//! Spec: the in-toto attestation framework, `spec/v1/statement.md`.

use serde_json::Value;
use thiserror::Error;

use crate::canonical_json::{JSON_DEPTH_MAX, JsonError, JsonLimits, excerpt, parse_limited};

/// The type of a statement as it is written.
pub const TYPE_V1: &str = "https://in-toto.io/Statement/v1";
/// The type of older statements.
pub const TYPE_V01: &str = "https://in-toto.io/Statement/v0.1";

/// The most subjects that are looked at: a large release has some thousand artifacts.
pub const SUBJECT_COUNT_MAX: usize = 65_536;

/// Predicates may be anything, so their depth and size are bounded by the bundle around them.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: JSON_DEPTH_MAX,
    value_count_max: 16 * 1024 * 1024,
};

/// What a statement says, but for the predicate itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What sort of predicate: a URI.
    pub predicate_type: String,
    /// What it is about; at least one.
    pub subjects: Vec<Subject>,
}

/// An artifact by its digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What the maker calls it; may be empty.
    pub name: String,
    /// Digests by the name of their algorithm, `sha256` and others, in hex.
    pub digests: Vec<(String, String)>,
}

impl Subject {
    /// Whether this is the artifact with this digest.
    #[must_use]
    pub fn is(&self, algorithm: &str, digest_hex: &str) -> bool {
        let same = |(name, value): &(String, String)| name == algorithm && value == digest_hex;
        self.digests.iter().any(same)
    }
}

impl Statement {
    /// Reads the payload of an envelope.
    ///
    /// # Errors
    ///
    /// [`StatementError`]: not JSON, another type, or without a subject.
    pub fn parse(payload: &[u8]) -> Result<Statement, StatementError> {
        let value = parse_limited(payload, JSON_LIMITS)?;
        let found = text(&value, "_type")?;
        if ![TYPE_V1, TYPE_V01].contains(&found.as_str()) {
            let found = excerpt(&found);
            return Err(StatementError::Type { found });
        }
        let subjects = value.get("subject").and_then(Value::as_array);
        let subjects = subjects.ok_or(StatementError::Field {
            path: "subject".to_owned(),
        })?;
        let found = subjects.len();
        if found == 0 || found > SUBJECT_COUNT_MAX {
            return Err(StatementError::SubjectCount { found });
        }
        let numbered = subjects.iter().enumerate();
        let subjects: Result<_, _> = numbered
            .map(|(number, subject)| parse_subject(number, subject))
            .collect();
        Ok(Statement {
            predicate_type: text(&value, "predicateType")?,
            subjects: subjects?,
        })
    }
}

fn parse_subject(number: usize, value: &Value) -> Result<Subject, StatementError> {
    let path = format!("subject[{number}].digest");
    let refuse = || StatementError::Field { path: path.clone() };
    let digests = value.get("digest").and_then(Value::as_object);
    let digests = digests.filter(|digests| !digests.is_empty());
    let pairs = digests.ok_or_else(refuse)?.iter().map(|(name, digest)| {
        let digest = digest.as_str().ok_or_else(refuse)?;
        Ok((name.clone(), digest.to_owned()))
    });
    let name = value.get("name").and_then(Value::as_str);
    Ok(Subject {
        name: name.unwrap_or_default().to_owned(),
        digests: pairs.collect::<Result<_, StatementError>>()?,
    })
}

fn text(value: &Value, name: &str) -> Result<String, StatementError> {
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| StatementError::Field {
            path: name.to_owned(),
        })
}

/// Why a payload is not a statement.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementError {
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field is missing or not what it should be.
    #[error("{path}: missing, or not what a statement has there")]
    Field {
        /// Where.
        path: String,
    },
    /// JSON of another type.
    #[error("_type: found {found}, wanted {TYPE_V1:?}")]
    Type {
        /// What it says, quoted.
        found: String,
    },
    /// About nothing, or about too much.
    #[error("{found} subjects, wanted 1 to {SUBJECT_COUNT_MAX}")]
    SubjectCount {
        /// How many there are.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement() -> Value {
        json!({
            "_type": TYPE_V1,
            "subject": [
                { "name": "a", "digest": { "sha256": "aa", "sha512": "bb" } },
                { "digest": { "gitCommit": "cc" } }
            ],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": { "anything": [1, 2] }
        })
    }

    fn parse(value: &Value) -> Result<Statement, StatementError> {
        Statement::parse(value.to_string().as_bytes())
    }

    #[test]
    fn subjects_are_found_by_any_of_their_digests() {
        let parsed = parse(&statement()).unwrap();
        assert_eq!(parsed.predicate_type, "https://slsa.dev/provenance/v1");
        let [first, second] = parsed.subjects.as_slice() else {
            panic!("{parsed:?}");
        };
        assert!(first.is("sha256", "aa") && first.is("sha512", "bb"));
        assert!(!first.is("sha256", "bb") && !first.is("sha256", "AA"));
        assert!(second.is("gitCommit", "cc") && second.name.is_empty());
        let mut older = statement();
        older["_type"] = TYPE_V01.into();
        assert_eq!(parse(&older).unwrap(), parsed);
    }

    #[test]
    fn each_part_is_missed() {
        for (field, wrong) in [
            ("_type", json!("https://example.org/Statement")),
            ("_type", Value::Null),
            ("predicateType", json!(7)),
            ("subject", json!({})),
            ("subject", json!([])),
            ("subject", json!([{ "name": "a" }])),
            ("subject", json!([{ "digest": {} }])),
            ("subject", json!([{ "digest": { "sha256": 1 } }])),
        ] {
            let mut value = statement();
            value[field] = wrong;
            assert!(parse(&value).is_err(), "{value}");
        }
        let twice = statement().to_string().replacen('{', r#"{"_type":"x","#, 1);
        assert!(matches!(
            Statement::parse(twice.as_bytes()),
            Err(StatementError::Json(_))
        ));
    }
}
