//! Asking a certificate authority (Fulcio's API, version 2): a token and a key for a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore::cert::SignatureAlgorithm;
use sigstore::cert::csr;
use sigstore::cert::view::CertificateView;
use sigstore::pem;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{self, Http, Request};
use crate::key::SigningKey;
use crate::oidc::IdToken;
use crate::submit::{self, Patience};

use super::artifact::digest_of;
use super::key_failure;

/// The longest answer: a chain of certificates in PEM.
const ANSWER_LEN_BYTES_MAX: usize = 256 * 1024;

/// A certificate for the key, which names the holder of the token. DER.
///
/// That it is one for this key is checked here; that it leads to somebody trusted and was logged is
/// checked with the bundle.
pub(super) fn request(
    ca: &str,
    key: &SigningKey,
    token: &IdToken,
    http: &Http,
) -> Result<Vec<u8>, Failure> {
    let url = http::join(ca, "api/v2/signingCert");
    if !http::is_private_enough(&url) {
        let what = "the ID token would be sent there in the clear";
        return Err(Failure::new(Exit::Usage, url, what).expected("an https:// address"));
    }
    let signed = csr::to_be_signed(key.public().spki_der());
    let signature = key.sign_digest(&digest_of(key.details().hash(), &signed));
    let signature = signature.map_err(|error| key_failure(&error))?;
    // The key was made here, and is of this kind.
    let csr = csr::to_pem(&signed, SignatureAlgorithm::EcdsaP256Sha256, &signature);
    let body = json!({"certificateSigningRequest": STANDARD.encode(csr)}).to_string();
    let authorization = Zeroizing::new(format!("Bearer {}", token.text().as_str()));
    let request = Request::post(
        &url,
        "application/json",
        body.as_bytes(),
        ANSWER_LEN_BYTES_MAX,
    )
    .accept("application/json")
    .authorization(&authorization);
    let answer = submit::send(http, &url, &request, Patience::LONG)?;
    if !answer.is_success() {
        let what = format!("gives no certificate to {:?}", token.subject);
        let fix = match answer.status {
            401 | 403 => "ask for a new token, of an issuer that this authority believes",
            _ => "what it says above is all there is to know",
        };
        return Err(answer.refused(&url, &what).fix(fix));
    }
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let leaf = leaf_of(&json).ok_or_else(|| {
        Failure::new(Exit::Service, &url, "gives no certificate that can be used")
            .expected("signedCertificateEmbeddedSct.chain.certificates, with PEM")
    })?;
    let is_ours = CertificateView::parse(&leaf).is_ok_and(|v| v.spki() == key.public().spki_der());
    if !is_ours {
        let what = "gave a certificate for another key than was asked for";
        return Err(Failure::new(Exit::Refused, &url, what));
    }
    Ok(leaf)
}

/// The first certificate of the chain. One with its promise beside it would not fit into a bundle.
fn leaf_of(json: &Value) -> Option<Vec<u8>> {
    let chain = json.pointer("/signedCertificateEmbeddedSct/chain/certificates")?;
    let first = chain.as_array()?.first()?.as_str()?;
    let certificates = pem::parse_certificates(first.as_bytes(), 1).ok()?;
    certificates.into_iter().next()
}
