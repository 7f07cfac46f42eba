//! Places outside that remember what was published: an older or another log never signs over them.

use super::*;
use crate::anchor::Anchor;

/// An anchor in memory, and the faults of its writes.
fn anchor() -> (Anchor, MemoryCheckpoint, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    let store = MemoryCheckpoint::new(Arc::clone(&faults));
    let anchor = Anchor::kept("the safe".to_owned(), Arc::new(store.clone()));
    (anchor, store, faults)
}

/// What an anchor remembers.
fn remembered(store: &dyn CheckpointStore, config: &LogConfig) -> TreeSize {
    let (note, _) = store.load().unwrap().unwrap();
    let key = config.key().unwrap();
    let opened = tiles::open_checkpoint(&note, std::slice::from_ref(key));
    opened.unwrap().0.size()
}

#[test]
fn an_older_log_does_not_sign_over_its_anchor() {
    let (anchor, store, _faults) = anchor();
    let mut config = config();
    config.anchors = vec![anchor.clone().unread().unwrap()];
    let newest = memory(&config);
    let log = Log::open_with(&newest.stores, &config).unwrap();
    add_published(&log, entries(0..300));
    log.close();
    assert_eq!(remembered(&store, &config), TreeSize::new(300));

    config.anchors = vec![anchor];
    Log::open_with(&newest.stores, &config).unwrap().close();
    let mut without = config.clone();
    without.anchors = Vec::new();
    let older = memory(&without);
    let log = Log::open_with(&older.stores, &without).unwrap();
    add_published(&log, entries(0..200));
    log.close();
    let error = Log::open_with(&older.stores, &config).unwrap_err();
    assert!(
        matches!(&error, OpenError::BehindAnchor { anchored, committed, .. }
            if (anchored.get(), committed.get()) == (300, 200)),
        "{error}"
    );
    for words in ["the safe", "cairnd recover"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(remembered(&store, &config), TreeSize::new(300));
}

#[test]
fn an_older_log_does_not_sign_over_its_own_public_copy() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.publish_dir = Some(dir.path().join("public"));
    let newest = memory(&config);
    let log = Log::open_with(&newest.stores, &config).unwrap();
    add_published(&log, entries(0..300));
    log.close();
    Log::open_with(&newest.stores, &config).unwrap().close();

    let mut apart = config.clone();
    apart.publish_dir = None;
    let older = memory(&apart);
    let log = Log::open_with(&older.stores, &apart).unwrap();
    add_published(&log, entries(0..200));
    log.close();
    let error = Log::open_with(&older.stores, &config).unwrap_err();
    assert!(
        matches!(&error, OpenError::BehindAnchor { anchor, anchored, .. }
            if anchor.ends_with("public/checkpoint") && anchored.get() == 300),
        "{error}"
    );
}

#[test]
fn another_history_does_not_sign_over_an_anchor() {
    for size in [100, 300, 400] {
        let (anchor, store, _faults) = anchor();
        let mut config = config();
        let mut add = |range, anchors| {
            config.anchors = anchors;
            let memory = memory(&config);
            let log = Log::open_with(&memory.stores, &config).unwrap();
            add_published(&log, entries(range));
            log.close();
            memory
        };
        add(0..300, vec![anchor.clone().unread().unwrap()]);
        let other = add(1000..1000 + size, Vec::new());
        config.anchors = vec![anchor];
        let error = Log::open_with(&other.stores, &config).unwrap_err();
        let forked = matches!(error, OpenError::ForkedFromAnchor { .. });
        let behind = matches!(error, OpenError::BehindAnchor { .. });
        assert!(if size < 300 { behind } else { forked }, "{size}: {error}");
        assert_eq!(remembered(&store, &config), TreeSize::new(300));
    }
}

#[test]
fn an_anchor_that_cannot_be_read_keeps_the_log_closed() {
    let (anchor, store, _faults) = anchor();
    let mut config = config();
    let memory = memory(&config);
    config.anchors = vec![anchor.clone()];
    let error = Log::open_with(&memory.stores, &config).unwrap_err();
    for words in ["the safe", "not there", "--without-anchor"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    store.keep(b"not a checkpoint").unwrap();
    let error = Log::open_with(&memory.stores, &config).unwrap_err();
    assert!(matches!(error, OpenError::Anchor { .. }), "{error}");
    // Its operator gives it up: it is written with the next head.
    config.anchors = vec![anchor.unread().unwrap()];
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..1));
    assert_eq!(remembered(&store, &config), TreeSize::new(1));
    log.close();
}

#[test]
fn an_anchor_of_another_log_is_refused() {
    let signer = Ed25519NoteSigner::from_seed(KeyName::new("other").unwrap(), [8; 32]).unwrap();
    let signers: [Arc<dyn NoteSigner>; 1] = [Arc::new(signer)];
    let origin = Origin::new("other").unwrap();
    let other = sign_head(&origin, &signers, &Head::EMPTY, None, UnixMillis::new(0)).unwrap();
    let mut config = config();
    let memory = memory(&config);
    config.anchors = vec![Anchor::seen("a mirror".to_owned(), other.checkpoint)];
    let error = Log::open_with(&memory.stores, &config).unwrap_err();
    assert!(matches!(error, OpenError::Anchor { .. }), "{error}");
}

#[test]
fn nothing_is_published_while_an_anchor_cannot_be_written() {
    for fault in [Fault::Lost, Fault::StoredButFailed] {
        let (anchor, store, faults) = anchor();
        let mut config = config();
        config.limits.retry_delay = Duration::from_millis(1);
        config.anchors = vec![anchor.unread().unwrap()];
        let memory = memory(&config);
        let log = Log::open_with(&memory.stores, &config).unwrap();
        add_published(&log, entries(0..300));
        faults.plan(0, fault);
        let ticket = log.add(entry(300)).unwrap();
        let place = ticket.sequenced_blocking().unwrap();
        assert_eq!(place.index.get(), 300);
        let tried = log.metrics().anchor_failures.get() + 2;
        while log.metrics().anchor_failures.get() < tried {
            std::thread::yield_now();
        }
        assert_eq!(log.published().size, TreeSize::new(300));
        let kept = memory.stores.checkpoint.load().unwrap().unwrap().0;
        assert_eq!(
            kept,
            log.published().checkpoint,
            "no file before the anchors"
        );
        let held = log.status().held.unwrap();
        assert!(held.contains("the safe"), "{held}");
        faults.clear();
        assert_eq!(
            ticket.published_blocking().unwrap().1.size,
            TreeSize::new(301)
        );
        assert_eq!(log.status().held, None);
        assert_eq!(remembered(&store, &config), TreeSize::new(301));
        log.close();
    }
}

#[test]
fn a_shutdown_does_not_wait_for_an_anchor_for_ever() {
    for fault in [Fault::Lost, Fault::StoredButFailed] {
        let (anchor, store, faults) = anchor();
        let mut config = config();
        config.anchors = vec![anchor.clone().unread().unwrap()];
        let memory = memory(&config);
        let log = Log::open_with(&memory.stores, &config).unwrap();
        add_published(&log, entries(0..10));
        faults.plan(0, fault);
        let ticket = log.add(entry(10)).unwrap();
        ticket.sequenced_blocking().unwrap();
        log.close();
        let told = ticket.published_blocking().unwrap_err();
        assert!(told.to_string().contains("the safe"), "{told}");
        faults.clear();
        // The anchor may be ahead of the checkpoint file; what it remembers was committed.
        let ahead = u64::from(fault == Fault::StoredButFailed);
        assert_eq!(remembered(&store, &config), TreeSize::new(10 + ahead));
        let file = memory.stores.checkpoint.as_ref();
        assert_eq!(remembered(file, &config), TreeSize::new(10));
        config.anchors = vec![anchor];
        let log = Log::open_with(&memory.stores, &config).unwrap();
        assert_eq!(add_published(&log, vec![entry(10)]), [10]);
        log.close();
    }
}
