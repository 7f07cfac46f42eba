//! Private keys under a passphrase: encrypted PKCS #8 (RFC 5958 section 3) as PEM.
//!
//! What is written: PBES2 (RFC 8018) with scrypt (N = 2^14, r = 8, p = 5) and AES-256-CBC. That
//! much scrypt costs a guess 16 MiB and about a quarter of a second, and `openssl pkey` can still
//! read it: it refuses to spend more than 32 MiB. Read besides: PBKDF2 with HMAC-SHA-2, which is
//! what `openssl pkcs8 -topk8` writes, AES-128 and AES in GCM.
//!
//! A file says how much work reading it takes, so that is bounded before any work is done. CBC does
//! not notice a changed byte. What comes out must therefore be PKCS #8, and whoever signs with it
//! must check that the two halves of the key belong together.
//!
//! That is the form of this project's own keys. [`read`] takes the other forms that signers have
//! their keys in.
//!
//! Not here: reading the file, its permissions, or asking for the passphrase. Randomness comes in.
//!
//! Invariant: private bytes are in memory that is wiped when dropped, here and in what is returned.

use der::{Decode, Encode};
use pem_rfc7468::LineEnding;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{self, Kdf, Salt, ScryptParams};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use thiserror::Error;
use zeroize::Zeroizing;

pub use any::{PrivateKeyDer, is_encrypted, read};
pub use ed25519::Ed25519PhKey;
pub use sealed::{SealingRandom, seal};

mod any;
mod ed25519;
mod sealed;

/// The label of an encrypted key.
const PEM_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// The longest key file that is read: an encrypted RSA key of 4096 bits takes 3.5 KB.
pub const KEY_FILE_LEN_BYTES_MAX: usize = 64 * 1024;

/// The most keys that one file may hold.
pub const KEY_COUNT_MAX: usize = 8;

/// The most memory that reading a key may take: 16 times what ours take.
const SCRYPT_MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The most work that reading a key may take, as bytes that scrypt mixes: about five seconds.
const SCRYPT_WORK_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The most rounds of PBKDF2: about five seconds.
const PBKDF2_ITERATIONS_MAX: u32 = 10_000_000;

const SCRYPT_N: u64 = 1 << 14;
const SCRYPT_R: u16 = 8;
const SCRYPT_P: u16 = 5;

/// The randomness that encrypting one key takes. Never use one twice.
#[derive(Clone, Debug)]
pub struct EncryptionRandom {
    /// Makes equal passphrases give different keys.
    pub salt: [u8; 16],
    /// Where AES-CBC starts.
    pub iv: [u8; 16],
}

/// Encrypts a private key. The passphrase may not be empty.
///
/// Cost: a quarter of a second, on purpose.
///
/// # Errors
///
/// [`KeyFileError::EmptyPassphrase`], and [`KeyFileError::Malformed`] for what is not PKCS #8 DER.
pub fn encrypt(
    pkcs8_der: &[u8],
    passphrase: &[u8],
    random: &EncryptionRandom,
) -> Result<String, KeyFileError> {
    if passphrase.is_empty() {
        return Err(KeyFileError::EmptyPassphrase);
    }
    PrivateKeyInfoRef::from_der(pkcs8_der).map_err(|error| malformed(&error))?;
    let scrypt = ScryptParams {
        salt: Salt::new(random.salt).map_err(|error| malformed(&error))?,
        cost_parameter: SCRYPT_N,
        block_size: SCRYPT_R,
        parallelization: SCRYPT_P,
        key_length: None,
    };
    let parameters = pbes2::Parameters {
        kdf: Kdf::Scrypt(scrypt),
        encryption: pbes2::EncryptionScheme::Aes256Cbc { iv: random.iv },
    };
    let encrypted = parameters
        .encrypt(passphrase, pkcs8_der)
        .map_err(|error| malformed(&error))?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: EncryptionScheme::Pbes2(parameters),
        encrypted_data: der::asn1::OctetStringRef::new(&encrypted)
            .map_err(|error| malformed(&error))?,
    };
    let der = info.to_der().map_err(|error| malformed(&error))?;
    pem_rfc7468::encode_string(PEM_LABEL, LineEnding::LF, &der).map_err(|error| malformed(&error))
}

/// Decrypts the one key in a file and returns its PKCS #8 DER.
///
/// # Errors
///
/// As [`decrypt_all`], and [`KeyFileError::Count`] if there is more than one key.
pub fn decrypt(pem: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let blocks = pem_blocks(pem)?;
    match blocks.as_slice() {
        [block] => decrypt_block(block, passphrase),
        other => Err(KeyFileError::Count {
            found: other.len(),
            max: 1,
        }),
    }
}

/// Decrypts each key in a file, all of which have one passphrase, and returns their PKCS #8 DER in
/// the file's order.
///
/// # Errors
///
/// [`KeyFileError`] says what the file is not. [`KeyFileError::Passphrase`] is the one for a good
/// file, whose bytes may yet be damaged: the two cannot be told apart.
pub fn decrypt_all(pem: &[u8], passphrase: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>, KeyFileError> {
    let blocks = pem_blocks(pem)?;
    let decrypted = blocks.iter().map(|block| decrypt_block(block, passphrase));
    decrypted.collect()
}

/// Checks everything about a file but the passphrase, and returns how many keys it has.
///
/// # Errors
///
/// As [`decrypt_all`], but never [`KeyFileError::Passphrase`].
pub fn check(pem: &[u8]) -> Result<usize, KeyFileError> {
    let blocks = pem_blocks(pem)?;
    for block in &blocks {
        parameters_and_data(&block_der(block)?)?;
    }
    Ok(blocks.len())
}

/// Why a key file was refused. None of it shows anything of a key or a passphrase.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Longer than any key.
    #[error("key file: {found} bytes, at most {max} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not as many keys as wanted.
    #[error("key file: {found} keys, wanted 1 to {max}")]
    Count {
        /// How many begin in the file.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not a PEM block.
    #[error("key file is not well-formed pem: {reason}")]
    Pem {
        /// What is wrong with it.
        reason: String,
    },
    /// Something else in PEM.
    #[error("key file has a block {found:?}, wanted \"ENCRYPTED PRIVATE KEY\"")]
    Label {
        /// The label of the block.
        found: String,
    },
    /// PEM, but no private key in it.
    #[error("key file has no private key, but a block {found:?}")]
    NoPrivateKey {
        /// The label of the last block.
        found: String,
    },
    /// Not the structure that belongs into the block.
    #[error("key file is not well-formed encrypted pkcs #8: {reason}")]
    Malformed {
        /// What the parser met.
        reason: String,
    },
    /// An encryption that is not used any more, or not known.
    #[error("key file: {found} is not supported, wanted pbes2 with scrypt or pbkdf2")]
    Unsupported {
        /// What the file asks for.
        found: &'static str,
    },
    /// Reading the file would take more memory or time than any honest file does.
    #[error("key file asks for {what} of {found}, at most {max} is done")]
    TooCostly {
        /// What there is too much of.
        what: &'static str,
        /// How much the file asks for.
        found: u64,
        /// The limit.
        max: u64,
    },
    /// An empty passphrase would be no protection.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// What came out is not a private key.
    #[error("wrong passphrase, or the key file is damaged")]
    Passphrase,
}

fn malformed(error: &dyn std::fmt::Display) -> KeyFileError {
    KeyFileError::Malformed {
        reason: error.to_string(),
    }
}

/// Cuts a file into its PEM blocks; what stands between them is ignored, as everywhere.
fn pem_blocks(pem: &[u8]) -> Result<Vec<String>, KeyFileError> {
    let (found, max) = (pem.len(), KEY_FILE_LEN_BYTES_MAX);
    if found > max {
        return Err(KeyFileError::TooLong { found, max });
    }
    let text = str::from_utf8(pem).map_err(|error| KeyFileError::Pem {
        reason: error.to_string(),
    })?;
    let mut blocks: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        if line.starts_with("-----BEGIN ") {
            blocks.push(String::new());
            is_inside = true;
        }
        if let Some(block) = blocks.last_mut().filter(|_| is_inside) {
            block.push_str(line);
            block.push('\n');
        }
        is_inside &= !line.starts_with("-----END ");
    }
    let (found, max) = (blocks.len(), KEY_COUNT_MAX);
    if found == 0 || found > max {
        return Err(KeyFileError::Count { found, max });
    }
    Ok(blocks)
}

fn block_der(pem: &str) -> Result<Vec<u8>, KeyFileError> {
    let refused = |error: pem_rfc7468::Error| KeyFileError::Pem {
        reason: error.to_string(),
    };
    let label = pem_rfc7468::decode_label(pem.as_bytes()).map_err(refused)?;
    if label != PEM_LABEL {
        let found = label.to_owned();
        return Err(KeyFileError::Label { found });
    }
    let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).map_err(refused)?;
    Ok(der)
}

fn parameters_and_data(der: &[u8]) -> Result<(pbes2::Parameters, &[u8]), KeyFileError> {
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|error| malformed(&error))?;
    let EncryptionScheme::Pbes2(parameters) = info.encryption_algorithm else {
        return Err(KeyFileError::Unsupported { found: "pbes1" });
    };
    check_cost(&parameters.kdf)?;
    Ok((parameters, info.encrypted_data.as_bytes()))
}

fn decrypt_block(pem: &str, passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let der = block_der(pem)?;
    let (parameters, encrypted) = parameters_and_data(&der)?;
    let mut buffer = Zeroizing::new(encrypted.to_vec());
    let plain_len = parameters
        .decrypt_in_place(passphrase, &mut buffer)
        .map_err(|_| KeyFileError::Passphrase)?
        .len();
    buffer.truncate(plain_len);
    PrivateKeyInfoRef::from_der(&buffer).map_err(|_| KeyFileError::Passphrase)?;
    Ok(buffer)
}

/// Refuses what would take too much memory or time before it is begun, and a cost of 0, on which
/// the library would panic.
fn check_cost(kdf: &Kdf) -> Result<(), KeyFileError> {
    match kdf {
        Kdf::Scrypt(scrypt) => {
            let (n, r) = (scrypt.cost_parameter, u64::from(scrypt.block_size));
            let p = u64::from(scrypt.parallelization);
            if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
                let reason = "scrypt wants a power of two and no zero".to_owned();
                return Err(KeyFileError::Malformed { reason });
            }
            let memory = n.saturating_mul(r).saturating_mul(128);
            at_most("scrypt memory in bytes", memory, SCRYPT_MEMORY_BYTES_MAX)?;
            let work = memory.saturating_mul(p);
            at_most("scrypt work in bytes", work, SCRYPT_WORK_BYTES_MAX)
        }
        Kdf::Pbkdf2(pbkdf2) => {
            let found = u64::from(pbkdf2.iteration_count);
            at_most("pbkdf2 rounds", found, u64::from(PBKDF2_ITERATIONS_MAX))
        }
        _ => Err(KeyFileError::Unsupported {
            found: "an unknown way from passphrase to key",
        }),
    }
}

fn at_most(what: &'static str, found: u64, max: u64) -> Result<(), KeyFileError> {
    if found <= max {
        return Ok(());
    }
    Err(KeyFileError::TooCostly { what, found, max })
}

#[cfg(test)]
mod tests;
