//! What is said of a file: labelled facts, some with others within, as aligned lines or as JSON.
//!
//! Invariant: nothing that a terminal acts on is written, in either form: control characters, and
//! those that turn or hide text, are shown by their numbers.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

/// What something is, and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    kind: String,
    facts: Vec<(String, Fact)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fact {
    Text(String),
    Number(u64),
    Texts(Vec<String>),
    Within(Facts),
    Several(Vec<Facts>),
}

impl Facts {
    /// About something of this kind.
    pub(crate) fn new(kind: impl fmt::Display) -> Facts {
        Facts {
            kind: kind.to_string(),
            facts: Vec::new(),
        }
    }

    fn add(mut self, label: &str, fact: Fact) -> Facts {
        self.facts.push((label.to_owned(), fact));
        self
    }

    /// With a text.
    pub(crate) fn say(self, label: &str, text: impl fmt::Display) -> Facts {
        self.add(label, Fact::Text(text.to_string()))
    }

    /// With a text, if there is any.
    pub(crate) fn say_if(self, label: &str, text: Option<impl fmt::Display>) -> Facts {
        match text.map(|text| text.to_string()) {
            Some(text) if !text.is_empty() => self.say(label, text),
            _ => self,
        }
    }

    /// With a number.
    pub(crate) fn count(self, label: &str, number: u64) -> Facts {
        self.add(label, Fact::Number(number))
    }

    /// With texts, if there are any.
    pub(crate) fn list(self, label: &str, texts: Vec<String>) -> Facts {
        if texts.is_empty() {
            return self;
        }
        self.add(label, Fact::Texts(texts))
    }

    /// With something within.
    pub(crate) fn with(self, label: &str, within: Facts) -> Facts {
        self.add(label, Fact::Within(within))
    }

    /// With several things within, if there are any.
    pub(crate) fn several(self, label: &str, within: Vec<Facts>) -> Facts {
        if within.is_empty() {
            return self;
        }
        self.add(label, Fact::Several(within))
    }

    /// What it is.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// The same for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("is".to_owned(), self.kind.as_str().into());
        for (label, fact) in &self.facts {
            object.insert(camel_case(label), fact.to_json());
        }
        Value::Object(object)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        let width = self.facts.iter().map(|(label, _)| label.chars().count());
        let width = width.max().unwrap_or_default();
        for (label, fact) in &self.facts {
            let label = label.as_str();
            match fact {
                Fact::Text(text) => line(f, indent, (label, width), text)?,
                Fact::Number(number) => line(f, indent, (label, width), &number.to_string())?,
                Fact::Texts(texts) => {
                    for (number, text) in texts.iter().enumerate() {
                        let label = if number == 0 { label } else { "" };
                        line(f, indent, (label, width), text)?;
                    }
                }
                Fact::Within(within) => {
                    line(f, indent, (label, width), &within.kind)?;
                    within.write(f, indent + 2)?;
                }
                Fact::Several(several) => {
                    for within in several {
                        line(f, indent, (label, width), &within.kind)?;
                        within.write(f, indent + 2)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Fact {
    fn to_json(&self) -> Value {
        match self {
            Fact::Text(text) => text.as_str().into(),
            Fact::Number(number) => (*number).into(),
            Fact::Texts(texts) => texts.clone().into(),
            Fact::Within(within) => within.to_json(),
            Fact::Several(several) => several.iter().map(Facts::to_json).collect(),
        }
    }
}

/// The facts as lines, the kind of the outermost left out: it is said with the file's name.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 2)
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    indent: usize,
    (label, width): (&str, usize),
    text: &str,
) -> fmt::Result {
    let (label, text) = (plain(label), plain(text));
    write!(f, "\n{:indent$}{label:<width$}  {text}", "")
}

/// A text without anything that a terminal acts on.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if is_active(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// JSON that says the same with such characters as escapes of its own.
pub(crate) fn plain_json(value: &Value) -> String {
    let mut plain = String::new();
    for c in value.to_string().chars() {
        if is_active(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _infallible = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Whether a terminal would act on it, or show the text around it in another order, or not at all.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// `tree size` as `treeSize`. Names that came out of a file (of roles, of claims) stay readable.
fn camel_case(label: &str) -> String {
    let mut name = String::with_capacity(label.len());
    let mut words = label.split([' ', '-']);
    name.push_str(words.next().unwrap_or_default());
    for word in words {
        let mut chars = word.chars();
        name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        name.push_str(chars.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_aligned_lines_and_json() {
        let inner = Facts::new("certificate").say("name", "a@b");
        let facts = Facts::new("bundle")
            .count("tree size", 3)
            .list("logs", vec!["one".to_owned(), "two".to_owned()])
            .say_if("nothing", Some(""))
            .with("signer", inner.clone())
            .several("chain", vec![inner]);
        let wanted = "
  tree size  3
  logs       one
             two
  signer     certificate
    name  a@b
  chain      certificate
    name  a@b";
        assert_eq!(facts.to_string(), wanted);
        let inner = json!({"is": "certificate", "name": "a@b"});
        let wanted = json!({"is": "bundle", "treeSize": 3, "logs": ["one", "two"],
            "signer": inner, "chain": [inner]});
        assert_eq!(facts.to_json(), wanted);
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_is_written() {
        let hostile = "a\u{1b}[2J\r\n\u{9b}b\u{202e}c\u{e0041}d\u{e9}";
        let facts = Facts::new("note").say("text", hostile);
        let shown = facts.to_string();
        let text = shown.trim_start_matches('\n');
        assert_eq!(
            text,
            "  text  a\\u{1b}[2J\\u{d}\\u{a}\\u{9b}b\\u{202e}c\\u{e0041}d\u{e9}"
        );
        let json = plain_json(&facts.to_json());
        assert!(!json.chars().any(is_active), "{json}");
        let back: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["text"], hostile);
    }
}
