//! When the signature existed: what timestamp authorities say.

use std::fmt;

use super::check::{Check, Failed};
use super::trust::{TimestampAuthority, TrustMaterial};
use crate::time_range::ProtoTime;
use crate::timestamp_token::{TimestampResponse, TimestampToken, TokenError};

/// A time at which the signature is known to have existed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningTime {
    /// The time.
    pub time: ProtoTime,
    /// Who says so.
    pub source: TimeSource,
}

/// Who vouches for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// A timestamp authority, by its URL or name.
    TimestampAuthority(String),
    /// A log that promised to include an entry, by its URL.
    LogPromise(String),
}

impl fmt::Display for SigningTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (TimeSource::TimestampAuthority(by) | TimeSource::LogPromise(by)) = &self.source;
        write!(f, "{} by {by}", self.time)
    }
}

/// Checks a timestamp about a signature.
///
/// The authority must be in the trusted root and trusted for the time, and its certificates must
/// have been valid at it. Certificates that come with the timestamp prove nothing. A timestamp
/// that does not hold is never passed over: whoever put it there wanted it to be believed.
pub(super) fn timestamp(
    response_der: &[u8],
    signature: &[u8],
    trust: &TrustMaterial,
) -> Result<SigningTime, Failed> {
    let refuse = |reason: String| Failed::new(Check::Timestamp, reason);
    let response =
        TimestampResponse::parse_der(response_der).map_err(|error| refuse(error.to_string()))?;
    let TimestampResponse::Granted(token) = response else {
        return Err(refuse("the authority refused to give one".to_owned()));
    };
    let time = ProtoTime::from_millis(token.unverified().gen_time.millis())
        .ok_or_else(|| refuse("it has no time of this era".to_owned()))?;
    let mut problem = None;
    for authority in trust.timestamp_authorities() {
        match by_authority(&token, signature, time, authority) {
            Ok(()) => {
                let source = TimeSource::TimestampAuthority(authority.name.clone());
                return Ok(SigningTime { time, source });
            }
            // Of several reasons, the one of the authority that the token names is worth telling.
            Err(Mismatch::OtherSigner) => {}
            Err(Mismatch::Reason(reason)) => problem = Some(reason),
        }
    }
    Err(refuse(problem.unwrap_or_else(|| {
        "it is by no timestamp authority in the trusted root".to_owned()
    })))
}

enum Mismatch {
    /// The token does not claim to be by this authority.
    OtherSigner,
    Reason(String),
}

fn by_authority(
    token: &TimestampToken,
    signature: &[u8],
    time: ProtoTime,
    authority: &TimestampAuthority,
) -> Result<(), Mismatch> {
    let of_authority = |reason: String| Mismatch::Reason(format!("{}: {reason}", authority.name));
    let chain = authority.chain().as_ref();
    let chain = chain.map_err(|error| of_authority(error.to_string()))?;
    chain
        .verify(token, signature)
        .map_err(|error| match error {
            TokenError::Signer(_) | TokenError::Certificate => Mismatch::OtherSigner,
            error => of_authority(error.to_string()),
        })?;
    if !authority.valid_for.contains(time) {
        return Err(of_authority(format!(
            "at the timestamp's time, {time}, the trusted root does not trust it, but from {}",
            authority.valid_for
        )));
    }
    Ok(())
}
