//! DSSE: what the signatures of an envelope are made over.
//!
//! A signature is not over the payload but over its pre-authentication encoding, which binds the
//! payload's type and both lengths:
//!
//! ```text
//! DSSEv1 LENGTH TYPE LENGTH PAYLOAD
//! ```
//!
//! Not here: the envelope's own form, which differs with who carries it.
//!
//! Spec: <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>.

use sha2::{Digest as _, Sha256};

/// An envelope: a payload of some type, and signatures over both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsseEnvelope {
    /// What the payload is; for statements [`STATEMENT_TYPE`].
    pub payload_type: String,
    /// The payload as it was signed.
    pub payload: Vec<u8>,
    /// The signatures.
    pub signatures: Vec<DsseSignature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsseSignature {
    /// A hint which key it is by; often empty.
    pub key_id: String,
    /// The signature over the pre-authentication encoding.
    pub signature: Vec<u8>,
}

/// The payload type of an in-toto statement.
pub const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

impl DsseEnvelope {
    /// What the signatures are over, in one piece: the pre-authentication encoding.
    #[must_use]
    pub fn encoding(&self) -> Vec<u8> {
        let mut encoding = encoding_head(&self.payload_type, self.payload.len()).into_bytes();
        encoding.extend_from_slice(&self.payload);
        encoding
    }

    /// SHA-256 of that, which is not put together for it.
    #[must_use]
    pub fn encoding_sha256(&self) -> [u8; 32] {
        encoding_sha256(&self.payload_type, &self.payload)
    }
}

/// What precedes the payload in the pre-authentication encoding.
fn encoding_head(payload_type: &str, payload_len: usize) -> String {
    let type_len = payload_type.len();
    format!("DSSEv1 {type_len} {payload_type} {payload_len} ")
}

/// SHA-256 of the pre-authentication encoding, which is not put together for it: payloads are
/// megabytes. Lengths are those of bytes.
#[must_use]
pub fn encoding_sha256(payload_type: &str, payload: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(encoding_head(payload_type, payload.len()));
    hash.update(payload);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, and one whose lengths in bytes and characters differ.
    #[test]
    fn the_encoding_is_that_of_the_specification() {
        for (payload_type, payload, encoding) in [
            (
                "http://example.com/HelloWorld",
                "hello world",
                "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
            ),
            ("", "", "DSSEv1 0  0 "),
            ("\u{e9}", "\u{20ac}", "DSSEv1 2 \u{e9} 3 \u{20ac}"),
        ] {
            let wanted: [u8; 32] = Sha256::digest(encoding).into();
            assert_eq!(encoding_sha256(payload_type, payload.as_bytes()), wanted);
            let envelope = DsseEnvelope {
                payload_type: payload_type.to_owned(),
                payload: payload.as_bytes().to_vec(),
                signatures: Vec::new(),
            };
            assert_eq!(envelope.encoding(), encoding.as_bytes());
            assert_eq!(envelope.encoding_sha256(), wanted);
        }
    }
}
