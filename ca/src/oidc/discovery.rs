//! An issuer's discovery document (OIDC Discovery 1.0 section 3): where its keys are and
//! which algorithms it signs with.
//!
//! Invariant: a [`Discovery`] names the issuer it was asked of, byte for byte, so that one issuer
//! cannot answer for another; its keys come over TLS, or over the plain HTTP of a loopback issuer.

use serde_json::Value;
use sigstore::canonical_json::{JsonError, JsonLimits, parse_limited};
use thiserror::Error;

use super::algorithm::JwsAlgorithm;
use crate::error::{excerpt, excerpt_of};

/// The longest discovery document that is read. Real ones have a few kilobytes.
pub const DISCOVERY_LEN_BYTES_MAX: usize = 65_536;

/// The path of the document below an issuer's URL.
pub const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 8,
    value_count_max: 4096,
};

/// What is used of a discovery document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Where the issuer's keys are.
    pub jwks_uri: String,
    /// The algorithms that the issuer signs with, as far as they are allowed here.
    pub algorithms: Vec<JwsAlgorithm>,
}

impl Discovery {
    /// Where an issuer's document is.
    #[must_use]
    pub fn url_of(issuer: &str) -> String {
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        format!("{base}{DISCOVERY_PATH}")
    }

    /// Reads the document that was found at [`Discovery::url_of`] an issuer.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`]: too long, not strict JSON, of another issuer, without an acceptable
    /// address for keys, or with algorithms of which none is allowed.
    pub fn parse(bytes: &[u8], issuer: &str) -> Result<Discovery, DiscoveryError> {
        if bytes.len() > DISCOVERY_LEN_BYTES_MAX {
            let (found, max) = (bytes.len(), DISCOVERY_LEN_BYTES_MAX);
            return Err(DiscoveryError::TooLong { found, max });
        }
        let document = parse_limited(bytes, JSON_LIMITS)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let found = text("issuer").unwrap_or_default();
        if found != issuer {
            return Err(DiscoveryError::Issuer {
                found: excerpt(found),
                wanted: issuer.to_owned(),
            });
        }
        let jwks_uri = text("jwks_uri").unwrap_or_default();
        let is_as_safe = issuer.starts_with("http://") && jwks_uri.starts_with("http://");
        let is_address = jwks_uri.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_address || !(jwks_uri.starts_with("https://") || is_as_safe) {
            let found = excerpt(jwks_uri);
            return Err(DiscoveryError::JwksUri { found });
        }
        Ok(Discovery {
            jwks_uri: jwks_uri.to_owned(),
            algorithms: algorithms(document.get("id_token_signing_alg_values_supported"))?,
        })
    }
}

/// An issuer that lists nothing signs with RS256, which every issuer must be able to.
fn algorithms(listed: Option<&Value>) -> Result<Vec<JwsAlgorithm>, DiscoveryError> {
    let listed = listed.and_then(Value::as_array).map_or(&[][..], |all| all);
    if listed.is_empty() {
        return Ok(vec![JwsAlgorithm::Rs256]);
    }
    let names = listed.iter().filter_map(Value::as_str);
    let allowed: Vec<JwsAlgorithm> = names.filter_map(JwsAlgorithm::from_name).collect();
    if allowed.is_empty() {
        let found = excerpt_of(&Value::from(listed));
        return Err(DiscoveryError::Algorithms { found });
    }
    Ok(allowed)
}

/// Why a discovery document was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// More bytes than are read.
    #[error("the discovery document has {found} bytes, at most {max} are read")]
    TooLong {
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not strict JSON within the limits.
    #[error("the discovery document is not usable json: {0}")]
    Json(#[from] JsonError),
    /// The document of another issuer.
    #[error(
        "the discovery document is of the issuer {found}, wanted {wanted:?}: the url in cairn.toml \
         must be the token's `iss` byte for byte, a trailing slash included"
    )]
    Issuer {
        /// What it says.
        found: String,
        /// Who was asked.
        wanted: String,
    },
    /// Keys from nowhere, or from where anybody could change them.
    #[error(
        "the discovery document has the jwks_uri {found}, wanted one that begins with https://"
    )]
    JwksUri {
        /// What it says.
        found: String,
    },
    /// No common algorithm.
    #[error("the issuer signs with {found}, of which none is allowed; RS256 or ES256 would be")]
    Algorithms {
        /// What it lists.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://idp.example/realms/dev";

    fn document(extra: &str) -> String {
        format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"https://idp.example/keys"{extra}}}"#)
    }

    fn parse(text: &str) -> Result<Discovery, DiscoveryError> {
        Discovery::parse(text.as_bytes(), ISSUER)
    }

    #[test]
    fn the_address_has_one_slash() {
        let wanted = "https://idp.example/realms/dev/.well-known/openid-configuration";
        assert_eq!(Discovery::url_of(ISSUER), wanted);
        assert_eq!(Discovery::url_of(&format!("{ISSUER}/")), wanted);
    }

    #[test]
    fn keys_and_algorithms_are_read() {
        let listed = r#","id_token_signing_alg_values_supported":["HS256","ES256","none","PS512"]"#;
        let found = parse(&document(listed)).unwrap();
        assert_eq!(found.jwks_uri, "https://idp.example/keys");
        assert_eq!(found.algorithms, [JwsAlgorithm::Es256, JwsAlgorithm::Ps512]);
    }

    #[test]
    fn an_issuer_that_lists_no_algorithm_signs_with_rs256() {
        for listed in ["", r#","id_token_signing_alg_values_supported":[]"#] {
            let found = parse(&document(listed)).unwrap();
            assert_eq!(found.algorithms, [JwsAlgorithm::Rs256]);
        }
    }

    #[test]
    fn algorithms_without_an_allowed_one_are_refused() {
        let listed = r#","id_token_signing_alg_values_supported":["HS256","none"]"#;
        let refused = parse(&document(listed)).unwrap_err();
        assert!(matches!(refused, DiscoveryError::Algorithms { .. }));
    }

    #[test]
    fn the_document_of_another_issuer_is_refused() {
        for other in [
            "https://idp.example/realms/dev/",
            "https://evil.example",
            "",
        ] {
            let refused = Discovery::parse(document("").as_bytes(), other).unwrap_err();
            assert!(matches!(refused, DiscoveryError::Issuer { .. }), "{other}");
        }
        let refused = parse(r#"{"jwks_uri":"https://idp.example/keys"}"#).unwrap_err();
        assert!(matches!(refused, DiscoveryError::Issuer { .. }));
    }

    #[test]
    fn keys_come_over_tls_unless_the_issuer_is_plain_itself() {
        for bad in [
            "http://idp.example/keys",
            "file:///etc/passwd",
            "",
            "https://a b",
        ] {
            let text = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{bad}"}}"#);
            let refused = parse(&text).unwrap_err();
            assert!(matches!(refused, DiscoveryError::JwksUri { .. }), "{bad}");
        }
        let plain = r#"{"issuer":"http://127.0.0.1:1/x","jwks_uri":"http://127.0.0.1:1/keys"}"#;
        let found = Discovery::parse(plain.as_bytes(), "http://127.0.0.1:1/x").unwrap();
        assert_eq!(found.jwks_uri, "http://127.0.0.1:1/keys");
    }

    #[test]
    fn oversized_and_deep_documents_are_refused() {
        let long = document(&format!(
            r#","x":"{}""#,
            "x".repeat(DISCOVERY_LEN_BYTES_MAX)
        ));
        assert!(matches!(parse(&long), Err(DiscoveryError::TooLong { .. })));
        let deep = document(&format!(",\"x\":{}1{}", "[".repeat(40), "]".repeat(40)));
        assert!(matches!(parse(&deep), Err(DiscoveryError::Json(_))));
        assert!(matches!(parse("[]"), Err(DiscoveryError::Issuer { .. })));
    }
}
