//! Patterns with wildcards: for issuers' URLs, and for claims in allow rules.
//!
//! | where | `*` | `**` |
//! |---|---|---|
//! | URLs | one or more of `A-Z a-z 0-9 - _` | not there |
//! | claims | any text without `/` | any text |
//!
//! So no wildcard of a URL reaches into another label or segment, and `acme/*` is acme's
//! repositories and not what lies below somebody else's. A pattern is always about the whole text.

use std::fmt;

/// The longest pattern.
pub(super) const PATTERN_LEN_BYTES_MAX: usize = 512;

/// A pattern. Equal by how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    /// One or more name characters.
    Name,
    /// Anything without a slash, or nothing.
    Segment,
    /// Anything, or nothing.
    Any,
}

impl Pattern {
    /// A pattern for URLs.
    pub(super) fn url(source: &str) -> Pattern {
        let mut pieces = Vec::new();
        for (number, literal) in source.split('*').enumerate() {
            if number > 0 {
                pieces.push(Piece::Name);
            }
            pieces.push(Piece::Literal(literal.into()));
        }
        let source = source.to_owned();
        Pattern { source, pieces }
    }

    /// A pattern for claims.
    pub(super) fn claim(source: &str) -> Pattern {
        let mut pieces = Vec::new();
        for (number, outer) in source.split("**").enumerate() {
            if number > 0 {
                pieces.push(Piece::Any);
            }
            for (number, literal) in outer.split('*').enumerate() {
                if number > 0 {
                    pieces.push(Piece::Segment);
                }
                pieces.push(Piece::Literal(literal.into()));
            }
        }
        let source = source.to_owned();
        Pattern { source, pieces }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.source
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.source.contains('*')
    }

    /// What comes before the first wildcard: everything, if there is none.
    pub(super) fn before_wildcard(&self) -> &str {
        let before = self.source.split_once('*').map(|(before, _)| before);
        before.unwrap_or(&self.source)
    }

    /// What comes after the last wildcard: everything, if there is none.
    pub(super) fn after_wildcard(&self) -> &str {
        let after = self.source.rsplit_once('*').map(|(_, after)| after);
        after.unwrap_or(&self.source)
    }

    /// Whether the whole text fits. Cost: pattern times text, both bounded.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text = text.as_bytes();
        // Where a match of the pieces so far may end.
        let mut ends = vec![false; text.len() + 1];
        if let Some(start) = ends.first_mut() {
            *start = true;
        }
        for piece in &self.pieces {
            ends = match piece {
                Piece::Literal(literal) => behind_literal(&ends, literal, text),
                Piece::Name => behind_run(&ends, text, is_name_byte, false),
                Piece::Segment => behind_run(&ends, text, |byte| byte != b'/', true),
                Piece::Any => behind_run(&ends, text, |_| true, true),
            };
        }
        ends.last().copied().unwrap_or(false)
    }
}

fn behind_literal(starts: &[bool], literal: &[u8], text: &[u8]) -> Vec<bool> {
    let mut ends = vec![false; starts.len()];
    for (start, _) in starts.iter().enumerate().filter(|(_, is_start)| **is_start) {
        let fits = text
            .get(start..)
            .is_some_and(|rest| rest.starts_with(literal));
        if let Some(end) = ends.get_mut(start + literal.len()).filter(|_| fits) {
            *end = true;
        }
    }
    ends
}

/// Ends of runs of allowed bytes; an empty run ends where it begins, if it may be empty.
fn behind_run(
    starts: &[bool],
    text: &[u8],
    is_allowed: impl Fn(u8) -> bool,
    may_be_empty: bool,
) -> Vec<bool> {
    let mut ends = Vec::with_capacity(starts.len());
    let mut in_run = false;
    let before = std::iter::once(None).chain(text.iter().copied().map(Some));
    for (is_start, byte) in starts.iter().zip(before) {
        let goes_on = in_run && byte.is_some_and(&is_allowed);
        ends.push(goes_on || (may_be_empty && *is_start));
        in_run = goes_on || *is_start;
    }
    ends
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wildcards_of_urls_stay_within_a_label_or_segment() {
        let eks = Pattern::url("https://oidc.eks.*.amazonaws.com/id/*");
        assert!(eks.matches("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC_1"));
        for other in [
            "https://oidc.eks..amazonaws.com/id/ABC",
            "https://oidc.eks.a.b.amazonaws.com/id/ABC",
            "https://oidc.eks.evil.example/x.amazonaws.com/id/ABC",
            "https://oidc.eks.eu.amazonaws.com/id/",
            "https://oidc.eks.eu.amazonaws.com/id/A/B",
            "https://oidc.eks.eu.amazonaws.com/id/A?x",
            "https://oidc.eks.eu.amazonaws.com/id/A\n",
            "xhttps://oidc.eks.eu.amazonaws.com/id/A",
            "https://oidc.eks.eu.amazonaws.com/id/A.evil.example",
        ] {
            assert!(!eks.matches(other), "{other}");
        }
        assert!(!Pattern::url("https://a.example/x").matches("https://aXexample/x"));
    }

    #[test]
    fn wildcards_of_claims_stay_within_a_segment_unless_doubled() {
        for (pattern, text, fits) in [
            ("acme/*", "acme/cairn", true),
            ("acme/*", "acme/", true),
            ("acme/*", "acme/a/b", false),
            ("acme/*", "acme-evil/cairn", false),
            ("acme/*", "xacme/cairn", false),
            ("acme/**", "acme/a/b", true),
            ("*@acme.example", "a@acme.example", true),
            ("*@acme.example", "a@acme.example.evil", false),
            ("*@acme.example", "a@b/c@acme.example", false),
            ("refs/tags/v*", "refs/tags/v1.2", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("exact", "exact", true),
            ("exact", "Exact", false),
            ("exact", "exactly", false),
            ("**", "", true),
            ("*", "a/b", false),
        ] {
            assert_eq!(
                Pattern::claim(pattern).matches(text),
                fits,
                "{pattern} {text}"
            );
        }
    }

    /// The definition: try every way to divide the text.
    fn naive(pattern: &str, text: &str) -> bool {
        if let Some(rest) = pattern.strip_prefix("**") {
            return (0..=text.len()).any(|end| naive(rest, &text[end..]));
        }
        if let Some(rest) = pattern.strip_prefix('*') {
            let reach = text.find('/').unwrap_or(text.len());
            return (0..=reach).any(|end| naive(rest, &text[end..]));
        }
        match (pattern.chars().next(), text.chars().next()) {
            (None, None) => true,
            (Some(wanted), Some(found)) => wanted == found && naive(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_as_defined(pattern in "[ab/*]{0,8}", text in "[ab/]{0,8}") {
            prop_assert_eq!(Pattern::claim(&pattern).matches(&text), naive(&pattern, &text));
        }

        #[test]
        fn a_text_matches_itself(text in "[a-z/@.]{0,40}") {
            prop_assert!(Pattern::claim(&text).matches(&text));
            prop_assert!(Pattern::url(&text).matches(&text));
        }
    }
}
