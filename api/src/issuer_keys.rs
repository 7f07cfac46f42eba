//! The public keys of the issuers in cairn.toml, read in the background and kept at hand.
//!
//! Checking a token never waits for an issuer: it takes the keys that are there. Each issuer has a
//! task that reads its keys at the start, now and again, and sooner if a token names a key that is
//! not there; who sent that token waits a moment for it, and as often as such tokens may come, the
//! issuer is asked only so often. Keys of an issuer that is down stay until `ca` calls them stale.
//!
//! An issuer with a wildcard is many: one is asked for its keys once a token names it, and of
//! these only the lately used are kept.
//!
//! Invariant: what stands in a token decides where a request goes only within what cairn.toml has
//! for an issuer; see `address`.

mod address;
mod fetch;
mod slot;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ca::oidc::{IssuerKeys, KeySets};
use ca::{Issuer, IssuerTable};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

pub(crate) use fetch::ClientError;
use fetch::Clients;
pub(crate) use slot::{FetchCounts, SlotStatus};
use slot::{How, Slot};

/// How long a token waits for its issuer's keys: as long as people take a program to be busy.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How many issuers are asked at a time.
const FETCHES_COUNT_MAX: usize = 16;

/// How many issuers that fit wildcards are kept. Each holds some kilobytes of keys and a task.
const FITTING_COUNT_MAX: usize = 256;

/// The keys of all issuers that are read over HTTP.
#[derive(Debug)]
pub(crate) struct IssuerKeyCache {
    issuers: Vec<Source>,
    kept: Mutex<Kept>,
    turns: Arc<Semaphore>,
}

/// A URL of cairn.toml and how to ask it.
#[derive(Debug)]
struct Source {
    issuer: Issuer,
    how: How,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the exact `iss` of tokens.
    slots: BTreeMap<String, Running>,
    /// Counts uses, to tell which issuer was not used for longest.
    uses: u64,
}

/// An issuer and the task that reads its keys, which ends with this.
#[derive(Debug)]
struct Running {
    slot: Arc<Slot>,
    task: AbortHandle,
    /// The URL of cairn.toml that it is there for.
    url: String,
    fits_wildcard: bool,
    last_use: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is known of one URL of cairn.toml, for operators.
#[derive(Clone, Debug)]
pub(crate) struct IssuerStatus {
    pub(crate) url: String,
    /// One issuer, or those so far that fit the wildcard.
    pub(crate) slots: Vec<SlotStatus>,
    pub(crate) has_wildcard: bool,
    pub(crate) counts: Arc<FetchCounts>,
}

impl IssuerKeyCache {
    /// A cache for the issuers that are not `at_hand`; files that they name lie in `dir`. It begins
    /// to read on [`IssuerKeyCache::start`].
    ///
    /// # Errors
    /// If a `ca_file` can't be used.
    pub(crate) fn new(
        table: &IssuerTable,
        dir: &Path,
        at_hand: impl Fn(&str) -> bool,
    ) -> Result<IssuerKeyCache, ClientError> {
        let mut clients = Clients::default();
        let mut issuers: Vec<Source> = Vec::new();
        for issuer in table.issuers() {
            // Sections that differ in their audience alone share the keys.
            let is_known = issuers
                .iter()
                .any(|source| source.issuer.url() == issuer.url());
            if is_known || at_hand(issuer.url()) {
                continue;
            }
            let fetcher = clients.fetcher(issuer, dir)?;
            issuers.push(Source {
                issuer: issuer.clone(),
                how: How {
                    fetcher,
                    counts: Arc::default(),
                },
            });
        }
        Ok(IssuerKeyCache {
            issuers,
            kept: Mutex::default(),
            turns: Arc::new(Semaphore::new(FETCHES_COUNT_MAX)),
        })
    }

    /// Begins to read the keys of every issuer whose URL is whole. In an async runtime.
    pub(crate) fn start(&self) {
        let whole = self.issuers.iter().filter(|it| !it.issuer.has_wildcard());
        for source in whole {
            let url = source.issuer.url();
            let running = self.run(source, url);
            self.lock().slots.insert(url.to_owned(), running);
        }
    }

    fn run(&self, source: &Source, issuer: &str) -> Running {
        let is_listed = !source.issuer.has_wildcard();
        let slot = Slot::new(issuer.to_owned(), is_listed, source.how.clone());
        let slot = Arc::new(slot);
        let keep = Arc::clone(&slot).keep(Arc::clone(&self.turns));
        Running {
            slot,
            task: tokio::spawn(keep).abort_handle(),
            url: source.issuer.url().to_owned(),
            fits_wildcard: !is_listed,
            last_use: 0,
        }
    }

    /// Waits a moment until an issuer's keys have been read again. Whether they were.
    pub(crate) async fn read_again(&self, issuer: &str) -> bool {
        match self.slot(issuer) {
            Some(slot) => slot.read_again(WAIT_MAX).await,
            None => false,
        }
    }

    /// The issuer of that name, which is made if it is one of cairn.toml's and not there yet.
    fn slot(&self, issuer: &str) -> Option<Arc<Slot>> {
        let mut kept = self.lock();
        kept.uses += 1;
        let uses = kept.uses;
        if let Some(running) = kept.slots.get_mut(issuer) {
            running.last_use = uses;
            return Some(Arc::clone(&running.slot));
        }
        let source = self.source(issuer)?;
        kept.make_room();
        let mut running = self.run(source, issuer);
        running.last_use = uses;
        let slot = Arc::clone(&running.slot);
        kept.slots.insert(issuer.to_owned(), running);
        Some(slot)
    }

    /// The URL of cairn.toml that is, or else that stands for, an issuer.
    fn source(&self, issuer: &str) -> Option<&Source> {
        let is = |source: &&Source| source.issuer.url() == issuer;
        let fits = |source: &&Source| source.issuer.fits(issuer);
        let sources = || self.issuers.iter();
        sources().find(is).or_else(|| sources().find(fits))
    }

    /// How it stands with each URL of cairn.toml, in its order.
    pub(crate) fn statuses(&self) -> Vec<IssuerStatus> {
        let kept = self.lock();
        let status = |source: &Source| {
            let url = source.issuer.url();
            let slots = kept.slots.values().filter(|running| running.url == url);
            IssuerStatus {
                url: url.to_owned(),
                slots: slots.map(|running| running.slot.status()).collect(),
                has_wildcard: source.issuer.has_wildcard(),
                counts: Arc::clone(&source.how.counts),
            }
        };
        self.issuers.iter().map(status).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Each change is whole before the lock is let go.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Lets go of the issuer that fits a wildcard and was not used for longest, if there are as
    /// many as may be.
    fn make_room(&mut self) {
        let fitting = || self.slots.iter().filter(|(_, it)| it.fits_wildcard);
        if fitting().count() < FITTING_COUNT_MAX {
            return;
        }
        let oldest = fitting().min_by_key(|(_, running)| running.last_use);
        if let Some(issuer) = oldest.map(|(issuer, _)| issuer.clone()) {
            self.slots.remove(&issuer);
        }
    }
}

impl KeySets for IssuerKeyCache {
    fn issuer_keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        let mut kept = self.lock();
        kept.uses += 1;
        let uses = kept.uses;
        let running = kept.slots.get_mut(issuer)?;
        running.last_use = uses;
        running.slot.keys()
    }
}
