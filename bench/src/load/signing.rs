//! Keys of signers, and requests of Rekor v2 that they signed before the clock starts.
//!
//! What is kept of a request is digest and signature, some 150 bytes; its JSON is put together
//! when it is sent, in about a microsecond.

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::ProgressBar;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256, Sha512};
use sigstore::KeyDetails;

use super::args::KeyChoice;

/// Keys of each kind: signers differ, but making RSA keys takes long.
const KEYS_PER_CHOICE: usize = 16;

/// Length of what is signed: a seed and a number would do, but nobody signs as little.
const MESSAGE_LEN_BYTES: usize = 64;

/// A key pair.
struct Signer {
    label: KeyDetails,
    /// The public key: `SubjectPublicKeyInfo`, DER, base64.
    spki: String,
    secret: Secret,
}

enum Secret {
    P256(EcdsaKeyPair),
    Ed25519ph(Box<ed25519_dalek::SigningKey>),
    Rsa(RsaKeyPair),
}

/// A signature over a digest.
struct Signed {
    digest: Box<[u8]>,
    signature: Box<[u8]>,
}

/// Requests that are ready to be sent, by their numbers.
pub(super) struct SignedRequests {
    signers: Vec<Signer>,
    signed: Vec<Signed>,
}

impl SignedRequests {
    /// Signs that many, each something else, on all cores.
    pub(super) fn prepare(
        choices: &[KeyChoice],
        seed: u64,
        count: u32,
        progress: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let choices = std::iter::repeat_n(choices, KEYS_PER_CHOICE).flatten();
        let signers = choices.map(|choice| Signer::generate(*choice));
        let signers: Vec<Signer> = signers.collect::<anyhow::Result<_>>()?;
        let signed = (0..u64::from(count)).into_par_iter().map(|number| {
            progress.inc(1);
            let message = crate::seeded_entry(seed, number, MESSAGE_LEN_BYTES);
            signer_of(&signers, number).sign(&message)
        });
        let signed: Vec<Signed> = signed.collect::<anyhow::Result<_>>()?;
        Ok(Self { signers, signed })
    }

    /// The body of a request; `None` past the last.
    pub(super) fn body(&self, number: u64) -> Option<String> {
        let (signer, digest, signature) = self.parts(number)?;
        Some(format!(
            concat!(
                r#"{{"hashedRekordRequestV002":{{"digest":"{}","signature":{{"content":"{}","#,
                r#""verifier":{{"publicKey":{{"rawBytes":"{}"}},"keyDetails":"{}"}}}}}}}}"#
            ),
            digest,
            signature,
            signer.spki,
            signer.label.name(),
        ))
    }

    /// The leaf that a log must make of it; `None` past the last. By hand, so that it does not
    /// depend on the code that the server makes it with.
    pub(super) fn leaf(&self, number: u64) -> Option<String> {
        let (signer, digest, signature) = self.parts(number)?;
        Some(format!(
            concat!(
                r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"#,
                r#""data":{{"algorithm":"{}","digest":"{}"}},"signature":{{"content":"{}","#,
                r#""verifier":{{"keyDetails":"{}","publicKey":{{"rawBytes":"{}"}}}}}}}}}}}}"#
            ),
            signer.label.hash().name(),
            digest,
            signature,
            signer.label.name(),
            signer.spki,
        ))
    }

    fn parts(&self, number: u64) -> Option<(&Signer, String, String)> {
        let signed = self.signed.get(usize::try_from(number).ok()?)?;
        let signer = signer_of(&self.signers, number);
        let (digest, signature) = (&signed.digest, &signed.signature);
        Some((signer, STANDARD.encode(digest), STANDARD.encode(signature)))
    }
}

/// Signers take turns.
fn signer_of(signers: &[Signer], number: u64) -> &Signer {
    let at = usize::try_from(number).unwrap_or_default() % signers.len().max(1);
    signers.get(at).expect("there is at least one kind of key")
}

impl Signer {
    fn generate(choice: KeyChoice) -> anyhow::Result<Self> {
        let failed = "the key could not be made";
        let (label, spki, secret) = match choice {
            KeyChoice::P256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
                let pair = pair.context(failed)?;
                let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().context(failed)?;
                let spki = spki.as_ref().to_vec();
                (KeyDetails::EcdsaP256Sha256, spki, Secret::P256(pair))
            }
            KeyChoice::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).context(failed)?;
                let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().context(failed)?;
                let spki = spki.as_ref().to_vec();
                (KeyDetails::Rsa2048Sha256, spki, Secret::Rsa(pair))
            }
            KeyChoice::Ed25519ph => {
                let mut seed = [0; 32];
                aws_lc_rs::rand::fill(&mut seed).context(failed)?;
                let key = ed25519_dalek::SigningKey::from_bytes(&seed);
                let public = key.verifying_key().to_bytes();
                let spki = [&super::log_key::ED25519_SPKI_PREFIX[..], &public].concat();
                (
                    KeyDetails::Ed25519Ph,
                    spki,
                    Secret::Ed25519ph(Box::new(key)),
                )
            }
        };
        let spki = STANDARD.encode(spki);
        Ok(Self {
            label,
            spki,
            secret,
        })
    }

    fn sign(&self, message: &[u8]) -> anyhow::Result<Signed> {
        let random = SystemRandom::new();
        let failed = "a request could not be signed";
        let (digest, signature) = match &self.secret {
            Secret::P256(pair) => {
                let signature = pair.sign(&random, message).context(failed)?;
                (
                    Sha256::digest(message).to_vec(),
                    signature.as_ref().to_vec(),
                )
            }
            Secret::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .context(failed)?;
                (Sha256::digest(message).to_vec(), signature)
            }
            Secret::Ed25519ph(key) => {
                let hash = Sha512::new_with_prefix(message);
                let digest = hash.clone().finalize().to_vec();
                let signature = key.sign_prehashed(hash, None).context(failed)?;
                (digest, signature.to_vec())
            }
        };
        Ok(Signed {
            digest: digest.into(),
            signature: signature.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use sigstore::HashedRekordRequest;

    use super::*;

    #[test]
    fn requests_are_what_a_log_takes_and_leaves_what_it_makes_of_them() {
        let choices = [KeyChoice::P256, KeyChoice::Ed25519ph, KeyChoice::Rsa];
        let requests = SignedRequests::prepare(&choices, 1, 6, &ProgressBar::hidden()).unwrap();
        let mut labels = Vec::new();
        for number in 0..6 {
            let body = requests.body(number).unwrap();
            let request = HashedRekordRequest::parse(body.as_bytes()).unwrap();
            let entry = request.verify().unwrap();
            labels.push(entry.key_details());
            let leaf = String::from_utf8(entry.leaf_bytes()).unwrap();
            assert_eq!(requests.leaf(number), Some(leaf));
        }
        let three = [
            KeyDetails::EcdsaP256Sha256,
            KeyDetails::Ed25519Ph,
            KeyDetails::Rsa2048Sha256,
        ];
        assert_eq!(labels, [three, three].concat());
        assert_eq!(requests.body(6), None);
    }
}
