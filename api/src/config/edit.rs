//! Changes of cairn.toml that commands make: as text, so that the operator's comments and order
//! stay. What comes out is read again, and is refused unless it means exactly what was wanted.

use sigstore::time_range::ProtoTime;

use super::{Config, LogSettings};

/// A cairn.toml that is not written in a form that a command can change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cairn.toml can't be changed by this command; write {line:?} into the [[log]] {log:?} yourself"
)]
pub(crate) struct EditError {
    line: String,
    log: String,
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
        log: log.to_owned(),
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
