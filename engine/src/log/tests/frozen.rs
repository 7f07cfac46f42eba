//! A frozen log: it says so in its last checkpoint, and never takes an entry again.

use super::*;

const LINE: &str = "Log frozen \u{2014} Mon Nov 23 02:00:00 UTC 2026";

#[track_caller]
fn check_frozen(log: &Log, size: u64) {
    let head = log.published();
    assert_eq!(head.size, TreeSize::new(size));
    assert_eq!(head.final_line(), Some(LINE));
    let refused = log.add(entry(9_999)).unwrap_err();
    assert!(matches!(refused, AddError::Rejected(Rejection::Closed)));
    assert!(log.reader().entry(LeafIndex::new(0)).unwrap().is_some());
}

#[test]
fn what_waits_is_under_the_last_checkpoint() {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    assert_eq!(log.published().final_line(), None);
    let tickets = log.add_many(entries(0..300)).unwrap();
    log.freeze(Some(LINE)).unwrap();
    check_frozen(&log, 300);
    let (place, head) = tickets.last().unwrap().published_blocking().unwrap();
    assert_eq!(place.index, LeafIndex::new(299));
    let opened = tiles::open_checkpoint(&head.checkpoint, &[config.key().unwrap().clone()]);
    assert_eq!(opened.unwrap().0.extensions(), [LINE]);
}

#[test]
fn it_stays_frozen_and_its_checkpoint_as_it_was() {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..3));
    log.freeze(Some(LINE)).unwrap();
    let last = log.published().checkpoint.clone();
    drop(log);
    let again = Log::open_with(&memory.stores, &config).unwrap();
    check_frozen(&again, 3);
    again.freeze(Some("Log frozen at another time")).unwrap();
    check_frozen(&again, 3);
    assert_eq!(again.published().checkpoint, last);
}

#[test]
fn an_empty_log_can_be_frozen() {
    let config = config();
    let log = Log::open_with(&memory(&config).stores, &config).unwrap();
    log.freeze(Some(LINE)).unwrap();
    assert_eq!(log.published().final_line(), Some(LINE));
    assert_eq!(log.published().size, TreeSize::ZERO);
}

#[test]
fn without_a_line_the_checkpoint_says_nothing() {
    let config = config();
    let log = Log::open_with(&memory(&config).stores, &config).unwrap();
    add_published(&log, entries(0..3));
    log.freeze(None).unwrap();
    assert_eq!(log.published().final_line(), None);
    assert!(log.add(entry(3)).is_err());
}

#[test]
fn a_line_that_cannot_be_published_is_told_and_tried_again_after_opening() {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..3));
    assert!(log.freeze(Some("two\nlines")).is_err());
    drop(log);
    let again = Log::open_with(&memory.stores, &config).unwrap();
    assert_eq!(add_published(&again, entries(3..4)), [3]);
    again.freeze(Some(LINE)).unwrap();
    check_frozen(&again, 4);
}
