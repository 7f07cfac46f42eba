//! What a history is made of, and how proptest makes one.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};

/// Entries there are. Few, so that many are added again.
pub(crate) const ENTRY_KINDS: u16 = 900;

/// One step of a history.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Adds these entries in one call and waits for their indices.
    Add(Vec<u16>),
    /// Adds these in one call each, from several threads, and waits until they are published.
    AddAtOnce(Vec<u16>),
    /// Closes the log, and opens it again on the same stores.
    Reopen,
    /// Adds these and closes the log at once, before any of them has an index; opens it again.
    AddAndReopen(Vec<u16>),
}

/// A history long enough to fill bundles and reach the second level of tiles.
pub(crate) fn history() -> impl Strategy<Value = Vec<Step>> {
    let run = (0..ENTRY_KINDS, 1_u16..400);
    let run =
        run.prop_map(|(begin, count)| (begin..begin + count).map(|n| n % ENTRY_KINDS).collect());
    let step = prop_oneof![
        3 => vec(0..ENTRY_KINDS, 1..30).prop_map(Step::Add),
        3 => run.prop_map(Step::Add),
        2 => vec(0..ENTRY_KINDS, 1..12).prop_map(Step::AddAtOnce),
        1 => proptest::strategy::Just(Step::Reopen),
        1 => vec(0..ENTRY_KINDS, 1..30).prop_map(Step::AddAndReopen),
    ];
    vec(step, 1..14)
}
