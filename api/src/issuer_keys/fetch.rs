//! Reading an issuer's two documents: discovery, then the keys that it names.
//!
//! No redirects, no proxies, no content codings: what is asked is what answers. Bodies are read up
//! to their limit and times are bounded, so an issuer can be wrong or slow but not costly.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ca::Issuer;
use ca::oidc::discovery::DISCOVERY_LEN_BYTES_MAX;
use ca::oidc::key_set::KEY_SET_LEN_BYTES_MAX;
use ca::oidc::{Discovery, DiscoveryError, JwsAlgorithm, KeySet, KeySetError};
use reqwest::{Certificate, Client, Url, redirect};

use super::address::{Reach, ReachError, Resolver};

/// How long one document may take, from looking up the name to its last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting may take of that.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What an issuer's documents say.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) algorithms: Vec<JwsAlgorithm>,
    pub(super) key_set: KeySet,
}

/// Why they could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum FetchError {
    #[error("GET {url}: {cause}")]
    Http { url: String, cause: String },
    #[error("GET {url}: answered {status}; wanted 200, and redirects are not followed")]
    Status { url: String, status: u16 },
    #[error("GET {url}: more than {max} bytes, which no such document has")]
    TooLong { url: String, max: usize },
    #[error("{url:?} is not a URL: {why}")]
    Url { url: String, why: String },
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error(transparent)]
    KeySet(#[from] KeySetError),
}

/// Why no client for an issuer can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ClientError {
    #[error(
        "the issuer {issuer}: its ca_file {} can't be used: {why}; give the certificates that \
         its server is known by, in PEM",
        path.display()
    )]
    CaFile {
        issuer: String,
        path: PathBuf,
        why: String,
    },
    #[error("the issuer {issuer}: no HTTP client can be made: {why}")]
    Client { issuer: String, why: String },
}

/// How to ask an issuer.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    /// For the host that the issuer's URL names.
    own: (Reach, Client),
    /// For any other that its document names.
    other: (Reach, Client),
}

/// HTTP clients, shared by the issuers that are asked alike.
#[derive(Debug, Default)]
pub(super) struct Clients(BTreeMap<(Reach, Option<PathBuf>), Client>);

impl Clients {
    /// How to ask an issuer of cairn.toml; its files lie in `dir`.
    ///
    /// # Errors
    /// If its `ca_file` can't be used.
    pub(super) fn fetcher(&mut self, issuer: &Issuer, dir: &Path) -> Result<Fetcher, ClientError> {
        let [own, other] = reaches(issuer);
        let ca_file = issuer.ca_file().map(|file| dir.join(file));
        let own_client = self.client(issuer, own, ca_file.as_ref())?;
        let other_client = self.client(issuer, other, ca_file.as_ref())?;
        Ok(Fetcher {
            own: (own, own_client),
            other: (other, other_client),
        })
    }

    fn client(
        &mut self,
        issuer: &Issuer,
        reach: Reach,
        ca_file: Option<&PathBuf>,
    ) -> Result<Client, ClientError> {
        let key = (reach, ca_file.cloned());
        if let Some(client) = self.0.get(&key) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .user_agent(concat!("cairnd/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(FETCH_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(0)
            .dns_resolver(Resolver(reach));
        if let Some(path) = ca_file {
            builder = builder.tls_certs_only(read_ca_file(issuer, path)?);
        }
        let client = builder.build().map_err(|error| ClientError::Client {
            issuer: issuer.url().to_owned(),
            why: chain(&error),
        })?;
        self.0.insert(key, client.clone());
        Ok(client)
    }
}

/// Where requests for an issuer may go: to its own host, and to any other.
fn reaches(issuer: &Issuer) -> [Reach; 2] {
    if issuer.url().starts_with("http://") {
        return [Reach::Loopback; 2];
    }
    let chosen_by_others = if issuer.has_private_addresses() {
        Reach::Anywhere
    } else {
        Reach::Public
    };
    let host = issuer.url().split('/').nth(2).unwrap_or_default();
    let own = if host.contains('*') {
        chosen_by_others
    } else {
        Reach::Anywhere
    };
    [own, chosen_by_others]
}

fn read_ca_file(issuer: &Issuer, path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let refused = |why: String| ClientError::CaFile {
        issuer: issuer.url().to_owned(),
        path: path.to_owned(),
        why,
    };
    let pem = fs::read(path).map_err(|error| refused(error.to_string()))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|error| refused(chain(&error)))?;
    if certificates.is_empty() {
        return Err(refused("it has no certificate".to_owned()));
    }
    Ok(certificates)
}

impl Fetcher {
    /// Reads both documents of the issuer with that `iss`.
    pub(super) async fn fetch(&self, issuer: &str) -> Result<Fetched, FetchError> {
        let at = parse_url(&Discovery::url_of(issuer))?;
        let own_host = at.host_str().map(str::to_owned);
        let document = get(&self.own, at, DISCOVERY_LEN_BYTES_MAX).await?;
        let discovery = Discovery::parse(&document, issuer)?;
        let at = parse_url(&discovery.jwks_uri)?;
        let asked = if at.host_str() == own_host.as_deref() {
            &self.own
        } else {
            &self.other
        };
        let keys = get(asked, at, KEY_SET_LEN_BYTES_MAX).await?;
        Ok(Fetched {
            algorithms: discovery.algorithms,
            key_set: KeySet::parse(&keys)?,
        })
    }
}

fn parse_url(url: &str) -> Result<Url, FetchError> {
    url.parse().map_err(|error| FetchError::Url {
        url: url.to_owned(),
        why: format!("{error}"),
    })
}

async fn get(
    (reach, client): &(Reach, Client),
    url: Url,
    len_bytes_max: usize,
) -> Result<Vec<u8>, FetchError> {
    reach.check(&url)?;
    let named = || url.to_string();
    let failed = |error: reqwest::Error| FetchError::Http {
        url: named(),
        cause: chain(&error.without_url()),
    };
    let mut answer = client.get(url.clone()).send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(FetchError::Status {
            url: named(),
            status,
        });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > len_bytes_max {
            let max = len_bytes_max;
            return Err(FetchError::TooLong { url: named(), max });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An error with its causes, which say what happened.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use ca::{IssuerSection, IssuerTable, Profile};

    use super::*;

    fn issuer(toml: &str) -> Issuer {
        let section: IssuerSection = toml::from_str(toml).unwrap();
        let table = IssuerTable::new(&[section], Profile::Dev).unwrap();
        table.issuers()[0].clone()
    }

    #[test]
    fn requests_go_where_the_operator_says_and_elsewhere_only_in_public() {
        use Reach::{Anywhere, Loopback, Public};
        let reaches = |lines: &str| reaches(&issuer(&format!("preset = 'email'\n{lines}")));
        assert_eq!(reaches("url = 'https://a.example'"), [Anywhere, Public]);
        assert_eq!(reaches("url = 'http://127.0.0.1:1/x'"), [Loopback; 2]);
        let wild = "url = 'https://*.a.example'";
        assert_eq!(reaches(wild), [Public; 2]);
        assert_eq!(
            reaches(&format!("{wild}\nprivate_addresses = true")),
            [Anywhere; 2]
        );
        let path = "url = 'https://a.example/*'";
        assert_eq!(reaches(path), [Anywhere, Public]);
    }

    #[test]
    fn a_wrong_ca_file_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let issuer = issuer("preset = 'email'\nurl = 'https://a.example'\nca_file = 'ca.pem'");
        let fetcher = |clients: &mut Clients| clients.fetcher(&issuer, dir.path());
        for (text, why) in [(None, "No such file"), (Some("hello"), "no certificate")] {
            if let Some(text) = text {
                fs::write(dir.path().join("ca.pem"), text).unwrap();
            }
            let refused = fetcher(&mut Clients::default()).unwrap_err().to_string();
            assert!(
                refused.contains("ca.pem") && refused.contains(why),
                "{refused}"
            );
        }
    }
}
