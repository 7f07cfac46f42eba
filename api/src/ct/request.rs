//! The JSON of RFC 6962 sections 4.1 and 4.2: a chain, and the promise about it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use sigstore::SignedCertificateTimestamp;
use sigstore::ct_entry::chain::CHAIN_LEN_MAX;

use crate::error::Refusal;

/// A request. Unknown fields are for other versions and ignored.
#[derive(Deserialize)]
struct AddChain {
    chain: Vec<String>,
}

/// The certificates of a request as DER, leaf first.
///
/// # Errors
/// If it is not such a request.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let request: AddChain =
        serde_json::from_slice(body).map_err(|error| Refusal::InvalidChain(error.to_string()))?;
    let found = request.chain.len();
    if found > CHAIN_LEN_MAX {
        return Err(sigstore::ChainError::Count { found }.into());
    }
    let decode = |(at, text): (usize, &String)| {
        STANDARD
            .decode(text)
            .map_err(|error| Refusal::InvalidChain(format!("chain[{at}] is not base64: {error}")))
    };
    request.chain.iter().enumerate().map(decode).collect()
}

/// The answer to a request.
pub(super) fn answer(sct: &SignedCertificateTimestamp) -> Bytes {
    let answer = json!({
        "sct_version": 0,
        "id": STANDARD.encode(sct.log_id),
        "timestamp": sct.timestamp.get(),
        "extensions": STANDARD.encode(&sct.extensions),
        "signature": STANDARD.encode(digitally_signed(&sct.signature)),
    });
    Bytes::from(answer.to_string())
}

/// SHA-256 and ECDSA by their numbers in TLS 1.2, and the signature behind its length.
fn digitally_signed(signature: &[u8]) -> Vec<u8> {
    let len = u16::try_from(signature.len()).unwrap_or(u16::MAX);
    let mut out = vec![4, 3];
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(signature);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_base64_in_json() {
        let parsed = parse(br#"{"chain":["AQID","BA=="],"later":1}"#);
        assert_eq!(parsed, Ok(vec![vec![1, 2, 3], vec![4]]));
    }

    fn check_refused(body: &str, wanted: &str) {
        let message = parse(body.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
    }

    #[test]
    fn what_is_not_a_chain_is_refused() {
        check_refused("", "EOF");
        check_refused("{}", "missing field `chain`");
        check_refused(r#"{"chain":[1]}"#, "expected a string");
        check_refused(r#"{"chain":["AQID","?"]}"#, "chain[1] is not base64");
        let long = json!({ "chain": vec!["AA=="; 9] }).to_string();
        check_refused(&long, "chain of 9 certificates");
    }

    #[test]
    fn a_promise_is_answered_as_the_rfc_has_it() {
        let sct = SignedCertificateTimestamp {
            log_id: [0; 32],
            timestamp: sigstore::UnixMillis::new(7),
            extensions: vec![0, 0, 5, 0, 0, 0, 0, 1],
            signature: vec![0x30, 0],
        };
        let found: serde_json::Value = serde_json::from_slice(&answer(&sct)).unwrap();
        let wanted = json!({
            "sct_version": 0,
            "id": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "timestamp": 7,
            "extensions": "AAAFAAAAAAE=",
            "signature": "BAMAAjAA",
        });
        assert_eq!(found, wanted);
    }
}
