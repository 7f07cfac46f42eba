//! A write-ahead log that ends early: where any batch of a history ends, and within each of them,
//! under every checkpoint that was published meanwhile.

use std::fs;

use engine::Log;
use tiles::{Checkpoint, Note, TreeSize};

use crate::damaged::{Image, add, config};
use crate::wal::records;

/// Entries in each batch: to the end of a bundle, past it, and so many that a batch is cut up into
/// several parts of the log.
const BATCHES: [u64; 12] = [1, 5, 249, 1, 256, 255, 257, 3, 1, 700, 2, 30];

/// What the world was shown after a batch.
struct Published {
    checkpoint: Vec<u8>,
    size: TreeSize,
}

/// The files of a log after the whole history, and what was published on the way, beginning with
/// the empty log.
fn history() -> (Image, Vec<Published>) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    let config = config();
    Log::create(&dir, &config).unwrap();
    let shown = |log: &Log| Published {
        checkpoint: fs::read(dir.join("checkpoint")).unwrap(),
        size: log.published().size,
    };
    let log = Log::open(&dir, &config).unwrap();
    let mut published = vec![shown(&log)];
    for count in BATCHES {
        add(&log, count);
        published.push(shown(&log));
    }
    let image = Image::copy(&dir);
    log.close();
    (image, published)
}

impl Image {
    /// This image under another checkpoint.
    fn under(&self, published: &Published) -> Self {
        let mut image = self.clone();
        image.files[0].1.clone_from(&published.checkpoint);
        let note = Note::parse(&published.checkpoint).unwrap();
        image.published = Checkpoint::parse(note.text()).unwrap();
        image
    }
}

#[test]
fn a_log_cut_anywhere_goes_on_from_its_last_whole_batch_or_is_refused() {
    let (image, published) = history();
    let wal = image.newest_wal();
    let batches = records(&image.files[wal].1);
    assert_eq!(batches.len(), BATCHES.len(), "one record for each batch");
    let mut refused = 0;
    for (number, batch) in batches.iter().enumerate() {
        // The batch is torn, or was never begun: what is whole ends with the one before it.
        let whole = &published[number];
        let (begin, len) = (batch.start, batch.len());
        let within = [0, 1, 6, 7, 8, len / 2, len - 1];
        for at in within.map(|within| begin + within) {
            let cut = image.with(wal, |bytes| bytes.truncate(at));
            for shown in &published[number.saturating_sub(1)..=number + 1] {
                let opened = cut.under(shown).open(&config());
                let what = format!("cut at {at}, in batch {number}, published {}", shown.size);
                if shown.size <= whole.size {
                    assert_eq!(opened, Ok(whole.size), "{what}");
                } else {
                    let why = opened.expect_err(&what);
                    assert!(why.contains("an old or damaged copy"), "{what}: {why}");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(refused, batches.len() * 7);
    let last = published.last().unwrap();
    assert_eq!(image.under(last).open(&config()), Ok(last.size));
}
