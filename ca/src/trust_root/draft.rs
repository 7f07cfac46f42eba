//! What clients are told, on its way to being told otherwise: a party is added, or succeeds those
//! of its kind.
//!
//! The order is fixed. A party is first trusted, and only later used: clients that have not looked
//! since would refuse what it signs. Nothing is ever taken out of the trusted root, because what
//! was signed stays in use; a party that has been succeeded gets an end of its time there, far
//! enough away for whoever still goes by what they read earlier. The signing config names logs,
//! which clients choose by it; authorities keep their address, and the server decides which of them
//! answers there.

use std::fmt;

use sha2::{Digest, Sha256};
use sigstore::signing_config::{Service, SigningConfig};
use sigstore::time_range::{ProtoTime, TimeRange};
use sigstore::trusted_root::{AuthorityInstance, TransparencyLogInstance, TrustedRoot};
use thiserror::Error;

use super::{SIGNING_CONFIG, TRUSTED_ROOT, TargetFiles, TrustRootError};

/// What a party does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartyKind {
    /// Logs signatures.
    Log,
    /// Logs certificates.
    CtLog,
    /// Issues certificates.
    CertificateAuthority,
    /// Signs timestamps.
    TimestampAuthority,
}

impl PartyKind {
    /// Every kind.
    pub const ALL: [PartyKind; 4] = [
        PartyKind::Log,
        PartyKind::CtLog,
        PartyKind::CertificateAuthority,
        PartyKind::TimestampAuthority,
    ];

    /// How commands name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PartyKind::Log => "log",
            PartyKind::CtLog => "ct",
            PartyKind::CertificateAuthority => "ca",
            PartyKind::TimestampAuthority => "tsa",
        }
    }

    /// Days from which on one that has been succeeded is trusted no longer. Clients may go to a log
    /// for as long as they hold on to an old signing config; the others are the server's to switch.
    #[must_use]
    pub fn overlap_days(self) -> u64 {
        match self {
            PartyKind::Log => 30,
            PartyKind::CtLog | PartyKind::CertificateAuthority | PartyKind::TimestampAuthority => 1,
        }
    }
}

impl fmt::Display for PartyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What tells a party from the others of its kind: a log's id, or the SHA-256 of the certificate
/// that an authority signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub [u8; 32]);

impl PartyId {
    /// Of an authority with these certificates.
    #[must_use]
    pub fn of_chain(chain: &[Vec<u8>]) -> PartyId {
        let first = chain.first().map(Vec::as_slice).unwrap_or_default();
        PartyId(Sha256::digest(first).into())
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = hex::encode(self.0);
        text.truncate(16);
        f.write_str(&text)
    }
}

/// A party to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// Logs signatures.
    Log(TransparencyLogInstance),
    /// Logs certificates.
    CtLog(TransparencyLogInstance),
    /// Issues certificates.
    CertificateAuthority(AuthorityInstance),
    /// Signs timestamps.
    TimestampAuthority(AuthorityInstance),
}

impl Party {
    /// What it does.
    #[must_use]
    pub fn kind(&self) -> PartyKind {
        match self {
            Party::Log(_) => PartyKind::Log,
            Party::CtLog(_) => PartyKind::CtLog,
            Party::CertificateAuthority(_) => PartyKind::CertificateAuthority,
            Party::TimestampAuthority(_) => PartyKind::TimestampAuthority,
        }
    }

    /// What tells it from others.
    #[must_use]
    pub fn id(&self) -> PartyId {
        match self {
            Party::Log(log) | Party::CtLog(log) => PartyId(log.log_id),
            Party::CertificateAuthority(authority) | Party::TimestampAuthority(authority) => {
                PartyId::of_chain(&authority.cert_chain)
            }
        }
    }
}

/// A party as clients are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyView {
    /// What it does.
    pub kind: PartyKind,
    /// What tells it from others.
    pub id: PartyId,
    /// Where it is.
    pub url: String,
    /// When it may sign.
    pub valid_for: TimeRange,
    /// Whether signers are sent to that address.
    pub is_used: bool,
}

impl fmt::Display for PartyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TimeRange { start, end } = self.valid_for;
        write!(
            f,
            "{} {} {} valid from {start}",
            self.kind, self.id, self.url
        )?;
        if let Some(end) = end {
            write!(f, " to {end}")?;
        }
        if self.is_used && end.is_none() {
            f.write_str(", in the signing config")?;
        }
        Ok(())
    }
}

/// Why what clients are told cannot be changed so.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DraftError {
    /// It is there already.
    #[error("the {kind} {id} is in the trusted root already")]
    Known {
        /// What it does.
        kind: PartyKind,
        /// Which.
        id: PartyId,
    },
    /// It must be trusted before it is used.
    #[error("the {kind} {id} is not in the trusted root, and must be before it is used")]
    Unknown {
        /// What it does.
        kind: PartyKind,
        /// Which.
        id: PartyId,
    },
    /// Its own time is over.
    #[error("the time of the {kind} {id} ends at {end}: it succeeds no other")]
    Ended {
        /// What it does.
        kind: PartyKind,
        /// Which.
        id: PartyId,
        /// When.
        end: ProtoTime,
    },
    /// A time that cannot be written.
    #[error("the end of an overlap lies beyond the year 9999")]
    Time,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    trusted_root: TrustedRoot,
    signing_config: SigningConfig,
    /// Files of other names, which stay as they are.
    others: TargetFiles,
}

impl Draft {
    /// What clients are told by these files.
    ///
    /// # Errors
    ///
    /// [`TrustRootError`]: one of the two files is missing, or cannot be read.
    pub fn read(mut files: TargetFiles) -> Result<Draft, TrustRootError> {
        let mut take = |name: &str| {
            let path = name.to_owned();
            files
                .remove(name)
                .ok_or(TrustRootError::MissingFile { path })
        };
        let trusted_root = TrustedRoot::parse(&take(TRUSTED_ROOT)?)?;
        let signing_config = SigningConfig::parse(&take(SIGNING_CONFIG)?)?;
        Ok(Draft {
            trusted_root,
            signing_config,
            others: files,
        })
    }

    /// The files that tell clients.
    ///
    /// # Errors
    ///
    /// [`TrustRootError::Material`] for what some client could not read.
    pub fn target_files(&self) -> Result<TargetFiles, TrustRootError> {
        self.trusted_root.check_publishable()?;
        let mut files = self.others.clone();
        files.insert(TRUSTED_ROOT.to_owned(), self.trusted_root.encode());
        files.insert(SIGNING_CONFIG.to_owned(), self.signing_config.encode());
        Ok(files)
    }

    /// Has clients trust a party. Signers are not sent to it.
    ///
    /// # Errors
    ///
    /// [`DraftError::Known`].
    pub fn add(&mut self, party: Party) -> Result<(), DraftError> {
        let (kind, id) = (party.kind(), party.id());
        if self.find(kind, id).is_some() {
            return Err(DraftError::Known { kind, id });
        }
        let root = &mut self.trusted_root;
        match party {
            Party::Log(log) => root.tlogs.push(log),
            Party::CtLog(log) => root.ctlogs.push(log),
            Party::CertificateAuthority(authority) => root.certificate_authorities.push(authority),
            Party::TimestampAuthority(authority) => root.timestamp_authorities.push(authority),
        }
        Ok(())
    }

    /// Has a party that is trusted succeed those of its kind, from `now` on: their time ends once
    /// the overlap is over, and signers are sent to the new one if it is a log. Gives that end.
    ///
    /// # Errors
    ///
    /// [`DraftError`]: it is not trusted, or no longer.
    pub fn succeed(
        &mut self,
        kind: PartyKind,
        id: PartyId,
        now: ProtoTime,
    ) -> Result<ProtoTime, DraftError> {
        let party = self.find(kind, id);
        let party = party.ok_or(DraftError::Unknown { kind, id })?;
        if let Some(end) = party.valid_for.end {
            return Err(DraftError::Ended { kind, id, end });
        }
        let overlap = kind.overlap_days().saturating_mul(DAY_SECONDS);
        let end = ProtoTime::from_seconds(now.seconds().plus_seconds(overlap));
        let end = end.ok_or(DraftError::Time)?;
        for (other, range) in self.ranges(kind) {
            if other != id {
                // One whose time ended before stays as it was.
                range.end = Some(
                    range
                        .end
                        .map_or(end, |earlier| earlier.min(end))
                        .max(range.start),
                );
            }
        }
        if kind == PartyKind::Log {
            self.send_to_log(&party.url, now);
        }
        Ok(end)
    }

    /// Who runs the instance, as the newest log says.
    #[must_use]
    pub fn operator(&self) -> &str {
        let log = self.trusted_root.tlogs.last();
        log.map_or("", |log| log.operator.as_str())
    }

    /// Every party, in the order of the file.
    #[must_use]
    pub fn parties(&self) -> Vec<PartyView> {
        let root = &self.trusted_root;
        let config = &self.signing_config;
        let uses = |services: &[Service], url: &str| services.iter().any(|it| it.url == url);
        let log = |kind, log: &TransparencyLogInstance| PartyView {
            kind,
            id: PartyId(log.log_id),
            url: log.base_url.clone(),
            valid_for: log.valid_for,
            is_used: kind == PartyKind::Log && uses(&config.rekor_tlog_urls, &log.base_url),
        };
        let authority = |kind, it: &AuthorityInstance, services: &[Service]| PartyView {
            kind,
            id: PartyId::of_chain(&it.cert_chain),
            url: it.uri.clone(),
            valid_for: it.valid_for,
            is_used: uses(services, &it.uri),
        };
        let cas = root.certificate_authorities.iter();
        let tsas = root.timestamp_authorities.iter();
        let logs = root.tlogs.iter().map(|it| log(PartyKind::Log, it));
        logs.chain(root.ctlogs.iter().map(|it| log(PartyKind::CtLog, it)))
            .chain(cas.map(|it| authority(PartyKind::CertificateAuthority, it, &config.ca_urls)))
            .chain(tsas.map(|it| authority(PartyKind::TimestampAuthority, it, &config.tsa_urls)))
            .collect()
    }

    /// The party of that kind with that id.
    #[must_use]
    pub fn find(&self, kind: PartyKind, id: PartyId) -> Option<PartyView> {
        let mut parties = self.parties().into_iter();
        parties.find(|party| (party.kind, party.id) == (kind, id))
    }

    /// The times of all parties of a kind.
    fn ranges(&mut self, kind: PartyKind) -> Vec<(PartyId, &mut TimeRange)> {
        let root = &mut self.trusted_root;
        let (logs, authorities) = match kind {
            PartyKind::Log => (Some(&mut root.tlogs), None),
            PartyKind::CtLog => (Some(&mut root.ctlogs), None),
            PartyKind::CertificateAuthority => (None, Some(&mut root.certificate_authorities)),
            PartyKind::TimestampAuthority => (None, Some(&mut root.timestamp_authorities)),
        };
        let logs = logs.into_iter().flatten();
        let authorities = authorities.into_iter().flatten();
        logs.map(|it| (PartyId(it.log_id), &mut it.valid_for))
            .chain(authorities.map(|it| (PartyId::of_chain(&it.cert_chain), &mut it.valid_for)))
            .collect()
    }

    /// The only log of its API version from now on: of two with one operator clients choose
    /// differently, and one of them chooses by the start alone, so no end would tell them apart.
    fn send_to_log(&mut self, url: &str, now: ProtoTime) {
        let services = &mut self.signing_config.rekor_tlog_urls;
        let operator = services.first().map(|it| it.operator.clone());
        services.retain(|service| service.major_api_version != REKOR_V2);
        let service = Service {
            url: url.to_owned(),
            major_api_version: REKOR_V2,
            valid_for: TimeRange::starting(now),
            operator: operator.unwrap_or_default(),
        };
        services.insert(0, service);
    }
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Of the API that logs with an Ed25519 key speak.
const REKOR_V2: u32 = 2;

#[cfg(test)]
mod tests;
