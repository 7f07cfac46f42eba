//! Changes of cairn.toml that commands make: as text, so that the operator's comments and order
//! stay. What comes out is read again, and is refused unless it means exactly what was wanted.

use sigstore::time_range::ProtoTime;

use super::{Config, LogSettings};

/// A cairn.toml that is not written in a form that a command can change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cairn.toml can't be changed by this command; write {line:?} into {place} yourself")]
pub(crate) struct EditError {
    line: String,
    /// The section.
    place: String,
}

/// `text` with the log of that name frozen since then. `config` is what `text` means.
///
/// # Errors
/// If its sections are written in a way that hides where they begin.
pub(crate) fn freeze(
    config: &Config,
    text: &str,
    log: &str,
    at: ProtoTime,
) -> Result<String, EditError> {
    let line = format!("frozen = {at}");
    let frozen = |settings: &LogSettings| LogSettings {
        frozen: (settings.name == log).then_some(at).or(settings.frozen),
        ..settings.clone()
    };
    let wanted = Config {
        logs: config.logs.iter().map(frozen).collect(),
        ..config.clone()
    };
    let place = config.logs.iter().position(|known| known.name == log);
    let new = place.and_then(|place| after_heading(text, place, &line));
    let new = new.filter(|new| Config::parse(&config.dir, new) == Ok(wanted));
    new.ok_or_else(|| EditError {
        line,
        place: format!("the [[log]] {log:?}"),
    })
}

/// `text` with a key of a section of the top level, such as `[ca]`, set to another text, where it
/// has one. `is_meant` says whether what comes out is what was wanted.
///
/// # Errors
/// If the section is written in a way that hides where it begins, or what the key is.
pub(crate) fn set(
    config: &Config,
    text: &str,
    (section, key, value): (&str, &str, &str),
    is_meant: impl Fn(&Config) -> bool,
) -> Result<String, EditError> {
    let line = format!("{key} = {}", toml::Value::String(value.to_owned()));
    let mut inside = false;
    let mut new = String::new();
    for old in text.split_inclusive('\n') {
        let code = old.split('#').next().unwrap_or_default().trim();
        if code.starts_with('[') {
            inside = code == section;
        }
        let is_it = inside
            && code
                .split('=')
                .next()
                .is_some_and(|name| name.trim() == key);
        if is_it {
            new.push_str(&line);
            new.push('\n');
        } else {
            new.push_str(old);
        }
    }
    let parsed = Config::parse(&config.dir, &new);
    if parsed.is_ok_and(|parsed| parsed.logs == config.logs && is_meant(&parsed)) {
        return Ok(new);
    }
    Err(EditError {
        line,
        place: section.to_owned(),
    })
}

/// `text` with a line behind the heading of a `[[log]]` section, counted from 0.
fn after_heading(text: &str, place: usize, line: &str) -> Option<String> {
    let is_heading = |line: &str| {
        let code = line.split('#').next().unwrap_or_default();
        code.split_whitespace().collect::<String>() == "[[log]]"
    };
    let mut headings = text
        .split_inclusive('\n')
        .scan(0, |end, line| {
            *end += line.len();
            Some((*end, line))
        })
        .filter(|(_, line)| is_heading(line));
    let (end, heading) = headings.nth(place)?;
    let (before, after) = text.split_at_checked(end)?;
    let line_end = if heading.ends_with('\n') { "" } else { "\n" };
    Some(format!("{before}{line_end}{line}\n{after}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TEXT: &str = "# mine\n[[log]]\nname = \"a\"\nkind = 'raw'\norigin = 'a'\n\
        \n [[ log ]] # second\norigin = 'b'\nname = \"b\"\nkind = 'raw'";

    fn frozen(text: &str, log: &str) -> Result<String, EditError> {
        let config = Config::parse(Path::new("d"), text).unwrap();
        freeze(
            &config,
            text,
            log,
            ProtoTime::read("2026-01-31T12:00:00Z").unwrap(),
        )
    }

    #[test]
    fn one_line_is_added_and_the_rest_stays() {
        let line = "frozen = 2026-01-31T12:00:00Z\n";
        for (log, other) in [("a", 1), ("b", 0)] {
            let new = frozen(TEXT, log).unwrap();
            assert_eq!(new.replace(line, ""), TEXT);
            let logs = Config::parse(Path::new("d"), &new).unwrap().logs;
            assert!(logs[1 - other].frozen.is_some());
            assert_eq!(logs[other].frozen, None);
        }
    }

    #[test]
    fn a_key_of_a_section_is_set() {
        let text = format!(
            "url = 'https://a.example'\n{TEXT}\n[tsa] # time\nkey = 'a' # old\nchain = \"b\"\n\
             [trust]\ndir = 'c'\nonline_key = 'd'\n"
        );
        let config = Config::parse(Path::new("d"), &text).unwrap();
        let key = |config: &Config| config.instance.services.tsa.clone().unwrap().key;
        let is_meant = |new: &Config| key(new).path() == Path::new("d/new.pem");
        let new = set(&config, &text, ("[tsa]", "key", "new.pem"), is_meant).unwrap();
        assert_eq!(new, text.replace("key = 'a' # old", "key = \"new.pem\""));
        let error = set(&config, &text, ("[ca]", "key", "new.pem"), is_meant).unwrap_err();
        assert!(error.to_string().contains("into [ca]"), "{error}");
    }

    #[test]
    fn what_would_not_mean_the_same_is_not_written() {
        let inline = "log = [{name = 'a', kind = 'raw', origin = 'a'}]\n";
        let hidden = TEXT.replace("# mine", "x = '''\n[[log]]\n'''");
        for text in [inline, &frozen(TEXT, "a").unwrap()] {
            let error = frozen(text, "a").unwrap_err().to_string();
            assert!(error.contains("yourself"), "{error}");
        }
        assert!(Config::parse(Path::new("d"), &hidden).is_err());
    }
}
