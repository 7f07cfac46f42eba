//! Signed notes: text, an empty line, and signature lines (C2SP signed-note).
//!
//! ```text
//! example.com/log
//! 15
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! \u{2014} example.com/log M9e0lg...
//! ```
//!
//! The text ends with a newline, which is signed with it. It may have empty lines of its own: the
//! signatures start after the *last* one. A signature line names the signer, and in its base64 the
//! first four bytes say which of the signer's keys was used.
//!
//! Anybody can append lines to a note. A reader looks only at lines by keys it was given, has to
//! ignore the others, and trusts the text if at least one of its keys signed it. A wrong signature
//! by one of its keys makes the whole note suspect, so it is refused.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::note_key::{KeyId, KeyName, NoteKeyError, NoteSigner, SignError, SignedAt, VerifierKey};

/// Length of the longest note: room for a hundred of the largest signatures in use, and text.
pub const NOTE_LEN_BYTES_MAX: usize = 1 << 20;

/// The most signature lines of a note, as in Go's `sumdb/note`.
pub const SIGNATURES_MAX: usize = 100;

const LINE_START: &str = "\u{2014} ";
const KEY_ID_LEN_BYTES: usize = 4;

/// A note that is well formed; nothing is said about who signed it.
///
/// Invariant: the text ends with a newline and has no other control characters, there are 1 to 100
/// signatures, and the whole is not too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature line.
///
/// Invariant: the signature is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NoteSignature {
    name: KeyName,
    key_id: KeyId,
    signature: Vec<u8>,
}

/// A note with at least one signature by a known key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedNote {
    /// The note with all its signature lines.
    pub note: Note,
    /// The signatures by known keys, each key once; never empty.
    pub verified: Vec<NoteSignature>,
    /// The signatures by other keys, equal lines once. They prove nothing.
    pub unverified: Vec<NoteSignature>,
}

/// Why a note was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Too many bytes.
    #[error("a note has at most {NOTE_LEN_BYTES_MAX} bytes, found {found}")]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// Not UTF-8.
    #[error("a note is UTF-8, but byte {position} is not")]
    NotUtf8 {
        /// Where, in bytes from the start of the note.
        position: usize,
    },
    /// A control character other than newline.
    #[error("a note has no control characters but newline, found {found:?} at byte {position}")]
    ControlCharacter {
        /// Where, in bytes from the start of the note.
        position: usize,
        /// What was found there.
        found: char,
    },
    /// The text, or the note, does not end with a newline.
    #[error("a note and its text end with a newline")]
    NoFinalNewline,
    /// There is no empty line with signatures after it.
    #[error("a note has signatures after an empty line")]
    NoSignatures,
    /// Too many signature lines.
    #[error("a note has at most {SIGNATURES_MAX} signatures, found more")]
    TooManySignatures,
    /// A line after the empty one is not a signature line.
    #[error("signature line {line} is not of the form \u{2014} <name> <base64>")]
    LineSyntax {
        /// Which signature line, from 1.
        line: usize,
    },
    /// The name in a signature line cannot be a key name.
    #[error("the name in signature line {line} is not a key name")]
    LineName {
        /// Which signature line, from 1.
        line: usize,
        /// What is wrong with the name.
        source: NoteKeyError,
    },
    /// The signature in a line is not canonical base64 of a key id and a signature.
    #[error("signature line {line} is not the base64 of a key id and a signature")]
    LineBase64 {
        /// Which signature line, from 1.
        line: usize,
    },
    /// Two of the known keys have the same name and id, and there is a line by one of them.
    #[error("more than one of the known keys is {name}+{key_id}")]
    AmbiguousKey {
        /// The name of the keys.
        name: KeyName,
        /// The id of the keys.
        key_id: KeyId,
    },
    /// A signature by a known key does not verify.
    #[error("the signature by known key {name}+{key_id} does not verify")]
    SignatureInvalid {
        /// The name of the key.
        name: KeyName,
        /// The id of the key.
        key_id: KeyId,
    },
    /// None of the known keys signed.
    #[error("none of the {known} known keys signed, only {} others", .unverified.len())]
    NoVerifiedSignature {
        /// How many keys are known.
        known: usize,
        /// The signatures by other keys, equal lines once.
        unverified: Vec<NoteSignature>,
    },
    /// A signer did not sign.
    #[error("cannot sign as {name}")]
    Sign {
        /// The name of the signer's key.
        name: KeyName,
        /// Why not.
        source: SignError,
    },
}

impl NoteSignature {
    /// A signature line; `None` if the signature is empty.
    #[must_use]
    pub fn new(name: KeyName, key_id: KeyId, signature: Vec<u8>) -> Option<Self> {
        (!signature.is_empty()).then_some(Self {
            name,
            key_id,
            signature,
        })
    }

    /// The name of the key.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The signature, without the key id.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Reads a line without its newline; `line` is only for the error.
    fn parse(text: &str, line: usize) -> Result<Self, NoteError> {
        let rest = text
            .strip_prefix(LINE_START)
            .ok_or(NoteError::LineSyntax { line })?;
        let (name, base64) = rest.split_once(' ').ok_or(NoteError::LineSyntax { line })?;
        let name = KeyName::new(name).map_err(|source| NoteError::LineName { line, source })?;
        let bytes = STANDARD
            .decode(base64)
            .map_err(|_| NoteError::LineBase64 { line })?;
        let parts = bytes.split_first_chunk::<KEY_ID_LEN_BYTES>();
        let (key_id, signature) = parts.ok_or(NoteError::LineBase64 { line })?;
        let key_id = KeyId::new(u32::from_be_bytes(*key_id));
        Self::new(name, key_id, signature.to_vec()).ok_or(NoteError::LineBase64 { line })
    }

    fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == *key.name() && self.key_id == key.key_id()
    }
}

/// The line, without its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.get().to_be_bytes(), &self.signature[..]].concat();
        write!(f, "{LINE_START}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl Note {
    /// A note of this text with these signatures, which are not verified.
    ///
    /// # Errors
    /// The text does not end with a newline or has other control characters, or there are no or too
    /// many signatures, or the note would be too long.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        check_text(&text)?;
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let note = Self { text, signatures };
        check_len(note.encode().len())?;
        Ok(note)
    }

    /// Reads a note, without verifying any signature.
    ///
    /// # Errors
    /// The bytes are not a well-formed note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        check_len(bytes.len())?;
        let note = str::from_utf8(bytes).map_err(|error| NoteError::NotUtf8 {
            position: error.valid_up_to(),
        })?;
        check_text(note)?;
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (line, text) in (1..).zip(lines.split_terminator('\n')) {
            if line > SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(NoteSignature::parse(text, line)?);
        }
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let text = format!("{text}\n");
        Ok(Self { text, signatures })
    }

    /// The whole note as it is served.
    #[must_use]
    pub fn encode(&self) -> String {
        let lines = self
            .signatures
            .iter()
            .map(|signature| format!("{signature}\n"));
        format!("{}\n{}", self.text, lines.collect::<String>())
    }

    /// What is signed, with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in order, repeated ones too.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

/// Reads a note and checks every signature in it that is by one of `keys`.
///
/// Of several lines by one key only the first counts.
///
/// # Errors
/// The note is malformed, a signature by one of the keys does not verify, none of the keys signed,
/// or it is not clear which key a line is by.
pub fn open(bytes: &[u8], keys: &[VerifierKey]) -> Result<OpenedNote, NoteError> {
    let note = Note::parse(bytes)?;
    let mut verified: Vec<NoteSignature> = Vec::new();
    let mut unverified: Vec<NoteSignature> = Vec::new();
    for line in &note.signatures {
        let Some(key) = known_key(line, keys)? else {
            if !unverified.contains(line) {
                unverified.push(line.clone());
            }
            continue;
        };
        if verified.iter().any(|earlier| earlier.is_by(key)) {
            continue;
        }
        let (name, key_id) = (&line.name, line.key_id);
        key.verify(note.text.as_bytes(), &line.signature)
            .map_err(|_| NoteError::SignatureInvalid {
                name: name.clone(),
                key_id,
            })?;
        verified.push(line.clone());
    }
    if verified.is_empty() {
        let known = keys.len();
        return Err(NoteError::NoVerifiedSignature { known, unverified });
    }
    Ok(OpenedNote {
        note,
        verified,
        unverified,
    })
}

/// Signs a text with each of the signers, in order.
///
/// # Errors
/// The text cannot be that of a note, there are no signers or too many, or one did not sign.
pub fn sign_note(text: &str, signers: &[&dyn NoteSigner]) -> Result<Note, NoteError> {
    sign_with(text, signers, |signer| signer.sign(text.as_bytes()))
}

/// As [`sign_note`], with the time for those signatures that state it.
///
/// # Errors
/// As [`sign_note`].
pub fn sign_note_at(
    text: &str,
    signed_at: SignedAt,
    signers: &[&dyn NoteSigner],
) -> Result<Note, NoteError> {
    let sign = |signer: &dyn NoteSigner| signer.sign_at(text.as_bytes(), signed_at);
    sign_with(text, signers, sign)
}

fn sign_with(
    text: &str,
    signers: &[&dyn NoteSigner],
    sign: impl Fn(&dyn NoteSigner) -> Result<Vec<u8>, SignError>,
) -> Result<Note, NoteError> {
    // Checked before anything is signed: a signature is out in the world once it was made.
    check_text(text)?;
    let mut signatures = Vec::with_capacity(signers.len());
    for &signer in signers {
        let key = signer.verifier();
        let name = key.name();
        let failed = |source| NoteError::Sign {
            name: name.clone(),
            source,
        };
        let signature = sign(signer).map_err(failed)?;
        let signature = NoteSignature::new(name.clone(), key.key_id(), signature);
        signatures.push(signature.ok_or_else(|| failed(SignError::SelfCheckFailed))?);
    }
    Note::new(text.to_owned(), signatures)
}

fn known_key<'a>(
    line: &NoteSignature,
    keys: &'a [VerifierKey],
) -> Result<Option<&'a VerifierKey>, NoteError> {
    let mut matching = keys.iter().filter(|key| line.is_by(key));
    let first = matching.next();
    if matching.next().is_some() {
        let (name, key_id) = (line.name.clone(), line.key_id);
        return Err(NoteError::AmbiguousKey { name, key_id });
    }
    Ok(first)
}

fn check_len(found: usize) -> Result<(), NoteError> {
    (found <= NOTE_LEN_BYTES_MAX)
        .then_some(())
        .ok_or(NoteError::TooLong { found })
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let control = text
        .char_indices()
        .find(|(_, found)| *found < ' ' && *found != '\n');
    if let Some((position, found)) = control {
        return Err(NoteError::ControlCharacter { position, found });
    }
    text.ends_with('\n')
        .then_some(())
        .ok_or(NoteError::NoFinalNewline)
}

#[cfg(test)]
mod tests;
