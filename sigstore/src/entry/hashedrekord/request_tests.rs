//! Each leniency of the request format, and each way for a request to be refused, in order.

use serde_json::json;

use super::tests::{a1_request, adding, decoder_refusal, parse, request_by, verify, with, without};
use super::*;
use crate::canonical_json::JsonError;
use crate::test_keys::{certificate, key, keys, rsa_spki};

// What the format lets pass.

#[test]
fn snake_case_is_read() {
    let text = a1_request()
        .to_string()
        .replace("hashedRekordRequestV002", "hashed_rekord_request_v002")
        .replace("publicKey", "public_key")
        .replace("rawBytes", "raw_bytes")
        .replace("keyDetails", "key_details");
    let parsed = HashedRekordRequest::parse(text.as_bytes()).unwrap();
    assert_eq!(parsed, parse(&a1_request()).unwrap());
}

#[test]
fn pretty_printed_json_is_read() {
    let text = serde_json::to_string_pretty(&a1_request()).unwrap();
    let parsed = HashedRekordRequest::parse(format!("\r\n{text}\n\n").as_bytes()).unwrap();
    assert_eq!(parsed, parse(&a1_request()).unwrap());
}

#[test]
fn base64_of_the_other_alphabet_and_without_padding_is_read() {
    let content = a1_request()["hashedRekordRequestV002"]["signature"]["content"].clone();
    let content = content
        .as_str()
        .unwrap()
        .replace('+', "-")
        .replace('/', "_");
    let request = with("/signature/content", json!(content.trim_end_matches('=')));
    assert_eq!(parse(&request).unwrap(), parse(&a1_request()).unwrap());
}

#[test]
fn the_label_may_be_a_number() {
    let request = with("/signature/verifier/keyDetails", json!(5));
    assert_eq!(parse(&request).unwrap(), parse(&a1_request()).unwrap());
}

#[test]
fn null_is_unset() {
    let request = adding("", "dsseRequestV002", json!(null));
    assert_eq!(parse(&request).unwrap(), parse(&a1_request()).unwrap());
    let path = "/hashedRekordRequestV002/signature/verifier";
    let request = adding(path, "x509Certificate", json!(null));
    assert_eq!(parse(&request).unwrap(), parse(&a1_request()).unwrap());
}

// What cannot be decoded.

#[test]
fn an_empty_body_and_an_empty_message_ask_for_nothing() {
    for body in ["", " \n\t", "{}", r#"{"hashedRekordRequestV002":null}"#] {
        let error = HashedRekordRequest::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error, RequestError::NoRequest, "{body:?}");
        assert_eq!(
            error.upstream_message(),
            "invalid type, must be hashedrekord"
        );
        assert_eq!(
            error.to_string(),
            "request: hashedRekordRequestV002 is missing"
        );
    }
}

#[test]
fn a_dsse_request_of_another_type_is_refused() {
    let shown = decoder_refusal(&json!({"dsseRequestV002": "x"}));
    assert_eq!(shown, "dsseRequestV002: found a string, wanted an object");
}

#[test]
fn both_requests_at_once_are_refused() {
    let shown = decoder_refusal(&adding("", "dsseRequestV002", json!({})));
    let wanted =
        "request: both hashedRekordRequestV002 and dsseRequestV002 are set, send only one of them";
    assert_eq!(shown, wanted);
}

#[test]
fn both_key_and_certificate_are_refused() {
    let path = "/hashedRekordRequestV002/signature/verifier";
    for name in ["x509Certificate", "x509_certificate"] {
        let shown = decoder_refusal(&adding(path, name, json!({})));
        let wanted = "hashedRekordRequestV002.signature.verifier: both publicKey and \
                      x509Certificate are set, send only one of them";
        assert_eq!(shown, wanted);
    }
}

#[test]
fn unknown_fields_are_refused_at_every_level() {
    let cases = [
        ("", "request"),
        ("/hashedRekordRequestV002", "hashedRekordRequestV002"),
        (
            "/hashedRekordRequestV002/signature",
            "hashedRekordRequestV002.signature",
        ),
        (
            "/hashedRekordRequestV002/signature/verifier",
            "hashedRekordRequestV002.signature.verifier",
        ),
        (
            "/hashedRekordRequestV002/signature/verifier/publicKey",
            "hashedRekordRequestV002.signature.verifier.publicKey",
        ),
    ];
    for (message, path) in cases {
        let shown = decoder_refusal(&adding(message, "hash", json!("x")));
        let wanted = format!("{path}: unknown field \"hash\", known are ");
        assert!(shown.starts_with(&wanted), "{shown}");
    }
}

#[test]
fn a_field_under_both_names_is_refused() {
    let path = "/hashedRekordRequestV002/signature/verifier";
    let shown = decoder_refusal(&adding(path, "key_details", json!(5)));
    let wanted = "hashedRekordRequestV002.signature.verifier: the field keyDetails is there \
                  twice, send it under one name only";
    assert_eq!(shown, wanted);
}

#[test]
fn a_field_twice_is_refused() {
    let text =
        a1_request()
            .to_string()
            .replacen("\"digest\":", "\"digest\":\"AA==\",\"digest\":", 1);
    let error = HashedRekordRequest::parse(text.as_bytes()).unwrap_err();
    let wanted = "$.\"hashedRekordRequestV002\": the key \"digest\" is there twice, send it once";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(error.upstream_message(), wanted);
}

#[test]
fn a_second_value_in_the_body_is_refused() {
    let text = a1_request().to_string();
    for tail in ["{}", "x", ",", "\0"] {
        let error = HashedRekordRequest::parse(format!("{text}{tail}").as_bytes()).unwrap_err();
        assert!(
            error.to_string().ends_with("trailing characters"),
            "{error}"
        );
    }
}

#[test]
fn another_json_value_is_refused() {
    for (value, found) in [
        (json!([a1_request()]), "an array"),
        (json!("x"), "a string"),
        (json!(null), "null"),
        (json!(1), "a number"),
    ] {
        let shown = decoder_refusal(&value);
        assert_eq!(shown, format!("request: found {found}, wanted an object"));
    }
}

#[test]
fn values_of_another_type_are_refused() {
    let cases = [
        (
            "",
            json!([]),
            "hashedRekordRequestV002: found an array, wanted an object",
        ),
        (
            "/digest",
            json!(1),
            "hashedRekordRequestV002.digest: found a number, wanted a base64",
        ),
        (
            "/signature",
            json!("x"),
            "hashedRekordRequestV002.signature: found a string, wanted an",
        ),
        (
            "/signature/content",
            json!(["x"]),
            "hashedRekordRequestV002.signature.content: found an array, wanted a base64 string",
        ),
        (
            "/signature/verifier",
            json!(true),
            "hashedRekordRequestV002.signature.verifier: found a boolean, wanted an object",
        ),
        (
            "/signature/verifier/publicKey",
            json!("MFkw"),
            "hashedRekordRequestV002.signature.verifier.publicKey: found a string, wanted an obj",
        ),
        (
            "/signature/verifier/publicKey/rawBytes",
            json!({}),
            "hashedRekordRequestV002.signature.verifier.publicKey.rawBytes: found an object",
        ),
        (
            "/signature/verifier/keyDetails",
            json!([5]),
            "hashedRekordRequestV002.signature.verifier.keyDetails: found an array, wanted a name",
        ),
    ];
    for (pointer, value, wanted) in cases {
        let shown = decoder_refusal(&with(pointer, value));
        assert!(shown.starts_with(wanted), "{shown}");
    }
}

#[test]
fn broken_base64_is_refused_with_its_field() {
    for (pointer, path) in [
        ("/digest", "hashedRekordRequestV002.digest"),
        (
            "/signature/content",
            "hashedRekordRequestV002.signature.content",
        ),
        (
            "/signature/verifier/publicKey/rawBytes",
            "hashedRekordRequestV002.signature.verifier.publicKey.rawBytes",
        ),
    ] {
        for text in ["====", "QU JD", "QU!D", "Q", "+_8="] {
            let shown = decoder_refusal(&with(pointer, json!(text)));
            assert!(
                shown.starts_with(&format!("{path}: not base64: ")),
                "{shown}"
            );
        }
    }
}

#[test]
fn an_unknown_label_name_is_refused() {
    let shown = decoder_refusal(&with("/signature/verifier/keyDetails", json!("ECDSA")));
    let wanted = "hashedRekordRequestV002.signature.verifier.keyDetails: unknown name \"ECDSA\"";
    assert_eq!(shown, wanted);
}

#[test]
fn deep_nesting_is_refused() {
    let text = r#"{"hashedRekordRequestV002":"#.repeat(100_000);
    let error = HashedRekordRequest::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(
        error,
        RequestError::Json(JsonError::TooDeep { depth_max: 16, .. })
    ));
}

#[test]
fn a_body_of_very_many_values_is_refused_early() {
    let text = format!(
        r#"{{"hashedRekordRequestV002":[{}0]}}"#,
        "0,".repeat(2_000_000)
    );
    let error = HashedRekordRequest::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(
        error,
        RequestError::Json(JsonError::TooManyValues { count_max: 64, .. })
    ));
}

// What is decoded and then refused.

#[test]
fn missing_and_empty_parts_are_named() {
    let request = "hashedRekordRequestV002";
    let cases = [
        (without("", "digest"), ".digest"),
        (without("", "signature"), ".signature.content"),
        (without("/signature", "content"), ".signature.content"),
        (without("/signature", "verifier"), ".signature.verifier"),
        (
            without("/signature/verifier", "publicKey"),
            ".signature.verifier: publicKey or x509Certificate",
        ),
        (
            without("/signature/verifier/publicKey", "rawBytes"),
            ".signature.verifier.publicKey.rawBytes",
        ),
        (with("/digest", json!("")), ".digest"),
        (with("/digest", json!(null)), ".digest"),
        (with("/signature/content", json!("")), ".signature.content"),
        (with("", json!({})), ".signature.content"),
        (
            with("/signature/verifier", json!({"x509Certificate": {}})),
            ".signature.verifier.x509Certificate.rawBytes",
        ),
    ];
    for (value, path) in cases {
        let error = verify(&value).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{request}{path}: missing or empty")
        );
        assert_eq!(error.upstream_message(), "invalid hashedrekord request");
    }
}

#[test]
fn the_checks_come_in_their_order() {
    // Everything is wrong; each repair brings the next check to light.
    let mut request = json!({"hashedRekordRequestV002": {}});
    let check = |request: &Value, wanted: &str| {
        let shown = verify(request).unwrap_err().to_string();
        assert!(shown.contains(wanted), "wanted {wanted}, found {shown}");
    };
    let body = "/hashedRekordRequestV002";
    check(&request, "signature.content: missing");
    *request.pointer_mut(body).unwrap() = json!({"signature": {"content": "MDAw"}});
    check(&request, "verifier: missing");
    request.pointer_mut(body).unwrap()["signature"]["verifier"] = json!({});
    check(&request, "digest: missing");
    request.pointer_mut(body).unwrap()["digest"] = json!("AAAA");
    check(&request, "publicKey or x509Certificate: missing");
    let verifier = "/hashedRekordRequestV002/signature/verifier";
    *request.pointer_mut(verifier).unwrap() = json!({"publicKey": {"rawBytes": "MDAw"}});
    check(&request, "public key is not well-formed der");
    let key = &a1_request()["hashedRekordRequestV002"]["signature"]["verifier"]["publicKey"];
    request.pointer_mut(verifier).unwrap()["publicKey"] = key.clone();
    check(
        &request,
        "PUBLIC_KEY_DETAILS_UNSPECIFIED (0) is not accepted",
    );
    request.pointer_mut(verifier).unwrap()["keyDetails"] = json!("PKIX_ED25519_PH");
    check(&request, "does not fit the key");
    request.pointer_mut(verifier).unwrap()["keyDetails"] = json!(5);
    check(&request, "digest: 3 bytes");
    let digest = &a1_request()["hashedRekordRequestV002"]["digest"];
    request.pointer_mut(body).unwrap()["digest"] = digest.clone();
    check(&request, "signature.content: ");
    let content = &a1_request()["hashedRekordRequestV002"]["signature"]["content"];
    request.pointer_mut(body).unwrap()["signature"]["content"] = content.clone();
    verify(&request).unwrap();
}

#[test]
fn a_wrong_label_is_refused_for_each_kind_of_key() {
    for key in keys() {
        for label in KeyDetails::ALL {
            if label == key.label {
                continue;
            }
            let mut request = request_by(key, false);
            request["hashedRekordRequestV002"]["signature"]["verifier"]["keyDetails"] =
                json!(label.name());
            // Even with a digest of the length that the label wants.
            let digest = vec![1; label.hash().digest_len_bytes()];
            request["hashedRekordRequestV002"]["digest"] = json!(STANDARD.encode(digest));
            let error = verify(&request).unwrap_err();
            let wanted = EntryError::KeyDetailsMismatch {
                found: label,
                key: key.label.key_kind().to_string(),
                wanted: key.label.name(),
            };
            assert_eq!(error, wanted);
            assert!(
                error.to_string().ends_with(&format!("use {}", key.label)),
                "{error}"
            );
        }
    }
}

#[test]
fn a_key_that_no_label_fits_is_refused() {
    let modulus = [&[0], [0xff; 257].as_slice()].concat();
    let key = json!({"rawBytes": STANDARD.encode(rsa_spki(&modulus))});
    let verifier = json!({"publicKey": key, "keyDetails": "PKIX_RSA_PKCS1V15_2048_SHA256"});
    let error = verify(&with("/signature/verifier", verifier)).unwrap_err();
    let wanted = "PKIX_RSA_PKCS1V15_2048_SHA256 does not fit the key, which is rsa with 2056 \
                  bits: use another key: no label fits this one";
    assert!(error.to_string().ends_with(wanted), "{error}");
}

#[test]
fn labels_that_are_not_allowed_are_refused() {
    let cases = [
        (json!(null), "PUBLIC_KEY_DETAILS_UNSPECIFIED (0)"),
        (json!("PKIX_ED25519"), "PKIX_ED25519 (7)"),
        (
            json!("PKIX_RSA_PSS_2048_SHA256"),
            "PKIX_RSA_PSS_2048_SHA256 (16)",
        ),
        (json!(19), "PKIX_ECDSA_P384_SHA_256 (19)"),
        (json!("ML_DSA_65"), "ML_DSA_65 (21)"),
        (json!(99), "99"),
        (json!(-5), "-5"),
    ];
    for (label, found) in cases {
        let error = verify(&with("/signature/verifier/keyDetails", label)).unwrap_err();
        let wanted = format!(
            "hashedRekordRequestV002.signature.verifier.keyDetails: {found} is not accepted, use \
             one of PKIX_ECDSA_P256_SHA_256, PKIX_ED25519_PH, "
        );
        assert!(error.to_string().starts_with(&wanted), "{error}");
        assert_eq!(error.upstream_message(), "invalid hashedrekord request");
    }
}

#[test]
fn a_digest_of_another_length_is_refused() {
    for len in [1, 20, 31, 33, 48, 64] {
        let error = verify(&with("/digest", json!(STANDARD.encode(vec![1; len])))).unwrap_err();
        let wanted = format!(
            "hashedRekordRequestV002.digest: {len} bytes, PKIX_ECDSA_P256_SHA_256 has digests of 32"
        );
        assert_eq!(error.to_string(), wanted);
    }
}

#[test]
fn a_hex_digest_is_refused() {
    let text = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    assert!(matches!(
        verify(&with("/digest", json!(text))),
        Err(EntryError::DigestLen { .. })
    ));
}

#[test]
fn a_signature_of_something_else_is_refused() {
    let digest = key(KeyDetails::EcdsaP256Sha256).digest(b"hello");
    let error = verify(&with("/digest", json!(STANDARD.encode(digest)))).unwrap_err();
    let wanted = "hashedRekordRequestV002.signature.content: the signature is not one of this \
                  digest by this ecdsa p-256 key";
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn a_certificate_as_a_key_and_the_reverse_are_refused() {
    let key = key(KeyDetails::EcdsaP256Sha256);
    let certificate = STANDARD.encode(certificate(&key.spki, 0));
    let pointer = "/signature/verifier/publicKey/rawBytes";
    let error = verify(&with(pointer, json!(certificate))).unwrap_err();
    assert!(matches!(error, EntryError::PublicKey { .. }));
    let verifier =
        json!({"keyDetails": 5, "x509Certificate": {"rawBytes": STANDARD.encode(&key.spki)}});
    let error = verify(&with("/signature/verifier", verifier)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("x509Certificate.rawBytes: certificate is not"),
        "{error}"
    );
}

#[test]
fn pem_is_refused_with_advice() {
    let pem = STANDARD.encode("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n");
    let error = verify(&with("/signature/verifier/publicKey/rawBytes", json!(pem))).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("publicKey.rawBytes: public key is pem, wanted der")
    );
}

#[test]
fn fields_that_are_too_long_are_refused_before_any_work() {
    let long = |len: usize| json!(STANDARD.encode(vec![0x30; len]));
    let certificate = json!({"x509Certificate": {"rawBytes": long(49_153)}, "keyDetails": 5});
    let cases = [
        (
            with("/signature/content", long(1025)),
            "content: 1025 bytes, at most 1024",
        ),
        (
            with("/signature/verifier/publicKey/rawBytes", long(2049)),
            "publicKey.rawBytes: 2049 bytes, at most 2048",
        ),
        (
            with("/signature/verifier", certificate),
            "x509Certificate.rawBytes: 49153 bytes, at most 49152",
        ),
    ];
    for (request, wanted) in cases {
        let shown = verify(&request).unwrap_err().to_string();
        assert!(shown.contains(wanted), "{shown}");
    }
}

/// The largest entry that fits is taken, the next larger one is refused for its size.
#[test]
fn a_leaf_beyond_65535_bytes_is_refused() {
    let key = key(KeyDetails::Rsa4096Sha256);
    let request = |padding_len: usize| {
        let der = STANDARD.encode(certificate(&key.spki, padding_len));
        let mut request = request_by(key, true);
        request["hashedRekordRequestV002"]["signature"]["verifier"]["x509Certificate"] =
            json!({"rawBytes": der});
        request
    };
    let small = verify(&request(47_000)).unwrap().leaf_len();
    let room = (LEAF_LEN_BYTES_MAX - small) / 4 * 3;
    let mut largest = 0;
    let mut smallest_refused = usize::MAX;
    for padding_len in 47_000 + room - 4..47_000 + room + 4 {
        match verify(&request(padding_len)) {
            Ok(entry) => largest = largest.max(entry.leaf_bytes().len()),
            Err(EntryError::LeafTooLong {
                found,
                max: LEAF_LEN_BYTES_MAX,
            }) => {
                smallest_refused = smallest_refused.min(found);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(largest <= 65_535 && largest + 4 > 65_535, "{largest}");
    assert_eq!(smallest_refused, largest + 4);
    let error = verify(&request(47_000 + room + 4)).unwrap_err();
    assert!(
        error.to_string().contains("a log takes at most 65535"),
        "{error}"
    );
}
