//! The name of an authority: organisation and common name (RFC 5280 section 4.1.2.4).

use thiserror::Error;

use super::oids;
use crate::der_writer::{sequence, tag, tlv};

/// The most characters of each part: the upper bound of X.520 for both.
pub const NAME_PART_CHARS_MAX: usize = 64;

/// Organisation and common name.
///
/// Invariant: each has 1 to 64 characters and none that controls a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    organization: String,
    common_name: String,
}

impl DistinguishedName {
    /// A name.
    ///
    /// # Errors
    ///
    /// [`NameError`]: a part is empty, too long, or has a control character.
    pub fn new(organization: &str, common_name: &str) -> Result<Self, NameError> {
        check("organisation", organization)?;
        check("common name", common_name)?;
        Ok(Self {
            organization: organization.to_owned(),
            common_name: common_name.to_owned(),
        })
    }

    /// The DER `Name`. A text of plain letters is a `PrintableString`, any other a `UTF8String`.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let parts = [
            (oids::ORGANIZATION, &self.organization),
            (oids::COMMON_NAME, &self.common_name),
        ];
        sequence(&parts.map(|(oid, text)| {
            let is_printable = text.bytes().all(is_printable);
            let form = if is_printable {
                tag::PRINTABLE_STRING
            } else {
                tag::UTF8_STRING
            };
            let pair = [tlv(tag::OID, oid.as_bytes()), tlv(form, text.as_bytes())];
            tlv(tag::SET, &sequence(&pair))
        }))
    }
}

/// A DER `Name` as people write it (RFC 4514), `None` if it is empty or no name. For showing only:
/// what is compared are the bytes.
#[must_use]
pub fn describe(der: &[u8]) -> Option<String> {
    use der::Decode as _;

    let name = x509_cert::name::RdnSequence::from_der(der).ok()?;
    Some(name.to_string()).filter(|text| !text.is_empty())
}

/// Why a text cannot be part of a name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// Empty, or too long.
    #[error("{part} of {found} characters, wanted 1 to {NAME_PART_CHARS_MAX}")]
    Length {
        /// Which part.
        part: &'static str,
        /// How many characters it has.
        found: usize,
    },
    /// A control character.
    #[error("{part} with the control character {found:?}")]
    Control {
        /// Which part.
        part: &'static str,
        /// The character.
        found: char,
    },
}

fn check(part: &'static str, text: &str) -> Result<(), NameError> {
    let found = text.chars().count();
    if !(1..=NAME_PART_CHARS_MAX).contains(&found) {
        return Err(NameError::Length { part, found });
    }
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(NameError::Control { part, found }),
        None => Ok(()),
    }
}

/// Whether `PrintableString` has the character (X.680 section 41.4).
const fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b' ' | b'\'' | b'(' | b')' | b'+'..=b'/' | b':' | b'=' | b'?'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_bytes_of_fulcios_root() {
        let name = DistinguishedName::new("sigstore.dev", "sigstore").unwrap();
        let wanted = "302a31153013060355040a130c73696773746f72652e646576\
                      3111300f0603550403130873696773746f7265";
        assert_eq!(hex::encode(name.to_der()), wanted);
    }

    #[test]
    fn a_name_is_described_as_people_write_it() {
        let name = DistinguishedName::new("sigstore.dev", "sigstore").unwrap();
        let shown = describe(&name.to_der()).unwrap();
        assert!(
            shown.contains("O=sigstore.dev") && shown.contains("CN=sigstore"),
            "{shown}"
        );
        assert_eq!(describe(&[0x30, 0]), None);
        assert_eq!(describe(b"nonsense"), None);
    }

    #[test]
    fn letters_beyond_the_plain_ones_are_utf_8() {
        let name = DistinguishedName::new("a_b", "caf\u{e9}").unwrap().to_der();
        assert!(
            name.windows(5)
                .any(|w| w == [tag::UTF8_STRING, 3, b'a', b'_', b'b'])
        );
        assert!(name.windows(3).any(|w| w == [tag::UTF8_STRING, 5, b'c']));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let error = |a: &str, b: &str| DistinguishedName::new(a, b).unwrap_err().to_string();
        assert_eq!(
            error("", "x"),
            "organisation of 0 characters, wanted 1 to 64"
        );
        assert_eq!(
            error("x", &"y".repeat(65)),
            "common name of 65 characters, wanted 1 to 64"
        );
        assert_eq!(
            error("x", "a\nb"),
            r"common name with the control character '\n'"
        );
    }
}
