//! `TimeStampReq`, RFC 3161 section 2.4.1: "please timestamp this digest".

use der::Tag;

use super::error::RequestError;
use super::imprint::MessageImprint;
use super::integer::Nonce;
use super::tst_info::TimestampPolicy;
use super::writer;
use super::{REQUEST_LEN_BYTES_MAX, json_request};
use crate::der_reader::{Elements, context, malformed};

/// A request that was understood. Whether it is granted is for the authority to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampRequest {
    /// What is to be timestamped.
    pub imprint: MessageImprint,
    /// The policy that the client insists on.
    pub policy: Option<TimestampPolicy>,
    /// To be repeated in the token.
    pub nonce: Option<Nonce>,
    /// Whether the token shall contain the authority's certificate.
    pub wants_certificate: bool,
}

impl TimestampRequest {
    /// Reads DER, of which it accepts exactly what [`TimestampRequest::to_der`] writes.
    ///
    /// # Errors
    ///
    /// [`RequestError`]: too long, not DER, another version, a hash that is weak or unknown, a
    /// digest of another length than its hash, or extensions, of which none is known.
    pub fn parse_der(der: &[u8]) -> Result<TimestampRequest, RequestError> {
        check_len(der)?;
        let mut elements = Elements::of_sequence("timestamp request", der)?;
        let version = elements.small_integer()?;
        if version != VERSION {
            return Err(RequestError::Version { found: version });
        }
        let imprint = elements.sequence("message imprint")?;
        let policy = match elements.take_if(Tag::ObjectIdentifier)? {
            Some(content) => Some(TimestampPolicy::from_content(content)?),
            None => None,
        };
        let nonce = elements.take_if(Tag::Integer)?.map(Nonce::from_content);
        let nonce = nonce.transpose();
        let nonce = nonce.map_err(|error| malformed("timestamp request's nonce", &error))?;
        let wants_certificate = match elements.take_if(Tag::Boolean)? {
            None => false,
            Some([0xff]) => true,
            Some(_) => {
                let reason = "certReq is TRUE or absent in DER".to_owned();
                return Err(elements.error(reason).into());
            }
        };
        let extensions = elements.take_if(context(0))?;
        elements.finish()?;
        // The digest's hash last, so that a refusal of it is one of a request that is well formed.
        let imprint = MessageImprint::parse(imprint)?;
        if extensions.is_some() {
            return Err(RequestError::Extensions);
        }
        Ok(TimestampRequest {
            imprint,
            policy,
            nonce,
            wants_certificate,
        })
    }

    /// Reads the JSON form that Sigstore's timestamp servers take besides DER, and that one client
    /// sends: `{"artifactHash":"<base64>","hashAlgorithm":"sha256"}`, and optionally `nonce`,
    /// `certificates` and `tsaPolicyOID`.
    ///
    /// # Errors
    ///
    /// [`RequestError`], as for DER; [`RequestError::Json`] if it is not this JSON.
    pub fn parse_json(json: &[u8]) -> Result<TimestampRequest, RequestError> {
        check_len(json)?;
        json_request::parse(json)
    }

    /// The request as DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let policy = self.policy.map(TimestampPolicy::to_der);
        let nonce = self.nonce.as_ref().map(Nonce::to_der);
        let certificate = self
            .wants_certificate
            .then(|| writer::element(writer::BOOLEAN, &[&[0xff]]));
        writer::sequence(&[
            &writer::small_integer(VERSION),
            &self.imprint.to_der(),
            policy.as_deref().unwrap_or_default(),
            nonce.as_deref().unwrap_or_default(),
            certificate.as_deref().unwrap_or_default(),
        ])
    }
}

const VERSION: u8 = 1;

fn check_len(bytes: &[u8]) -> Result<(), RequestError> {
    let (found, max) = (bytes.len(), REQUEST_LEN_BYTES_MAX);
    if found > max {
        return Err(RequestError::TooLong { found, max });
    }
    Ok(())
}
