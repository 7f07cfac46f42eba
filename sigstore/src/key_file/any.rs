//! Private keys in any of the forms that signers have them in, as PEM:
//!
//! | label | what |
//! |---|---|
//! | `PRIVATE KEY` | PKCS #8 |
//! | `ENCRYPTED PRIVATE KEY` | PKCS #8 under a passphrase: OpenSSL, this project |
//! | `EC PRIVATE KEY` | SEC 1, ECDSA alone |
//! | `RSA PRIVATE KEY` | PKCS #1, RSA alone |
//! | `ENCRYPTED SIGSTORE PRIVATE KEY`, or with `COSIGN` | `cosign.key`, see `sealed` |
//!
//! Other blocks before the key, such as `EC PARAMETERS` that OpenSSL writes, are passed over.

use zeroize::Zeroizing;

use super::{KEY_FILE_LEN_BYTES_MAX, KeyFileError, decrypt, sealed};
use crate::pem::{self, PemBlock};

/// A private key as DER, by the form it is in. Wiped when dropped.
#[derive(Clone)]
pub enum PrivateKeyDer {
    /// PKCS #8: says itself what kind of key it is.
    Pkcs8(Zeroizing<Vec<u8>>),
    /// SEC 1 (RFC 5915): ECDSA.
    Sec1(Zeroizing<Vec<u8>>),
    /// PKCS #1 (RFC 8017): RSA.
    Pkcs1(Zeroizing<Vec<u8>>),
}

impl std::fmt::Debug for PrivateKeyDer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKeyDer(redacted)")
    }
}

/// Whether a key file needs a passphrase.
///
/// # Errors
///
/// [`KeyFileError`] if there is no private key in it.
pub fn is_encrypted(pem: &[u8]) -> Result<bool, KeyFileError> {
    let (label, _) = key_block(pem)?;
    Ok(label.starts_with("ENCRYPTED "))
}

/// Reads the private key in a file. The passphrase is used only if the file [`is_encrypted`].
///
/// Cost: of an encrypted one up to a second, on purpose.
///
/// # Errors
///
/// [`KeyFileError`]; [`KeyFileError::Passphrase`] is the one for a good file.
pub fn read(pem: &[u8], passphrase: &[u8]) -> Result<PrivateKeyDer, KeyFileError> {
    let (label, der) = key_block(pem)?;
    match label.as_str() {
        "PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs8(der)),
        "EC PRIVATE KEY" => Ok(PrivateKeyDer::Sec1(der)),
        "RSA PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs1(der)),
        "ENCRYPTED PRIVATE KEY" => decrypt(pem, passphrase).map(PrivateKeyDer::Pkcs8),
        _ => sealed::open(&der, passphrase).map(PrivateKeyDer::Pkcs8),
    }
}

const LABELS: [&str; 6] = [
    "PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    sealed::LABEL,
    sealed::LABEL_OLD,
];

/// The first block of a file that is a private key.
fn key_block(pem: &[u8]) -> Result<(String, Zeroizing<Vec<u8>>), KeyFileError> {
    let (found, max) = (pem.len(), KEY_FILE_LEN_BYTES_MAX);
    if found > max {
        return Err(KeyFileError::TooLong { found, max });
    }
    let mut rest = pem;
    let mut other = None;
    loop {
        let (PemBlock { label, der }, after) = match (pem::parse_first(rest), other) {
            (Ok(read), _) => read,
            (Err(_), Some(found)) => return Err(KeyFileError::NoPrivateKey { found }),
            (Err(error), None) => {
                let reason = error.to_string();
                return Err(KeyFileError::Pem { reason });
            }
        };
        let der = Zeroizing::new(der);
        if LABELS.contains(&label.as_str()) {
            return Ok((label, der));
        }
        other = Some(label);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_file::{EncryptionRandom, encrypt};

    /// P-256, made by OpenSSL for these lines alone.
    const SEC1: &str = "-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEID9vQ5qZjeX5OL9T+yt/O4GhqVdx6DCPPQlgpLrhrgl8oAoGCCqGSM49
AwEHoUQDQgAEePg0yDjRwxmKPWr+Fsdfc/WYYNplPui5faWPrWz4cgXKHCNKc/99
QOJxv62Q5ifnZQyiK4xFyItINhIGiaZwZQ==
-----END EC PRIVATE KEY-----
";

    /// An Ed25519 key (RFC 8410, section 10.3).
    const PKCS8: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";

    fn bytes(key: &PrivateKeyDer) -> &[u8] {
        match key {
            PrivateKeyDer::Pkcs8(der) | PrivateKeyDer::Sec1(der) | PrivateKeyDer::Pkcs1(der) => der,
        }
    }

    #[test]
    fn forms_are_told_apart_by_their_labels() {
        assert_eq!(is_encrypted(SEC1.as_bytes()), Ok(false));
        let key = read(SEC1.as_bytes(), b"").unwrap();
        assert!(matches!(key, PrivateKeyDer::Sec1(_)) && bytes(&key).len() == 121);
        let key = read(PKCS8.as_bytes(), b"not used").unwrap();
        assert!(matches!(key, PrivateKeyDer::Pkcs8(_)) && bytes(&key).len() == 48);
        let rsa = "-----BEGIN RSA PRIVATE KEY-----\nAQID\n-----END RSA PRIVATE KEY-----\n";
        let key = read(rsa.as_bytes(), b"").unwrap();
        assert!(matches!(key, PrivateKeyDer::Pkcs1(_)) && bytes(&key) == [1, 2, 3]);
        assert_eq!(format!("{key:?}"), "PrivateKeyDer(redacted)");
    }

    #[test]
    fn encrypted_keys_are_read_in_both_forms() {
        let plain = read(PKCS8.as_bytes(), b"").unwrap();
        let random = EncryptionRandom {
            salt: [1; 16],
            iv: [2; 16],
        };
        let ours = encrypt(bytes(&plain), b"secret", &random).unwrap();
        let random = sealed::SealingRandom {
            salt: [3; 32],
            nonce: [4; 24],
        };
        let cosign = sealed::seal(bytes(&plain), b"secret", &random).unwrap();
        for text in [ours, cosign] {
            assert_eq!(is_encrypted(text.as_bytes()), Ok(true));
            let key = read(text.as_bytes(), b"secret").unwrap();
            assert_eq!(bytes(&key), bytes(&plain));
            let error = read(text.as_bytes(), b"secreT").unwrap_err();
            assert_eq!(error, KeyFileError::Passphrase);
        }
    }

    #[test]
    fn what_is_no_private_key_is_named() {
        let public = "-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n";
        let error = is_encrypted(public.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "key file has no private key, but a block \"PUBLIC KEY\""
        );
        assert!(matches!(
            is_encrypted(b"nothing"),
            Err(KeyFileError::Pem { .. })
        ));
        let long = vec![b' '; KEY_FILE_LEN_BYTES_MAX + 1];
        assert!(matches!(
            is_encrypted(&long),
            Err(KeyFileError::TooLong { .. })
        ));
    }
}
