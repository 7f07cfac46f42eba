//! Runs histories and checks after every step that a promised index holds its entry, one entry has
//! one index, proofs verify, each published tree is a prefix of the next, and fsck is clean.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::store::LogIdentity;
use engine::store::memory::{Faults, MemoryCheckpoint, MemoryCold, MemoryHot};
use engine::{
    Format, IndexedLeaf, Log, LogConfig, PublishedHead, Stores, Ticket, UnfinishedEntry, fsck,
    hashing_pool,
};
use proptest::prelude::{ProptestConfig, proptest};
use tiles::{Ed25519NoteSigner, KeyName, LeafIndex, Origin, TreeSize, reference};

use crate::steps::{Step, history};

const ORIGIN: &str = "log.example.org";

/// Trees up to this size are compared with the naive definition, which takes quadratic time.
const NAIVE_SIZE_MAX: usize = 600;

/// A log, and what it promised.
struct History {
    config: LogConfig,
    stores: Stores,
    log: Log,
    promised: BTreeMap<u16, u64>,
    published: Arc<PublishedHead>,
}

fn entry(kind: u16) -> UnfinishedEntry {
    UnfinishedEntry::new(Bytes::from(format!("entry {kind}")))
}

impl History {
    fn begin(config: LogConfig) -> Self {
        let identity = LogIdentity {
            origin: config.origin.clone(),
            kind: config.kind.clone(),
            log_id: config.signers[0].verifier().log_id(),
            format: config.format.name().to_owned(),
        };
        let faults = Arc::new(Faults::default());
        let stores = Stores {
            hot: Arc::new(MemoryHot::new(identity, Arc::clone(&faults))),
            cold: Arc::new(MemoryCold::new(Arc::clone(&faults))),
            checkpoint: Arc::new(MemoryCheckpoint::new(faults)),
        };
        Log::create_with(&stores, &config).unwrap();
        let log = Log::open_with(&stores, &config).unwrap();
        let published = log.published();
        Self {
            config,
            stores,
            log,
            promised: BTreeMap::new(),
            published,
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Add(kinds) => self.add(kinds),
            Step::AddAtOnce(kinds) => self.add_at_once(kinds),
            Step::Reopen => self.reopen(),
            Step::AddAndReopen(kinds) => {
                let tickets = self.admit(kinds);
                self.reopen();
                self.collect(kinds, &tickets);
            }
        }
    }

    fn reopen(&mut self) {
        self.log.close();
        self.log = Log::open_with(&self.stores, &self.config).unwrap();
    }

    fn admit(&self, kinds: &[u16]) -> Vec<Ticket> {
        self.log
            .add_many(kinds.iter().copied().map(entry).collect())
            .unwrap()
    }

    fn add(&mut self, kinds: &[u16]) {
        let tickets = self.admit(kinds);
        self.collect(kinds, &tickets);
    }

    fn collect(&mut self, kinds: &[u16], tickets: &[Ticket]) {
        for (kind, ticket) in kinds.iter().zip(tickets) {
            let place = ticket.sequenced_blocking().unwrap();
            self.promise(*kind, place.index.get(), place.duplicate);
        }
    }

    fn add_at_once(&mut self, kinds: &[u16]) {
        let log = &self.log;
        let add = |kind: u16| {
            let (place, head) = log.add(entry(kind)).unwrap().published_blocking().unwrap();
            assert!(head.size.contains(place.index));
            (kind, place.index.get(), place.duplicate)
        };
        let places: Vec<_> = std::thread::scope(|scope| {
            let adding: Vec<_> = kinds
                .iter()
                .map(|kind| scope.spawn(move || add(*kind)))
                .collect();
            adding
                .into_iter()
                .map(|adding| adding.join().unwrap())
                .collect()
        });
        let new = places.iter().filter(|(_, _, duplicate)| !duplicate).count();
        let known = self.promised.len();
        for (kind, index, _) in places {
            // Which of two equal entries came first is not for us to say.
            self.promise(kind, index, self.promised.contains_key(&kind));
        }
        assert_eq!(
            self.promised.len(),
            known + new,
            "each new entry is new once"
        );
    }

    fn promise(&mut self, kind: u16, index: u64, duplicate: bool) {
        let before = self.promised.insert(kind, index);
        assert_eq!(before.is_some(), duplicate, "entry {kind}");
        assert!(
            before.is_none_or(|before| before == index),
            "entry {kind} moved"
        );
    }

    fn check(&mut self) {
        let reader = self.log.reader();
        let last = self.promised.values().max().copied();
        if let Some(last) = last {
            reader
                .published_covering_blocking(LeafIndex::new(last))
                .unwrap();
        }
        let head = reader.published();
        assert_eq!(head.size.get(), u64::try_from(self.promised.len()).unwrap());
        for (kind, index) in &self.promised {
            let stored = reader.entry(LeafIndex::new(*index)).unwrap().unwrap();
            let leaf = self.config.format.leaf_of(&stored).unwrap();
            assert!(
                leaf.ends_with(format!("entry {kind}").as_bytes()),
                "{index}: {leaf:?}"
            );
        }
        self.check_proofs(&head);
        let old = std::mem::replace(&mut self.published, Arc::clone(&head));
        assert!(old.size <= head.size);
        if old.size > TreeSize::ZERO {
            let proof = reader.consistency_proof(old.size, head.size).unwrap();
            let roots = (&old.root_hash, &head.root_hash);
            tiles::verify_consistency(old.size, head.size, &proof, roots.0, roots.1).unwrap();
        }
        // The same tree may have been signed again meanwhile.
        let checked = fsck(&reader, &mut |_| ()).unwrap().head;
        assert_eq!(
            (checked.size, checked.root_hash),
            (head.size, head.root_hash)
        );
    }

    fn check_proofs(&self, head: &PublishedHead) {
        let (reader, format) = (self.log.reader(), &self.config.format);
        let leaves: Vec<Vec<u8>> = (0..head.size.get())
            .map(|index| reader.entry(LeafIndex::new(index)).unwrap().unwrap())
            .map(|entry| format.leaf_of(&entry).unwrap().into_owned())
            .collect();
        if leaves.len() <= NAIVE_SIZE_MAX {
            assert_eq!(reference::root_hash(&leaves), head.root_hash);
        }
        for (index, leaf) in (0..).zip(&leaves) {
            let (index, leaf) = (LeafIndex::new(index), tiles::leaf_hash(leaf));
            let proof = reader.inclusion_proof(index, head.size).unwrap();
            tiles::verify_inclusion(index, head.size, &leaf, &proof, &head.root_hash).unwrap();
        }
    }
}

/// A log that tiers everything it can at once.
fn config(format: Arc<dyn Format>) -> LogConfig {
    let signer = Ed25519NoteSigner::from_seed(KeyName::new(ORIGIN).unwrap(), [7; 32]).unwrap();
    let origin = Origin::new(ORIGIN).unwrap();
    let mut config = LogConfig::new(origin, "test", Arc::new(signer), hashing_pool().unwrap());
    config.format = format;
    config.limits.batch_age = Duration::ZERO;
    config.limits.checkpoint_interval = Duration::ZERO;
    config.limits.batch_count_max = 100;
    config.limits.hot_entries = 0;
    config
}

fn check(format: Arc<dyn Format>, steps: &[Step]) {
    let mut history = History::begin(config(format));
    for step in steps {
        history.run(step);
        history.check();
    }
    history.log.close();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_log_keeps_its_promises(steps in history()) {
        check(Arc::new(engine::TlogTiles), &steps);
    }

    #[test]
    fn a_log_whose_leaves_hold_their_index_keeps_them_too(steps in history()) {
        check(Arc::new(IndexedLeaf), &steps);
    }
}
