//! Checkpoints: the head of a log as the text of a signed note (C2SP tlog-checkpoint).
//!
//! ```text
//! example.com/log                                 origin: the log's name
//! 15                                              size, in decimal
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    root hash, in base64
//! ```
//!
//! Then any number of non-empty extension lines, which are not recommended. There is one way to
//! write each checkpoint, and only that one is accepted: no signs, no leading zeros.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::index::TreeSize;
use crate::note::{NoteError, OpenedNote, open};
use crate::note_key::{KeyName, NoteKeyError, VerifierKey};

/// The name of a log, by which its checkpoints say whose they are. Not necessarily a URL.
///
/// Invariant: not empty, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Checks and takes an origin.
    ///
    /// # Errors
    /// It is empty, or has a newline or another control character.
    pub fn new(origin: impl Into<String>) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        if is_line(&origin) {
            Ok(Self(origin))
        } else {
            Err(CheckpointError::Origin)
        }
    }

    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(origin: &str) -> Result<Self, CheckpointError> {
        Self::new(origin)
    }
}

impl AsRef<str> for Origin {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Every key name can be an origin: a log's key is usually named after it.
impl From<KeyName> for Origin {
    fn from(name: KeyName) -> Self {
        Self(name.as_str().to_owned())
    }
}

/// Not every origin can be a key name: some have spaces.
impl TryFrom<&Origin> for KeyName {
    type Error = NoteKeyError;

    fn try_from(origin: &Origin) -> Result<Self, NoteKeyError> {
        Self::new(origin.as_str())
    }
}

/// The head of a log: how many entries it has, and the root hash over them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    origin: Origin,
    size: TreeSize,
    root_hash: Hash,
    extensions: Vec<String>,
}

/// Why a checkpoint was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The origin is missing, empty, or has control characters.
    #[error("the origin is not a line of text without control characters")]
    Origin,
    /// The size is missing, or not a number up to 2^64-1 in its one form.
    #[error("the second line is not a size: digits without a leading zero, at most 2^64-1")]
    Size,
    /// The root hash is missing, or not the canonical base64 of 32 bytes.
    #[error("the third line is not a root hash: base64 of 32 bytes")]
    RootHash,
    /// An extension line is empty or has control characters.
    #[error("extension line {line} is not a line of text without control characters")]
    Extension {
        /// Which extension line, from 1.
        line: usize,
    },
    /// The last line does not end.
    #[error("a checkpoint ends with a newline")]
    NoFinalNewline,
    /// The note around it was refused.
    #[error("the checkpoint's note is refused")]
    Note(#[from] NoteError),
    /// The note is signed by known keys, but none has the name of the log.
    #[error("none of the verified signatures is by a key named {origin:?}, as the origin is")]
    OriginNotSigner {
        /// Whose checkpoint it says it is.
        origin: Origin,
    },
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    #[must_use]
    pub const fn new(origin: Origin, size: TreeSize, root_hash: Hash) -> Self {
        Self {
            origin,
            size,
            root_hash,
            extensions: Vec::new(),
        }
    }

    /// The same checkpoint with these extension lines.
    ///
    /// # Errors
    /// A line is empty or has control characters.
    pub fn with_extensions(mut self, extensions: Vec<String>) -> Result<Self, CheckpointError> {
        if let Some(position) = extensions.iter().position(|line| !is_line(line)) {
            return Err(CheckpointError::Extension { line: position + 1 });
        }
        self.extensions = extensions;
        Ok(self)
    }

    /// Reads the text of a note.
    ///
    /// The root hash of a size-0 checkpoint is not compared with that of the empty tree: whoever
    /// uses the hash compares it.
    ///
    /// # Errors
    /// The text is not a checkpoint in its one form.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::NoFinalNewline)?;
        let mut lines = lines.split('\n');
        let origin = Origin::new(lines.next().unwrap_or_default())?;
        let size = lines
            .next()
            .and_then(parse_size)
            .ok_or(CheckpointError::Size)?;
        let root_hash = lines
            .next()
            .and_then(parse_hash)
            .ok_or(CheckpointError::RootHash)?;
        Self::new(origin, size, root_hash).with_extensions(lines.map(str::to_owned).collect())
    }

    /// The text of the note, ending with a newline.
    #[must_use]
    pub fn encode(&self) -> String {
        let extensions = self.extensions.iter().map(|line| format!("{line}\n"));
        let extensions: String = extensions.collect();
        format!(
            "{}\n{}\n{}\n{extensions}",
            self.origin, self.size, self.root_hash
        )
    }

    /// Whose checkpoint it is.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many entries the log has.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The root hash over the entries.
    #[must_use]
    pub const fn root_hash(&self) -> Hash {
        self.root_hash
    }

    /// The extension lines, without newlines.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

/// Reads a signed checkpoint and checks that the log itself signed it: at least one of the
/// verified signatures is by a key that is named as the origin.
///
/// # Errors
/// The note or the checkpoint in it is malformed, the note is not signed as [`open`] wants it, or
/// only keys of other names signed.
pub fn open_checkpoint(
    bytes: &[u8],
    keys: &[VerifierKey],
) -> Result<(Checkpoint, OpenedNote), CheckpointError> {
    let opened = open(bytes, keys)?;
    let checkpoint = Checkpoint::parse(opened.note.text())?;
    let origin = checkpoint.origin.as_str();
    if !opened
        .verified
        .iter()
        .any(|signature| signature.name().as_str() == origin)
    {
        let origin = checkpoint.origin;
        return Err(CheckpointError::OriginNotSigner { origin });
    }
    Ok((checkpoint, opened))
}

/// Whether a text can be one line of a note.
fn is_line(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|found| found >= ' ')
}

fn parse_size(text: &str) -> Option<TreeSize> {
    let size = text.parse().ok().map(TreeSize::new)?;
    // Writing it again tells apart all the other forms that a number may take.
    (size.to_string() == text).then_some(size)
}

fn parse_hash(text: &str) -> Option<Hash> {
    let bytes = STANDARD.decode(text).ok()?;
    Hash::try_from(&bytes[..]).ok()
}

#[cfg(test)]
mod tests;
