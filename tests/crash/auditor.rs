//! A reader that never rests: it follows the checkpoint of a log, demands a proof that each extends
//! the last, and has the inclusion of one entry after the other proven, all from tiles.

use std::io;

use cairn_tests::remote::RemoteLog;
use tiles::{Checkpoint, LeafIndex, TreeSize};

/// Any number without a small factor: the entries that are looked at lie all over the log.
const STRIDE: u64 = 7919;

/// See the module.
#[derive(Debug)]
pub(crate) struct Auditor {
    log: RemoteLog,
    /// Every checkpoint that was seen, the newest last.
    seen: Vec<Checkpoint>,
    looks: u64,
}

impl Auditor {
    pub(crate) const fn new(log: RemoteLog) -> Self {
        Self {
            log,
            seen: Vec::new(),
            looks: 0,
        }
    }

    /// Looks once. An error is an answer that did not come or was a refusal; what contradicts an
    /// earlier answer panics.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        let newest = self.log.open(&self.log.try_fetch("checkpoint")?);
        if let Some(last) = self.seen.last() {
            self.log.try_check_extends(last, &newest)?;
        }
        if newest.size() > TreeSize::ZERO {
            let index = self.looks.wrapping_mul(STRIDE) % newest.size().get();
            self.log
                .try_check_includes(LeafIndex::new(index), &newest)?;
        }
        if self.seen.last() != Some(&newest) {
            self.seen.push(newest);
        }
        self.looks += 1;
        Ok(())
    }

    /// What was seen, which is something.
    pub(crate) fn into_seen(self) -> Vec<Checkpoint> {
        assert!(self.looks > 0, "nothing could be read");
        self.seen
    }
}
