//! Catching up: entries that a public copy of the log holds and the store has lost.
//!
//! A log restored from an old backup must not sign again before it has everything that the world
//! has seen. The world keeps it: mirrors, `publish_dir`, a cache. Nothing that a copy says is
//! believed:
//!
//! 1. the copy's checkpoint must carry this log's signature;
//! 2. the store's head, its published checkpoint and every anchor must be proven to be prefixes of
//!    that checkpoint's tree, or everything stops before the first write;
//! 3. a batch of entries is hashed here, and committed only with a proof that the head it leads to
//!    is a prefix of that tree too.
//!
//! So the hot store holds at every instant a prefix of the signed history, and an interrupted run
//! goes on where it ended. The last step keeps the copy's checkpoint as the published one.
//!
//! Who owns which identity follows from the entries, and is read from them when the log is opened.
//! Batch times are not public. Recovered entries get the time of their recovery; like all batch
//! times these strictly increase.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use rayon::prelude::*;
use tiles::{
    BundleRef, Checkpoint, Hash, LogBytes, ProofBuildError, Tile, TileRef, TileSource, TreeSize,
    VerifierKey,
};

use crate::anchor::{self, Anchored};
use crate::clock::{Clock, UnixMillis};
use crate::error::{OpenError, StoreError};
use crate::format::Format;
use crate::integrate::integrate;
use crate::limits::Limits;
use crate::lock::DirLock;
use crate::log::{LogConfig, Stores};
use crate::publish::PublishedHead;
use crate::reader::StoredTiles;
use crate::recover;
use crate::sequencer::Tail;
use crate::store::{Commit, Head, OBJECT_WIDTH, ObjectId, ObjectWrite};

/// A closed log that is being caught up. See the module.
#[derive(Debug)]
pub struct CatchUp {
    stores: Stores,
    key: VerifierKey,
    format: Arc<dyn Format>,
    clock: Arc<dyn Clock>,
    hashing: Arc<rayon::ThreadPool>,
    limits: Limits,
    tail: Tail,
    published: PublishedHead,
    /// What the log is known to have published.
    known: Vec<Anchored>,
    /// Keeps other processes out.
    _lock: Option<DirLock>,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaughtUp {
    /// Entries that were fetched.
    pub recovered: u64,
    /// Size of the committed tree now.
    pub size: TreeSize,
    /// Size of the copy's tree: smaller if the store has more.
    pub copy_size: TreeSize,
    /// Places that know of a larger tree than the store has now, each with its size: this copy was
    /// not new enough.
    pub beyond: Vec<(String, TreeSize)>,
}

/// Why a log was not caught up. What was committed before stays, and is right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatchUpError<E> {
    /// The copy's checkpoint is not one of this log.
    #[error("the copy's checkpoint cannot be used: {0}")]
    Checkpoint(String),
    /// The copy is of another history, under the same signature.
    #[error(
        "the copy has another history: its tree of size {copy_size} does not extend that of size \
        {size} that {place} has ({why}); nothing was written. Keep everything as it is: one of \
        the two was signed wrongly"
    )]
    Forked {
        /// Who has the other one.
        place: String,
        /// Its size.
        size: TreeSize,
        /// Size of the copy's tree.
        copy_size: TreeSize,
        /// What did not fit.
        why: String,
    },
    /// Entries or tiles of the copy are not what its checkpoint says.
    #[error("the copy is damaged: {what}: {why}; nothing of it was written; try another copy")]
    Damaged {
        /// What is wrong.
        what: String,
        /// In which way.
        why: String,
    },
    /// A resource cannot be had.
    #[error("the copy cannot be read at {path}; what was recovered so far is kept: run this again")]
    Source {
        /// The resource.
        path: String,
        /// What the copy says.
        source: E,
    },
    /// The log's own store failed.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl<E> From<StoreError> for CatchUpError<E> {
    fn from(error: StoreError) -> Self {
        Self::Open(error.into())
    }
}

/// A tree that is signed.
#[derive(Clone, Copy)]
struct Target {
    size: TreeSize,
    root_hash: Hash,
}

/// Bundles that are committed together.
struct Fetched {
    bundles: Vec<(BundleRef, Bytes)>,
    size: TreeSize,
}

impl CatchUp {
    /// Takes up the log in any stores, which nobody else has open. Reads the anchors of `config`.
    ///
    /// # Errors
    /// If the stores hold another log, or what they hold is damaged.
    pub fn open_with(stores: &Stores, config: &LogConfig) -> Result<Self, OpenError> {
        Self::open_locked(stores, config, None, std::path::Path::new("checkpoint"))
    }

    pub(crate) fn open_locked(
        stores: &Stores,
        config: &LogConfig,
        lock: Option<DirLock>,
        checkpoint_path: &std::path::Path,
    ) -> Result<Self, OpenError> {
        recover::check_identity(stores.hot.as_ref(), &config.identity()?)?;
        let key = config.key()?.clone();
        let published = recover::published(stores.checkpoint.as_ref(), &key, checkpoint_path)?;
        let stored = StoredTiles {
            hot: stores.hot.as_ref(),
            cold: stores.cold.as_ref(),
        };
        // Only against itself: that it may end before what was published is why we are here.
        let nothing = PublishedHead {
            size: TreeSize::ZERO,
            root_hash: tiles::EMPTY_ROOT_HASH,
            ..published.clone()
        };
        let tail = recover::tail(&stored, config.format.as_ref(), &nothing)?;
        let mut known = anchor::read(&config.anchors, &key)?;
        known.push(Anchored {
            place: checkpoint_path.display().to_string(),
            checkpoint: Checkpoint::new(config.origin.clone(), published.size, published.root_hash),
        });
        Ok(Self {
            stores: stores.clone(),
            key,
            format: Arc::clone(&config.format),
            clock: Arc::clone(&config.clock),
            hashing: Arc::clone(&config.hashing),
            limits: config.limits.clone(),
            tail,
            published,
            known,
            _lock: lock,
        })
    }

    /// The committed head.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.tail.head
    }

    /// Appends what `copy` has under the signed note `checkpoint` and the store has not. `progress`
    /// is told the committed size after each batch.
    ///
    /// # Errors
    /// See [`CatchUpError`].
    pub fn run<L>(
        &mut self,
        copy: &L,
        checkpoint: &[u8],
        progress: &mut dyn FnMut(TreeSize),
    ) -> Result<CaughtUp, CatchUpError<L::Error>>
    where
        L: LogBytes + Sync,
        L::Error: Send,
    {
        let (opened, _) = tiles::open_checkpoint(checkpoint, std::slice::from_ref(&self.key))
            .map_err(|error| CatchUpError::Checkpoint(error.to_string()))?;
        let target = Target {
            size: opened.size(),
            root_hash: opened.root_hash(),
        };
        if target.size > TreeSize::MAX_GROWN {
            let why = format!("it claims {} entries, which no log has", target.size);
            return Err(CatchUpError::Checkpoint(why));
        }
        self.check_known(copy, target)?;
        let begin = self.tail.head.size;
        while self.tail.head.size < target.size {
            let fetched = self.fetch(copy, target.size)?;
            let (commit, tail) = self.prepare(&fetched)?;
            prove_prefix(copy, commit.head.size, commit.head.root_hash, target).map_err(
                |error| {
                    error.into_error(|why| CatchUpError::Damaged {
                        what: format!("its entries from {} on", commit.previous.size),
                        why,
                    })
                },
            )?;
            self.stores.hot.commit(&commit)?;
            self.tail = tail;
            progress(self.tail.head.size);
        }
        if target.size > self.published.size {
            self.stores.checkpoint.keep(checkpoint)?;
        }
        Ok(self.caught_up(begin, target.size))
    }

    fn caught_up(&self, begin: TreeSize, copy_size: TreeSize) -> CaughtUp {
        let size = self.tail.head.size;
        let beyond = self
            .known
            .iter()
            .filter(|known| known.checkpoint.size() > size);
        CaughtUp {
            recovered: size.get() - begin.get(),
            size,
            copy_size,
            beyond: beyond
                .map(|known| (known.place.clone(), known.checkpoint.size()))
                .collect(),
        }
    }

    /// Checks that the copy's tree extends the store's and all that is known to be published, as
    /// far as it reaches; and that the store's tree extends it otherwise.
    fn check_known<L: LogBytes>(
        &self,
        copy: &L,
        target: Target,
    ) -> Result<(), CatchUpError<L::Error>> {
        let head = self.tail.head;
        let forked = |place: &str, size| {
            let place = place.to_owned();
            move |why| CatchUpError::Forked {
                place,
                size,
                copy_size: target.size,
                why,
            }
        };
        let stored = StoredTiles {
            hot: self.stores.hot.as_ref(),
            cold: self.stores.cold.as_ref(),
        };
        let own = |size, wanted| {
            let found = anchor::root_hash(&stored, size)?;
            let why = format!("the store's root hash there is {found}, not {wanted}");
            Ok::<_, StoreError>((found != wanted).then_some(why))
        };
        if target.size <= head.size {
            if let Some(why) = own(target.size, target.root_hash)? {
                return Err(forked("the store", head.size)(why));
            }
        } else {
            prove_prefix(copy, head.size, head.root_hash, target)
                .map_err(|error| error.into_error(forked("the store", head.size)))?;
        }
        for Anchored { place, checkpoint } in &self.known {
            let (size, root_hash) = (checkpoint.size(), checkpoint.root_hash());
            if size <= head.size {
                if let Some(why) = own(size, root_hash)? {
                    return Err(forked(place, size)(why));
                }
            } else if size <= target.size {
                prove_prefix(copy, size, root_hash, target)
                    .map_err(|error| error.into_error(forked(place, size)))?;
            }
        }
        Ok(())
    }

    /// The next bundles, up to the bounds of a batch.
    fn fetch<L>(&self, copy: &L, end: TreeSize) -> Result<Fetched, CatchUpError<L::Error>>
    where
        L: LogBytes + Sync,
        L::Error: Send,
    {
        let begin = self.tail.head.size;
        let is_full = |size: TreeSize, bytes_len| {
            let count = usize::try_from(size.get() - begin.get()).unwrap_or(usize::MAX);
            count >= self.limits.batch_count_max || bytes_len >= self.limits.batch_bytes_max
        };
        let (mut bundles, mut bytes_len, mut size) = (Vec::new(), 0, begin);
        while size < end && !is_full(size, bytes_len) {
            let mut group = Vec::new();
            for bundle in tiles::bundles_changed(size, end).take(FETCHED_AT_ONCE) {
                group.push(bundle);
                let count = u64::from(bundle.width.get());
                size = TreeSize::new(bundle.index * OBJECT_WIDTH + count);
                if is_full(size, bytes_len) {
                    break;
                }
            }
            for bundle in fetch_at_once(copy, &group)? {
                bytes_len += bundle.1.len();
                bundles.push(bundle);
            }
        }
        Ok(Fetched { bundles, size })
    }

    /// Hashes and integrates what was fetched: the commit, and the tail after it.
    fn prepare<E>(&self, fetched: &Fetched) -> Result<(Commit, Tail), CatchUpError<E>> {
        let previous = self.tail.head;
        let hash = |(bundle, bytes): &(BundleRef, Bytes)| self.leaves(*bundle, bytes);
        let hashed = self.hashing.install(|| {
            let hashed: Result<Vec<Vec<Hash>>, _> = fetched.bundles.par_iter().map(hash).collect();
            Ok::<_, (String, String)>(integrate(&self.tail.edge, &hashed?.concat()))
        });
        let integration = hashed.map_err(|(what, why)| CatchUpError::Damaged { what, why })?;
        let mut objects = integration.tiles;
        let mut growing = Vec::new();
        for (bundle, bytes) in &fetched.bundles {
            let (start, stored_len) = self.stored(*bundle);
            let full = bundle.is_full();
            objects.push(ObjectWrite {
                id: ObjectId::Bundle(bundle.index),
                start,
                end: bundle.width.get(),
                bytes: bytes.slice(if full { 0 } else { stored_len }..),
            });
            growing = if full { Vec::new() } else { bytes.to_vec() };
        }
        let next = UnixMillis::new(previous.time.get() + 1);
        let head = Head {
            size: fetched.size,
            root_hash: integration.root_hash,
            time: self.clock.now().max(next),
        };
        let tail = Tail {
            head,
            edge: integration.edge,
            bundle: growing,
        };
        let commit = Commit {
            previous,
            head,
            objects,
        };
        Ok((commit, tail))
    }

    /// How many entries of a bundle the store has, and how many bytes they are.
    fn stored(&self, bundle: BundleRef) -> (u16, usize) {
        let size = self.tail.head.size.get();
        if bundle.index != size / OBJECT_WIDTH {
            return (0, 0);
        }
        let count = u16::try_from(size % OBJECT_WIDTH).expect("a remainder of 256");
        (count, self.tail.bundle.len())
    }

    /// The leaf hashes of the entries of a bundle that the store has not; what is wrong, and why,
    /// if it is not what follows the stored entries.
    fn leaves(&self, bundle: BundleRef, bytes: &[u8]) -> Result<Vec<Hash>, (String, String)> {
        let damaged = |why: String| (tiles::entries_path(bundle), why);
        let entries = self
            .format
            .split_bundle(bytes, bundle.width.count())
            .map_err(|error| damaged(error.to_string()))?;
        let (count, stored_len) = self.stored(bundle);
        let stored = self.tail.bundle.split_at(stored_len).0;
        if count > 0 && !bytes.starts_with(stored) {
            return Err(damaged(
                "it does not begin with the entries that the store has".to_owned(),
            ));
        }
        let new = entries.iter().skip(usize::from(count));
        new.map(|entry| {
            let leaf = self.format.leaf_of(entry);
            let leaf = leaf.map_err(|error| damaged(error.to_string()))?;
            Ok(tiles::leaf_hash(&leaf))
        })
        .collect()
    }
}

/// Bundles asked for at once: enough to hide the latency, few enough not to be a burden.
const FETCHED_AT_ONCE: usize = 8;

/// The bytes of a few bundles, all asked for at the same time.
fn fetch_at_once<L>(
    copy: &L,
    bundles: &[BundleRef],
) -> Result<Vec<(BundleRef, Bytes)>, CatchUpError<L::Error>>
where
    L: LogBytes + Sync,
    L::Error: Send,
{
    let answers: Vec<Result<Vec<u8>, L::Error>> = thread::scope(|scope| {
        let ask = |bundle: &BundleRef| {
            let bundle = *bundle;
            scope.spawn(move || copy.bundle(bundle).map(|bytes| bytes.as_ref().to_vec()))
        };
        let asked: Vec<_> = bundles.iter().map(ask).collect();
        let answer = |thread: thread::ScopedJoinHandle<'_, _>| thread.join();
        let answers = asked.into_iter().map(answer);
        answers
            .map(|answer| answer.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    let pairs = bundles.iter().zip(answers);
    pairs
        .map(|(bundle, answer)| match answer {
            Ok(bytes) => Ok((*bundle, Bytes::from(bytes))),
            Err(source) => Err(CatchUpError::Source {
                path: tiles::entries_path(*bundle),
                source,
            }),
        })
        .collect()
}

/// Why a tree was not proven to be a prefix of another.
enum PrefixError<E> {
    /// A tile cannot be had.
    Source { path: String, source: E },
    /// It is none, or the tiles are wrong.
    NotProven(String),
}

impl<E> PrefixError<E> {
    fn into_error(self, not_proven: impl FnOnce(String) -> CatchUpError<E>) -> CatchUpError<E> {
        match self {
            Self::Source { path, source } => CatchUpError::Source { path, source },
            Self::NotProven(why) => not_proven(why),
        }
    }
}

/// Proves with the tiles of `copy`, which need not be true, that a tree is a prefix of the signed
/// one.
fn prove_prefix<L: LogBytes>(
    copy: &L,
    size: TreeSize,
    root_hash: Hash,
    target: Target,
) -> Result<(), PrefixError<L::Error>> {
    let not_proven = |why: String| PrefixError::NotProven(why);
    if size == target.size {
        let (found, wanted) = (root_hash, target.root_hash);
        let why = || not_proven(format!("root hash {found}, the checkpoint says {wanted}"));
        return if found == wanted { Ok(()) } else { Err(why()) };
    }
    if size == TreeSize::ZERO {
        return Ok(());
    }
    let proof = tiles::consistency_proof(&CopyTiles { copy }, size, target.size);
    let proof = proof.map_err(|error| match error {
        ProofBuildError::Source(error) => error,
        other => not_proven(other.to_string()),
    })?;
    tiles::verify_consistency(size, target.size, &proof, &root_hash, &target.root_hash)
        .map_err(|error| not_proven(error.to_string()))
}

/// The tiles of a copy, parsed.
struct CopyTiles<'a, L> {
    copy: &'a L,
}

impl<L: LogBytes> TileSource for CopyTiles<'_, L> {
    type Error = PrefixError<L::Error>;

    fn tile(&self, tile: TileRef) -> Result<Tile, Self::Error> {
        let path = tiles::tile_path(tile);
        let bytes = match self.copy.tile(tile) {
            Ok(bytes) => bytes,
            Err(source) => return Err(PrefixError::Source { path, source }),
        };
        Tile::parse(bytes.as_ref(), tile.width)
            .map_err(|error| PrefixError::NotProven(format!("{path}: {error}")))
    }
}

#[cfg(feature = "rocks")]
mod embedded {
    use std::path::Path;

    use super::CatchUp;
    use crate::error::OpenError;
    use crate::log::LogConfig;
    use crate::log::embedded::{checkpoint_path, open_stores};

    impl CatchUp {
        /// Takes up the log in `dir`, and keeps every other process out.
        ///
        /// # Errors
        /// If there is no log, it is in use, or what is there is damaged.
        pub fn open(dir: &Path, config: &LogConfig) -> Result<Self, OpenError> {
            let (stores, lock) = open_stores(dir, config)?;
            Self::open_locked(&stores, config, Some(lock), &checkpoint_path(dir))
        }
    }
}

#[cfg(test)]
mod tests;
