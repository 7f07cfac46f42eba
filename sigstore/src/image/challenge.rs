//! How a registry asks who is there: the header `WWW-Authenticate`.
//!
//! Only what a client of a registry can answer is read: `Basic`, with a name and a password, and
//! `Bearer`, with a token of the service that `realm` names.
//!
//! Spec: RFC 9110 section 11.6.1; the token authentication of Docker's registry.

use thiserror::Error;

use crate::canonical_json::excerpt;

/// What a registry wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A name and a password.
    Basic,
    /// A token.
    Bearer {
        /// The URL of the service that gives tokens.
        realm: String,
        /// What that service calls the registry.
        service: Option<String>,
    },
}

/// Longer headers are no registry's.
const LEN_BYTES_MAX: usize = 4096;

impl Challenge {
    /// Reads the first challenge of a header.
    ///
    /// # Errors
    ///
    /// [`ChallengeError`]: another scheme, no realm, or not a header of this form.
    pub fn parse(header: &str) -> Result<Challenge, ChallengeError> {
        if header.len() > LEN_BYTES_MAX {
            return Err(ChallengeError::Form);
        }
        let header = header.trim();
        let (scheme, mut rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            let found = excerpt(scheme);
            return Err(ChallengeError::Scheme { found });
        }
        let (mut realm, mut service) = (None, None);
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let Some((name, value, after)) = parameter(rest)? else {
                break;
            };
            let place = match name.to_ascii_lowercase().as_str() {
                "realm" => Some(&mut realm),
                "service" => Some(&mut service),
                _ => None,
            };
            if let Some(place) = place
                && place.replace(value).is_some()
            {
                return Err(ChallengeError::Form);
            }
            rest = after;
        }
        let realm = realm.filter(|realm| !realm.is_empty());
        let realm = realm.ok_or(ChallengeError::Realm)?;
        Ok(Challenge::Bearer { realm, service })
    }
}

/// Reads `NAME=VALUE`, and says what comes after it. `None` at the end, or before the next
/// challenge.
fn parameter(text: &str) -> Result<Option<(&str, String, &str)>, ChallengeError> {
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(rest) = rest.strip_prefix('=') else {
        // A scheme stands alone: another challenge begins.
        let is_next = !name.is_empty() && (rest.is_empty() || rest.starts_with([' ', ',']));
        if text.is_empty() || is_next {
            return Ok(None);
        }
        return Err(ChallengeError::Form);
    };
    let (value, after) = if let Some(quoted) = rest.strip_prefix('"') {
        quoted_string(quoted)?
    } else {
        let end = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
        let (value, after) = rest.split_at(end);
        (value.to_owned(), after)
    };
    let separated = after.is_empty() || after.starts_with([' ', '\t', ',']);
    if name.is_empty() || !separated {
        return Err(ChallengeError::Form);
    }
    Ok(Some((name, value, after)))
}

/// Reads up to the closing quote.
fn quoted_string(text: &str) -> Result<(String, &str), ChallengeError> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Ok((value, text.get(at.saturating_add(1)..).unwrap_or_default())),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c if c.is_control() => return Err(ChallengeError::Form),
            c => value.push(c),
        }
    }
    Err(ChallengeError::Form)
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// Why a header asks for nothing that can be given.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChallengeError {
    /// Not a list of parameters, or one parameter twice.
    #[error("not a header WWW-Authenticate: wanted SCHEME NAME=\"VALUE\", ...")]
    Form,
    /// A scheme that no registry has.
    #[error("asks for authentication by {found}, wanted Basic or Bearer")]
    Scheme {
        /// The scheme, quoted.
        found: String,
    },
    /// A token is wanted, and nothing says where there are any.
    #[error("asks for a token, but has no realm that says where to get one")]
    Realm,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_where_tokens_are() {
        let bearer = |realm: &str, service: Option<&str>| {
            Ok(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            })
        };
        for (header, wanted) in [
            (
                r#"Bearer realm="https://a.example/token",service="reg",scope="repository:a:pull""#,
                bearer("https://a.example/token", Some("reg")),
            ),
            (
                r#"bearer service=reg , REALM="x""#,
                bearer("x", Some("reg")),
            ),
            (r#"Bearer realm="a\"b""#, bearer("a\"b", None)),
            (r#"Bearer realm="x", Basic realm="y""#, bearer("x", None)),
            ("Basic realm=\"x\"", Ok(Challenge::Basic)),
            ("BASIC", Ok(Challenge::Basic)),
            ("Bearer", Err(ChallengeError::Realm)),
            ("Bearer service=\"x\"", Err(ChallengeError::Realm)),
            ("Bearer realm=\"\"", Err(ChallengeError::Realm)),
            ("Bearer realm=\"x", Err(ChallengeError::Form)),
            ("Bearer realm=\"x\"y", Err(ChallengeError::Form)),
            ("Bearer realm=\"x\",realm=\"y\"", Err(ChallengeError::Form)),
            ("Bearer =x", Err(ChallengeError::Form)),
        ] {
            assert_eq!(Challenge::parse(header), wanted, "{header}");
        }
        let other = Challenge::parse("Negotiate").unwrap_err();
        assert!(other.to_string().contains("\"Negotiate\""), "{other}");
        let long = format!("Bearer realm=\"{}\"", "x".repeat(4096));
        assert_eq!(Challenge::parse(&long), Err(ChallengeError::Form));
    }
}
