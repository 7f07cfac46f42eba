//! What clients send to the services beside the logs, and to a certificate log: requests for
//! certificates, chains of them, and the forms of OAuth.

use api::parsers;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// Fields of a form that are looked at.
const FIELD_COUNT_MAX: usize = 32;

/// A request for a certificate: an odd first byte is for the newer form of the API.
#[must_use]
pub fn signing_request(bytes: &[u8]) -> bool {
    let Some((first, body)) = bytes.split_first() else {
        return false;
    };
    let newer = first % 2 == 1;
    let Ok(request) = parsers::signing_request(newer, body) else {
        return false;
    };
    assert!(request.key.is_some() != request.csr.is_some());
    assert!(newer || request.token.is_none(), "v1 has it in a header");
    assert!(request.token.as_ref().is_none_or(|token| !token.is_empty()));
    let csr = request.csr.as_deref().map(|csr| STANDARD.encode(csr));
    let (content, signature) = request.key.clone().unwrap_or_default();
    let signature = STANDARD.encode(signature);
    let again = if newer {
        // A key is text here, and base64 there.
        let content = String::from_utf8(content).expect("it stood in JSON");
        json!({
            "credentials": { "oidcIdentityToken": request.token },
            "certificateSigningRequest": csr,
            "publicKeyRequest": {
                "publicKey": { "content": content },
                "proofOfPossession": signature,
            },
        })
    } else {
        json!({
            "publicKey": { "content": STANDARD.encode(content) },
            "signedEmailAddress": signature,
            "certificateSigningRequest": csr,
        })
    };
    let again = parsers::signing_request(newer, again.to_string().as_bytes());
    assert_eq!(again, Ok(request));
    true
}

/// The body of a gRPC call that asks for a certificate.
#[must_use]
pub fn signing_call(bytes: &[u8]) -> bool {
    let Ok(request) = parsers::signing_call(bytes) else {
        return false;
    };
    assert!(request.key.is_some() != request.csr.is_some());
    assert!(request.token.as_ref().is_none_or(|token| !token.is_empty()));
    let parts = request.token.as_ref().map_or(0, String::len);
    let (content, signature) = request.key.unwrap_or_default();
    let parts = parts + content.len() + signature.len() + request.csr.unwrap_or_default().len();
    assert!(parts <= bytes.len(), "nothing comes from elsewhere");
    let twice = [bytes, bytes].concat();
    assert!(
        parsers::signing_call(&twice).is_err(),
        "a call has one message"
    );
    true
}

/// The body of `POST ct/v1/add-chain`.
#[must_use]
pub fn add_chain(bytes: &[u8]) -> bool {
    let Ok(chain) = parsers::add_chain(bytes) else {
        return false;
    };
    let texts: Vec<String> = chain.iter().map(|der| STANDARD.encode(der)).collect();
    let again = json!({ "chain": texts }).to_string();
    assert_eq!(parsers::add_chain(again.as_bytes()), Ok(chain));
    true
}

/// A form of an OAuth client. It counts as accepted if there is a field in it.
#[must_use]
pub fn oauth_form(bytes: &[u8]) -> bool {
    let fields = parsers::form(bytes);
    assert!(fields.len() <= FIELD_COUNT_MAX);
    let again = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    assert_eq!(parsers::form(again.as_bytes()), fields);
    !fields.is_empty()
}
