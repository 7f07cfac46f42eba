//! The file `BACKUP`: by it a backup is known, and the logs in it.
//!
//! ```text
//! cairn backup 1
//! log NAME SIZE VKEY
//! ```
//!
//! One line for each log: its name, its published entries, its verifier key. A file has one form,
//! and whatever is not exactly so is the mark of no backup: a directory that only looks like one is
//! never replaced.

use std::fmt::Write as _;

use tiles::TreeSize;

/// How the mark of a whole backup begins.
const HEAD: &str = "cairn backup 1\n";

/// What a backup says of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub(crate) name: String,
    pub(crate) key: String,
    /// Published entries.
    pub(crate) size: TreeSize,
}

impl LogLine {
    fn parse(line: &str) -> Option<LogLine> {
        let mut words = line.strip_prefix("log ")?.split(' ');
        let (name, size, key) = (words.next()?, words.next()?, words.next()?);
        Some(LogLine {
            name: name.to_owned(),
            key: key.to_owned(),
            size: TreeSize::new(size.parse().ok()?),
        })
    }
}

/// The logs that the mark of a whole backup names, at least one.
pub(crate) fn parse(text: &str) -> Option<Vec<LogLine>> {
    let lines = text.strip_prefix(HEAD)?.lines();
    let logs: Vec<LogLine> = lines.map(LogLine::parse).collect::<Option<_>>()?;
    (!logs.is_empty() && encode(&logs) == text).then_some(logs)
}

/// The mark of a backup of these logs.
pub(crate) fn encode(logs: &[LogLine]) -> String {
    let mut mark = HEAD.to_owned();
    for LogLine { name, key, size } in logs {
        let _infallible = writeln!(mark, "log {name} {size} {key}");
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "log.example+0123abcd+AAAA";

    #[test]
    fn a_mark_says_which_logs_were_backed_up() {
        let log = |name: &str, size| LogLine {
            name: name.to_owned(),
            key: KEY.to_owned(),
            size: TreeSize::new(size),
        };
        let logs = [log("a", 0), log("b", 1 << 40)];
        let text = encode(&logs);
        assert_eq!(
            text,
            format!("cairn backup 1\nlog a 0 {KEY}\nlog b 1099511627776 {KEY}\n")
        );
        assert_eq!(parse(&text).as_deref(), Some(logs.as_slice()));
    }

    #[test]
    fn what_is_not_exactly_a_mark_is_none() {
        for lines in [
            "",
            &format!("log a 1 {KEY}"),
            &format!("log a 1 {KEY}\r\n"),
            &format!("log a 1 {KEY}\n\n"),
            &format!("log a 1 {KEY} more\n"),
            &format!("log a +1 {KEY}\n"),
            &format!("log a 01 {KEY}\n"),
            &format!("log a -1 {KEY}\n"),
            &format!("log a 18446744073709551616 {KEY}\n"),
            &format!("log  1 {KEY}\nlog a\n"),
            &format!("a 1 {KEY}\n"),
        ] {
            assert_eq!(parse(&format!("{HEAD}{lines}")), None, "{lines:?}");
        }
        assert_eq!(parse(&format!("cairn backup 2\nlog a 1 {KEY}\n")), None);
    }
}
