//! The routes of one dev issuer, below `/dev/oidc/<preset>/`.
//!
//! | method | path | what |
//! |---|---|---|
//! | GET | `.well-known/openid-configuration`, `jwks` | discovery and keys |
//! | GET, POST | `authorize` | the sign-in page; the code goes to the client's redirect URI |
//! | POST | `device/code` | begins the device flow |
//! | GET, POST | `device` | the page on which the owner of a device signs in |
//! | POST | `token` | a code, a device code, or any identity as `username`, for a token |
//!
//! A page of another site can make a browser ask all of this, so no answer may be read across
//! origins, the host must be the server's own (a name that somebody points at loopback is not), and
//! codes are sent to loopback only.

use axum::response::Response;
use ca::Preset;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use sigstore::UnixSeconds;

use super::form::Form;
use super::grants::{Asked as AskedGrant, DeviceCodes, GRANT_LIFETIME_SECONDS};
use super::{AUDIENCE, DevIssuers, IdentityError, Wanted, page, token};
use crate::answer::answer as answered;
use crate::error::Refusal;
use crate::route::{Asked, Service};
use crate::wall_clock;

/// Bytes of a form.
const FORM_LEN_BYTES_MAX: usize = 16 << 10;

/// Seconds between two questions of a device.
const POLL_INTERVAL_SECONDS: u64 = 1;

/// One of the issuers and what is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DevPath {
    preset: Preset,
    resource: Resource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Discovery,
    Keys,
    Authorize,
    DeviceCode,
    Device,
    Token,
}

/// What the rest of a path below [`super::PATH`] means.
pub(crate) fn locate(rest: &str) -> Option<DevPath> {
    let (preset, rest) = rest.split_once('/')?;
    let preset = super::presets().find(|known| known.name() == preset)?;
    let resource = match rest {
        ".well-known/openid-configuration" => Resource::Discovery,
        "jwks" => Resource::Keys,
        "authorize" => Resource::Authorize,
        "device/code" => Resource::DeviceCode,
        "device" => Resource::Device,
        "token" => Resource::Token,
        _ => return None,
    };
    Some(DevPath { preset, resource })
}

impl DevPath {
    pub(crate) fn allow(self) -> &'static str {
        match self.resource {
            Resource::Discovery | Resource::Keys => "GET, HEAD",
            Resource::Authorize | Resource::Device => "GET, HEAD, POST",
            Resource::DeviceCode | Resource::Token => "POST",
        }
    }
}

/// Answers a request for one of the issuers.
pub(crate) async fn answer(
    service: &Service,
    issuers: &DevIssuers,
    path: DevPath,
    asked: Asked,
) -> Result<Response, Refusal> {
    let posted = *asked.request.method() == Method::POST;
    let query = Form::parse(asked.request.uri().query().unwrap_or_default().as_bytes());
    let form = if posted {
        read_form(service, asked).await?
    } else {
        Form::default()
    };
    let now = wall_clock::seconds();
    let preset = path.preset;
    match path.resource {
        Resource::Discovery => Ok(json_answer(&issuers.discovery(preset))),
        Resource::Keys => Ok(json_answer(&issuers.key.jwks())),
        Resource::Authorize if posted => authorize(issuers, preset, &form, now),
        Resource::Authorize => sign_in(issuers, preset, &query),
        Resource::DeviceCode => device_code(issuers, preset, &form, now),
        Resource::Device if posted => grant_device(issuers, preset, &form, now),
        Resource::Device => {
            let action = format!("{}/device", issuers.issuer_url(preset));
            let code = query.text("user_code").unwrap_or_default();
            Ok(page_answer(page::device(preset, &action, code)))
        }
        Resource::Token => token::answer(issuers, preset, &form, now),
    }
}

async fn read_form(service: &Service, asked: Asked) -> Result<Form, Refusal> {
    let max = FORM_LEN_BYTES_MAX;
    let asked = asked.read(service, max, Refusal::BodyTooLarge { max });
    Ok(Form::parse(asked.await?.body.bytes()))
}

/// The sign-in page, with all that the client asked for in it.
fn sign_in(issuers: &DevIssuers, preset: Preset, query: &Form) -> Result<Response, Refusal> {
    asked_code(preset, query)?;
    let action = format!("{}/authorize", issuers.issuer_url(preset));
    let hint = query.text("login_hint").unwrap_or_default();
    Ok(page_answer(page::sign_in(
        preset,
        &action,
        query.without("identity"),
        hint,
    )))
}

/// Sends the browser back to the client with a code.
fn authorize(
    issuers: &DevIssuers,
    preset: Preset,
    form: &Form,
    now: UnixSeconds,
) -> Result<Response, Refusal> {
    let (asked, redirect_uri) = asked_code(preset, form)?;
    let identity = identity_of(issuers, preset, form, "identity", now)?;
    let code = lock(issuers)
        .authorize(asked, identity, now)
        .ok_or(Refusal::Internal)?;
    if redirect_uri == OUT_OF_BAND {
        return Ok(page_answer(page::message(&format!("Your code: {code}"))));
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("code", &code);
    if let Some(state) = form.text("state") {
        query.append_pair("state", state);
    }
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    let location = format!("{redirect_uri}{joint}{}", query.finish());
    let mut response = page_answer(page::message("You are being sent back."));
    *response.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::try_from(location)
        .map_err(|_| invalid("redirect_uri", "wanted printable ASCII"))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Where clients without a listener have their code shown.
const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";

/// Checks what a client asks of `authorize` (RFC 6749, section 4.1.1).
fn asked_code(preset: Preset, form: &Form) -> Result<(AskedGrant, String), Refusal> {
    if form.text("response_type") != Some("code") {
        return Err(invalid("response_type", "wanted code"));
    }
    let redirect_uri = form.text("redirect_uri").unwrap_or_default();
    if redirect_uri != OUT_OF_BAND && !is_loopback(redirect_uri) {
        return Err(invalid(
            "redirect_uri",
            "wanted http:// and a loopback host",
        ));
    }
    let mut asked = asked_grant(preset, form)?;
    if asked.challenge.is_none() {
        return Err(invalid(
            "code_challenge",
            "missing; PKCE (RFC 7636) is required",
        ));
    }
    asked.redirect_uri = Some(redirect_uri.to_owned());
    Ok((asked, redirect_uri.to_owned()))
}

/// What clients of both flows ask for.
pub(super) fn asked_grant(preset: Preset, form: &Form) -> Result<AskedGrant, Refusal> {
    let challenge = form.text("code_challenge").map(str::to_owned);
    if challenge.is_some() && form.text("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method", "wanted S256"));
    }
    Ok(AskedGrant {
        preset,
        audience: audience(form).to_owned(),
        nonce: form.text("nonce").map(str::to_owned),
        challenge,
        redirect_uri: None,
    })
}

/// An ID token is for the client that asked (`OpenID` Connect Core, section 2).
fn audience(form: &Form) -> &str {
    let named = form.text("audience").or_else(|| form.text("client_id"));
    named.unwrap_or(AUDIENCE)
}

fn is_loopback(redirect_uri: &str) -> bool {
    let uri: Option<http::Uri> = redirect_uri.parse().ok();
    uri.is_some_and(|uri| {
        let host = uri.host().unwrap_or_default();
        uri.scheme_str() == Some("http") && ["localhost", "127.0.0.1", "[::1]"].contains(&host)
    })
}

/// The identity in a form, once it is known that a token can be made for it.
pub(super) fn identity_of(
    issuers: &DevIssuers,
    preset: Preset,
    form: &Form,
    field: &'static str,
    now: UnixSeconds,
) -> Result<String, Refusal> {
    let identity = form.text(field).unwrap_or_default();
    let wanted = Wanted {
        preset,
        identity,
        audience: AUDIENCE,
        nonce: None,
    };
    issuers
        .mint(wanted, now)
        .map_err(|error| wrong_identity(&error))?;
    Ok(identity.to_owned())
}

pub(super) fn wrong_identity(error: &IdentityError) -> Refusal {
    Refusal::OAuth {
        error: "invalid_request",
        why: error.to_string(),
    }
}

fn device_code(
    issuers: &DevIssuers,
    preset: Preset,
    form: &Form,
    now: UnixSeconds,
) -> Result<Response, Refusal> {
    let asked = asked_grant(preset, form)?;
    let codes = lock(issuers)
        .begin_device(asked, now)
        .ok_or(Refusal::Internal)?;
    let DeviceCodes {
        device_code,
        user_code,
    } = codes;
    let page = format!("{}/device", issuers.issuer_url(preset));
    Ok(json_answer(&json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": GRANT_LIFETIME_SECONDS,
        "interval": POLL_INTERVAL_SECONDS,
    })))
}

fn grant_device(
    issuers: &DevIssuers,
    preset: Preset,
    form: &Form,
    now: UnixSeconds,
) -> Result<Response, Refusal> {
    let identity = identity_of(issuers, preset, form, "identity", now)?;
    let mut grants = lock(issuers);
    let device = grants.device_of(form.text("user_code").unwrap_or_default(), now);
    match device.filter(|device| device.asked.preset == preset) {
        Some(device) => {
            device.identity = Some(identity);
            Ok(page_answer(page::message(
                "Your device is signed in. You can close this page.",
            )))
        }
        None => Err(invalid(
            "user_code",
            "no device shows this code, or not any more",
        )),
    }
}

pub(super) fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::OAuth {
        error: "invalid_request",
        why: format!("{field}: {why}"),
    }
}

pub(super) fn lock(issuers: &DevIssuers) -> std::sync::MutexGuard<'_, super::Grants> {
    // Nothing under the lock panics half-way.
    issuers
        .grants
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(super) fn json_answer(json: &serde_json::Value) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    answered(StatusCode::OK, headers, json.to_string())
}

fn page_answer(html: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    answered(StatusCode::OK, headers, html)
}
