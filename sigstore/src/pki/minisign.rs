//! Keys and signatures of minisign, and of OpenBSD's signify, from which its format comes.
//!
//! Both are a line of base64 below a comment that nobody signed. A key is `Ed`, a random key id
//! and an Ed25519 key. A signature is `Ed` (over the message) or `ED` (over its `BLAKE2b-512`
//! digest), the key id, and 64 bytes; minisign adds a comment to be trusted, with a second
//! signature over the first and the comment. signify ends before that, and so does what Rekor
//! keeps of either.
//!
//! Spec: <https://jedisct1.github.io/minisign/>.

use blake2::{Blake2b512, Digest as _};
use ed25519_dalek::StreamVerifier;

use super::error::{PkiError, Subject};
use super::{Format, base64_decode, base64_encode, spki};
use crate::public_key::PublicKey;

const KEY: Subject = Subject::key(Format::Minisign);
const SIGNATURE: Subject = Subject::signature(Format::Minisign);

/// The longest file that is read: minisign bounds a comment at 1 KiB and a trusted one at 8 KiB.
const LEN_BYTES_MAX: usize = 16 * 1024;

/// How the line above a key or a signature begins.
pub(super) const UNTRUSTED: &str = "untrusted comment:";
const TRUSTED: &str = "trusted comment: ";

/// What a key and a signature over the message begin with.
const ED25519: [u8; 2] = *b"Ed";
/// What a signature over the digest begins with.
const PREHASHED: [u8; 2] = *b"ED";

/// By which a signature says whose it is.
type KeyId = [u8; 8];

/// The id of a key that came without.
const NO_ID: KeyId = [0; 8];

/// An Ed25519 key with an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    id: KeyId,
    public_key: PublicKey,
}

impl Key {
    /// Reads a key's file, its line of base64, or, as Rekor once kept keys, its 32 bytes alone.
    pub(super) fn parse(bytes: &[u8]) -> Result<Key, PkiError> {
        KEY.check_len(bytes, LEN_BYTES_MAX)?;
        if bytes.len() == 32 {
            let public_key = spki::ed25519(KEY, bytes)?;
            let id = NO_ID;
            return Ok(Key { id, public_key });
        }
        let text = text(KEY, bytes)?;
        let lines: Vec<&str> = text.lines().collect();
        let line = match lines.as_slice() {
            [comment, line] if comment.starts_with(UNTRUSTED) => line,
            [line] => line,
            _ => return Err(KEY.malformed("wanted one line of base64 below an untrusted comment")),
        };
        let parts = Parts::<32>::decode(KEY, line)?;
        if parts.algorithm != ED25519 {
            let found = parts.algorithm_text();
            return Err(KEY.unsupported("algorithm", found, "\"Ed\""));
        }
        let public_key = spki::ed25519(KEY, &parts.content)?;
        let id = parts.id;
        Ok(Key { id, public_key })
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The line of base64.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let key = self.public_key.key_bits();
        base64_encode(&[&ED25519[..], &self.id, &key].concat()).into_bytes()
    }

    pub(super) fn describe(&self) -> String {
        id_text(self.id)
    }

    pub(super) fn begin<'a>(&'a self, signature: &'a Signature) -> Result<Check<'a>, PkiError> {
        if signature.id != self.id && self.id != NO_ID {
            return Err(PkiError::OtherKey {
                format: Format::Minisign,
                found: id_text(signature.id),
                wanted: id_text(self.id),
            });
        }
        let mut check = Check {
            key: self,
            signature,
            over: Over::Message(Box::new(self.stream(&signature.over_message)?)),
        };
        if signature.algorithm == PREHASHED {
            check.over = Over::Digest(Blake2b512::new());
        }
        Ok(check)
    }

    fn stream(&self, signature: &[u8; 64]) -> Result<StreamVerifier, PkiError> {
        let begun = self.public_key.begin_ed25519(signature);
        let begun = begun.expect("a key of this format is an ed25519 key");
        begun.map_err(|error| SIGNATURE.malformed(error.to_string()))
    }

    fn mismatch(&self, check: &'static str) -> PkiError {
        PkiError::Mismatch {
            format: Format::Minisign,
            check,
            key: self.describe(),
        }
    }
}

/// A signature, with its trusted comment if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    algorithm: [u8; 2],
    id: KeyId,
    over_message: [u8; 64],
    trusted: Option<Trusted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trusted {
    comment: String,
    /// Over the signature and the comment.
    signature: [u8; 64],
}

impl Signature {
    pub(super) fn parse(bytes: &[u8]) -> Result<Signature, PkiError> {
        SIGNATURE.check_len(bytes, LEN_BYTES_MAX)?;
        let text = text(SIGNATURE, bytes)?;
        let lines: Vec<&str> = text.lines().collect();
        let wanted = "wanted a line of base64 below an untrusted comment, and below that \
                      nothing or a trusted comment and a line of base64";
        let (line, trusted) = match lines.as_slice() {
            [comment, line] if comment.starts_with(UNTRUSTED) => (line, None),
            [comment, line, trusted, global] if comment.starts_with(UNTRUSTED) => {
                let comment = trusted.strip_prefix(TRUSTED);
                let comment = comment.ok_or_else(|| SIGNATURE.malformed(wanted))?;
                let comment = comment.to_owned();
                let signature = sized(SIGNATURE, &base64_decode(SIGNATURE, global)?)?;
                (line, Some(Trusted { comment, signature }))
            }
            _ => return Err(SIGNATURE.malformed(wanted)),
        };
        let parts = Parts::<64>::decode(SIGNATURE, line)?;
        if parts.algorithm != ED25519 && parts.algorithm != PREHASHED {
            let found = parts.algorithm_text();
            return Err(SIGNATURE.unsupported("algorithm", found, "\"Ed\" or \"ED\""));
        }
        Ok(Signature {
            algorithm: parts.algorithm,
            id: parts.id,
            over_message: parts.content,
            trusted,
        })
    }

    /// What Rekor keeps: an empty comment and the line of base64, without an end of line.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let parts = [&self.algorithm[..], &self.id, &self.over_message].concat();
        format!("{UNTRUSTED}\n{}", base64_encode(&parts)).into_bytes()
    }

    /// The comment that the key vouches for, once the signature has been verified.
    pub(super) fn trusted_comment(&self) -> Option<&str> {
        self.trusted
            .as_ref()
            .map(|trusted| trusted.comment.as_str())
    }
}

/// A check for which the message comes piece by piece.
pub(super) struct Check<'a> {
    key: &'a Key,
    signature: &'a Signature,
    over: Over,
}

enum Over {
    Message(Box<StreamVerifier>),
    Digest(Blake2b512),
}

impl Check<'_> {
    pub(super) fn update(&mut self, piece: &[u8]) {
        match &mut self.over {
            Over::Message(stream) => stream.update(piece),
            Over::Digest(digest) => digest.update(piece),
        }
    }

    pub(super) fn finish(self) -> Result<(), PkiError> {
        let (key, signature) = (self.key, self.signature);
        let verified = match self.over {
            Over::Message(stream) => stream.finalize_and_verify(),
            Over::Digest(digest) => {
                let mut stream = key.stream(&signature.over_message)?;
                stream.update(digest.finalize());
                stream.finalize_and_verify()
            }
        };
        verified.map_err(|_| key.mismatch("the message"))?;
        if let Some(trusted) = &signature.trusted {
            let mut stream = key.stream(&trusted.signature)?;
            stream.update(signature.over_message);
            stream.update(&trusted.comment);
            let verified = stream.finalize_and_verify();
            verified.map_err(|_| key.mismatch("the trusted comment"))?;
        }
        Ok(())
    }
}

/// What a line of base64 holds, in a key and in a signature.
struct Parts<const LEN: usize> {
    algorithm: [u8; 2],
    id: KeyId,
    content: [u8; LEN],
}

impl<const LEN: usize> Parts<LEN> {
    fn decode(subject: Subject, line: &str) -> Result<Self, PkiError> {
        let bytes = base64_decode(subject, line)?;
        let found = bytes.len();
        let split = || {
            let (algorithm, rest) = bytes.split_first_chunk()?;
            let (id, content) = rest.split_first_chunk()?;
            let content = content.try_into().ok()?;
            Some((*algorithm, *id, content))
        };
        let wanted = 10 + LEN;
        let error = || subject.malformed(format!("{found} bytes in base64, wanted {wanted}"));
        let (algorithm, id, content) = split().ok_or_else(error)?;
        Ok(Parts {
            algorithm,
            id,
            content,
        })
    }

    fn algorithm_text(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.algorithm))
    }
}

fn sized(subject: Subject, bytes: &[u8]) -> Result<[u8; 64], PkiError> {
    let found = bytes.len();
    let sized = bytes.try_into();
    sized.map_err(|_| subject.malformed(format!("a signature of {found} bytes, wanted 64")))
}

fn text(subject: Subject, bytes: &[u8]) -> Result<&str, PkiError> {
    let text = std::str::from_utf8(bytes).map_err(|_| subject.malformed("it is not utf-8"))?;
    Ok(text.trim_end_matches(['\n', '\r']))
}

/// As minisign shows it: the number that the bytes are in little-endian order, in hex.
fn id_text(id: KeyId) -> String {
    format!("{:016X}", u64::from_le_bytes(id))
}

#[cfg(test)]
mod tests;
