//! That every golden has a test.

use crate::{cases, raw, reads, rekor, routing};

#[test]
fn no_golden_is_left_over() {
    let tables = [
        rekor::refused(),
        rekor::answered(),
        rekor::batches(),
        raw::cases(),
        reads::cases(),
        routing::cases(),
        routing::raw_only(),
        routing::failed(),
        routing::metrics(),
    ];
    let names: Vec<&str> = tables.iter().flatten().map(|case| case.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len(), "two cases have one name");
    cases::goldens().check_names(&names);
}
