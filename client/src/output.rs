//! What is said on standard output: lines for people, or one JSON value a line for programs.
//!
//! Nobody need read it: when standard output is closed (`cairn ... | head -3`) the command goes on,
//! and its exit code says how it ended. What is to be told while a command goes on is on standard
//! error, where it disturbs no program that reads.

use std::fmt;
use std::io::Write as _;

use serde_json::Value;
use sigstore::UnixSeconds;
use sigstore::time_range::ProtoTime;

use crate::failure::Failure;

/// For whom results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        Output { json }
    }

    /// Whether a program reads along.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// One result, in either form.
    pub(crate) fn result(self, text: impl fmt::Display, json: impl FnOnce() -> Value) {
        if self.json {
            line(format_args!("{}", json()));
        } else {
            line(format_args!("{text}"));
        }
    }

    /// Why there is no result: for people on standard error, for programs on standard output, too.
    pub(crate) fn failure(self, failure: &Failure) {
        note(format_args!("{failure}"));
        if self.json {
            line(format_args!("{}", failure.to_json()));
        }
    }
}

/// A line on standard output.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    let _nobody_reads = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// All of a text on standard output, as it is.
pub(crate) fn bytes(text: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _nobody_reads = stdout.write_all(text).and_then(|()| stdout.flush());
}

/// A line on standard error, for people.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    let _nobody_reads = writeln!(std::io::stderr().lock(), "cairn: {text}");
}

/// A moment, as results and messages write it.
pub(crate) fn date(time: UnixSeconds) -> String {
    let known = ProtoTime::from_seconds(time);
    known.map_or_else(|| "the end of time".to_owned(), |time| time.to_string())
}
