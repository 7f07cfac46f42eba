//! The key that checkpoints are checked with, if one is known.
//!
//! A key in PEM has no name, and a signed note wants one: it is taken for the key of whatever
//! origin the checkpoint names, as Sigstore's clients do.

use std::path::Path;

use anyhow::{Context as _, bail};
use sigstore::PublicKey;
use tiles::{Checkpoint, KeyName, Note, NoteKeyError, VerifierKey, open_checkpoint};

/// Everything in the DER of an Ed25519 `SubjectPublicKeyInfo` but the key (RFC 8410).
pub(super) const ED25519_SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// What is known of a log's key.
#[derive(Clone, Debug)]
pub(super) enum LogKey {
    /// Key and name.
    Named(VerifierKey),
    /// A `SubjectPublicKeyInfo` in DER, under any name.
    Spki(Vec<u8>),
    /// Nothing: checkpoints are believed.
    Unknown,
}

impl LogKey {
    /// A verifier key, as signed notes have them.
    pub(super) fn from_vkey(vkey: &str) -> Result<Self, NoteKeyError> {
        VerifierKey::parse(vkey).map(Self::Named)
    }

    /// The public key in a PEM file.
    pub(super) fn read_pem(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let pem = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let (label, der) = pem_rfc7468::decode_vec(&pem)
            .map_err(|error| anyhow::anyhow!("{shown} is not PEM: {error}"))?;
        if label != "PUBLIC KEY" {
            bail!("{shown} holds a {label}, wanted a PUBLIC KEY");
        }
        PublicKey::from_spki_der(&der).with_context(|| format!("{shown} holds no usable key"))?;
        Ok(Self::Spki(der))
    }

    /// Whether signatures are checked at all.
    pub(super) const fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// The key under the name of that origin.
    pub(super) fn named(&self, origin: &str) -> Result<Option<VerifierKey>, NoteKeyError> {
        match self {
            Self::Named(key) => Ok(Some(key.clone())),
            Self::Unknown => Ok(None),
            Self::Spki(der) => {
                let name = KeyName::new(origin)?;
                let ed25519 = der.strip_prefix(&ED25519_SPKI_PREFIX);
                match ed25519.and_then(|key| <[u8; 32]>::try_from(key).ok()) {
                    Some(key) => Ok(Some(VerifierKey::from_ed25519(name, key))),
                    None => VerifierKey::from_ecdsa_spki(name, der).map(Some),
                }
            }
        }
    }

    /// Reads a checkpoint, and checks its signature if the key is known.
    pub(super) fn open(&self, note: &[u8]) -> anyhow::Result<Checkpoint> {
        let unsigned = Checkpoint::parse(Note::parse(note)?.text())?;
        match self.named(unsigned.origin().as_str())? {
            None => Ok(unsigned),
            Some(key) => {
                let (checkpoint, _) = open_checkpoint(note, &[key])
                    .context("the checkpoint is not signed as it should be")?;
                Ok(checkpoint)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tiles::{Ed25519NoteSigner, NoteSigner as _, Origin, TreeSize, empty_root, sign_note};

    use super::*;

    fn signer(seed: u8) -> Ed25519NoteSigner {
        Ed25519NoteSigner::from_seed(KeyName::new("log.example").unwrap(), [seed; 32]).unwrap()
    }

    fn note(seed: u8) -> String {
        let origin = Origin::new("log.example").unwrap();
        let text = Checkpoint::new(origin, TreeSize::ZERO, empty_root()).encode();
        sign_note(&text, &[&signer(seed)]).unwrap().encode()
    }

    #[test]
    fn only_the_key_of_the_log_opens_its_checkpoints() {
        let vkey = signer(7).verifier().to_string();
        for key in [
            LogKey::from_vkey(&vkey).unwrap(),
            LogKey::Spki(signer(7).verifier().spki_der()),
        ] {
            assert!(key.open(note(7).as_bytes()).is_ok());
            assert!(key.open(note(8).as_bytes()).is_err());
            assert!(key.is_known());
        }
        assert!(LogKey::Unknown.open(note(8).as_bytes()).is_ok());
        assert!(LogKey::Unknown.open(b"no note").is_err());
    }
}
