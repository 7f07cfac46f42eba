//! Why a command did not do what it was asked: the one style of errors.
//!
//! A failure says which file or service it is about and what is wrong with it; then, as far as
//! there is something to say, what was wanted, what was found in its place, and what to do:
//!
//! ```text
//! cairn: release.tar.gz: not what was signed
//!   expected: sha256:5891b5b522d5df08...
//!   found:    sha256:e258d248fda94c63...
//!   fix:      verify the file that belongs to this bundle, or ask its publisher for both again
//! ```

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::exit::Exit;

/// What went wrong, and with what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Failure(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    exit: Exit,
    /// A file, a URL, an argument.
    subject: String,
    what: String,
    expected: Option<String>,
    found: Option<String>,
    fix: Option<String>,
}

impl Failure {
    /// A failure of any kind.
    pub(crate) fn new(exit: Exit, subject: impl fmt::Display, what: impl fmt::Display) -> Failure {
        Failure(Box::new(Parts {
            exit,
            subject: subject.to_string(),
            what: what.to_string(),
            expected: None,
            found: None,
            fix: None,
        }))
    }

    /// A file that can't be read or written, or is not what it should be.
    pub(crate) fn file(path: &Path, what: impl fmt::Display) -> Failure {
        Failure::new(Exit::File, path.display(), what)
    }

    /// With what should have been there.
    #[must_use]
    pub(crate) fn expected(mut self, expected: impl fmt::Display) -> Failure {
        self.0.expected = Some(expected.to_string());
        self
    }

    /// With what is there.
    #[must_use]
    pub(crate) fn found(mut self, found: impl fmt::Display) -> Failure {
        self.0.found = Some(found.to_string());
        self
    }

    /// With what to do about it.
    #[must_use]
    pub(crate) fn fix(mut self, fix: impl fmt::Display) -> Failure {
        self.0.fix = Some(fix.to_string());
        self
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The same as JSON, with what there is to say.
    pub(crate) fn to_json(&self) -> Value {
        let Failure(parts) = self;
        let mut error = Map::new();
        error.insert("exit".to_owned(), json!(parts.exit.code()));
        let texts = [
            ("subject", Some(&parts.subject)),
            ("what", Some(&parts.what)),
            ("expected", parts.expected.as_ref()),
            ("found", parts.found.as_ref()),
            ("fix", parts.fix.as_ref()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                error.insert(name.to_owned(), json!(text));
            }
        }
        json!({ "error": error })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure(parts) = self;
        write!(f, "{}: {}", parts.subject, parts.what)?;
        let lines = [
            ("expected:", &parts.expected),
            ("found:", &parts.found),
            ("fix:", &parts.fix),
        ];
        for (label, text) in lines {
            if let Some(text) = text {
                write!(f, "\n  {label:<9} {text}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_all_there_is_to_say() {
        let bare = Failure::file(Path::new("a.txt"), "can't be read");
        assert_eq!(bare.to_string(), "a.txt: can't be read");
        let full = bare.expected("a file").found("a folder").fix("name a file");
        let wanted = [
            "a.txt: can't be read",
            "  expected: a file",
            "  found:    a folder",
            "  fix:      name a file",
        ];
        assert_eq!(full.to_string(), wanted.join("\n"));
        let wanted = json!({"error": {"exit": 3, "subject": "a.txt", "what": "can't be read",
            "expected": "a file", "found": "a folder", "fix": "name a file"}});
        assert_eq!(full.to_json(), wanted);
    }
}
