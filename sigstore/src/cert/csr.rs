//! A request for a certificate (RFC 2986) that asks for nothing but a certificate for its key: whom
//! it is for, an ID token says.

use super::signature_algorithm::SignatureAlgorithm;
use crate::der_writer::{bit_string, sequence, tag, tlv};
use crate::pem::PemBlock;

/// Attributes, of which there are none.
const ATTRIBUTES: u8 = 0xa0;

/// The part that the key signs: the key, with an empty subject and no attributes.
#[must_use]
pub fn to_be_signed(spki_der: &[u8]) -> Vec<u8> {
    let version = tlv(tag::INTEGER, &[0]);
    let subject = tlv(tag::SEQUENCE, &[]);
    let attributes = tlv(ATTRIBUTES, &[]);
    sequence(&[&version, &subject, spki_der, &attributes])
}

/// The whole request, as PEM.
#[must_use]
pub fn to_pem(signed: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> String {
    let label = "CERTIFICATE REQUEST".to_owned();
    let der = sequence(&[signed, &algorithm.to_der(), &bit_string(signature)]);
    PemBlock { label, der }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_details::KeyDetails;
    use crate::pem;
    use crate::test_keys::key;

    #[test]
    fn the_request_is_signed_by_its_own_key() {
        let key = key(KeyDetails::EcdsaP256Sha256);
        let signed = to_be_signed(&key.spki);
        assert_eq!(signed[..7], [0x30, 0x62, 0x02, 0x01, 0x00, 0x30, 0x00]);
        assert_eq!(signed[signed.len() - 2..], [0xa0, 0x00]);
        let text = to_pem(
            &signed,
            SignatureAlgorithm::EcdsaP256Sha256,
            &key.sign(&signed),
        );
        let (block, rest) = pem::parse_first(text.as_bytes()).unwrap();
        assert_eq!(
            (block.label.as_str(), rest),
            ("CERTIFICATE REQUEST", b"\n".as_slice())
        );
        assert!(block.der.windows(signed.len()).any(|part| part == signed));
    }
}
