//! A trusted root, made ready for verifying: keys parsed, chains of authorities checked once.

use std::sync::OnceLock;

use crate::cert::view::{CertificateError, CertificateView};
use crate::public_key::{PublicKey, PublicKeyError};
use crate::sct;
use crate::time_range::TimeRange;
use crate::timestamp_token::{ChainError, TimestampChain};
use crate::trusted_root::{AuthorityInstance, TransparencyLogInstance, TrustedRoot};

use super::path;

/// The parties that are trusted. What is made ready for one bundle serves the next, from any
/// thread.
///
/// A party whose key or certificates cannot be used is kept with the reason, which is given once a
/// bundle relies on it: a root of tomorrow may have parties of which older programs know nothing.
#[derive(Debug)]
pub struct TrustMaterial {
    logs: Vec<Log>,
    ct_logs: Vec<Log>,
    authorities: Vec<Authority>,
    timestamp_authorities: Vec<TimestampAuthority>,
}

/// A log that is trusted, of signatures or of certificates.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) id: [u8; 32],
    pub(super) base_url: String,
    pub(super) valid_for: TimeRange,
    /// The first four bytes of what its checkpoints are found by.
    pub(super) key_hint: [u8; 4],
    /// Whether its id is the hash of its key alone, as that of every log of Rekor v1 is. Such a log
    /// may have many trees, each with an origin of its own. The id of a log of Rekor v2 binds its
    /// one origin, too, unless its key is ECDSA.
    pub(super) is_known_by_key: bool,
    pub(super) key: Result<PublicKey, String>,
}

/// An authority that certifies signers.
#[derive(Debug)]
pub(super) struct Authority {
    /// Issuing certificate first, trust anchor last; DER.
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) valid_for: TimeRange,
    checked: OnceLock<Result<(), String>>,
    /// The keys of the certificates, each parsed once.
    keys: Vec<Result<PublicKey, PublicKeyError>>,
}

/// An authority that signs timestamps.
#[derive(Debug)]
pub(super) struct TimestampAuthority {
    pub(super) name: String,
    pub(super) valid_for: TimeRange,
    certificates: Vec<Vec<u8>>,
    chain: OnceLock<Result<TimestampChain, ChainError>>,
}

impl TrustMaterial {
    /// Takes what is in a trusted root. Signatures among its certificates are checked when they
    /// are first needed.
    #[must_use]
    pub fn new(trusted_root: &TrustedRoot) -> TrustMaterial {
        TrustMaterial {
            logs: trusted_root.tlogs.iter().map(Log::from).collect(),
            ct_logs: trusted_root.ctlogs.iter().map(Log::from).collect(),
            authorities: trusted_root
                .certificate_authorities
                .iter()
                .map(Authority::from)
                .collect(),
            timestamp_authorities: trusted_root
                .timestamp_authorities
                .iter()
                .map(TimestampAuthority::from)
                .collect(),
        }
    }

    pub(super) fn log(&self, id: &[u8; 32]) -> Option<&Log> {
        self.logs.iter().find(|log| log.id == *id)
    }

    pub(super) fn ct_log(&self, id: &[u8; 32]) -> Option<&Log> {
        self.ct_logs.iter().find(|log| log.id == *id)
    }

    pub(super) fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    pub(super) fn timestamp_authorities(&self) -> &[TimestampAuthority] {
        &self.timestamp_authorities
    }
}

impl From<&TransparencyLogInstance> for Log {
    fn from(log: &TransparencyLogInstance) -> Log {
        let hint_of = |id: &[u8]| id.first_chunk::<4>().copied();
        let checkpoint_hint = log.checkpoint_key_id.as_deref().and_then(hint_of);
        let [a, b, c, d, ..] = log.log_id;
        Log {
            id: log.log_id,
            base_url: log.base_url.clone(),
            valid_for: log.valid_for,
            key_hint: checkpoint_hint.unwrap_or([a, b, c, d]),
            is_known_by_key: log.log_id == sct::log_id(&log.public_key),
            key: PublicKey::from_spki_der(&log.public_key).map_err(|error| error.to_string()),
        }
    }
}

impl Log {
    /// The host of its URL, which a log of Rekor v2 has for its origin.
    pub(super) fn host(&self) -> &str {
        host_of(&self.base_url)
    }
}

/// The host of a URL, without a port.
fn host_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next();
    let authority = authority.unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

impl From<&AuthorityInstance> for Authority {
    fn from(authority: &AuthorityInstance) -> Authority {
        Authority {
            chain: authority.cert_chain.clone(),
            valid_for: authority.valid_for,
            checked: OnceLock::new(),
            keys: authority.cert_chain.iter().map(|der| key_in(der)).collect(),
        }
    }
}

/// Of what is no certificate the key does not matter: it is refused before.
fn key_in(certificate_der: &[u8]) -> Result<PublicKey, PublicKeyError> {
    match CertificateView::parse(certificate_der) {
        Ok(view) => view.public_key(),
        Err(_) => PublicKey::from_certificate_der(certificate_der),
    }
}

impl Authority {
    /// Checks that the certificate at this place of the chain, whose view this is, issued another.
    pub(super) fn check_issued(
        &self,
        place: usize,
        issuer: &CertificateView<'_>,
        issued: &CertificateView<'_>,
    ) -> Result<(), CertificateError> {
        if issued.issuer() != issuer.subject() {
            return Err(CertificateError::IssuerName);
        }
        match self.keys.get(place) {
            Some(Ok(key)) => issued.verify_issued_with(key),
            Some(Err(error)) => Err(CertificateError::IssuerKey(error.clone())),
            None => issued.verify_issued_by(issuer),
        }
    }

    /// Its certificates, once it is known that each is signed by the next.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateView<'_>>, String> {
        let views: Result<Vec<_>, _> = self
            .chain
            .iter()
            .map(|der| CertificateView::parse(der))
            .collect();
        let views = views.map_err(|error| format!("a certificate of the authority: {error}"))?;
        let checked = self.checked.get_or_init(|| path::check_chain(&views));
        checked.clone().map(|()| views)
    }
}

impl From<&AuthorityInstance> for TimestampAuthority {
    fn from(authority: &AuthorityInstance) -> TimestampAuthority {
        let names = [&authority.uri, &authority.subject.common_name];
        let name = names.into_iter().find(|name| !name.is_empty());
        TimestampAuthority {
            name: name.cloned().unwrap_or_default(),
            valid_for: authority.valid_for,
            certificates: authority.cert_chain.clone(),
            chain: OnceLock::new(),
        }
    }
}

impl TimestampAuthority {
    pub(super) fn chain(&self) -> &Result<TimestampChain, ChainError> {
        self.chain
            .get_or_init(|| TimestampChain::parse_der(&self.certificates))
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_has_no_scheme_port_or_path() {
        for (url, host) in [
            ("https://log.example.org", "log.example.org"),
            ("https://log.example.org/", "log.example.org"),
            ("http://127.0.0.1:3000/path?x", "127.0.0.1"),
            ("http://[::1]:3000", "[::1]"),
            ("http://[::1]", "[::1]"),
            ("log.example.org:80", "log.example.org"),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
