//! Tests of Fulcio's extensions: numbers and bytes as in real certificates, and each refusal.

use proptest::prelude::*;

use super::*;

fn parse(extensions: &[Extension]) -> Result<FulcioExtensions, ExtensionsError> {
    FulcioExtensions::parse(extensions.iter().map(|e| (e.oid, e.value.as_slice())))
}

fn fulcio(number: u32, value: &[u8]) -> Extension {
    Extension {
        oid: oids::FULCIO_ARC.push_arc(number).unwrap(),
        critical: false,
        value: value.to_vec(),
    }
}

#[test]
fn fields_are_in_the_order_of_their_numbers() {
    let numbers = ExtensionField::ALL.map(ExtensionField::number);
    assert!(numbers.is_sorted());
    assert!(ExtensionField::ALL.is_sorted());
    let wanted: Vec<u32> = (2..=6).chain(8..=24).collect();
    assert_eq!(numbers.to_vec(), wanted);
}

#[test]
fn fields_are_found_by_identifier_and_by_name() {
    for field in ExtensionField::ALL {
        assert_eq!(ExtensionField::from_oid(field.oid()), Some(field));
        let name = field.template_name();
        assert_eq!(ExtensionField::from_template_name(name), Some(field));
    }
    assert_eq!(ExtensionField::from_oid(oids::FULCIO_ISSUER_RAW), None);
    assert_eq!(ExtensionField::from_oid(oids::FULCIO_USERNAME), None);
    let digest = ExtensionField::BuildSignerDigest.oid();
    assert_eq!(digest.to_string(), "1.3.6.1.4.1.57264.1.10");
}

#[test]
fn the_issuer_is_written_twice_and_old_fields_raw() {
    let mut extensions = FulcioExtensions::new();
    extensions.set(ExtensionField::TokenSubject, "me");
    extensions.set(ExtensionField::Issuer, "https://i");
    extensions.set(ExtensionField::GithubWorkflowSha, "abc");
    extensions.set(ExtensionField::BuildTrigger, "");
    let wanted = [
        fulcio(1, b"https://i"),
        fulcio(3, b"abc"),
        fulcio(8, b"\x0c\x09https://i"),
        fulcio(24, b"\x0c\x02me"),
    ];
    assert_eq!(extensions.encode(), wanted);
    assert_eq!(parse(&wanted).unwrap(), extensions);
}

#[test]
fn setting_nothing_takes_a_field_away() {
    let mut extensions = FulcioExtensions::new();
    extensions.set(ExtensionField::BuildTrigger, "push");
    extensions.set(ExtensionField::BuildTrigger, "");
    assert_eq!(extensions, FulcioExtensions::new());
    assert!(extensions.encode().is_empty());
}

#[test]
fn an_issuer_in_its_first_form_alone_is_read() {
    let read = parse(&[fulcio(1, b"https://i")]).unwrap();
    assert_eq!(read.get(ExtensionField::Issuer), Some("https://i"));
}

#[test]
fn other_extensions_are_passed_over() {
    let others = [fulcio(7, b"?"), fulcio(99, b"?")];
    assert_eq!(parse(&others).unwrap(), FulcioExtensions::new());
}

#[test]
fn what_is_no_text_is_refused() {
    let error = |extensions: &[Extension]| parse(extensions).unwrap_err().to_string();
    assert_eq!(
        error(&[fulcio(3, b"a"), fulcio(3, b"a")]),
        "the extension 1.3.6.1.4.1.57264.1.3 is there twice"
    );
    assert!(error(&[fulcio(1, b"a"), fulcio(1, b"a")]).ends_with(".1 is there twice"));
    assert!(error(&[fulcio(3, b"")]).ends_with("is empty"));
    assert!(error(&[fulcio(9, b"\x0c\x00")]).ends_with("is empty"));
    assert!(error(&[fulcio(3, b"\xff")]).ends_with("is not utf-8"));
    assert!(error(&[fulcio(9, b"raw")]).ends_with("is not a der utf8string"));
    assert!(error(&[fulcio(9, b"\x0c\x01ab")]).ends_with("is not a der utf8string"));
    assert_eq!(
        error(&[fulcio(1, b"a"), fulcio(8, b"\x0c\x01b")]),
        r#"the issuer is "a" in one extension and "b" in another"#
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(texts in prop::collection::vec(".{0,40}", 22)) {
        let mut extensions = FulcioExtensions::new();
        for (field, text) in ExtensionField::ALL.into_iter().zip(&texts) {
            extensions.set(field, text.as_str());
        }
        let written = extensions.encode();
        prop_assert!(written.iter().all(|e| !e.critical));
        prop_assert_eq!(parse(&written).unwrap(), extensions);
    }
}
