//! Which origins a log may have: what the checkpoint format allows, and for a v2 log less.
//!
//! Sigstore clients take the host name of a log's URL for the name in its checkpoint, so a v2
//! origin is a bare host name. An origin can't change later, hence the care before a log exists.

use tiles::Origin;

use crate::app::LogKind;

/// Bytes in an origin; a DNS name has at most 253 and a path adds little.
const ORIGIN_LEN_BYTES_MAX: usize = 255;

/// Why an origin is refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("origin {found:?} {problem}; {instead}")]
pub(crate) struct OriginError {
    pub(crate) found: String,
    pub(crate) problem: &'static str,
    pub(crate) instead: String,
}

/// What [`parse`] takes, in words.
pub(crate) fn allowed(kind: LogKind) -> &'static str {
    match kind {
        LogKind::RekorV2 => "a bare host name such as log.example.org",
        LogKind::Raw | LogKind::Ct => {
            "a host name, with or without a path, such as log.example.org/logs/builds"
        }
    }
}

/// Checks `text` as the origin of a log of that kind.
///
/// # Errors
/// Says what is wrong and proposes an origin that would do.
pub(crate) fn parse(kind: LogKind, text: &str) -> Result<Origin, OriginError> {
    let refuse = |problem| OriginError {
        found: text.to_owned(),
        problem,
        instead: match proposal(kind, text) {
            Some(better) => format!("write {better:?} instead"),
            None => format!("write {} instead", allowed(kind)),
        },
    };
    match problem(kind, text) {
        Some(problem) => Err(refuse(problem)),
        None => Origin::new(text).map_err(|_| refuse("can't stand in a checkpoint")),
    }
}

/// A v2 log's origin that is not the host of the URL at which clients reach the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "origin {found:?} is not the host {host:?} of the URL, and Sigstore clients take the one for \
     the other; change --origin to {host:?} or --url to {url:?}"
)]
pub(crate) struct UrlHostError {
    /// The origin.
    pub(crate) found: String,
    pub(crate) host: String,
    /// The URL with the origin as its host.
    pub(crate) url: String,
}

/// Checks that clients find the origin that the URL makes them expect. `url` has passed
/// `config::check_url`.
///
/// # Errors
/// If they would not. Clients of raw logs are told the origin; any will do.
pub(crate) fn check_url_host(kind: LogKind, origin: &str, url: &str) -> Result<(), UrlHostError> {
    let uri = url.parse::<http::Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    if kind != LogKind::RekorV2 || host.eq_ignore_ascii_case(origin) {
        return Ok(());
    }
    let scheme = uri.scheme_str().unwrap_or("https");
    let port = uri.port().map(|port| format!(":{port}"));
    Err(UrlHostError {
        found: origin.to_owned(),
        host: host.to_ascii_lowercase(),
        url: format!("{scheme}://{origin}{}", port.unwrap_or_default()),
    })
}

/// What is wrong with `text`, if anything.
fn problem(kind: LogKind, text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.len() > ORIGIN_LEN_BYTES_MAX {
        return Some("is longer than 255 bytes");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("has a space");
    }
    if text.contains('+') {
        return Some("has a `+`");
    }
    if text.contains("://") {
        return Some("has a scheme");
    }
    if kind != LogKind::RekorV2 {
        return None;
    }
    if text.contains('/') {
        return Some("has a path");
    }
    if text.contains(':') {
        return Some("has a port");
    }
    if !text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
    {
        return Some("is not a host name (ASCII letters, digits, `-` and `.`)");
    }
    if text
        .split('.')
        .any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-'))
    {
        return Some("is not a host name (a label is empty or has `-` at an end)");
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("has capital letters, which clients fold to lower case");
    }
    None
}

/// The nearest origin that would be taken, if there is one to be seen in `text`.
fn proposal(kind: LogKind, text: &str) -> Option<String> {
    let rest = text.split_once("://").map_or(text, |(_scheme, rest)| rest);
    let kept: String = rest
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '+')
        .collect();
    let better = match kind {
        LogKind::Raw | LogKind::Ct => kept.trim_end_matches('/').to_owned(),
        LogKind::RekorV2 => {
            let host = kept.split('/').next().unwrap_or("");
            host.split(':').next().unwrap_or("").to_ascii_lowercase()
        }
    };
    problem(kind, &better).is_none().then_some(better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(kind: LogKind, text: &str, problem: &str, instead: &str) {
        let error = parse(kind, text).unwrap_err();
        assert!(error.problem.contains(problem), "{error}");
        assert!(error.instead.contains(instead), "{error}");
    }

    #[test]
    fn a_v2_origin_is_the_host_of_its_url() {
        let check = |kind, url| check_url_host(kind, "log.example.org", url);
        let right = ["https://log.example.org", "http://LOG.example.org:8443"];
        for url in right {
            check(LogKind::RekorV2, url).unwrap();
        }
        let error = check(LogKind::RekorV2, "https://Other.example.net:8443").unwrap_err();
        assert_eq!(error.host, "other.example.net");
        assert_eq!(error.url, "https://log.example.org:8443");
        assert!(error.to_string().contains("change --origin"), "{error}");
        check(LogKind::Raw, "https://other.example.net").unwrap();
    }

    #[test]
    fn bare_host_names_are_v2_origins() {
        for origin in [
            "log.example.org",
            "localhost",
            "log2025-1.rekor.example.org",
            "127.0.0.1",
        ] {
            assert_eq!(parse(LogKind::RekorV2, origin).unwrap().to_string(), origin);
        }
    }

    #[test]
    fn a_v2_origin_with_a_port_is_refused() {
        check_refused(
            LogKind::RekorV2,
            "log.example.org:3000",
            "port",
            "\"log.example.org\"",
        );
    }

    #[test]
    fn a_v2_origin_with_a_path_is_refused() {
        check_refused(
            LogKind::RekorV2,
            "log.example.org/logs/a",
            "path",
            "\"log.example.org\"",
        );
    }

    #[test]
    fn a_v2_origin_with_a_space_is_refused() {
        check_refused(
            LogKind::RekorV2,
            "my log.example.org",
            "space",
            "\"mylog.example.org\"",
        );
    }

    #[test]
    fn a_v2_origin_with_a_plus_is_refused() {
        check_refused(
            LogKind::RekorV2,
            "log+1.example.org",
            "`+`",
            "\"log1.example.org\"",
        );
    }

    #[test]
    fn a_v2_origin_with_a_scheme_is_refused() {
        let found = "https://Log.example.org:80/x";
        check_refused(LogKind::RekorV2, found, "scheme", "\"log.example.org\"");
    }

    #[test]
    fn other_v2_origins_that_are_no_host_name_are_refused() {
        check_refused(LogKind::RekorV2, "", "empty", "log.example.org");
        check_refused(LogKind::RekorV2, "a_b", "host name", "bare host name");
        check_refused(LogKind::RekorV2, "a..b", "label", "bare host name");
        check_refused(LogKind::RekorV2, "-a", "label", "bare host name");
        check_refused(LogKind::RekorV2, "A.b", "capital", "\"a.b\"");
        check_refused(LogKind::RekorV2, &"a".repeat(256), "255", "bare host name");
    }

    #[test]
    fn a_raw_origin_may_have_a_path_and_a_port() {
        for origin in ["example.org/logs/builds", "example.org:8080/x", "builds"] {
            assert_eq!(parse(LogKind::Raw, origin).unwrap().to_string(), origin);
        }
    }

    #[test]
    fn a_raw_origin_that_no_note_can_carry_is_refused() {
        check_refused(LogKind::Raw, "a b", "space", "\"ab\"");
        check_refused(LogKind::Raw, "a\nb", "space", "\"ab\"");
        check_refused(LogKind::Raw, "a+b", "`+`", "\"ab\"");
        check_refused(LogKind::Raw, "https://a/b/", "scheme", "\"a/b\"");
    }
}
