//! What was found, line by line as it is found.

use std::fmt::Display;

use serde::Serialize;

use crate::stdout::say;

/// What comes of a check: what there is to say, or why that is not good.
pub(super) type Verdict = Result<String, Trouble>;

/// Why a check did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Something is wrong.
    Failed {
        what: String,
        /// What to do about it.
        fix: String,
    },
    /// It can't be told.
    Skipped(String),
}

/// A failed check.
pub(super) fn failed<T>(what: impl Into<String>, fix: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Failed {
        what: what.into(),
        fix: fix.into(),
    })
}

/// A check that was not made.
pub(super) fn skipped<T>(why: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Skipped(why.into()))
}

/// Turns an error into a failed check.
pub(super) trait OrFix<T> {
    /// With what to do about it.
    fn or_fix(self, fix: &str) -> Result<T, Trouble>;
}

impl<T, E: Into<anyhow::Error>> OrFix<T> for Result<T, E> {
    fn or_fix(self, fix: &str) -> Result<T, Trouble> {
        self.map_err(|error| Trouble::Failed {
            what: format!("{:#}", error.into()),
            fix: fix.to_owned(),
        })
    }
}

/// All checks so far.
#[derive(Debug)]
pub(super) struct Report {
    as_json: bool,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Line {
    check: String,
    outcome: Outcome,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Failed,
    Skipped,
}

impl Report {
    pub(super) fn new(as_json: bool) -> Report {
        Report {
            as_json,
            lines: Vec::new(),
        }
    }

    /// Notes what came of a check.
    pub(super) fn check(&mut self, name: impl Display, verdict: Verdict) {
        let (outcome, detail, fix) = match verdict {
            Ok(detail) => (Outcome::Ok, detail, None),
            Err(Trouble::Failed { what, fix }) => (Outcome::Failed, what, Some(fix)),
            Err(Trouble::Skipped(why)) => (Outcome::Skipped, why, None),
        };
        let line = Line {
            check: name.to_string(),
            outcome,
            detail,
            fix,
        };
        if !self.as_json {
            say!("{}", line.text());
        }
        self.lines.push(line);
    }

    /// As [`Report::check`], for a check whose result others build on.
    pub(super) fn take<T>(
        &mut self,
        name: impl Display,
        found: Result<(T, String), Trouble>,
    ) -> Option<T> {
        let (value, verdict) = match found {
            Ok((value, detail)) => (Some(value), Ok(detail)),
            Err(trouble) => (None, Err(trouble)),
        };
        self.check(name, verdict);
        value
    }

    pub(super) fn failed_count(&self) -> usize {
        let failed = |line: &&Line| line.outcome == Outcome::Failed;
        self.lines.iter().filter(failed).count()
    }

    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    /// Prints what is not printed yet.
    pub(super) fn finish(&self) {
        if self.as_json {
            let text = serde_json::to_string_pretty(&self.lines).unwrap_or_default();
            say!("{text}");
        }
    }
}

impl Line {
    /// One line, whatever a server said: it may have put line ends and worse into it.
    fn text(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Ok => "ok     ",
            Outcome::Failed => "failed ",
            Outcome::Skipped => "skipped",
        };
        let fix = self.fix.as_ref().map(|fix| format!("; to do: {fix}"));
        let text = format!(
            "{outcome} {}: {}{}",
            self.check,
            self.detail,
            fix.unwrap_or_default()
        );
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        text.chars().map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_one_line_with_what_to_do() {
        let mut report = Report::new(true);
        report.check("a", Ok("fine".to_owned()));
        report.check("b", failed("two\nlines \u{1b}[31m", "do this"));
        report.check("c", skipped("no token"));
        let value = report.take("d", Ok((7, "seven".to_owned())));
        assert_eq!(value, Some(7));
        assert_eq!((report.failed_count(), report.count()), (1, 4));
        let lines: Vec<String> = report.lines.iter().map(Line::text).collect();
        let wanted = [
            "ok      a: fine",
            "failed  b: two lines  [31m; to do: do this",
            "skipped c: no token",
            "ok      d: seven",
        ];
        assert_eq!(lines, wanted);
        let json = serde_json::to_value(&report.lines).unwrap();
        assert_eq!(json[1]["outcome"], "failed");
        assert_eq!(json[1]["fix"], "do this");
        assert_eq!(json[0].get("fix"), None);
    }
}
