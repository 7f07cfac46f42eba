//! Timestamped cosignatures of checkpoints (C2SP tlog-cosignature, Ed25519, type 0x04).
//!
//! A cosigner says when it saw a checkpoint, and a witness among them that it never saw one that
//! contradicts it. What is signed is the whole text of the note under a header with the time:
//!
//! ```text
//! signed     cosignature/v1
//!            time <seconds since 1970>
//!            <text of the note, extension lines included>
//! signature  u64 seconds, Ed25519 signature (64)
//! ```
//!
//! The name of the cosigner is not signed: one key must not serve two names. A
//! [`VerifierKey`](crate::VerifierKey) of type 0x04 checks such lines as any other; what is here is
//! their form. Cosignatures by ML-DSA (type 0x06) are not supported.

/// The longest time that a cosignature may say: 63 bits.
const SECONDS_MAX: u64 = u64::MAX >> 1;

/// What a cosigner signs.
#[must_use]
pub fn cosigned_bytes(text: &[u8], unix_seconds: u64) -> Vec<u8> {
    let head = format!("cosignature/v1\ntime {unix_seconds}\n");
    [head.as_bytes(), text].concat()
}

/// The seconds since 1970 that a cosignature says, and the signature under it; `None` if it has not
/// the form of one.
#[must_use]
pub fn split_cosignature(signature: &[u8]) -> Option<(u64, &[u8; 64])> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    let seconds = u64::from_be_bytes(*time);
    let signature = signature.try_into().ok()?;
    (seconds <= SECONDS_MAX).then_some((seconds, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stands_before_the_signature() {
        let mut bytes = vec![0, 0, 0, 0, 0x65, 0x53, 0xf1, 0];
        bytes.extend([7; 64]);
        assert_eq!(split_cosignature(&bytes), Some((1_700_000_000, &[7; 64])));
        assert_eq!(split_cosignature(&bytes[1..]), None);
        assert_eq!(split_cosignature(&[&bytes[..], &[0]].concat()), None);
        bytes[0] = 0x80;
        assert_eq!(split_cosignature(&bytes), None);
    }

    #[test]
    fn the_whole_text_is_signed_under_its_time() {
        let signed = cosigned_bytes(b"log\n1\nroot\nextension\n", 5);
        assert_eq!(signed, b"cosignature/v1\ntime 5\nlog\n1\nroot\nextension\n");
    }
}
