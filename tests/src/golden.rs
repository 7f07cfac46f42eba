//! Goldens: answers as text files that are compared exactly, so that every change of a route, a
//! header or a message shows in a diff.
//!
//! What differs between runs is replaced by named rules first:
//!
//! | rule | what |
//! |---|---|
//! | `<base64>` | base64 of 30 bytes or more: hashes, keys, signatures, entries |
//! | `<age>` | seconds behind `checkpoint_age_seconds` |
//! | `<request-id>`, `<date>`, `<length>` | the values of those headers |
//! | `<bytes>` | a body that is not text, or very long |
//! | `<process>` | a process id |
//!
//! `CAIRN_GOLDEN=write` writes the files anew; then `git diff` is the review.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::environment;
use crate::http::{Request, Response};

/// Longer bodies are not shown.
const BODY_LEN_BYTES_MAX: usize = 6000;

/// Characters of base64 that are taken for something that differs between runs.
const BASE64_LEN_MIN: usize = 40;

/// A directory of goldens.
#[derive(Clone, Debug)]
pub struct Goldens {
    dir: PathBuf,
}

impl Goldens {
    /// The goldens in a directory of this crate.
    #[must_use]
    pub fn new(dir: &str) -> Self {
        Self {
            dir: Path::new(env!("CARGO_MANIFEST_DIR")).join(dir),
        }
    }

    /// Compares `found` with the golden `name`.
    pub fn check(&self, name: &str, found: &str) {
        let path = self.dir.join(format!("{name}.txt"));
        if environment::text("CAIRN_GOLDEN").as_deref() == Some("write") {
            fs::create_dir_all(&self.dir).expect("the checkout can be written");
            fs::write(&path, found).expect("the checkout can be written");
            return;
        }
        let wanted = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "golden {}: {error}; found:\n{found}\n{REWRITE}",
                path.display()
            )
        });
        let shown = difference(&wanted, found);
        assert!(
            wanted == found,
            "golden {} differs:\n{shown}\n{REWRITE}",
            path.display()
        );
    }

    /// Checks that there is no golden without a test.
    pub fn check_names(&self, names: &[&str]) {
        let listed = fs::read_dir(&self.dir).expect("there are goldens");
        for file in listed {
            let file = file.expect("the checkout can be read").file_name();
            let name = file.to_string_lossy();
            let known = name
                .strip_suffix(".txt")
                .is_some_and(|name| names.contains(&name));
            assert!(known, "no test compares {name}: remove it");
        }
    }
}

const REWRITE: &str = "if this is what it should be: CAIRN_GOLDEN=write cargo test -p cairn-tests";

/// A request and its answer as text, without what differs between runs.
#[must_use]
pub fn exchange(request: &Request, response: &Response) -> String {
    let mut text = format!("{} {}\n", request.method, request.path);
    for (name, value) in &request.headers {
        text.push_str(format!("{name}: {value}").trim_end());
        text.push('\n');
    }
    if !request.body.is_empty() {
        text.push_str(&shown_body(&request.body));
    }
    writeln!(text, "\n{}", response.status).expect("writing to memory does not fail");
    let mut headers: Vec<String> = response
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", shown_header(name, value)))
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect();
    headers.sort();
    text.push_str(&headers.concat());
    if !response.body.is_empty() {
        text.push('\n');
        text.push_str(&shown_body(&response.body));
    }
    text
}

fn shown_header<'a>(name: &str, value: &'a str) -> &'a str {
    match name {
        "date" => "<date>",
        "x-request-id" => "<request-id>",
        "content-length" => "<length>",
        _ => value,
    }
}

fn shown_body(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).ok();
    let text = text.filter(|text| !text.contains(|c: char| c.is_control() && c != '\n'));
    let shown = match text {
        Some(text) if text.len() <= BODY_LEN_BYTES_MAX => normalize(text),
        _ => return "<bytes>\n".to_owned(),
    };
    if shown.ends_with('\n') {
        shown
    } else {
        shown + "\n<no line end>\n"
    }
}

/// `text` in ASCII, without what differs between runs.
#[must_use]
pub fn normalize(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let run = rest.find(|c: char| !is_base64(c)).unwrap_or(rest.len());
        if run >= BASE64_LEN_MIN {
            shown.push_str("<base64>");
            rest = &rest[run..];
        } else if run > 0 {
            shown.push_str(&rest[..run]);
            rest = &rest[run..];
        } else if next == '\\' {
            // An escape sequence of JSON: its letter does not begin a word.
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
            shown.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            if next.is_ascii() {
                shown.push(next);
            } else {
                write!(shown, "{}", next.escape_unicode()).expect("memory takes it");
            }
            rest = &rest[next.len_utf8()..];
        }
    }
    let shown = without_number(&shown, "\"checkpoint_age_seconds\":", "<age>");
    without_number(&shown, "process ", "<process>")
}

const fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

/// `text` with `name` in place of every number that follows `label`.
fn without_number(text: &str, label: &str, name: &str) -> String {
    let mut pieces = text.split(label);
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        shown.push_str(label);
        if rest.len() < piece.len() {
            shown.push_str(name);
        }
        shown.push_str(rest);
    }
    shown
}

/// The lines that differ, up to the common end.
fn difference(wanted: &str, found: &str) -> String {
    let (wanted, found): (Vec<&str>, Vec<&str>) =
        (wanted.lines().collect(), found.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let begin = wanted.iter().zip(&found).take_while(same).count();
    let longest = wanted.len().min(found.len()) - begin;
    let end = wanted
        .iter()
        .rev()
        .zip(found.iter().rev())
        .take(longest)
        .take_while(same)
        .count();
    let mut shown = String::new();
    for (mark, lines) in [('-', &wanted), ('+', &found)] {
        for line in &lines[begin..lines.len() - end] {
            writeln!(shown, "{mark} {line}").expect("writing to memory does not fail");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_go_and_words_stay() {
        let hash = "q".repeat(43) + "=";
        let json = format!(r#"{{"checkpoint":"log.example.org\n2\n{hash}\n\n\u2014 x","a":"b"}}"#);
        let wanted = r#"{"checkpoint":"log.example.org\n2\n<base64>\n\n\u2014 x","a":"b"}"#;
        assert_eq!(normalize(&json), wanted);
    }

    #[test]
    fn ages_go_and_limits_stay() {
        let json = r#"{"checkpoint_age_seconds":17,"checkpoint_age_seconds_max":1800}"#;
        let wanted = r#"{"checkpoint_age_seconds":<age>,"checkpoint_age_seconds_max":1800}"#;
        assert_eq!(normalize(json), wanted);
    }

    #[test]
    fn what_is_not_ascii_is_escaped() {
        assert_eq!(normalize("\u{2014} ok"), "\\u{2014} ok");
    }

    #[test]
    fn a_difference_shows_both_sides() {
        assert_eq!(difference("a\nb\nc", "a\nx\ny\nc"), "- b\n+ x\n+ y\n");
    }
}
