//! Ed25519 keys that sign digests (`Ed25519ph`), which is what logs of digests can check. The
//! signature follows from key and digest alone.

use der::Decode as _;
use ed25519_dalek::SigningKey;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use crate::cert::oids;
use crate::public_key::sign_ed25519ph;

/// A private key. Wiped when dropped.
#[derive(Clone)]
pub struct Ed25519PhKey(SigningKey);

impl Ed25519PhKey {
    /// The key in PKCS #8 DER (RFC 8410); `None` if that is no such key.
    #[must_use]
    pub fn from_pkcs8(der: &[u8]) -> Option<Ed25519PhKey> {
        const SEED_TLV: [u8; 2] = [0x04, 32];
        let info = PrivateKeyInfoRef::from_der(der).ok()?;
        if info.algorithm.oid != oids::ED25519 {
            return None;
        }
        let seed = info.private_key.as_bytes().strip_prefix(&SEED_TLV)?;
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).ok()?);
        Some(Ed25519PhKey(SigningKey::from_bytes(&seed)))
    }

    /// The 32 bytes of the public half.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a SHA-512, with an empty context. `None` if the digest has another length.
    #[must_use]
    pub fn sign_digest(&self, sha512: &[u8]) -> Option<[u8; 64]> {
        sign_ed25519ph(&self.0, sha512.try_into().ok()?)
    }
}

impl std::fmt::Debug for Ed25519PhKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ed25519PhKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha512};

    use super::*;
    use crate::public_key::PublicKey;
    use crate::{HashAlgorithm, test_keys};

    #[test]
    fn a_signature_verifies_by_the_public_half() {
        // RFC 8410, section 10.3.
        let der = hex::decode(concat!(
            "302e020100300506032b657004220420",
            "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"
        ));
        let key = Ed25519PhKey::from_pkcs8(&der.unwrap()).unwrap();
        let spki = test_keys::ed25519_spki(&key.public_key());
        let public = PublicKey::from_spki_der(&spki).unwrap();
        let digest = Sha512::digest(b"signed");
        let signature = key.sign_digest(&digest).unwrap();
        let verified = public.verify_prehashed(HashAlgorithm::Sha512, &digest, &signature);
        assert_eq!(verified, Ok(()));
        assert_eq!(key.sign_digest(b"short"), None);
        assert_eq!(Ed25519PhKey::from_pkcs8(b"0").map(|k| k.public_key()), None);
    }
}
