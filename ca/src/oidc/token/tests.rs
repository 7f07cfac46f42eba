//! Each thing that is wrong with a token's form has a case here.

use super::*;
use crate::oidc::test_issuer::encode;

fn code(token: &str) -> &'static str {
    Token::parse(token).map_or_else(|refusal| refusal.code(), |_| "ok")
}

fn token(header: &str, payload: &str) -> String {
    let (header, payload) = (encode(header.as_bytes()), encode(payload.as_bytes()));
    format!("{header}.{payload}.{}", encode(b"signature"))
}

const HEADER: &str = r#"{"alg":"RS256"}"#;

#[test]
fn parts_are_found() {
    let text = token(r#"{"alg":"ES256","kid":"k"}"#, r#"{"sub":"s"}"#);
    let found = Token::parse(&text).unwrap();
    assert_eq!(found.algorithm, JwsAlgorithm::Es256);
    assert_eq!(found.kid.as_deref(), Some("k"));
    assert_eq!(found.claims.string("sub"), Some("s"));
    assert_eq!(found.signature, b"signature");
    assert_eq!(found.signed, text.rsplit_once('.').unwrap().0.as_bytes());
    assert_eq!(format!("{found:?}"), "Token { algorithm: Es256, .. }");
}

/// RFC 7515 appendix A.1: a right token by HMAC.
#[test]
fn a_token_by_hmac_is_refused_for_its_algorithm() {
    let hmac = concat!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0",
        "cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    );
    assert_eq!(code(hmac), "token_algorithm");
}

#[test]
fn anything_but_three_parts_is_refused() {
    assert_eq!(code(""), "token_missing");
    let right = token(HEADER, "{}");
    assert_eq!(code(&right), "ok");
    let (two, _) = right.rsplit_once('.').unwrap();
    let changed = [
        two.to_owned(),
        format!("{right}."),
        format!("{right}.x"),
        format!(".{right}"),
        "..".to_owned(),
        "a.b".to_owned(),
        "x".to_owned(),
        format!("{two}."),
        format!("Bearer {right}"),
        format!("{right}\n"),
        // Another serialization of the same thing (RFC 7515 section 7.2).
        r#"{"payload":"e30","signatures":[]}"#.to_owned(),
    ];
    for bad in changed {
        assert_eq!(code(&bad), "token_malformed", "{bad}");
    }
}

#[test]
fn base64_has_one_form() {
    let right = token(HEADER, "{}");
    let (signed, _) = right.rsplit_once('.').unwrap();
    // Padded, of the other alphabet, with a stray last bit, with white space.
    for signature in [
        "c2ln==",
        "c2+/",
        "c2lnbmF0dXJlb",
        "c2n",
        "c2l nb",
        "c2\u{fc}",
    ] {
        let bad = format!("{signed}.{signature}");
        assert_eq!(code(&bad), "token_malformed", "{signature}");
    }
}

#[test]
fn headers_that_ask_for_more_are_refused() {
    for (header, wanted) in [
        (
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            "token_malformed",
        ),
        (r#"{"alg":"RS256","crit":[]}"#, "token_malformed"),
        (r#"{"alg":"RS256","alg":"none"}"#, "token_malformed"),
        (r#"["RS256"]"#, "token_malformed"),
        ("{", "token_malformed"),
        (r#"{"alg":"RS256","typ":1}"#, "token_malformed"),
        (r#"{"alg":"RS256","typ":"logout+jwt"}"#, "token_type"),
        (r#"{"alg":"RS256","typ":"secevent+jwt"}"#, "token_type"),
        (r#"{"alg":"RS256","typ":"JWT"}"#, "ok"),
        (r#"{"alg":"RS256","typ":"jwt"}"#, "ok"),
        (r#"{"alg":"RS256","typ":"application/at+jwt"}"#, "ok"),
        (r#"{"alg":"RS256","typ":"JOSE","x5t":"x"}"#, "ok"),
    ] {
        assert_eq!(code(&token(header, "{}")), wanted, "{header}");
    }
}

#[test]
fn payloads_are_strict_json_objects() {
    for payload in [
        "",
        "[]",
        "1",
        "{}{}",
        r#"{"sub":"a","sub":"b"}"#,
        "\u{feff}{}",
    ] {
        assert_eq!(
            code(&token(HEADER, payload)),
            "token_malformed",
            "{payload}"
        );
    }
}

#[test]
fn oversized_and_deep_tokens_are_refused() {
    let long = token(
        HEADER,
        &format!(r#"{{"x":"{}"}}"#, "x".repeat(TOKEN_LEN_BYTES_MAX)),
    );
    assert_eq!(code(&long), "token_too_long");
    assert_eq!(code(&".".repeat(TOKEN_LEN_BYTES_MAX + 1)), "token_too_long");
    assert_eq!(code(&".".repeat(TOKEN_LEN_BYTES_MAX)), "token_malformed");
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert_eq!(code(&token(HEADER, &deep)), "token_malformed");
    let deep = format!(
        r#"{{"alg":"RS256","x":{}1{}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    assert_eq!(code(&token(&deep, "{}")), "token_malformed");
}
