//! Tests of checkpoints. The vectors of other projects are in `tests/vectors.rs`.

use proptest::prelude::*;

use super::*;
use crate::hash::leaf_hash;
use crate::note::sign_note;
use crate::note_key::{Ed25519NoteSigner, NoteSigner as _};

const ROOT: &str = "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=";

fn origin() -> Origin {
    Origin::new("example.com/log").unwrap()
}

fn signer(name: &str) -> Ed25519NoteSigner {
    Ed25519NoteSigner::from_seed(KeyName::new(name).unwrap(), [7; 32]).unwrap()
}

#[test]
fn writes_and_reads_the_one_form() {
    let root_hash = leaf_hash(b"hello world");
    let plain = Checkpoint::new(origin(), TreeSize::new(123), root_hash);
    let text = format!("example.com/log\n123\n{ROOT}\n");
    assert_eq!(plain.encode(), text);
    assert_eq!(Checkpoint::parse(&text), Ok(plain.clone()));

    let extended = plain
        .with_extensions(vec!["abc".to_owned(), "d e".to_owned()])
        .unwrap();
    let text = format!("{text}abc\nd e\n");
    assert_eq!(extended.encode(), text);
    assert_eq!(Checkpoint::parse(&text), Ok(extended));
}

#[test]
fn refuses_a_bad_origin() {
    for origin in ["", "a\tb", "a\r"] {
        let text = format!("{origin}\n123\n{ROOT}\n");
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Origin));
    }
    assert_eq!(Origin::new("a\nb"), Err(CheckpointError::Origin));
    assert_eq!(Checkpoint::parse("\n"), Err(CheckpointError::Origin));
}

#[test]
fn refuses_a_bad_size() {
    let bad = [
        "",
        "-1",
        "+1",
        "00",
        "01",
        " 1",
        "1 ",
        "0x1",
        "1e3",
        "18446744073709551616",
    ];
    for size in bad {
        let text = format!("example.com/log\n{size}\n{ROOT}\n");
        assert_eq!(
            Checkpoint::parse(&text),
            Err(CheckpointError::Size),
            "{size}"
        );
    }
    assert_eq!(
        Checkpoint::parse("example.com/log\n"),
        Err(CheckpointError::Size)
    );
}

#[test]
fn refuses_a_bad_root_hash() {
    let short = "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40Hmuw";
    let unpadded = ROOT.trim_end_matches('=');
    let trailing_bits = ROOT.replace("b0=", "b1=");
    let url_safe = ROOT.replace('+', "-");
    for root in [
        "",
        short,
        unpadded,
        &trailing_bits,
        &url_safe,
        &format!(" {ROOT}"),
    ] {
        let text = format!("example.com/log\n123\n{root}\n");
        assert_eq!(
            Checkpoint::parse(&text),
            Err(CheckpointError::RootHash),
            "{root}"
        );
    }
    let missing = "example.com/log\n123\n";
    assert_eq!(Checkpoint::parse(missing), Err(CheckpointError::RootHash));
}

#[test]
fn refuses_a_bad_extension_line() {
    let text = format!("example.com/log\n123\n{ROOT}\nabc\n\n");
    assert_eq!(
        Checkpoint::parse(&text),
        Err(CheckpointError::Extension { line: 2 })
    );
    let plain = Checkpoint::new(origin(), TreeSize::ZERO, leaf_hash(b""));
    let result = plain.with_extensions(vec!["a\nb".to_owned()]);
    assert_eq!(result, Err(CheckpointError::Extension { line: 1 }));
}

#[test]
fn refuses_a_last_line_that_does_not_end() {
    for text in [String::new(), format!("example.com/log\n123\n{ROOT}")] {
        assert_eq!(
            Checkpoint::parse(&text),
            Err(CheckpointError::NoFinalNewline)
        );
    }
}

#[test]
fn opens_what_the_log_signed() {
    let checkpoint = Checkpoint::new(origin(), TreeSize::new(3), leaf_hash(b""));
    let (log, other) = (signer("example.com/log"), signer("example.com/other"));
    let note = sign_note(&checkpoint.encode(), &[&other, &log])
        .unwrap()
        .encode();
    let keys = [log.verifier().clone(), other.verifier().clone()];
    let (found, opened) = open_checkpoint(note.as_bytes(), &keys).unwrap();
    assert_eq!(found, checkpoint);
    assert_eq!(opened.verified.len(), 2);
}

#[test]
fn refuses_what_only_others_signed() {
    let checkpoint = Checkpoint::new(origin(), TreeSize::new(3), leaf_hash(b""));
    let other = signer("example.com/other");
    let note = sign_note(&checkpoint.encode(), &[&other]).unwrap().encode();
    assert_eq!(
        open_checkpoint(note.as_bytes(), &[other.verifier().clone()]),
        Err(CheckpointError::OriginNotSigner { origin: origin() })
    );
}

#[test]
fn refuses_what_the_log_is_not_known_to_have_signed() {
    let checkpoint = Checkpoint::new(origin(), TreeSize::new(3), leaf_hash(b""));
    let (log, other) = (signer("example.com/log"), signer("example.com/other"));
    let note = sign_note(&checkpoint.encode(), &[&log, &other])
        .unwrap()
        .encode();
    // The log's signature is there, but its key was not passed in.
    assert_eq!(
        open_checkpoint(note.as_bytes(), &[other.verifier().clone()]),
        Err(CheckpointError::OriginNotSigner { origin: origin() })
    );
}

#[test]
fn refuses_a_signed_text_that_is_no_checkpoint() {
    let log = signer("example.com/log");
    let note = sign_note("example.com/log\n", &[&log]).unwrap().encode();
    let result = open_checkpoint(note.as_bytes(), &[log.verifier().clone()]);
    assert_eq!(result, Err(CheckpointError::Size));
}

#[test]
fn names_and_origins() {
    let name = KeyName::new("example.com/log").unwrap();
    assert_eq!(Origin::from(name.clone()), origin());
    assert_eq!(KeyName::try_from(&origin()), Ok(name));
    let spaced = Origin::new("rekor.sigstore.dev - 1193050959916656506").unwrap();
    assert!(KeyName::try_from(&spaced).is_err());
}

proptest! {
    #[test]
    fn checkpoints_round_trip(
        origin in "[ -~]{1,40}",
        size: u64,
        root: [u8; 32],
        extensions in prop::collection::vec("[ -~]{1,20}", 0..4),
    ) {
        let origin = Origin::new(origin).unwrap();
        let checkpoint = Checkpoint::new(origin, TreeSize::new(size), Hash::new(root));
        let checkpoint = checkpoint.with_extensions(extensions).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.encode()), Ok(checkpoint));
    }

    #[test]
    fn whatever_parses_encodes_to_itself(
        size in "[+-]?[0-9]{0,3}",
        tail in "[a\n\r]{0,4}",
    ) {
        let text = format!("log\n{size}\n{ROOT}\n{tail}");
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.encode(), text);
        }
    }
}
