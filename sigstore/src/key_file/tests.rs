//! Encrypting and decrypting, refusing absurd files, and OpenSSL as a second opinion.

use std::io::Write as _;
use std::process::{Command, Stdio};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use pkcs8::pkcs5::pbes2::{Pbkdf2Params, Pbkdf2Prf};

use super::*;

const RANDOM: EncryptionRandom = EncryptionRandom {
    salt: [1; 16],
    iv: [2; 16],
};

fn key() -> Vec<u8> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    key.as_ref().to_vec()
}

fn scrypt(n: u64, r: u16, p: u16) -> Kdf {
    Kdf::Scrypt(ScryptParams {
        salt: Salt::new([1; 16]).unwrap(),
        cost_parameter: n,
        block_size: r,
        parallelization: p,
        key_length: None,
    })
}

/// A file that asks for this work, and holds nothing.
fn file_asking_for(kdf: Kdf) -> String {
    let parameters = pbes2::Parameters {
        kdf,
        encryption: pbes2::EncryptionScheme::Aes256Cbc { iv: [2; 16] },
    };
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: EncryptionScheme::Pbes2(parameters),
        encrypted_data: der::asn1::OctetStringRef::new(&[0; 32]).unwrap(),
    };
    let der = info.to_der().unwrap();
    pem_rfc7468::encode_string(PEM_LABEL, LineEnding::LF, &der).unwrap()
}

/// Runs OpenSSL with some input; `None` where it is not installed.
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new("openssl");
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("SKIPPED: no openssl");
        return None;
    };
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    Some(output.stdout)
}

#[test]
fn a_key_comes_back() {
    let key = key();
    let pem = encrypt(&key, b"correct horse", &RANDOM).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(
        decrypt(pem.as_bytes(), b"correct horse")
            .unwrap()
            .as_slice(),
        key
    );
    let wrong = decrypt(pem.as_bytes(), b"correct horsf");
    assert_eq!(wrong, Err(KeyFileError::Passphrase));
    assert_eq!(decrypt(pem.as_bytes(), b""), Err(KeyFileError::Passphrase));
}

#[test]
fn several_keys_come_back_in_order() {
    let keys = [key(), key()];
    let pem: Vec<String> = keys
        .iter()
        .map(|key| encrypt(key, b"p", &RANDOM).unwrap())
        .collect();
    let file = format!("a note\n{}\nanother\n{}", pem[0], pem[1]);
    let found = decrypt_all(file.as_bytes(), b"p").unwrap();
    assert_eq!(
        found.iter().map(|key| key.to_vec()).collect::<Vec<_>>(),
        keys
    );
    let error = decrypt(file.as_bytes(), b"p").unwrap_err();
    assert_eq!(error, KeyFileError::Count { found: 2, max: 1 });
    let many = pem[0].repeat(KEY_COUNT_MAX + 1);
    let error = decrypt_all(many.as_bytes(), b"p").unwrap_err();
    assert_eq!(error, KeyFileError::Count { found: 9, max: 8 });
}

#[test]
fn what_is_not_encrypted() {
    assert_eq!(
        encrypt(&key(), b"", &RANDOM),
        Err(KeyFileError::EmptyPassphrase)
    );
    let refused = encrypt(b"not a key", b"p", &RANDOM);
    assert!(matches!(refused, Err(KeyFileError::Malformed { .. })));
}

#[test]
fn what_is_not_decrypted() {
    let plain = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, &key()).unwrap();
    let found = decrypt(plain.as_bytes(), b"p").unwrap_err().to_string();
    let wanted = "key file has a block \"PRIVATE KEY\", wanted \"ENCRYPTED PRIVATE KEY\"";
    assert_eq!(found, wanted);
    let good = encrypt(&key(), b"p", &RANDOM).unwrap();
    for (bytes, wanted) in [
        (String::new(), "key file: 0 keys, wanted 1 to 8"),
        (
            "x".repeat(KEY_FILE_LEN_BYTES_MAX + 1),
            "key file: 65537 bytes, at most 65536 are read",
        ),
        (
            good.replace("-----END", "----END"),
            "key file is not well-formed pem",
        ),
        (
            good.replace("\nMI", "\nMJ"),
            "key file is not well-formed encrypted pkcs #8",
        ),
    ] {
        let found = decrypt(bytes.as_bytes(), b"p").unwrap_err().to_string();
        assert!(found.starts_with(wanted), "{found}");
    }
}

#[test]
fn work_is_refused_before_it_is_done() {
    let refused = |kdf| decrypt(file_asking_for(kdf).as_bytes(), b"p").unwrap_err();
    for kdf in [
        scrypt(1 << 40, 8, 1),
        scrypt(1 << 63, 65_535, 65_535),
        scrypt(1 << 18, 8, 5),
        scrypt(1 << 10, 65_535, 1),
        scrypt(1 << 10, 8, 65_535),
        Kdf::Pbkdf2(Pbkdf2Params {
            salt: Salt::new([1; 16]).unwrap(),
            iteration_count: PBKDF2_ITERATIONS_MAX + 1,
            key_length: None,
            prf: Pbkdf2Prf::HmacWithSha256,
        }),
    ] {
        assert!(
            matches!(refused(kdf.clone()), KeyFileError::TooCostly { .. }),
            "{kdf:?}"
        );
    }
    for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (16, 0, 1), (16, 8, 0)] {
        let found = refused(scrypt(n, r, p));
        assert!(
            matches!(found, KeyFileError::Malformed { .. }),
            "{n} {r} {p}: {found}"
        );
    }
}

#[test]
fn openssl_reads_what_we_write() {
    let key = key();
    let pem = encrypt(&key, b"correct horse", &RANDOM).unwrap();
    let plain = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, &key).unwrap();
    let public = |pem: &str| {
        let arguments = ["pkey", "-passin", "pass:correct horse", "-pubout"];
        openssl(&arguments, pem.as_bytes())
    };
    assert_eq!(public(&pem), public(&plain));
}

#[test]
fn we_read_what_openssl_writes() {
    let key = key();
    let plain = pem_rfc7468::encode_string("PRIVATE KEY", LineEnding::LF, &key).unwrap();
    for kdf in [
        &["-scrypt"][..],
        &["-v2", "aes-256-cbc"][..],
        &["-v2", "aes-128-cbc"][..],
    ] {
        let arguments = [&["pkcs8", "-topk8", "-passout", "pass:p"], kdf].concat();
        let Some(pem) = openssl(&arguments, plain.as_bytes()) else {
            return;
        };
        let found = decrypt(&pem, b"p").unwrap();
        let public = |pkcs8: &[u8]| {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).unwrap();
            pair.public_key().as_ref().to_vec()
        };
        assert_eq!(public(&found), public(&key), "{kdf:?}");
    }
}
