//! The same work for every bundle of a log, on many threads, its results in order.
//!
//! Work is cut into windows. Inside a window every bundle is done by whoever is free; between two
//! windows the results are taken up in the order of their entries. So the first error is the one
//! that a single thread would have met, and at most a window of results waits at a time.

use std::fmt;
use std::num::NonZeroUsize;

use rayon::prelude::*;
use tiles::rebuild::{LeavesOf, Report};
use tiles::{BundleRef, CheckedBundle, Hash, LogBytes, Rebuild, RebuildError, TreeSize};

use crate::error::StoreError;
use crate::store::OBJECT_WIDTH;

/// Bundles in one window: enough that the threads seldom wait for the last one of it.
const WINDOW: usize = 512;

/// Threads for each core: while one waits for the disk, another hashes.
const THREADS_PER_CORE: usize = 2;

/// A log below this size is checked sooner than threads are started.
const PARALLEL_SIZE_MIN: u64 = 64 * OBJECT_WIDTH;

/// The threads that share the work; none for a log that is not worth it.
#[derive(Debug)]
pub struct Threads {
    pool: Option<rayon::ThreadPool>,
}

impl Threads {
    /// This many threads.
    ///
    /// # Errors
    /// If the system refuses them.
    pub fn new(count: NonZeroUsize) -> Result<Self, StoreError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count.get())
            .thread_name(|number| format!("cairn-check-{number}"))
            .build()
            .map_err(|error| StoreError::io("start threads", std::io::Error::other(error)))?;
        Ok(Self { pool: Some(pool) })
    }

    /// As many threads as it takes to keep every core busy with a store on a local disk.
    ///
    /// # Errors
    /// If the system refuses them.
    pub(super) fn for_store(size: TreeSize) -> Result<Self, StoreError> {
        if size.get() < PARALLEL_SIZE_MIN {
            return Ok(Self { pool: None });
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let count = NonZeroUsize::new(cores.saturating_mul(THREADS_PER_CORE));
        Self::new(count.unwrap_or(NonZeroUsize::MIN))
    }

    /// Runs `work`, whose parallel parts these threads share.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Does `work` for each bundle on any thread, and hands the results to `take`, in the order of
    /// the bundles, on this one.
    ///
    /// # Errors
    /// The first error in the order of the bundles, of `work` or of `take`.
    pub(super) fn in_order<T: Send, E: Send>(
        &self,
        bundles: impl Iterator<Item = BundleRef>,
        work: impl Fn(BundleRef) -> Result<T, E> + Sync,
        mut take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut bundles = bundles;
        let Some(pool) = &self.pool else {
            return bundles.try_for_each(|bundle| take(work(bundle)?));
        };
        let mut window: Vec<BundleRef> = Vec::with_capacity(WINDOW);
        loop {
            window.clear();
            window.extend(bundles.by_ref().take(WINDOW));
            if window.is_empty() {
                return Ok(());
            }
            let done: Vec<Result<T, E>> =
                pool.install(|| window.par_iter().map(|bundle| work(*bundle)).collect());
            done.into_iter().try_for_each(|result| take(result?))?;
        }
    }
}

/// As [`tiles::rebuild()`], on these threads.
///
/// # Errors
/// As [`tiles::rebuild()`], and the very same one.
pub fn rebuild_on<L, W>(
    threads: &Threads,
    log: &L,
    head: (TreeSize, Hash),
    leaves_of: &LeavesOf<'_, W>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, RebuildError<L::Error>>
where
    L: LogBytes<Error: Send> + Sync,
    W: fmt::Display,
{
    let mut rebuilt = Rebuild::new(log, head)?;
    threads.in_order(
        tiles::bundles_at(head.0),
        |bundle| CheckedBundle::check(log, bundle, leaves_of),
        |bundle| {
            rebuilt.append(&bundle)?;
            progress(rebuilt.entries_done());
            Ok(())
        },
    )?;
    rebuilt.finish()
}
