//! Who must have signed: the issuer of the signer's token, and the name in the certificate.
//!
//! Both are wanted, always: a name alone means nothing, because any issuer that an authority
//! believes may call anybody by it. A pattern is anchored: it has to match the whole text.

use std::fmt;

use regex_lite::Regex;
use thiserror::Error;

/// The longest pattern that is taken.
pub const PATTERN_LEN_BYTES_MAX: usize = 4096;

/// A text that is wanted, or a pattern for the whole of it.
#[derive(Clone, Debug)]
pub enum TextMatch {
    /// This text, byte for byte.
    Exact(String),
    /// Any text that this pattern matches from its first byte to its last.
    Pattern(TextPattern),
}

/// An anchored regular expression. It is matched in time linear in the text.
#[derive(Clone, Debug)]
pub struct TextPattern {
    source: String,
    regex: Regex,
}

impl TextMatch {
    /// A pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`]: not a regular expression, empty, or too long.
    pub fn pattern(source: &str) -> Result<TextMatch, PatternError> {
        let found = source.len();
        if found == 0 || found > PATTERN_LEN_BYTES_MAX {
            return Err(PatternError::Len { found });
        }
        // On its own first: `a)|(b` must not become one by the parentheses around it.
        let syntax = |error: regex_lite::Error| PatternError::Syntax {
            pattern: source.to_owned(),
            reason: error.to_string(),
        };
        Regex::new(source).map_err(syntax)?;
        let regex = Regex::new(&format!(r"\A(?:{source})\z")).map_err(syntax)?;
        let source = source.to_owned();
        Ok(TextMatch::Pattern(TextPattern { source, regex }))
    }

    /// Whether the text is what is wanted.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            TextMatch::Exact(wanted) => wanted == text,
            TextMatch::Pattern(pattern) => pattern.regex.is_match(text),
        }
    }
}

impl fmt::Display for TextMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextMatch::Exact(wanted) => write!(f, "{wanted:?}"),
            TextMatch::Pattern(pattern) => write!(f, "all of /{}/", pattern.source),
        }
    }
}

impl PartialEq for TextMatch {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Pattern(a), Self::Pattern(b)) => a.source == b.source,
            (Self::Exact(_), Self::Pattern(_)) | (Self::Pattern(_), Self::Exact(_)) => false,
        }
    }
}

impl Eq for TextMatch {}

/// Somebody who may have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who issued the signer's token: a URL.
    pub issuer: TextMatch,
    /// The name in the certificate: a mail address, a URI, a user name.
    pub name: TextMatch,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of issuer {}", self.name, self.issuer)
    }
}

/// Why a pattern was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// Empty, which would match nothing but nothing, or too long.
    #[error("a pattern of {found} bytes, wanted 1 to {PATTERN_LEN_BYTES_MAX}")]
    Len {
        /// Its length.
        found: usize,
    },
    /// Not a regular expression.
    #[error("/{pattern}/ is not a regular expression: {reason}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_text_is_the_whole_text() {
        let exact = TextMatch::Exact("a.b".to_owned());
        assert!(exact.matches("a.b"));
        for other in ["a.b ", "axb", "A.B", "", "a.bc"] {
            assert!(!exact.matches(other), "{other}");
        }
    }

    #[test]
    fn a_pattern_matches_the_whole_text_or_not_at_all() {
        let pattern = TextMatch::pattern(r"https://github\.com/org/.*|b").unwrap();
        assert!(pattern.matches("https://github.com/org/repo"));
        assert!(pattern.matches("b"));
        for other in [
            "https://github.com/organisation",
            "https://evil.example/?https://github.com/org/repo",
            "b\n",
            "xb",
            "https://githubXcom/org/repo",
            "https://github.com/org/repo\nevil",
        ] {
            assert!(!pattern.matches(other), "{other:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in ["(", "a)|(b", "[", "*"] {
            assert!(matches!(
                TextMatch::pattern(wrong),
                Err(PatternError::Syntax { .. })
            ));
        }
        let long = "a".repeat(PATTERN_LEN_BYTES_MAX + 1);
        for wrong in ["", long.as_str()] {
            assert!(matches!(
                TextMatch::pattern(wrong),
                Err(PatternError::Len { .. })
            ));
        }
    }
}
