//! Where a backup goes, and how it gets its name only once it is whole.
//!
//! A backup is known by the file `BACKUP` in it, which is written last. It gathers in
//! `DIR.unfinished`; an earlier one steps aside to `DIR.earlier` for the moment of the renames, and
//! is put back by the next run if a crash falls into that moment. Whatever is not a backup of the
//! same logs, or is newer, is never replaced.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::config::{Config, LogSettings, places};

use super::mark::{self, LogLine};

/// The file by which a backup is known.
const MARK_NAME: &str = "BACKUP";

/// The mark of one that is being made.
const MARK_UNFINISHED: &str = "cairn backup, unfinished\n";

/// The file that every served data directory has, and no backup.
const LOCK_NAME: &str = "lock";

/// A directory that `--to` can't name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--to {}: {problem}", path.display())]
pub(in crate::command) struct TargetError {
    path: PathBuf,
    problem: String,
}

/// The place of a backup, with a new one gathering beside it.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    unfinished: PathBuf,
    /// The logs of the backup that is there, if one is.
    earlier: Option<Vec<LogLine>>,
}

impl Place {
    /// Takes the place that `--to` names and [`check`] let through, and clears away what an earlier
    /// run left unfinished.
    pub(super) fn take(to: &Path, config: &Config) -> anyhow::Result<Place> {
        let refuse = |problem: String| TargetError {
            path: to.to_owned(),
            problem,
        };
        let dir = places::resolve(to);
        let aside = beside(&dir, "earlier");
        if !dir.exists() && whole(&aside).is_some() {
            // A crash fell between the two renames: this one is still the backup.
            fs::rename(&aside, &dir)
                .with_context(|| format!("{} can't be put back", aside.display()))?;
        }
        let earlier = whole(&dir);
        let is_free = !dir.exists() || is_empty(&dir);
        if earlier.is_none() && !is_free {
            return Err(refuse(NOT_A_BACKUP.to_owned()).into());
        }
        for log in earlier.iter().flatten() {
            if !config.logs.iter().any(|ours| is_same(ours, log)) {
                let problem = format!(
                    "it is the backup of another log ({} with key {}); name another directory",
                    log.name, log.key
                );
                return Err(refuse(problem).into());
            }
        }
        let unfinished = beside(&dir, "unfinished");
        start(&unfinished)?;
        Ok(Place {
            dir,
            unfinished,
            earlier,
        })
    }

    /// The earlier backup, if there is one.
    pub(super) fn earlier(&self) -> Option<&Path> {
        self.earlier.as_ref().map(|_| self.dir.as_path())
    }

    /// Where the new one gathers.
    pub(super) fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    /// Refuses to replace a backup with an older state of the same log.
    pub(super) fn check_not_newer(&self, log: &LogSettings, line: &LogLine) -> anyhow::Result<()> {
        let earlier = self.earlier.iter().flatten();
        for earlier in earlier.filter(|earlier| earlier.name == line.name) {
            if earlier.size > line.size {
                bail!(
                    "the backup in {} has {} entries of the log {:?}, more than the log itself: \
                     this data directory is an old copy. Keep the backup, and see `cairnd recover \
                     --help`",
                    self.dir.display(),
                    earlier.size,
                    log.name
                );
            }
        }
        Ok(())
    }

    /// Removes what was gathered. What stays is removed by the next run.
    pub(super) fn abandon(self) {
        let _best_effort = fs::remove_dir_all(&self.unfinished);
    }

    /// Marks the gathered backup as whole and gives it its name, durably. All of it is synced.
    pub(super) fn finish(self, logs: &[LogLine]) -> anyhow::Result<PathBuf> {
        write_mark(&self.unfinished, &mark::encode(logs))?;
        let parent = self.dir.parent().unwrap_or(Path::new("/"));
        let aside = beside(&self.dir, "earlier");
        let renamed = || -> io::Result<()> {
            if self.earlier.is_some() {
                remove_whole(&aside)?;
                fs::rename(&self.dir, &aside)?;
            } else if self.dir.exists() {
                fs::remove_dir(&self.dir)?;
            }
            fs::rename(&self.unfinished, &self.dir)?;
            File::open(parent)?.sync_all()
        };
        renamed().with_context(|| {
            format!(
                "the new backup is whole, but can't be moved from {} to {}",
                self.unfinished.display(),
                self.dir.display()
            )
        })?;
        remove_whole(&aside)
            .with_context(|| format!("the backup is done; {} can't be removed", aside.display()))?;
        Ok(self.dir)
    }
}

/// What is said of a directory that holds something else.
const NOT_A_BACKUP: &str = "it holds something that is not a backup (a backup has a file BACKUP, \
    and was never served from); name a new or empty directory";

/// Refuses a place that no backup of `config` may go to, whatever is there.
pub(super) fn check(to: &Path, config: &Config) -> Result<(), TargetError> {
    match problem(to, config) {
        None => Ok(()),
        Some(problem) => Err(TargetError {
            path: to.to_owned(),
            problem,
        }),
    }
}

/// Why no backup of `config` may go to `to`, wherever that leads.
fn problem(to: &Path, config: &Config) -> Option<String> {
    let dir = places::resolve(to);
    let data = places::resolve(&config.dir);
    if places::overlap(&dir, &data) {
        return Some(format!(
            "it is the data directory {}, inside or above it; name another place",
            data.display()
        ));
    }
    for log in &config.logs {
        let public = log.publish_dir.as_deref().map(places::resolve);
        if public.is_some_and(|public| places::overlap(&dir, &public)) {
            return Some(format!(
                "it is, holds or lies in the publish_dir of the log {:?}, and a backup holds \
                 private keys; name another place",
                log.name
            ));
        }
    }
    (dir.file_name().is_none()).then(|| "it has no name; name a directory".to_owned())
}

/// Whether the backed up log is one of ours, which its key decides; one that can't be read is not.
fn is_same(ours: &LogSettings, log: &LogLine) -> bool {
    let key = || crate::keys::load(&ours.key, &ours.origin, ours.kind).ok();
    ours.name == log.name && key().is_some_and(|key| key.verifier.to_string() == log.key)
}

/// `dir` with another ending.
fn beside(dir: &Path, what: &str) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

/// The logs of a whole backup.
fn whole(dir: &Path) -> Option<Vec<LogLine>> {
    let text = fs::read_to_string(dir.join(MARK_NAME)).ok()?;
    if dir.join(LOCK_NAME).exists() {
        return None;
    }
    mark::parse(&text)
}

/// Whether a backup was begun or removed there and that was cut short.
fn is_unfinished(dir: &Path) -> bool {
    fs::read_to_string(dir.join(MARK_NAME)).is_ok_and(|mark| mark == MARK_UNFINISHED)
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// Makes the directory that a new backup gathers in; removes one that was never finished.
fn start(unfinished: &Path) -> anyhow::Result<()> {
    if unfinished.exists() {
        if !is_unfinished(unfinished) && whole(unfinished).is_none() && !is_empty(unfinished) {
            bail!(
                "{} is in the way, and is not an unfinished backup; move it away",
                unfinished.display()
            );
        }
        fs::remove_dir_all(unfinished)
            .with_context(|| format!("{} can't be removed", unfinished.display()))?;
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(unfinished)
        .with_context(|| format!("{} can't be made", unfinished.display()))?;
    write_mark(unfinished, MARK_UNFINISHED)
}

/// Writes the mark durably, whole or not at all.
fn write_mark(dir: &Path, text: &str) -> anyhow::Result<()> {
    let (new, path) = (dir.join("BACKUP.new"), dir.join(MARK_NAME));
    let write = || -> io::Result<()> {
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(dir)?.sync_all()
    };
    write().with_context(|| format!("{} can't be written", path.display()))
}

/// Removes a backup, so that half of it is never taken for one: its mark goes first.
fn remove_whole(dir: &Path) -> io::Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    if whole(dir).is_none() && !is_unfinished(dir) {
        return Err(io::Error::other("it is in the way, and is not a backup"));
    }
    fs::write(dir.join(MARK_NAME), MARK_UNFINISHED)?;
    File::open(dir.join(MARK_NAME))?.sync_all()?;
    fs::remove_dir_all(dir)
}
