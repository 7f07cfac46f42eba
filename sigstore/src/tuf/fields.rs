//! Reading fields of metadata, with errors that say where. Unknown fields are ignored.

use serde_json::{Map, Value};

use super::{Role, SPEC_VERSION, TufError, Version};
use crate::time::UnixSeconds;
use crate::time_range::ProtoTime;

pub(super) type Object = Map<String, Value>;

pub(super) fn wanted(path: &str, wanted: &'static str) -> TufError {
    TufError::Field {
        path: path.to_owned(),
        wanted,
    }
}

pub(super) fn object<'a>(value: Option<&'a Value>, path: &str) -> Result<&'a Object, TufError> {
    value
        .and_then(Value::as_object)
        .ok_or_else(|| wanted(path, "an object"))
}

pub(super) fn array<'a>(value: Option<&'a Value>, path: &str) -> Result<&'a [Value], TufError> {
    let array = value.and_then(Value::as_array).map(Vec::as_slice);
    array.ok_or_else(|| wanted(path, "a list"))
}

pub(super) fn text<'a>(value: Option<&'a Value>, path: &str) -> Result<&'a str, TufError> {
    value
        .and_then(Value::as_str)
        .ok_or_else(|| wanted(path, "a string"))
}

/// A number from 1 that fits into 32 bits.
pub(super) fn positive(value: Option<&Value>, path: &str) -> Result<u32, TufError> {
    let number = value.and_then(Value::as_u64);
    let number = number.and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| wanted(path, "a number from 1 to 4294967295"))
}

pub(super) fn version(value: Option<&Value>, path: &str) -> Result<Version, TufError> {
    let number = positive(value, path)?;
    Version::new(number).ok_or_else(|| wanted(path, "a number from 1"))
}

/// A key id, a hash or a signature. Written in lower case.
pub(super) fn hex(text: &str, path: &str) -> Result<Vec<u8>, TufError> {
    hex_bytes(text).ok_or_else(|| wanted(path, "hex digits"))
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// What every role's file begins with: which role it is, its version and its expiry.
pub(super) fn header(signed: &Object, role: Role) -> Result<(Version, UnixSeconds), TufError> {
    if text(signed.get("_type"), "_type")? != role.name() {
        return Err(wanted("_type", role.name()));
    }
    if !text(signed.get("spec_version"), "spec_version")?.starts_with("1.") {
        return Err(wanted("spec_version", "version 1 of the specification"));
    }
    let version = version(signed.get("version"), "version")?;
    let expires = ProtoTime::read(text(signed.get("expires"), "expires")?);
    let expires = expires.filter(|time| time.nanos() == 0);
    let expires = expires.ok_or_else(|| wanted("expires", "a time like 2026-01-01T00:00:00Z"))?;
    Ok((version, expires.seconds()))
}

/// The fields that [`header`] reads.
///
/// # Panics
///
/// If the expiry is after the year 9999.
pub(super) fn write_header(role: Role, version: Version, expires: UnixSeconds) -> Object {
    let expires = ProtoTime::from_seconds(expires).expect("metadata expires before the year 10000");
    let mut signed = Object::new();
    signed.insert("_type".to_owned(), role.name().into());
    signed.insert("spec_version".to_owned(), SPEC_VERSION.into());
    signed.insert("version".to_owned(), version.get().into());
    signed.insert("expires".to_owned(), expires.to_string().into());
    signed
}
