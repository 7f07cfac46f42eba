//! Writing DER (X.690) by hand: a tag, the shortest length, the content.
//!
//! What this crate writes is small and its bytes are fixed by other people's parsers, so each
//! value is put down as it will stand in the file. No library gets to sort, wrap or leave out.
//!
//! Not here: reading, which the crate `der` does.

/// Tags of the values that are written.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

/// One value.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len().saturating_add(6));
    out.push(tag);
    let len = content.len().to_be_bytes();
    let leading_zeros = len.iter().take_while(|byte| **byte == 0).count();
    let significant = len.get(leading_zeros..).unwrap_or_default();
    match significant {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            // At most eight bytes of length, on any machine.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A sequence of values that are DER already.
pub(crate) fn sequence<T: AsRef<[u8]>>(values: &[T]) -> Vec<u8> {
    let content: Vec<u8> = values.iter().flat_map(AsRef::as_ref).copied().collect();
    tlv(tag::SEQUENCE, &content)
}

/// A bit string of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::BIT_STRING, &[&[0], bytes].concat())
}

/// A number that is not negative, from its big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let leading_zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(leading_zeros..).unwrap_or_default();
    // A zero in front keeps the number from reading as negative, and is all of the number zero.
    let pad = significant.first().is_none_or(|first| *first >= 0x80);
    let zero: &[u8] = if pad { &[0] } else { &[] };
    tlv(tag::INTEGER, &[zero, significant].concat())
}

#[cfg(test)]
mod tests {
    use der::asn1::OctetStringRef;
    use der::{Decode, Encode};

    use super::*;

    #[test]
    fn every_form_of_length_is_that_of_the_library() {
        for len in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
            let content = vec![7; len];
            let ours = tlv(tag::OCTET_STRING, &content);
            let theirs = OctetStringRef::new(&content).unwrap().to_der().unwrap();
            assert_eq!(ours, theirs, "{len}");
            let read = <&OctetStringRef>::from_der(&ours).unwrap();
            assert_eq!(read.as_bytes(), content);
        }
    }

    #[test]
    fn a_number_is_as_short_as_it_can_be() {
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0x80, 1]), [2, 3, 0, 0x80, 1]);
    }

    #[test]
    fn a_bit_string_has_no_unused_bits() {
        assert_eq!(bit_string(&[5]), [3, 2, 0, 5]);
    }

    #[test]
    fn a_sequence_holds_its_values_in_order() {
        let values = [tlv(tag::OCTET_STRING, &[0xff]), tlv(tag::OID, &[5])];
        assert_eq!(sequence(&values), [0x30, 6, 4, 1, 0xff, 6, 1, 5]);
        assert_eq!(sequence::<&[u8]>(&[]), [0x30, 0]);
    }
}
