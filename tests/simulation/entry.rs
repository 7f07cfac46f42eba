//! The entries of a simulation: numbers, in bytes of different lengths.

use bytes::Bytes;
use engine::{Format, UnfinishedEntry};

/// Names an entry. Two submissions with one number are the same entry.
pub(crate) type Number = u32;

/// The content of an entry: its number, and up to four bytes more.
pub(crate) fn content(number: Number) -> Bytes {
    let mut content = number.to_be_bytes().to_vec();
    content.resize(4 + usize::try_from(number % 5).expect("below 5"), b'x');
    Bytes::from(content)
}

pub(crate) fn entry(number: Number) -> UnfinishedEntry {
    UnfinishedEntry::new(content(number))
}

/// The number of a stored entry; `None` if it is not exactly what would be stored for any.
pub(crate) fn number_of(format: &dyn Format, index: u64, stored: &[u8]) -> Option<Number> {
    let leaf = format.leaf_of(stored).ok()?;
    let bytes = match format.name() {
        "tlog-tiles" => &*leaf,
        // Index and time stand before the content.
        _ => leaf.strip_prefix(&index.to_be_bytes())?.get(8..)?,
    };
    let number = Number::from_be_bytes(*bytes.first_chunk()?);
    (content(number) == bytes).then_some(number)
}
