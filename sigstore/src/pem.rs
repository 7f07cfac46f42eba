//! PEM, read leniently and written strictly (RFC 7468).
//!
//! Signers send PEM that few parsers agree on: one long line of base64, carriage returns, text in
//! front, no newline at the end. All of it is read. What is inside is bytes with a label, and
//! whoever asked for it checks those; nothing is decided by how the text was laid out.
//!
//! Written is the strict form: lines of 64 characters and a newline at the end.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use thiserror::Error;

/// The longest text that is read: room for a chain of certificates.
pub const PEM_LEN_BYTES_MAX: usize = 1 << 18;

/// A label and the bytes under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemBlock {
    /// What the `BEGIN` and `END` lines say: `CERTIFICATE`.
    pub label: String,
    /// The bytes that were in base64.
    pub der: Vec<u8>,
}

impl PemBlock {
    /// The block as text.
    #[must_use]
    pub fn encode(&self) -> String {
        let base64 = STANDARD.encode(&self.der);
        let mut text = format!("{BEGIN}{}{DASHES}\n", self.label);
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(LINE_LEN_BYTES.min(rest.len()));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str(END);
        text.push_str(&self.label);
        text.push_str(DASHES);
        text.push('\n');
        text
    }
}

/// Reads the first block of a text, and says what text comes after it.
///
/// # Errors
///
/// [`PemError`]: too long, not UTF-8, no block, one without an end, or not base64 inside.
pub fn parse_first(text: &[u8]) -> Result<(PemBlock, &[u8]), PemError> {
    if text.len() > PEM_LEN_BYTES_MAX {
        return Err(PemError::TooLong { found: text.len() });
    }
    let text = std::str::from_utf8(text).map_err(|_| PemError::NotUtf8)?;
    let (_, after_begin) = text.split_once(BEGIN).ok_or(PemError::NoBlock)?;
    let (label, body) = after_begin.split_once(DASHES).ok_or(PemError::Label)?;
    let is_label = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
    if label.is_empty() || label.len() > LABEL_LEN_BYTES_MAX || !label.chars().all(is_label) {
        return Err(PemError::Label);
    }
    let end = format!("{END}{label}{DASHES}");
    let no_end = || PemError::NoEnd {
        label: label.to_owned(),
    };
    let (body, rest) = body.split_once(&end).ok_or_else(no_end)?;
    let base64: String = body.split_ascii_whitespace().collect();
    let der = LENIENT.decode(&base64).map_err(|error| PemError::Base64 {
        label: label.to_owned(),
        reason: error.to_string(),
    })?;
    let label = label.to_owned();
    Ok((PemBlock { label, der }, rest.as_bytes()))
}

/// Reads every block of a text that holds nothing but certificates.
///
/// # Errors
///
/// [`PemError`]: as [`parse_first`], more than `count_max`, or a block with another label.
pub fn parse_certificates(text: &[u8], count_max: usize) -> Result<Vec<Vec<u8>>, PemError> {
    let mut certificates = Vec::new();
    let mut rest = text;
    loop {
        let (block, after) = match parse_first(rest) {
            Err(PemError::NoBlock) if !certificates.is_empty() => return Ok(certificates),
            read => read?,
        };
        if block.label != CERTIFICATE {
            let (found, wanted) = (block.label, CERTIFICATE);
            return Err(PemError::OtherLabel { found, wanted });
        }
        if certificates.len() == count_max {
            return Err(PemError::Count { max: count_max });
        }
        certificates.push(block.der);
        rest = after;
    }
}

/// A certificate as PEM.
#[must_use]
pub fn encode_certificate(der: &[u8]) -> String {
    let label = CERTIFICATE.to_owned();
    let der = der.to_vec();
    PemBlock { label, der }.encode()
}

/// Why a text is not PEM. None of it repeats what was in the text, which may be a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemError {
    /// Longer than any text that could be accepted.
    #[error("pem of {found} bytes, at most {PEM_LEN_BYTES_MAX} are accepted")]
    TooLong {
        /// The length in bytes.
        found: usize,
    },
    /// Not UTF-8.
    #[error("pem is text, but this is not utf-8")]
    NotUtf8,
    /// No `BEGIN` line.
    #[error("no pem block: no {BEGIN:?}")]
    NoBlock,
    /// A `BEGIN` line that says nothing usable.
    #[error(
        "the label of the pem block is not capital letters, digits and spaces before {DASHES:?}"
    )]
    Label,
    /// No `END` line.
    #[error("the pem block {label:?} has no end")]
    NoEnd {
        /// The block.
        label: String,
    },
    /// Not base64 inside.
    #[error("the pem block {label:?} is not base64: {reason}")]
    Base64 {
        /// The block.
        label: String,
        /// What the decoder met.
        reason: String,
    },
    /// Something else than what was asked for.
    #[error("pem block {found:?}, wanted {wanted:?}")]
    OtherLabel {
        /// What the block says it is.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// More blocks than are read.
    #[error("more than {max} certificates")]
    Count {
        /// The most that are read.
        max: usize,
    },
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const CERTIFICATE: &str = "CERTIFICATE";
/// The length of lines in RFC 7468.
const LINE_LEN_BYTES: usize = 64;
/// Longer than the labels in use.
const LABEL_LEN_BYTES_MAX: usize = 64;
/// With or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests;
