//! Each leniency and each refusal of the protobuf JSON mapping.

use base64::engine::general_purpose::{STANDARD as STANDARD_ENGINE, STANDARD_NO_PAD};
use base64::engine::general_purpose::{URL_SAFE as URL_SAFE_ENGINE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const NAMES: [FieldName; 2] = [
    FieldName::new("rawBytes", "raw_bytes"),
    FieldName::new("kind", "kind"),
];

fn decode(text: &str) -> Result<Vec<u8>, ProtoJsonError> {
    bytes(Some(&json!(text)), "field")
}

fn number(value: &Value) -> Result<i32, ProtoJsonError> {
    enumeration(Some(value), "field", |name| (name == "FIVE").then_some(5))
}

#[test]
fn fields_come_under_either_name() {
    let camel = json!({"rawBytes": 1});
    assert_eq!(
        fields(&camel, "m", &NAMES).unwrap(),
        [Some(&json!(1)), None]
    );
    let snake = json!({"raw_bytes": 1, "kind": 2});
    assert_eq!(
        fields(&snake, "m", &NAMES).unwrap(),
        [Some(&json!(1)), Some(&json!(2))]
    );
}

#[test]
fn null_is_unset() {
    assert_eq!(
        fields(&json!({"rawBytes": null}), "m", &NAMES).unwrap(),
        [None, None]
    );
}

#[test]
fn an_unknown_field_is_refused() {
    for name in ["rawbytes", "RawBytes", "raw-bytes", "", "extra"] {
        let error = fields(&json!({name: null}), "m", &NAMES).unwrap_err();
        let wanted = format!("m: unknown field \"{name}\", known are rawBytes, kind");
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn a_field_under_both_names_is_refused_even_if_one_is_null() {
    for value in [
        json!({"rawBytes": 1, "raw_bytes": 1}),
        json!({"rawBytes": 1, "raw_bytes": null}),
    ] {
        let error = fields(&value, "m", &NAMES).unwrap_err();
        assert_eq!(
            error,
            ProtoJsonError::FieldTwice {
                path: "m".to_owned(),
                name: "rawBytes"
            }
        );
    }
}

#[test]
fn a_message_must_be_an_object() {
    let cases = [
        (json!(null), "null"),
        (json!(true), "a boolean"),
        (json!(1), "a number"),
        (json!(""), "a string"),
        (json!([]), "an array"),
    ];
    for (value, found) in cases {
        let error = fields(&value, "m", &NAMES).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("m: found {found}, wanted an object")
        );
    }
}

#[test]
fn two_arms_are_refused_one_or_none_are_not() {
    let value = json!({});
    let check = |a, b| at_most_one("m", (NAMES[0], a), (NAMES[1], b));
    assert!(check(None, None).is_ok());
    assert!(check(Some(&value), None).is_ok());
    assert!(check(None, Some(&value)).is_ok());
    let error = check(Some(&value), Some(&value)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "m: both rawBytes and kind are set, send only one of them"
    );
}

#[test]
fn both_alphabets_with_and_without_padding() {
    for text in ["+/8=", "-_8=", "+/8", "-_8"] {
        assert_eq!(decode(text).unwrap(), [0xfb, 0xff], "{text}");
    }
    assert_eq!(decode("").unwrap(), [0; 0]);
    assert_eq!(bytes(None, "field").unwrap(), [0; 0]);
}

#[test]
fn bits_behind_the_last_byte_are_ignored() {
    assert_eq!(decode("QQ==").unwrap(), decode("QR==").unwrap());
}

#[test]
fn what_is_not_base64_is_refused() {
    let cases = [
        "+_8=",
        "QQ=",
        "QQ===",
        "Q===",
        "====",
        "A",
        " QUJD",
        "QU JD",
        "QUJD=",
        "QQ==QQ==",
        "QU.D",
        "\u{e4}BCD",
    ];
    for case in cases {
        let error = decode(case).unwrap_err();
        assert!(
            matches!(error, ProtoJsonError::Base64 { .. }),
            "{case:?}: {error:?}"
        );
        assert!(error.to_string().starts_with("field: not base64: "));
    }
}

#[test]
fn line_breaks_in_base64_are_passed_over() {
    for (text, wanted) in [
        ("QUJD\n", "ABC"),
        ("QUJD\r\nQUJD", "ABCABC"),
        ("QU\nJD", "ABC"),
        ("QQ\n", "A"),
        ("QQ\n==", "A"),
        ("\n", ""),
    ] {
        assert_eq!(decode(text).unwrap(), wanted.as_bytes(), "{text:?}");
    }
}

#[test]
fn bytes_must_be_a_string() {
    let error = bytes(Some(&json!([1, 2])), "field").unwrap_err();
    assert_eq!(
        error.to_string(),
        "field: found an array, wanted a base64 string"
    );
}

#[test]
fn strings_must_be_strings() {
    assert_eq!(string(None, "field").unwrap(), "");
    assert_eq!(string(Some(&json!("x")), "field").unwrap(), "x");
    let error = string(Some(&json!(1)), "field").unwrap_err();
    assert_eq!(error.to_string(), "field: found a number, wanted a string");
}

#[test]
fn an_enum_is_a_name_or_a_number() {
    assert_eq!(number(&json!("FIVE")), Ok(5));
    assert_eq!(number(&json!(5)), Ok(5));
    assert_eq!(number(&json!(5.0)), Ok(5));
    assert_eq!(number(&json!(-1)), Ok(-1));
    assert_eq!(number(&json!(i32::MAX)), Ok(i32::MAX));
    assert_eq!(enumeration(None, "field", |_| None), Ok(0));
}

#[test]
fn an_enum_number_may_have_no_name() {
    assert_eq!(number(&json!(4711)), Ok(4711));
}

#[test]
fn an_unknown_enum_name_is_refused() {
    for name in ["five", "5", "", "FIVE "] {
        let error = number(&json!(name)).unwrap_err();
        assert_eq!(error.to_string(), format!("field: unknown name \"{name}\""));
    }
}

#[test]
fn an_enum_number_beyond_32_bits_or_with_a_fraction_is_refused() {
    for value in [
        json!(2_147_483_648_u32),
        json!(-2_147_483_649_i64),
        json!(5.5),
        json!(1e300),
    ] {
        assert!(
            matches!(number(&value), Err(ProtoJsonError::EnumNumber { .. })),
            "{value}"
        );
    }
}

#[test]
fn an_enum_of_another_type_is_refused() {
    let error = number(&json!(true)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field: found a boolean, wanted a name or a number"
    );
}

proptest! {
    #[test]
    fn every_spelling_of_bytes_is_read(wanted in prop::collection::vec(any::<u8>(), 0..48)) {
        for engine in [&STANDARD_ENGINE, &STANDARD_NO_PAD, &URL_SAFE_ENGINE, &URL_SAFE_NO_PAD] {
            prop_assert_eq!(&decode(&engine.encode(&wanted)).unwrap(), &wanted);
        }
    }

    #[test]
    fn what_is_decoded_is_what_was_meant(text in "[A-Za-z0-9+/=_-]{0,24}") {
        if let Ok(decoded) = decode(&text) {
            let plain = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
            let again = STANDARD_NO_PAD.encode(decoded);
            // All but the last character, whose spare bits are not looked at.
            let shared = plain.len().saturating_sub(1);
            prop_assert_eq!(&again[..shared], &plain[..shared]);
            prop_assert_eq!(again.len(), plain.len());
        }
    }
}
