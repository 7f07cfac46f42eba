//! Which format bytes are in, by how they begin. Whether they are of that format to their end is
//! for its own reader to say.

use super::{Format, base64_decode_lenient, minisign};

/// How keys of each format begin, for whoever gave one of none.
pub(super) const KEY_FORMATS: &str = "pem (a public key or a certificate), minisign (base64 that \
     begins with RW), ssh (a line as in authorized_keys), pkcs7 (a signature with its \
     certificate), or pgp (armored or binary)";
/// The same for signatures.
pub(super) const SIGNATURE_FORMATS: &str = "minisign, ssh (SSH SIGNATURE in pem), pkcs7 (PKCS7 or \
     CMS in pem, or der), pgp (armored or binary), or the bytes of a signature, perhaps in base64";

/// The format of a key.
pub(super) fn key_format(bytes: &[u8]) -> Option<Format> {
    let text = bytes.trim_ascii_start();
    if is_pgp_key(bytes) {
        return Some(Format::Pgp);
    }
    if let Some(label) = pem_label(text) {
        if label.starts_with(PGP) {
            return Some(Format::Pgp);
        }
        return Some(if is_pkcs7(label) {
            Format::Pkcs7
        } else {
            Format::X509
        });
    }
    if is_signed_data(bytes) {
        return Some(Format::Pkcs7);
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
        Some(label) if is_pkcs7(label) => return Some(Format::Pkcs7),
        Some(label) if label.starts_with(PGP) => return Some(Format::Pgp),
        Some(_) => return None,
        None => {}
    }
    if text.starts_with(minisign::UNTRUSTED.as_bytes()) {
        return Some(Format::Minisign);
    }
    if is_signed_data(bytes) {
        return Some(Format::Pkcs7);
    }
    if is_pgp_signature(bytes) {
        return Some(Format::Pgp);
    }
    (!text.is_empty()).then_some(Format::X509)
}

/// What follows the first `-----BEGIN `, which must begin a line.
fn pem_label(text: &[u8]) -> Option<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.find_map(|line| line.trim_ascii_start().strip_prefix(BEGIN))
}

/// What the labels of OpenPGP's armor begin with.
const PGP: &[u8] = b"PGP ";

/// A packet of OpenPGP that is a key, public or private.
fn is_pgp_key(bytes: &[u8]) -> bool {
    matches!(pgp_packet(bytes), Some((5 | 6, [2..=6, ..])))
}

/// A packet of OpenPGP that is a signature of bytes or text, of a version that exists. A bare
/// signature of RSA looks like this once in ten million times.
fn is_pgp_signature(bytes: &[u8]) -> bool {
    let body = pgp_packet(bytes);
    matches!(body, Some((2, [4 | 6, 0 | 1, ..] | [3, 5, 0 | 1, ..])))
}

/// The type and the content of the first packet (RFC 9580 section 4.2), if it ends where the bytes
/// do or where another packet could begin.
fn pgp_packet(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let is_old = first & 0xc0 == 0x80;
    let tag = if is_old {
        first >> 2 & 0xf
    } else {
        first & 0x3f
    };
    let len_len = match (is_old, first & 3, rest.first()?) {
        (true, 0, _) | (false, _, 0..=191) => 1,
        (true, 1, _) | (false, _, 192..=223) => 2,
        (true, 2, _) => 4,
        (false, _, 255) => 5,
        _ => return None,
    };
    let (len, body) = rest.split_at_checked(len_len)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
    let len = match len {
        // The length of two bytes begins where that of one ends.
        [_, _] if !is_old => number(len).checked_sub(0xc000 - 192)?,
        [255, len @ ..] if !is_old => number(len),
        len => number(len),
    };
    let (body, behind) = body.split_at_checked(len)?;
    let is_packet = |byte: &u8| byte & 0x80 != 0;
    let ends = behind.first().is_none_or(is_packet);
    (is_packet(first) && ends).then_some((tag, body))
}

fn is_pkcs7(label: &[u8]) -> bool {
    let mut labels = super::pkcs7::LABELS.iter();
    labels.any(|known| label.starts_with(known.as_bytes()))
}

/// DER that begins with a sequence, whatever its length, and the identifier of signed data.
fn is_signed_data(bytes: &[u8]) -> bool {
    const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    bytes.first() == Some(&0x30)
        && (2..=6).any(|at| {
            bytes
                .get(at..)
                .is_some_and(|rest| rest.starts_with(SIGNED_DATA))
        })
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
