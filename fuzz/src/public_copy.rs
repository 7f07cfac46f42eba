//! A public copy that a log is caught up from, and that may lie: about its checkpoint, about any
//! tile or bundle. The store holds a prefix of the signed history at every end.

use std::sync::OnceLock;

use engine::{CatchUp, Stepped, fsck};
use tiles::TreeSize;

use crate::input::Input;
use crate::memory_log::{self, MemoryLog, changed};
use crate::rebuild::{edit, honest_log, honest_root};

/// What the store still has: nothing, part of a bundle, up to its border, more than one.
const OLD_SIZES: [u64; 5] = [0, 1, 255, 256, 300];
/// Two full bundles and a partial one.
const SIZE_MAX: u16 = 600;
const EDITS_MAX: usize = 4;

/// Old and new size, a change of the signed root hash, then edits of the copy's bytes. Accepted is
/// a copy that the log was caught up from.
#[must_use]
pub fn public_copy(bytes: &[u8]) -> bool {
    static LOGS: OnceLock<[MemoryLog; OLD_SIZES.len()]> = OnceLock::new();
    let logs = LOGS.get_or_init(|| OLD_SIZES.map(|n| MemoryLog::with_entries(TreeSize::new(n))));
    let mut input = Input::new(bytes);
    let chosen = input.below(OLD_SIZES.len());
    let (Some(log), Some(old)) = (logs.get(chosen), OLD_SIZES.get(chosen)) else {
        unreachable!("one of them was chosen");
    };
    let old = TreeSize::new(*old);
    let new = TreeSize::new(u64::from(input.u16() % SIZE_MAX));
    let (change, by_the_log) = (input.u8(), input.u8() % 4 != 1);
    let (mut copy, root_hash) = honest_log(new);
    for _ in 0..EDITS_MAX {
        edit(&mut copy, &mut input);
    }
    let text = memory_log::claim(new, changed(root_hash, change));
    let note = memory_log::signed(&text, by_the_log).expect("a checkpoint is a note's text");

    let (stores, config) = (log.copy(), memory_log::config());
    let kept = stores.checkpoint.load().expect("no read fails");
    let mut lagging = CatchUp::open_with(&stores, &config).expect("the store is whole");
    let found = lagging.run(&copy, &note, &mut |_| ());
    let head = lagging.head();
    assert!((old..=old.max(new)).contains(&head.size), "{head:?}");
    assert_eq!(
        head.root_hash,
        honest_root(head.size),
        "a prefix of what was signed"
    );
    let is_honest = by_the_log && change == 0;
    assert!(found.is_err() || (is_honest && head.size == old.max(new)));
    if found.is_ok() && new > old {
        let (kept, _) = stores
            .checkpoint
            .load()
            .expect("no read fails")
            .expect("it was kept");
        assert_eq!(kept, note);
    } else {
        let now = stores.checkpoint.load().expect("no read fails");
        assert_eq!(now, kept, "what is published changes at the very end");
    }
    if found.is_ok() {
        let log = Stepped::open(&stores, &config).expect("it extends what was published");
        let report = fsck(&log.log().reader(), &mut |_| ()).expect("what was taken in is right");
        assert_eq!(
            (report.head.size, report.head.root_hash),
            (head.size, head.root_hash)
        );
    }
    found.is_ok()
}
