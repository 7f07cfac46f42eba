//! The issuers as a client and the CA meet them.

use ca::oidc::{Discovery, KeySets};
use ca::{IssuerTable, Profile, verify_token};
use serde_json::Value;

use super::*;

const URL: &str = "http://127.0.0.1:3000";
const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn issuers() -> DevIssuers {
    let key = DevKey::from_pkcs8_der(&DevKey::generate().unwrap()).unwrap();
    DevIssuers::new(URL, key).unwrap()
}

struct InProcess<'a>(&'a DevIssuers);

impl KeySets for InProcess<'_> {
    fn issuer_keys(&self, issuer: &str) -> Option<Arc<IssuerKeys>> {
        self.0.issuer_keys(issuer, NOW)
    }
}

fn wanted(preset: Preset, identity: &str) -> Wanted<'_> {
    Wanted {
        preset,
        identity,
        audience: AUDIENCE,
        nonce: None,
    }
}

#[test]
fn the_ca_takes_a_token_of_every_preset() {
    let issuers = issuers();
    let table = IssuerTable::new(&issuer_sections(URL), Profile::Dev).unwrap();
    for preset in presets() {
        let identity = claims::example(preset);
        let token = issuers.mint(wanted(preset, identity), NOW).unwrap();
        let verified = verify_token(&token, &table, &InProcess(&issuers), NOW)
            .unwrap_or_else(|refusal| panic!("{preset}: {refusal}"));
        assert_eq!(verified.issuer.preset(), preset);
        let san = verified.principal.san.as_str().to_owned();
        assert!(
            identity.contains('/') || san.starts_with(identity),
            "{preset}: {san}"
        );
    }
}

#[test]
fn an_email_token_names_the_address() {
    let issuers = issuers();
    let table = IssuerTable::new(&issuer_sections(URL), Profile::Dev).unwrap();
    let token = issuers
        .mint(wanted(Preset::Email, "ada@example.org"), NOW)
        .unwrap();
    let verified = verify_token(&token, &table, &InProcess(&issuers), NOW).unwrap();
    assert_eq!(verified.principal.san.as_str(), "ada@example.org");
    let later = NOW.plus_seconds(TOKEN_LIFETIME_SECONDS);
    let refusal = verify_token(&token, &table, &InProcess(&issuers), later).unwrap_err();
    assert_eq!(refusal.code(), "token_expired");
}

#[test]
fn a_wrong_identity_is_refused_with_an_example() {
    let issuers = issuers();
    for (preset, identity) in [
        (Preset::Email, "ada"),
        (Preset::Email, ""),
        (Preset::Github, "acme/app"),
        (Preset::Uri, "https://dev.example.evil.test/ada"),
        (Preset::Spiffe, "spiffe://other.example/workload"),
        (Preset::Kubernetes, "a/b/c"),
        (Preset::Username, "ada!dev.example"),
    ] {
        let error = issuers.mint(wanted(preset, identity), NOW).unwrap_err();
        assert_eq!(error.example, claims::example(preset), "{identity}");
    }
}

#[test]
fn discovery_is_what_the_ca_reads() {
    let issuers = issuers();
    for preset in presets() {
        let issuer = issuers.issuer_url(preset);
        let document = issuers.discovery(preset).to_string();
        let discovery = Discovery::parse(document.as_bytes(), &issuer).unwrap();
        assert_eq!(discovery.jwks_uri, format!("{issuer}/jwks"));
        assert_eq!(discovery.algorithms, [JwsAlgorithm::Rs256]);
    }
}

#[test]
fn keys_are_handed_out_for_these_issuers_only() {
    let issuers = issuers();
    let has_keys = |issuer: &str| issuers.issuer_keys(issuer, NOW).is_some();
    assert!(has_keys("http://127.0.0.1:3000/dev/oidc/email"));
    for other in [
        "http://127.0.0.1:3001/dev/oidc/email",
        "http://127.0.0.1:3000/dev/oidc/template",
        "http://127.0.0.1:3000/dev/oidc/",
        "http://127.0.0.1:3000",
    ] {
        assert!(!has_keys(other), "{other}");
    }
}

#[test]
fn a_code_is_good_once_and_for_who_has_the_verifier() {
    let mut grants = Grants::default();
    // RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let asked = grants::Asked {
        preset: Preset::Email,
        audience: AUDIENCE.to_owned(),
        nonce: None,
        challenge: Some(challenge.to_owned()),
        redirect_uri: None,
    };
    let code = grants
        .authorize(asked, "ada@example.org".to_owned(), NOW)
        .unwrap();
    let grant = grants.take_code(&code, NOW).unwrap();
    assert!(grant.asked.is_met_by(Some(verifier)));
    assert!(!grant.asked.is_met_by(Some(challenge)));
    assert!(!grant.asked.is_met_by(None));
    assert!(grants.take_code(&code, NOW).is_none());
}

#[test]
fn codes_expire_and_are_so_many_at_most() {
    let asked = || grants::Asked {
        preset: Preset::Email,
        audience: AUDIENCE.to_owned(),
        nonce: None,
        challenge: None,
        redirect_uri: None,
    };
    let mut grants = Grants::default();
    let codes: Vec<String> = (0..300)
        .map(|second| {
            let now = NOW.plus_seconds(second);
            grants
                .authorize(asked(), "ada@example.org".to_owned(), now)
                .unwrap()
        })
        .collect();
    let now = NOW.plus_seconds(300);
    assert!(grants.take_code(&codes[0], now).is_none());
    assert!(grants.take_code(&codes[299], now).is_some());
    let later = NOW.plus_seconds(298 + grants::GRANT_LIFETIME_SECONDS + 1);
    assert!(grants.take_code(&codes[298], later).is_none());
}

#[test]
fn a_token_has_the_nonce_and_the_audience_that_were_asked_for() {
    use base64::Engine as _;
    let wanted = Wanted {
        audience: "other",
        nonce: Some("n-0S6_WzA2Mj"),
        ..wanted(Preset::Email, "ada@example.org")
    };
    let token = issuers().mint(wanted, NOW).unwrap();
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["aud"], "other");
    assert_eq!(claims["nonce"], "n-0S6_WzA2Mj");
    assert_eq!(claims["iss"], "http://127.0.0.1:3000/dev/oidc/email");
}
