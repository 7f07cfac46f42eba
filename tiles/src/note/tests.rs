//! Tests of notes. The vectors of other projects are in `tests/vectors.rs`.

use proptest::prelude::*;

use super::*;
use crate::note_key::Ed25519NoteSigner;

fn signer(name: &str, seed: u8) -> Ed25519NoteSigner {
    Ed25519NoteSigner::from_seed(KeyName::new(name).unwrap(), [seed; 32]).unwrap()
}

fn line(name: &str, key_id: u32, signature: &[u8]) -> NoteSignature {
    let name = KeyName::new(name).unwrap();
    NoteSignature::new(name, KeyId::new(key_id), signature.to_vec()).unwrap()
}

/// A note with one line of an unknown key after `text`.
fn note(text: &str) -> String {
    format!("{text}\n{}\n", line("x", 1, b"s"))
}

fn check_refused(bytes: &[u8], wanted: &NoteError) {
    assert_eq!(Note::parse(bytes).as_ref(), Err(wanted));
    assert_eq!(open(bytes, &[]).as_ref(), Err(wanted));
}

#[test]
fn signs_and_opens() {
    let (one, two) = (signer("one", 1), signer("two", 2));
    let note = sign_note("text\n", &[&one, &two]).unwrap();
    assert!(note.encode().starts_with("text\n\n\u{2014} one "));
    let opened = open(note.encode().as_bytes(), &[two.verifier().clone()]).unwrap();
    assert_eq!(opened.note, note);
    assert_eq!(opened.verified, note.signatures()[1..]);
    assert_eq!(opened.unverified, note.signatures()[..1]);
}

#[test]
fn splits_at_the_last_empty_line() {
    for text in ["\n", "a\n\nb\n", "a\n\n", "a\n\n\u{2014} x AAAAAXM=\n"] {
        let parsed = Note::parse(note(text).as_bytes()).unwrap();
        assert_eq!(parsed.text(), text);
        assert_eq!(parsed.signatures(), [line("x", 1, b"s")]);
        assert_eq!(parsed.encode(), note(text));
    }
}

#[test]
fn refuses_too_many_bytes() {
    let room = NOTE_LEN_BYTES_MAX - note("\n").len();
    let longest = note(&format!("{}\n", "a".repeat(room)));
    assert!(Note::parse(longest.as_bytes()).is_ok());
    let longer = format!("a{longest}");
    let found = longer.len();
    check_refused(longer.as_bytes(), &NoteError::TooLong { found });
    let text = format!("{}\n", "a".repeat(room + 1));
    let result = Note::new(text, vec![line("x", 1, b"s")]);
    assert_eq!(result, Err(NoteError::TooLong { found }));
}

#[test]
fn refuses_what_is_not_utf8() {
    let mut bytes = note("text\n").into_bytes();
    bytes[2] = 0xff;
    check_refused(&bytes, &NoteError::NotUtf8 { position: 2 });
}

#[test]
fn refuses_control_characters() {
    for found in ['\0', '\u{1}', '\t', '\r', '\u{1f}'] {
        let text = format!("te{found}xt\n");
        let position = 2;
        check_refused(
            note(&text).as_bytes(),
            &NoteError::ControlCharacter { position, found },
        );
        let signed = sign_note(&text, &[&signer("one", 1)]);
        assert_eq!(signed, Err(NoteError::ControlCharacter { position, found }));
    }
    assert!(Note::parse(note("DEL \u{7f} is none\n").as_bytes()).is_ok());
}

#[test]
fn refuses_a_missing_final_newline() {
    check_refused(b"", &NoteError::NoFinalNewline);
    check_refused(
        note("text\n").trim_end().as_bytes(),
        &NoteError::NoFinalNewline,
    );
    for text in ["", "text"] {
        let signed = sign_note(text, &[&signer("one", 1)]);
        assert_eq!(signed, Err(NoteError::NoFinalNewline));
    }
}

#[test]
fn refuses_a_note_without_signatures() {
    for text in ["\n", "text\n", "text\n\n", "text\n\n\n"] {
        check_refused(text.as_bytes(), &NoteError::NoSignatures);
    }
    assert_eq!(sign_note("text\n", &[]), Err(NoteError::NoSignatures));
}

#[test]
fn refuses_more_than_a_hundred_signatures() {
    let most = vec![line("x", 1, b"s"); SIGNATURES_MAX];
    let most = Note::new("text\n".to_owned(), most).unwrap();
    assert_eq!(Note::parse(most.encode().as_bytes()).as_ref(), Ok(&most));
    let more = format!("{}{}\n", most.encode(), line("x", 1, b"s"));
    check_refused(more.as_bytes(), &NoteError::TooManySignatures);
    let more = vec![line("x", 1, b"s"); SIGNATURES_MAX + 1];
    assert_eq!(
        Note::new("text\n".to_owned(), more),
        Err(NoteError::TooManySignatures)
    );
}

/// Verifiers have to accept sixteen signatures of the largest kind in use, ML-DSA-44.
#[test]
fn accepts_sixteen_large_signatures() {
    let large: Vec<NoteSignature> = (0..16).map(|i| line("x", i, &[7; 8 + 2420])).collect();
    let note = Note::new("text\n".to_owned(), large).unwrap();
    assert_eq!(Note::parse(note.encode().as_bytes()), Ok(note));
}

#[test]
fn refuses_other_lines_among_the_signatures() {
    let others = [
        "text",
        "- x AAAAAXM=",
        "\u{2014}x AAAAAXM=",
        "\u{2014} xAAAAAXM=",
        " ",
    ];
    for other in others {
        let bytes = format!("{}{other}\n", note("text\n"));
        check_refused(bytes.as_bytes(), &NoteError::LineSyntax { line: 2 });
    }
}

#[test]
fn refuses_bad_names_in_lines() {
    let bytes = "text\n\n\u{2014}  AAAAAXM=\n";
    let (line, source) = (1, NoteKeyError::NameEmpty);
    check_refused(bytes.as_bytes(), &NoteError::LineName { line, source });
    let bytes = "text\n\n\u{2014} a+b AAAAAXM=\n";
    let source = NoteKeyError::NameCharacter {
        position: 1,
        found: '+',
    };
    check_refused(bytes.as_bytes(), &NoteError::LineName { line, source });
}

#[test]
fn refuses_bad_base64_in_lines() {
    // The last two: a key id alone, and bits after the last byte that should be zero.
    for base64 in [
        "",
        "AAAAAXM",
        "AAAAAXM= ",
        "AAAAAX M=",
        "AAAA",
        "AAAAAQ==",
        "AAAAAXN=",
    ] {
        let bytes = format!("text\n\n\u{2014} x {base64}\n");
        check_refused(bytes.as_bytes(), &NoteError::LineBase64 { line: 1 });
    }
}

#[test]
fn refuses_a_wrong_signature_by_a_known_key() {
    let (one, two) = (signer("one", 1), signer("two", 2));
    let note = sign_note("text\n", &[&one, &two]).unwrap().encode();
    let note = note.replacen("text", "Text", 1);
    let keys = [two.verifier().clone()];
    let (name, key_id) = (keys[0].name().clone(), keys[0].key_id());
    let wanted = NoteError::SignatureInvalid { name, key_id };
    assert_eq!(open(note.as_bytes(), &keys), Err(wanted));
}

#[test]
fn refuses_a_note_that_no_known_key_signed() {
    let note = sign_note("text\n", &[&signer("one", 1)]).unwrap();
    let wanted = NoteError::NoVerifiedSignature {
        known: 1,
        unverified: note.signatures.clone(),
    };
    let keys = [signer("two", 2).verifier().clone()];
    assert_eq!(open(note.encode().as_bytes(), &keys), Err(wanted));
}

#[test]
fn refuses_an_ambiguous_key() {
    let one = signer("one", 1);
    let note = sign_note("text\n", &[&one]).unwrap().encode();
    let key = one.verifier().clone();
    let (name, key_id) = (key.name().clone(), key.key_id());
    let wanted = NoteError::AmbiguousKey { name, key_id };
    assert_eq!(open(note.as_bytes(), &[key.clone(), key]), Err(wanted));
}

#[test]
fn of_repeated_lines_by_a_key_the_first_counts() {
    let one = signer("one", 1);
    let good = sign_note("text\n", &[&one]).unwrap().signatures[0].clone();
    let bad = line("one", good.key_id.get(), b"wrong");
    let keys = [one.verifier().clone()];
    let note = |lines| Note::new("text\n".to_owned(), lines).unwrap().encode();
    let opened = open(note(vec![good.clone(), bad.clone()]).as_bytes(), &keys).unwrap();
    assert_eq!(opened.verified, std::slice::from_ref(&good));
    let result = open(note(vec![bad, good]).as_bytes(), &keys);
    assert!(matches!(result, Err(NoteError::SignatureInvalid { .. })));
}

/// Does not sign, or signs nothing.
#[derive(Debug)]
struct BrokenSigner(VerifierKey, Option<SignError>);

impl NoteSigner for BrokenSigner {
    fn verifier(&self) -> &VerifierKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
        self.1.clone().map_or(Ok(Vec::new()), Err)
    }
}

#[test]
fn passes_on_why_a_signer_did_not_sign() {
    let key = signer("one", 1).verifier().clone();
    let source = SignError::Unavailable {
        reason: "locked".to_owned(),
    };
    for (answer, source) in [
        (Some(source.clone()), source),
        (None, SignError::SelfCheckFailed),
    ] {
        let broken = BrokenSigner(key.clone(), answer);
        let name = key.name().clone();
        let result = sign_note("text\n", &[&broken]);
        assert_eq!(result, Err(NoteError::Sign { name, source }));
    }
}

proptest! {
    #[test]
    fn any_flipped_bit_of_text_or_signature_fails(position: prop::sample::Index, bit in 0u8..8) {
        let one = signer("one", 1);
        let mut bytes = sign_note("text\n", &[&one]).unwrap().encode().into_bytes();
        let position = position.index(bytes.len());
        bytes[position] ^= 1 << bit;
        prop_assert!(open(&bytes, &[one.verifier().clone()]).is_err());
    }

    #[test]
    fn notes_round_trip(
        text in "([ -~\u{a0}-\u{ff}]{0,9}\n){1,4}",
        lines in prop::collection::vec(
            ("[!-*,-~]{1,9}", any::<u32>(), prop::collection::vec(any::<u8>(), 1..80)),
            1..5,
        ),
    ) {
        let lines = lines.iter().map(|(name, key_id, bytes)| line(name, *key_id, bytes)).collect();
        let note = Note::new(text, lines).unwrap();
        prop_assert_eq!(Note::parse(note.encode().as_bytes()), Ok(note));
    }

    #[test]
    fn whatever_parses_encodes_to_itself(
        bytes in "(text\n|\n|\u{2014} x AAAAAXM=\n|\u{2014} y AAAAAX[MN]=\n?|\t){1,6}",
    ) {
        if let Ok(note) = Note::parse(bytes.as_bytes()) {
            prop_assert_eq!(note.encode(), bytes);
        }
    }
}
