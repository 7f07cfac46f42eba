//! The TUF repository: read from its directory, renewed before it expires, served.
//!
//! Served at `/tuf/<id>/`, where the id is made from the first root, because clients keep what they
//! know of a repository by its URL; and at `/tuf/`, for people. A file is written whole before
//! anything names it, so an interrupted renewal leaves a repository that is as it was.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::response::Response;
use bytes::Bytes;
use ca::Signer;
use ca::trust_root::{Draft, Expiry, Lifetimes, PartyView, Repository, TrustRootError, Update};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::answer::answer as answered;
use crate::error::Refusal;
use crate::{keys, wall_clock};

/// The file that says which others are current: the one that changes under its name, and the last
/// to be written.
pub(crate) const TIMESTAMP: &str = "timestamp.json";

/// A signed update that waits to be published, within the directory. Not served: no TUF client
/// asks for it.
pub(crate) const WAITING: &str = "update.signed";

/// The path below which they are served.
const PATH: &str = "tuf";

/// Bytes of one file; metadata and targets are some kilobytes.
const FILE_LEN_BYTES_MAX: u64 = 4 << 20;

/// The repository that this server keeps current.
#[derive(Debug)]
pub(crate) struct TrustFiles {
    dir: PathBuf,
    id: String,
    online: Arc<dyn Signer>,
    repository: Mutex<Repository>,
}

impl TrustFiles {
    /// Reads the repository in `dir`, to be renewed with the `online` key.
    ///
    /// # Errors
    /// If a file can't be read, or is not what the root says.
    pub(crate) fn open(dir: PathBuf, online: Arc<dyn Signer>) -> anyhow::Result<TrustFiles> {
        let trust = TrustFiles::reopen(dir, online)?;
        trust.renew()?;
        match trust.pick_up() {
            Ok(Some(done)) => tracing::info!("{done}"),
            Ok(None) => {}
            // What clients have is good without it.
            Err(error) => tracing::error!("{error:#}"),
        }
        Ok(trust)
    }

    /// As [`TrustFiles::open`], and leaves it as it is.
    ///
    /// # Errors
    /// As [`TrustFiles::open`].
    pub(crate) fn reopen(dir: PathBuf, online: Arc<dyn Signer>) -> anyhow::Result<TrustFiles> {
        let files = read_files(&dir).with_context(|| {
            format!(
                "{} can't be read; restore it from your backup",
                dir.display()
            )
        })?;
        let repository = Repository::load(files, Lifetimes::default())?;
        Ok(TrustFiles {
            id: repository.id(),
            dir,
            online,
            repository: Mutex::new(repository),
        })
    }

    /// Signs anew what will expire, if it is time. To be called every day.
    ///
    /// # Errors
    /// If signing or writing failed; what is served stays as it was.
    pub(crate) fn renew(&self) -> anyhow::Result<()> {
        let mut repository = self
            .repository
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut next = repository.clone();
        let paths = next.renew(self.online.as_ref(), wall_clock::seconds())?;
        for path in &paths {
            if let Some(bytes) = next.files().get(path) {
                write_file(&self.dir, path, bytes)?;
            }
        }
        if !paths.is_empty() {
            tracing::info!(files = paths.len(), "the trust root was renewed");
        }
        *repository = next;
        Ok(())
    }

    /// Publishes the signed update that waits in the directory, if there is one, and takes it away:
    /// it is good for one state of the repository only. Says what it was.
    ///
    /// # Errors
    /// If it can't be read, is not signed by all who must, or was made for another state. Nothing
    /// has changed then.
    pub(crate) fn pick_up(&self) -> anyhow::Result<Option<String>> {
        let path = self.dir.join(WAITING);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
        };
        let published = self.publish(&bytes);
        fs::remove_file(&path)?;
        let update = published.context("the update of the trust root is refused")?;
        Ok(Some(format!("the trust root is updated: {update}")))
    }

    fn publish(&self, bytes: &[u8]) -> anyhow::Result<Update> {
        let update = Update::parse(bytes)?;
        let mut repository = self
            .repository
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut next = repository.clone();
        let paths = next.apply(&update, self.online.as_ref(), wall_clock::seconds())?;
        for path in &paths {
            if let Some(bytes) = next.files().get(path) {
                write_file(&self.dir, path, bytes)?;
            }
        }
        *repository = next;
        Ok(update)
    }

    /// When the current metadata expires, role by role.
    pub(crate) fn expiries(&self) -> [Expiry; 4] {
        let repository = self.repository.lock();
        repository
            .unwrap_or_else(PoisonError::into_inner)
            .expiries()
    }

    /// What clients are told of the parties.
    ///
    /// # Errors
    /// If the files can't be read, which they could when they were signed.
    pub(crate) fn parties(&self) -> Result<Vec<PartyView>, TrustRootError> {
        let repository = self.repository.lock();
        let files = repository
            .unwrap_or_else(PoisonError::into_inner)
            .target_files();
        Ok(Draft::read(files)?.parties())
    }

    /// What tells this repository from others, in its URL.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    fn file(&self, path: &str) -> Option<Bytes> {
        let repository = self
            .repository
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        repository
            .files()
            .get(path)
            .map(|bytes| Bytes::copy_from_slice(bytes))
    }

    /// What a path of the server means: a path within the repository.
    pub(crate) fn locate(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(PATH)?.strip_prefix('/')?;
        let below_id = rest
            .strip_prefix(&self.id)
            .and_then(|rest| rest.strip_prefix('/'));
        Some(below_id.unwrap_or(rest).to_owned())
    }
}

/// Answers a request for a file.
pub(crate) fn answer(trust: &TrustFiles, path: &str) -> Result<Response, Refusal> {
    let bytes = trust.file(path).ok_or(Refusal::NoTrustFile)?;
    let caching = if path == TIMESTAMP {
        "no-cache"
    } else {
        "public, max-age=31536000, immutable"
    };
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, caching)];
    Ok(answered(StatusCode::OK, headers, bytes))
}

/// Puts a new repository into `dir`.
///
/// # Errors
/// If a file can't be written.
pub(crate) fn write_new(dir: &Path, repository: &Repository) -> io::Result<()> {
    for (path, bytes) in repository.files() {
        write_file(dir, path, bytes)?;
    }
    Ok(())
}

/// Every file below `dir`: those in it, and those in `targets/`.
pub(crate) fn read_files(dir: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for prefix in ["", "targets/"] {
        for entry in fs::read_dir(dir.join(prefix))? {
            let entry = entry?;
            let (metadata, name) = (entry.metadata()?, entry.file_name());
            let name = name.to_string_lossy();
            if metadata.is_file() && name.ends_with(".json") && metadata.len() <= FILE_LEN_BYTES_MAX
            {
                files.insert(format!("{prefix}{name}"), fs::read(entry.path())?);
            }
        }
    }
    Ok(files)
}

/// Writes a file whole or not at all.
pub(crate) fn write_file(dir: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let target = dir.join(path);
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut temporary = target.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, &target)?;
    keys::sync_parent(&target)
}
