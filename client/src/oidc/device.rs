//! Logging in with a browser on another device: this program shows a code and asks until it was
//! typed in there (RFC 8628).

use std::time::Duration;

use serde_json::Value;

use super::IdToken;
use super::provider::Provider;
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::output;

/// How long somebody has, whatever the issuer says.
const SECONDS_MAX: u64 = 600;

/// Between two questions, if the issuer does not say.
const INTERVAL_SECONDS: u64 = 5;

/// Shows a code and waits.
pub(super) fn log_in(provider: &Provider, http: &Http) -> Result<IdToken, Failure> {
    let url = provider.endpoint("device_authorization_endpoint")?;
    let asked = provider.post(url, &[("scope", "openid email")], http)?;
    let json: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let number = |name: &str| json.get(name).and_then(Value::as_u64);
    let (Some(device_code), Some(user_code)) = (text("device_code"), text("user_code")) else {
        return Err(asked.refused(url, "gives no code for a device"));
    };
    let page = text("verification_uri_complete").or_else(|| text("verification_uri"));
    let page = page.unwrap_or_default();
    output::note(format_args!("to log in, open {page} and enter {user_code}"));
    let mut interval = number("interval").unwrap_or(INTERVAL_SECONDS).clamp(1, 60);
    let mut left = number("expires_in").unwrap_or(SECONDS_MAX).min(SECONDS_MAX);
    let token_url = provider.endpoint("token_endpoint")?;
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let fields = [("grant_type", grant), ("device_code", device_code)];
    while left >= interval {
        clock::wait(Duration::from_secs(interval));
        left -= interval;
        let answer = provider.post(token_url, &fields, http)?;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match json.get("error").and_then(Value::as_str) {
            Some("authorization_pending") => {}
            Some("slow_down") => interval += INTERVAL_SECONDS,
            _ => return provider.token(&answer),
        }
    }
    Err(Failure::new(
        Exit::Service,
        &provider.issuer,
        "nobody logged in in time",
    ))
}
