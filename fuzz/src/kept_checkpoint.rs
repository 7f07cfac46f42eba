//! What was kept of a log's published checkpoint, read before the log is opened: in its own file or
//! in an anchor. A log opens only over what it extends, and signs nothing otherwise.

use std::sync::{Arc, OnceLock};

use engine::store::CheckpointStore;
use engine::store::memory::MemoryCheckpoint;
use engine::{Anchor, Part, Stepped, fsck};
use tiles::{Checkpoint, Hash, TreeSize};

use crate::input::Input;
use crate::memory_log::{self, MemoryLog, changed};
use crate::rebuild::honest_root;

/// One full bundle and the beginning of another.
const SIZE: TreeSize = TreeSize::new(300);
/// What is claimed is below this.
const SIZE_CLAIMED_MAX: u64 = 400;
/// Steps of each part of a log; a few let it publish.
const ROUNDS: usize = 8;

/// The first byte says where the checkpoint is kept and how it is made of the rest. Accepted is
/// what the log opens with.
#[must_use]
pub fn kept_checkpoint(bytes: &[u8]) -> bool {
    static LOG: OnceLock<MemoryLog> = OnceLock::new();
    let mut input = Input::new(bytes);
    let flags = input.u8();
    let in_anchor = flags % 2 == 1;
    let kept = kept(flags / 2 % 4, input);
    let stores = LOG.get_or_init(|| MemoryLog::with_entries(SIZE)).copy();
    let mut config = memory_log::config();
    let place: Arc<dyn CheckpointStore> = if in_anchor {
        let store: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoint::new(Arc::default()));
        let anchor = Anchor::kept("anchor".to_owned(), Arc::clone(&store));
        config.anchors = vec![anchor];
        store
    } else {
        Arc::clone(&stores.checkpoint)
    };
    place.keep(&kept).expect("no write fails");

    let head = stores.hot.head().expect("no read fails");
    let Ok(mut log) = Stepped::open(&stores, &config) else {
        assert!(
            !is_extended(&kept),
            "an honest checkpoint keeps no log closed"
        );
        assert_eq!(
            load(&*place),
            kept,
            "nothing is signed over what does not fit"
        );
        assert_eq!(stores.hot.head().expect("no read fails"), head);
        return false;
    };
    assert!(is_extended(&kept), "a log opens only over what it extends");
    for part in Part::ALL.iter().cycle().take(ROUNDS * Part::ALL.len()) {
        log.step(*part);
    }
    let report = fsck(&log.log().reader(), &mut |_| ()).expect("what is published is right");
    assert_eq!(report.head.size, SIZE);
    assert_eq!(open(&load(&*place)), Some((SIZE, honest_root(SIZE))));
    true
}

/// The bytes that are kept.
fn kept(kind: u8, mut input: Input<'_>) -> Vec<u8> {
    if kind == 0 {
        return input.rest().to_vec();
    }
    let text = if kind == 1 {
        String::from_utf8_lossy(input.rest()).into_owned()
    } else {
        let size = TreeSize::new(u64::from(input.u16()) % SIZE_CLAIMED_MAX);
        memory_log::claim(size, changed(honest_root(size), input.u8()))
    };
    let by_the_log = kind != 3;
    memory_log::signed(&text, by_the_log).unwrap_or_else(|| text.into_bytes())
}

/// Whether the stored log extends what the log signed here.
fn is_extended(note: &[u8]) -> bool {
    open(note).is_some_and(|(size, root_hash)| size <= SIZE && root_hash == honest_root(size))
}

/// Size and root hash of a checkpoint that the log signed.
fn open(note: &[u8]) -> Option<(TreeSize, Hash)> {
    let opened = tiles::open_checkpoint(note, &[memory_log::key()]);
    let (checkpoint, _): (Checkpoint, _) = opened.ok()?;
    Some((checkpoint.size(), checkpoint.root_hash()))
}

fn load(place: &dyn CheckpointStore) -> Vec<u8> {
    let kept = place.load().expect("no read fails");
    let (note, _) = kept.expect("something was kept");
    note.to_vec()
}
