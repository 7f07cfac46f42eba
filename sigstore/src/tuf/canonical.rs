//! The canonical JSON that TUF signs. It is that of OLPC, not RFC 8785.
//!
//! Keys are sorted by code point, there is no white space, and of all characters only the quote and
//! the backslash are escaped: a line break inside a string, as every PEM key has them, is written
//! as it is. So the result need not be JSON. Numbers are integers.
//!
//! Spec: <https://wiki.laptop.org/go/Canonical_JSON>.

use serde_json::Value;

use super::TufError;

/// Writes a value in its one form.
///
/// # Errors
///
/// [`TufError::NotCanonical`] for a number that is no integer.
pub fn encode(value: &Value) -> Result<Vec<u8>, TufError> {
    let mut bytes = Vec::new();
    write_value(value, &mut bytes)?;
    Ok(bytes)
}

/// Recurses as deep as the value nests, which its parser has bounded.
fn write_value(value: &Value, bytes: &mut Vec<u8>) -> Result<(), TufError> {
    match value {
        Value::Null => bytes.extend(b"null"),
        Value::Bool(true) => bytes.extend(b"true"),
        Value::Bool(false) => bytes.extend(b"false"),
        Value::String(text) => write_text(text, bytes),
        Value::Number(number) if number.is_f64() => {
            let found = number.to_string();
            return Err(TufError::NotCanonical { found });
        }
        Value::Number(number) => bytes.extend(number.to_string().bytes()),
        Value::Array(items) => {
            bytes.push(b'[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    bytes.push(b',');
                }
                write_value(item, bytes)?;
            }
            bytes.push(b']');
        }
        Value::Object(object) => {
            // The order of UTF-8 bytes is that of code points.
            let mut fields: Vec<(&String, &Value)> = object.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            bytes.push(b'{');
            for (number, (key, value)) in fields.into_iter().enumerate() {
                if number > 0 {
                    bytes.push(b',');
                }
                write_text(key, bytes);
                bytes.push(b':');
                write_value(value, bytes)?;
            }
            bytes.push(b'}');
        }
    }
    Ok(())
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    bytes.push(b'"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_one_form() {
        let value = json!({
            "b": [1, -2, true, false, null],
            "a": "line\nbreak \"quoted\" back\\slash \u{7f} \u{e9}",
            "A": {},
            "\u{10000}": [],
            "\u{ffff}": "",
        });
        let wanted = "{\"A\":{},\"a\":\"line\nbreak \\\"quoted\\\" back\\\\slash \u{7f} \u{e9}\",\
            \"b\":[1,-2,true,false,null],\"\u{ffff}\":\"\",\"\u{10000}\":[]}";
        assert_eq!(encode(&value), Ok(wanted.as_bytes().to_vec()));
    }

    #[test]
    fn fractions_have_none() {
        let error = encode(&json!({"a": [1.5]})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the number 1.5 has no canonical form, wanted an integer"
        );
    }
}
