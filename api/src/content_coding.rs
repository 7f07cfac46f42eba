//! Which content coding a client gets, by its `Accept-Encoding` (RFC 9110, section 12.5.3).
//!
//! C2SP tlog-tiles lets a log send gzip without being asked and anything else only if the client
//! lists it. We are stricter with gzip: it too is sent only if asked for, by name or by `*`.

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    /// The name for `Content-Encoding`; identity has none.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Zstd => Some("zstd"),
        }
    }

    /// `plain` in this coding. CPU bound: some milliseconds for a full bundle.
    ///
    /// # Errors
    /// Only what the encoder reports; writing to memory itself does not fail.
    pub(crate) fn encode(self, plain: &Bytes) -> io::Result<Bytes> {
        match self {
            Coding::Identity => Ok(plain.clone()),
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(plain)?;
                encoder.finish().map(exact)
            }
            Coding::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL).map(exact),
        }
    }
}

/// Without the room that encoding needed, which is more than what is left of a large body.
fn exact(coded: Vec<u8>) -> Bytes {
    Bytes::from(coded.into_boxed_slice())
}

/// Compressed while a client waits, so the fastest level that still earns its keep.
const ZSTD_LEVEL: i32 = 1;

/// The coding the client likes best. Among equals the smallest body wins, except that `identity`
/// loses to a coding only if the client listed that coding. A client that refuses everything we
/// have gets identity: the tree's bytes are worth more than a 406.
pub(crate) fn negotiate(headers: &HeaderMap) -> Coding {
    let mut listed = Listed::default();
    for value in headers.get_all(ACCEPT_ENCODING) {
        // A value that is not text lists nothing.
        for item in value.to_str().unwrap_or_default().split(',') {
            listed.add(item);
        }
    }
    let gzip = listed.gzip.or(listed.any).unwrap_or(0);
    let zstd = listed.zstd.unwrap_or(0);
    // Unlisted, identity is acceptable but not preferred to anything that is listed.
    let identity = listed.identity.unwrap_or(0);
    if zstd > 0 && zstd >= gzip && zstd >= identity {
        Coding::Zstd
    } else if gzip > 0 && gzip >= identity {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

/// The weights of one request, in thousandths; `None` if not listed.
#[derive(Default)]
struct Listed {
    gzip: Option<u16>,
    zstd: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl Listed {
    /// Takes in one element, such as `gzip;q=0.5`. One that makes no sense is not listed.
    fn add(&mut self, item: &str) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let Some(weight) = parse_weight(parameters) else {
            return;
        };
        let name = name.trim();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let slot = if is("gzip") || is("x-gzip") {
            &mut self.gzip
        } else if is("zstd") {
            &mut self.zstd
        } else if is("identity") {
            &mut self.identity
        } else if is("*") {
            &mut self.any
        } else {
            return;
        };
        *slot = Some(weight);
    }
}

/// A weight in thousandths: `q=0.5` is 500, nothing is 1000, anything else no weight at all.
fn parse_weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let value = parameters
        .strip_prefix(['q', 'Q'])?
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Read as _;

    use http::HeaderValue;

    fn check(values: &[&'static str], want: Coding) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        assert_eq!(negotiate(&headers), want, "{values:?}");
    }

    #[test]
    fn the_client_decides() {
        check(&[], Coding::Identity);
        check(&[""], Coding::Identity);
        check(&["gzip"], Coding::Gzip);
        check(&["GZip"], Coding::Gzip);
        check(&["x-gzip"], Coding::Gzip);
        check(&["zstd"], Coding::Zstd);
        check(&["gzip, deflate, br, zstd"], Coding::Zstd);
        check(&["gzip", "zstd"], Coding::Zstd);
        check(&["br"], Coding::Identity);
        check(&["gzip, identity"], Coding::Gzip);
    }

    #[test]
    fn weights_are_respected() {
        check(&["zstd;q=0.5, gzip;q=0.8"], Coding::Gzip);
        check(&["zstd;q=0.5, gzip ; q = 0.5"], Coding::Zstd);
        check(&["zstd;q=0, gzip;q=0"], Coding::Identity);
        check(&["gzip;q=0.001"], Coding::Gzip);
        check(&["identity, gzip;q=0.999"], Coding::Identity);
        check(&["identity;q=0.5, gzip"], Coding::Gzip);
        check(&["gzip;Q=1.000"], Coding::Gzip);
    }

    #[test]
    fn a_star_means_gzip_but_never_zstd() {
        check(&["*"], Coding::Gzip);
        check(&["*;q=0"], Coding::Identity);
        check(&["gzip;q=0, *"], Coding::Identity);
        check(&["*;q=0.1, zstd;q=0"], Coding::Gzip);
    }

    #[test]
    fn nonsense_lists_nothing() {
        for value in [
            "gzip;q=2",
            "gzip;q=1.001",
            "gzip;q=0.5000",
            "gzip;q=-1",
            "gzip;level=9",
            "gzip;q=1;x",
        ] {
            check(&[value], Coding::Identity);
        }
        check(&[";;;,,,q=1,*;*"], Coding::Identity);
        check(&["zstd;q=abc, gzip"], Coding::Gzip);
    }

    #[test]
    fn codings_are_inverted_by_their_decoders() {
        let plain = Bytes::from("abc".repeat(1000));
        assert_eq!(Coding::Identity.encode(&plain).unwrap(), plain);
        let gzip = Coding::Gzip.encode(&plain).unwrap();
        let mut decoded = Vec::new();
        flate2::read::GzDecoder::new(gzip.as_ref())
            .read_to_end(&mut decoded)
            .unwrap();
        assert_eq!(decoded, plain);
        let zstd = Coding::Zstd.encode(&plain).unwrap();
        assert_eq!(zstd::bulk::decompress(&zstd, plain.len()).unwrap(), plain);
    }
}
