//! Bugs to be switched on by a test, to see that the test finds them (feature `planted-bugs`).
//!
//! A bug is planted for the calling thread, so it needs a log whose parts all run there:
//! [`crate::Stepped`]. Without the feature nothing of this is compiled.

use std::cell::Cell;

use crate::store::Head;

/// A mistake that somebody could make in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A batch is not resolved against the identities that are not in the index yet.
    InFlightDedupSkipped,
    /// The publisher is told of a head before the store has it.
    PublishedBeforeCommitted,
    /// Tiering goes up to the committed size, and not to the published one.
    HotDropPastPublished,
    /// The publisher signs a head older than the last one it signed.
    OlderHeadSigned,
    /// A commit returns before it is durable.
    CommitNotSynced,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 5] = [
        Self::InFlightDedupSkipped,
        Self::PublishedBeforeCommitted,
        Self::HotDropPastPublished,
        Self::OlderHeadSigned,
        Self::CommitNotSynced,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    /// Heads signed since the bug was planted, and the first of them.
    static SIGNED: Cell<(u64, Option<Head>)> = const { Cell::new((0, None)) };
}

/// How often [`Bug::OlderHeadSigned`] shows.
const SIGNED_RIGHTLY: u64 = 8;

/// Plants a bug on this thread until the guard is dropped.
#[must_use]
pub fn plant(bug: Bug) -> Planted {
    SIGNED.set((0, None));
    Planted {
        before: PLANTED.replace(Some(bug)),
    }
}

/// While this lives, a bug is planted.
#[derive(Debug)]
pub struct Planted {
    before: Option<Bug>,
}

impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(self.before);
    }
}

/// Whether this bug is planted on this thread.
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// The head that is signed in place of `head`.
pub(crate) fn head_to_sign(head: &Head) -> Head {
    let (signed, first) = SIGNED.get();
    let first = first.unwrap_or(*head);
    SIGNED.set((signed + 1, Some(first)));
    if is(Bug::OlderHeadSigned) && signed % SIGNED_RIGHTLY == SIGNED_RIGHTLY - 1 {
        first
    } else {
        *head
    }
}
