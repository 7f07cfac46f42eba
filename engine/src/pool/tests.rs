//! Admission, batching and closing of the pool.

use bytes::Bytes;

use super::*;

fn entries(count: usize) -> Vec<UnfinishedEntry> {
    (0..count)
        .map(|n| UnfinishedEntry::new(Bytes::from(n.to_string())))
        .collect()
}

fn pool(limits: Limits) -> Pool {
    let head = crate::publish::PublishedHead {
        size: tiles::TreeSize::ZERO,
        root_hash: tiles::EMPTY_ROOT_HASH,
        checkpoint: Bytes::new(),
        signed_at: crate::UnixMillis::default(),
    };
    let publication = Publication {
        head: Arc::new(head),
        ended: None,
    };
    Pool::new(limits, Arc::new(Signal::new(publication)))
}

fn taken(pool: &Pool, now: Duration) -> Option<usize> {
    match pool.take(now) {
        Ready::Batch(batch) => Some(batch.entries.len()),
        Ready::Wait(_) | Ready::Drained => None,
    }
}

#[test]
fn a_batch_is_taken_when_it_is_old_enough() {
    let pool = pool(Limits {
        batch_age: Duration::from_millis(50),
        ..Limits::default()
    });
    pool.add(entries(3), Duration::from_millis(10)).unwrap();
    assert_eq!(taken(&pool, Duration::from_millis(59)), None);
    assert_eq!(taken(&pool, Duration::from_millis(60)), Some(3));
    assert_eq!(pool.load(), (0, 0));
}

#[test]
fn the_more_wait_the_less_they_wait() {
    let pool = pool(Limits {
        batch_age: Duration::from_millis(50),
        ..Limits::default()
    });
    for (count, wait_ms) in [
        (1, 50),
        (CROWD - 1, 50),
        (CROWD, 25),
        (3 * CROWD - 1, 25),
        (3 * CROWD, 12),
        (1000 * CROWD, 0),
    ] {
        pool.add(entries(count), Duration::ZERO).unwrap();
        if let Some(early_ms) = u64::checked_sub(wait_ms, 1) {
            assert_eq!(taken(&pool, Duration::from_millis(early_ms)), None);
        }
        assert_eq!(
            taken(&pool, Duration::from_millis(wait_ms + 1)),
            Some(count)
        );
    }
}

#[test]
fn a_sequencer_that_sleeps_is_told_when_a_crowd_gathers() {
    let pool = Arc::new(pool(Limits {
        batch_age: Duration::from_hours(1),
        ..Limits::default()
    }));
    pool.add(entries(1), Duration::ZERO).unwrap();
    let Ready::Wait(Some(wait)) = pool.take(Duration::ZERO) else {
        panic!("one entry is not due")
    };
    let sleeper = Arc::clone(&pool);
    let slept = std::thread::spawn(move || sleeper.wait(Some(wait)));
    while !slept.is_finished() {
        pool.add(entries(CROWD), Duration::ZERO).unwrap();
        std::thread::yield_now();
    }
}

#[test]
fn a_full_batch_does_not_wait() {
    let pool = pool(Limits {
        batch_count_max: 4,
        ..Limits::default()
    });
    pool.add(entries(6), Duration::ZERO).unwrap();
    assert_eq!(taken(&pool, Duration::ZERO), Some(4));
    assert_eq!(taken(&pool, Duration::ZERO), None);
}

#[test]
fn a_full_pool_turns_callers_away_and_keeps_what_it_has() {
    let pool = pool(Limits {
        pool_count_max: 4,
        ..Limits::default()
    });
    pool.add(entries(3), Duration::ZERO).unwrap();
    let refused = pool.add(entries(2), Duration::ZERO).unwrap_err();
    assert!(matches!(
        refused,
        AddError::Rejected(Rejection::PoolFull { count: 3, .. })
    ));
    pool.add(entries(1), Duration::ZERO).unwrap();
    assert_eq!(pool.load().0, 4);
}

#[test]
fn bytes_are_bounded_like_entries() {
    let pool = pool(Limits {
        pool_bytes_max: 2,
        ..Limits::default()
    });
    let refused = pool.add(entries(3), Duration::ZERO).unwrap_err();
    let never = Rejection::TooManyBytes { found: 3, max: 2 };
    assert_eq!(refused, AddError::Rejected(never));
    assert_eq!(pool.load(), (0, 0));
    pool.add(entries(2), Duration::ZERO).unwrap();
    let refused = pool.add(entries(1), Duration::ZERO).unwrap_err();
    assert!(matches!(
        refused,
        AddError::Rejected(Rejection::PoolFull { bytes: 2, .. })
    ));
}

#[test]
fn a_call_that_could_never_fit_says_so() {
    let pool = pool(Limits {
        pool_count_max: 2,
        ..Limits::default()
    });
    let refused = pool.add(entries(3), Duration::ZERO).unwrap_err();
    assert!(matches!(
        refused,
        AddError::Rejected(Rejection::TooMany { found: 3, max: 2 })
    ));
}

#[test]
fn a_closed_pool_drains_at_once_and_takes_nothing() {
    let pool = pool(Limits::default());
    pool.add(entries(2), Duration::ZERO).unwrap();
    pool.close();
    assert!(pool.add(entries(1), Duration::ZERO).is_err());
    assert_eq!(taken(&pool, Duration::ZERO), Some(2));
    assert!(matches!(pool.take(Duration::ZERO), Ready::Drained));
}

#[test]
fn a_batch_that_nobody_resolves_tells_those_who_wait() {
    let pool = pool(Limits::default());
    let tickets = pool.add(entries(1), Duration::ZERO).unwrap();
    pool.close();
    drop(pool.take(Duration::ZERO));
    assert!(matches!(
        tickets[0].sequenced_blocking(),
        Err(AddError::Fatal(_))
    ));
}

#[test]
fn a_failed_pool_tells_those_who_wait() {
    let pool = pool(Limits::default());
    let tickets = pool.add(entries(2), Duration::ZERO).unwrap();
    pool.fail(&AddError::Fatal("disk".to_owned()));
    assert_eq!(
        tickets[1].sequenced_blocking(),
        Err(AddError::Fatal("disk".to_owned()))
    );
    assert!(matches!(
        pool.add(entries(1), Duration::ZERO),
        Err(AddError::Fatal(_))
    ));
}
