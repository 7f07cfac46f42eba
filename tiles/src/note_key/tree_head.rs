//! RFC 6962 tree heads as signatures of a checkpoint (type 0x05, C2SP static-ct-api).
//!
//! Such a signature is not over the text of the note but over what the text says, with a time:
//!
//! ```text
//! signed     0 (version) 1 (tree hash) u64 ms, u64 size, root hash (32)
//! signature  u64 ms, 4 (SHA-256) 3 (ECDSA), u16 length, ECDSA signature in DER
//! ```
//!
//! The origin and extension lines are not signed. So a checkpoint counts only if its origin is the
//! name of the key, and if it has no extension lines: anybody could have put them there.

use super::{KeyName, NoteKeyError};
use crate::checkpoint::Checkpoint;

/// When something was signed, in milliseconds since 1970, for signatures that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignedAt(u64);

impl SignedAt {
    /// A time from its milliseconds since 1970.
    #[must_use]
    pub const fn from_unix_millis(unix_millis: u64) -> Self {
        Self(unix_millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }
}

/// The bytes that the log of that name signs for the checkpoint with this text.
///
/// # Errors
/// [`NoteKeyError::NotATreeHead`]: the text is not a checkpoint of that log, or has extension
/// lines.
pub fn tree_head_bytes(
    name: &KeyName,
    text: &[u8],
    signed_at: SignedAt,
) -> Result<Vec<u8>, NoteKeyError> {
    let refuse = |reason: &str| NoteKeyError::NotATreeHead {
        reason: reason.to_owned(),
    };
    let text = str::from_utf8(text).map_err(|error| refuse(&error.to_string()))?;
    let checkpoint = Checkpoint::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if checkpoint.origin().as_str() != name.as_str() {
        return Err(refuse("its origin is not the name of the key"));
    }
    if !checkpoint.extensions().is_empty() {
        return Err(refuse("it has extension lines, which are not signed"));
    }
    let mut out = vec![VERSION_1, TREE_HASH];
    out.extend_from_slice(&signed_at.unix_millis().to_be_bytes());
    out.extend_from_slice(&checkpoint.size().get().to_be_bytes());
    out.extend_from_slice(checkpoint.root_hash().as_bytes());
    Ok(out)
}

/// The signature of a note from one in DER over [`tree_head_bytes`]; `None` if that is longer than
/// any signature.
#[must_use]
pub fn tree_head_signature(signed_at: SignedAt, der: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(der.len()).ok()?;
    let mut out = signed_at.unix_millis().to_be_bytes().to_vec();
    out.extend_from_slice(&SHA256_ECDSA);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(der);
    Some(out)
}

/// Time and DER of a note's signature; `None` if it is not one of these.
pub(super) fn split_signature(signature: &[u8]) -> Option<(SignedAt, &[u8])> {
    let (unix_millis, rest) = signature.split_first_chunk()?;
    let rest = rest.strip_prefix(&SHA256_ECDSA)?;
    let (len, der) = rest.split_first_chunk()?;
    let signed_at = SignedAt(u64::from_be_bytes(*unix_millis));
    (usize::from(u16::from_be_bytes(*len)) == der.len()).then_some((signed_at, der))
}

const VERSION_1: u8 = 0;
/// `tree_hash`, one of the two types of what a log signs.
const TREE_HASH: u8 = 1;
/// By their numbers in TLS 1.2.
const SHA256_ECDSA: [u8; 2] = [4, 3];

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "log\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    fn name() -> KeyName {
        KeyName::new("log").unwrap()
    }

    #[test]
    fn what_is_signed() {
        let found = tree_head_bytes(&name(), TEXT.as_bytes(), SignedAt(2)).unwrap();
        let mut wanted = vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1];
        wanted.extend(0..32);
        assert_eq!(found, wanted);
    }

    fn check_refused(text: &[u8], wanted: &str) {
        let error = tree_head_bytes(&name(), text, SignedAt(2)).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        check_refused(format!("{TEXT}extension\n").as_bytes(), "extension lines");
        check_refused(TEXT.replace("log", "other").as_bytes(), "origin");
        check_refused(b"log\n", "size");
        check_refused(b"\xff", "utf-8");
    }

    #[test]
    fn signatures_come_apart_as_they_were_put_together() {
        let signature = tree_head_signature(SignedAt(3), b"der").unwrap();
        let split = split_signature(&signature);
        assert_eq!(split, Some((SignedAt(3), &b"der"[..])));
        assert_eq!(split_signature(&signature[..14]), None);
        assert_eq!(split_signature(&[&signature[..], &[0]].concat()), None);
        assert_eq!(split_signature(b""), None);
        let mut rsa = signature;
        rsa[9] = 1;
        assert_eq!(split_signature(&rsa), None);
        assert_eq!(tree_head_signature(SignedAt(3), &vec![0; 65_536]), None);
    }
}
