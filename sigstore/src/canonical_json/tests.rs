//! Vectors of RFC 8785, and one case for each way to be refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(text: &str) -> Result<Value, JsonError> {
    parse_no_duplicates(text.as_bytes(), 8)
}

fn canonical(text: &str) -> String {
    String::from_utf8(canonicalize(&parse(text).unwrap())).unwrap()
}

fn syntax_reason(text: &str) -> String {
    match parse(text).unwrap_err() {
        JsonError::Syntax { reason, .. } => reason,
        other => panic!("wanted a syntax error, found {other:?}"),
    }
}

/// RFC 8785 section 3.2.2, input and output.
#[test]
fn rfc8785_sample() {
    let input = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
      }"#;
    let wanted = concat!(
        r#"{"literals":[null,true,false],"#,
        r#""numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
        r#""string":""#,
        "\u{20ac}",
        r#"$\u000f\nA'B\"\\\\\"/"}"#
    );
    assert_eq!(canonical(input), wanted);
}

/// RFC 8785 section 3.2.3: keys are sorted by UTF-16 code units, not by UTF-8 bytes.
#[test]
fn rfc8785_key_order() {
    let input = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet
        With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",
        "\u00f6":"Latin Small Letter O With Diaeresis"}"#
        .replace("Dalet\n        With", "Dalet With");
    let wanted = [
        r#"{"\r":"Carriage Return""#,
        r#""1":"One""#,
        "\"\u{80}\":\"Control\"",
        "\"\u{f6}\":\"Latin Small Letter O With Diaeresis\"",
        "\"\u{20ac}\":\"Euro Sign\"",
        "\"\u{1f600}\":\"Emoji: Grinning Face\"",
        "\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
    ];
    assert_eq!(canonical(&input), wanted.join(","));
}

/// RFC 8785 appendix B, numbers given there as IEEE 754 bits.
#[test]
fn rfc8785_numbers() {
    let samples: [(u64, &str); 24] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];
    for (bits, wanted) in samples {
        let value = json!(f64::from_bits(bits));
        assert_eq!(String::from_utf8(canonicalize(&value)).unwrap(), wanted);
    }
}

#[test]
fn values_of_every_type_are_read() {
    let text = r#" {"a":[null,true,false,"x",-1,1,1.5,{}],"b":{"c":[]}} "#;
    let wanted = json!({"a": [null, true, false, "x", -1, 1, 1.5, {}], "b": {"c": []}});
    assert_eq!(parse(text).unwrap(), wanted);
}

#[test]
fn a_key_twice_is_refused_with_its_place() {
    let error = parse(r#"{"a":[{},{"key":1,"key":2}]}"#).unwrap_err();
    let wanted = JsonError::DuplicateKey {
        place: "$.\"a\"[1]".to_owned(),
        key: "\"key\"".to_owned(),
    };
    assert_eq!(error, wanted);
    assert_eq!(
        error.to_string(),
        r#"$."a"[1]: the key "key" is there twice, send it once"#
    );
}

#[test]
fn a_key_twice_in_other_escapes_is_refused() {
    let error = parse(r#"{"a":1,"\u0061":1}"#).unwrap_err();
    assert!(matches!(error, JsonError::DuplicateKey { .. }));
}

#[test]
fn one_key_in_two_objects_is_fine() {
    assert!(parse(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(8)).is_ok());
    let error = parse(&nested(9)).unwrap_err();
    assert_eq!(
        error,
        JsonError::TooDeep {
            place: "$[0][0][0][0][0][0][0][0]".to_owned(),
            depth_max: 8
        }
    );
    let error = parse(&r#"{"a":"#.repeat(9)).unwrap_err();
    assert!(matches!(error, JsonError::TooDeep { depth_max: 8, .. }));
    assert!(parse_no_duplicates(b"1", 0).is_ok());
    assert!(parse_no_duplicates(b"[]", 0).is_err());
}

#[test]
fn depth_is_clamped_whatever_is_asked_for() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_no_duplicates(nested(100).as_bytes(), usize::MAX).is_ok());
    let error = parse_no_duplicates("[".repeat(1 << 20).as_bytes(), usize::MAX).unwrap_err();
    assert!(matches!(
        error,
        JsonError::TooDeep {
            depth_max: JSON_DEPTH_MAX,
            ..
        }
    ));
}

#[test]
fn the_number_of_values_is_bounded() {
    let limits = JsonLimits {
        depth_max: 8,
        value_count_max: 4,
    };
    let parse = |text: &str| parse_limited(text.as_bytes(), limits);
    assert!(parse(r#"[1,{"a":2}]"#).is_ok());
    assert!(parse(r"[1,2,3]").is_ok());
    let error = parse(r#"[1,{"a":2,"b":3}]"#).unwrap_err();
    let wanted = JsonError::TooManyValues {
        place: "$[1].\"b\"".to_owned(),
        count_max: 4,
    };
    assert_eq!(error, wanted);
    assert_eq!(error.to_string(), "$[1].\"b\": more than 4 values");
    // The end is never reached, so that it does not matter what is there.
    assert!(matches!(
        parse("[1,2,3,4,"),
        Err(JsonError::TooManyValues { .. })
    ));
}

#[test]
fn a_long_body_of_tiny_values_is_refused_early() {
    let text = format!("[{}0]", "0,".repeat(JSON_VALUE_COUNT_MAX));
    assert!(matches!(parse(&text), Err(JsonError::TooManyValues { .. })));
}

#[test]
fn integers_that_a_double_rounds_are_refused() {
    assert_eq!(
        parse("9007199254740991").unwrap(),
        json!(9_007_199_254_740_991_u64)
    );
    assert_eq!(
        parse("-9007199254740991").unwrap(),
        json!(-9_007_199_254_740_991_i64)
    );
    for text in [
        "9007199254740992",
        "-9007199254740992",
        "18446744073709551615",
    ] {
        let found = text.to_owned();
        let wanted = JsonError::InexactInteger {
            place: "$".to_owned(),
            found,
        };
        assert_eq!(parse(text).unwrap_err(), wanted);
    }
}

#[test]
fn a_number_out_of_range_is_refused() {
    assert_eq!(syntax_reason("1e400"), "number out of range");
}

#[test]
fn a_second_value_is_refused() {
    assert_eq!(syntax_reason("{} {}"), "trailing characters");
    assert_eq!(syntax_reason("1,"), "trailing characters");
}

#[test]
fn nothing_is_refused() {
    for text in ["", " \n"] {
        assert_eq!(syntax_reason(text), "EOF while parsing a value");
    }
}

#[test]
fn bad_syntax_is_refused_with_its_place() {
    let error = parse("{\"a\":1,\n \"b\" 2}").unwrap_err();
    let wanted = JsonError::Syntax {
        line: 2,
        column: 6,
        reason: "expected `:`".to_owned(),
    };
    assert_eq!(error, wanted);
    assert_eq!(
        error.to_string(),
        "malformed json at line 2 column 6: expected `:`"
    );
}

#[test]
fn what_is_not_json_is_refused() {
    let cases: [&[u8]; 14] = [
        b"{",
        b"[1,]",
        b"{\"a\":1,}",
        b"{a:1}",
        b"'a'",
        b"NaN",
        b"Infinity",
        b"01",
        b"+1",
        b"1.",
        b"\"\xff\"",
        b"\"\\ud800\"",
        b"\"a\nb\"",
        b"\xef\xbb\xbf{}",
    ];
    for case in cases {
        let error = parse_no_duplicates(case, 8).unwrap_err();
        assert!(
            matches!(error, JsonError::Syntax { .. }),
            "{case:?}: {error:?}"
        );
    }
}

#[test]
fn long_and_odd_names_are_cut_and_escaped_in_errors() {
    let key = format!("\n{}", "k".repeat(1 << 16));
    let text = format!("{{{0}:1,{0}:1}}", serde_json::to_string(&key).unwrap());
    let shown = parse(&text).unwrap_err().to_string();
    assert!(
        shown.len() < 100 && shown.contains("\\nkkk") && shown.contains("\"..."),
        "{shown}"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 52)..1 << 52).prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_parser_agrees_with_serde_json_where_it_accepts(value in any_json()) {
        let text = serde_json::to_vec(&value).unwrap();
        prop_assert_eq!(parse_no_duplicates(&text, 8).unwrap(), value);
    }

    #[test]
    fn the_canonical_form_is_a_fixed_point(value in any_json()) {
        let once = canonicalize(&value);
        // A large double is written without an exponent, as an integer that the strict parser
        // refuses: read such a value with the plain parser.
        let again: Value = serde_json::from_slice(&once).unwrap();
        prop_assert_eq!(canonicalize(&again), once);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse_no_duplicates(&bytes, 8);
    }

    #[test]
    fn no_json_like_text_makes_the_parser_panic(text in r#"[\[\]{}:,"0-9a\\u.eE +-]{0,64}"#) {
        let _ = parse(&text);
    }
}
