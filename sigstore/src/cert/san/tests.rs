//! Tests of alternative names: the bytes that Fulcio writes, and a refusal of each sort.

use proptest::prelude::*;

use super::*;

fn email(text: &str) -> SubjectAltName {
    SubjectAltName::Email(text.to_owned())
}

fn uri(text: &str) -> SubjectAltName {
    SubjectAltName::Uri(text.to_owned())
}

fn user(text: &str) -> SubjectAltName {
    SubjectAltName::OtherName(text.to_owned())
}

#[test]
fn names_have_the_bytes_that_fulcio_writes() {
    let mail = email("a@b.com").encode().unwrap();
    assert_eq!(hex::encode(mail), "300981076140622e636f6d");
    let name = user("foo!bar.com").encode().unwrap();
    let wanted = "301da01b060a2b0601040183bf300107a00d0c0b666f6f216261722e636f6d";
    assert_eq!(hex::encode(name), wanted);
    let path = uri("https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main");
    let written = path.encode().unwrap();
    assert_eq!(written[..4], [0x30, 0x38, 0x86, 0x36]);
    assert_eq!(SubjectAltName::parse(&written).unwrap(), path);
}

#[test]
fn a_name_that_cannot_be_written_is_refused() {
    let error = |san: SubjectAltName| san.encode().unwrap_err().to_string();
    assert_eq!(error(email("")), "the mail address is empty");
    let accent = error(email("jos\u{e9}@example.com"));
    assert!(
        accent.starts_with("the mail address has the character"),
        "{accent}"
    );
    assert!(error(uri("https://a b")).contains("' '"));
    assert!(error(user("a\0b")).contains(r"'\0'"));
    assert!(user("jos\u{e9}!x").encode().is_ok());
    let long = error(uri(&"a".repeat(SAN_LEN_BYTES_MAX + 1)));
    assert_eq!(long, "uri of 2049 bytes, at most 2048 are accepted");
}

#[test]
fn names_that_are_not_ours_are_refused() {
    let parse = |text: &str| SubjectAltName::parse(&hex::decode(text).unwrap()).unwrap_err();
    assert_eq!(parse("3000"), SanError::Count { several: false });
    let two = "3012 81076140622e636f6d 81076140622e636f6d".replace(' ', "");
    assert_eq!(parse(&two), SanError::Count { several: true });
    // A dNSName.
    assert_eq!(
        parse("300382016 1".replace(' ', "").as_str()),
        SanError::Form { tag: 0x82 }
    );
    let other = "300ba009 06032a0304 a0020c00".replace(' ', "");
    let oid = "1.2.3.4".to_owned();
    assert_eq!(parse(&other), SanError::OtherNameType { oid });
    for (what, text) in [
        ("nothing", ""),
        ("bytes after it", "300981076140622e636f6d00"),
        (
            "a length that is not the shortest",
            "30810981076140622e636f6d",
        ),
        ("cut off", "300981076140622e636f"),
        (
            "a value without its tag",
            "301ba019060a2b0601040183bf3001070c0b666f6f216261722e636f6d",
        ),
        ("not utf-8", "3003 8101ff"),
    ] {
        let error = parse(&text.replace(' ', ""));
        assert!(
            matches!(error, SanError::Malformed { .. }),
            "{what}: {error:?}"
        );
    }
    assert_eq!(
        parse("30028100"),
        SanError::Empty {
            form: "mail address"
        }
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(name in "[!-~]{1,300}", form in 0..3) {
        let san = match form {
            0 => SubjectAltName::Email(name),
            1 => SubjectAltName::Uri(name),
            _ => SubjectAltName::OtherName(name),
        };
        prop_assert_eq!(SubjectAltName::parse(&san.encode().unwrap()).unwrap(), san);
    }

    #[test]
    fn what_is_read_is_written_again(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        let whole = sequence(&[bytes]);
        if let Ok(san) = SubjectAltName::parse(&whole) {
            prop_assert_eq!(san.encode().unwrap(), whole);
        }
    }
}
