//! Which keys of a set are used, and which sets are.

use serde_json::json;

use super::*;
use crate::oidc::test_issuer::{ecdsa_key, encode, rsa_key};

fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

/// A key with some members changed. `null` takes one away.
fn changed(key: &Value, others: &Value) -> Value {
    let mut key = key.clone();
    for (name, value) in others.as_object().unwrap() {
        key[name] = value.clone();
    }
    key.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    key
}

/// RFC 7515 appendix A.3: its key, and its token.
#[test]
fn the_example_of_the_rfc_verifies() {
    let key = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let token = concat!(
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0",
        "cnVlfQ.",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
    let set = parse(&[key]).unwrap();
    let right = Token::parse(token).unwrap();
    assert_eq!(set.verify(&right), SignatureCheck::Right);
    let wrong = token.replace(".DtEh", ".DtEi");
    let wrong = Token::parse(&wrong).unwrap();
    assert_eq!(
        set.verify(&wrong),
        SignatureCheck::NoKey,
        "no key id: a newer key may fit"
    );
}

/// Changes after which an RSA key cannot be used, each with how the reason begins.
const BAD_RSA: [(&str, &str); 14] = [
    (r#"{"use":"enc"}"#, "not for signatures"),
    (r#"{"key_ops":["encrypt"]}"#, "not for signatures"),
    (r#"{"d":"AQAB"}"#, "secret key material"),
    (r#"{"alg":"RSA-OAEP"}"#, "an algorithm that is not allowed"),
    (r#"{"alg":"HS256"}"#, "an algorithm that is not allowed"),
    (r#"{"alg":"ES256"}"#, "an algorithm that does not fit"),
    (r#"{"kid":1}"#, "a key id"),
    (r#"{"n":null}"#, "a key without its numbers"),
    (r#"{"n":"+/+/"}"#, "numbers that are not base64url"),
    (r#"{"n":"____________"}"#, "an rsa modulus"),
    (r#"{"e":"AQ"}"#, "an rsa exponent"),
    (r#"{"e":"BA"}"#, "an rsa exponent"),
    (r#"{"e":""}"#, "an rsa exponent"),
    (r#"{"e":"AQAAAAE"}"#, "an rsa exponent"),
];

/// The same for a key on P-256.
const BAD_ECDSA: [(&str, &str); 6] = [
    (r#"{"alg":"ES384"}"#, "an algorithm that does not fit"),
    (r#"{"crv":"secp256k1"}"#, "a curve that is not known"),
    (r#"{"crv":"P-384"}"#, "a coordinate of the wrong length"),
    (r#"{"y":"AQ"}"#, "a coordinate of the wrong length"),
    (
        r#"{"y":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}"#,
        "a point off",
    ),
    (r#"{"kty":"EC2"}"#, "a type that is not known"),
];

/// Keys of other sorts.
const BAD_KEYS: [(&str, &str); 5] = [
    (r#"{"kty":"oct","k":"c2VjcmV0"}"#, "secret key material"),
    (r#"{"kty":"oct"}"#, "a type that is not known"),
    (r#"{"kty":"OKP","crv":"X25519","x":"CQ"}"#, "a curve"),
    (
        r#"{"kty":"OKP","crv":"Ed25519","x":"CQ"}"#,
        "not an Ed25519",
    ),
    (r#""key""#, "not an object"),
];

#[test]
fn keys_that_cannot_be_used_are_left_out_and_said() {
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let (rsa, ecdsa) = (rsa_key().jwk("r"), ecdsa_key().jwk("e"));
    let of_rsa = BAD_RSA.map(|(change, reason)| (changed(&rsa, &read(change)), reason));
    let of_ecdsa = BAD_ECDSA.map(|(change, reason)| (changed(&ecdsa, &read(change)), reason));
    let others = BAD_KEYS.map(|(key, reason)| (read(key), reason));
    for (key, wanted) in of_rsa.into_iter().chain(of_ecdsa).chain(others) {
        let set = parse(&[key.clone(), ecdsa.clone()]).unwrap();
        assert_eq!(set.key_count(), 1, "{key}");
        let left_out = set.left_out();
        assert!(left_out[0].starts_with(wanted), "{key}: {left_out:?}");
        let alone = parse(std::slice::from_ref(&key)).unwrap_err();
        assert!(matches!(alone, KeySetError::NoneUsable { .. }), "{key}");
    }
}

#[test]
fn what_some_issuers_add_does_no_harm() {
    let rsa = rsa_key().jwk("r");
    let with_sign_byte = {
        let modulus = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
        encode(&[&[0][..], &modulus].concat())
    };
    let more = json!({
        "n": with_sign_byte, "use": "sig", "alg": "RS256", "x5c": ["MIIB"], "x5t": "x",
        "key_ops": ["verify"], "issuer": "https://idp.example",
    });
    assert_eq!(parse(&[changed(&rsa, &more)]).unwrap().key_count(), 1);
}

/// One key id for two keys of different types is allowed (RFC 7517 section 4.5).
#[test]
fn keys_may_share_an_id() {
    let (first, second) = (ecdsa_key(), ecdsa_key());
    let set = parse(&[rsa_key().jwk("k"), first.jwk("k"), second.jwk("k")]).unwrap();
    for key in [rsa_key(), &first, &second] {
        let text = key.token_of("k", &json!({}));
        let token = Token::parse(&text).unwrap();
        assert_eq!(set.verify(&token), SignatureCheck::Right);
    }
    let text = ecdsa_key().token_of("k", &json!({}));
    assert_eq!(
        set.verify(&Token::parse(&text).unwrap()),
        SignatureCheck::Wrong
    );
}

#[test]
fn sets_that_are_none_are_refused() {
    let key = ecdsa_key().jwk("k");
    let many = vec![key; KEY_COUNT_MAX + 1];
    assert!(matches!(parse(&many), Err(KeySetError::TooMany { .. })));
    assert!(parse(&many[1..]).is_ok());
    assert!(matches!(parse(&[]), Err(KeySetError::NoneUsable { .. })));
    let long = vec![b' '; KEY_SET_LEN_BYTES_MAX + 1];
    assert!(matches!(
        KeySet::parse(&long),
        Err(KeySetError::TooLong { .. })
    ));
    let deep = format!(r#"{{"keys":{}{}}}"#, "[".repeat(50), "]".repeat(50));
    for bad in ["", "{", r#"{"keys":[],"keys":[]}"#, deep.as_str()] {
        assert!(
            matches!(KeySet::parse(bad.as_bytes()), Err(KeySetError::Json(_))),
            "{bad}"
        );
    }
    for bad in ["{}", "[]", r#"{"keys":{}}"#, r#"{"issuer":"https://x"}"#] {
        assert_eq!(
            KeySet::parse(bad.as_bytes()).unwrap_err(),
            KeySetError::NoList,
            "{bad}"
        );
    }
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", parse(&[rsa_key().jwk("r")]).unwrap());
    assert!(!shown.contains(rsa_key().jwk["n"].as_str().unwrap()));
    assert!(shown.contains("\"r\""));
}
