//! The subject alternative name: whom a certificate is for (RFC 5280 section 4.2.1.6).
//!
//! A certificate of Sigstore has an empty subject and exactly one alternative name, of one of
//! three forms. Two are ordinary (`rfc822Name`, `uniformResourceIdentifier`); a user name that is
//! no mail address has none of its own and goes into an `otherName` under Fulcio's identifier.
//!
//! Invariant: [`SubjectAltName::parse`] accepts exactly what [`SubjectAltName::encode`] writes.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};
use thiserror::Error;

use super::oids;
use crate::der_writer::{sequence, tag, tlv};

/// The longest name in bytes: beyond any mail address, and room for the longest workflow path.
pub const SAN_LEN_BYTES_MAX: usize = 2048;

/// `[0]`, constructed: an `otherName`, and the explicit tag of the value inside it.
const OTHER_NAME: u8 = 0xa0;
/// `[1]`: an `rfc822Name`.
const RFC822_NAME: u8 = 0x81;
/// `[6]`: a `uniformResourceIdentifier`.
const URI: u8 = 0x86;

/// The one name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectAltName {
    /// A mail address, in the case the issuer gave it.
    Email(String),
    /// A URI: a workflow, a service account, a SPIFFE identity.
    Uri(String),
    /// A user name with its domain, `sub!domain`; Fulcio's `otherName`.
    OtherName(String),
}

impl SubjectAltName {
    /// The name itself, without its form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(name) | Self::Uri(name) | Self::OtherName(name) => name,
        }
    }

    /// What form of name it is, in words.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self {
            Self::Email(_) => "mail address",
            Self::Uri(_) => "uri",
            Self::OtherName(_) => "user name",
        }
    }

    /// The value of the extension: a `GeneralNames` with this name.
    ///
    /// # Errors
    ///
    /// [`SanError`]: empty, too long, or with characters that the form has no place for.
    pub fn encode(&self) -> Result<Vec<u8>, SanError> {
        self.check()?;
        let name = self.as_str().as_bytes();
        let general_name = match self {
            Self::Email(_) => tlv(RFC822_NAME, name),
            Self::Uri(_) => tlv(URI, name),
            Self::OtherName(_) => {
                let form = tlv(tag::OID, oids::FULCIO_USERNAME.as_bytes());
                let value = tlv(OTHER_NAME, &tlv(tag::UTF8_STRING, name));
                tlv(OTHER_NAME, &[form, value].concat())
            }
        };
        Ok(sequence(&[general_name]))
    }

    /// Reads the value of the extension.
    ///
    /// # Errors
    ///
    /// [`SanError`]: not DER, no name or several, another form of name, or one that
    /// [`SubjectAltName::encode`] would not write.
    pub fn parse(value: &[u8]) -> Result<Self, SanError> {
        let mut reader = SliceReader::new(value).map_err(malformed)?;
        let names = reader
            .sequence(|names| {
                let mut found = Vec::new();
                // One more than wanted is enough to refuse them all.
                while !names.is_finished() && found.len() < 2 {
                    found.push(names.tlv_bytes()?);
                }
                names.drain(names.remaining_len())?;
                Ok::<_, der::Error>(found)
            })
            .map_err(malformed)?;
        reader.finish().map_err(malformed)?;
        let [name] = names.as_slice() else {
            return Err(SanError::Count {
                several: !names.is_empty(),
            });
        };
        let san = parse_general_name(name)?;
        san.check()?;
        Ok(san)
    }

    /// Whether the name can be written in its form.
    fn check(&self) -> Result<(), SanError> {
        let (form, name) = (self.form(), self.as_str());
        if name.is_empty() {
            return Err(SanError::Empty { form });
        }
        if name.len() > SAN_LEN_BYTES_MAX {
            let found = name.len();
            return Err(SanError::TooLong { form, found });
        }
        let ascii_only = !matches!(self, Self::OtherName(_));
        let bad = |c: char| c.is_control() || (ascii_only && (!c.is_ascii() || c == ' '));
        match name.chars().find(|c| bad(*c)) {
            Some(found) => Err(SanError::Character { form, found }),
            None => Ok(()),
        }
    }
}

/// Why a name cannot be in a certificate, or was not found in one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SanError {
    /// Not the DER of an alternative name.
    #[error("subject alternative name is not well-formed der: {reason}")]
    Malformed {
        /// What the parser met.
        reason: String,
    },
    /// None, or more than one.
    #[error(
        "{} subject alternative name, wanted exactly one",
        if *several { "more than one" } else { "no" }
    )]
    Count {
        /// Whether there was any.
        several: bool,
    },
    /// A form of name that Sigstore does not use.
    #[error("subject alternative name of tag {tag:#04x}, wanted a mail address, uri or user name")]
    Form {
        /// The DER tag that was found.
        tag: u8,
    },
    /// An `otherName` of another kind.
    #[error("otherName of type {oid}, wanted {}", oids::FULCIO_USERNAME)]
    OtherNameType {
        /// The type that was found.
        oid: String,
    },
    /// Nothing in it.
    #[error("the {form} is empty")]
    Empty {
        /// What form of name.
        form: &'static str,
    },
    /// Longer than any name that is accepted.
    #[error("{form} of {found} bytes, at most {SAN_LEN_BYTES_MAX} are accepted")]
    TooLong {
        /// What form of name.
        form: &'static str,
        /// Its length in bytes.
        found: usize,
    },
    /// A character that the form has no place for.
    #[error("the {form} has the character {found:?}, which cannot stand in a certificate")]
    Character {
        /// What form of name.
        form: &'static str,
        /// The first such character.
        found: char,
    },
}

fn malformed(error: impl std::fmt::Display) -> SanError {
    SanError::Malformed {
        reason: error.to_string(),
    }
}

fn parse_general_name(name: &[u8]) -> Result<SubjectAltName, SanError> {
    let any = AnyRef::from_der(name).map_err(malformed)?;
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(malformed)?;
        Ok::<_, SanError>(text.to_owned())
    };
    match name.first().copied().unwrap_or_default() {
        RFC822_NAME => Ok(SubjectAltName::Email(text(any.value())?)),
        URI => Ok(SubjectAltName::Uri(text(any.value())?)),
        OTHER_NAME => {
            let mut reader = SliceReader::new(any.value()).map_err(malformed)?;
            let form = ObjectIdentifier::decode(&mut reader).map_err(malformed)?;
            if form != oids::FULCIO_USERNAME {
                let oid = form.to_string();
                return Err(SanError::OtherNameType { oid });
            }
            let explicit = reader.tlv_bytes().map_err(malformed)?;
            reader.finish().map_err(malformed)?;
            if explicit.first() != Some(&OTHER_NAME) {
                return Err(malformed("the value of the otherName has no explicit tag"));
            }
            let value = AnyRef::from_der(explicit).map_err(malformed)?.value();
            let value = der::asn1::Utf8StringRef::from_der(value).map_err(malformed)?;
            Ok(SubjectAltName::OtherName(value.as_str().to_owned()))
        }
        tag => Err(SanError::Form { tag }),
    }
}

#[cfg(test)]
mod tests;
