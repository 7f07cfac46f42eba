//! OpenPGP's ASCII armor (RFC 9580 section 6): base64 between two lines, with a checksum.
//!
//! The checksum is optional, and one that is there must be right. Headers are passed over. Written
//! are lines of 64 characters with a checksum and no headers, which is what Rekor keeps.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PGP ";
const DASHES: &str = "-----";

/// The label of a signature, without `PGP`.
pub(super) const SIGNATURE: &str = "SIGNATURE";
/// The label of public keys.
pub(super) const PUBLIC_KEY: &str = "PUBLIC KEY BLOCK";

/// Reads every block of a text, all of which have this label, and joins what is in them.
pub(super) fn decode(text: &str, wanted: &str) -> Result<Vec<u8>, String> {
    let mut joined = Vec::new();
    let mut rest = text;
    let mut count = 0_u32;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, body) = after.split_once(DASHES).ok_or("a label without an end")?;
        if label != wanted {
            return Err(format!("armor of a PGP {label:?}, wanted PGP {wanted:?}"));
        }
        let end = format!("-----END PGP {label}{DASHES}");
        let (body, after) = body.split_once(&end).ok_or("armor without an end")?;
        joined.extend(decode_body(body)?);
        rest = after;
        count += 1;
    }
    if count == 0 {
        return Err("no armor".to_owned());
    }
    Ok(joined)
}

/// Whether a text has armor in it.
pub(super) fn is_armored(bytes: &[u8]) -> bool {
    bytes
        .windows(BEGIN.len())
        .any(|window| window == BEGIN.as_bytes())
}

/// Writes one block.
pub(super) fn encode(label: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = format!("{BEGIN}{label}{DASHES}\n\n");
    let base64 = STANDARD.encode(bytes);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(LINE_LEN_BYTES.min(rest.len()));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push('=');
    text.push_str(&STANDARD.encode(checksum(bytes)));
    text.push_str("\n-----END PGP ");
    text.push_str(label);
    text.push_str(DASHES);
    text.into_bytes()
}

const LINE_LEN_BYTES: usize = 64;

fn decode_body(body: &str) -> Result<Vec<u8>, String> {
    let mut lines = body.lines().map(str::trim_end).skip(1).peekable();
    // Headers end with an empty line; without headers some leave it out.
    while lines.next_if(|line| line.contains(": ")).is_some() {}
    lines.next_if(|line| line.is_empty());
    let mut base64 = String::new();
    let mut wanted = None;
    for line in lines.filter(|line| !line.is_empty()) {
        match line.strip_prefix('=') {
            Some(checksum) if wanted.is_none() => wanted = Some(checksum),
            _ if wanted.is_some() => return Err("a line behind the checksum".to_owned()),
            _ => base64.push_str(line),
        }
    }
    let not_base64 = |error| format!("armor is not base64: {error}");
    let bytes = STANDARD.decode(base64).map_err(not_base64)?;
    if let Some(wanted) = wanted {
        let wanted = STANDARD.decode(wanted).map_err(not_base64)?;
        if wanted != checksum(&bytes) {
            return Err("the checksum of the armor is another one".to_owned());
        }
    }
    Ok(bytes)
}

/// CRC-24 (RFC 9580 section 6.1.1).
fn checksum(bytes: &[u8]) -> [u8; 3] {
    const POLYNOMIAL: u32 = 0x0186_4cfb;
    let mut crc = 0x00b7_04ce_u32;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= POLYNOMIAL;
            }
        }
    }
    let [_, checksum @ ..] = crc.to_be_bytes();
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for len in [0, 1, 47, 48, 49, 100] {
            let bytes: Vec<u8> = (0..len).collect();
            let text = String::from_utf8(encode(SIGNATURE, &bytes)).unwrap();
            assert_eq!(decode(&text, SIGNATURE), Ok(bytes), "{len}");
        }
    }

    /// The check value of CRC-24/OPENPGP in the catalogue of parametrised CRC algorithms.
    #[test]
    fn the_checksum_is_openpgps() {
        assert_eq!(checksum(b"123456789"), [0x21, 0xcf, 0x02]);
    }

    #[test]
    fn headers_and_several_blocks_are_read() {
        let one = "-----BEGIN PGP SIGNATURE-----\nVersion: 1\nComment: a: b\n\nAQID\n-----END PGP \
                   SIGNATURE-----\n";
        let two = format!(
            "said\n{one}\n{}",
            one.replace("Version: 1\nComment: a: b\n", "")
        );
        assert_eq!(decode(&two, SIGNATURE), Ok(vec![1, 2, 3, 1, 2, 3]));
    }

    #[test]
    fn what_is_no_armor_is_refused() {
        let good = String::from_utf8(encode(SIGNATURE, b"abc")).unwrap();
        let refused = |text: &str| decode(text, SIGNATURE).unwrap_err();
        assert_eq!(refused(""), "no armor");
        assert_eq!(refused(&good.replace("END", "FIN")), "armor without an end");
        assert_eq!(refused("-----BEGIN PGP X"), "a label without an end");
        let error = refused(&good.replace("SIGNATURE", PUBLIC_KEY));
        assert!(
            error.starts_with("armor of a PGP \"PUBLIC KEY BLOCK\", wanted"),
            "{error}"
        );
        let error = refused(&good.replace("YWJj", "YWJk"));
        assert_eq!(error, "the checksum of the armor is another one");
        assert!(refused(&good.replace("YWJj", "YWJ")).starts_with("armor is not base64"));
        let error = refused(&good.replace("\n-----END", "\nYWJj\n-----END"));
        assert_eq!(error, "a line behind the checksum");
    }
}
