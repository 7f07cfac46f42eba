//! The algorithms that an authority signs certificates with.

use std::fmt;

use der::asn1::ObjectIdentifier;

use super::oids;
use crate::KeyKind;
use crate::der_writer::{sequence, tag, tlv};

/// How a certificate is signed: scheme and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 over SHA-256, as DER.
    EcdsaP256Sha256,
    /// ECDSA on P-384 over SHA-384, as DER.
    EcdsaP384Sha384,
    /// RSA PKCS #1 v1.5 over SHA-256.
    RsaPkcs1Sha256,
}

impl SignatureAlgorithm {
    /// The algorithm that goes with a kind of key, if an authority may have such a key.
    ///
    /// Ed25519 is left out because sigstore-python refuses an authority with such a key, P-521
    /// because few verifiers know it.
    #[must_use]
    pub const fn for_key_kind(kind: KeyKind) -> Option<Self> {
        match kind {
            KeyKind::EcdsaP256 => Some(Self::EcdsaP256Sha256),
            KeyKind::EcdsaP384 => Some(Self::EcdsaP384Sha384),
            KeyKind::Rsa {
                modulus_bits: 2048 | 3072 | 4096,
            } => Some(Self::RsaPkcs1Sha256),
            KeyKind::Rsa { .. } | KeyKind::EcdsaP521 | KeyKind::Ed25519 => None,
        }
    }

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaP256Sha256 => oids::ECDSA_WITH_SHA256,
            Self::EcdsaP384Sha384 => oids::ECDSA_WITH_SHA384,
            Self::RsaPkcs1Sha256 => oids::RSA_WITH_SHA256,
        }
    }

    /// The DER `AlgorithmIdentifier`: RSA has NULL for parameters (RFC 4055 section 5), ECDSA has
    /// none (RFC 5758 section 3.2).
    #[must_use]
    pub fn to_der(self) -> Vec<u8> {
        let mut values = vec![tlv(tag::OID, self.oid().as_bytes())];
        if self == Self::RsaPkcs1Sha256 {
            values.push(tlv(tag::NULL, &[]));
        }
        sequence(&values)
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256Sha256 => "ecdsa p-256 over sha-256",
            Self::EcdsaP384Sha384 => "ecdsa p-384 over sha-384",
            Self::RsaPkcs1Sha256 => "rsa pkcs #1 v1.5 over sha-256",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_bytes_of_their_rfcs() {
        let der = |algorithm: SignatureAlgorithm| hex::encode(algorithm.to_der());
        assert_eq!(
            der(SignatureAlgorithm::EcdsaP256Sha256),
            "300a06082a8648ce3d040302"
        );
        assert_eq!(
            der(SignatureAlgorithm::EcdsaP384Sha384),
            "300a06082a8648ce3d040303"
        );
        let rsa = "300d06092a864886f70d01010b0500";
        assert_eq!(der(SignatureAlgorithm::RsaPkcs1Sha256), rsa);
    }
}
