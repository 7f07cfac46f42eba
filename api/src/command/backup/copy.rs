//! Copying trees of files that mostly never change: linked where that is possible, taken from the
//! earlier backup where that has the same file, copied and synced otherwise.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::HumanBytes;

/// How deep a tree may be: the cold store's paths have a part for each three digits.
const DEPTH_MAX: usize = 16;

/// What to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Leave it.
    Skip,
    /// It may change: copy it.
    Copy,
    /// It never changes: a second name for it is as good as a copy.
    Link,
}

/// How much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    files_count: u64,
    bytes: u64,
    copied_bytes: u64,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in {} files ({} copied)",
            HumanBytes(self.bytes),
            self.files_count,
            HumanBytes(self.copied_bytes)
        )
    }
}

/// Fills one directory. See the module.
#[derive(Debug)]
pub(super) struct Copier {
    /// The earlier backup.
    earlier: Option<PathBuf>,
    /// The new one.
    root: PathBuf,
    /// Directories with names that are not durable yet.
    unsynced: BTreeSet<PathBuf>,
}

impl Copier {
    /// Fills `root`, with what `earlier` has if it is the same.
    pub(super) fn new(earlier: Option<&Path>, root: &Path) -> Copier {
        Copier {
            earlier: earlier.map(Path::to_path_buf),
            root: root.to_owned(),
            unsynced: BTreeSet::new(),
        }
    }

    /// Copies the tree at `from` to `to`, below the root, as `how` says of each file's name.
    pub(super) fn tree(
        &mut self,
        from: &Path,
        to: &Path,
        how: fn(&str) -> How,
    ) -> anyhow::Result<Amount> {
        let mut amount = Amount::default();
        self.subtree((from, to), how, 0, &mut amount)?;
        Ok(amount)
    }

    fn subtree(
        &mut self,
        (from, to): (&Path, &Path),
        how: fn(&str) -> How,
        depth: usize,
        amount: &mut Amount,
    ) -> anyhow::Result<()> {
        anyhow::ensure!(
            depth < DEPTH_MAX,
            "{} is deeper than any store",
            from.display()
        );
        self.make_dir(to)?;
        let unreadable = || {
            format!(
                "{} can't be read; if the server was restarted meanwhile, run this again",
                from.display()
            )
        };
        for entry in fs::read_dir(from).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            let how_this = how(&entry.file_name().to_string_lossy());
            if how_this == How::Skip {
                continue;
            }
            if entry.file_type().with_context(unreadable)?.is_dir() {
                self.subtree((&from, &to), how, depth + 1, amount)?;
            } else {
                let one = self.file(&from, &to, how_this)?;
                amount.files_count += one.files_count;
                amount.bytes += one.bytes;
                amount.copied_bytes += one.copied_bytes;
            }
        }
        Ok(())
    }

    /// Copies one file to `to`, below the root.
    pub(super) fn file(&mut self, from: &Path, to: &Path, how: How) -> anyhow::Result<Amount> {
        if let Some(parent) = to.parent() {
            self.make_dir(parent)?;
        }
        let done = || -> io::Result<Amount> {
            let found = fs::metadata(from)?;
            let mut amount = Amount {
                files_count: 1,
                bytes: found.len(),
                copied_bytes: 0,
            };
            let linked = how == How::Link
                && (fs::hard_link(from, to).is_ok() || self.link_earlier(&found, to));
            if !linked {
                fs::copy(from, to)?;
                let copy = File::options().write(true).open(to)?;
                copy.set_modified(found.modified()?)?;
                copy.sync_all()?;
                amount.copied_bytes = found.len();
            }
            Ok(amount)
        };
        done().map_err(|error| failed(from, to, error))
    }

    /// Takes the earlier backup's file of that name, if it is what would be copied. Copies keep
    /// their original's time, so length and time together tell.
    fn link_earlier(&self, wanted: &fs::Metadata, to: &Path) -> bool {
        let earlier = self
            .earlier
            .as_deref()
            .zip(to.strip_prefix(&self.root).ok());
        let Some(earlier) = earlier.map(|(earlier, path)| earlier.join(path)) else {
            return false;
        };
        fs::metadata(&earlier).is_ok_and(|found| {
            found.is_file()
                && found.len() == wanted.len()
                && found.modified().ok() == wanted.modified().ok()
        }) && fs::hard_link(&earlier, to).is_ok()
    }

    /// Makes a directory below the root, and those it lies in.
    fn make_dir(&mut self, dir: &Path) -> anyhow::Result<()> {
        if self.unsynced.contains(dir) {
            return Ok(());
        }
        fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let below = dir
            .ancestors()
            .take_while(|dir| dir.starts_with(&self.root));
        self.unsynced.extend(below.map(Path::to_path_buf));
        Ok(())
    }

    /// Makes all names durable.
    pub(super) fn sync(&self) -> anyhow::Result<()> {
        for dir in &self.unsynced {
            let synced = File::open(dir).and_then(|dir| dir.sync_all());
            synced.with_context(|| format!("{} can't be synced", dir.display()))?;
        }
        Ok(())
    }
}

/// One file was not copied.
pub(super) fn failed(from: &Path, to: &Path, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!(
        "{} can't be copied to {}",
        from.display(),
        to.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn how(name: &str) -> How {
        match name {
            "skipped" => How::Skip,
            "changing" => How::Copy,
            _ => How::Link,
        }
    }

    #[test]
    fn what_never_changes_is_linked_and_the_rest_copied() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        for (name, text) in [("a/b/fixed", "12"), ("changing", "345"), ("a/skipped", "6")] {
            fs::write(from.join(name), text).unwrap();
        }
        let mut copier = Copier::new(None, &to);
        let amount = copier.tree(&from, &to, how).unwrap();
        copier.sync().unwrap();
        assert_eq!(
            (amount.files_count, amount.bytes, amount.copied_bytes),
            (2, 5, 3)
        );
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(&from.join("a/b/fixed")), inode(&to.join("a/b/fixed")));
        assert_ne!(inode(&from.join("changing")), inode(&to.join("changing")));
        assert!(!to.join("a/skipped").exists());
    }

    #[test]
    fn an_equal_file_of_the_earlier_backup_is_taken_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let [from, earlier, to] = ["from", "earlier", "to"].map(|name| dir.path().join(name));
        for name in [&from, &earlier, &to] {
            fs::create_dir(name).unwrap();
        }
        fs::write(from.join("fixed"), "text").unwrap();
        let mut first = Copier::new(None, &earlier);
        first
            .file(&from.join("fixed"), &earlier.join("fixed"), How::Copy)
            .unwrap();
        let found = fs::metadata(from.join("fixed")).unwrap();
        let copier = Copier::new(Some(&earlier), &to);
        assert!(copier.link_earlier(&found, &to.join("fixed")));
        assert!(!copier.link_earlier(&found, &to.join("other")));
        fs::write(earlier.join("other"), "longer text").unwrap();
        assert!(!copier.link_earlier(&found, &to.join("other")));
    }
}
