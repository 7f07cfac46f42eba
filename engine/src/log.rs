//! The handle of a log: create, open, add, read, close.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use tiles::{NoteSigner, Origin, VerifierKey};

use crate::anchor::{self, Anchor};
use crate::clock::{Clock, SystemClock};
use crate::commit::{Committed, Committer, Handoff};
use crate::dedup::Dedup;
use crate::driver::{Driver, Steppers};
use crate::error::{AddError, OpenError, Rejection, StoreError};
use crate::fail_stop::FailStop;
use crate::format::{Format, TlogTiles, UnfinishedEntry};
use crate::indexer::{Filling, Indexer};
use crate::limits::Limits;
use crate::lock::DirLock;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::publish::{Publication, PublishedHead, Publisher, sign_head};
use crate::publish_dir::DirPublisher;
use crate::reader::{Reader, StoredTiles};
use crate::recover;
use crate::sequencer::{Sequencer, Tail};
use crate::signal::Signal;
use crate::store::{CheckpointStore, ColdStore, Head, HotStore, LogIdentity};
use crate::ticket::Ticket;
use crate::tier::Tier;
use crate::tile_cache::TileCache;

/// Everything a log needs to know to run.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// First line of every checkpoint.
    pub origin: Origin,
    /// What the log is for; fixed in its store.
    pub kind: String,
    /// Who signs checkpoints: the log's own key first.
    pub signers: Vec<Arc<dyn NoteSigner>>,
    /// How entries become leaves and bundles.
    pub format: Arc<dyn Format>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Bounds and cadences.
    pub limits: Limits,
    /// A directory to keep a plain copy of the published log in.
    pub publish_dir: Option<PathBuf>,
    /// Places outside the stores that remember what was published.
    pub anchors: Vec<Anchor>,
    /// The threads that hash; several logs may share them.
    pub hashing: Arc<rayon::ThreadPool>,
    /// Whether an identity has one index only, as every log but that of a bench needs it (feature
    /// `testing`).
    #[cfg(any(test, feature = "testing"))]
    pub deduplication: bool,
}

impl LogConfig {
    /// A tlog-tiles log with default limits, signed by `signer`, hashing in `hashing`.
    #[must_use]
    pub fn new(
        origin: Origin,
        kind: &str,
        signer: Arc<dyn NoteSigner>,
        hashing: Arc<rayon::ThreadPool>,
    ) -> Self {
        Self {
            origin,
            kind: kind.to_owned(),
            signers: vec![signer],
            format: Arc::new(TlogTiles),
            clock: Arc::new(SystemClock::new()),
            limits: Limits::default(),
            publish_dir: None,
            anchors: Vec::new(),
            hashing,
            #[cfg(any(test, feature = "testing"))]
            deduplication: true,
        }
    }

    /// What the store of this log is created for.
    pub(crate) fn identity(&self) -> Result<LogIdentity, OpenError> {
        Ok(LogIdentity {
            origin: self.origin.clone(),
            kind: self.kind.clone(),
            log_id: self.key()?.log_id(),
            format: self.format.name().to_owned(),
        })
    }

    fn dedup(&self, stores: &Stores) -> Dedup {
        let dedup = Dedup::new(Arc::clone(&stores.hot), self.limits.index_segment_len);
        #[cfg(any(test, feature = "testing"))]
        let dedup = dedup.enabled(self.deduplication);
        dedup
    }

    pub(crate) fn key(&self) -> Result<&VerifierKey, OpenError> {
        let first = self.signers.first();
        let none = || OpenError::Sign("no signer is configured".to_owned());
        first.map(|signer| signer.verifier()).ok_or_else(none)
    }
}

/// A pool of named threads for hashing, one for each core.
///
/// # Errors
/// If the system refuses the threads.
pub fn hashing_pool() -> Result<Arc<rayon::ThreadPool>, OpenError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(cores)
        .thread_name(|number| format!("cairn-hash-{number}"))
        .build();
    pool.map(Arc::new).map_err(|error| {
        let error = std::io::Error::other(error.to_string());
        StoreError::io("start hashing threads", error).into()
    })
}

/// The three stores of one log.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The working set.
    pub hot: Arc<dyn HotStore>,
    /// Full objects, for ever.
    pub cold: Arc<dyn ColdStore>,
    /// The last published checkpoint.
    pub checkpoint: Arc<dyn CheckpointStore>,
}

/// How a log is doing.
#[derive(Clone, Debug)]
pub struct LogStatus {
    /// The newest published head.
    pub published: Arc<PublishedHead>,
    /// The newest committed head.
    pub committed: Head,
    /// Entries waiting for an index.
    pub pool_count: usize,
    /// Bytes waiting for an index.
    pub pool_bytes: usize,
    /// Why the log takes no entries, if it does not.
    pub stopped: Option<String>,
    /// Why the log refuses batches until something outside it is put right, if it does.
    pub refusing: Option<String>,
    /// Why nothing is published until something outside the log is put right, if nothing is.
    pub held: Option<String>,
}

/// An open log. Clones share it.
#[derive(Clone, Debug)]
pub struct Log {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: Arc<Pool>,
    clock: Arc<dyn Clock>,
    format: Arc<dyn Format>,
    committed: Arc<Signal<Committed>>,
    fail_stop: Arc<FailStop>,
    refusing: Arc<Mutex<Option<String>>>,
    held: Arc<Mutex<Option<String>>>,
    final_line: Arc<OnceLock<String>>,
    metrics: Arc<Metrics>,
    reader: Reader,
    /// The running threads, until the log is closed.
    driver: Mutex<Option<Driver>>,
    /// Keeps other processes out for as long as the log is open.
    _lock: Option<Arc<DirLock>>,
}

impl Log {
    /// Signs and keeps the checkpoint of an empty log in stores that were just created.
    ///
    /// # Errors
    /// If the checkpoint cannot be signed or kept.
    pub fn create_with(stores: &Stores, config: &LogConfig) -> Result<(), OpenError> {
        config.limits.check()?;
        let head = sign_head(
            &config.origin,
            &config.signers,
            &Head::EMPTY,
            None,
            config.clock.now(),
        )
        .map_err(OpenError::Sign)?;
        Ok(stores.checkpoint.keep(&head.checkpoint)?)
    }

    /// Opens a log on any stores. A log with a damaged record at its growing end is opened for
    /// reading only, see [`LogStatus::stopped`].
    ///
    /// # Errors
    /// See [`OpenError`]: the stores hold another log, or less than was published.
    pub fn open_with(stores: &Stores, config: &LogConfig) -> Result<Self, OpenError> {
        Self::open_locked(stores, config, None, Path::new("checkpoint"))
    }

    fn open_locked(
        stores: &Stores,
        config: &LogConfig,
        lock: Option<DirLock>,
        checkpoint_path: &Path,
    ) -> Result<Self, OpenError> {
        let (parts, recovered) = Parts::recover(stores, config, checkpoint_path)?;
        let lock = lock.map(Arc::new);
        let driver = match recovered {
            Ok(tail) => Some(parts.start(lock.as_ref(), tail)?),
            Err(damaged) => {
                tracing::error!(error = %damaged, "opened for reading only");
                let told = parts.fail_stop.trip(&damaged.to_string());
                parts
                    .publication
                    .update(|publication| publication.ended = Some(told));
                None
            }
        };
        let inner = parts.inner(lock);
        *crate::lock(&inner.driver) = driver;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Lets an entry into the log. The ticket tells when it has an index.
    ///
    /// # Errors
    /// [`AddError::Rejected`] if the entry is too large, too much is waiting already, or the log
    /// is closed: nothing happened. [`AddError::Fatal`] if the log has stopped.
    ///
    /// # Panics
    /// Never: one entry gets one ticket.
    pub fn add(&self, entry: UnfinishedEntry) -> Result<Ticket, AddError> {
        let mut tickets = self.add_many(vec![entry])?;
        Ok(tickets.pop().expect("one entry, one ticket"))
    }

    /// Lets several entries into the log, all or none, in order. They may end up in more than one
    /// batch.
    ///
    /// # Errors
    /// As [`Log::add`].
    pub fn add_many(&self, entries: Vec<UnfinishedEntry>) -> Result<Vec<Ticket>, AddError> {
        self.check(&entries)?;
        let added = self.inner.pool.add(entries, self.inner.clock.monotonic());
        if let Err(AddError::Rejected(Rejection::PoolFull { .. })) = &added {
            self.inner.metrics.pushbacks.add(1);
        }
        added
    }

    /// Turns entries away that the log's format does not take.
    fn check(&self, entries: &[UnfinishedEntry]) -> Result<(), Rejection> {
        let format = &self.inner.format;
        let max = format.content_len_bytes_max();
        if let Some(large) = entries.iter().find(|entry| entry.content().len() > max) {
            let found = large.content().len();
            return Err(Rejection::TooLarge { found, max });
        }
        if format.identity_is_leaf_hash()
            && !entries.iter().all(UnfinishedEntry::identity_is_leaf_hash)
        {
            return Err(Rejection::GivenIdentity);
        }
        Ok(())
    }

    /// A reader of the published tree.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.inner.reader.clone()
    }

    /// The newest published head.
    #[must_use]
    pub fn published(&self) -> Arc<PublishedHead> {
        self.inner.reader.published()
    }

    /// What the log counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// How the log is doing.
    #[must_use]
    pub fn status(&self) -> LogStatus {
        let (pool_count, pool_bytes) = self.inner.pool.load();
        let committed = self.inner.committed.get().head;
        // A clock that was put right needs no further batch to be believed.
        let behind = self.inner.clock.now() <= committed.time;
        LogStatus {
            published: self.published(),
            committed,
            pool_count,
            pool_bytes,
            stopped: self.inner.fail_stop.reason().map(str::to_owned),
            refusing: crate::lock(&self.inner.refusing).clone().filter(|_| behind),
            held: crate::lock(&self.inner.held).clone(),
        }
    }

    /// Freezes the log: takes no further entries, publishes what waits, and shows a last checkpoint
    /// with `line` in it, as [`Log::close`] would without. It stays frozen when it is opened again.
    /// Without a line, which the checkpoints of some formats must not have, whoever opens the log
    /// must know.
    ///
    /// # Errors
    /// If the last checkpoint could not be published. The log is closed then, and not frozen:
    /// opened again it can be frozen again.
    pub fn freeze(&self, line: Option<&str>) -> Result<(), String> {
        if let Some(line) = line {
            self.inner.final_line.get_or_init(|| line.to_owned());
        }
        self.close();
        let published = self.published();
        let status = self.status();
        match (line, status.stopped) {
            (_, Some(why)) => Err(why),
            (Some(_), None) if published.final_line().is_none() => {
                let why = "the last checkpoint was not published";
                Err(status.held.unwrap_or_else(|| why.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Takes no further entries, sequences and publishes those that wait, and ends the log's
    /// threads. Blocks until all of that is done. Reads go on working on every clone.
    pub fn close(&self) {
        self.inner.pool.close();
        // Held while joining, so that whoever closes second returns no earlier.
        let mut driver = crate::lock(&self.inner.driver);
        if let Some(driver) = driver.take() {
            driver.join();
        }
    }
}

impl Drop for Inner {
    /// A log that was not closed still ends its threads, in their own time.
    fn drop(&mut self) {
        self.pool.close();
    }
}

/// What the parts of an open log share.
struct Parts<'a> {
    stores: &'a Stores,
    config: &'a LogConfig,
    pool: Arc<Pool>,
    committed: Arc<Signal<Committed>>,
    publication: Arc<Signal<Publication>>,
    fail_stop: Arc<FailStop>,
    refusing: Arc<Mutex<Option<String>>>,
    held: Arc<Mutex<Option<String>>>,
    final_line: Arc<OnceLock<String>>,
    metrics: Arc<Metrics>,
    tile_cache: Arc<TileCache>,
    dedup: Arc<Dedup>,
    handoff: Arc<Handoff>,
}

impl<'a> Parts<'a> {
    /// The parts of a log that is there, and the tail they go on from; a damaged record in its
    /// place if they must not go on.
    fn recover(
        stores: &'a Stores,
        config: &'a LogConfig,
        checkpoint_path: &Path,
    ) -> Result<(Self, Result<Tail, StoreError>), OpenError> {
        config.limits.check()?;
        recover::check_identity(stores.hot.as_ref(), &config.identity()?)?;
        let published =
            recover::published(stores.checkpoint.as_ref(), config.key()?, checkpoint_path)?;
        let is_frozen = published.final_line().is_some();
        let stored = StoredTiles {
            hot: stores.hot.as_ref(),
            cold: stores.cold.as_ref(),
        };
        let dedup = config.dedup(stores);
        let format = config.format.as_ref();
        let recovered = recover::tail(&stored, format, &published).and_then(|tail| {
            let key = config.key()?;
            anchor::check(&config.anchors, key, &stored, &tail.head)?;
            let copy = config.publish_dir.as_deref();
            let copy = copy.and_then(|dir| anchor::copy_in(dir, key));
            anchor::check(copy.as_slice(), key, &stored, &tail.head)?;
            recover::identities(&stored, format, &tail.head, &dedup)?;
            Ok(tail)
        });
        let recovered = match recovered {
            Ok(tail) => Ok(tail),
            Err(OpenError::Store(damaged @ StoreError::Damaged { .. })) => Err(damaged),
            Err(error) => return Err(error),
        };
        let head = recovered.as_ref().map_or(Head::EMPTY, |tail| tail.head);
        let parts = Self::new(stores, config, published, head, dedup);
        if is_frozen {
            parts.pool.close();
        }
        Ok((parts, recovered))
    }

    fn new(
        stores: &'a Stores,
        config: &'a LogConfig,
        published: PublishedHead,
        committed: Head,
        dedup: Dedup,
    ) -> Self {
        let publication = Publication {
            head: Arc::new(published),
            ended: None,
        };
        let publication = Arc::new(Signal::new(publication));
        let pool = Arc::new(Pool::new(config.limits.clone(), Arc::clone(&publication)));
        Self {
            stores,
            config,
            committed: Arc::new(Signal::new(Committed {
                head: committed,
                ended: false,
            })),
            publication,
            fail_stop: Arc::new(FailStop::new(Arc::clone(&pool))),
            refusing: Arc::default(),
            held: Arc::default(),
            final_line: Arc::default(),
            pool,
            metrics: Arc::default(),
            tile_cache: Arc::default(),
            dedup: Arc::new(dedup),
            handoff: Arc::default(),
        }
    }

    fn reader(&self) -> Reader {
        Reader {
            hot: Arc::clone(&self.stores.hot),
            cold: Arc::clone(&self.stores.cold),
            format: Arc::clone(&self.config.format),
            publication: Arc::clone(&self.publication),
            tile_cache: Arc::clone(&self.tile_cache),
            dedup: Some(Arc::clone(&self.dedup)),
            fail_stop: Some(Arc::clone(&self.fail_stop)),
        }
    }

    fn inner(&self, lock: Option<Arc<DirLock>>) -> Inner {
        Inner {
            pool: Arc::clone(&self.pool),
            clock: Arc::clone(&self.config.clock),
            format: Arc::clone(&self.config.format),
            committed: Arc::clone(&self.committed),
            fail_stop: Arc::clone(&self.fail_stop),
            refusing: Arc::clone(&self.refusing),
            held: Arc::clone(&self.held),
            final_line: Arc::clone(&self.final_line),
            metrics: Arc::clone(&self.metrics),
            reader: self.reader(),
            driver: Mutex::new(None),
            _lock: lock,
        }
    }

    fn sequencer(&self, tail: Tail) -> Sequencer {
        Sequencer {
            format: Arc::clone(&self.config.format),
            clock: Arc::clone(&self.config.clock),
            hashing: Arc::clone(&self.config.hashing),
            limits: self.config.limits.clone(),
            metrics: Arc::clone(&self.metrics),
            pool: Arc::clone(&self.pool),
            dedup: Arc::clone(&self.dedup),
            handoff: Arc::clone(&self.handoff),
            fail_stop: Arc::clone(&self.fail_stop),
            refusing: Arc::clone(&self.refusing),
            tail,
            held: None,
            behind_since: None,
        }
    }

    fn committer(&self) -> Committer {
        Committer {
            store: Arc::clone(&self.stores.hot),
            clock: Arc::clone(&self.config.clock),
            metrics: Arc::clone(&self.metrics),
            handoff: Arc::clone(&self.handoff),
            committed: Arc::clone(&self.committed),
            fail_stop: Arc::clone(&self.fail_stop),
        }
    }

    fn indexer(&self) -> Indexer {
        Indexer {
            store: Arc::clone(&self.stores.hot),
            dedup: Arc::clone(&self.dedup),
            committed: Arc::clone(&self.committed),
            metrics: Arc::clone(&self.metrics),
            fail_stop: Arc::clone(&self.fail_stop),
            filling: Filling::After(None),
        }
    }

    fn publisher(&self) -> Publisher {
        Publisher {
            origin: self.config.origin.clone(),
            signers: self.config.signers.clone(),
            store: Arc::clone(&self.stores.checkpoint),
            anchors: self.config.anchors.clone(),
            clock: Arc::clone(&self.config.clock),
            limits: self.config.limits.clone(),
            metrics: Arc::clone(&self.metrics),
            committed: Arc::clone(&self.committed),
            publication: Arc::clone(&self.publication),
            fail_stop: Arc::clone(&self.fail_stop),
            final_line: Arc::clone(&self.final_line),
            held: Arc::clone(&self.held),
            published_at: None,
            failed_at: None,
            seen: self.committed.get(),
        }
    }

    fn tier(&self) -> Tier {
        Tier {
            hot: Arc::clone(&self.stores.hot),
            cold: Arc::clone(&self.stores.cold),
            format: Arc::clone(&self.config.format),
            fail_stop: Arc::clone(&self.fail_stop),
            clock: Arc::clone(&self.config.clock),
            hashing: Arc::clone(&self.config.hashing),
            limits: self.config.limits.clone(),
            metrics: Arc::clone(&self.metrics),
            publication: Arc::clone(&self.publication),
            failed_at: None,
        }
    }

    fn dir_publisher(&self) -> Option<DirPublisher> {
        Some(DirPublisher {
            reader: self.reader(),
            dir: self.config.publish_dir.clone()?,
            clock: Arc::clone(&self.config.clock),
            limits: self.config.limits.clone(),
            metrics: Arc::clone(&self.metrics),
            written: None,
            not_before: std::time::Duration::ZERO,
        })
    }

    fn steppers(&self, tail: Tail) -> Steppers {
        Steppers {
            sequencer: self.sequencer(tail),
            committer: self.committer(),
            indexer: self.indexer(),
            publisher: self.publisher(),
            tier: self.tier(),
            dir_publisher: self.dir_publisher(),
        }
    }

    fn start(&self, lock: Option<&Arc<DirLock>>, tail: Tail) -> Result<Driver, OpenError> {
        Driver::start(lock, self.steppers(tail))
            .map_err(|error| StoreError::io("start the log's threads", error).into())
    }
}

#[cfg(feature = "rocks")]
pub(crate) mod embedded;
#[cfg(any(test, feature = "testing"))]
mod stepped;

#[cfg(any(test, feature = "testing"))]
pub use stepped::{Next, Part, Stepped};

#[cfg(test)]
pub(crate) mod tests;
