//! What is in a file of any format that this program knows: for people who ask what somebody sent
//! them, and for programs that want it as JSON.
//!
//! Nothing is verified here, and it says so: whatever is shown is what the file claims. It may be
//! hostile, so every text of it is written without what a terminal would act on.
//!
//! The format is told from the bytes. Once it is clear, errors are those of its own reader.

use serde_json::Value;
use sigstore::bundle::BUNDLE_LEN_BYTES_MAX;
use sigstore::pki;

pub(crate) use facts::{Facts, plain, plain_json};

mod bundle;
mod certificate;
mod entry;
mod facts;
mod key;
mod note;
mod rekor_v1;
mod timestamp;
mod trust;

/// The longest file that is read: no format has longer ones.
pub(crate) const LEN_BYTES_MAX: usize = BUNDLE_LEN_BYTES_MAX;

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InspectError {
    /// None of the formats.
    #[error("is of no format that is known here")]
    Unknown,
    /// A secret, of which nothing should be shown.
    #[error("is a private key, of which nothing is shown")]
    Secret,
    /// Clearly of a format, but not right.
    #[error("is no {kind} that can be read")]
    Malformed {
        /// What it should be.
        kind: &'static str,
        /// What its reader says.
        why: String,
    },
}

impl InspectError {
    fn malformed(kind: &'static str, why: impl std::fmt::Display) -> InspectError {
        let why = why.to_string();
        InspectError::Malformed { kind, why }
    }
}

/// What is known here, for whoever gave something else.
pub(crate) const KNOWN: &str = "a bundle, a certificate, a log entry, a checkpoint, a timestamp, \
     a public key, a signature, a trusted root, a signing config or TUF metadata";

/// What a file holds.
pub(crate) fn inspect(bytes: &[u8]) -> Result<Facts, InspectError> {
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"{") {
        return json(bytes);
    }
    if let Some(label) = pem_label(text) {
        return pem(bytes, &label);
    }
    if bytes.first() == Some(&DER_SEQUENCE) {
        return der(bytes);
    }
    let as_text = str::from_utf8(bytes).ok();
    if as_text.is_some_and(|text| text.contains("\n\n\u{2014} ")) {
        return note::facts(bytes);
    }
    if let Some(found) = as_text.and_then(note::verifier_key) {
        return Ok(found);
    }
    // Some tools put PEM, JSON and DER in base64 once more.
    if let Some(inner) = as_text.and_then(decode_base64)
        && (inner.starts_with(b"-----BEGIN ") || inner.starts_with(b"{"))
    {
        return inspect(&inner);
    }
    if let Ok(found) = key::key(bytes) {
        return Ok(found);
    }
    if let Some(inner) = as_text.and_then(decode_base64)
        && inner.first() == Some(&DER_SEQUENCE)
    {
        return der(&inner);
    }
    // Any bytes may be a bare signature, so saying so of them would say nothing, unless they are in
    // base64 as signatures are.
    let is_wrapped = as_text.and_then(decode_base64).is_some();
    let has_format =
        pki::Signature::parse(bytes).is_ok_and(|signature| signature.format() != pki::Format::X509);
    if as_text.is_some() && (is_wrapped || has_format) {
        return key::signature(bytes).map_err(|_| InspectError::Unknown);
    }
    Err(InspectError::Unknown)
}

const DER_SEQUENCE: u8 = 0x30;

/// JSON is told by what its outermost object has.
fn json(bytes: &[u8]) -> Result<Facts, InspectError> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| InspectError::malformed("JSON", error))?;
    let has = |name: &str| value.get(name).is_some();
    let media_type = value.get("mediaType").and_then(Value::as_str);
    match media_type.unwrap_or_default() {
        text if text.starts_with("application/vnd.dev.sigstore.bundle") => bundle::facts(bytes),
        text if text.starts_with("application/vnd.dev.sigstore.trustedroot") => {
            trust::trusted_root(bytes)
        }
        text if text.starts_with("application/vnd.dev.sigstore.signingconfig") => {
            trust::signing_config(bytes)
        }
        text if text.starts_with("application/vnd.dev.sigstore.clienttrustconfig") => {
            trust::client_trust_config(bytes)
        }
        _ if has("base64Signature") => bundle::of_cosign(bytes),
        _ if has("signed") && has("signatures") => trust::tuf(bytes),
        _ if has("canonicalizedBody") => entry::facts(bytes),
        _ if has("payloadType") && has("payload") => bundle::envelope(&value),
        _ if has("kind") && has("apiVersion") => Ok(entry::body(bytes, &value)),
        _ if has("_type") => bundle::statement(bytes),
        _ => rekor_v1::facts(&value),
    }
}

fn pem(bytes: &[u8], label: &str) -> Result<Facts, InspectError> {
    match label {
        "CERTIFICATE" => certificate::of_pem(bytes),
        label if label.contains("PRIVATE KEY") => Err(InspectError::Secret),
        "SSH SIGNATURE" => key::signature(bytes),
        _ => key::key(bytes).or_else(|error| key::signature(bytes).map_err(|_| error)),
    }
}

/// DER does not say what it is: the readers are asked, the strictest first.
fn der(bytes: &[u8]) -> Result<Facts, InspectError> {
    certificate::of_der(bytes)
        .or_else(|_| timestamp::facts(bytes))
        .or_else(|_| key::spki(bytes))
        .or_else(|_| key::key(bytes))
        .or_else(|_| {
            let is_signature = has_two_integers(bytes) || key::is_pkcs7(bytes);
            let signature = is_signature.then(|| key::signature(bytes).ok());
            signature.flatten().ok_or(InspectError::Unknown)
        })
}

/// Whether it looks like a signature of ECDSA, which is nothing but two integers.
fn has_two_integers(der: &[u8]) -> bool {
    const INTEGER: u8 = 2;
    match der {
        [DER_SEQUENCE, 0..=0x7f, first, ..] | [DER_SEQUENCE, 0x81, _, first, ..] => {
            *first == INTEGER
        }
        _ => false,
    }
}

/// The label of the first block, which may have text before it.
fn pem_label(text: &[u8]) -> Option<String> {
    let label = text.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")
    })?;
    String::from_utf8(label.to_vec()).ok()
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    STANDARD.encode(bytes)
}

/// SHA-256, by which people find things.
fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};

    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
