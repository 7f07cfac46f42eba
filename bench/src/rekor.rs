//! Rekor entries like those of a public log: real keys, real signatures, real DER.
//!
//! What compresses in a bundle is what its entries share, so the mixed matters:
//! - **key-signed** entries come from [`SIGNERS`] P-256 keys, the n-th of which signs in proportion
//!   to 1/n, as a few build systems sign most of what is signed;
//! - **certificate-signed** entries come from [`SIGNERS`] repositories in the same proportions, and
//!   each has a key, a serial number, a commit and a run of its own under one issuer;
//! - entries **signed once**, each with a key of its own, are the worst case of the first kind.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sigstore::entry::hashedrekord::HashedRekord;

use crate::certificate::{Authority, Workflow, spki_p256};
use crate::mixed;

/// Different keys, or different repositories.
pub const SIGNERS: u64 = 200;

/// Why an entry could not be made; the cryptography library does not say more.
#[derive(Debug)]
pub struct Unmakeable(pub &'static str);

/// Makes entries.
#[derive(Debug)]
pub struct Maker {
    keys: Vec<EcdsaKeyPair>,
    authority: Authority,
    random: SystemRandom,
}

impl Maker {
    /// Keys for every signer, and a certificate authority.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new() -> Result<Self, Unmakeable> {
        let keys = (0..SIGNERS).map(|_| new_key()).collect::<Result<_, _>>()?;
        Ok(Self {
            keys,
            authority: Authority::new()?,
            random: SystemRandom::new(),
        })
    }

    /// The leaf of an entry signed with a key that signs other entries, too.
    ///
    /// # Errors
    /// If the signature fails.
    pub fn key_signed(&self, number: u64) -> Result<Vec<u8>, Unmakeable> {
        let signer = usize::try_from(signer(number)).map_err(|_| Unmakeable("signer"))?;
        let key = self.keys.get(signer).ok_or(Unmakeable("signer"))?;
        let spki = spki_p256(key.public_key().as_ref());
        self.leaf(number, key, "publicKey", &spki)
    }

    /// The leaf of an entry signed with a key that signs nothing else.
    ///
    /// # Errors
    /// If the signature fails.
    pub fn key_signed_once(&self, number: u64) -> Result<Vec<u8>, Unmakeable> {
        let key = new_key()?;
        let spki = spki_p256(key.public_key().as_ref());
        self.leaf(number, &key, "publicKey", &spki)
    }

    /// The leaf of an entry signed with a key of its own, under a certificate of its own.
    ///
    /// # Errors
    /// If a signature fails.
    pub fn certificate_signed(&self, number: u64) -> Result<Vec<u8>, Unmakeable> {
        let key = new_key()?;
        let workflow = Workflow::new(signer(number), number);
        let certificate = self
            .authority
            .certify(key.public_key().as_ref(), &workflow, number)?;
        self.leaf(number, &key, "x509Certificate", &certificate)
    }

    fn leaf(
        &self,
        number: u64,
        key: &EcdsaKeyPair,
        arm: &str,
        verifier: &[u8],
    ) -> Result<Vec<u8>, Unmakeable> {
        // Eight bytes are artifact enough: of an artifact, an entry has no more than the digest.
        let artifact = number.to_be_bytes();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &artifact);
        let signature = key.sign(&self.random, &artifact);
        let signature = signature.map_err(|_| Unmakeable("signature"))?;
        let leaf = format!(
            "{{\"apiVersion\":\"0.0.2\",\"kind\":\"hashedrekord\",\
            \"spec\":{{\"hashedRekordV002\":{{\
            \"data\":{{\"algorithm\":\"SHA2_256\",\"digest\":\"{}\"}},\
            \"signature\":{{\"content\":\"{}\",\"verifier\":{{\
            \"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\",\"{arm}\":{{\"rawBytes\":\"{}\"}}}}}}}}}}}}",
            STANDARD.encode(digest),
            STANDARD.encode(signature),
            STANDARD.encode(verifier),
        );
        Ok(leaf.into_bytes())
    }
}

/// Whether these are the bytes that a log would hold: a canonical entry with a signature that
/// verifies.
#[must_use]
pub fn is_genuine(leaf: &[u8]) -> bool {
    HashedRekord::parse_leaf(leaf).is_ok_and(|entry| entry.verify().is_ok())
}

/// Who makes the entry with that number: the n-th signer in proportion to 1/n.
fn signer(number: u64) -> u64 {
    // Harmonic weights in millionths.
    let weight = |n: u64| 1_000_000 / (n + 1);
    let total: u64 = (0..SIGNERS).map(weight).sum();
    let mut place = mixed(number) % total;
    for n in 0..SIGNERS {
        if place < weight(n) {
            return n;
        }
        place -= weight(n);
    }
    0
}

fn new_key() -> Result<EcdsaKeyPair, Unmakeable> {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| Unmakeable("key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_what_a_log_would_hold() {
        let maker = Maker::new().unwrap();
        for number in 0..20 {
            assert!(is_genuine(&maker.key_signed(number).unwrap()));
            assert!(is_genuine(&maker.key_signed_once(number).unwrap()));
            assert!(is_genuine(&maker.certificate_signed(number).unwrap()));
        }
    }

    #[test]
    fn a_few_signers_make_most_entries() {
        let first_ten = (0..10_000).filter(|number| signer(*number) < 10).count();
        assert!((4_000..6_000).contains(&first_ten), "{first_ten}");
    }
}
