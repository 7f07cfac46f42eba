//! Whole tokens through every check, and the attacks that each check is there for.

use proptest::prelude::*;
use serde_json::{Value, json};
use sigstore::UnixSeconds;

use super::test_issuer::{Keys, NOW, TestKey, claims, ecdsa_key, encode, rsa_key};
use super::*;
use crate::issuers::{IssuerSection, Profile};

const ISSUER: &str = "https://idp.example";

/// A table with one issuer of email addresses.
fn table() -> IssuerTable {
    let section = format!("preset = \"email\"\nurl = \"{ISSUER}\"");
    let section: IssuerSection = toml::from_str(&section).unwrap();
    IssuerTable::new(&[section], Profile::Production).unwrap()
}

fn person(others: &Value) -> Value {
    let mut all = json!({"email": "you@example.com", "email_verified": true});
    for (name, value) in others.as_object().unwrap() {
        all[name] = value.clone();
    }
    claims(ISSUER, &all)
}

/// The code of the refusal, or `ok`.
fn outcome(token: &str, keys: &Keys, now: u64) -> &'static str {
    match verify_token(token, &table(), keys, UnixSeconds::new(now)) {
        Ok(_) => "ok",
        Err(refusal) => {
            let shown = format!("{refusal} {refusal:?} {}", refusal.caller_text());
            for part in token.split('.').filter(|part| part.len() > 20) {
                assert!(!shown.contains(part), "a part of the token is in {shown}");
            }
            refusal.code()
        }
    }
}

fn outcome_of(key: &TestKey, others: &Value) -> &'static str {
    let keys = Keys::of(ISSUER, &[key.jwk("k")]);
    outcome(&key.token_of("k", &person(others)), &keys, NOW)
}

#[test]
fn a_right_token_is_let_in() {
    let (table, keys) = (table(), Keys::of(ISSUER, &[rsa_key().jwk("k")]));
    let token = rsa_key().token_of("k", &person(&json!({})));
    let verified = verify_token(&token, &table, &keys, UnixSeconds::new(NOW)).unwrap();
    assert_eq!(verified.principal.san.as_str(), "you@example.com");
    assert_eq!(verified.principal.proof_subject, "you@example.com");
    assert_eq!(verified.issuer.url(), ISSUER);
    assert_eq!(verified.expires, UnixSeconds::new(NOW + 600));
    assert_eq!(verified.rule, None);
    assert!(!format!("{verified:?}").contains(token.rsplit('.').next().unwrap()));
}

/// Every algorithm, by tokens that another library signed.
#[test]
fn tokens_of_another_library_verify() {
    let data: Value = serde_json::from_str(include_str!("../../testdata/tokens.json")).unwrap();
    let jwks = data["key_set"]["keys"].as_array().unwrap();
    let keys = Keys::with(ISSUER, jwks, &JwsAlgorithm::ALL, NOW);
    let tokens = data["tokens"].as_object().unwrap();
    assert_eq!(tokens.len(), JwsAlgorithm::ALL.len());
    for (algorithm, token) in tokens {
        let token = token.as_str().unwrap();
        assert_eq!(outcome(token, &keys, NOW), "ok", "{algorithm}");
        let cut = token.rfind('.').unwrap() + 1;
        let other = tokens["RS384"].as_str().unwrap();
        let other = &other[other.rfind('.').unwrap() + 1..];
        if algorithm != "RS384" {
            let forged = format!("{}{other}", &token[..cut]);
            assert_eq!(
                outcome(&forged, &keys, NOW),
                "signature_wrong",
                "{algorithm}"
            );
        }
    }
}

#[test]
fn a_token_counts_only_within_its_time() {
    let keys = Keys::of(ISSUER, &[rsa_key().jwk("k")]);
    let token = rsa_key().token_of("k", &person(&json!({})));
    assert_eq!(outcome(&token, &keys, NOW + 599), "ok");
    // Replayed later: no leeway at all.
    assert_eq!(outcome(&token, &keys, NOW + 600), "token_expired");
    assert_eq!(outcome(&token, &keys, NOW + 86_000), "token_expired");
    for (others, wanted) in [
        (json!({"nbf": NOW + 300}), "ok"),
        (json!({"nbf": NOW + 301}), "token_not_yet_valid"),
        (json!({"exp": null}), "claim_missing"),
        (json!({"exp": "soon"}), "claim_invalid"),
        (json!({"exp": -1}), "claim_invalid"),
        (json!({"exp": []}), "claim_invalid"),
        (json!({"exp": 1e300}), "claim_invalid"),
        (json!({"nbf": "now"}), "claim_invalid"),
        (json!({"exp": 1_800_000_600.75}), "ok"),
        (json!({"exp": 1_800_000_000.75}), "token_expired"),
        (json!({"iat": NOW + 1_000_000}), "ok"),
    ] {
        assert_eq!(outcome_of(rsa_key(), &others), wanted, "{others}");
    }
}

#[test]
fn a_token_for_somebody_else_is_refused() {
    for (aud, wanted) in [
        (json!("sigstore"), "ok"),
        (json!(["other", "sigstore"]), "ok"),
        (json!("other"), "audience_wrong"),
        (json!("sigstore "), "audience_wrong"),
        (json!("Sigstore"), "audience_wrong"),
        (json!(["other"]), "audience_wrong"),
        (json!([["sigstore"]]), "audience_wrong"),
        (json!([]), "audience_wrong"),
        (json!({"sigstore": true}), "audience_wrong"),
        (json!(null), "audience_wrong"),
    ] {
        assert_eq!(outcome_of(rsa_key(), &json!({"aud": aud})), wanted, "{aud}");
    }
}

#[test]
fn an_issuer_is_known_byte_for_byte() {
    for iss in [
        json!("https://idp.example/"),
        json!("https://IDP.example"),
        json!("http://idp.example"),
        json!("https://idp.example.evil.example"),
        json!(""),
        json!(["https://idp.example"]),
        json!(null),
    ] {
        let found = outcome_of(rsa_key(), &json!({"iss": iss}));
        assert_eq!(found, "issuer_unknown", "{iss}");
    }
}

#[test]
fn no_algorithm_but_those_of_the_list() {
    let keys = Keys::of(ISSUER, &[rsa_key().jwk("k")]);
    let payload = person(&json!({})).to_string();
    for name in [
        "none", "None", "NONE", "nOnE", "HS256", "HS512", "rs256", "ES256K", "", "dir",
    ] {
        let header = json!({"alg": name, "kid": "k"}).to_string();
        let token = rsa_key().token(&header, &payload);
        assert_eq!(outcome(&token, &keys, NOW), "token_algorithm", "{name}");
        // Unsigned, as `none` has it, and with something for a signature.
        let (signed, _) = token.rsplit_once('.').unwrap();
        let unsigned = format!("{signed}.");
        let code = outcome(&unsigned, &keys, NOW);
        assert!(
            ["token_algorithm", "token_malformed"].contains(&code),
            "{name}: {code}"
        );
    }
    for header in [
        json!({"kid": "k"}),
        json!({"alg": 1}),
        json!({"alg": ["RS256"]}),
    ] {
        let token = rsa_key().token(&header.to_string(), &payload);
        assert_eq!(outcome(&token, &keys, NOW), "token_malformed", "{header}");
    }
}

/// The classic: an HMAC with the public key as its secret, under the name of each algorithm.
#[test]
fn a_public_key_is_nobodys_shared_secret() {
    use aws_lc_rs::hmac;
    let rsa = rsa_key();
    let keys = Keys::with(ISSUER, &[rsa.jwk("k")], &JwsAlgorithm::ALL, NOW);
    let jwk = rsa.jwk("k").to_string();
    let modulus = rsa.jwk["n"].as_str().unwrap();
    for secret in [jwk.as_bytes(), modulus.as_bytes(), b"AQAB"] {
        for name in ["HS256", "RS256", "PS256", "ES256", "EdDSA"] {
            let header = json!({"alg": name, "kid": "k"}).to_string();
            let payload = person(&json!({})).to_string();
            let signed = format!(
                "{}.{}",
                encode(header.as_bytes()),
                encode(payload.as_bytes())
            );
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = hmac::sign(&secret, signed.as_bytes());
            let token = format!("{signed}.{}", encode(tag.as_ref()));
            let code = outcome(&token, &keys, NOW);
            let refused = ["token_algorithm", "signature_wrong", "key_unknown"];
            assert!(refused.contains(&code), "{name}: {code}");
        }
    }
}

#[test]
fn a_key_serves_only_algorithms_of_its_own_type() {
    let (rsa, ecdsa) = (rsa_key(), ecdsa_key());
    let keys = Keys::with(
        ISSUER,
        &[rsa.jwk("r"), ecdsa.jwk("e")],
        &JwsAlgorithm::ALL,
        NOW,
    );
    let payload = person(&json!({})).to_string();
    for (key, kid, name) in [
        (rsa, "r", "ES256"),
        (rsa, "r", "EdDSA"),
        (rsa, "e", "RS256"),
        (&ecdsa, "e", "RS256"),
        (&ecdsa, "e", "ES384"),
        (&ecdsa, "r", "ES256"),
    ] {
        let header = json!({"alg": name, "kid": kid}).to_string();
        let code = outcome(&key.token(&header, &payload), &keys, NOW);
        assert_eq!(code, "key_unknown", "{name} by {kid}");
    }
    // The right key under another algorithm of its type is a wrong signature.
    let header = json!({"alg": "PS256", "kid": "r"}).to_string();
    assert_eq!(
        outcome(&rsa.token(&header, &payload), &keys, NOW),
        "signature_wrong"
    );
}

#[test]
fn an_algorithm_that_the_issuer_does_not_use_is_refused() {
    let ecdsa = ecdsa_key();
    let keys = Keys::with(ISSUER, &[ecdsa.jwk("k")], &[JwsAlgorithm::Rs256], NOW);
    let token = ecdsa.token_of("k", &person(&json!({})));
    assert_eq!(outcome(&token, &keys, NOW), "token_algorithm");
}

#[test]
fn a_forged_key_id_finds_no_key() {
    let (ours, theirs) = (ecdsa_key(), ecdsa_key());
    let keys = Keys::of(ISSUER, &[ours.jwk("k")]);
    let payload = person(&json!({})).to_string();
    for kid in [
        "",
        "K",
        "k ",
        "../../keys/k",
        "k' OR '1'='1",
        "https://evil.example/jwks",
    ] {
        let token = theirs.token_of(kid, &person(&json!({})));
        assert_eq!(outcome(&token, &keys, NOW), "key_unknown", "{kid}");
    }
    // Under our key's name, it is not our key.
    let token = theirs.token_of("k", &person(&json!({})));
    assert_eq!(outcome(&token, &keys, NOW), "signature_wrong");
    for kid in [
        json!(1),
        json!(["k"]),
        json!({"k": 1}),
        json!(null),
        json!("k".repeat(300)),
    ] {
        let header = json!({"alg": "ES256", "kid": kid}).to_string();
        let code = outcome(&ours.token(&header, &payload), &keys, NOW);
        assert_eq!(code, "token_malformed", "{kid}");
    }
}

#[test]
fn keys_in_the_header_are_not_looked_at() {
    let (ours, theirs) = (ecdsa_key(), ecdsa_key());
    let keys = Keys::of(ISSUER, &[ours.jwk("k")]);
    let header = json!({
        "alg": "ES256", "kid": "k", "jwk": theirs.jwk("k"), "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x5u",
    });
    let payload = person(&json!({})).to_string();
    let forged = theirs.token(&header.to_string(), &payload);
    assert_eq!(outcome(&forged, &keys, NOW), "signature_wrong");
    assert_eq!(
        outcome(&ours.token(&header.to_string(), &payload), &keys, NOW),
        "ok"
    );
}

#[test]
fn a_token_without_key_id_is_tried_with_every_key() {
    let (first, second, other) = (ecdsa_key(), ecdsa_key(), ecdsa_key());
    let keys = Keys::of(
        ISSUER,
        &[first.jwk("1"), rsa_key().jwk("r"), second.jwk("2")],
    );
    let payload = person(&json!({})).to_string();
    let header = r#"{"alg":"ES256"}"#;
    assert_eq!(outcome(&second.token(header, &payload), &keys, NOW), "ok");
    // Perhaps a rotation that is not known yet: whoever keeps the keys should look again.
    assert_eq!(
        outcome(&other.token(header, &payload), &keys, NOW),
        "key_unknown"
    );
}

#[test]
fn keys_rotate_and_stale_ones_are_not_believed() {
    let (old, new) = (ecdsa_key(), ecdsa_key());
    let token = |key: &TestKey, kid| key.token_of(kid, &person(&json!({"exp": NOW + 1_000_000})));
    let before = Keys::of(ISSUER, &[old.jwk("old")]);
    let after = Keys::of(ISSUER, &[new.jwk("new")]);
    assert_eq!(outcome(&token(&old, "old"), &before, NOW), "ok");
    assert_eq!(outcome(&token(&new, "new"), &before, NOW), "key_unknown");
    assert_eq!(outcome(&token(&new, "new"), &after, NOW), "ok");
    assert_eq!(outcome(&token(&old, "old"), &after, NOW), "key_unknown");
    let late = NOW + KEYS_AGE_SECONDS_MAX;
    assert_eq!(outcome(&token(&old, "old"), &before, late), "ok");
    assert_eq!(
        outcome(&token(&old, "old"), &before, late + 1),
        "issuer_keys_unavailable"
    );
    assert_eq!(
        outcome(&token(&old, "old"), &Keys::default(), NOW),
        "issuer_keys_unavailable"
    );
}

#[test]
fn only_what_new_keys_could_change_asks_for_them() {
    let key = ecdsa_key();
    let asked = |keys: &Keys, token: &str| {
        let refused = verify_token(token, &table(), keys, UnixSeconds::new(NOW)).unwrap_err();
        refused.keys_wanted_of().map(str::to_owned)
    };
    let (none, some) = (Keys::default(), Keys::of(ISSUER, &[key.jwk("k")]));
    let right = person(&json!({}));
    let issuer = Some(ISSUER.to_owned());
    assert_eq!(asked(&none, &key.token_of("k", &right)), issuer);
    assert_eq!(asked(&some, &key.token_of("new", &right)), issuer);
    assert_eq!(asked(&some, &ecdsa_key().token_of("k", &right)), None);
    for wrong in [
        json!({"aud": "x"}),
        json!({"exp": 1}),
        json!({"iss": "https://x.example"}),
    ] {
        assert_eq!(
            asked(&none, &key.token_of("k", &person(&wrong))),
            None,
            "{wrong}"
        );
    }
}

#[test]
fn an_address_that_is_not_verified_is_refused() {
    for (verified, wanted) in [
        (json!(true), "ok"),
        (json!("true"), "ok"),
        (json!("True"), "ok"),
        (json!(false), "email_unverified"),
        (json!("false"), "email_unverified"),
        (json!("TRUE"), "email_unverified"),
        (json!(1), "email_unverified"),
        (json!([true]), "email_unverified"),
        (json!(null), "email_unverified"),
    ] {
        let found = outcome_of(rsa_key(), &json!({"email_verified": verified}));
        assert_eq!(found, wanted, "{verified}");
    }
}

#[test]
fn one_url_may_have_sections_for_several_audiences() {
    let section = |audience: &str, preset: &str| -> IssuerSection {
        let text = format!("preset={preset:?}\nurl={ISSUER:?}\naudience={audience:?}");
        let more = if preset == "username" {
            "\nsubject_domain='idp.example'"
        } else {
            ""
        };
        toml::from_str(&format!("{text}{more}")).unwrap()
    };
    let sections = [section("people", "email"), section("machines", "username")];
    let table = IssuerTable::new(&sections, Profile::Production).unwrap();
    let keys = Keys::of(ISSUER, &[rsa_key().jwk("k")]);
    for (aud, name) in [
        ("people", "you@example.com"),
        ("machines", "someone!idp.example"),
    ] {
        let token = rsa_key().token_of("k", &person(&json!({"aud": aud})));
        let verified = verify_token(&token, &table, &keys, UnixSeconds::new(NOW)).unwrap();
        assert_eq!(verified.principal.san.as_str(), name);
    }
    let token = rsa_key().token_of("k", &person(&json!({"aud": "sigstore"})));
    let refused = verify_token(&token, &table, &keys, UnixSeconds::new(NOW)).unwrap_err();
    assert_eq!(refused.code(), "audience_wrong");
}

proptest! {
    /// Whatever character of a right token changes, it is not let in.
    #[test]
    fn no_changed_token_is_let_in(place in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
        static TOKEN: std::sync::OnceLock<(String, Value)> = std::sync::OnceLock::new();
        let (token, jwk) = TOKEN.get_or_init(|| {
            let key = ecdsa_key();
            (key.token_of("k", &person(&json!({}))), key.jwk("k"))
        });
        let place = place.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(place..=place, &with);
        let keys = Keys::of(ISSUER, std::slice::from_ref(jwk));
        prop_assume!(changed != *token);
        prop_assert_ne!(outcome(&changed, &keys, NOW), "ok");
    }

    #[test]
    fn no_text_makes_the_checks_panic(text in "\\PC{0,200}") {
        prop_assert_ne!(outcome(&text, &Keys::default(), NOW), "ok");
    }
}
