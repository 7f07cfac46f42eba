//! What a token says of its holder.
//!
//! Claims are looked up by name, or by JSON pointer (RFC 6901) where they nest: `sub`,
//! `/kubernetes.io/namespace`. Where text is wanted, numbers and booleans are written out, because
//! issuers do not agree on whether an identifier is `"1"` or `1`.
//!
//! Invariant: nests and counts values within limits, and names no claim twice.

use std::fmt;

use serde_json::{Map, Value};
use sigstore::canonical_json::{JsonError, JsonLimits, parse_limited};

/// How much JSON a part of a token may be. Real ones nest three levels deep.
pub(super) const TOKEN_JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 8,
    value_count_max: 2048,
};

/// The claims of a token. Its `Debug` names them and shows no value.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the payload of a token, signed or not.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`]: not strict JSON within the limits, or not an object.
    pub fn parse(bytes: &[u8]) -> Result<Claims, ClaimsError> {
        match parse_limited(bytes, TOKEN_JSON_LIMITS)? {
            Value::Object(object) => Ok(Claims(object)),
            _ => Err(ClaimsError::NotAnObject),
        }
    }

    /// A claim by its name, or by a JSON pointer if no claim has that name and it begins with `/`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let (first, rest) = match name.strip_prefix('/')?.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name.strip_prefix('/')?, None),
        };
        let value = self.0.get(&first.replace("~1", "/").replace("~0", "~"))?;
        match rest {
            Some(rest) => value.pointer(&format!("/{rest}")),
            None => Some(value),
        }
    }

    /// A claim that is a string.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&str> {
        self.find(name)?.as_str()
    }

    /// A claim as text; none if it is missing, null, an array or an object.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        text_of(self.find(name)?)
    }
}

/// A string, number or boolean as text. Whole numbers have no decimals, however they were sent.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        // `Display` of a double writes 1.0 as "1", which `serde_json` does not.
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => Some(float.to_string()),
            _ => Some(number.to_string()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a token's payload was refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimsError {
    /// Not JSON that all readers understand alike, or too much of it.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not an object.
    #[error("not a json object")]
    NotAnObject,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn claims_are_found_by_name_and_by_pointer() {
        let found = claims(
            r#"{"sub":"s","a/b":"slash","kubernetes.io":{"namespace":"ns","list":["x","y"]},
                "https://x/y":"url","/odd":"named"}"#,
        );
        assert_eq!(found.string("sub"), Some("s"));
        assert_eq!(found.string("/sub"), Some("s"));
        assert_eq!(found.string("/kubernetes.io/namespace"), Some("ns"));
        assert_eq!(found.string("/kubernetes.io/list/1"), Some("y"));
        assert_eq!(found.string("/a~1b"), Some("slash"));
        assert_eq!(found.string("https://x/y"), Some("url"));
        assert_eq!(found.string("/odd"), Some("named"));
        for missing in [
            "",
            "/",
            "nope",
            "/kubernetes.io/nope",
            "kubernetes.io/namespace",
        ] {
            assert_eq!(found.find(missing), None, "{missing}");
        }
    }

    #[test]
    fn scalars_are_text_and_nothing_else_is() {
        let found = claims(
            r#"{"s":"x","t":true,"i":7,"n":-3,"f":2.0,"h":1.5,"e":1e3,"null":null,"a":[],"o":{}}"#,
        );
        let texts = ["s", "t", "i", "n", "f", "h", "e"].map(|name| found.text(name).unwrap());
        assert_eq!(texts, ["x", "true", "7", "-3", "2", "1.5", "1000"]);
        for name in ["null", "a", "o", "missing"] {
            assert_eq!(found.text(name), None, "{name}");
        }
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        let nested = format!("{}{}", "{\"a\":".repeat(9), "1".to_owned() + &"}".repeat(9));
        let many = format!("{{\"a\":[{}1]}}", "1,".repeat(2100));
        for bad in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"sub":"a"} x"#,
            r#"{"id":9007199254740993}"#,
            "{",
            "",
            &nested,
            &many,
        ] {
            let refused = Claims::parse(bad.as_bytes());
            assert!(matches!(refused, Err(ClaimsError::Json(_))), "{bad}");
        }
        for bad in ["[]", "1", "\"x\"", "null"] {
            assert_eq!(Claims::parse(bad.as_bytes()), Err(ClaimsError::NotAnObject));
        }
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let shown = format!("{:?}", claims(r#"{"email":"who@example.com"}"#));
        assert_eq!(shown, r#"Claims{"email"}"#);
    }
}
