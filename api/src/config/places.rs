//! Which directories of plain files may be written: none that a log needs for itself, or that would
//! put a private file where a web server finds it.
//!
//! A log's own directory holds the checkpoint that proves what was published; a copy that were
//! written over it would take that proof away. Paths are compared as the file system resolves them.

use std::path::{Component, Path, PathBuf};

use super::LogSettings;

/// `path` with every link and `..` of its existing part resolved; the rest as it is written.
pub(crate) fn resolve(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut resolved = PathBuf::new();
    // Parts at the end that are not there; below one there is nothing to be asked for.
    let mut missing_count = 0_usize;
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
                missing_count = missing_count.saturating_sub(1);
            }
            Component::CurDir => {}
            other => {
                resolved.push(other);
                let real = (missing_count == 0).then(|| resolved.canonicalize().ok());
                match real.flatten() {
                    Some(real) => resolved = real,
                    None => missing_count += 1,
                }
            }
        }
    }
    resolved
}

/// Whether one is the other or inside it. Both must be resolved.
pub(crate) fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// What [`problem`] takes, in words.
pub(crate) const ALLOWED: &str =
    "a directory that has nothing to do with the data directory's logs, keys and tokens";

/// Why the plain files of `log` must not be written to `target`, if they must not. `logs` are all
/// logs of the data directory `dir`.
pub(crate) fn problem(
    dir: &Path,
    logs: &[LogSettings],
    log: &LogSettings,
    target: &Path,
) -> Option<String> {
    let target = resolve(target);
    if target == resolve(dir) {
        return Some("the data directory itself".to_owned());
    }
    let stores = logs.iter().map(|log| log.store_dir(dir));
    let owned = [dir.join("logs"), dir.join("keys")];
    for place in owned.into_iter().chain(stores) {
        if overlap(&target, &resolve(&place)) {
            let place = place.display();
            return Some(format!("equal to, inside or above {place}"));
        }
    }
    let private = |log: &LogSettings| [Some(log.key.path().to_owned()), log.tokens_file.clone()];
    for file in logs.iter().flat_map(private).flatten() {
        if resolve(&file).starts_with(&target) {
            let file = file.display();
            return Some(format!("above {file}, which it would make public"));
        }
    }
    let others = logs.iter().filter(|other| other.name != log.name);
    for other in others {
        let taken = other.publish_dir.as_deref().map(resolve);
        if taken.is_some_and(|taken| overlap(&target, &taken)) {
            let name = &other.name;
            return Some(format!(
                "equal to, inside or above the publish_dir of log {name:?}"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Config;

    const LOGS: &str = "[[log]]\nname = \"a\"\nkind = \"raw\"\norigin = \"a\"\n\
        tokens_file = \"t/tokens\"\nkey = \"k/a.pem\"\n\
        [[log]]\nname = \"b\"\nkind = \"raw\"\norigin = \"b\"\npublish_dir = \"public/b\"\n";

    #[track_caller]
    fn check(dir: &Path, target: &str, wanted: Option<&str>) {
        let logs = Config::parse(dir, LOGS).unwrap().logs;
        let found = problem(dir, &logs, &logs[0], &dir.join(target));
        match wanted {
            Some(words) => assert!(found.as_ref().unwrap().contains(words), "{found:?}"),
            None => assert_eq!(found, None),
        }
    }

    #[test]
    fn what_is_not_there_is_resolved_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        assert_eq!(resolve(&dir.path().join("a/./b/../c")), real.join("a/c"));
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        assert_eq!(resolve(&dir.path().join("link/x")), real.join("real/x"));
        assert_eq!(resolve(&dir.path().join("link/..")), real);
        let around = resolve(&dir.path().join("a/b/../../link/c/../x"));
        assert_eq!(around, real.join("real/x"));
    }

    #[test]
    fn what_the_logs_need_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for (target, words) in [
            (".", "the data directory itself"),
            ("x/..", "the data directory itself"),
            ("..", "logs"),
            ("logs", "logs"),
            ("logs/a", "logs"),
            ("logs/a/deeper", "logs"),
            ("public/../logs/b", "logs"),
            ("keys", "keys"),
            ("keys/public", "keys"),
            ("t", "make public"),
            ("k", "make public"),
            ("public", "publish_dir of log \"b\""),
            ("public/b", "publish_dir of log \"b\""),
            ("public/b/a", "publish_dir of log \"b\""),
        ] {
            check(dir.path(), target, Some(words));
        }
        for target in ["public/a", "logs2", "p", "../beside"] {
            check(dir.path(), target, None);
        }
    }

    #[test]
    fn links_hide_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        symlink("logs", dir.path().join("link")).unwrap();
        symlink(elsewhere.path(), dir.path().join("logs/a")).unwrap();
        check(dir.path(), "link/c", Some("logs"));
        let target = elsewhere.path().join("x");
        check(dir.path(), target.to_str().unwrap(), Some("logs/a"));
    }
}
