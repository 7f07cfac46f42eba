//! What the server and the operator's commands read beside a log's own formats: cairn.toml, the
//! bodies of batches, the admin socket's answer, the mark of a backup, a request's headers.

use std::collections::BTreeSet;
use std::net::IpAddr;

use api::parsers;
use bytes::Bytes;
use http::HeaderValue;
use sigstore::HashedRekord;
use tiles::append_entry;

use crate::input::Input;

/// A longer line is not read to its end.
const ANSWER_LEN_BYTES_MAX: usize = 1 << 20;

/// cairn.toml. Accepted or not, a comment changes nothing; a refusal names a line of the file.
#[must_use]
pub fn config(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else {
        return false;
    };
    let config = match parsers::config(text) {
        Ok(config) => config,
        Err((line, told)) => {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
            assert!(told.contains(&format!("cairn.toml:{line}: ")), "{told}");
            return false;
        }
    };
    let logs: Vec<(&str, &str)> = config.logs().collect();
    let names: BTreeSet<&str> = logs.iter().map(|(name, _)| *name).collect();
    let origins: BTreeSet<&str> = logs.iter().map(|(_, origin)| *origin).collect();
    assert!(!logs.is_empty(), "a server without logs has nothing to do");
    assert_eq!((names.len(), origins.len()), (logs.len(), logs.len()));
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(names.iter().all(|name| name.bytes().all(is_plain)));
    // A byte order mark stands before the first line or nowhere.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let again = parsers::config(&format!("# a comment\n{text}\n# another\n"));
    assert_eq!(again.as_ref(), Ok(&config));
    let (line, _) = parsers::config(&format!("no-such-key = 1\n{text}"))
        .expect_err("an unknown key is never passed over");
    assert_eq!(line, 1);
    true
}

/// The body of a gRPC call that logs an entry. Accepted is what a log would log.
#[must_use]
pub fn rekor_call(bytes: &[u8]) -> bool {
    let Ok(leaf) = parsers::rekor_call(bytes) else {
        return false;
    };
    let entry = HashedRekord::parse_leaf(&leaf).expect("a log holds leaves");
    assert_eq!(entry.verify(), Ok(()), "a checked entry stays right");
    let twice = [bytes, bytes].concat();
    assert!(
        parsers::rekor_call(&twice).is_err(),
        "a call has one message"
    );
    true
}

/// A time server's answer to a request that was sent at a moment of 2026.
#[must_use]
pub fn time_answer(bytes: &[u8]) -> bool {
    const NONCE: [u8; 8] = *b"a nonce!";
    const NOW_MS: u64 = 1_780_000_000_000;
    let Ok(offset_ms) = parsers::time_answer(bytes, NONCE, NOW_MS) else {
        return false;
    };
    // Half of an era is the most that its seconds can tell.
    assert!(offset_ms.unsigned_abs() <= (1 << 31) * 1000 + 1000);
    assert_eq!(bytes.len(), 48);
    true
}

/// The body of `POST /add-batch`: the first byte is how many entries may be in it.
#[must_use]
pub fn raw_batch(bytes: &[u8]) -> bool {
    let (count_max, body) = count_and_body(bytes);
    let Ok(entries) = parsers::raw_batch(&body, count_max) else {
        return false;
    };
    assert!((1..=count_max).contains(&entries.len()));
    let mut again = Vec::new();
    for entry in &entries {
        append_entry(&mut again, entry).expect("it was behind its length");
    }
    assert_eq!(again, body, "a batch has one form");
    if entries.len() > 1 {
        let fewer = parsers::raw_batch(&body, entries.len() - 1);
        assert!(fewer.is_err(), "nothing is cut off in silence");
    }
    true
}

/// The body of `POST /api/v2/log/entries/batch`: the first byte is how many requests may be in it.
/// What it is cut into is compared with a definition that only counts brackets.
#[must_use]
pub fn rekor_batch(bytes: &[u8]) -> bool {
    let (count_max, body) = count_and_body(bytes);
    let Ok(requests) = parsers::rekor_batch(&body, count_max) else {
        return false;
    };
    assert!((1..=count_max).contains(&requests.len()));
    let wanted = elements(&body);
    let found: Vec<&[u8]> = requests.iter().map(Bytes::as_ref).collect();
    assert_eq!(
        found, wanted,
        "each request is what lies between two commas"
    );
    for request in found {
        // A request alone is checked by other parsers: what is whole in the array is whole there.
        let alone = Bytes::from([b"[", request, b"]"].concat());
        let alone = parsers::rekor_batch(&alone, 1).expect("it was an element");
        assert_eq!(alone.as_slice(), [request]);
    }
    true
}

/// The elements of a JSON array that is known to be one.
fn elements(array: &[u8]) -> Vec<&[u8]> {
    let inside = array.trim_ascii();
    let inside = inside.strip_prefix(b"[").unwrap_or(inside);
    let inside = inside.strip_suffix(b"]").unwrap_or(inside);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let is_border = |byte: &u8| {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return false;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *byte == b','
    };
    inside.split(is_border).map(<[u8]>::trim_ascii).collect()
}

/// What a server says on the admin socket.
#[must_use]
pub fn admin_answer(bytes: &[u8]) -> bool {
    let Some(answer) = parsers::admin_answer(bytes) else {
        return false;
    };
    assert_eq!(
        answer.iter().position(|byte| *byte == b'\n'),
        Some(answer.len() - 1)
    );
    if answer.len() <= ANSWER_LEN_BYTES_MAX {
        assert_eq!(parsers::admin_answer(&answer).as_ref(), Some(&answer));
        // One line is an answer; what follows it is not looked at.
        let followed = [&answer[..], b"\0 more"].concat();
        assert_eq!(parsers::admin_answer(&followed), Some(answer));
    }
    true
}

/// The file `BACKUP`.
#[must_use]
pub fn backup_mark(bytes: &[u8]) -> bool {
    let text = str::from_utf8(bytes).ok();
    let Some(again) = text.and_then(parsers::backup_mark) else {
        return false;
    };
    assert_eq!(again.as_bytes(), bytes, "a mark has one form");
    let whole_lines = |cut: usize| bytes.get(cut - 1) == Some(&b'\n');
    for cut in 1..bytes.len() {
        let text = text.and_then(|text| text.get(..cut));
        let accepted = text.and_then(parsers::backup_mark).is_some();
        assert!(!accepted || whole_lines(cut), "half a line is no mark");
    }
    true
}

/// The value of a header, read as each of those that the server looks into. Accepted is what a
/// header can carry.
#[must_use]
pub fn header_value(bytes: &[u8]) -> bool {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return false;
    };
    let lower = bytes.to_ascii_lowercase();
    let names = |coding: &[u8]| lower.windows(coding.len()).any(|at| at == coding);
    match parsers::content_coding(&value) {
        Some("zstd") => assert!(names(b"zstd"), "only who asks for zstd gets it"),
        Some("gzip") => assert!(names(b"gzip") || names(b"*")),
        Some(other) => unreachable!("the server knows no {other}"),
        None => {}
    }
    check_client(bytes, &value);
    if let Some(host) = parsers::host(&value) {
        assert!(
            !host.bytes().any(|byte| byte.is_ascii_uppercase()),
            "{host}"
        );
        assert!(host.len() <= bytes.len() && !host.ends_with('.'));
    }
    true
}

/// A proxy's header is believed only from a proxy, and never past the first that is none.
fn check_client(bytes: &[u8], value: &HeaderValue) {
    let (stranger, proxy) = ([192, 0, 2, 1], [10, 0, 0, 1]);
    let from = |peer: [u8; 4], value| parsers::client_address(peer.into(), value);
    assert_eq!(from(stranger, value), IpAddr::from(stranger));
    let client = from(proxy, value);
    let is_proxy = matches!(client, IpAddr::V4(address) if address.octets().starts_with(&[10]));
    if !is_proxy {
        let longer = [b"198.51.100.7, ", bytes].concat();
        let longer = HeaderValue::from_bytes(&longer).expect("two values are one");
        assert_eq!(from(proxy, &longer), client, "a client may not name itself");
    }
}

fn count_and_body(bytes: &[u8]) -> (usize, Bytes) {
    let mut input = Input::new(bytes);
    let count_max = usize::from(input.u8()) + 1;
    (count_max, Bytes::copy_from_slice(input.rest()))
}
