//! Writing elements of several parts, on top of `der_writer`.

use der::asn1::ObjectIdentifier;

use crate::der_writer::tlv;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]` in place of a primitive's own tag; other numbers are added.
pub(super) const CONTEXT_PRIMITIVE: u8 = 0x80;
/// `[0]` around other elements; other numbers are added.
pub(super) const CONTEXT_CONSTRUCTED: u8 = 0xa0;

/// One element, its content the parts one after another.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

/// A SEQUENCE of whole elements.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// A SET OF whole elements, which DER wants in the order of their encodings (X.690 section 11.6).
pub(super) fn set_of(mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    tlv(SET, &elements.concat())
}

/// An OBJECT IDENTIFIER.
pub(super) fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    tlv(OBJECT_IDENTIFIER, oid.as_bytes())
}

/// An `AlgorithmIdentifier` without parameters, as RFC 5754 wants it for ECDSA and SHA-2.
pub(super) fn algorithm(algorithm: &ObjectIdentifier) -> Vec<u8> {
    tlv(SEQUENCE, &oid(algorithm))
}

/// A BIT STRING of whole bytes.
pub(super) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// An INTEGER of a small number.
pub(super) fn small_integer(number: u8) -> Vec<u8> {
    let sign: &[u8] = if number < 0x80 { &[] } else { &[0] };
    element(INTEGER, &[sign, &[number]])
}

#[cfg(test)]
mod tests {
    use der::Decode as _;

    use super::*;

    #[test]
    fn sets_are_sorted_by_encoding() {
        let set = set_of(vec![small_integer(200), small_integer(9), small_integer(3)]);
        assert_eq!(hex::encode(set), "310a020103020109020200c8");
    }

    #[test]
    fn small_integers_are_positive() {
        for number in [0, 1, 127, 128, 255] {
            assert_eq!(u8::from_der(&small_integer(number)), Ok(number));
        }
    }
}
