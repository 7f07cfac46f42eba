//! Private keys in files, encrypted where there is a passphrase.
//!
//! Which of the two a file is, it says itself; a new one is encrypted if a passphrase is at hand.

use std::fmt;
use std::path::{Display, Path, PathBuf};

use sigstore::key_file::{self, EncryptionRandom};
use zeroize::Zeroizing;

use super::{KeyFileError, decode, read_private, write_new, write_private};
use crate::config::PassphraseSource;

/// How the text of an encrypted key begins.
const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// A key's file, and where its passphrase is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyFile {
    path: PathBuf,
    passphrase: PassphraseSource,
}

impl KeyFile {
    pub(crate) fn new(path: PathBuf, passphrase: PassphraseSource) -> KeyFile {
        KeyFile { path, passphrase }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path, for messages.
    pub(crate) fn display(&self) -> Display<'_> {
        self.path.display()
    }

    /// The private key as PKCS#8 DER. Takes a quarter of a second if it is encrypted.
    ///
    /// # Errors
    /// If it can't be read, is open to others, or needs a passphrase that is not there.
    pub(crate) fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let pem = read_private(&self.path)?;
        if !is_encrypted(&pem) {
            return decode(&self.path, &pem);
        }
        let passphrase = self.passphrase.find()?;
        let passphrase = passphrase.ok_or_else(|| KeyFileError::NoPassphrase(self.path.clone()))?;
        key_file::decrypt(&pem, passphrase.bytes()).map_err(|cause| KeyFileError::Encryption {
            path: self.path.clone(),
            cause,
        })
    }

    /// Whether the file is encrypted.
    ///
    /// # Errors
    /// If it can't be read, or is open to others.
    pub(crate) fn is_encrypted(&self) -> Result<bool, KeyFileError> {
        Ok(is_encrypted(&read_private(&self.path)?))
    }

    /// Writes a new key, PKCS#8 DER: under the passphrase, if there is one.
    ///
    /// # Errors
    /// If there is a file already, or it can't be written.
    pub(crate) fn write_new(&self, der: &[u8]) -> Result<(), KeyFileError> {
        let Some(passphrase) = self.passphrase.find()? else {
            return write_new(&self.path, der);
        };
        let mut random = EncryptionRandom {
            salt: [0; 16],
            iv: [0; 16],
        };
        for part in [&mut random.salt, &mut random.iv] {
            aws_lc_rs::rand::fill(part)
                .map_err(|_| KeyFileError::Generate("it can't be encrypted"))?;
        }
        let pem = key_file::encrypt(der, passphrase.bytes(), &random);
        let pem = pem.map_err(|cause| KeyFileError::Encryption {
            path: self.path.clone(),
            cause,
        })?;
        write_private(&self.path, pem.as_bytes())
    }
}

fn is_encrypted(pem: &[u8]) -> bool {
    pem.windows(ENCRYPTED.len())
        .any(|window| window == ENCRYPTED)
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_encrypted_under_the_passphrase_and_opens_by_it_alone() {
        let dir = tempfile::tempdir().unwrap();
        let passphrase = |name: &str, text: &str| {
            let path = dir.path().join(name);
            write_private(&path, text.as_bytes()).unwrap();
            PassphraseSource::File(path)
        };
        let der = ca::signer::generate(sigstore::KeyKind::EcdsaP256).unwrap();
        let file = KeyFile::new(
            dir.path().join("a.pem"),
            passphrase("right", "correct horse\n"),
        );
        file.write_new(&der).unwrap();
        assert!(file.is_encrypted().unwrap());
        assert_eq!(*file.read().unwrap(), *der);
        let wrong = KeyFile::new(file.path.clone(), passphrase("wrong", "battery"));
        let refused = wrong.read().unwrap_err().to_string();
        assert!(refused.contains("wrong passphrase"), "{refused}");
        assert!(!refused.contains("battery"));
        let again = file.write_new(&der).unwrap_err();
        assert!(matches!(again, KeyFileError::Exists(_)));
    }

    #[test]
    fn a_key_without_a_passphrase_is_read_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let der = ca::signer::generate(sigstore::KeyKind::EcdsaP256).unwrap();
        let path = dir.path().join("a.pem");
        write_new(&path, &der).unwrap();
        let file = KeyFile::new(path.clone(), PassphraseSource::File("/nonexistent".into()));
        assert!(!file.is_encrypted().unwrap());
        assert_eq!(*file.read().unwrap(), *der);
        assert!(
            fs::read_to_string(path)
                .unwrap()
                .contains("BEGIN PRIVATE KEY")
        );
    }
}
