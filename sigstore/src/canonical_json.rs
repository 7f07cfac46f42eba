//! JSON as input to a hash: one strict parser and the canonical form of RFC 8785 (JCS).
//!
//! Bytes that are hashed or signed must mean the same to everybody who reads them. Ordinary JSON
//! does not: of two equal keys one reader keeps the first, another the last, and a large integer
//! is rounded by readers whose only number is a double. [`parse_no_duplicates`] refuses such
//! input (RFC 8785 section 3.1 asks for it by way of I-JSON, RFC 7493 sections 2.2 and 2.3),
//! and [`canonicalize`] writes what is left in its one form.
//!
//! Not here: the protobuf flavour of JSON, which reads the parsed value (`proto_json`).
//!
//! Invariant: a [`Value`] returned by [`parse_no_duplicates`] nests at most as deep as asked for,
//! came from one JSON value with nothing after it, and each of its objects named each key once.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// The deepest nesting that [`parse_no_duplicates`] can be asked for. The parser below recurses,
/// and `serde_json` itself stops at 128.
pub const JSON_DEPTH_MAX: usize = 100;

/// The most values that [`parse_no_duplicates`] reads: room for a batch of thousands of requests
/// in about ten megabytes.
pub const JSON_VALUE_COUNT_MAX: usize = 131_072;

/// The largest magnitude at which every integer has a double of its own: 2^53 - 1.
const EXACT_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Writes a value in the canonical form of RFC 8785: no white space, keys in the order of their
/// UTF-16 code units, shortest numbers and escapes.
///
/// Integers beyond 2^53 - 1 are written as the nearest double, as the RFC has it;
/// [`parse_no_duplicates`] never returns one. Cost: linear in the output, plus sorting.
///
/// # Panics
///
/// Never on a parsed value. A value built by hand and nested thousands deep exhausts the stack.
#[must_use]
pub fn canonicalize(value: &Value) -> Vec<u8> {
    // A `Value` holds no NaN, no infinity and only string keys: nothing that JCS cannot write.
    serde_json_canonicalizer::to_vec(value).expect("every JSON value has a canonical form")
}

/// How much JSON is read before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// The deepest nesting: a scalar has depth 0, `[]` depth 1, `[{}]` depth 2. Clamped to
    /// [`JSON_DEPTH_MAX`].
    pub depth_max: usize,
    /// The most values, each scalar, array and object counted. A parsed value takes about a
    /// hundred bytes where its text takes two, so the length of a body bounds memory badly.
    pub value_count_max: usize,
}

/// Parses exactly one JSON value of at most [`JSON_VALUE_COUNT_MAX`] values, as
/// [`parse_limited`] does.
///
/// # Errors
///
/// As [`parse_limited`].
pub fn parse_no_duplicates(bytes: &[u8], depth_max: usize) -> Result<Value, JsonError> {
    parse_limited(
        bytes,
        JsonLimits {
            depth_max,
            value_count_max: JSON_VALUE_COUNT_MAX,
        },
    )
}

/// Parses exactly one JSON value, refusing what two readers could understand differently. Refuses
/// at the first offence, so that memory stays within the limits whatever follows.
///
/// # Errors
///
/// [`JsonError`] names the first offence: bad syntax, anything but white space after the value, a
/// key twice in one object, nesting too deep, too many values, or a 64-bit integer that a double
/// cannot hold.
pub fn parse_limited(bytes: &[u8], limits: JsonLimits) -> Result<Value, JsonError> {
    let depth_max = limits.depth_max.min(JSON_DEPTH_MAX);
    let state = State {
        limits: JsonLimits {
            depth_max,
            ..limits
        },
        values_left: Cell::new(limits.value_count_max),
        refusal: RefCell::new(None),
    };
    let seed = StrictValue {
        place: &Place::Top,
        depth_left: depth_max,
        state: &state,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| {
        state.refusal.take().unwrap_or_else(|| JsonError::Syntax {
            line: error.line(),
            column: error.column(),
            reason: reason_without_place(&error),
        })
    })
}

/// Why bytes were refused as JSON.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// The bytes are not one JSON value. Lines and columns count from 1.
    #[error("malformed json at line {line} column {column}: {reason}")]
    Syntax {
        /// Line of the offence.
        line: usize,
        /// Column of the offence, in bytes.
        column: usize,
        /// What the parser met.
        reason: String,
    },
    /// An object names one key twice.
    #[error("{place}: the key {key} is there twice, send it once")]
    DuplicateKey {
        /// Which object, as a path from the top.
        place: String,
        /// The key, quoted and cut short if it is long.
        key: String,
    },
    /// Arrays and objects nest deeper than allowed.
    #[error("{place}: nested deeper than {depth_max} levels")]
    TooDeep {
        /// Where the limit was reached, as a path from the top.
        place: String,
        /// The limit.
        depth_max: usize,
    },
    /// More values than allowed.
    #[error("{place}: more than {count_max} values")]
    TooManyValues {
        /// Where the limit was reached, as a path from the top.
        place: String,
        /// The limit.
        count_max: usize,
    },
    /// A 64-bit integer would be changed by readers whose numbers are doubles. (Numbers with a
    /// fraction, an exponent or more digits are doubles here too, and stay as they are.)
    #[error("{place}: the integer {found} is beyond 2^53 - 1, send it as a string")]
    InexactInteger {
        /// Where it stands, as a path from the top.
        place: String,
        /// The number.
        found: String,
    },
}

/// Quotes outside text for an error message: control characters escaped, long text cut.
pub(crate) fn excerpt(text: &str) -> String {
    const EXCERPT_CHARS_MAX: usize = 48;
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(EXCERPT_CHARS_MAX).collect();
    let cut = if chars.next().is_some() { "..." } else { "" };
    format!("\"{}\"{cut}", head.escape_debug())
}

/// `serde_json` ends its messages with the place, which [`JsonError::Syntax`] carries apart.
fn reason_without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_owned()
}

/// Where the parser stands: a list threaded through the stack, so that a path costs nothing
/// until an error asks for it.
enum Place<'a> {
    Top,
    Key(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Top => f.write_str("$"),
            Place::Key(parent, key) => write!(f, "{parent}.{}", excerpt(key)),
            Place::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// What all parts of one parse share.
struct State {
    limits: JsonLimits,
    values_left: Cell<usize>,
    /// The typed error, kept here because serde's own error type can only carry text.
    refusal: RefCell<Option<JsonError>>,
}

/// Builds a [`Value`] while `serde_json` reads, checking what its own builder lets pass.
#[derive(Clone, Copy)]
struct StrictValue<'a> {
    place: &'a Place<'a>,
    depth_left: usize,
    state: &'a State,
}

impl<'a> StrictValue<'a> {
    fn refuse<E: serde::de::Error>(&self, error: JsonError) -> E {
        let text = E::custom(&error);
        self.state.refusal.replace(Some(error));
        text
    }

    fn depth_for_children<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| {
            let place = self.place.to_string();
            self.refuse(JsonError::TooDeep {
                place,
                depth_max: self.state.limits.depth_max,
            })
        })
    }

    fn count_value<E: serde::de::Error>(&self) -> Result<(), E> {
        let Some(left) = self.state.values_left.get().checked_sub(1) else {
            let (place, count_max) = (self.place.to_string(), self.state.limits.value_count_max);
            return Err(self.refuse(JsonError::TooManyValues { place, count_max }));
        };
        self.state.values_left.set(left);
        Ok(())
    }

    fn integer<E: serde::de::Error>(&self, magnitude: u64, number: Number) -> Result<Value, E> {
        if magnitude <= EXACT_INTEGER_MAX {
            return Ok(Value::Number(number));
        }
        let place = self.place.to_string();
        Err(self.refuse(JsonError::InexactInteger {
            place,
            found: number.to_string(),
        }))
    }

    fn child<'b>(self, place: &'b Place<'b>, depth_left: usize) -> StrictValue<'b>
    where
        'a: 'b,
    {
        StrictValue {
            place,
            depth_left,
            state: self.state,
        }
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        self.count_value()?;
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a json value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.integer(value.unsigned_abs(), Number::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.integer(value, Number::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let depth_left = self.depth_for_children()?;
        let mut items = Vec::new();
        loop {
            let place = Place::Index(self.place, items.len());
            match source.next_element_seed(self.child(&place, depth_left))? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let depth_left = self.depth_for_children()?;
        let mut object = Map::new();
        while let Some(key) = source.next_key::<String>()? {
            if object.contains_key(&key) {
                let place = self.place.to_string();
                return Err(self.refuse(JsonError::DuplicateKey {
                    place,
                    key: excerpt(&key),
                }));
            }
            let place = Place::Key(self.place, &key);
            let value = source.next_value_seed(self.child(&place, depth_left))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
