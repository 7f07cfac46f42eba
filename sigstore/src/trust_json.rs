//! What the readers of trust files share: their errors and the checks of single fields.

use serde_json::Value;
use thiserror::Error;

use crate::canonical_json::{JsonError, JsonLimits, excerpt, parse_limited};
use crate::proto_json::{self, ProtoJsonError};

/// A trust root nests six levels deep; one with a hundred instances holds some thousand values.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 65_536,
};

/// The longest trust file that is read: a hundred times that of the public instance.
pub const TRUST_FILE_LEN_BYTES_MAX: usize = 1024 * 1024;

/// Why a trust file was refused, at which field.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustFileError {
    /// Longer than any real one.
    #[error("trust file: {found} bytes, at most {max} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not one JSON value, or one with duplicate keys.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not the message.
    #[error(transparent)]
    Message(#[from] ProtoJsonError),
    /// Another kind of file, or another version.
    #[error("mediaType: found {found}, wanted {wanted}")]
    MediaType {
        /// What it says, quoted.
        found: String,
        /// What can be read.
        wanted: &'static str,
    },
    /// A part is absent or empty without which clients refuse the file.
    #[error("{path}: missing or empty")]
    Missing {
        /// The field.
        path: String,
    },
    /// Not a time.
    #[error("{path}: {found} is not a time, wanted one like \"2026-01-01T00:00:00Z\"")]
    Time {
        /// The field.
        path: String,
        /// What was found, quoted.
        found: String,
    },
    /// A range of time ends before it starts.
    #[error("{path}: ends before it starts")]
    RangeReversed {
        /// The field.
        path: String,
    },
    /// An enum has a value that cannot be used here.
    #[error("{path}: found {found}, wanted {wanted}")]
    Unsupported {
        /// The field.
        path: String,
        /// What was found.
        found: String,
        /// What can be used.
        wanted: String,
    },
    /// An id has a length that no log has.
    #[error("{path}: {found} bytes, wanted 32")]
    IdLen {
        /// The field.
        path: String,
        /// Its length in bytes.
        found: usize,
    },
    /// Clients find a log by its id, so two logs with one id hide each other.
    #[error("{path}: the same id as {other}, clients would see only one of the two logs")]
    SameLogId {
        /// The log that comes second.
        path: String,
        /// The log that comes first.
        other: String,
    },
    /// Clients need a scheme and a host.
    #[error("{path}: {found} is not a URL, wanted one that begins with https:// or http://")]
    Url {
        /// The field.
        path: String,
        /// What was found, quoted.
        found: String,
    },
    /// A number is not what its field can hold.
    #[error("{path}: found {found}, wanted a number from 1 to {max}")]
    Number {
        /// The field.
        path: String,
        /// What was found.
        found: String,
        /// The largest number.
        max: u32,
    },
}

/// Reads a whole file as JSON, within the limits of trust files.
pub(crate) fn parse_file(bytes: &[u8]) -> Result<Value, TrustFileError> {
    let (found, max) = (bytes.len(), TRUST_FILE_LEN_BYTES_MAX);
    if found > max {
        return Err(TrustFileError::TooLong { found, max });
    }
    Ok(parse_limited(bytes, JSON_LIMITS)?)
}

pub(crate) fn required<'a>(
    value: Option<&'a Value>,
    path: &str,
) -> Result<&'a Value, TrustFileError> {
    value.ok_or_else(|| TrustFileError::Missing {
        path: path.to_owned(),
    })
}

/// Reads a string that must not be empty.
pub(crate) fn text(value: Option<&Value>, path: &str) -> Result<String, TrustFileError> {
    let text = proto_json::string(value, path)?;
    if text.is_empty() {
        return Err(TrustFileError::Missing {
            path: path.to_owned(),
        });
    }
    Ok(text)
}

/// Reads the bytes of a key or a certificate, which must not be empty.
pub(crate) fn bytes(value: Option<&Value>, path: &str) -> Result<Vec<u8>, TrustFileError> {
    let bytes = proto_json::bytes(value, path)?;
    if bytes.is_empty() {
        return Err(TrustFileError::Missing {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

/// Reads each item of a list; an unset list is empty.
pub(crate) fn list<T>(
    value: Option<&Value>,
    path: &str,
    read: impl Fn(&Value, &str) -> Result<T, TrustFileError>,
) -> Result<Vec<T>, TrustFileError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let numbered = items.iter().enumerate();
            let read_item = |(number, item)| read(item, &format!("{path}[{number}]"));
            numbered.map(read_item).collect()
        }
        Some(other) => Err(proto_json::wrong_type(path, other, "a list").into()),
    }
}

/// Refuses a file of another kind.
pub(crate) fn check_media_type(
    value: Option<&Value>,
    read: &[&str],
    wanted: &'static str,
) -> Result<(), TrustFileError> {
    let found = proto_json::string(value, "mediaType")?;
    if read.contains(&found.as_str()) {
        return Ok(());
    }
    let found = excerpt(&found);
    Err(TrustFileError::MediaType { found, wanted })
}

/// Refuses a URL from which a client could not take the host. A URL without scheme parses as one
/// without host in Go.
pub(crate) fn check_url(url: &str, path: &str) -> Result<(), TrustFileError> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && host.is_some_and(|host| !host.is_empty() && !host.starts_with(':')) {
        return Ok(());
    }
    Err(TrustFileError::Url {
        path: path.to_owned(),
        found: excerpt(url),
    })
}

/// Writes a trust file: readable, in the order of the protobuf definition, with a final newline.
pub(crate) fn write_file(file: &impl serde::Serialize) -> Vec<u8> {
    let written = serde_json::to_vec_pretty(file);
    let mut bytes = written.expect("strings, numbers and lists always have a JSON form");
    bytes.push(b'\n');
    bytes
}
