//! Getting an ID token: what says to the certificate authority who signs.
//!
//! In this order: the one that was given on the command line or in a file; `SIGSTORE_ID_TOKEN`;
//! what the machine this runs on offers (`ambient`); and last, a person in a browser, here
//! (`browser`) or on another device (`device`). Nothing about a token is verified here, because
//! only the authority can; it is read to be told apart and to say who it is for.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sigstore::UnixSeconds;
use zeroize::Zeroizing;

use crate::clock;
use crate::config::{self, Variable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::http::Http;
use crate::output;

mod ambient;
mod browser;
mod device;
mod provider;

/// Whom tokens are for: every certificate authority of Sigstore goes by this name.
const AUDIENCE: &str = "sigstore";

/// The longest token that is read.
const TOKEN_LEN_BYTES_MAX: usize = 64 * 1024;

/// The options by which a command is told who signs.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Who signs (default: what CI offers, or else you, in a browser)")]
pub(crate) struct TokenArgs {
    /// An ID token; everybody on this machine can see it, so rather use a file or the environment
    #[arg(long, value_name = "JWT", conflicts_with = "identity_token_file")]
    identity_token: Option<String>,
    /// A file with an ID token
    #[arg(long, value_name = "FILE")]
    identity_token_file: Option<PathBuf>,
    /// Log in at this issuer in place of the one that the signing config names
    #[arg(long, value_name = "URL")]
    oidc_issuer: Option<String>,
    /// As whom this program logs in
    #[arg(long, value_name = "NAME", default_value = AUDIENCE)]
    oidc_client_id: String,
    /// Log in with a browser on another device
    #[arg(long)]
    device: bool,
}

/// An ID token. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct IdToken {
    text: Zeroizing<String>,
    /// Whom it is about, for people.
    pub(crate) subject: String,
    expires: Option<UnixSeconds>,
}

impl std::fmt::Debug for IdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdToken(redacted, of {:?})", self.subject)
    }
}

impl IdToken {
    /// Reads a token from `source`.
    pub(crate) fn read(text: &str, source: &str) -> Result<IdToken, Failure> {
        let text = Zeroizing::new(text.trim().to_owned());
        let claims = claims(&text).ok_or_else(|| {
            Failure::new(Exit::Usage, source, "is not an ID token")
                .expected("three parts of base64 with dots between, as an issuer gives it")
        })?;
        let claim = |name| claims.get(name).and_then(Value::as_str);
        let subject = claim("email").or_else(|| claim("sub")).unwrap_or_default();
        let expires = claims.get("exp").and_then(Value::as_u64);
        let token = IdToken {
            subject: subject.to_owned(),
            expires: expires.map(UnixSeconds::new),
            text,
        };
        token.check_expiry(source, clock::now())?;
        Ok(token)
    }

    /// The token itself.
    pub(crate) fn text(&self) -> &Zeroizing<String> {
        &self.text
    }

    fn check_expiry(&self, source: &str, now: UnixSeconds) -> Result<(), Failure> {
        match self.expires {
            Some(expires) if expires <= now => {
                let what = "the ID token has expired";
                let failure = Failure::new(Exit::Usage, source, what).found(output::date(expires));
                Err(failure.fix("get a new one; they last a few minutes"))
            }
            _ => Ok(()),
        }
    }
}

/// What a token says, unverified.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&json).ok()?;
    (parts.next().is_none() && claims.is_object()).then_some(claims)
}

/// Gets a token, from wherever there is one. `issuer` is whom people log in at.
pub(crate) fn obtain(
    args: &TokenArgs,
    issuer: Option<&str>,
    http: &Http,
) -> Result<IdToken, Failure> {
    if let Some(text) = &args.identity_token {
        return IdToken::read(text, "--identity-token");
    }
    if let Some(path) = &args.identity_token_file {
        return from_file(path);
    }
    if let Some(text) = config::read(Variable::IdToken) {
        return IdToken::read(&text, Variable::IdToken.name());
    }
    if let Some(token) = ambient::find(http)? {
        return Ok(token);
    }
    let issuer = args.oidc_issuer.as_deref().or(issuer).ok_or_else(|| {
        Failure::new(Exit::Usage, "cairn", "nobody says who signs")
            .fix("give --identity-token-file FILE, or --oidc-issuer URL to log in")
    })?;
    let provider = provider::Provider::discover(issuer, &args.oidc_client_id, http)?;
    if args.device {
        device::log_in(&provider, http)
    } else {
        browser::log_in(&provider, http)
    }
}

fn from_file(path: &std::path::Path) -> Result<IdToken, Failure> {
    let source = path.display().to_string();
    let bytes = Zeroizing::new(files::read(path, TOKEN_LEN_BYTES_MAX)?);
    IdToken::read(str::from_utf8(&bytes).unwrap_or_default(), &source)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln\n", part(&json!({"alg": "none"})), part(claims))
    }

    #[test]
    fn tokens_say_whom_they_are_about_and_show_nothing_else() {
        let claims = json!({"sub": "1", "email": "ada@example.com", "exp": 4_000_000_000_u64});
        let read = IdToken::read(&token(&claims), "here").unwrap();
        assert_eq!(read.subject, "ada@example.com");
        let debug = format!("{read:?}");
        assert_eq!(debug, "IdToken(redacted, of \"ada@example.com\")");
        assert!(!read.text().ends_with('\n'));
        let read = IdToken::read(&token(&json!({"sub": "repo:a"})), "here").unwrap();
        assert_eq!(read.subject, "repo:a");
    }

    #[test]
    fn an_expired_token_and_what_is_none_are_named() {
        let failure = IdToken::read(&token(&json!({"sub": "1", "exp": 7})), "CI").unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("CI: the ID token has expired"), "{text}");
        assert!(text.contains("1970-01-01T00:00:07Z"), "{text}");
        for wrong in ["", "a.b", "a.b.c", "a.W10.c", "a.e30.c.d"] {
            let read = IdToken::read(wrong, "x");
            assert_eq!(read.unwrap_err().exit(), Exit::Usage, "{wrong}");
        }
    }
}
