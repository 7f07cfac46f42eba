//! Keys and signatures of minisign and signify.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::pki::tests::vector;
use crate::pki::{Conditions, Format, Key, PkiError, Signature, base64_encode};

fn secret() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn line(algorithm: &[u8], id: u8, content: &[u8]) -> String {
    base64_encode(&[algorithm, &[id; 8], content].concat())
}

fn key(id: u8) -> Key {
    Key::parse(line(b"Ed", id, secret().verifying_key().as_bytes()).as_bytes()).unwrap()
}

/// A signature with a trusted comment.
fn signed(id: u8, message: &[u8], trusted: &str) -> String {
    let signature = secret().sign(message).to_bytes();
    let global = secret()
        .sign(&[&signature[..], trusted.as_bytes()].concat())
        .to_bytes();
    let (line, global) = (line(b"Ed", id, &signature), base64_encode(&global));
    format!("untrusted comment: x\n{line}\ntrusted comment: {trusted}\n{global}\n")
}

fn verify(key: &Key, signature: &str, message: &[u8]) -> Result<(), PkiError> {
    let signature = Signature::parse(signature.as_bytes())?;
    key.verify(&signature, message, &Conditions::default())
}

fn refused_key(bytes: &[u8]) -> String {
    let error = Key::parse_as(Format::Minisign, bytes).unwrap_err();
    error.to_string()
}

fn refused(signature: &str) -> String {
    let error = Signature::parse_as(Format::Minisign, signature.as_bytes()).unwrap_err();
    error.to_string()
}

#[test]
fn a_key_may_be_a_file_a_line_or_its_bytes() {
    let file = vector("minisign.pub");
    let line = String::from_utf8(file.clone()).unwrap();
    let line = line.lines().nth(1).unwrap();
    let key = Key::parse(&file).unwrap();
    assert_eq!(key.canonical(), line.as_bytes());
    assert_eq!(Key::parse(line.as_bytes()).unwrap(), key);
    let crlf = format!("untrusted comment: x\r\n{line}\r\n");
    assert_eq!(Key::parse(crlf.as_bytes()).unwrap(), key);
    let bytes = key.public_key().unwrap().key_bits();
    let bare = Key::parse_as(Format::Minisign, &bytes).unwrap();
    assert_eq!(bare.public_key(), key.public_key());
    let signature = Signature::parse(&vector("minisign.prehashed.sig")).unwrap();
    let verified = bare.verify(&signature, &vector("message"), &Conditions::default());
    assert_eq!(verified, Ok(()), "a key without an id takes any");
}

#[test]
fn a_trusted_comment_is_read_and_checked() {
    let signature = Signature::parse(&vector("minisign.legacy.sig")).unwrap();
    assert_eq!(signature.trusted_comment(), Some("said by jane"));
    let good = signed(1, b"message", "words");
    assert_eq!(verify(&key(1), &good, b"message"), Ok(()));
    let error = verify(&key(1), &good.replace("words", "other"), b"message").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the trusted comment is not by key"),
        "{error}"
    );
}

#[test]
fn signify_has_no_trusted_comment() {
    let signature = line(b"Ed", 1, &secret().sign(b"message").to_bytes());
    let signature = format!("untrusted comment: verify with key.pub\n{signature}\n");
    assert_eq!(verify(&key(1), &signature, b"message"), Ok(()));
}

/// What is kept of a key and a signature, by the rules of Rekor v1.
#[test]
fn what_is_kept_is_the_base64() {
    let signature = Signature::parse(signed(1, b"message", "words").as_bytes()).unwrap();
    let text = line(b"Ed", 1, &secret().sign(b"message").to_bytes());
    let kept = format!("untrusted comment:\n{text}");
    assert_eq!(signature.canonical(), kept.as_bytes());
    assert_eq!(verify(&key(1), &kept, b"message"), Ok(()));
}

#[test]
fn a_signature_that_names_another_key_is_refused() {
    let error = verify(&key(2), &signed(1, b"message", ""), b"message").unwrap_err();
    let wanted = "the minisign signature says it is by key 0101010101010101, but the key given is \
                  0202020202020202";
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn a_signature_over_the_message_is_none_over_its_digest() {
    let good = signed(1, b"message", "");
    let claimed = good.replacen("RWQ", "RUQ", 1);
    assert_ne!(good, claimed);
    assert!(verify(&key(1), &claimed, b"message").is_err());
}

#[test]
fn another_algorithm_is_refused() {
    let error = refused_key(line(b"Bd", 1, &[1; 32]).as_bytes());
    assert_eq!(error, "minisign key with algorithm \"Bd\", wanted \"Ed\"");
    let error = refused_key(line(b"ED", 1, &[1; 32]).as_bytes());
    assert!(error.ends_with("wanted \"Ed\""), "{error}");
    let error = refused(&format!("untrusted comment:\n{}", line(b"ed", 1, &[1; 64])));
    assert_eq!(
        error,
        "minisign signature with algorithm \"ed\", wanted \"Ed\" or \"ED\""
    );
}

#[test]
fn a_key_of_another_length_is_refused() {
    let error = refused_key(line(b"Ed", 1, &[1; 31]).as_bytes());
    assert!(error.ends_with("41 bytes in base64, wanted 42"), "{error}");
}

#[test]
fn a_key_that_anybody_can_sign_for_is_refused() {
    let mut one = [0; 32];
    one[0] = 1;
    let error = refused_key(line(b"Ed", 1, &one).as_bytes());
    assert!(error.contains("small order"), "{error}");
}

#[test]
fn a_key_that_is_no_base64_is_refused() {
    let error = refused_key(b"untrusted comment: x\nRW!");
    assert!(error.contains("it is not base64"), "{error}");
}

#[test]
fn more_lines_than_a_key_has_are_refused() {
    let line = line(b"Ed", 1, secret().verifying_key().as_bytes());
    let error = refused_key(format!("untrusted comment: x\n{line}\n{line}\n").as_bytes());
    assert!(error.contains("wanted one line of base64 below"), "{error}");
    let error = refused_key(format!("no comment\n{line}\n").as_bytes());
    assert!(error.contains("wanted one line of base64 below"), "{error}");
}

#[test]
fn a_signature_without_its_lines_is_refused() {
    let good = signed(1, b"message", "words");
    let lines: Vec<&str> = good.lines().collect();
    for bad in [
        lines[1].to_owned(),
        lines[..3].join("\n"),
        lines[1..].join("\n"),
        format!("{good}more\n"),
        good.replace("trusted comment: words", "words"),
    ] {
        let error = refused(&bad);
        assert!(
            error.contains("wanted a line of base64 below"),
            "{bad}: {error}"
        );
    }
}

#[test]
fn a_trusted_comments_signature_of_another_length_is_refused() {
    let good = signed(1, b"message", "words");
    let global = good.lines().nth(3).unwrap();
    let error = refused(&good.replace(global, &base64_encode(&[1; 63])));
    assert!(
        error.ends_with("a signature of 63 bytes, wanted 64"),
        "{error}"
    );
}

#[test]
fn what_is_too_long_is_refused() {
    let long = format!("untrusted comment: {}", "x".repeat(16 * 1024));
    assert!(refused_key(long.as_bytes()).contains("at most 16384 are read"));
    assert!(refused(&long).contains("at most 16384 are read"));
}

#[test]
fn what_is_no_text_is_refused() {
    assert!(refused_key(&[0xff; 40]).ends_with("it is not utf-8"));
}
