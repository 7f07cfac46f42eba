//! A log read over HTTP, for `fsck --url`. Trusts nothing: every answer has a length limit, and
//! what the bytes mean is for the caller to check.

use std::io::Read as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use engine::{Format, Threads, TlogTiles};
use reqwest::StatusCode;
use reqwest::blocking::Client;
use sigstore::ct_entry::{Fingerprint, STATIC_CT};
use tiles::rebuild::Report;
use tiles::{
    BundleRef, Checkpoint, Framing, Layout, LogBytes, PublishedError, PublishedLog, ResourcePath,
    Resources, TileRef, VerifierKey,
};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a checkpoint: the limit of a signed note.
const CHECKPOINT_LEN_BYTES_MAX: u64 = 1 << 20;

/// Bytes of a certificate: more than any has that a log takes.
const ISSUER_LEN_BYTES_MAX: u64 = 1 << 16;

/// Requests under way at once: enough to hide the latency, few enough not to be a burden. Times the
/// largest bundle, this bounds the memory.
const READERS_COUNT: NonZeroUsize = NonZeroUsize::new(8).expect("eight are not none");

/// A log's public address.
#[derive(Clone, Debug)]
pub(crate) struct RemoteLog {
    client: Client,
    /// Without a trailing slash.
    base: String,
    format: Arc<dyn Format>,
}

/// Why a resource could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RemoteError {
    #[error("GET {url}")]
    Http { url: String, source: reqwest::Error },
    #[error("GET {url}")]
    Body { url: String, source: std::io::Error },
    #[error("GET {url}: answered {status}")]
    Status { url: String, status: StatusCode },
    #[error("GET {url}: more than {max} bytes, which no such resource has")]
    TooLong { url: String, max: u64 },
    #[error("GET {url}: the full version can't be cut to {width} entries ({why})")]
    Cut {
        url: String,
        width: usize,
        why: String,
    },
}

/// A verifier key on the command line.
pub(super) fn parse_vkey(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text)
        .map_err(|error| format!("{error}; copy it as the log's operator gave it: NAME+HASH+KEY"))
}

impl RemoteLog {
    pub(crate) fn new(url: &str) -> anyhow::Result<RemoteLog> {
        let client = Client::builder()
            .user_agent(concat!("cairnd/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .build()
            .context("no HTTP client can be made")?;
        Ok(RemoteLog {
            client,
            base: url.trim_end_matches('/').to_owned(),
            format: Arc::new(TlogTiles),
        })
    }

    /// The same, whose entries are kept in that format.
    pub(super) fn of(self, format: Arc<dyn Format>) -> RemoteLog {
        RemoteLog { format, ..self }
    }

    /// The newest checkpoint, its signature checked.
    pub(super) fn checkpoint(&self, key: &VerifierKey) -> anyhow::Result<Checkpoint> {
        let note = self.note()?;
        let (checkpoint, _note) = tiles::open_checkpoint(&note, std::slice::from_ref(key))
            .with_context(|| format!("{}/checkpoint is not signed as --vkey says", self.base))?;
        Ok(checkpoint)
    }

    /// The newest checkpoint as it is, whoever signed it.
    pub(crate) fn note(&self) -> Result<Vec<u8>, RemoteError> {
        self.get("checkpoint", CHECKPOINT_LEN_BYTES_MAX)
    }

    /// A certificate above logged ones, of a certificate log.
    pub(super) fn issuer(&self, fingerprint: &Fingerprint) -> Result<Vec<u8>, RemoteError> {
        let path = format!("issuer/{}", hex::encode(fingerprint));
        self.get(&path, ISSUER_LEN_BYTES_MAX)
    }

    fn get(&self, path: &str, len_bytes_max: u64) -> Result<Vec<u8>, RemoteError> {
        let url = format!("{}/{path}", self.base);
        let answer = match self.client.get(&url).send() {
            Ok(answer) => answer,
            Err(source) => return Err(RemoteError::Http { url, source }),
        };
        if answer.status() != StatusCode::OK {
            return Err(RemoteError::Status {
                url,
                status: answer.status(),
            });
        }
        let mut bytes = Vec::new();
        match answer.take(len_bytes_max + 1).read_to_end(&mut bytes) {
            Err(source) => Err(RemoteError::Body { url, source }),
            Ok(_) if u64::try_from(bytes.len()).is_ok_and(|len| len <= len_bytes_max) => Ok(bytes),
            Ok(_) => Err(RemoteError::TooLong {
                url,
                max: len_bytes_max,
            }),
        }
    }

    /// The log as `tiles` reads one.
    fn published(&self) -> PublishedLog<&RemoteLog> {
        let framing = match self.format.layout() {
            Layout::TlogTiles => Framing::TLOG_TILES,
            Layout::StaticCt => STATIC_CT,
        };
        PublishedLog::new(self, framing)
    }

    /// What is wrong with a resource, by its URL.
    fn error(&self, resource: ResourcePath, error: PublishedError<RemoteError>) -> RemoteError {
        let url = |path: &str| format!("{}/{path}", self.base);
        match error {
            PublishedError::Read(error) => error,
            PublishedError::Missing => RemoteError::Status {
                url: url(&self.format.layout().path(resource)),
                status: StatusCode::NOT_FOUND,
            },
            PublishedError::Cut { full, width, why } => RemoteError::Cut {
                url: url(&full),
                width,
                why,
            },
        }
    }

    /// Reads the whole log and compares it with a checkpoint; `progress` is told how many entries
    /// are done.
    pub(super) fn check(
        &self,
        checkpoint: &Checkpoint,
        progress: &mut dyn FnMut(u64),
    ) -> anyhow::Result<Report> {
        let threads = Threads::new(READERS_COUNT)?;
        let head = (checkpoint.size(), checkpoint.root_hash());
        let format = self.format.as_ref();
        let leaves = |bytes: &[u8], width| engine::bundle_leaves(format, bytes, width);
        Ok(engine::rebuild_on(&threads, self, head, &leaves, progress)?)
    }
}

impl Resources for RemoteLog {
    type Error = RemoteError;

    fn read(&self, path: &str, len_bytes_max: usize) -> Result<Option<Vec<u8>>, RemoteError> {
        let len_bytes_max = u64::try_from(len_bytes_max).unwrap_or(u64::MAX);
        match self.get(path, len_bytes_max) {
            Err(RemoteError::Status {
                status: StatusCode::NOT_FOUND,
                ..
            }) => Ok(None),
            answer => answer.map(Some),
        }
    }
}

impl LogBytes for RemoteLog {
    type Error = RemoteError;
    type Bytes = Vec<u8>;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, RemoteError> {
        let bytes = LogBytes::tile(&self.published(), tile);
        bytes.map_err(|error| self.error(ResourcePath::Tile(tile), error))
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, RemoteError> {
        let bytes = self.published().bundle(bundle);
        bytes.map_err(|error| self.error(ResourcePath::Entries(bundle), error))
    }
}

#[cfg(test)]
mod tests;
