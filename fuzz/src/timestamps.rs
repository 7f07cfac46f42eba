//! RFC 3161: requests in both their forms, responses with their tokens, and certificates.

use sigstore::timestamp_token::{
    REQUEST_LEN_BYTES_MAX, TimestampChain, TimestampRequest, TimestampResponse, TimestampToken,
    TstInfo,
};

/// Requests as DER: [`TimestampRequest::parse_der`].
#[must_use]
pub fn timestamp_request(bytes: &[u8]) -> bool {
    let Ok(request) = TimestampRequest::parse_der(bytes) else {
        return false;
    };
    assert_eq!(request.to_der(), bytes, "a request has one form");
    true
}

/// Requests as JSON: [`TimestampRequest::parse_json`], which can be said in DER as well.
#[must_use]
pub fn timestamp_json_request(bytes: &[u8]) -> bool {
    let Ok(request) = TimestampRequest::parse_json(bytes) else {
        return false;
    };
    let der = request.to_der();
    assert!(der.len() <= REQUEST_LEN_BYTES_MAX);
    assert_eq!(TimestampRequest::parse_der(&der), Ok(request));
    true
}

/// Responses: [`TimestampResponse::parse_der`], and with it [`TimestampToken::parse_der`] and
/// [`TstInfo::parse_der`].
#[must_use]
pub fn timestamp_response(bytes: &[u8]) -> bool {
    let Ok(response) = TimestampResponse::parse_der(bytes) else {
        return false;
    };
    assert_eq!(response.to_der(), bytes, "a response has one form");
    if let TimestampResponse::Granted(token) = response {
        let again = TimestampToken::parse_der(token.der());
        assert_eq!(again.as_ref(), Ok(&*token), "a token stands for itself");
        let said = token.unverified();
        assert_eq!(TstInfo::parse_der(&said.to_der()).as_ref(), Ok(said));
    }
    true
}

/// Certificates of an authority: [`TimestampChain::parse_der`] of a chain of one.
#[must_use]
pub fn timestamp_certificate(bytes: &[u8]) -> bool {
    let Ok(chain) = TimestampChain::parse_der(&[bytes]) else {
        return false;
    };
    assert!(
        chain.certificates().eq([bytes]),
        "a certificate has one form"
    );
    true
}
