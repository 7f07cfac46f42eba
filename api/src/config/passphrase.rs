//! The passphrase that private keys are encrypted under: in a file that cairn.toml names, such as a
//! service manager's credential, or in the environment. It is never beside the keys by itself.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keys::{self, KeyFileError};

/// The variable with the passphrase, where cairn.toml names no file.
pub(crate) const VARIABLE: &str = "CAIRND_PASSPHRASE";

/// The variable with the passphrase of the offline keys, which the server never has.
pub(crate) const OFFLINE_VARIABLE: &str = "CAIRND_OFFLINE_PASSPHRASE";

/// Where the passphrase is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PassphraseSource {
    /// In the file that `passphrase_file` names.
    File(PathBuf),
    /// In the environment, if anywhere.
    Environment,
}

/// A passphrase: wiped when dropped, never printed.
#[derive(Clone)]
pub(crate) struct Passphrase(Zeroizing<Vec<u8>>);

impl PassphraseSource {
    /// The passphrase, if there is one.
    ///
    /// # Errors
    /// If the file can't be read, is open to others, or is empty.
    pub(crate) fn find(&self) -> Result<Option<Passphrase>, KeyFileError> {
        match self {
            PassphraseSource::File(path) => Passphrase::read(path).map(Some),
            PassphraseSource::Environment => Ok(variable(VARIABLE)),
        }
    }
}

impl Passphrase {
    /// Reads a file that only its owner may read. One line end at its end is not part of it.
    pub(crate) fn read(path: &Path) -> Result<Passphrase, KeyFileError> {
        let bytes = keys::read_private(path)?;
        Passphrase::new(&bytes).ok_or_else(|| KeyFileError::EmptyPassphrase(path.to_owned()))
    }

    fn new(bytes: &[u8]) -> Option<Passphrase> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        (!bytes.is_empty()).then(|| Passphrase(Zeroizing::new(bytes.to_vec())))
    }

    /// A new one that nobody can guess, as text.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub(crate) fn generate() -> Result<Passphrase, KeyFileError> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        aws_lc_rs::rand::fill(secret.as_mut())
            .map_err(|_| KeyFileError::Generate("no passphrase was made"))?;
        Ok(Passphrase(Zeroizing::new(
            hex::encode(secret.as_ref()).into_bytes(),
        )))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a variable of the environment holds, unless that is nothing.
pub(crate) fn variable(name: &str) -> Option<Passphrase> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the environment is read"
    )]
    let text = std::env::var(name).ok().map(Zeroizing::new)?;
    Passphrase::new(text.as_bytes())
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_passphrase_is_the_private_file_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passphrase");
        let write = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            PassphraseSource::File(path.clone()).find()
        };
        for text in ["a b ", "a b \n", "a b \r\n"] {
            let found = write(text, 0o600).unwrap().unwrap();
            assert_eq!(found.bytes(), b"a b ");
            assert_eq!(format!("{found:?}"), "Passphrase(redacted)");
        }
        for text in ["", "\n"] {
            let refused = write(text, 0o600).unwrap_err();
            assert!(matches!(refused, KeyFileError::EmptyPassphrase(_)));
        }
        assert!(matches!(
            write("x", 0o644).unwrap_err(),
            KeyFileError::Mode { .. }
        ));
    }

    #[test]
    fn generated_passphrases_differ() {
        let made = [(); 2].map(|()| Passphrase::generate().unwrap());
        assert_eq!(made[0].bytes().len(), 64);
        assert_ne!(made[0].bytes(), made[1].bytes());
    }
}
