//! A subject that is a URI, in the form in which verifiers know it.
//!
//! Sigstore's CA passes subjects through Go's `net/url`: a path or fragment with a character that
//! may not stand in a URI, such as the space in a workflow's name, is percent-encoded as a whole,
//! and one without is left as it is. Policies compare these strings, so ours must be the same.
//!
//! Invariant: what is returned is ASCII, has a scheme and a host, and no user before the host:
//! `https://github.com@evil.example/` must not pass for GitHub's.

use std::fmt::Write as _;

/// The longest subject, which is also what SPIFFE allows (SPIFFE-ID section 2.4).
pub(super) const URI_LEN_BYTES_MAX: usize = 2048;

/// An absolute URI taken apart, with its path, query and fragment still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uri<'a> {
    pub(crate) scheme: &'a str,
    /// Host, and port if there is one.
    pub(crate) authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Uri<'a> {
    /// Takes an absolute URI with a host apart. What is wrong with it is said in a few words.
    pub(crate) fn parse(text: &'a str) -> Result<Uri<'a>, &'static str> {
        Uri::parse_hosts(text, is_host_byte)
    }

    /// The same, where `*` may stand in the host.
    pub(crate) fn parse_with_wildcards(text: &'a str) -> Result<Uri<'a>, &'static str> {
        Uri::parse_hosts(text, |byte| is_host_byte(byte) || byte == b'*')
    }

    fn parse_hosts(text: &'a str, is_host: fn(u8) -> bool) -> Result<Uri<'a>, &'static str> {
        if text.len() > URI_LEN_BYTES_MAX {
            return Err("a URI of at most 2048 bytes");
        }
        if text.chars().any(char::is_control) {
            return Err("a URI without control characters");
        }
        let (scheme, rest) = text.split_once("://").ok_or("a URI with a scheme")?;
        let is_scheme_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase())
            || !scheme.bytes().all(is_scheme_byte)
        {
            return Err("a URI with a scheme");
        }
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !is_authority(authority, is_host) {
            return Err("a URI with a host name, and no user before it");
        }
        let parts = [Some(path), query, fragment];
        if !parts.into_iter().flatten().all(has_only_whole_escapes) {
            return Err("a URI whose percent signs are followed by two hexadecimal digits");
        }
        Ok(Uri {
            scheme,
            authority,
            path,
            query,
            fragment,
        })
    }

    /// The host without its port.
    pub(crate) fn host(&self) -> &'a str {
        let host = self.authority.rsplit_once(':');
        host.map_or(self.authority, |(host, _)| host)
    }

    /// Everything behind the authority.
    pub(crate) fn has_only_authority(&self) -> bool {
        self.path.is_empty() && self.query.is_none() && self.fragment.is_none()
    }

    /// The path, as it was given.
    pub(crate) fn path(&self) -> &'a str {
        self.path
    }
}

/// The form that goes into a certificate.
pub(super) fn normalized(text: &str) -> Result<String, &'static str> {
    let uri = Uri::parse(text)?;
    if uri
        .query
        .is_some_and(|query| !query.is_ascii() || query.contains(' '))
    {
        return Err("a URI whose query is ASCII without spaces");
    }
    let mut out = format!("{}://{}{}", uri.scheme, uri.authority, encoded(uri.path));
    if let Some(query) = uri.query {
        out.push('?');
        out.push_str(query);
    }
    if let Some(fragment) = uri.fragment {
        out.push('#');
        out.push_str(&encoded(fragment));
    }
    if out.len() > URI_LEN_BYTES_MAX {
        return Err("a URI of at most 2048 bytes");
    }
    Ok(out)
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((head, tail)) => (head, Some(tail)),
        None => (text, None),
    }
}

/// A name or an IPv4 address, and perhaps a port.
fn is_authority(authority: &str, is_host: fn(u8) -> bool) -> bool {
    let (host, port) = cut(authority, ':');
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    !host.is_empty() && host.bytes().all(is_host) && port.is_none_or(is_port)
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

fn has_only_whole_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|behind| {
        let mut bytes = behind.bytes();
        let mut is_hex = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        is_hex() && is_hex()
    })
}

/// As it is, if every character may stand in a path; else decoded and encoded anew.
fn encoded(part: &str) -> String {
    if part
        .bytes()
        .all(|byte| is_unreserved(byte) || MAY_STAND.contains(&byte))
    {
        return part.to_owned();
    }
    let mut out = String::with_capacity(part.len() + 16);
    for byte in decoded(part) {
        if is_unreserved(byte) || STAYS.contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes whatever is written to it");
        }
    }
    out
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// What else may stand in a path that is left as it is.
const MAY_STAND: &[u8] = b"!$&'()*+,;=:@[]%/";
/// What else is not encoded when the path is encoded anew.
const STAYS: &[u8] = b"$&+,/:;=@";

/// Bytes behind the percent signs, all of which are known to be whole.
fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let escape = (byte == b'%')
            .then(|| Some(digit()? * 16 + digit()?))
            .flatten();
        out.push(
            escape
                .and_then(|value| u8::try_from(value).ok())
                .unwrap_or(byte),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pair as Go's `url.Parse(x).String()` has it.
    #[test]
    fn uris_have_the_form_that_verifiers_know() {
        for (given, wanted) in [
            (
                "https://github.com/o/r/.github/workflows/x.yml@refs/heads/main",
                "https://github.com/o/r/.github/workflows/x.yml@refs/heads/main",
            ),
            (
                "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main",
                "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main",
            ),
            ("https://h.example/a b", "https://h.example/a%20b"),
            ("https://h.example/a!b", "https://h.example/a!b"),
            ("https://h.example/a!b c", "https://h.example/a%21b%20c"),
            ("https://h.example/a%20b", "https://h.example/a%20b"),
            ("https://h.example/a%2fb c", "https://h.example/a/b%20c"),
            ("https://h.example/\u{fc}", "https://h.example/%C3%BC"),
            (
                "https://h.example/x@refs/heads/fix#12",
                "https://h.example/x@refs/heads/fix#12",
            ),
            ("https://h.example", "https://h.example"),
            ("http://127.0.0.1:8080/x?a=b", "http://127.0.0.1:8080/x?a=b"),
            ("spiffe://d.example/ns/a", "spiffe://d.example/ns/a"),
        ] {
            assert_eq!(normalized(given).as_deref(), Ok(wanted), "{given}");
        }
    }

    #[test]
    fn what_is_no_uri_with_a_host_is_refused() {
        for bad in [
            "",
            "github.com/o/r",
            "https:///path",
            "https://user@h.example/",
            "https://github.com@evil.example/",
            "https://h.example:/",
            "https://h.example:8a/",
            "https://h example/",
            "https://\u{fc}.example/",
            "https://[::1]/",
            "HTTPS://h.example/",
            "https://h.example/100%",
            "https://h.example/%zz",
            "https://h.example/a\nb",
            "https://h.example/?a b",
            "://h.example/",
        ] {
            assert!(normalized(bad).is_err(), "{bad}");
        }
        let long = format!("https://h.example/{}", "x".repeat(URI_LEN_BYTES_MAX));
        assert!(normalized(&long).is_err());
        let grows = format!("https://h.example/{}", " ".repeat(1000));
        assert!(normalized(&grows).is_err());
    }
}
