//! `TSTInfo`, RFC 3161 section 2.4.2: what an authority signs.

use std::fmt;

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::error::TokenFormatError;
use super::gen_time::GenTime;
use super::imprint::MessageImprint;
use super::integer::{Nonce, SerialNumber};
use super::writer;
use crate::der_reader::{Elements, MalformedDer, context, context_primitive, malformed};

/// Under which rules a token is issued: an object identifier of whoever wrote them down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimestampPolicy(ObjectIdentifier);

impl TimestampPolicy {
    /// The policy that Sigstore's own timestamp authority names.
    pub const SIGSTORE: TimestampPolicy =
        TimestampPolicy(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2"));

    /// The policy with this identifier.
    #[must_use]
    pub const fn new(oid: ObjectIdentifier) -> TimestampPolicy {
        TimestampPolicy(oid)
    }

    pub(super) fn from_content(content: &[u8]) -> Result<TimestampPolicy, MalformedDer> {
        let oid = ObjectIdentifier::from_bytes(content);
        oid.map(TimestampPolicy).map_err(|error| MalformedDer {
            what: "timestamp policy",
            reason: error.to_string(),
        })
    }

    pub(super) fn to_der(self) -> Vec<u8> {
        writer::oid(&self.0)
    }
}

impl fmt::Display for TimestampPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a token's time may be from the true one. RFC 3161 section 2.4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Accuracy {
    /// Seconds, below 128 as every known authority has it.
    pub seconds: Option<u8>,
    /// Milliseconds on top, 1 to 999.
    pub millis: Option<u16>,
    /// Microseconds on top, 1 to 999.
    pub micros: Option<u16>,
}

impl Accuracy {
    /// One second.
    pub const ONE_SECOND: Accuracy = Accuracy {
        seconds: Some(1),
        millis: None,
        micros: None,
    };
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo {
    /// The authority's policy.
    pub policy: TimestampPolicy,
    /// What was timestamped.
    pub imprint: MessageImprint,
    /// The token's number, of which the authority uses each once.
    pub serial_number: SerialNumber,
    /// When.
    pub gen_time: GenTime,
    /// How exactly.
    pub accuracy: Option<Accuracy>,
    /// Whether the authority's tokens can be ordered by their times however close these are.
    pub ordering: bool,
    /// The request's nonce.
    pub nonce: Option<Nonce>,
    /// What the authority calls itself: a whole DER `GeneralName`. A hint, never looked at.
    pub tsa_name: Option<Vec<u8>>,
}

impl TstInfo {
    /// Reads DER, of which it accepts exactly what [`TstInfo::to_der`] writes.
    ///
    /// # Errors
    ///
    /// [`TokenFormatError`]: not DER, another version, a weak or unknown hash, or extensions:
    /// none is known, and a critical one would change what is said.
    pub fn parse_der(der: &[u8]) -> Result<TstInfo, TokenFormatError> {
        let mut elements = Elements::of_sequence("TSTInfo", der)?;
        let version = elements.small_integer()?;
        if version != VERSION {
            return Err(TokenFormatError::Version {
                what: "TSTInfo",
                found: version,
            });
        }
        let number = |error: der::Error| malformed("TSTInfo", &error);
        let policy = TimestampPolicy::from_content(elements.take(Tag::ObjectIdentifier)?)?;
        let imprint = MessageImprint::parse(elements.sequence("message imprint")?)?;
        let serial = elements.take(Tag::Integer)?;
        let gen_time = elements.take(Tag::GeneralizedTime)?;
        let accuracy = elements.take_if(Tag::Sequence)?;
        let ordering = elements.take_if(Tag::Boolean)?;
        let nonce = elements.take_if(Tag::Integer)?.map(Nonce::from_content);
        let tsa_name = elements.take_if(context(0))?;
        let extensions = elements.take_if(context(1))?;
        let ordering = match ordering {
            None => false,
            Some([0xff]) => true,
            Some(_) => {
                let reason = "ordering is TRUE or absent in DER".to_owned();
                return Err(elements.error(reason).into());
            }
        };
        let gen_time = GenTime::from_content(gen_time).map_err(|reason| elements.error(reason))?;
        elements.finish()?;
        if extensions.is_some() {
            return Err(TokenFormatError::Extensions);
        }
        Ok(TstInfo {
            policy,
            imprint,
            serial_number: SerialNumber::from_content(serial).map_err(number)?,
            gen_time,
            accuracy: accuracy.map(parse_accuracy).transpose()?,
            ordering,
            nonce: nonce.transpose().map_err(number)?,
            tsa_name: tsa_name.map(one_general_name).transpose()?,
        })
    }

    /// The DER that is signed.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let ordering = self
            .ordering
            .then(|| writer::element(writer::BOOLEAN, &[&[0xff]]));
        let nonce = self.nonce.as_ref().map(Nonce::to_der);
        let tsa_name = self
            .tsa_name
            .as_ref()
            .map(|name| writer::element(writer::CONTEXT_CONSTRUCTED, &[name]));
        let accuracy = self.accuracy.map(accuracy_der);
        writer::sequence(&[
            &writer::small_integer(VERSION),
            &self.policy.to_der(),
            &self.imprint.to_der(),
            &self.serial_number.to_der(),
            &self.gen_time.to_der(),
            accuracy.as_deref().unwrap_or_default(),
            ordering.as_deref().unwrap_or_default(),
            nonce.as_deref().unwrap_or_default(),
            tsa_name.as_deref().unwrap_or_default(),
        ])
    }
}

const VERSION: u8 = 1;

fn one_general_name(content: &[u8]) -> Result<Vec<u8>, MalformedDer> {
    let mut elements = Elements::of("TSTInfo's tsa", content)?;
    let name = elements.take_any()?;
    elements.finish()?;
    Ok(name.to_vec())
}

fn parse_accuracy(content: &[u8]) -> Result<Accuracy, MalformedDer> {
    let mut elements = Elements::of("accuracy", content)?;
    let seconds = match elements.take_if(Tag::Integer)? {
        None => None,
        Some([seconds]) if *seconds < 0x80 => Some(*seconds),
        Some(_) => return Err(elements.error("more than 127 seconds".to_owned())),
    };
    let millis = elements.take_if(context_primitive(0))?;
    let micros = elements.take_if(context_primitive(1))?;
    let thousandths = |content: &[u8]| {
        let value = match content {
            [low] if *low < 0x80 => u16::from(*low),
            [high, low] if (1..0x80).contains(high) || (*high == 0 && *low >= 0x80) => {
                u16::from_be_bytes([*high, *low])
            }
            _ => 0,
        };
        let refuse = || elements.error("thousandths that are not 1 to 999".to_owned());
        (1..=999)
            .contains(&value)
            .then_some(value)
            .ok_or_else(refuse)
    };
    let accuracy = Accuracy {
        seconds,
        millis: millis.map(thousandths).transpose()?,
        micros: micros.map(thousandths).transpose()?,
    };
    elements.finish()?;
    Ok(accuracy)
}

fn accuracy_der(accuracy: Accuracy) -> Vec<u8> {
    let thousandths = |number: u8, value: Option<u16>| {
        value.map(|value| {
            let tag = writer::CONTEXT_PRIMITIVE | number;
            let [high, low] = value.to_be_bytes();
            match high {
                0 if low < 0x80 => writer::element(tag, &[&[low]]),
                _ => writer::element(tag, &[&[high, low]]),
            }
        })
    };
    let seconds = accuracy.seconds.map(writer::small_integer);
    writer::sequence(&[
        seconds.as_deref().unwrap_or_default(),
        thousandths(0, accuracy.millis)
            .as_deref()
            .unwrap_or_default(),
        thousandths(1, accuracy.micros)
            .as_deref()
            .unwrap_or_default(),
    ])
}
