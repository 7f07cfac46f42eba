//! From one `[[log]]` and its key to the engine: the single place that says what a log's identity
//! is, so that making, opening and inspecting it can't disagree.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use engine::{Anchor, Format, Log, LogConfig, Reader, TlogTiles};
use tempfile::TempDir;

use crate::app::LogKind;
use crate::config::LogSettings;
use crate::ct::StaticCt;
use crate::keys::{self, LogKey};

/// The threads that hash; all logs of a process share them.
pub(crate) type HashingPool = Arc<rayon::ThreadPool>;

/// Makes an empty log.
///
/// # Errors
/// If there is one already, or it can't be written.
pub(crate) fn create(dir: &Path, settings: &LogSettings, key: &LogKey) -> anyhow::Result<()> {
    let config = config(settings, key, engine::hashing_pool()?);
    Ok(embedded::create(&settings.store_dir(dir), &config)?)
}

/// Opens a log to add to it, guarded by its `anchors`. Never makes one.
///
/// # Errors
/// If there is none, another process has it open, or it is not what was published.
pub(crate) fn open(
    dir: &Path,
    settings: &LogSettings,
    key: &LogKey,
    hashing: HashingPool,
    anchors: Vec<Anchor>,
) -> anyhow::Result<Log> {
    let mut config = config(settings, key, hashing);
    config.anchors = anchors;
    Ok(embedded::open(&settings.store_dir(dir), &config)?)
}

/// Takes up a log that is to be caught up with a public copy. Keeps every other process out.
///
/// # Errors
/// As [`open`], but a log that is older than what was published is what this is for.
pub(crate) fn catch_up(
    dir: &Path,
    settings: &LogSettings,
    key: &LogKey,
    anchors: Vec<Anchor>,
) -> anyhow::Result<engine::CatchUp> {
    let mut config = config(settings, key, engine::hashing_pool()?);
    config.anchors = anchors;
    Ok(embedded::catch_up(&settings.store_dir(dir), &config)?)
}

/// A log as its store has it at one moment, also beside a running server.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) reader: Reader,
    /// The storage engine's own notes; removed with this.
    _scratch: TempDir,
}

/// Opens a snapshot of a log.
///
/// # Errors
/// If there is no such log, or the store holds another than cairn.toml says.
pub(crate) fn snapshot(dir: &Path, settings: &LogSettings) -> anyhow::Result<Snapshot> {
    read_beside(&settings.store_dir(dir), settings)
}

/// As [`snapshot`], of a log whose store is anywhere.
pub(crate) fn read_beside(store_dir: &Path, settings: &LogSettings) -> anyhow::Result<Snapshot> {
    let key = keys::load(&settings.key, &settings.origin, settings.kind)?;
    let scratch = tempfile::Builder::new()
        .prefix("cairnd-")
        .tempdir()
        .context("no temporary directory can be made; set TMPDIR to one that can be written")?;
    let format = format(settings.kind);
    let reader = embedded::open_beside(store_dir, scratch.path(), format, &key.verifier)?;
    Ok(Snapshot {
        reader,
        _scratch: scratch,
    })
}

/// How entries of a log of that kind are kept.
pub(crate) fn format(kind: LogKind) -> Arc<dyn Format> {
    match kind {
        LogKind::RekorV2 | LogKind::Raw => Arc::new(TlogTiles),
        LogKind::Ct => Arc::new(StaticCt),
    }
}

fn config(settings: &LogSettings, key: &LogKey, hashing: HashingPool) -> LogConfig {
    let kind = settings.kind.as_str();
    let signer = Arc::clone(&key.signer);
    let mut config = LogConfig::new(settings.origin.clone(), kind, signer, hashing);
    config.format = format(settings.kind);
    config.limits = settings.engine_limits.clone();
    config.publish_dir.clone_from(&settings.publish_dir);
    config
}

/// Logs in directories, on the store that cairnd ships with.
#[cfg(feature = "rocks")]
mod embedded {
    use std::path::Path;
    use std::sync::Arc;

    use engine::{CatchUp, Format, Log, LogConfig, OpenError, Reader};
    use tiles::VerifierKey;

    pub(super) fn create(dir: &Path, config: &LogConfig) -> Result<(), OpenError> {
        Log::create(dir, config)
    }

    pub(super) fn open(dir: &Path, config: &LogConfig) -> Result<Log, OpenError> {
        Log::open(dir, config)
    }

    pub(super) fn catch_up(dir: &Path, config: &LogConfig) -> Result<CatchUp, OpenError> {
        CatchUp::open(dir, config)
    }

    pub(super) fn open_beside(
        dir: &Path,
        scratch: &Path,
        format: Arc<dyn Format>,
        key: &VerifierKey,
    ) -> Result<Reader, OpenError> {
        let (reader, _identity) = Reader::open_beside(dir, scratch, format, key)?;
        Ok(reader)
    }
}

/// Without a store there are no logs; everything else compiles and its tests run.
#[cfg(not(feature = "rocks"))]
mod embedded {
    use std::path::Path;
    use std::sync::Arc;

    use engine::{CatchUp, Format, Log, LogConfig, Reader};
    use tiles::VerifierKey;

    /// Why nothing works.
    #[derive(Debug, thiserror::Error)]
    #[error("this cairnd was built without a store; build it with the feature `rocks`")]
    pub(super) struct NoStore;

    pub(super) fn create(_: &Path, _: &LogConfig) -> Result<(), NoStore> {
        Err(NoStore)
    }

    pub(super) fn open(_: &Path, _: &LogConfig) -> Result<Log, NoStore> {
        Err(NoStore)
    }

    pub(super) fn catch_up(_: &Path, _: &LogConfig) -> Result<CatchUp, NoStore> {
        Err(NoStore)
    }

    pub(super) fn open_beside(
        _: &Path,
        _: &Path,
        _: Arc<dyn Format>,
        _: &VerifierKey,
    ) -> Result<Reader, NoStore> {
        Err(NoStore)
    }
}
