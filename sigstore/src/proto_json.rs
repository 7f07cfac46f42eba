//! Reading protobuf messages from parsed JSON, as the protobuf JSON mapping and its Go decoder
//! (protojson, unknown fields refused) have it.
//!
//! Lenient where that decoder is: each field by its JSON name (`rawBytes`) or its name in the
//! `.proto` file (`raw_bytes`), `null` for an unset field, bytes in the standard or the URL-safe
//! base64 alphabet with or without padding, enums by name or number. Strict where it is: unknown
//! fields, one field under both its names, two arms of a oneof, a value of another JSON type.
//! Line breaks inside base64 are passed over, wherever they are: there are signers who put in what
//! a command line tool printed.
//!
//! Not here: writing. What this crate writes has one form, fixed beside the type that it encodes.
//!
//! Spec: <https://protobuf.dev/programming-guides/json/>.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Number, Value};
use thiserror::Error;

use crate::canonical_json::excerpt;

/// Why a JSON value is not the protobuf message it should be. Each variant says at which field.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtoJsonError {
    /// A value has another JSON type than its field.
    #[error("{path}: found {found}, wanted {wanted}")]
    WrongType {
        /// The field.
        path: String,
        /// The JSON type that was found.
        found: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// A message has a field that its definition lacks.
    #[error("{path}: unknown field {name}, known are {known}")]
    UnknownField {
        /// The message.
        path: String,
        /// The name, quoted and cut short if it is long.
        name: String,
        /// The names that are known.
        known: String,
    },
    /// One field is there under both of its names.
    #[error("{path}: the field {name} is there twice, send it under one name only")]
    FieldTwice {
        /// The message.
        path: String,
        /// The field's lowerCamelCase name.
        name: &'static str,
    },
    /// Two fields are set of which a message may carry one.
    #[error("{path}: both {first} and {second} are set, send only one of them")]
    BothArms {
        /// The message.
        path: String,
        /// One of the two.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A bytes field is not base64.
    #[error("{path}: not base64: {reason}")]
    Base64 {
        /// The field.
        path: String,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// An enum field has a name that its definition lacks.
    #[error("{path}: unknown name {found}")]
    UnknownEnumName {
        /// The field.
        path: String,
        /// The name, quoted and cut short if it is long.
        found: String,
    },
    /// An enum field has a number that is no 32-bit integer.
    #[error("{path}: the number {found} is not a 32-bit integer")]
    EnumNumber {
        /// The field.
        path: String,
        /// The number.
        found: String,
    },
}

/// The two spellings of one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldName {
    /// lowerCamelCase, the name in errors.
    pub(crate) camel: &'static str,
    /// The name in the `.proto` file.
    pub(crate) snake: &'static str,
}

impl FieldName {
    pub(crate) const fn new(camel: &'static str, snake: &'static str) -> Self {
        FieldName { camel, snake }
    }
}

/// Takes a message apart: the value of each field in the order of `names`, `None` where it is
/// absent or `null`.
pub(crate) fn fields<'a, const COUNT: usize>(
    value: &'a Value,
    path: &str,
    names: &[FieldName; COUNT],
) -> Result<[Option<&'a Value>; COUNT], ProtoJsonError> {
    let Value::Object(object) = value else {
        return Err(wrong_type(path, value, "an object"));
    };
    let mut seen = [None; COUNT];
    for (key, value) in object {
        let slot = names
            .iter()
            .zip(&mut seen)
            .find(|(n, _)| n.camel == key || n.snake == key);
        let Some((name, slot)) = slot else {
            let known = names.each_ref().map(|n| n.camel).join(", ");
            return Err(ProtoJsonError::UnknownField {
                path: path.to_owned(),
                name: excerpt(key),
                known,
            });
        };
        // A null counts as the field being there, although it sets nothing.
        if slot.replace(value).is_some() {
            return Err(ProtoJsonError::FieldTwice {
                path: path.to_owned(),
                name: name.camel,
            });
        }
    }
    Ok(seen.map(|slot| slot.filter(|value| !value.is_null())))
}

/// Refuses a message in which both arms of a oneof are set.
pub(crate) fn at_most_one(
    path: &str,
    first: (FieldName, Option<&Value>),
    second: (FieldName, Option<&Value>),
) -> Result<(), ProtoJsonError> {
    if first.1.is_some() && second.1.is_some() {
        let (first, second) = (first.0.camel, second.0.camel);
        return Err(ProtoJsonError::BothArms {
            path: path.to_owned(),
            first,
            second,
        });
    }
    Ok(())
}

/// Reads a bytes field; an unset one is empty.
pub(crate) fn bytes(value: Option<&Value>, path: &str) -> Result<Vec<u8>, ProtoJsonError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let Value::String(text) = value else {
        return Err(wrong_type(path, value, "a base64 string"));
    };
    let joined;
    let text = if text.contains(LINE_BREAKS) {
        joined = text.replace(LINE_BREAKS, "");
        &joined
    } else {
        text
    };
    let url_safe = text.contains(['-', '_']);
    let engine = match (url_safe, text.len().is_multiple_of(4)) {
        (false, true) => &STANDARD_PADDED,
        (false, false) => &STANDARD_UNPADDED,
        (true, true) => &URL_SAFE_PADDED,
        (true, false) => &URL_SAFE_UNPADDED,
    };
    engine.decode(text).map_err(|error| ProtoJsonError::Base64 {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

const LINE_BREAKS: [char; 2] = ['\r', '\n'];

/// Reads a string field; an unset one is empty.
pub(crate) fn string(value: Option<&Value>, path: &str) -> Result<String, ProtoJsonError> {
    match value {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(wrong_type(path, other, "a string")),
    }
}

/// Reads a repeated field; an unset one is empty.
pub(crate) fn list<'a>(
    value: Option<&'a Value>,
    path: &str,
) -> Result<&'a [Value], ProtoJsonError> {
    match value {
        None => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(wrong_type(path, other, "an array")),
    }
}

/// Reads an enum field by name or number; an unset one is 0. Numbers without a name are let
/// through, as proto3 does: the caller decides which values it takes.
pub(crate) fn enumeration(
    value: Option<&Value>,
    path: &str,
    number_of: impl Fn(&str) -> Option<i32>,
) -> Result<i32, ProtoJsonError> {
    match value {
        None => Ok(0),
        Some(Value::String(name)) => {
            number_of(name).ok_or_else(|| ProtoJsonError::UnknownEnumName {
                path: path.to_owned(),
                found: excerpt(name),
            })
        }
        Some(Value::Number(number)) => {
            enum_number(number).ok_or_else(|| ProtoJsonError::EnumNumber {
                path: path.to_owned(),
                found: number.to_string(),
            })
        }
        Some(other) => Err(wrong_type(path, other, "a name or a number")),
    }
}

pub(crate) fn wrong_type(path: &str, found: &Value, wanted: &'static str) -> ProtoJsonError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ProtoJsonError::WrongType {
        path: path.to_owned(),
        found,
        wanted,
    }
}

/// `5`, `5.0` and `5e0` are the same number to protobuf. A double without a fraction prints as an
/// integer, so that its text decides.
fn enum_number(number: &Number) -> Option<i32> {
    let text = match number.as_f64() {
        Some(double) if number.is_f64() => double.to_string(),
        _ => number.to_string(),
    };
    text.parse().ok()
}

/// The alphabet is chosen by content and the padding by length, as Go's decoder does it: a text
/// whose length is a multiple of four has canonical padding, any other has none. Bits behind the
/// last byte are ignored, as there: the bytes are what counts, and they are written anew.
const fn engine(alphabet: &Alphabet, padding: DecodePaddingMode) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(padding);
    GeneralPurpose::new(alphabet, config)
}

const STANDARD_PADDED: GeneralPurpose = engine(&STANDARD, DecodePaddingMode::RequireCanonical);
const STANDARD_UNPADDED: GeneralPurpose = engine(&STANDARD, DecodePaddingMode::RequireNone);
const URL_SAFE_PADDED: GeneralPurpose = engine(&URL_SAFE, DecodePaddingMode::RequireCanonical);
const URL_SAFE_UNPADDED: GeneralPurpose = engine(&URL_SAFE, DecodePaddingMode::RequireNone);

#[cfg(test)]
mod tests;
