//! Logs that lost their end, and copies that have it, lie about it, or are of another history.

use std::sync::atomic::{AtomicU64, Ordering};

use tiles::LeafIndex;

use super::*;
use crate::anchor::Anchor;
use crate::log::Log;
use crate::reader::Reader;
use crate::store::memory::{Faults, MemoryCheckpoint, MemoryCold, MemoryHot};
use crate::{ReadError, UnfinishedEntry, fsck};

fn config() -> LogConfig {
    let mut config = crate::log::tests::config();
    config.limits.batch_count_max = 300;
    config.limits.pool_count_max = 1 << 20;
    config
}

fn stores(config: &LogConfig) -> Stores {
    let faults = Arc::new(Faults::default());
    let stores = Stores {
        hot: Arc::new(MemoryHot::new(
            config.identity().unwrap(),
            Arc::clone(&faults),
        )),
        cold: Arc::new(MemoryCold::new(Arc::clone(&faults))),
        checkpoint: Arc::new(MemoryCheckpoint::new(faults)),
    };
    Log::create_with(&stores, config).unwrap();
    stores
}

fn entry(name: &str, n: u64) -> UnfinishedEntry {
    UnfinishedEntry::new(Bytes::from(format!("{name} {n}")))
}

/// Adds entries `begin..end` of that name and waits until they are published.
fn add(log: &Log, name: &str, begin: u64, end: u64) -> Vec<u64> {
    let entries = (begin..end).map(|n| entry(name, n)).collect();
    let tickets = log.add_many(entries).unwrap();
    tickets
        .iter()
        .map(|ticket| ticket.published_blocking().unwrap().0.index.get())
        .collect()
}

/// Stores with entries `0..size` of that name, closed.
fn filled(config: &LogConfig, name: &str, size: u64) -> Stores {
    let stores = stores(config);
    let log = Log::open_with(&stores, config).unwrap();
    add(&log, name, 0, size);
    log.close();
    stores
}

/// A public copy that reads another log, and may lie about one bundle or end early.
struct Copy {
    reader: Reader,
    /// The bundle in which a byte is changed.
    lies_about: Option<u64>,
    /// Bundles that it still gives.
    left: AtomicU64,
}

impl Copy {
    fn of(stores: &Stores, config: &LogConfig) -> Self {
        let log = Log::open_with(stores, config).unwrap();
        let reader = log.reader();
        log.close();
        Self {
            reader,
            lies_about: None,
            left: AtomicU64::new(u64::MAX),
        }
    }

    fn note(&self) -> Bytes {
        self.reader.published().checkpoint.clone()
    }
}

impl LogBytes for Copy {
    type Bytes = Vec<u8>;
    type Error = ReadError;

    fn tile(&self, tile: TileRef) -> Result<Vec<u8>, ReadError> {
        let missing = || ReadError::Missing(ObjectId::Tile(tile.id));
        Ok(self.reader.tile(tile)?.ok_or_else(missing)?.to_vec())
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Vec<u8>, ReadError> {
        let missing = || ReadError::Missing(ObjectId::Bundle(bundle.index));
        let taken = self
            .left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        taken.map_err(|_none_left| missing())?;
        let stored = self.reader.bundle(bundle)?.ok_or_else(missing)?;
        let mut bytes = stored.plain()?.to_vec();
        if self.lies_about == Some(bundle.index) {
            *bytes.last_mut().unwrap() ^= 1;
        }
        Ok(bytes)
    }
}

fn run(
    lagging: &Stores,
    config: &LogConfig,
    copy: &Copy,
) -> Result<CaughtUp, CatchUpError<ReadError>> {
    let mut catch_up = CatchUp::open_with(lagging, config).unwrap();
    catch_up.run(copy, &copy.note(), &mut |_| ())
}

/// A log of `old` entries gets what a copy of `new` has.
#[track_caller]
fn check_recovered(old: u64, new: u64) {
    let config = config();
    let lagging = filled(&config, "entry", old);
    let copy = Copy::of(&filled(&config, "entry", new), &config);
    let done = run(&lagging, &config, &copy).unwrap();
    assert_eq!(done.recovered, new - old);
    assert_eq!((done.size.get(), done.beyond), (new, Vec::new()));
    let log = Log::open_with(&lagging, &config).unwrap();
    let head = log.published();
    assert_eq!(head.root_hash, copy.reader.published().root_hash);
    assert_eq!(add(&log, "entry", 0, new), (0..new).collect::<Vec<u64>>());
    assert_eq!(add(&log, "entry", new, new + 1), [new]);
    fsck(&log.reader(), &mut |_| ()).unwrap();
    log.close();
}

#[test]
fn what_is_missing_comes_back_under_its_indices() {
    for (old, new) in [
        (0, 1),
        (0, 256),
        (1, 2),
        (255, 256),
        (255, 257),
        (256, 257),
        (256, 512),
        (300, 1300),
        (511, 513),
        (700, 700),
    ] {
        check_recovered(old, new);
    }
}

#[test]
fn a_second_level_of_tiles_comes_back_too() {
    check_recovered(65_400, 65_800);
}

#[test]
fn a_copy_that_lies_about_an_entry_is_refused_before_it_is_written() {
    let config = config();
    let lagging = filled(&config, "entry", 300);
    let mut copy = Copy::of(&filled(&config, "entry", 1300), &config);
    // Batches have 300 entries: bundles 1 and 2 are one, 3 and 4 the next.
    copy.lies_about = Some(3);
    let error = run(&lagging, &config, &copy).unwrap_err();
    assert!(matches!(error, CatchUpError::Damaged { .. }), "{error}");
    assert_eq!(lagging.hot.head().unwrap().size, TreeSize::new(768));
    copy.lies_about = None;
    assert_eq!(run(&lagging, &config, &copy).unwrap().recovered, 532);
}

#[test]
fn a_copy_that_changes_what_the_store_has_is_refused() {
    let config = config();
    let lagging = filled(&config, "entry", 300);
    let mut copy = Copy::of(&filled(&config, "entry", 310), &config);
    copy.lies_about = Some(1);
    let error = run(&lagging, &config, &copy).unwrap_err();
    assert!(matches!(error, CatchUpError::Damaged { .. }), "{error}");
    assert_eq!(lagging.hot.head().unwrap().size, TreeSize::new(300));
}

#[test]
fn an_interrupted_run_goes_on_where_it_ended() {
    let config = config();
    let lagging = filled(&config, "entry", 10);
    let copy = Copy::of(&filled(&config, "entry", 2000), &config);
    let mut rounds = 0;
    let done = loop {
        copy.left.store(3, Ordering::Relaxed);
        match run(&lagging, &config, &copy) {
            Ok(done) => break done,
            Err(CatchUpError::Source { .. }) => rounds += 1,
            Err(error) => panic!("{error}"),
        }
        // Until it is caught up, nothing may be signed over what the copy has published.
        let mut anchored = config.clone();
        let note = copy.note();
        anchored.anchors = vec![Anchor::seen("copy".to_owned(), note)];
        let refused = Log::open_with(&lagging, &anchored);
        assert!(matches!(refused, Err(OpenError::BehindAnchor { .. })));
    };
    assert!(rounds > 2, "{rounds}");
    assert_eq!(done.size.get(), 2000);
}

#[test]
fn another_history_is_refused_and_nothing_written() {
    let config = config();
    for (old, new) in [(300, 1000), (300, 300), (300, 200)] {
        let lagging = filled(&config, "entry", old);
        let copy = Copy::of(&filled(&config, "other", new), &config);
        let error = run(&lagging, &config, &copy).unwrap_err();
        assert!(matches!(error, CatchUpError::Forked { .. }), "{error}");
        assert_eq!(lagging.hot.head().unwrap().size, TreeSize::new(old));
    }
}

#[test]
fn a_copy_that_contradicts_an_anchor_is_refused_and_nothing_written() {
    let mut config = config();
    let lagging = filled(&config, "entry", 0);
    let copy = Copy::of(&filled(&config, "entry", 900), &config);
    let other = Copy::of(&filled(&config, "other", 600), &config).note();
    config.anchors = vec![Anchor::seen("the newspaper".to_owned(), other)];
    let error = run(&lagging, &config, &copy).unwrap_err();
    assert!(error.to_string().contains("the newspaper"), "{error}");
    assert_eq!(lagging.hot.head().unwrap().size, TreeSize::ZERO);
}

#[test]
fn a_copy_that_is_not_new_enough_helps_as_far_as_it_goes() {
    let mut config = config();
    let lagging = filled(&config, "entry", 100);
    let copy = Copy::of(&filled(&config, "entry", 500), &config);
    let newest = Copy::of(&filled(&config, "entry", 900), &config);
    config.anchors = vec![Anchor::seen("the newspaper".to_owned(), newest.note())];
    let done = run(&lagging, &config, &copy).unwrap();
    assert_eq!(done.recovered, 400);
    let wanted = [("the newspaper".to_owned(), TreeSize::new(900))];
    assert_eq!(done.beyond, wanted);
    assert_eq!(run(&lagging, &config, &newest).unwrap().beyond, []);
    Log::open_with(&lagging, &config).unwrap().close();
}

#[test]
fn a_store_behind_its_own_checkpoint_is_caught_up() {
    let config = config();
    let whole = filled(&config, "entry", 500);
    let copy = Copy::of(&whole, &config);
    // The hot store of an old backup beside the newest checkpoint file.
    let lagging = Stores {
        checkpoint: Arc::clone(&whole.checkpoint),
        ..filled(&config, "entry", 200)
    };
    let refused = Log::open_with(&lagging, &config);
    assert!(matches!(refused, Err(OpenError::RolledBack { .. })));
    assert_eq!(run(&lagging, &config, &copy).unwrap().recovered, 300);
    Log::open_with(&lagging, &config).unwrap().close();
}

#[test]
fn times_of_recovered_batches_increase() {
    let config = config();
    let lagging = filled(&config, "entry", 10);
    let before = lagging.hot.head().unwrap().time;
    let copy = Copy::of(&filled(&config, "entry", 1300), &config);
    run(&lagging, &config, &copy).unwrap();
    let time = |index| lagging.hot.time_of(LeafIndex::new(index)).unwrap().unwrap();
    assert_eq!(time(9), before);
    assert!(before < time(10) && time(10) < time(600) && time(600) < time(1299));
}
