//! The token endpoint of a dev issuer: a code, a device code, or any identity, for a token.

use axum::response::Response;
use ca::Preset;
use serde_json::json;
use sigstore::UnixSeconds;

use super::form::Form;
use super::grants::{Asked as AskedGrant, DEVICE_GRANT, GRANT_TYPES};
use super::routes::{asked_grant, identity_of, json_answer, lock, wrong_identity};
use super::{DevIssuers, TOKEN_LIFETIME_SECONDS, Wanted};
use crate::error::Refusal;

/// Exchanges a grant for a token, which is ID token and access token in one.
pub(super) fn answer(
    issuers: &DevIssuers,
    preset: Preset,
    form: &Form,
    now: UnixSeconds,
) -> Result<Response, Refusal> {
    let (asked, identity) = match form.text("grant_type") {
        Some("password") => {
            let identity = identity_of(issuers, preset, form, "username", now)?;
            (asked_grant(preset, form)?, identity)
        }
        Some("authorization_code") => by_code(issuers, preset, form, now)?,
        Some(DEVICE_GRANT) => by_device(issuers, preset, form, now)?,
        _ => {
            return Err(Refusal::OAuth {
                error: "unsupported_grant_type",
                why: format!("grant_type: wanted one of {}", GRANT_TYPES.join(", ")),
            });
        }
    };
    let wanted = Wanted {
        preset,
        identity: &identity,
        audience: &asked.audience,
        nonce: asked.nonce.as_deref(),
    };
    let token = issuers
        .mint(wanted, now)
        .map_err(|error| wrong_identity(&error))?;
    tracing::warn!(
        preset = preset.name(),
        identity,
        "DEVELOPMENT ONLY: a token was given away"
    );
    Ok(json_answer(&json!({
        "access_token": token,
        "id_token": token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME_SECONDS,
        "scope": "openid email",
    })))
}

fn by_code(
    issuers: &DevIssuers,
    preset: Preset,
    form: &Form,
    now: UnixSeconds,
) -> Result<(AskedGrant, String), Refusal> {
    let code = form.text("code").unwrap_or_default();
    let grant = lock(issuers).take_code(code, now);
    let fits = |asked: &AskedGrant| {
        asked.preset == preset
            && asked.redirect_uri.as_deref() == form.text("redirect_uri")
            && asked.is_met_by(form.text("code_verifier"))
    };
    let grant = grant.filter(|grant| fits(&grant.asked));
    grant
        .and_then(|grant| Some((grant.asked, grant.identity?)))
        .ok_or_else(|| {
            Refusal::OAuth {
        error: "invalid_grant",
        why: "the code is unknown, used or expired, or redirect_uri or code_verifier is not that \
              of the request it answers"
            .to_owned(),
    }
        })
}

fn by_device(
    issuers: &DevIssuers,
    preset: Preset,
    form: &Form,
    now: UnixSeconds,
) -> Result<(AskedGrant, String), Refusal> {
    let code = form.text("device_code").unwrap_or_default();
    let grant = lock(issuers).poll_device(code, now);
    let refuse = |error, why: &str| Refusal::OAuth {
        error,
        why: why.to_owned(),
    };
    let grant = grant
        .filter(|grant| grant.asked.preset == preset)
        .ok_or_else(|| {
            refuse(
                "expired_token",
                "the device code is unknown, used or expired",
            )
        })?;
    let Some(identity) = grant.identity else {
        return Err(refuse(
            "authorization_pending",
            "nobody has signed in for this device yet",
        ));
    };
    if grant.asked.is_met_by(form.text("code_verifier")) {
        Ok((grant.asked, identity))
    } else {
        Err(refuse(
            "invalid_grant",
            "code_verifier is not that of the request",
        ))
    }
}
