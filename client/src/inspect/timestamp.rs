//! What RFC 3161 timestamps say.

use sigstore::timestamp_token::{TimestampResponse, TimestampToken};

use super::{Facts, InspectError, certificate};

/// A response, or a token by itself.
pub(super) fn facts(der: &[u8]) -> Result<Facts, InspectError> {
    match TimestampResponse::parse_der(der) {
        Ok(TimestampResponse::Granted(token)) => Ok(describe(&token)),
        Ok(TimestampResponse::Rejected(rejection)) => {
            Ok(Facts::new("refusal of a timestamp authority").say("reason", rejection))
        }
        Err(error) => match TimestampToken::parse_der(der) {
            Ok(token) => Ok(describe(&token)),
            Err(_) => Err(InspectError::malformed("timestamp", error)),
        },
    }
}

/// One within something else, whether it can be read or not.
pub(super) fn within(der: &[u8]) -> Facts {
    facts(der).unwrap_or_else(|error| {
        let why = match error {
            InspectError::Malformed { why, .. } => why,
            other => other.to_string(),
        };
        Facts::new("timestamp that can't be read").say("error", why)
    })
}

fn describe(token: &TimestampToken) -> Facts {
    let info = token.unverified();
    let imprint = &info.imprint;
    let accuracy = info.accuracy.as_ref().map(|accuracy| {
        let part = |number: Option<u16>| number.unwrap_or_default();
        let seconds = accuracy.seconds.unwrap_or_default();
        format!(
            "{seconds}.{:03}{:03} s",
            part(accuracy.millis),
            part(accuracy.micros)
        )
    });
    let certificates = token.certificates().map(certificate::within);
    Facts::new("RFC 3161 timestamp")
        .say("time", &info.gen_time)
        .say(
            "digest",
            format_args!(
                "{}:{}",
                imprint.hash().lower_case_name(),
                hex::encode(imprint.digest())
            ),
        )
        .say("policy", info.policy)
        .say("serial", &info.serial_number)
        .say_if("accuracy", accuracy)
        .say_if("nonce", info.nonce.as_ref())
        .several("certificate", certificates.collect())
}
