//! The `anchors` of a log: places outside the data directory that remember what it published.
//!
//! A file must lie where the loss or the replacement of the data directory does not reach it, and
//! where nothing else is written; a URL is only read.

use std::fmt;
use std::path::{Path, PathBuf};

use super::LogSettings;
use super::places::{overlap, resolve};
use super::table::{ConfigError, Field};

/// Anchors of one log: each file is synced with every checkpoint.
const ANCHORS_COUNT_MAX: usize = 8;

/// One of a log's `anchors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnchorSetting {
    /// A file that the log keeps its checkpoint in.
    File(PathBuf),
    /// The base URL of a public copy, without a trailing slash.
    Url(String),
}

impl fmt::Display for AnchorSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnchorSetting::File(path) => path.display().fmt(f),
            AnchorSetting::Url(url) => f.write_str(url),
        }
    }
}

/// `--without-anchor` names no anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--without-anchor {found}: no log has this anchor; cairn.toml has: {known}")]
pub(crate) struct UnknownAnchor {
    found: String,
    known: String,
}

/// Checks that each of `waived`, anchors as messages name them, is one of `logs`.
pub(crate) fn check_waived(logs: &[LogSettings], waived: &[String]) -> Result<(), UnknownAnchor> {
    let known: Vec<String> = logs
        .iter()
        .flat_map(|log| &log.anchors)
        .map(ToString::to_string)
        .collect();
    match waived.iter().find(|waived| !known.contains(waived)) {
        None => Ok(()),
        Some(found) => Err(UnknownAnchor {
            found: found.clone(),
            known: if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            },
        }),
    }
}

/// Reads the field.
pub(super) fn parse(field: &Field<'_>, dir: &Path) -> Result<Vec<AnchorSetting>, ConfigError> {
    let texts = field.strings()?;
    if texts.len() > ANCHORS_COUNT_MAX {
        return Err(field.refuse(
            format!("{ANCHORS_COUNT_MAX} anchors at most: each delays every checkpoint"),
            "leave the most independent ones",
        ));
    }
    texts
        .into_iter()
        .map(|text| parse_one(field, dir, text))
        .collect()
}

fn parse_one(field: &Field<'_>, dir: &Path, text: &str) -> Result<AnchorSetting, ConfigError> {
    if text.contains("://") {
        let url = text.trim_end_matches('/');
        let url = url.strip_suffix("/checkpoint").unwrap_or(url);
        let fits = url.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none()
        });
        if fits {
            return Ok(AnchorSetting::Url(url.to_owned()));
        }
        return Err(field.refuse_found(
            format!("{text:?}"),
            "the http:// or https:// URL of a public copy of the log",
            "write it like \"https://mirror.example.net/log\"; /checkpoint below it is read",
        ));
    }
    Ok(AnchorSetting::File(dir.join(text)))
}

/// What [`problem`] takes, in words.
pub(super) const ALLOWED: &str = "URLs of public copies, and files outside the data directory, one \
    for each log, whose directory exists";

/// Why `log` must not keep its checkpoint in the file `path`, if it must not. `earlier` are the
/// logs before it.
pub(super) fn problem(
    dir: &Path,
    logs: &[LogSettings],
    earlier: &[LogSettings],
    path: &Path,
) -> Option<String> {
    let file = resolve(path);
    if file.starts_with(resolve(dir)) {
        return Some("inside the data directory, whose fate it would share".to_owned());
    }
    if file.is_dir() {
        return Some("a directory".to_owned());
    }
    let mut stores = logs.iter().map(|log| log.store_dir(dir));
    if stores.any(|store| overlap(&file, &resolve(&store))) {
        return Some("inside a log's store".to_owned());
    }
    for log in logs {
        let public = log.publish_dir.as_deref().map(resolve);
        if public.is_some_and(|public| file.starts_with(public)) {
            let name = &log.name;
            return Some(format!(
                "inside the publish_dir of log {name:?}, where a checkpoint follows its tiles"
            ));
        }
    }
    let others = earlier.iter().flat_map(|log| &log.anchors);
    for other in others {
        if matches!(other, AnchorSetting::File(other) if resolve(other) == file) {
            return Some("the anchor of another log".to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(dir: &Path, anchors: [&str; 2]) -> Result<Config, ConfigError> {
        let section = |name: &str, anchors: &str| {
            format!(
                "[[log]]\nname = \"{name}\"\nkind = \"raw\"\norigin = \"{name}\"\n\
                publish_dir = \"public/{name}\"\nanchors = [{anchors}]\n"
            )
        };
        let text = section("a", anchors[0]) + &section("b", anchors[1]);
        Config::parse(dir, &text)
    }

    #[test]
    fn files_and_urls_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let anchors = r#""https://m.example/log/checkpoint", "../seen-a""#;
        let config = parse(&dir.path().join("d"), [anchors, ""]).unwrap();
        let wanted = [
            AnchorSetting::Url("https://m.example/log".to_owned()),
            AnchorSetting::File(dir.path().join("d/../seen-a")),
        ];
        assert_eq!(config.logs[0].anchors, wanted);
        assert!(config.logs[1].anchors.is_empty());
        let url = "https://m.example/log".to_owned();
        check_waived(&config.logs, std::slice::from_ref(&url)).unwrap();
        let error = check_waived(&config.logs, &["seen-a".to_owned()]).unwrap_err();
        assert!(error.to_string().contains(&url), "{error}");
    }

    #[track_caller]
    fn check_refused(anchors: [&str; 2], words: &str) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("directory")).unwrap();
        let error = parse(&dir.path().join("d"), anchors).unwrap_err();
        assert_eq!(error.key, "log.anchors");
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn an_anchor_that_guards_nothing_is_refused() {
        check_refused([r#""seen""#, ""], "inside the data directory");
        check_refused([r#""../directory""#, ""], "a directory");
        check_refused([r#""../seen""#, r#""../seen""#], "another log");
        check_refused([r#""ftp://m.example""#, ""], "http");
        check_refused([r#""https://m.example?x""#, ""], "http");
        check_refused([&[r#""../s""#; 9].join(","), ""], "8 anchors");
    }

    #[test]
    fn an_anchor_in_a_published_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[[log]]\nname = \"a\"\nkind = \"raw\"\norigin = \"a\"\n\
            publish_dir = \"../public\"\nanchors = [\"../public/checkpoint\"]\n";
        let error = Config::parse(&dir.path().join("d"), text).unwrap_err();
        assert!(error.to_string().contains("publish_dir"), "{error}");
    }
}
