//! Which format bytes are in, by how they begin. Whether they are of that format to their end is
//! for its own reader to say.

use super::{Format, base64_decode_lenient, minisign};

/// How keys of each format begin, for whoever gave one of none.
pub(super) const KEY_FORMATS: &str = "pem (a public key or a certificate), minisign (base64 that \
     begins with RW), or ssh (a line as in authorized_keys)";
/// The same for signatures.
pub(super) const SIGNATURE_FORMATS: &str =
    "minisign, ssh (SSH SIGNATURE in pem), or the bytes of a signature, perhaps in base64";

/// The format of a key.
pub(super) fn key_format(bytes: &[u8]) -> Option<Format> {
    let text = bytes.trim_ascii_start();
    if pem_label(text).is_some() {
        return Some(Format::X509);
    }
    if text.starts_with(minisign::UNTRUSTED.as_bytes()) || is_minisign_line(text) {
        return Some(Format::Minisign);
    }
    is_ssh_line(text).then_some(Format::Ssh)
}

/// The format of a signature.
pub(super) fn signature_format(bytes: &[u8]) -> Option<Format> {
    let text = bytes.trim_ascii_start();
    match pem_label(text) {
        Some(label) if label.starts_with(super::ssh::LABEL.as_bytes()) => return Some(Format::Ssh),
        Some(_) => return None,
        None => {}
    }
    if text.starts_with(minisign::UNTRUSTED.as_bytes()) {
        return Some(Format::Minisign);
    }
    (!text.is_empty()).then_some(Format::X509)
}

/// What follows the first `-----BEGIN `, which must begin a line.
fn pem_label(text: &[u8]) -> Option<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.trim_ascii_start().strip_prefix(BEGIN))
}

/// A line of base64 as long as a minisign key and with its algorithm.
fn is_minisign_line(text: &[u8]) -> bool {
    text.starts_with(b"RW") && base64_decode_lenient(text).is_some_and(|key| key.len() == 42)
}

/// A line with the name of one of SSH's algorithms as a word of its own.
fn is_ssh_line(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    let mut words = line
        .unwrap_or_default()
        .split(|byte| [b' ', b'\t'].contains(byte));
    let names: [&[u8]; 4] = [b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-"];
    words.any(|word| names.iter().any(|name| word.starts_with(name)))
}
