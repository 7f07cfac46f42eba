//! The signing algorithms that a log accepts, under the names Sigstore gives them.
//!
//! A label (`PublicKeyDetails` in `sigstore_common.proto`) fixes three things at once: the kind
//! of key, the signature scheme and the hash of what was signed. [`KeyDetails`] has the labels
//! that Rekor v2 allows; the other labels of the protobuf enum are known by name only, so that a
//! refusal can say what it refuses.
//!
//! Not here: keys (`public_key`).

use std::fmt;

use crate::public_key::KeyKind;

/// The hash a signature was made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// The name in a log entry: `SHA2_256` and so on.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HashAlgorithm::Sha256 => "SHA2_256",
            HashAlgorithm::Sha384 => "SHA2_384",
            HashAlgorithm::Sha512 => "SHA2_512",
        }
    }

    const ALL: [HashAlgorithm; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The number in the protobuf enum `HashAlgorithm`.
    const fn number(self) -> i32 {
        match self {
            HashAlgorithm::Sha256 => 1,
            HashAlgorithm::Sha384 => 2,
            HashAlgorithm::Sha512 => 3,
        }
    }

    pub(crate) fn from_number(number: i32) -> Option<HashAlgorithm> {
        Self::ALL.into_iter().find(|hash| hash.number() == number)
    }

    /// The number of a name in the protobuf enum, that of the unset value included.
    pub(crate) fn number_of_name(name: &str) -> Option<i32> {
        if name == "HASH_ALGORITHM_UNSPECIFIED" {
            return Some(0);
        }
        let named = Self::ALL.into_iter().find(|hash| hash.name() == name);
        named.map(Self::number)
    }

    /// The name that log entries of Rekor v1 and in-toto statements have for it.
    #[must_use]
    pub const fn lower_case_name(self) -> &'static str {
        match self {
            HashAlgorithm::Sha256 => "sha256",
            HashAlgorithm::Sha384 => "sha384",
            HashAlgorithm::Sha512 => "sha512",
        }
    }

    /// The hash of that name.
    #[must_use]
    pub fn from_lower_case_name(name: &str) -> Option<HashAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|hash| hash.lower_case_name() == name)
    }

    /// How long its digests are.
    #[must_use]
    pub const fn digest_len_bytes(self) -> usize {
        match self {
            HashAlgorithm::Sha256 => 32,
            HashAlgorithm::Sha384 => 48,
            HashAlgorithm::Sha512 => 64,
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A label that Rekor v2 allows.
///
/// ```
/// use sigstore::{HashAlgorithm, KeyDetails};
///
/// let label = KeyDetails::from_name("PKIX_ED25519_PH").unwrap();
/// assert_eq!(label.number(), 8);
/// assert_eq!(label.hash(), HashAlgorithm::Sha512);
/// assert_eq!(KeyDetails::from_name("PKIX_ED25519"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyDetails {
    /// ECDSA on P-256 over SHA-256.
    EcdsaP256Sha256,
    /// `Ed25519ph` (RFC 8032), over SHA-512, with an empty context.
    Ed25519Ph,
    /// RSA with a modulus of 2048 bits, PKCS #1 v1.5 over SHA-256.
    Rsa2048Sha256,
    /// RSA with a modulus of 3072 bits, PKCS #1 v1.5 over SHA-256.
    Rsa3072Sha256,
    /// RSA with a modulus of 4096 bits, PKCS #1 v1.5 over SHA-256.
    Rsa4096Sha256,
    /// ECDSA on P-384 over SHA-384.
    EcdsaP384Sha384,
    /// ECDSA on P-521 over SHA-512.
    EcdsaP521Sha512,
}

impl KeyDetails {
    /// Every label there is, in the order of the protobuf numbers.
    pub const ALL: [KeyDetails; 7] = [
        KeyDetails::EcdsaP256Sha256,
        KeyDetails::Ed25519Ph,
        KeyDetails::Rsa2048Sha256,
        KeyDetails::Rsa3072Sha256,
        KeyDetails::Rsa4096Sha256,
        KeyDetails::EcdsaP384Sha384,
        KeyDetails::EcdsaP521Sha512,
    ];

    /// The number in `PublicKeyDetails`.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            KeyDetails::EcdsaP256Sha256 => 5,
            KeyDetails::Ed25519Ph => 8,
            KeyDetails::Rsa2048Sha256 => 9,
            KeyDetails::Rsa3072Sha256 => 10,
            KeyDetails::Rsa4096Sha256 => 11,
            KeyDetails::EcdsaP384Sha384 => 12,
            KeyDetails::EcdsaP521Sha512 => 13,
        }
    }

    /// The name in `PublicKeyDetails`, which is also the name in a log entry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyDetails::EcdsaP256Sha256 => "PKIX_ECDSA_P256_SHA_256",
            KeyDetails::Ed25519Ph => "PKIX_ED25519_PH",
            KeyDetails::Rsa2048Sha256 => "PKIX_RSA_PKCS1V15_2048_SHA256",
            KeyDetails::Rsa3072Sha256 => "PKIX_RSA_PKCS1V15_3072_SHA256",
            KeyDetails::Rsa4096Sha256 => "PKIX_RSA_PKCS1V15_4096_SHA256",
            KeyDetails::EcdsaP384Sha384 => "PKIX_ECDSA_P384_SHA_384",
            KeyDetails::EcdsaP521Sha512 => "PKIX_ECDSA_P521_SHA_512",
        }
    }

    /// The hash that the label stands for.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            KeyDetails::EcdsaP256Sha256
            | KeyDetails::Rsa2048Sha256
            | KeyDetails::Rsa3072Sha256
            | KeyDetails::Rsa4096Sha256 => HashAlgorithm::Sha256,
            KeyDetails::EcdsaP384Sha384 => HashAlgorithm::Sha384,
            KeyDetails::EcdsaP521Sha512 | KeyDetails::Ed25519Ph => HashAlgorithm::Sha512,
        }
    }

    /// The one kind of key that the label fits.
    #[must_use]
    pub const fn key_kind(self) -> KeyKind {
        match self {
            KeyDetails::EcdsaP256Sha256 => KeyKind::EcdsaP256,
            KeyDetails::EcdsaP384Sha384 => KeyKind::EcdsaP384,
            KeyDetails::EcdsaP521Sha512 => KeyKind::EcdsaP521,
            KeyDetails::Ed25519Ph => KeyKind::Ed25519,
            KeyDetails::Rsa2048Sha256 => KeyKind::Rsa { modulus_bits: 2048 },
            KeyDetails::Rsa3072Sha256 => KeyKind::Rsa { modulus_bits: 3072 },
            KeyDetails::Rsa4096Sha256 => KeyKind::Rsa { modulus_bits: 4096 },
        }
    }

    /// The label with this number, if it is an allowed one.
    #[must_use]
    pub fn from_number(number: i32) -> Option<KeyDetails> {
        KeyDetails::ALL
            .into_iter()
            .find(|label| label.number() == number)
    }

    /// The label with this name, if it is an allowed one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<KeyDetails> {
        KeyDetails::ALL
            .into_iter()
            .find(|label| label.name() == name)
    }

    /// The label that fits a kind of key, if any does.
    #[must_use]
    pub fn for_key_kind(kind: KeyKind) -> Option<KeyDetails> {
        KeyDetails::ALL
            .into_iter()
            .find(|label| label.key_kind() == kind)
    }
}

impl fmt::Display for KeyDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The number of any name in the protobuf enum, allowed or not.
pub(crate) fn number_of_name(name: &str) -> Option<i32> {
    let allowed = KeyDetails::from_name(name).map(KeyDetails::number);
    allowed.or_else(|| {
        NOT_ALLOWED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, n)| *n)
    })
}

/// How to speak of a number that a request carried.
pub(crate) fn describe_number(number: i32) -> String {
    match NOT_ALLOWED.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => format!("{name} ({number})"),
        None => number.to_string(),
    }
}

/// The allowed names, for refusals.
pub(crate) fn allowed_names() -> String {
    KeyDetails::ALL.map(KeyDetails::name).join(", ")
}

/// The names of `PublicKeyDetails` that Rekor v2 refuses: deprecated ones, those without a hash
/// of their own, and schemes it has no verifier for.
const NOT_ALLOWED: [(&str, i32); 17] = [
    ("PUBLIC_KEY_DETAILS_UNSPECIFIED", 0),
    ("PKCS1_RSA_PKCS1V5", 1),
    ("PKCS1_RSA_PSS", 2),
    ("PKIX_RSA_PKCS1V5", 3),
    ("PKIX_RSA_PSS", 4),
    ("PKIX_ECDSA_P256_HMAC_SHA_256", 6),
    ("PKIX_ED25519", 7),
    ("LMS_SHA256", 14),
    ("LMOTS_SHA256", 15),
    ("PKIX_RSA_PSS_2048_SHA256", 16),
    ("PKIX_RSA_PSS_3072_SHA256", 17),
    ("PKIX_RSA_PSS_4096_SHA256", 18),
    ("PKIX_ECDSA_P384_SHA_256", 19),
    ("PKIX_ECDSA_P521_SHA_256", 20),
    ("ML_DSA_65", 21),
    ("ML_DSA_87", 22),
    ("ML_DSA_44", 23),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_find_the_same_label() {
        for label in KeyDetails::ALL {
            assert_eq!(KeyDetails::from_name(label.name()), Some(label));
            assert_eq!(KeyDetails::from_number(label.number()), Some(label));
            assert_eq!(KeyDetails::for_key_kind(label.key_kind()), Some(label));
            assert_eq!(number_of_name(label.name()), Some(label.number()));
            assert_eq!(label.to_string(), label.name());
        }
    }

    #[test]
    fn every_number_has_one_name() {
        let mut numbers: Vec<i32> = NOT_ALLOWED.iter().map(|(_, number)| *number).collect();
        numbers.extend(KeyDetails::ALL.map(KeyDetails::number));
        numbers.sort_unstable();
        assert_eq!(numbers, (0..=23).collect::<Vec<_>>());
    }

    #[test]
    fn labels_that_are_not_allowed_are_known_by_name_only() {
        for (name, number) in NOT_ALLOWED {
            assert_eq!(KeyDetails::from_name(name), None);
            assert_eq!(KeyDetails::from_number(number), None);
            assert_eq!(number_of_name(name), Some(number));
            assert_eq!(describe_number(number), format!("{name} ({number})"));
        }
    }

    #[test]
    fn unknown_names_and_numbers() {
        assert_eq!(number_of_name("pkix_ed25519_ph"), None);
        assert_eq!(number_of_name("5"), None);
        assert_eq!(KeyDetails::from_number(24), None);
        assert_eq!(KeyDetails::from_number(-1), None);
        assert_eq!(describe_number(24), "24");
    }

    /// The hash each label stands for: the table in the Rekor v2 algorithm registry.
    #[test]
    fn hashes_follow_the_registry() {
        let found: Vec<(i32, &str, usize)> = KeyDetails::ALL
            .map(|label| {
                (
                    label.number(),
                    label.hash().name(),
                    label.hash().digest_len_bytes(),
                )
            })
            .to_vec();
        let wanted = [
            (5, "SHA2_256", 32),
            (8, "SHA2_512", 64),
            (9, "SHA2_256", 32),
            (10, "SHA2_256", 32),
            (11, "SHA2_256", 32),
            (12, "SHA2_384", 48),
            (13, "SHA2_512", 64),
        ];
        assert_eq!(found, wanted);
    }
}
