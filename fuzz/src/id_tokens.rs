//! What comes from issuers and from those who carry their tokens, and templates of claims.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ca::identity::template::{
    RENDERED_LEN_BYTES_MAX, TEMPLATE_LEN_BYTES_MAX, Template, TemplateError, Values,
};
use ca::oidc::key_set::KEY_COUNT_MAX;
use ca::oidc::{Claims, Discovery, IssuerKeys, JwsAlgorithm, KeySet, Token};
use ca::{IssuerSection, IssuerTable, KeySets, Preset, Profile, verify_token};
use serde_json::Value;
use sigstore::UnixSeconds;

/// Right tokens and their keys, which are all that may be accepted.
const TOKENS: &str = include_str!("../../ca/testdata/tokens.json");
const ISSUER: &str = "https://idp.example";
/// Within the time of the right tokens.
const NOW: UnixSeconds = UnixSeconds::new(1_999_999_000);

/// ID tokens: [`verify_token`]. Only what was signed is accepted.
#[must_use]
pub fn id_token(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let known = known();
    let verified = match verify_token(text, &known.issuers, &known.keys, NOW) {
        Ok(verified) => verified,
        Err(refusal) => {
            assert!(!refusal.code().is_empty() && !refusal.caller_text().is_empty());
            return false;
        }
    };
    assert_eq!(verified.principal.san.as_str(), "you@example.com");
    let (signed, _) = text.rsplit_once('.').expect("it has a signature");
    assert!(known.signed.iter().any(|one| one == signed), "forged");
    assert!(Token::parse(text).is_ok());
    true
}

/// JWK Sets: [`KeySet::parse`].
#[must_use]
pub fn key_set(bytes: &[u8]) -> bool {
    let Ok(keys) = KeySet::parse(bytes) else {
        return false;
    };
    assert!(keys.key_count() > 0, "a set without keys is refused");
    assert!(keys.key_count() + keys.left_out().len() <= KEY_COUNT_MAX);
    true
}

/// Discovery documents: [`Discovery::parse`].
#[must_use]
pub fn discovery(bytes: &[u8]) -> bool {
    let Ok(found) = Discovery::parse(bytes, ISSUER) else {
        return false;
    };
    assert!(found.jwks_uri.starts_with("https://"));
    assert!(!found.algorithms.is_empty());
    assert!(Discovery::parse(bytes, "https://other.example").is_err());
    true
}

/// Templates of claims: [`Template::parse`], and rendering what was accepted.
#[must_use]
pub fn claim_template(bytes: &[u8]) -> bool {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(template) = Template::parse(source) else {
        return false;
    };
    let written = template.to_string();
    match Template::parse(&written) {
        Ok(again) => assert_eq!(again, template, "one template has one form"),
        // With its spaces and `else`, it may be longer than what is read.
        Err(TemplateError::TooLong { .. }) => assert!(written.len() > TEMPLATE_LEN_BYTES_MAX),
        Err(error) => unreachable!("{written} is refused: {error}"),
    }
    let claims = br#"{"ref":"main","ref_type":"branch","url":"https://x","n":1,"list":[1]}"#;
    let claims = Claims::parse(claims).expect("these are claims");
    let defaults = BTreeMap::from([("a".to_owned(), "b".repeat(100))]);
    let values = Values {
        claims: &claims,
        defaults: &defaults,
    };
    let (loose, strict) = (
        template.render(values),
        template.render_without_gaps(values),
    );
    if let Ok(text) = &loose {
        assert!(text.len() <= RENDERED_LEN_BYTES_MAX);
    }
    assert!(
        strict.is_err() || strict == loose,
        "without gaps it is the same text"
    );
    true
}

struct Known {
    issuers: IssuerTable,
    keys: OneIssuer,
    signed: Vec<String>,
}

struct OneIssuer(Arc<IssuerKeys>);

impl KeySets for OneIssuer {
    fn issuer_keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        (issuer == ISSUER).then(|| Arc::clone(&self.0))
    }
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let data: Value = serde_json::from_str(TOKENS).expect("the file is JSON");
        let keys = data.get("key_set").expect("it has keys").to_string();
        let tokens = data.get("tokens").and_then(Value::as_object);
        let tokens = tokens.expect("it has tokens").values();
        let signed = tokens.filter_map(|token| Some(token.as_str()?.rsplit_once('.')?.0));
        let mut section = IssuerSection::new(Preset::Email);
        section.url = Some(ISSUER.to_owned());
        Known {
            issuers: IssuerTable::new(&[section], Profile::Production).expect("it is right"),
            keys: OneIssuer(Arc::new(IssuerKeys {
                algorithms: JwsAlgorithm::ALL.to_vec(),
                key_set: KeySet::parse(keys.as_bytes()).expect("the keys are right"),
                read_at: NOW,
            })),
            signed: signed.map(str::to_owned).collect(),
        }
    })
}
