//! An issuer at which people log in: its endpoints, and exchanging a grant for a token.
//!
//! Spec: `OpenID` Connect Discovery 1.0, RFC 6749.

use form_urlencoded::Serializer;
use serde_json::Value;
use zeroize::Zeroizing;

use super::IdToken;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{self, Answer, Http, Request};
use crate::submit::{self, Patience};

/// The longest document or answer of an issuer.
const ANSWER_LEN_BYTES_MAX: usize = 256 * 1024;

/// An issuer, and as whom this program speaks to it.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) client_id: String,
    document: Value,
}

impl Provider {
    /// Reads an issuer's own document.
    pub(super) fn discover(issuer: &str, client_id: &str, http: &Http) -> Result<Self, Failure> {
        let url = http::join(issuer, ".well-known/openid-configuration");
        check_private(&url)?;
        let request = Request::get(&url, ANSWER_LEN_BYTES_MAX);
        let answer = submit::send(http, &url, &request, Patience::LONG)?;
        if !answer.is_success() {
            return Err(answer.refused(&url, "is not the document of an issuer"));
        }
        let document: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let document = document.filter(Value::is_object).ok_or_else(|| {
            Failure::new(Exit::Service, &url, "is not the document of an issuer")
                .expected("a JSON object")
        })?;
        Ok(Provider {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            document,
        })
    }

    /// One of its endpoints.
    pub(super) fn endpoint(&self, name: &str) -> Result<&str, Failure> {
        let url = self.document.get(name).and_then(Value::as_str);
        let url = url.ok_or_else(|| {
            let what = format!("the issuer has no {name}");
            Failure::new(Exit::Service, &self.issuer, what)
        })?;
        check_private(url)?;
        Ok(url)
    }

    /// Sends a form to an endpoint.
    pub(super) fn post(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        http: &Http,
    ) -> Result<Answer, Failure> {
        let mut form = Serializer::new(String::new());
        form.append_pair("client_id", &self.client_id);
        form.extend_pairs(fields);
        let form = Zeroizing::new(form.finish());
        let of_type = "application/x-www-form-urlencoded";
        let request = Request::post(url, of_type, form.as_bytes(), ANSWER_LEN_BYTES_MAX);
        let request = request.accept("application/json");
        // Once: a grant is good for one exchange.
        http.send(&request).map_err(|error| error.failure(url))
    }

    /// The token in an answer of the token endpoint.
    pub(super) fn token(&self, answer: &Answer) -> Result<IdToken, Failure> {
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let text = json
            .as_ref()
            .and_then(|json| json.get("id_token")?.as_str());
        match text {
            Some(text) if answer.is_success() => IdToken::read(text, &self.issuer),
            _ => Err(answer.refused(&self.issuer, "gives no ID token")),
        }
    }
}

/// Secrets are sent to the endpoints.
fn check_private(url: &str) -> Result<(), Failure> {
    if http::is_private_enough(url) {
        return Ok(());
    }
    let what = "a login there could be read by others";
    Err(Failure::new(Exit::Usage, url, what).expected("an https:// address"))
}
