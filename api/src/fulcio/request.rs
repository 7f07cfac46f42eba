//! Reading a request for a certificate, in any of its forms.
//!
//! As lenient as the gateway in front of other CAs: unknown fields and unknown names of algorithms
//! are ignored (one client sends a name that is none), each field may have either of its two names,
//! and base64 any alphabet, with padding or without.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use sigstore::canonical_json::{JsonLimits, parse_limited};

use super::{Form, messages};
use crate::error::Refusal;
use crate::grpc;

/// The request is a few messages deep.
const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 16,
    value_count_max: 256,
};

/// A request, of which nothing is checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SigningRequest {
    /// The token in the body, which wins over that in the header.
    pub(crate) token: Option<String>,
    pub(crate) proof: Proof,
}

/// The key, and what shows that its owner has the private half.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Key {
        /// PEM or DER. Empty if there was none, which is no key.
        content: Vec<u8>,
        signature: Vec<u8>,
    },
    /// The PEM text of a certificate signing request.
    Csr(Vec<u8>),
}

impl SigningRequest {
    /// # Errors
    /// If it is not JSON, or not the message, or a field is of another type.
    pub(crate) fn parse(form: Form, body: &[u8]) -> Result<SigningRequest, Refusal> {
        let parse = match form {
            Form::V1 => parse_v1,
            Form::V2 => parse_v2,
            Form::Call => return messages::parse_signing_request(grpc::message(body)?),
        };
        // An empty body is an empty request, which has no token.
        let body = if body.is_empty() { b"{}" } else { body };
        let json = parse_limited(body, JSON_LIMITS)
            .map_err(|error| Refusal::FulcioRequest(error.to_string()))?;
        if !json.is_object() {
            return Err(Refusal::FulcioRequest("wanted a JSON object".to_owned()));
        }
        parse(&json)
    }
}

fn parse_v2(json: &Value) -> Result<SigningRequest, Refusal> {
    let credentials = field(json, ["credentials", "credentials"]);
    let token = match credentials {
        Some(credentials) => text(credentials, ["oidcIdentityToken", "oidc_identity_token"])?,
        None => None,
    };
    let token = token.map(str::to_owned);
    let csr = bytes(
        json,
        ["certificateSigningRequest", "certificate_signing_request"],
    )?;
    if let Some(csr) = csr {
        let proof = Proof::Csr(csr);
        return Ok(SigningRequest { token, proof });
    }
    let request = field(json, ["publicKeyRequest", "public_key_request"]);
    let (mut content, mut signature) = (Vec::new(), Vec::new());
    if let Some(request) = request {
        signature =
            bytes(request, ["proofOfPossession", "proof_of_possession"])?.unwrap_or_default();
        if let Some(key) = field(request, ["publicKey", "public_key"]) {
            let text = text(key, ["content", "content"])?;
            content = text.unwrap_or_default().as_bytes().to_vec();
        }
    }
    let proof = Proof::Key { content, signature };
    Ok(SigningRequest { token, proof })
}

/// The older form has no token in the body, and a key in base64.
fn parse_v1(json: &Value) -> Result<SigningRequest, Refusal> {
    let csr = bytes(
        json,
        ["certificateSigningRequest", "certificate_signing_request"],
    )?;
    let proof = if let Some(csr) = csr {
        Proof::Csr(csr)
    } else {
        let key = field(json, ["publicKey", "public_key"]);
        let content = match key {
            Some(key) => bytes(key, ["content", "content"])?,
            None => None,
        };
        let signature = bytes(json, ["signedEmailAddress", "signed_email_address"])?;
        Proof::Key {
            content: content.unwrap_or_default(),
            signature: signature.unwrap_or_default(),
        }
    };
    let token = None;
    Ok(SigningRequest { token, proof })
}

/// A field by either of its names, unless it is `null`.
fn field<'a>(message: &'a Value, names: [&str; 2]) -> Option<&'a Value> {
    let found = names.iter().find_map(|name| message.get(name));
    found.filter(|value| !value.is_null())
}

fn text<'a>(message: &'a Value, names: [&str; 2]) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = field(message, names) else {
        return Ok(None);
    };
    let [name, _] = names;
    let text = value.as_str();
    let text = text.ok_or_else(|| Refusal::FulcioRequest(format!("{name}: wanted text")))?;
    Ok((!text.is_empty()).then_some(text))
}

fn bytes(message: &Value, names: [&str; 2]) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(text) = text(message, names)? else {
        return Ok(None);
    };
    let [name, _] = names;
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if text.contains(['-', '_']) {
        URL_SAFE
    } else {
        STANDARD
    };
    let decoded = GeneralPurpose::new(&alphabet, config).decode(text);
    let decoded =
        decoded.map_err(|error| Refusal::FulcioRequest(format!("{name}: not base64: {error}")))?;
    Ok(Some(decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: Form, body: &str, token: Option<&str>, proof: Proof) {
        let parsed = SigningRequest::parse(form, body.as_bytes()).unwrap();
        assert_eq!((parsed.token.as_deref(), parsed.proof), (token, proof));
    }

    fn key(content: &[u8], signature: &[u8]) -> Proof {
        Proof::Key {
            content: content.to_vec(),
            signature: signature.to_vec(),
        }
    }

    #[test]
    fn a_key_with_a_token_in_the_body_is_read() {
        let body = r#"{"credentials": {"oidcIdentityToken": "a.b.c"}, "publicKeyRequest":
            {"publicKey": {"algorithm": "RSA", "content": "PEM"}, "proofOfPossession": "-_8"}}"#;
        check(Form::V2, body, Some("a.b.c"), key(b"PEM", &[0xfb, 0xff]));
    }

    #[test]
    fn a_request_for_signing_is_read() {
        let body = r#"{"certificateSigningRequest": "YWJj"}"#;
        for form in [Form::V1, Form::V2] {
            check(form, body, None, Proof::Csr(b"abc".to_vec()));
        }
    }

    #[test]
    fn the_names_of_the_proto_file_and_null_are_taken() {
        let body = r#"{"public_key_request": {"public_key": {"content": "PEM"},
            "proof_of_possession": "YQ"}, "certificateSigningRequest": null, "other": [1]}"#;
        check(Form::V2, body, None, key(b"PEM", b"a"));
    }

    #[test]
    fn the_older_form_has_its_key_in_base64() {
        let body = r#"{"publicKey": {"content": "YWJj", "algorithm": "ecdsa"},
            "signedEmailAddress": "YQ==", "certificateSigningRequest": null}"#;
        check(Form::V1, body, None, key(b"abc", b"a"));
    }

    #[test]
    fn an_empty_request_has_no_token_and_no_key() {
        for body in ["", "{}"] {
            check(Form::V2, body, None, key(b"", b""));
        }
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        for body in [
            "[]",
            "x",
            r#"{"certificateSigningRequest": 1}"#,
            r#"{"certificateSigningRequest": "?"}"#,
            r#"{"credentials": {"oidcIdentityToken": {}}}"#,
            deep.as_str(),
        ] {
            let refused = SigningRequest::parse(Form::V2, body.as_bytes()).unwrap_err();
            assert!(matches!(refused, Refusal::FulcioRequest(_)), "{body}");
        }
    }
}
