//! Requests for timestamps, each of something else, and with a nonce of its own.

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use sigstore::HashAlgorithm;
use sigstore::timestamp_token::{
    MessageImprint, Nonce, TimestampChain, TimestampRequest, TimestampResponse, TstInfo,
};
use sigstore::trusted_root::TrustedRoot;

/// Length of what is timestamped. Only its digest is sent.
const MESSAGE_LEN_BYTES: usize = 64;

/// Requests by their numbers.
pub(in super::super) struct TimestampRequests {
    seed: u64,
    /// The authorities that are trusted, if anybody said which.
    trusted: Option<Vec<TimestampChain>>,
}

impl TimestampRequests {
    /// Others for each seed.
    pub(in super::super) fn new(seed: u64, trusted: Option<&TrustedRoot>) -> anyhow::Result<Self> {
        let trusted = trusted.map(|root| {
            let authorities = root.timestamp_authorities.iter();
            let chains = authorities.map(|one| TimestampChain::parse_der(&one.cert_chain));
            chains.collect::<Result<Vec<_>, _>>()
        });
        let trusted = trusted
            .transpose()
            .context("a timestamp authority's chain")?;
        Ok(Self { seed, trusted })
    }

    fn message(&self, number: u64) -> Vec<u8> {
        crate::seeded_entry(self.seed, number, MESSAGE_LEN_BYTES)
    }

    pub(super) fn body(&self, number: u64) -> Bytes {
        let digest = Sha256::digest(self.message(number));
        let imprint = MessageImprint::new(HashAlgorithm::Sha256, &digest);
        let request = TimestampRequest {
            imprint: imprint.expect("a digest has the length of its hash"),
            policy: None,
            nonce: Some(nonce(number)),
            wants_certificate: true,
        };
        request.to_der().into()
    }

    pub(super) fn check(&self, number: u64, answer: &[u8]) -> anyhow::Result<()> {
        let token = match TimestampResponse::parse_der(answer).context("not a timestamp")? {
            TimestampResponse::Granted(token) => token,
            TimestampResponse::Rejected(rejection) => bail!("no timestamp: {rejection}"),
        };
        let message = self.message(number);
        let info = token.unverified();
        ensure!(info.imprint.is_of(&message), "it is about something else");
        let nonce = nonce(number);
        ensure!(info.nonce.as_ref() == Some(&nonce), "it has another nonce");
        let Some(trusted) = &self.trusted else {
            return Ok(());
        };
        let verified = trusted.iter().map(|chain| chain.verify(&token, &message));
        let one: Result<&TstInfo, _> = verified.reduce(Result::or).context("nobody is trusted")?;
        one.context("no authority that is trusted signed it")?;
        Ok(())
    }
}

/// Never 0, which some servers take for none.
fn nonce(number: u64) -> Nonce {
    Nonce::from_u64(number.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_differ_and_are_of_what_is_checked_later() {
        let requests = TimestampRequests::new(1, None).unwrap();
        let parsed = TimestampRequest::parse_der(&requests.body(7)).unwrap();
        assert!(parsed.imprint.is_of(&requests.message(7)));
        assert_eq!(parsed.nonce, Some(Nonce::from_u64(8)));
        assert_ne!(requests.body(7), requests.body(8));
        assert!(requests.check(7, b"").is_err());
    }
}
