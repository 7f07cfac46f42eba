//! TLS on the public listener: a certificate and its key, read from files that may be replaced
//! while the server runs.
//!
//! The files are looked at every second, by content, so that links that are turned and volumes that
//! are swapped are noticed as well. They are replaced one after the other, and each maybe in
//! pieces: what was not the same twice in a row is still being written, and not tried. What is then
//! no certificate with its key leaves the one in use in place, and is told in the log and in
//! `/metrics`. Connections keep what they began with.
//!
//! Not here: the handshake's time limit, which is that of the headers, and client certificates.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use sigstore::UnixSeconds;
use sigstore::cert::CertificateView;

use crate::config::TlsSettings;
use crate::observe::Metrics;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of either file, far above any real one.
const FILE_LEN_BYTES_MAX: u64 = 1 << 20;

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TlsError {
    #[error("{file} can't be read: {cause}; correct `tls` in cairn.toml, or restore the file")]
    Read { file: String, cause: io::Error },
    #[error("{file} has more than {FILE_LEN_BYTES_MAX} bytes; it is not what `tls` wants")]
    TooLong { file: String },
    #[error("{file} has no certificate in PEM; put the server's certificate and its chain there")]
    NoCertificate { file: String },
    #[error("{file} has no private key in PEM; put the key of the certificate there")]
    NoKey { file: String },
    #[error(
        "{certificate} and {key} do not serve: {cause}; put a certificate and its own key there"
    )]
    Unusable {
        certificate: String,
        key: String,
        cause: tokio_rustls::rustls::Error,
    },
}

/// The certificate in use. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// Reads the files, and gives what follows them.
    ///
    /// # Errors
    /// If they are no certificate with its key.
    pub(crate) fn open(
        settings: &TlsSettings,
        metrics: &Metrics,
    ) -> Result<(Tls, Follower), TlsError> {
        let files = Files::read(settings)?;
        let config = files.config(settings)?;
        metrics.tls_certificate_ends(files.ends());
        let tls = Tls {
            current: Arc::new(RwLock::new(Arc::new(config))),
        };
        let follower = Follower {
            settings: settings.clone(),
            tls: tls.clone(),
            metrics: metrics.clone(),
            seen: Some(files.digest()),
            tried: Some(files.digest()),
        };
        Ok((tls, follower))
    }

    /// What greets the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        // Nothing under the lock panics half-way.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    fn replace(&self, config: ServerConfig) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(config);
    }
}

/// Follows the files.
#[derive(Debug)]
pub(crate) struct Follower {
    settings: TlsSettings,
    tls: Tls,
    metrics: Metrics,
    /// What the last look found; `None` if a file could not be read.
    seen: Option<Digest>,
    /// What was last tried, so that each content is told of once.
    tried: Option<Digest>,
}

/// Of the content of both files.
type Digest = [u8; 32];

impl Follower {
    /// Looks at the files until the server stops.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let look = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match look.await {
                Ok(follower) => self = follower,
                Err(error) => {
                    tracing::error!(%error, "the certificate is no longer followed: a bug");
                    return;
                }
            }
        }
    }

    /// One look: takes what is there if it was there the last time already, and was not tried.
    fn look(&mut self) {
        let files = Files::read(&self.settings);
        let digest = files.as_ref().ok().map(Files::digest);
        let is_settled = digest == self.seen;
        self.seen = digest;
        if !is_settled || digest == self.tried {
            return;
        }
        self.tried = digest;
        match files.and_then(|files| Ok((files.config(&self.settings)?, files.ends()))) {
            Ok((config, ends)) => {
                self.tls.replace(config);
                self.metrics.tls_certificate_ends(ends);
                self.metrics.tls_files_used(true);
                tracing::info!("the TLS certificate was replaced");
            }
            Err(error) => {
                self.metrics.tls_files_used(false);
                tracing::error!(%error, "the TLS certificate was not replaced; the old one stays");
            }
        }
    }
}

/// The content of both files.
struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Files {
    fn read(settings: &TlsSettings) -> Result<Files, TlsError> {
        Ok(Files {
            certificate: read(&settings.certificate)?,
            key: Zeroizing::new(read(&settings.key)?),
        })
    }

    /// When the server's own certificate ends, which is the first one.
    fn ends(&self) -> Option<UnixSeconds> {
        let first = CertificateDer::pem_slice_iter(&self.certificate)
            .next()?
            .ok()?;
        Some(CertificateView::parse(&first).ok()?.not_after())
    }

    fn digest(&self) -> Digest {
        use sha2::{Digest as _, Sha256};
        // The digest of each, so that nothing moves unseen from one file to the other.
        let parts = [self.certificate.as_slice(), &self.key].map(Sha256::digest);
        Sha256::digest(parts.concat()).into()
    }

    fn config(&self, settings: &TlsSettings) -> Result<ServerConfig, TlsError> {
        let chain =
            CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NoCertificate {
            file: shown(&settings.certificate),
        })?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey {
            file: shown(&settings.key),
        })?;
        // Named, because a process may have two providers compiled in and then has no default.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|cause| TlsError::Unusable {
            certificate: shown(&settings.certificate),
            key: shown(&settings.key),
            cause,
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = || shown(path);
    let cannot = |cause| TlsError::Read {
        file: file(),
        cause,
    };
    let len = fs::metadata(path).map_err(cannot)?.len();
    if len > FILE_LEN_BYTES_MAX {
        return Err(TlsError::TooLong { file: file() });
    }
    fs::read(path).map_err(cannot)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
pub(crate) mod tests;
