//! INTEGERs that are only passed on and compared: nonces and serial numbers, of any size up to a
//! bound.

use std::fmt;

use super::writer;

/// The longest nonce or serial number: far more than the 160 bits that RFC 3161 asks for.
const LEN_BYTES_MAX: usize = 64;

/// A number a client made up, so that it knows the answer to be new.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Content);

/// The number of a token, of which an authority uses each once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SerialNumber(Content);

/// The content of an INTEGER: big-endian two's complement without needless bytes. Some clients
/// send negative numbers, so the sign is not looked at.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Content(Vec<u8>);

impl Nonce {
    /// The nonce with this value.
    #[must_use]
    pub fn from_u64(value: u64) -> Nonce {
        Nonce(Content::positive(&value.to_be_bytes()))
    }

    pub(super) fn from_content(content: &[u8]) -> Result<Nonce, der::Error> {
        Content::new(content).map(Nonce)
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        writer::element(writer::INTEGER, &[&self.0.0])
    }
}

impl SerialNumber {
    /// A positive number of exactly 20 bytes out of as many random ones, of which 158 bits are
    /// kept: the top bit is the sign, and with the next one set no number is shorter.
    #[must_use]
    pub fn from_random(mut random: [u8; 20]) -> SerialNumber {
        let [first, ..] = &mut random;
        *first = (*first & 0x7f) | 0x40;
        SerialNumber(Content(random.to_vec()))
    }

    pub(super) fn from_content(content: &[u8]) -> Result<SerialNumber, der::Error> {
        Content::new(content).map(SerialNumber)
    }

    /// The whole INTEGER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        writer::element(writer::INTEGER, &[&self.0.0])
    }
}

impl Content {
    /// Takes content in its shortest form only.
    fn new(content: &[u8]) -> Result<Content, der::Error> {
        if content.len() > LEN_BYTES_MAX {
            return Err(der::Tag::Integer.length_error().into());
        }
        let needless = match content {
            [] => true,
            [0, second, ..] => *second < 0x80,
            [0xff, second, ..] => *second >= 0x80,
            _ => false,
        };
        if needless {
            return Err(der::Tag::Integer.non_canonical_error().into());
        }
        Ok(Content(content.to_vec()))
    }

    fn positive(big_endian: &[u8]) -> Content {
        let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
        let mut content: Vec<u8> = big_endian.iter().copied().skip(zeros).collect();
        if content.first().is_none_or(|first| *first >= 0x80) {
            content.insert(0, 0);
        }
        Content(content)
    }
}

/// The content in hexadecimal: what people compare with what other tools print.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_their_sign_allows() {
        let cases = [
            (0, "00"),
            (1, "01"),
            (0x7f, "7f"),
            (0x80, "0080"),
            (0x0100, "0100"),
        ];
        for (value, wanted) in cases {
            assert_eq!(Nonce::from_u64(value).to_string(), wanted);
        }
        assert_eq!(Nonce::from_u64(u64::MAX).to_string(), "00ffffffffffffffff");
    }

    #[test]
    fn needless_bytes_are_refused() {
        for content in ["", "0001", "ff80", &"01".repeat(65)] {
            let content = hex::decode(content).unwrap();
            assert!(Nonce::from_content(&content).is_err(), "{content:02x?}");
        }
        for content in ["00", "0080", "ff7f", "80", &"01".repeat(64)] {
            let bytes = hex::decode(content).unwrap();
            assert_eq!(Nonce::from_content(&bytes).unwrap().to_string(), content);
        }
    }

    #[test]
    fn serial_numbers_are_positive_and_of_one_length() {
        for byte in [0x00, 0x7f, 0xff] {
            let serial = SerialNumber::from_random([byte; 20]).to_der();
            assert_eq!(serial.len(), 22);
            assert!((0x40..0x80).contains(&serial[2]), "{serial:02x?}");
        }
    }
}
