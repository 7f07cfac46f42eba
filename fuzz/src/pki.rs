//! Keys and signatures of other tools: [`sigstore::pki`], one target for each format.

use sigstore::pki::{Conditions, Format, Key, Signature};

/// Keys and certificates in PEM, and with them whatever is taken for a signature.
#[must_use]
pub fn pki_x509(bytes: &[u8]) -> bool {
    let good = include_bytes!("../../sigstore/testdata/pki/x509-ed25519.pub");
    let (is_key, _) = key_and_signature(Format::X509, bytes, good);
    // Nearly all bytes could be a bare signature.
    is_key
}

/// Keys and signatures of minisign and signify.
#[must_use]
pub fn pki_minisign(bytes: &[u8]) -> bool {
    let good = include_bytes!("../../sigstore/testdata/pki/minisign.pub");
    let (is_key, is_signature) = key_and_signature(Format::Minisign, bytes, good);
    is_key || is_signature
}

/// Keys and signatures of OpenSSH.
#[must_use]
pub fn pki_ssh(bytes: &[u8]) -> bool {
    let good = include_bytes!("../../sigstore/testdata/pki/ssh-ed25519.pub");
    let (is_key, is_signature) = key_and_signature(Format::Ssh, bytes, good);
    is_key || is_signature
}

/// CMS signatures, and the certificates in them.
#[must_use]
pub fn pki_pkcs7(bytes: &[u8]) -> bool {
    let good = include_bytes!("../../sigstore/testdata/pki/pkcs7-p256.sig");
    let (is_key, is_signature) = key_and_signature(Format::Pkcs7, bytes, good);
    is_key || is_signature
}

/// OpenPGP: key files and files of signatures.
#[must_use]
pub fn pki_pgp(bytes: &[u8]) -> bool {
    let good = include_bytes!("../../sigstore/testdata/pki/pgp-subkey.key");
    let (is_key, is_signature) = key_and_signature(Format::Pgp, bytes, good);
    is_key || is_signature
}

/// Whether the bytes are a key or a signature of the format. What is read is kept in a form that is
/// read again as the same, and a signature holds for no message but its own.
fn key_and_signature(format: Format, bytes: &[u8], good: &[u8]) -> (bool, bool) {
    // Telling the format from the bytes must not panic either.
    let _ = (Key::parse(bytes), Signature::parse(bytes));
    let key = Key::parse_as(format, bytes);
    if let Ok(key) = &key {
        let kept = key.canonical();
        let again = Key::parse_as(format, &kept).expect("what is kept can be read");
        assert_eq!(again.canonical(), kept, "there is one form to keep");
        assert_eq!(again.to_string(), key.to_string());
        let _ = key.identities();
    }
    let signature = Signature::parse_as(format, bytes);
    if let Ok(signature) = &signature {
        let kept = signature.canonical();
        let again = Signature::parse_as(format, &kept).expect("what is kept can be read");
        assert_eq!(again.canonical(), kept, "there is one form to keep");
        let good = Key::parse_as(format, good).expect("a good key");
        let verified = good.verify(signature, b"not the message", &Conditions::default());
        assert!(verified.is_err(), "nobody signed that");
    }
    (key.is_ok(), signature.is_ok())
}
