//! Why an ID token gets no certificate.
//!
//! Each [`Refusal`] speaks twice. Its `Display` is for the operator's log: it names the issuer, the
//! rule, what was found and what was wanted. [`Refusal::code`] and [`Refusal::caller_text`] are for
//! the caller: stable words to act on, and of the operator's rules nothing but that they refuse.
//!
//! Invariant: neither has anything that could be used in the token's place. To the operator, claims
//! and names of keys and algorithms are quoted, cut short, where they are what was refused.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// Why a token was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The request carries no token.
    #[error("no token in the request")]
    NoToken,
    /// More bytes than are read.
    #[error("the token has {found} bytes, at most {max} are read")]
    TokenTooLong {
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not a compact JWS with strict JSON in it.
    #[error("malformed {part}: {reason}")]
    Malformed {
        /// Which part of the token.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Signed with something that is never accepted: `none`, a shared secret, or unknown.
    #[error("the token names the algorithm {found:?}, wanted one of RS*, PS*, ES* or EdDSA")]
    Algorithm {
        /// What the header says, cut short.
        found: String,
    },
    /// An algorithm that this issuer does not sign with.
    #[error("{issuer}: the token names {found}, but the issuer's discovery lists {offered}")]
    AlgorithmNotOffered {
        /// The issuer.
        issuer: String,
        /// What the header says.
        found: &'static str,
        /// What the issuer says it uses.
        offered: String,
    },
    /// A token of another kind, such as a logout token.
    #[error("the token is of type {found:?}, wanted JWT or none said")]
    TokenType {
        /// What the header says, cut short.
        found: String,
    },
    /// No configured issuer has this URL.
    #[error("no [[issuer]] has the url {issuer}")]
    UnknownIssuer {
        /// The token's `iss`, quoted and cut short.
        issuer: String,
    },
    /// The token was made for somebody else.
    #[error("{issuer}: the token is for {found}, wanted {wanted:?}")]
    Audience {
        /// The issuer.
        issuer: String,
        /// The token's `aud`, quoted and cut short.
        found: String,
        /// The audience of the issuer's section.
        wanted: String,
    },
    /// Its time is over.
    #[error("{issuer}: the token expired at {expired}, and it is {now} (seconds since 1970)")]
    Expired {
        /// The issuer.
        issuer: String,
        /// The token's `exp`.
        expired: u64,
        /// When it was checked.
        now: u64,
    },
    /// Its time has not come.
    #[error("{issuer}: the token is valid from {begins}, and it is {now} (seconds since 1970)")]
    NotYetValid {
        /// The issuer.
        issuer: String,
        /// The token's `nbf`.
        begins: u64,
        /// When it was checked.
        now: u64,
    },
    /// The issuer's keys were never read. Reading them and trying once more may help.
    #[error("{issuer}: its keys have not been read; can it be reached?")]
    NoKeys {
        /// The issuer.
        issuer: String,
    },
    /// The issuer's keys were read so long ago that it may have withdrawn some.
    #[error("{issuer}: its keys were read {age_seconds} s ago, at most {max} s are trusted")]
    StaleKeys {
        /// The issuer.
        issuer: String,
        /// How long ago.
        age_seconds: u64,
        /// The limit.
        max: u64,
    },
    /// No known key fits the token. The issuer may have a new one: reading its keys and trying
    /// once more may help.
    #[error("{issuer}: no key {kid} for {algorithm} among its keys")]
    UnknownKey {
        /// The issuer.
        issuer: String,
        /// The key that the token names, quoted and cut short.
        kid: String,
        /// The algorithm that the token names.
        algorithm: &'static str,
    },
    /// The key that the token names did not sign it.
    #[error("{issuer}: the signature is not by the key {kid}")]
    Signature {
        /// The issuer.
        issuer: String,
        /// The key that the token names, quoted and cut short.
        kid: String,
    },
    /// A claim is not there.
    #[error("{issuer}: the token has no claim {claim}")]
    ClaimMissing {
        /// The issuer.
        issuer: String,
        /// Which.
        claim: String,
    },
    /// A claim is there and cannot be used.
    #[error("{issuer}: the claim {claim} is {found}, wanted {wanted}")]
    ClaimInvalid {
        /// The issuer.
        issuer: String,
        /// Which.
        claim: String,
        /// What it is, quoted and cut short.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// The issuer does not vouch for the address.
    #[error(
        "{issuer}: `email_verified` is {found}, wanted true; an issuer that never sends it needs \
         `skip_email_verification = true`"
    )]
    EmailUnverified {
        /// The issuer.
        issuer: String,
        /// What it is.
        found: String,
    },
    /// No allow rule lets this token in.
    #[error("{issuer}: no allow rule lets it in: {rules}")]
    NotAllowed {
        /// The issuer.
        issuer: String,
        /// Each rule with the first claim that failed it.
        rules: String,
    },
}

impl Refusal {
    /// A stable name for the reason, for callers and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NoToken => "token_missing",
            Refusal::TokenTooLong { .. } => "token_too_long",
            Refusal::Malformed { .. } => "token_malformed",
            Refusal::Algorithm { .. } | Refusal::AlgorithmNotOffered { .. } => "token_algorithm",
            Refusal::TokenType { .. } => "token_type",
            Refusal::UnknownIssuer { .. } => "issuer_unknown",
            Refusal::Audience { .. } => "audience_wrong",
            Refusal::Expired { .. } => "token_expired",
            Refusal::NotYetValid { .. } => "token_not_yet_valid",
            Refusal::NoKeys { .. } | Refusal::StaleKeys { .. } => "issuer_keys_unavailable",
            Refusal::UnknownKey { .. } => "key_unknown",
            Refusal::Signature { .. } => "signature_wrong",
            Refusal::ClaimMissing { .. } => "claim_missing",
            Refusal::ClaimInvalid { .. } => "claim_invalid",
            Refusal::EmailUnverified { .. } => "email_unverified",
            Refusal::NotAllowed { .. } => "not_allowed",
        }
    }

    /// What the caller may know, as a sentence without the code.
    #[must_use]
    pub fn caller_text(&self) -> String {
        let text = match self {
            Refusal::NoToken => "the request has no identity token",
            Refusal::TokenTooLong { .. } => "the identity token is too long",
            Refusal::Malformed { .. } => "the identity token is not a well-formed signed JWT",
            Refusal::Algorithm { .. } | Refusal::AlgorithmNotOffered { .. } => {
                "the identity token is signed with an algorithm that is not accepted"
            }
            Refusal::TokenType { .. } => "the token is of a kind that states no identity",
            Refusal::UnknownIssuer { .. } => {
                "this server does not know the issuer of the identity token"
            }
            Refusal::Audience { wanted, .. } => {
                return format!(
                    "the identity token is meant for somebody else: ask its issuer for one with \
                     the audience {wanted}"
                );
            }
            Refusal::Expired { .. } => "the identity token has expired: get a new one",
            Refusal::NotYetValid { .. } => {
                "the identity token is not valid yet: compare the clocks"
            }
            Refusal::NoKeys { .. } | Refusal::StaleKeys { .. } => {
                "the keys of the issuer are not known at the moment: try again"
            }
            Refusal::UnknownKey { .. } => "no key of the issuer fits the identity token",
            Refusal::Signature { .. } => "the signature of the identity token is wrong",
            Refusal::ClaimMissing { claim, .. } => {
                return format!("the identity token lacks the claim {claim}");
            }
            Refusal::ClaimInvalid { claim, .. } => {
                return format!("the identity token's claim {claim} cannot be used");
            }
            Refusal::EmailUnverified { .. } => {
                "the issuer does not say that the email address is verified"
            }
            Refusal::NotAllowed { .. } => "this identity may not get certificates here",
        };
        text.to_owned()
    }

    /// The issuer whose keys should be read again before the token is given up, if that can help.
    #[must_use]
    pub fn keys_wanted_of(&self) -> Option<&str> {
        match self {
            Refusal::NoKeys { issuer }
            | Refusal::StaleKeys { issuer, .. }
            | Refusal::UnknownKey { issuer, .. } => Some(issuer),
            _ => None,
        }
    }
}

/// Quotes outside text for an operator: control characters escaped, long text cut.
pub(crate) fn excerpt(text: &str) -> String {
    let (head, cut) = head_of(text);
    format!("\"{}\"{cut}", head.escape_debug())
}

/// Quotes a claim for an operator: text as text, anything else as the JSON it is.
pub(crate) fn excerpt_of(value: &Value) -> String {
    if let Value::String(text) = value {
        return excerpt(text);
    }
    let json = value.to_string();
    let (head, cut) = head_of(&json);
    let visible = |c: char| if c.is_control() { '?' } else { c };
    head.chars().map(visible).chain(cut.chars()).collect()
}

/// As much of a text as a line of a log has room for, and what to write for the rest.
fn head_of(text: &str) -> (&str, &'static str) {
    const CHARS_MAX: usize = 80;
    let end = text.char_indices().nth(CHARS_MAX).map(|(end, _)| end);
    let head = end.and_then(|end| text.get(..end));
    head.map_or((text, ""), |head| (head, "..."))
}

/// Writes several things one after another.
pub(crate) fn joined<T: fmt::Display>(things: &[T], separator: &str) -> String {
    let texts: Vec<String> = things.iter().map(ToString::to_string).collect();
    texts.join(separator)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outside_text_is_quoted_and_cut() {
        assert_eq!(excerpt("a\n\"b\""), r#""a\n\"b\"""#);
        assert_eq!(
            excerpt(&"\u{fc}".repeat(81)),
            format!("\"{}\"...", "\u{fc}".repeat(80))
        );
        assert_eq!(excerpt_of(&json!("x")), "\"x\"");
        assert_eq!(excerpt_of(&json!(["x", 1, "\u{7f}"])), r#"["x",1,"?"]"#);
        assert_eq!(excerpt_of(&json!(null)), "null");
        assert!(excerpt_of(&json!(vec![1; 100])).ends_with("..."));
    }

    #[test]
    fn callers_hear_nothing_of_the_rules() {
        let issuer = || "https://idp.example".to_owned();
        let refusal = Refusal::NotAllowed {
            issuer: issuer(),
            rules: "rule 1: owner is \"evil\", wanted \"secret-project\"".to_owned(),
        };
        assert!(refusal.to_string().contains("secret-project"));
        assert!(!refusal.caller_text().contains("secret-project"));
        let refusal = Refusal::ClaimInvalid {
            issuer: issuer(),
            claim: "sub".to_owned(),
            found: "\"x\"".to_owned(),
            wanted: "a URI that begins with https://secret.example".to_owned(),
        };
        assert!(!refusal.caller_text().contains("secret.example"));
    }
}
