//! The whole log, hashed again by several readers at once.
//!
//! Work is cut into windows. Inside one every bundle is read by whoever is free, and then the
//! results are taken up in the order of their entries, so that the first difference is the same
//! however many read. At most a window of results waits at a time, each of which is a few hashes.

use rayon::prelude::*;
use sigstore::ct_entry::STATIC_CT;
use tiles::rebuild::Report;
use tiles::{
    BundleRef, CheckedBundle, Framing, Hash, KeyAlgorithm, PublishedError, PublishedLog, Rebuild,
    RebuildError, TreeSize, VerifierKey, bundles_at,
};

use super::source::{Source, SourceError};

/// Requests under way at once: enough to hide the latency, few enough not to be a burden. Times the
/// largest bundle, this bounds the memory.
const READERS_COUNT: usize = 8;

/// Bundles in one window: enough that the readers seldom wait for the last one of it.
const WINDOW: usize = 256;

/// How a log frames its entries, which its key tells: no other than a certificate log signs tree
/// heads of RFC 6962.
pub(crate) fn framing_of(key: &VerifierKey) -> Framing {
    match key.algorithm() {
        KeyAlgorithm::TreeHead => STATIC_CT,
        _ => Framing::TLOG_TILES,
    }
}

/// What was wrong, or could not be read.
pub(crate) type ReplayError = RebuildError<PublishedError<SourceError>>;

/// Reads the whole log and compares it with a head; `progress` is told how many entries are done.
pub(crate) fn replay(
    log: &PublishedLog<Source>,
    head: (TreeSize, Hash),
    progress: &mut dyn FnMut(u64),
) -> Result<Report, ReplayError> {
    let mut rebuilt = Rebuild::new(log, head)?;
    let framing = log.framing();
    let check = |bundle: &BundleRef| CheckedBundle::check(log, *bundle, &framing.leaves);
    // Without threads of its own the work is done by the caller alone, only slower.
    let readers = rayon::ThreadPoolBuilder::new()
        .num_threads(READERS_COUNT)
        .build()
        .ok();
    let mut bundles = bundles_at(head.0);
    loop {
        let window: Vec<BundleRef> = bundles.by_ref().take(WINDOW).collect();
        if window.is_empty() {
            return rebuilt.finish();
        }
        let checked: Vec<Result<CheckedBundle, ReplayError>> = match &readers {
            Some(readers) => readers.install(|| window.par_iter().map(check).collect()),
            None => window.iter().map(check).collect(),
        };
        for bundle in checked {
            rebuilt.append(&bundle?)?;
            progress(rebuilt.entries_done());
        }
    }
}
