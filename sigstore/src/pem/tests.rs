//! Tests of PEM: every layout that signers send, and each refusal.

use proptest::prelude::*;

use super::*;

fn block(len: usize) -> PemBlock {
    PemBlock {
        label: "PUBLIC KEY".to_owned(),
        der: vec![0xa5; len],
    }
}

fn error(text: &str) -> String {
    parse_first(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn lines_have_64_characters_and_an_end() {
    let dashes = "-----";
    let line = "paWl".repeat(16);
    let begin = format!("{dashes}BEGIN PUBLIC KEY{dashes}\n");
    let end = format!("{dashes}END PUBLIC KEY{dashes}\n");
    assert_eq!(block(48).encode(), format!("{begin}{line}\n{end}"));
    assert_eq!(block(49).encode(), format!("{begin}{line}\npQ==\n{end}"));
    assert_eq!(block(0).encode(), format!("{begin}{end}"));
}

#[test]
fn every_layout_is_read() {
    let strict = block(100).encode();
    let base64 = STANDARD.encode(block(100).der);
    let (begin, end) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----");
    for text in [
        strict.clone(),
        strict.trim_end().to_owned(),
        strict.replace('\n', "\r\n"),
        format!("Key of somebody:\n\n{strict}and more"),
        format!("{begin}\n{base64}\n{end}"),
        format!("{begin}{base64}{end}"),
        format!("{begin}\n \t{}\n{end}", base64.trim_end_matches('=')),
    ] {
        let (read, _) = parse_first(text.as_bytes()).unwrap();
        assert_eq!(read, block(100), "{text}");
    }
}

#[test]
fn several_certificates_are_read_in_order() {
    let text = format!(
        "{}\n{}",
        encode_certificate(b"leaf"),
        encode_certificate(b"root")
    );
    let wanted = vec![b"leaf".to_vec(), b"root".to_vec()];
    assert_eq!(parse_certificates(text.as_bytes(), 2), Ok(wanted));
    let error = parse_certificates(text.as_bytes(), 1);
    assert_eq!(error, Err(PemError::Count { max: 1 }));
    let key = format!("{text}{}", block(3).encode());
    let error = parse_certificates(key.as_bytes(), 9)
        .unwrap_err()
        .to_string();
    assert_eq!(error, r#"pem block "PUBLIC KEY", wanted "CERTIFICATE""#);
    assert_eq!(parse_certificates(b"", 9), Err(PemError::NoBlock));
    let cut = text.trim_end().trim_end_matches('-');
    assert!(parse_certificates(cut.as_bytes(), 9).is_err());
}

#[test]
fn what_is_no_pem_is_refused() {
    assert_eq!(error("MFkw"), r#"no pem block: no "-----BEGIN ""#);
    let label = "the label of the pem block is not capital letters, digits and spaces \
                 before \"-----\"";
    assert_eq!(error("-----BEGIN X"), label);
    assert_eq!(error("-----BEGIN -----"), label);
    assert_eq!(error("-----BEGIN x-----\n-----END x-----"), label);
    let long = "X".repeat(65);
    assert_eq!(error(&format!("-----BEGIN {long}-----")), label);
    assert_eq!(
        error("-----BEGIN X-----\n"),
        r#"the pem block "X" has no end"#
    );
    assert_eq!(
        error("-----BEGIN X-----\n-----END Y-----"),
        r#"the pem block "X" has no end"#
    );
    let not_base64 = error("-----BEGIN X-----\n?secret\n-----END X-----");
    assert!(
        not_base64.starts_with(r#"the pem block "X" is not base64: "#),
        "{not_base64}"
    );
    assert!(!not_base64.contains("secret"));
    assert_eq!(parse_first(b"\xff"), Err(PemError::NotUtf8));
    let found = PEM_LEN_BYTES_MAX + 1;
    assert_eq!(
        parse_first(&vec![b'-'; found]),
        Err(PemError::TooLong { found })
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        label in "[A-Z0-9][A-Z0-9 ]{0,20}",
        der in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let block = PemBlock { label, der };
        let text = block.encode();
        prop_assert!(text.lines().all(|line| line.len() <= 64));
        let (read, rest) = parse_first(text.as_bytes()).unwrap();
        prop_assert_eq!(read, block);
        prop_assert_eq!(rest, b"\n");
    }
}
