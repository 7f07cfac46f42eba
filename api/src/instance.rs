//! What an instance offers beside its logs, and the routes of it: all at the root of every host,
//! because clients drop the path of a base URL.
//!
//! | path | what |
//! |---|---|
//! | `api/v2/signingCert` and others, see `fulcio` | certificates |
//! | `api/v1/timestamp`, see `tsa` | timestamps |
//! | `tuf/...` | the trust root |
//! | `dev/oidc/<preset>/...` | the dev profile's own OIDC issuers |

mod create;
pub(crate) mod files;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::response::Response;
use ca::signer::FileSigner;
use ca::timestamp::TimestampAuthority;
use ca::{CertificateAuthority, CertificateChain, Profile};
use http::Method;
use http::uri::Authority;
use sigstore::timestamp_token::TimestampPolicy;
use sigstore::{PublicKey, pem};

use crate::app::ServedLog;
use crate::config::{CaSettings, Config, Services, TrustSettings, TsaSettings};
use crate::dev::{self, DevIssuers, DevKey, DevPath};
use crate::error::Refusal;
use crate::fulcio::{self, Fulcio, FulcioPath, Issuing};
use crate::grpc::Encoding;
use crate::issuer_keys::IssuerKeyCache;
use crate::keys::{self, KeyFile};
use crate::live::Live;
use crate::route::{Asked, Service};
use crate::trust::{self, TrustFiles};
use crate::tsa::{self, Tsa, TsaPath};
use crate::wall_clock;
pub(crate) use create::{NewAuthorities, NewInstance, OfflineKeysFile, begins};

/// The services of an instance. None of them is there if it only has logs.
#[derive(Debug, Default)]
pub(crate) struct Instance {
    fulcio: Option<Fulcio>,
    tsa: Option<Tsa>,
    pub(crate) trust: Option<TrustFiles>,
    pub(crate) dev: Option<DevIssuers>,
}

/// What is wanted of which service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InstancePath {
    Fulcio(FulcioPath),
    Tsa(TsaPath),
    /// A file of the trust root.
    Trust(String),
    Dev(DevPath),
}

impl InstancePath {
    pub(crate) fn encoding(&self) -> Encoding {
        match self {
            InstancePath::Fulcio(path) => path.encoding(),
            _ => Encoding::Plain,
        }
    }

    /// The methods that it takes.
    pub(crate) fn allow(&self) -> &'static str {
        match self {
            InstancePath::Fulcio(path) => path.allow(),
            InstancePath::Tsa(path) => path.allow(),
            InstancePath::Trust(_) => "GET, HEAD, OPTIONS",
            InstancePath::Dev(path) => path.allow(),
        }
    }

    pub(crate) fn takes(&self, method: &Method) -> bool {
        let mut allowed = self.allow().split(", ");
        allowed.any(|allowed| allowed == method.as_str())
    }

    /// The refusal of any other method: the gateway in front of other CAs calls it unimplemented.
    pub(crate) fn wrong_method(&self) -> Refusal {
        let allow = self.allow();
        match self {
            InstancePath::Fulcio(_) => Refusal::RekorMethodNotAllowed { allow },
            _ => Refusal::MethodNotAllowed { allow },
        }
    }

    /// Whether pages of other sites may read the answers.
    pub(crate) fn is_for_everybody(&self) -> bool {
        !matches!(self, InstancePath::Dev(_))
    }
}

impl Instance {
    /// Opens what cairn.toml says there is.
    ///
    /// # Errors
    /// If a key or a certificate can't be used, or the dev profile would be open to others.
    pub(crate) fn open(config: &Config, logs: &[Arc<ServedLog>]) -> anyhow::Result<Instance> {
        let services = &config.instance.services;
        let dev = match config.instance.profile {
            Profile::Dev => Some(open_dev(config)?),
            Profile::Production => None,
        };
        let fulcio = match &services.ca {
            Some(ca) => {
                let keys = open_issuer_keys(config, dev.as_ref())?;
                let fulcio = open_fulcio(config, ca, logs, keys);
                Some(fulcio.context("the CA can't be opened")?)
            }
            None => None,
        };
        let tsa = services.tsa.as_ref().map(|tsa| open_tsa(tsa, logs));
        let tsa = tsa
            .transpose()
            .context("the timestamp authority can't be opened")?;
        let trust = services.trust.as_ref().map(open_trust);
        let trust = trust
            .transpose()
            .context("the trust root can't be opened")?;
        Ok(Instance {
            fulcio,
            tsa,
            trust,
            dev,
        })
    }

    /// Takes over what cairn.toml says now of keys, certificates and the certificate log, and a
    /// change of what is trusted that waits. Nothing of the first kind changes if any of it can't
    /// be used. Says what has changed.
    ///
    /// # Errors
    /// If a key, a certificate or the waiting change can't be used.
    pub(crate) fn reload(
        &self,
        (now, wanted): (&Services, &Services),
        logs: &[Arc<ServedLog>],
    ) -> anyhow::Result<Vec<String>> {
        let mut done = Vec::new();
        let issuing = match (&self.fulcio, &wanted.ca) {
            (Some(fulcio), Some(ca)) if now.ca.as_ref() == Some(ca) => {
                Some((fulcio, fulcio.issuing.load().beside(logs)))
            }
            (Some(fulcio), Some(ca)) => {
                done.push("the CA issues by its new settings".to_owned());
                Some((fulcio, open_issuing(ca, logs)?))
            }
            _ => None,
        };
        let signing = match (&self.tsa, &wanted.tsa) {
            (Some(tsa), Some(settings)) if now.tsa != wanted.tsa => {
                done.push("timestamps are signed by the new settings".to_owned());
                Some((tsa, open_timestamp_authority(settings)?))
            }
            _ => None,
        };
        if let Some((fulcio, issuing)) = issuing {
            fulcio.issuing.replace(issuing);
        }
        if let Some((tsa, authority)) = signing {
            tsa.replace(authority);
        }
        if let Some(trust) = &self.trust {
            done.extend(trust.pick_up()?);
        }
        Ok(done)
    }

    pub(crate) fn fulcio(&self) -> Result<&Fulcio, Refusal> {
        self.fulcio.as_ref().ok_or(Refusal::NoSuchPath)
    }

    pub(crate) fn tsa(&self) -> Result<&Tsa, Refusal> {
        self.tsa.as_ref().ok_or(Refusal::NoSuchPath)
    }

    /// What `path` means, in the form that `route` gives paths; none if it is a log's.
    pub(crate) fn locate(&self, path: &str) -> Option<InstancePath> {
        let fulcio = || self.fulcio.as_ref().and_then(|_| fulcio::locate(path));
        let tsa = || self.tsa.as_ref().and_then(|_| tsa::locate(path));
        let trust = || self.trust.as_ref().and_then(|trust| trust.locate(path));
        let dev = || {
            self.dev.as_ref()?;
            dev::locate(path.strip_prefix(dev::PATH)?.strip_prefix('/')?)
        };
        fulcio()
            .map(InstancePath::Fulcio)
            .or_else(|| tsa().map(InstancePath::Tsa))
            .or_else(|| trust().map(InstancePath::Trust))
            .or_else(|| dev().map(InstancePath::Dev))
    }
}

/// Answers a request for one of the services. The method has been looked at.
pub(crate) async fn answer(
    service: &Service,
    path: InstancePath,
    host: Option<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let instance = &service.app.instance;
    match path {
        InstancePath::Fulcio(path) => fulcio::answer(service, path, asked).await,
        InstancePath::Tsa(path) => tsa::answer(service, path, asked).await,
        InstancePath::Trust(path) => {
            trust::answer(instance.trust.as_ref().ok_or(Refusal::NoSuchPath)?, &path)
        }
        InstancePath::Dev(path) => {
            let issuers = instance.dev.as_ref().ok_or(Refusal::NoSuchPath)?;
            check_own_host(&service.app.url, host.as_deref())?;
            dev::answer(service, issuers, path, asked).await
        }
    }
}

/// The dev issuers, on loopback and nowhere else.
fn open_dev(config: &Config) -> anyhow::Result<DevIssuers> {
    anyhow::ensure!(
        config.listen.ip().is_loopback(),
        "profile = \"dev\" gives anybody any identity, so it listens on loopback only, not on {}; \
         change `listen` to 127.0.0.1, or remove the profile",
        config.listen
    );
    let url = config.url.as_deref().context(
        "profile = \"dev\" needs `url` in cairn.toml, because its tokens name it; make the \
         directory with `cairnd up`",
    )?;
    let path = config.dir.join(dev::KEY_FILE);
    let key = DevKey::from_pkcs8_der(&keys::read(&path)?)?;
    tracing::warn!(
        url,
        "DEVELOPMENT ONLY: this server gives anybody any identity, and what it signs proves nothing"
    );
    Ok(DevIssuers::new(url, key)?)
}

/// The keys of issuers elsewhere, which begin to be read.
fn open_issuer_keys(
    config: &Config,
    dev: Option<&DevIssuers>,
) -> anyhow::Result<Arc<IssuerKeyCache>> {
    let now = wall_clock::seconds();
    let is_ours = |url: &str| dev.is_some_and(|dev| dev.issuer_keys(url, now).is_some());
    let keys = IssuerKeyCache::new(&config.instance.issuers, &config.dir, is_ours)?;
    keys.start();
    Ok(Arc::new(keys))
}

fn open_fulcio(
    config: &Config,
    ca: &CaSettings,
    logs: &[Arc<ServedLog>],
    keys: Arc<IssuerKeyCache>,
) -> anyhow::Result<Fulcio> {
    if config.instance.issuers.issuers().is_empty() {
        tracing::warn!("cairn.toml has no [[issuer]], so nobody can get a certificate");
    }
    Ok(Fulcio {
        issuing: Live::new(open_issuing(ca, logs)?),
        issuers: config.instance.issuers.clone(),
        keys,
    })
}

fn open_issuing(ca: &CaSettings, logs: &[Arc<ServedLog>]) -> anyhow::Result<Issuing> {
    let chain = CertificateChain::from_pem(&read(&ca.chain)?)?;
    let signer = Arc::new(open_key(&ca.key)?);
    let log = logs.iter().find(|log| log.name == ca.log);
    let log = log.with_context(|| {
        format!(
            "there is no log {:?} in cairn.toml, which certificates go into",
            ca.log
        )
    })?;
    let key = log.verifier.as_ref();
    let key = key.map(|key| PublicKey::from_spki_der(&key.spki_der()));
    Ok(Issuing {
        authority: CertificateAuthority::new(signer, chain)?,
        log_key: key.transpose()?,
        log: Arc::clone(log),
    })
}

fn open_tsa(tsa: &TsaSettings, logs: &[Arc<ServedLog>]) -> anyhow::Result<Tsa> {
    let authority = open_timestamp_authority(tsa)?;
    // What a log has signed is in the past, whatever the clock says.
    let open = logs.iter().filter_map(|log| log.open().ok());
    let signed = open.map(|log| log.published().signed_at).max();
    Ok(Tsa::new(
        authority,
        signed.unwrap_or_default(),
        tsa.ntp.clone(),
    ))
}

fn open_timestamp_authority(tsa: &TsaSettings) -> anyhow::Result<TimestampAuthority> {
    let chain = pem::parse_certificates(&read(&tsa.chain)?, TSA_CHAIN_LEN_MAX)?;
    let signer = Arc::new(open_key(&tsa.key)?);
    let policy = TimestampPolicy::SIGSTORE;
    Ok(TimestampAuthority::new(signer, &chain, policy)?)
}

/// Certificates of a timestamp authority: its own, a root, and what may be between.
const TSA_CHAIN_LEN_MAX: usize = 5;

/// The name of the log that certificates go into, where nobody chose another.
pub(crate) const CERTIFICATE_LOG: &str = "ct";

fn open_trust(trust: &TrustSettings) -> anyhow::Result<TrustFiles> {
    let online = Arc::new(open_key(&trust.online_key)?);
    TrustFiles::open(trust.dir.clone(), online)
}

fn open_key(key: &KeyFile) -> anyhow::Result<FileSigner> {
    let der = key.read()?;
    FileSigner::from_pkcs8_der(&der).with_context(|| format!("{}", key.path().display()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| {
        format!(
            "{} can't be read; restore it from your backup",
            path.display()
        )
    })
}

/// Refuses a host that is not the server's own: a name that somebody points at loopback, so that
/// their page and this server look like one site to a browser.
fn check_own_host(url: &str, host: Option<&str>) -> Result<(), Refusal> {
    let authority = url.split_once("://").map(|(_scheme, rest)| rest);
    let own: Option<Authority> = authority.and_then(|authority| authority.parse().ok());
    let is_own = match (&own, host) {
        (Some(own), Some(host)) => own.host().eq_ignore_ascii_case(host),
        _ => false,
    };
    if is_own {
        Ok(())
    } else {
        Err(Refusal::DevHost)
    }
}
