//! The keys that say what is trusted, in one encrypted file that may leave the machine.

use aws_lc_rs::rand;
use sigstore::KeyKind;
use sigstore::key_file::{self, EncryptionRandom, KeyFileError};

use super::TrustRootError;
use crate::signer::{FileSigner, Pkcs8, SignerError, generate};

/// The keys of root and targets. The file has both, each encrypted, root first.
#[derive(Debug)]
pub struct OfflineKeys {
    /// Signs which keys there are.
    pub root: FileSigner,
    /// Signs what is trusted.
    pub targets: FileSigner,
}

impl OfflineKeys {
    /// Makes both keys, and the file to keep them in.
    ///
    /// # Errors
    ///
    /// [`TrustRootError::Signer`] if no key could be made, [`TrustRootError::KeyFile`] for an empty
    /// passphrase.
    pub fn generate(passphrase: &[u8]) -> Result<(OfflineKeys, String), TrustRootError> {
        let (root, root_pem) = encrypted_key(passphrase)?;
        let (targets, targets_pem) = encrypted_key(passphrase)?;
        let keys = OfflineKeys {
            root: FileSigner::from_pkcs8_der(&root)?,
            targets: FileSigner::from_pkcs8_der(&targets)?,
        };
        Ok((keys, root_pem + &targets_pem))
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`TrustRootError::KeyFile`] if it is not such a file or the passphrase is another,
    /// [`TrustRootError::Signer`] for keys that cannot be used.
    pub fn read(pem: &[u8], passphrase: &[u8]) -> Result<OfflineKeys, TrustRootError> {
        let keys = key_file::decrypt_all(pem, passphrase)?;
        match keys.as_slice() {
            [root, targets] => Ok(OfflineKeys {
                root: FileSigner::from_pkcs8_der(root)?,
                targets: FileSigner::from_pkcs8_der(targets)?,
            }),
            other => Err(TrustRootError::KeyFile(KeyFileError::Count {
                found: other.len(),
                max: 2,
            })),
        }
    }
}

fn encrypted_key(passphrase: &[u8]) -> Result<(Pkcs8, String), TrustRootError> {
    let key = generate(KeyKind::EcdsaP256)?;
    let mut random = EncryptionRandom {
        salt: [0; 16],
        iv: [0; 16],
    };
    rand::fill(&mut random.salt).map_err(|_| SignerError::Generate)?;
    rand::fill(&mut random.iv).map_err(|_| SignerError::Generate)?;
    let pem = key_file::encrypt(&key, passphrase, &random)?;
    Ok((key, pem))
}
