//! The form of `cosign.key`: a PKCS #8 key sealed with `XSalsa20-Poly1305` (secretbox) under
//! a key that scrypt makes of the passphrase, all of it as JSON in PEM.
//!
//! Any passphrase is taken, the empty one too, because cosign writes such files. What is written
//! has cosign's own costs, so that it can read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Decode as _;
use scrypt::Params;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{KeyFileError, SCRYPT_MEMORY_BYTES_MAX, SCRYPT_WORK_BYTES_MAX, at_most, malformed};
use crate::canonical_json::{JsonLimits, parse_limited};
use crate::pem::PemBlock;

/// What such a file is called today.
pub(super) const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// What it was called before.
pub(super) const LABEL_OLD: &str = "ENCRYPTED COSIGN PRIVATE KEY";

const JSON_LIMITS: JsonLimits = JsonLimits {
    depth_max: 8,
    value_count_max: 32,
};

/// What cosign spends: 64 MiB, and about a quarter of a second.
const LOG_N: u8 = 16;
const R: u32 = 8;
const P: u32 = 1;

/// The randomness that sealing one key takes. Never use one twice.
#[derive(Clone, Debug)]
pub struct SealingRandom {
    /// Makes equal passphrases give different keys.
    pub salt: [u8; 32],
    /// Makes equal keys give different files.
    pub nonce: [u8; 24],
}

/// Seals a private key.
///
/// Cost: a quarter of a second, on purpose.
///
/// # Errors
///
/// [`KeyFileError::Malformed`] for what is not PKCS #8 DER.
pub fn seal(
    pkcs8_der: &[u8],
    passphrase: &[u8],
    random: &SealingRandom,
) -> Result<String, KeyFileError> {
    PrivateKeyInfoRef::from_der(pkcs8_der).map_err(|error| malformed(&error))?;
    let params = Params::new(LOG_N, R, P).map_err(|error| malformed(&error))?;
    let cipher = cipher(passphrase, &random.salt, &params)?;
    let sealed = cipher
        .encrypt(Nonce::from_slice(&random.nonce), pkcs8_der)
        .map_err(|error| malformed(&error))?;
    let json = json!({
        "kdf": {
            "name": "scrypt",
            "params": {"N": 1_u32 << LOG_N, "r": R, "p": P},
            "salt": STANDARD.encode(random.salt),
        },
        "cipher": {"name": "nacl/secretbox", "nonce": STANDARD.encode(random.nonce)},
        "ciphertext": STANDARD.encode(sealed),
    });
    let label = LABEL.to_owned();
    let der = json.to_string().into_bytes();
    Ok(PemBlock { label, der }.encode())
}

/// Opens what was in the PEM block.
pub(super) fn open(json: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let value = parse_limited(json, JSON_LIMITS).map_err(|error| malformed(&error))?;
    expect_name(&value, "/kdf/name", "scrypt")?;
    expect_name(&value, "/cipher/name", "nacl/secretbox")?;
    let nonce: [u8; 24] = bytes(&value, "/cipher/nonce")?;
    let salt: [u8; 32] = bytes(&value, "/kdf/salt")?;
    let sealed = text(&value, "/ciphertext")?;
    let sealed = STANDARD.decode(sealed).map_err(|error| malformed(&error))?;
    let cipher = cipher(passphrase, &salt, &read_params(&value)?)?;
    let opened = cipher.decrypt(Nonce::from_slice(&nonce), sealed.as_slice());
    let opened = opened.map(Zeroizing::new);
    let der = opened.map_err(|_| KeyFileError::Passphrase)?;
    PrivateKeyInfoRef::from_der(&der).map_err(|error| malformed(&error))?;
    Ok(der)
}

fn cipher(
    passphrase: &[u8],
    salt: &[u8],
    params: &Params,
) -> Result<XSalsa20Poly1305, KeyFileError> {
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase, salt, params, key.as_mut()).map_err(|error| malformed(&error))?;
    Ok(XSalsa20Poly1305::new(Key::from_slice(key.as_ref())))
}

/// The file says how much work it takes, so that is bounded before any is done.
fn read_params(value: &Value) -> Result<Params, KeyFileError> {
    let number = |name: &str| {
        let number = value.pointer(&format!("/kdf/params/{name}"));
        let number = number.and_then(Value::as_u64).filter(|number| *number > 0);
        number.ok_or_else(|| malformed(&format!("kdf.params.{name}: wanted a number from 1")))
    };
    let (n, r, p) = (number("N")?, number("r")?, number("p")?);
    let memory = n.saturating_mul(r).saturating_mul(128);
    at_most("scrypt memory in bytes", memory, SCRYPT_MEMORY_BYTES_MAX)?;
    at_most(
        "scrypt work in bytes",
        memory.saturating_mul(p),
        SCRYPT_WORK_BYTES_MAX,
    )?;
    let fits = |number: u64| u32::try_from(number).map_err(|error| malformed(&error));
    if !n.is_power_of_two() || n < 2 {
        return Err(malformed(&"kdf.params.N: wanted a power of two"));
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|error| malformed(&error))?;
    Params::new(log_n, fits(r)?, fits(p)?).map_err(|error| malformed(&error))
}

fn expect_name(value: &Value, pointer: &str, wanted: &str) -> Result<(), KeyFileError> {
    if text(value, pointer)? == wanted {
        return Ok(());
    }
    Err(malformed(&format!("{pointer}: wanted {wanted}")))
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, KeyFileError> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.ok_or_else(|| malformed(&format!("{pointer}: wanted a string")))
}

fn bytes<const N: usize>(value: &Value, pointer: &str) -> Result<[u8; N], KeyFileError> {
    let decoded = STANDARD.decode(text(value, pointer)?);
    let decoded = decoded.map_err(|error| malformed(&error))?;
    let found = decoded.len();
    let wrong = |_| malformed(&format!("{pointer}: {found} bytes, wanted {N}"));
    decoded.try_into().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PKCS8: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";

    fn sealed_json() -> Value {
        let random = SealingRandom {
            salt: [3; 32],
            nonce: [4; 24],
        };
        let der = STANDARD.decode(PKCS8).unwrap();
        let text = seal(&der, b"", &random).unwrap();
        let (block, _) = crate::pem::parse_first(text.as_bytes()).unwrap();
        assert_eq!(block.label, LABEL);
        serde_json::from_slice(&block.der).unwrap()
    }

    #[test]
    fn costs_and_shapes_are_checked_before_work_is_done() {
        let good = sealed_json();
        assert!(open(good.to_string().as_bytes(), b"").is_ok());
        for (pointer, value, wanted) in [
            ("/kdf/name", json!("md5"), "wanted scrypt"),
            ("/kdf/params/N", json!(65_535), "wanted a power of two"),
            (
                "/kdf/params/N",
                json!(1_u64 << 40),
                "at most 268435456 is done",
            ),
            (
                "/kdf/params/p",
                json!(1 << 20),
                "at most 1073741824 is done",
            ),
            ("/kdf/params/r", json!(0), "wanted a number from 1"),
            ("/kdf/salt", json!("AAAA"), "3 bytes, wanted 32"),
            ("/cipher/nonce", json!(7), "wanted a string"),
            ("/ciphertext", json!("AAAA"), "wrong passphrase"),
        ] {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            let error = open(changed.to_string().as_bytes(), b"").unwrap_err();
            assert!(error.to_string().contains(wanted), "{pointer}: {error}");
        }
    }
}
