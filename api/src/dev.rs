//! The dev profile's own OIDC issuers, so that the first signature needs nothing else.
//!
//! There is one issuer for each preset of the CA's issuer table, at `/dev/oidc/<preset>`, and every
//! one gives anybody any identity of its kind: for trying things out and for tests, on loopback and
//! nowhere else. Each page and each line of the log says so. They are real issuers all the same:
//! discovery, RS256 and a key set; authorization code with PKCE; the device flow; and a token
//! endpoint that needs no browser.
//!
//! Invariant: an issuer signs only for itself: `iss` is the issuer that was asked.

mod claims;
mod form;
mod grants;
mod key;
mod page;
mod routes;
mod token;

use std::fmt;
use std::sync::{Arc, Mutex};

use ca::Preset;
use ca::issuers::IssuerSection;
use ca::oidc::{IssuerKeys, JwsAlgorithm, KeySet};
use serde_json::{Value, json};
use sigstore::UnixSeconds;

pub(crate) use claims::IdentityError;
use claims::identity_claims;
#[cfg(feature = "testing")]
pub(crate) use form::Form;
use grants::Grants;
pub(crate) use key::{DevKey, DevKeyError};
pub(crate) use routes::{DevPath, answer, locate};

/// The path of the issuers, each under its preset's name.
pub(crate) const PATH: &str = "dev/oidc";

/// The key of the issuers within the data directory.
pub(crate) const KEY_FILE: &str = "keys/dev-oidc.pem";

/// Whom tokens are for if nobody says: what every Sigstore client asks for.
pub(crate) const AUDIENCE: &str = "sigstore";

/// How long a token may be used: long enough for a person who was interrupted.
const TOKEN_LIFETIME_SECONDS: u64 = 600;

/// A token is dated back by this, because clients compare `iat` with clocks of their own.
const ISSUED_EARLIER_SECONDS: u64 = 5;

/// Presets that have an issuer here. A template is an operator's own, so there is none for it.
pub(crate) fn presets() -> impl Iterator<Item = Preset> {
    let all = Preset::ALL.into_iter();
    all.filter(|preset| *preset != Preset::Template)
}

/// All issuers of the dev profile. They share a key: what tells their tokens apart is `iss`.
pub(crate) struct DevIssuers {
    /// The public URL of the server, without a slash at its end.
    url: String,
    key: DevKey,
    key_set: KeySet,
    grants: Mutex<Grants>,
}

impl fmt::Debug for DevIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevIssuers")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What a token is to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) preset: Preset,
    /// In the form that the preset's identities have.
    pub(crate) identity: &'a str,
    pub(crate) audience: &'a str,
    /// Given back to the client that sent it.
    pub(crate) nonce: Option<&'a str>,
}

impl DevIssuers {
    /// Issuers below `url`, which sign with `key`.
    ///
    /// # Errors
    /// If the CA could not use the key.
    pub(crate) fn new(url: &str, key: DevKey) -> Result<DevIssuers, DevKeyError> {
        let key_set = KeySet::parse(key.jwks().to_string().as_bytes())?;
        Ok(DevIssuers {
            url: url.to_owned(),
            key,
            key_set,
            grants: Mutex::default(),
        })
    }

    /// The issuer of that preset.
    pub(crate) fn issuer_url(&self, preset: Preset) -> String {
        issuer_url(&self.url, preset)
    }

    /// Signs a token for any identity of the preset.
    ///
    /// # Errors
    /// If the identity is not of the form that the preset's have.
    pub(crate) fn mint(
        &self,
        wanted: Wanted<'_>,
        now: UnixSeconds,
    ) -> Result<String, IdentityError> {
        let mut claims = identity_claims(wanted.preset, wanted.identity)?;
        let issued = now.get().saturating_sub(ISSUED_EARLIER_SECONDS);
        let expires = now.plus_seconds(TOKEN_LIFETIME_SECONDS).get();
        claims.extend([
            (
                "iss".to_owned(),
                Value::from(self.issuer_url(wanted.preset)),
            ),
            ("aud".to_owned(), Value::from(wanted.audience)),
            ("iat".to_owned(), Value::from(issued)),
            ("nbf".to_owned(), Value::from(issued)),
            ("exp".to_owned(), Value::from(expires)),
        ]);
        if let Some(nonce) = wanted.nonce {
            claims.insert("nonce".to_owned(), Value::from(nonce));
        }
        Ok(self.key.sign_token(&Value::from(claims)))
    }

    /// The keys of one of these issuers, handed to the CA in process: nothing is fetched.
    pub(crate) fn issuer_keys(&self, issuer: &str, now: UnixSeconds) -> Option<Arc<IssuerKeys>> {
        let name = issuer.strip_prefix(&self.url)?.strip_prefix('/')?;
        let preset = name.strip_prefix(PATH)?.strip_prefix('/')?;
        Preset::from_name(preset).filter(|preset| *preset != Preset::Template)?;
        Some(Arc::new(IssuerKeys {
            algorithms: vec![JwsAlgorithm::Rs256],
            key_set: self.key_set.clone(),
            read_at: now,
        }))
    }

    /// The discovery document of one issuer.
    fn discovery(&self, preset: Preset) -> Value {
        let issuer = self.issuer_url(preset);
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "device_authorization_endpoint": format!("{issuer}/device/code"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": grants::GRANT_TYPES,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email"],
            "token_endpoint_auth_methods_supported": [
                "none", "client_secret_basic", "client_secret_post",
            ],
        })
    }
}

/// The issuer of that preset on the server at `url`.
pub(crate) fn issuer_url(url: &str, preset: Preset) -> String {
    format!("{url}/{PATH}/{}", preset.name())
}

/// The CA's settings for the issuers of the server at `url`.
pub(crate) fn issuer_sections(url: &str) -> Vec<IssuerSection> {
    presets()
        .map(|preset| issuer_section(url, preset))
        .collect()
}

/// The domain of every identity here that has one: reserved, so that it is nobody's.
const DOMAIN: &str = "dev.example";

fn issuer_section(url: &str, preset: Preset) -> IssuerSection {
    let mut section = IssuerSection::new(preset);
    section.url = Some(issuer_url(url, preset));
    match preset {
        Preset::GithubEnterprise => section.web_url = Some(format!("https://github.{DOMAIN}")),
        Preset::Gitlab => section.web_url = Some("https://gitlab.com".to_owned()),
        Preset::Username => section.subject_domain = Some(DOMAIN.to_owned()),
        Preset::Uri => section.subject_domain = Some(format!("https://{DOMAIN}")),
        Preset::Spiffe => section.trust_domain = Some(DOMAIN.to_owned()),
        _ => {}
    }
    section
}

#[cfg(test)]
mod tests;
