//! `TimeStampResp`, RFC 3161 section 2.4.2: a token, or why there is none.

use std::fmt;

use der::Tag;

use super::RESPONSE_LEN_BYTES_MAX;
use super::error::TokenFormatError;
use super::token::TimestampToken;
use super::writer;
use crate::der_reader::{Elements, MalformedDer};

/// What an authority answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampResponse {
    /// A token, exactly as asked for.
    Granted(Box<TimestampToken>),
    /// No token.
    Rejected(Rejection),
}

/// The `PKIStatus` of an answer without a token. The status "granted with modifications" is read
/// as an error: the token would not be what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PkiStatus {
    /// The request will never be granted.
    Rejection,
    /// It may be granted later.
    Waiting,
    /// The authority's certificate is about to be revoked.
    RevocationWarning,
    /// The authority's certificate was revoked.
    RevocationNotification,
}

/// Why no token is given: `PKIFailureInfo`, of which RFC 3161 knows these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureInfo {
    /// The hash is unknown or too weak.
    BadAlgorithm,
    /// The request makes no sense or is not supported.
    BadRequest,
    /// The request is not what it should be, byte by byte.
    BadDataFormat,
    /// The authority does not know what time it is.
    TimeNotAvailable,
    /// The authority does not work by the policy asked for.
    UnacceptedPolicy,
    /// The authority does not know an extension in the request.
    UnacceptedExtension,
    /// What was asked for besides cannot be given.
    AdditionalInfoNotAvailable,
    /// The authority has failed.
    SystemFailure,
}

impl FailureInfo {
    const ALL: [FailureInfo; 8] = [
        FailureInfo::BadAlgorithm,
        FailureInfo::BadRequest,
        FailureInfo::BadDataFormat,
        FailureInfo::TimeNotAvailable,
        FailureInfo::UnacceptedPolicy,
        FailureInfo::UnacceptedExtension,
        FailureInfo::AdditionalInfoNotAvailable,
        FailureInfo::SystemFailure,
    ];

    /// Its bit, counted from the first one that is sent.
    const fn bit(self) -> u8 {
        match self {
            FailureInfo::BadAlgorithm => 0,
            FailureInfo::BadRequest => 2,
            FailureInfo::BadDataFormat => 5,
            FailureInfo::TimeNotAvailable => 14,
            FailureInfo::UnacceptedPolicy => 15,
            FailureInfo::UnacceptedExtension => 16,
            FailureInfo::AdditionalInfoNotAvailable => 17,
            FailureInfo::SystemFailure => 25,
        }
    }

    /// A named bit list has no zeros at its end (X.690 section 11.2.2).
    fn to_der(self) -> Vec<u8> {
        let (bytes_before, bit) = (usize::from(self.bit() / 8), self.bit() % 8);
        let (unused, last) = (7 - bit, 0x80_u8 >> bit);
        let zeros = vec![0; bytes_before];
        writer::element(writer::BIT_STRING, &[&[unused], &zeros, &[last]])
    }
}

/// An answer without a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Whether there is hope.
    pub status: PkiStatus,
    /// What the authority says to a person.
    pub text: Option<String>,
    /// What it says to a program.
    pub failure: Option<FailureInfo>,
}

impl TimestampResponse {
    /// Reads DER, of which it accepts exactly what [`TimestampResponse::to_der`] writes.
    ///
    /// # Errors
    ///
    /// [`TokenFormatError`]: too long, not DER, or a status that is unknown or does not fit the
    /// presence of a token; and what [`TimestampToken::parse_der`] refuses.
    pub fn parse_der(der: &[u8]) -> Result<TimestampResponse, TokenFormatError> {
        let (found, max) = (der.len(), RESPONSE_LEN_BYTES_MAX);
        if found > max {
            return Err(TokenFormatError::TooLong { found, max });
        }
        let mut elements = Elements::of_sequence("timestamp response", der)?;
        let mut info = elements.sequence("status of a timestamp response")?;
        let status = info.small_integer()?;
        let text = info.take_if(Tag::Sequence)?.map(parse_text).transpose()?;
        let failure = info.take_if(Tag::BitString)?.map(parse_failure);
        let failure = failure.transpose()?;
        info.finish()?;
        let token = if elements.is_empty() {
            None
        } else {
            Some(elements.take_whole(Tag::Sequence)?)
        };
        elements.finish()?;
        let status = match status {
            GRANTED if text.is_none() && failure.is_none() => {
                let token = token.ok_or(TokenFormatError::NoToken)?;
                let token = Box::new(TimestampToken::parse_der(token)?);
                return Ok(TimestampResponse::Granted(token));
            }
            2 => PkiStatus::Rejection,
            3 => PkiStatus::Waiting,
            4 => PkiStatus::RevocationWarning,
            5 => PkiStatus::RevocationNotification,
            found => return Err(TokenFormatError::Status { found }),
        };
        if token.is_some() {
            return Err(TokenFormatError::TokenInRejection);
        }
        Ok(TimestampResponse::Rejected(Rejection {
            status,
            text,
            failure,
        }))
    }

    /// The response as DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        match self {
            TimestampResponse::Granted(token) => TimestampResponse::granted_der(token.der()),
            TimestampResponse::Rejected(rejection) => rejection.to_der(),
        }
    }

    /// The response that carries a token which was just built.
    #[must_use]
    pub fn granted_der(token_der: &[u8]) -> Vec<u8> {
        let status = writer::sequence(&[&writer::small_integer(GRANTED)]);
        writer::sequence(&[&status, token_der])
    }
}

impl Rejection {
    /// A request that will not be granted, with the reason for programs and people.
    #[must_use]
    pub fn new(failure: FailureInfo, text: String) -> Rejection {
        Rejection {
            status: PkiStatus::Rejection,
            text: Some(text),
            failure: Some(failure),
        }
    }

    /// The whole response.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let status = match self.status {
            PkiStatus::Rejection => 2,
            PkiStatus::Waiting => 3,
            PkiStatus::RevocationWarning => 4,
            PkiStatus::RevocationNotification => 5,
        };
        let text = self.text.as_ref().map(|text| {
            let text = writer::element(writer::UTF8_STRING, &[text.as_bytes()]);
            writer::sequence(&[&text])
        });
        let failure = self.failure.map(FailureInfo::to_der);
        let info = writer::sequence(&[
            &writer::small_integer(status),
            text.as_deref().unwrap_or_default(),
            failure.as_deref().unwrap_or_default(),
        ]);
        writer::sequence(&[&info])
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.status)?;
        if let Some(failure) = self.failure {
            write!(f, ", {failure:?}")?;
        }
        match &self.text {
            Some(text) => write!(f, ": {}", crate::canonical_json::excerpt(text)),
            None => Ok(()),
        }
    }
}

const GRANTED: u8 = 0;

/// `PKIFreeText`: one text is all that anybody sends.
fn parse_text(content: &[u8]) -> Result<String, MalformedDer> {
    let mut elements = Elements::of("status text of a timestamp response", content)?;
    let text = elements.take(Tag::Utf8String)?;
    let text = std::str::from_utf8(text).map_err(|error| elements.error(error.to_string()))?;
    elements.finish()?;
    Ok(text.to_owned())
}

fn parse_failure(content: &[u8]) -> Result<FailureInfo, TokenFormatError> {
    let known = FailureInfo::ALL.into_iter();
    let mut with_der = known.map(|failure| (failure, failure.to_der()));
    let found = with_der.find(|(_, der)| der.get(2..) == Some(content));
    found
        .map(|(failure, _)| failure)
        .ok_or(TokenFormatError::FailureInfo)
}
