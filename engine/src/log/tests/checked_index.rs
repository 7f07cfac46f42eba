//! What fsck says of an index of identities that is not what follows from the entries.

use super::*;
use crate::format::Identity;
use crate::fsck::FsckError;
use crate::store::{HotStore as _, IdentityRun};

const SIZE: usize = 700;

fn identity(n: usize) -> Identity {
    entry(n).identity()
}

fn owner(n: usize, index: u64) -> (Identity, LeafIndex) {
    (identity(n), LeafIndex::new(index))
}

/// A log whose index covers all of it, and has these records on top.
fn check(wrong: &[(Identity, LeafIndex)]) -> Result<(), FsckError> {
    let config = config();
    let memory = memory(&config);
    let log = Log::open_with(&memory.stores, &config).unwrap();
    add_published(&log, entries(0..SIZE));
    let mut owners: Vec<_> = (0..SIZE)
        .zip(0..)
        .map(|(n, index)| owner(n, index))
        .collect();
    owners.sort_unstable();
    let size = TreeSize::new(u64::try_from(SIZE).unwrap());
    for owners in [owners, wrong.to_vec()] {
        memory
            .hot
            .index(&IdentityRun { end: size, owners })
            .unwrap();
    }
    let checked = fsck(&log.reader(), &mut |_| ());
    log.close();
    checked.map(drop)
}

#[test]
fn an_index_that_follows_from_the_entries_passes() {
    check(&[]).unwrap();
    check(&[owner(7, 7)]).unwrap();
}

#[test]
fn an_entry_of_a_later_batch_is_not_the_index_s_fault() {
    check(&[owner(SIZE, 700)]).unwrap();
}

#[test]
fn the_first_entry_that_is_not_found_is_named() {
    let found = check(&[owner(300, 2), owner(9, 8), owner(10, 11)]).unwrap_err();
    let named = matches!(
        found,
        FsckError::Identity {
            index: 9,
            found: Some(8)
        }
    );
    assert!(named, "{found}");
}

#[test]
fn identities_that_no_entry_has_are_counted() {
    let found = check(&[owner(SIZE + 1, 5), owner(SIZE + 2, 6)]).unwrap_err();
    assert!(matches!(found, FsckError::Foreign { count: 2 }), "{found}");
}

#[test]
fn two_owners_swapped_are_not_taken_for_each_other() {
    let found = check(&[owner(3, 4), owner(4, 3)]).unwrap_err();
    assert!(
        matches!(found, FsckError::Identity { index: 3, .. }),
        "{found}"
    );
}
