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

/// SHA-256 of the pre-authentication encoding, which is not put together for it: payloads are
/// megabytes. Lengths are those of bytes.
#[must_use]
pub fn encoding_sha256(payload_type: &str, payload: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(format!("DSSEv1 {} {payload_type} ", payload_type.len()));
    hash.update(format!("{} ", payload.len()));
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
        }
    }
}
