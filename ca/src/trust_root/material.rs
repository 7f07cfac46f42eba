//! The parties of an instance, and the two files that tell clients of them.

use sigstore::signing_config::{ClientTrustConfig, Selector, Service, SigningConfig};
use sigstore::time_range::{ProtoTime, TimeRange};
use sigstore::trusted_root::{
    AuthorityInstance, AuthoritySubject, TransparencyLogInstance, TrustedRoot,
};

use super::{SIGNING_CONFIG, TRUSTED_ROOT, TargetFiles, TrustRootError};

/// Every party that an instance has or had. What has been retired stays, with the end of its time:
/// what it signed is still verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustMaterial {
    /// Who runs the instance: usually the host of its URL.
    pub operator: String,
    /// Logs of signatures, oldest first.
    pub logs: Vec<TrustedLog>,
    /// Certificate transparency logs, oldest first.
    pub ct_logs: Vec<TrustedLog>,
    /// Certificate authorities, oldest first; `url` is the base of the API.
    pub certificate_authorities: Vec<CertifiedAuthority>,
    /// Timestamp authorities, oldest first; `url` is the whole endpoint.
    pub timestamp_authorities: Vec<CertifiedAuthority>,
    /// The identity providers that signers are sent to, with the time from which they are.
    pub oidc_issuers: Vec<(String, TimeRange)>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedLog {
    /// Where it is, with the scheme.
    pub base_url: String,
    /// How it is recognised.
    pub identity: LogIdentity,
    /// When it signs. The start should be a little before its first entry.
    pub valid_for: TimeRange,
}

/// How clients recognise what a log signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogIdentity {
    /// A log of Rekor v2: its origin and Ed25519 key. Clients want the origin to be the host of the
    /// log's URL.
    Ed25519 {
        /// The first line of its checkpoints.
        origin: String,
        /// Its key.
        public_key: [u8; 32],
    },
    /// A log of Rekor v1 or certificate transparency: its key on P-256 as DER
    /// `SubjectPublicKeyInfo`.
    P256 {
        /// Its key.
        spki_der: Vec<u8>,
    },
}

/// An authority with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedAuthority {
    /// Where it answers.
    pub url: String,
    /// Its name, for people.
    pub common_name: String,
    /// DER certificates, the one that signs first, the trust anchor last.
    pub cert_chain: Vec<Vec<u8>>,
    /// When it signs.
    pub valid_for: TimeRange,
}

impl TrustMaterial {
    /// Whom to trust: all parties, also those whose time has ended or not begun.
    #[must_use]
    pub fn trusted_root(&self) -> TrustedRoot {
        let logs = |logs: &[TrustedLog]| logs.iter().map(|log| self.log(log)).collect();
        let authorities = |authorities: &[CertifiedAuthority]| {
            let instances = authorities
                .iter()
                .map(|authority| self.authority(authority));
            instances.collect()
        };
        TrustedRoot {
            tlogs: logs(&self.logs),
            certificate_authorities: authorities(&self.certificate_authorities),
            ctlogs: logs(&self.ct_logs),
            timestamp_authorities: authorities(&self.timestamp_authorities),
        }
    }

    /// Where to sign now: the parties whose time it is, the newest first. One that is still to come
    /// is left out, because a client would pick it by its later start.
    #[must_use]
    pub fn signing_config(&self, now: ProtoTime) -> SigningConfig {
        let services = |all: Vec<(&str, u32, TimeRange)>| self.services(all, now);
        let authorities = |all: &[CertifiedAuthority]| {
            let each = all.iter().map(|it| (it.url.clone(), it.valid_for));
            each.collect::<Vec<_>>()
        };
        let first_version = |all: &[(String, TimeRange)]| {
            services(
                all.iter()
                    .map(|(url, range)| (url.as_str(), 1, *range))
                    .collect(),
            )
        };
        let logs = self.logs.iter().map(|log| {
            let version = match log.identity {
                LogIdentity::Ed25519 { .. } => 2,
                LogIdentity::P256 { .. } => 1,
            };
            (log.base_url.as_str(), version, log.valid_for)
        });
        SigningConfig {
            ca_urls: first_version(&authorities(&self.certificate_authorities)),
            oidc_urls: first_version(&self.oidc_issuers),
            rekor_tlog_urls: services(logs.collect()),
            tsa_urls: first_version(&authorities(&self.timestamp_authorities)),
            rekor_tlog_config: Selector::Any,
            tsa_config: Selector::Any,
        }
    }

    /// Both in one, for clients that are not given a TUF repository.
    #[must_use]
    pub fn client_trust_config(&self, now: ProtoTime) -> ClientTrustConfig {
        ClientTrustConfig {
            trusted_root: self.trusted_root(),
            signing_config: self.signing_config(now),
        }
    }

    /// The files for the repository.
    ///
    /// # Errors
    ///
    /// [`TrustRootError::Material`] for what some client could not read.
    pub fn target_files(&self, now: ProtoTime) -> Result<TargetFiles, TrustRootError> {
        let (trusted_root, config) = (self.trusted_root(), self.signing_config(now));
        trusted_root.check_publishable()?;
        SigningConfig::parse(&config.encode())?;
        Ok(TargetFiles::from([
            (TRUSTED_ROOT.to_owned(), trusted_root.encode()),
            (SIGNING_CONFIG.to_owned(), config.encode()),
        ]))
    }

    fn log(&self, log: &TrustedLog) -> TransparencyLogInstance {
        let (url, valid_for) = (log.base_url.clone(), log.valid_for);
        let mut instance = match &log.identity {
            LogIdentity::Ed25519 { origin, public_key } => {
                TransparencyLogInstance::with_note_key(url, origin, public_key, valid_for)
            }
            LogIdentity::P256 { spki_der } => {
                TransparencyLogInstance::with_p256_key(url, spki_der.clone(), valid_for)
            }
        };
        instance.operator.clone_from(&self.operator);
        instance
    }

    fn authority(&self, authority: &CertifiedAuthority) -> AuthorityInstance {
        AuthorityInstance {
            subject: AuthoritySubject {
                organization: self.operator.clone(),
                common_name: authority.common_name.clone(),
            },
            uri: authority.url.clone(),
            cert_chain: authority.cert_chain.clone(),
            valid_for: authority.valid_for,
            operator: self.operator.clone(),
        }
    }

    /// Clients take at most one service of an operator, so a service that is there twice because
    /// its certificate was renewed is listed once.
    fn services(&self, all: Vec<(&str, u32, TimeRange)>, now: ProtoTime) -> Vec<Service> {
        let mut active: Vec<_> = all
            .into_iter()
            .filter(|(_, _, range)| range.contains(now))
            .collect();
        active.sort_by_key(|(_, version, range)| std::cmp::Reverse((range.start, *version)));
        let mut services: Vec<Service> = Vec::new();
        for (url, major_api_version, valid_for) in active {
            let is_known =
                |known: &Service| known.url == url && known.major_api_version == major_api_version;
            if !services.iter().any(is_known) {
                services.push(Service {
                    url: url.to_owned(),
                    major_api_version,
                    valid_for,
                    operator: self.operator.clone(),
                });
            }
        }
        services
    }
}
