//! Writing DER (X.690) by hand: a tag, the shortest length, the content.
//!
//! What this crate writes is small and its bytes are fixed by other people's parsers, so each
//! value is put down as it will stand in the file. No library gets to sort, wrap or leave out.
//!
//! Not here: reading, which the crate `der` does.

/// Tags of the values that are written.
pub(crate) mod tag {
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const SEQUENCE: u8 = 0x30;
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
    fn a_sequence_holds_its_values_in_order() {
        let values = [tlv(tag::OCTET_STRING, &[0xff]), tlv(tag::OID, &[5])];
        assert_eq!(sequence(&values), [0x30, 6, 4, 1, 0xff, 6, 1, 5]);
        assert_eq!(sequence::<&[u8]>(&[]), [0x30, 0]);
    }
}
