//! The steps of sequencer, publisher and tier, driven by hand.

use super::*;
use crate::integrate::Edge;
use crate::store::full_objects;

/// The parts of a log without entries, none of which runs by itself.
fn empty_log<'a>(memory: &'a Memory, config: &'a LogConfig) -> Parts<'a> {
    let published = memory_published(memory, config);
    Parts::new(
        &memory.stores,
        config,
        published.as_ref().clone(),
        Head::EMPTY,
        Dedup::new(Arc::clone(&memory.stores.hot), 1000),
    )
}

fn empty_tail() -> Tail {
    Tail {
        head: Head::EMPTY,
        edge: Edge::default(),
        bundle: Vec::new(),
    }
}

#[test]
fn a_clock_behind_the_last_batch_is_waited_for_and_then_refused() {
    let clock = Arc::new(SimulatedClock::new(UnixMillis::new(1_000_000)));
    let mut config = config();
    config.clock = Arc::<SimulatedClock>::clone(&clock);
    config.limits.batch_age = Duration::ZERO;
    let memory = memory(&config);
    let parts = empty_log(&memory, &config);
    let (mut sequencer, mut committer) = (parts.sequencer(empty_tail()), parts.committer());
    let mut step = || {
        let step = sequencer.step();
        committer.step();
        step
    };
    let add = |n| {
        parts
            .pool
            .add(entries(n..n + 1), clock.monotonic())
            .unwrap()
            .remove(0)
    };
    let first = add(0);
    step();
    let time = first.sequenced_blocking().unwrap().time;

    let second = add(1);
    assert!(matches!(step(), Step::Sleep(_)), "equal is not later");
    clock.advance(Duration::from_millis(1));
    step();
    let time = UnixMillis::new(time.get() + 1);
    assert_eq!(second.sequenced_blocking().unwrap().time, time);

    clock.set_wall(UnixMillis::new(time.get() - 30_000));
    let third = add(2);
    assert!(matches!(step(), Step::Sleep(_)));
    clock.advance(Duration::from_secs(4));
    assert!(matches!(step(), Step::Sleep(_)));
    clock.advance(Duration::from_secs(1));
    step();
    let refused = third.sequenced_blocking().unwrap_err();
    assert!(
        matches!(&refused, AddError::BatchFailed(why) if why.contains("25001 ms")),
        "{refused}"
    );
    assert!(
        crate::lock(&parts.refusing).is_some(),
        "whoever watches is told"
    );
    let fourth = add(3);
    step();
    assert!(
        fourth.sequenced_blocking().is_err(),
        "nobody waits again for the same clock"
    );

    clock.set_wall(UnixMillis::new(time.get() + 1));
    let fifth = add(4);
    step();
    assert_eq!(
        fifth.sequenced_blocking().unwrap().time.get(),
        time.get() + 1
    );
    assert!(crate::lock(&parts.refusing).is_none());
}

#[test]
fn an_idle_log_signs_its_head_again() {
    let clock = Arc::new(SimulatedClock::new(UnixMillis::new(1_000_000)));
    let mut config = config();
    config.clock = Arc::<SimulatedClock>::clone(&clock);
    let memory = memory(&config);
    let parts = empty_log(&memory, &config);
    let mut publisher = parts.publisher();
    publisher.step();
    let signed_at = |parts: &Parts<'_>| parts.publication.get().head.signed_at;
    let first = signed_at(&parts);
    publisher.step();
    assert_eq!(signed_at(&parts), first);
    clock.advance(config.limits.checkpoint_resign_interval);
    publisher.step();
    assert!(signed_at(&parts) > first);
}

#[test]
fn a_head_committed_between_a_look_and_the_sleep_wakes_the_publisher() {
    let config = config();
    let memory = memory(&config);
    let parts = empty_log(&memory, &config);
    let mut publisher = parts.publisher();
    publisher.step();
    assert!(matches!(publisher.step(), Step::Wait(_)));
    let size = TreeSize::new(1);
    parts
        .committed
        .update(|committed| committed.head.size = size);
    assert!(publisher.sleep(Duration::from_secs(1)), "slept over it");
}

#[test]
fn intervals_without_end_do_not_overflow() {
    let mut config = config();
    config.limits.checkpoint_resign_interval = Duration::MAX;
    config.limits.publish_dir_interval = Duration::MAX;
    let log = Log::open_with(&memory(&config).stores, &config).unwrap();
    add_published(&log, entries(0..3));
    assert_eq!(log.status().stopped, None);
    log.close();
}

#[test]
fn a_failed_sync_of_the_cold_store_is_never_tried_again() {
    let mut config = config();
    config.limits.hot_entries = 0;
    let memory = memory(&config);
    let parts = empty_log(&memory, &config);
    let (mut sequencer, mut publisher) = (parts.sequencer(empty_tail()), parts.publisher());
    let now = config.clock.monotonic();
    parts.pool.add(entries(0..256), now).unwrap();
    parts.pool.close();
    sequencer.step();
    parts.committer().step();
    publisher.step();
    // Bundle and tile are put; then comes the sync.
    memory.faults.plan(2, Fault::StoredButFailed);
    let mut tier = parts.tier();
    assert_eq!(tier.step(), Step::Done);
    memory.faults.clear();
    assert!(parts.fail_stop.reason().is_some());
    assert_eq!(memory.stores.hot.tiered().unwrap(), TreeSize::ZERO);
}

#[test]
fn what_left_the_hot_store_before_a_crash_lost_the_record_is_moved_again() {
    let mut config = config();
    config.limits.hot_entries = 0;
    let memory = memory(&config);
    let parts = empty_log(&memory, &config);
    let (mut sequencer, mut publisher) = (parts.sequencer(empty_tail()), parts.publisher());
    let now = config.clock.monotonic();
    parts.pool.add(entries(0..512), now).unwrap();
    parts.pool.close();
    sequencer.step();
    parts.committer().step();
    publisher.step();
    for id in full_objects(TreeSize::ZERO, TreeSize::new(256)) {
        let bytes = memory.stores.hot.object(id).unwrap().unwrap();
        memory.stores.cold.put(id, &bytes).unwrap();
        memory.hot.lose(id);
    }
    let mut tier = parts.tier();
    assert_eq!(tier.step(), Step::Again);
    assert_eq!(parts.fail_stop.reason(), None);
    assert_eq!(memory.stores.hot.tiered().unwrap(), TreeSize::new(512));
}
