//! Who signed a checkpoint, and under which name.

use super::*;
use crate::test_keys;

const CHECK: Check = Check::LogCheckpoint;

fn bundle_with(kind: Kind, edit_checkpoint: fn(&mut CheckpointParts)) -> SigstoreBundle {
    let logging = Logging {
        edit_checkpoint,
        ..Logging::of(kind)
    };
    Signing::default().sign().v2_with(&logging)
}

fn refused_with(kind: Kind, words: &str, edit: fn(&mut CheckpointParts)) {
    refused(CHECK, words, &bundle_with(kind, edit));
}

fn accepted_with(kind: Kind, edit: fn(&mut CheckpointParts)) {
    verdict(&bundle_with(kind, edit), &policy(), trust()).unwrap();
}

/// A bundle of Rekor v2 with another text for a checkpoint.
fn with_text(change: impl FnOnce(&str) -> String) -> SigstoreBundle {
    let mut bundle = Signing::default().sign().v2();
    let proof = bundle.log_entries[0].inclusion_proof.as_mut().unwrap();
    proof.checkpoint = change(&proof.checkpoint);
    bundle
}

#[test]
fn it_is_a_note_with_a_checkpoint() {
    refused(CHECK, "", &with_text(|_| "no note".to_owned()));
    refused(CHECK, "", &with_text(|text| text.replacen('\n', "\n\n", 1)));
    refused(CHECK, "", &with_text(|text| text.trim_end().to_owned()));
    refused(CHECK, "", &with_text(|text| format!("{text}\n")));
    let without_root = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.remove(2);
        lines.join("\n") + "\n"
    };
    refused(CHECK, "third line", &with_text(without_root));
}

/// What is signed cannot be changed, nor anything added to it.
#[test]
fn the_log_signed_every_byte_of_it() {
    let words = "the log's signature on the checkpoint";
    refused(
        CHECK,
        words,
        &with_text(|text| text.replacen("\n\n", "\nmore\n\n", 1)),
    );
    refused(
        CHECK,
        words,
        &with_text(|text| text.replacen("\n9\n", "\n10\n", 1)),
    );
    accepted_with(Kind::HashedRekordV2, |parts| {
        parts.extensions = vec!["more".to_owned()];
    });
}

#[test]
fn the_origin_is_the_logs_host() {
    let words = "another log's by its origin, found \"log2027.example.org\"";
    refused_with(Kind::HashedRekordV2, words, |parts| {
        parts.origin = "log2027.example.org".to_owned();
    });
    // All of it under the other name.
    refused_with(Kind::HashedRekordV2, words, |parts| {
        parts.origin = "log2027.example.org".to_owned();
        parts.key_name = parts.origin.clone();
    });
    refused_with(Kind::HashedRekord, "another log's", |parts| {
        parts.origin = "rekor.example.org - tree".to_owned();
    });
    refused_with(Kind::HashedRekord, "another log's", |parts| {
        parts.origin = "rekor.example.org - ".to_owned();
    });
}

#[test]
fn the_signature_is_under_the_logs_name() {
    for kind in [Kind::HashedRekordV2, Kind::HashedRekord] {
        refused_with(kind, "the log did not sign the checkpoint as", |parts| {
            parts.key_name = "other.example.org".to_owned();
        });
        refused_with(kind, "the log did not sign the checkpoint as", |parts| {
            parts.key_id ^= 1;
        });
    }
    // The name in front of the tree's number, not all of the origin.
    refused_with(Kind::HashedRekord, "the log did not sign", |parts| {
        parts.origin = "other.example.org - 1".to_owned();
    });
}

/// A key of Rekor v2 is bound to one name, which is its host's. Were the name taken from the
/// checkpoint, a log could be passed off for another one with the same key.
#[test]
fn names_of_rekor_v1_are_for_logs_of_rekor_v1() {
    refused_with(
        Kind::HashedRekordV2,
        "another log's by its origin",
        |parts| {
            parts.origin = format!("{} - 1193050959916656506", parts.origin);
        },
    );
    refused_with(
        Kind::HashedRekordV2,
        "another log's by its origin",
        |parts| {
            parts.origin = "other.example.org - 1".to_owned();
            parts.key_name = "other.example.org".to_owned();
        },
    );
    // The key of Rekor v1 has one name for all its trees, and a log of v2 may have such a key.
    accepted_with(Kind::HashedRekord, |parts| {
        parts.origin = "rekor.example.org - 7".to_owned();
    });
    accepted_with(Kind::HashedRekord, |parts| {
        parts.origin = parts.key_name.clone();
    });
}

/// Lines by witnesses, by others, and by another key under the same name.
#[test]
fn lines_of_others_are_passed_over_wherever_they_stand() {
    fn others(name: &str) -> Vec<tiles::NoteSignature> {
        let key = test_keys::key(KeyDetails::EcdsaP256Sha256);
        vec![
            line("witness.example.org", 7, vec![0; 72]),
            line(name, 8, key.sign(b"anything")),
        ]
    }
    for kind in [Kind::HashedRekordV2, Kind::HashedRekord] {
        accepted_with(kind, |parts| {
            parts.others = (others(&parts.key_name), Vec::new());
        });
        accepted_with(kind, |parts| {
            parts.others = (Vec::new(), others(&parts.key_name));
        });
    }
    let alone = with_text(|text| {
        let (head, _) = text.split_once("\n\n").unwrap();
        let lines = others("log2026.example.org");
        format!("{head}\n\n{}\n{}\n", lines[0], lines[1])
    });
    refused(CHECK, "the log did not sign the checkpoint as", &alone);
}

/// No log signs twice by one key: one of the two is somebody else's.
#[test]
fn the_log_signs_once() {
    refused_with(Kind::HashedRekordV2, "more than once", |parts| {
        parts.others.0 = vec![line(&parts.key_name, parts.key_id, vec![7; 64])];
    });
    refused_with(Kind::HashedRekordV2, "more than once", |parts| {
        parts.others.1 = vec![line(&parts.key_name, parts.key_id, vec![7; 64])];
    });
}

/// A checkpoint of one log in an entry of another, both trusted.
#[test]
fn a_checkpoint_of_another_trusted_log_is_none() {
    let signed = Signing::default().sign();
    let other = signed.logged(&Logging::of(Kind::HashedRekord));
    let mut bundle = signed.v2();
    let proof = bundle.log_entries[0].inclusion_proof.as_mut().unwrap();
    proof.checkpoint = other.inclusion_proof.unwrap().checkpoint;
    refused(CHECK, "another log's by its origin", &bundle);
}

/// What a checkpoint says is told, but not so that it could write on a terminal.
#[test]
fn names_are_told_escaped() {
    let bundle = bundle_with(Kind::HashedRekordV2, |parts| {
        parts.origin = "\u{9b}2J".to_owned();
    });
    let refused = verdict(&bundle, &policy(), trust()).unwrap_err();
    let text = refused.to_string();
    assert!(
        !text.contains('\u{9b}') && text.contains(r"\u{9b}2J"),
        "{text}"
    );
}
