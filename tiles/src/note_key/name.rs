//! What signature lines call a key: its name and its id.

use std::fmt;
use std::str::FromStr;

use super::NoteKeyError;

/// Length of the longest key name.
///
/// The note format has no limit, but cosigned messages give a name one byte of length.
pub const NAME_LEN_BYTES_MAX: usize = 255;

/// The name of a key, as signature lines give it.
///
/// Invariant: 1 to 255 bytes without white space, control characters or `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// The name is empty, too long, or has a character that a name cannot have.
    pub fn new(name: impl Into<String>) -> Result<Self, NoteKeyError> {
        let name = name.into();
        if name.is_empty() {
            return Err(NoteKeyError::NameEmpty);
        }
        if name.len() > NAME_LEN_BYTES_MAX {
            return Err(NoteKeyError::NameTooLong { found: name.len() });
        }
        // A note has no characters below U+0020 at all, whether they count as white space or not.
        let allowed = |found: char| !found.is_whitespace() && found != '+' && found >= ' ';
        match name.char_indices().find(|(_, found)| !allowed(*found)) {
            Some((position, found)) => Err(NoteKeyError::NameCharacter { position, found }),
            None => Ok(Self(name)),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NoteKeyError;

    fn from_str(name: &str) -> Result<Self, NoteKeyError> {
        Self::new(name)
    }
}

impl AsRef<str> for KeyName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The four bytes that tell keys of one name apart; eight lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

impl KeyId {
    /// Any `u32` is a key id.
    #[must_use]
    pub const fn new(key_id: u32) -> Self {
        Self(key_id)
    }

    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Reads eight lower-case hex digits, no more, no less.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let well_formed = text.len() == 8 && text.bytes().all(is_lower_hex);
        well_formed.then(|| u32::from_str_radix(text, 16).ok().map(Self))?
    }

    /// The first four bytes of a log id.
    pub(super) fn of(log_id: [u8; 32]) -> Self {
        let [a, b, c, d, ..] = log_id;
        Self(u32::from_be_bytes([a, b, c, d]))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
