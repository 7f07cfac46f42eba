//! Whether there is an entry, its proof, the checkpoint, and when the log was trusted.

use tiles::{Hash, LeafIndex, TreeSize};

use super::*;
use crate::entry::log_entry::{InclusionProof, TransparencyLogEntry};

fn edited(kind: Kind, edit: fn(&mut TransparencyLogEntry)) -> SigstoreBundle {
    let signed = Signing::default().sign();
    let mut entry = signed.logged(&Logging::of(kind));
    edit(&mut entry);
    let stamp = signed.timestamped(&Stamping::default());
    signed.bundle(BundleFormat::V03, vec![entry], vec![stamp])
}

fn proof_of(entry: &mut TransparencyLogEntry) -> &mut InclusionProof {
    entry.inclusion_proof.as_mut().unwrap()
}

fn without_entry(stampings: &[Stamping]) -> SigstoreBundle {
    let mut bundle = Signing::default().sign().v2_at(stampings);
    bundle.log_entries.clear();
    bundle
}

#[test]
fn there_is_an_entry() {
    let bundle = without_entry(&[Stamping::default()]);
    refused(Check::LogEntry, "the bundle has no entry of a log", &bundle);
    let not_asked = Policy {
        log: LogPolicy::NotRequired,
        ..policy()
    };
    assert!(!verdict(&bundle, &not_asked, trust()).unwrap().is_pending());
    // What is there must be right all the same.
    let wrong = edited(Kind::HashedRekordV2, |entry| {
        proof_of(entry).hashes[0] = Hash::new([7; 32]);
    });
    let verdict = verdict(&wrong, &not_asked, trust());
    refused_by(Check::LogInclusion, "", verdict);
}

fn pending_at(now: u64) -> Policy {
    Policy {
        log: LogPolicy::EntryOrPending {
            now: UnixSeconds::new(now),
            age_max_seconds: HOUR,
        },
        ..policy()
    }
}

#[test]
fn an_entry_may_be_to_follow_for_a_while() {
    let stampings = [Stamping::default()];
    let bundle = without_entry(&stampings);
    for young in [NOW, NOW + HOUR] {
        assert!(
            verdict(&bundle, &pending_at(young), trust())
                .unwrap()
                .is_pending()
        );
    }
    let old = verdict(&bundle, &pending_at(NOW + HOUR + 1), trust());
    refused_by(
        Check::LogEntry,
        "found 3601 seconds, wanted at most 3600",
        old,
    );
    // The oldest time counts: another timestamp does not make it young again.
    let again = Stamping {
        time: NOW + MINUTE,
        ..Stamping::default()
    };
    let bundle = without_entry(&[again, Stamping::default()]);
    let old = verdict(&bundle, &pending_at(NOW + HOUR + 1), trust());
    refused_by(Check::LogEntry, "found 3601 seconds", old);
    // With an entry nothing is pending, however old it is.
    let logged = Signing::default().sign().v2();
    let verified = verdict(&logged, &pending_at(NOW + 1000 * DAY), trust()).unwrap();
    assert!(!verified.is_pending());
}

/// A clock that is behind the timestamps cannot tell how old anything is.
#[test]
fn what_is_to_follow_is_not_from_the_future() {
    let bundle = without_entry(&[Stamping::default()]);
    let verdict = verdict(&bundle, &pending_at(NOW - HOUR - 1), trust());
    refused_by(Check::LogEntry, "in the future", verdict);
}

#[test]
fn what_is_to_follow_has_a_timestamp() {
    let signed = Signing::keyed().sign();
    let policy = Policy {
        log: pending_at(NOW).log,
        ..Policy::key(public(signed.key))
    };
    let bundle = signed.bundle(BundleFormat::V03, Vec::new(), Vec::new());
    let words = "no timestamp says since when";
    refused_by(Check::LogEntry, words, verdict(&bundle, &policy, trust()));
}

#[test]
fn the_proof_leads_from_the_entry_to_its_root_hash() {
    let edits: [fn(&mut TransparencyLogEntry); 6] = [
        |entry| {
            proof_of(entry).log_index = LeafIndex::new(4);
            entry.log_index = LeafIndex::new(4);
        },
        |entry| proof_of(entry).tree_size = TreeSize::new(6),
        |entry| proof_of(entry).hashes[0] = Hash::new([7; 32]),
        |entry| proof_of(entry).hashes.truncate(3),
        |entry| proof_of(entry).hashes.push(Hash::new([7; 32])),
        |entry| proof_of(entry).root_hash = Hash::new([7; 32]),
    ];
    for edit in edits {
        refused(Check::LogInclusion, "", &edited(Kind::HashedRekordV2, edit));
    }
    let body: fn(&mut TransparencyLogEntry) = |entry| entry.canonicalized_body[0] ^= 1;
    refused(Check::LogInclusion, "", &edited(Kind::HashedRekordV2, body));
}

#[test]
fn a_proof_may_be_of_any_place_in_any_tree() {
    let signed = Signing::default().sign();
    for neighbours in [
        (0, 0),
        (0, 1),
        (1, 0),
        (0, 7),
        (7, 0),
        (8, 0),
        (255, 1),
        (256, 44),
    ] {
        for kind in [Kind::HashedRekordV2, Kind::HashedRekord] {
            let logging = Logging {
                neighbours,
                ..Logging::of(kind)
            };
            verdict(&signed.v2_with(&logging), &policy(), trust()).unwrap();
        }
    }
}

/// Of a log of Rekor v2, the entry has the index of its proof; nothing else vouches for it.
#[test]
fn the_index_of_an_entry_is_that_of_its_proof() {
    let other = edited(Kind::HashedRekordV2, |entry| {
        entry.log_index = LeafIndex::new(6);
    });
    refused(Check::LogInclusion, "found 6, wanted 5", &other);
    // A log of Rekor v1 counts through all its trees, and promises that index.
    verdict(&edited(Kind::HashedRekord, |_| {}), &policy(), trust()).unwrap();
}

/// The path is the same in trees of sizes 9 to 16, so only the checkpoint tells them apart.
#[test]
fn the_checkpoint_is_of_the_proofs_tree() {
    let words = "the checkpoint is of another tree than the proof";
    let larger = edited(Kind::HashedRekordV2, |entry| {
        proof_of(entry).tree_size = TreeSize::new(10);
    });
    refused(Check::LogCheckpoint, words, &larger);
    let other_root = Logging {
        edit_checkpoint: |parts| parts.root_hash = Hash::new([7; 32]),
        ..Logging::of(Kind::HashedRekordV2)
    };
    let bundle = Signing::default().sign().v2_with(&other_root);
    refused(Check::LogCheckpoint, words, &bundle);
    let other_size = Logging {
        edit_checkpoint: |parts| parts.size += 1,
        ..Logging::of(Kind::HashedRekordV2)
    };
    let bundle = Signing::default().sign().v2_with(&other_size);
    refused(Check::LogCheckpoint, words, &bundle);
}

/// A key that was given up must not go on making entries for signatures of today.
#[test]
fn a_log_without_promises_was_trusted_at_a_signing_time() {
    for (place, kind) in [(1, Kind::HashedRekordV2), (0, Kind::HashedRekord)] {
        let trusted =
            |valid_for| instance().trust_with(|root| root.tlogs[place].valid_for = valid_for);
        let logging = Logging {
            with_promise: false,
            ..Logging::of(kind)
        };
        let signed = Signing::default().sign();
        let mut bundle = signed.v2_with(&logging);
        for inside in [range(NOW - 1, NOW), range(NOW, NOW + 1)] {
            verdict(&bundle, &policy(), &trusted(inside)).unwrap();
        }
        let words = "is not trusted for any signing time";
        let outside = trusted(range(0, NOW - 1));
        refused_by(
            Check::LogValidity,
            words,
            verdict(&bundle, &policy(), &outside),
        );
        let later = trusted(range(NOW + 1, NOW + DAY));
        refused_by(
            Check::LogValidity,
            words,
            verdict(&bundle, &policy(), &later),
        );
        // One of the times is enough: the signature existed then.
        let second = Stamping {
            time: NOW + 1,
            ..Stamping::default()
        };
        bundle.timestamps.push(signed.timestamped(&second));
        verdict(&bundle, &policy(), &later).unwrap();
    }
}

/// Without any time, there is nothing that a log's range could be compared with.
#[test]
fn without_a_time_the_log_is_trusted_whenever_it_was() {
    let signed = Signing::keyed().sign();
    let mut bundle = signed.v2();
    bundle.timestamps.clear();
    let ended = instance().trust_with(|root| root.tlogs[1].valid_for = range(0, 1));
    let verified = verdict(&bundle, &Policy::key(public(signed.key)), &ended).unwrap();
    assert!(verified.times().is_empty());
    let found = verified
        .passed()
        .iter()
        .find(|p| p.check == Check::LogValidity);
    assert_eq!(found.unwrap().found, "no signing time to compare with");
}
