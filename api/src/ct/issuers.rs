//! The certificates above logged ones, a file each, under the fingerprint by which entries name
//! them.
//!
//! An entry that names a certificate which nobody can fetch is of no use to a monitor. So each is
//! durable here, and in the log's plain copy, before the first entry that names it is let in. They
//! are few: only an authority below an accepted root can make more.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use sigstore::ct_entry::Fingerprint;
use sigstore::ct_entry::chain::fingerprint;

use super::IssuerDirs;

/// The directory of a log that they are in, which is also the path they are served under.
pub(crate) const DIR: &str = "issuer";

/// The most that a log keeps. Whoever holds a key below an accepted root could otherwise fill the
/// disk; honest authorities make one in months.
const ISSUERS_COUNT_MAX: usize = 4096;

/// Why a certificate was not kept, or those that were can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum IssuerError {
    #[error("{} can't be read: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{} can't be written: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("{} does not hold the certificate its name says; restore it from your backup",
        .0.display())]
    Damaged(PathBuf),
    #[error("this log has {ISSUERS_COUNT_MAX} issuers, the most it keeps")]
    Full,
}

/// The certificates that are kept.
#[derive(Debug)]
pub(crate) struct Issuers {
    dirs: IssuerDirs,
    /// Those that are durable in every directory.
    known: Mutex<BTreeMap<Fingerprint, Bytes>>,
}

impl Issuers {
    /// Reads what is kept, and brings the copy up to it.
    ///
    /// # Errors
    /// See [`IssuerError`].
    pub(crate) fn open(dirs: &IssuerDirs) -> Result<Issuers, IssuerError> {
        let known = read_all(&dirs.own)?;
        if let Some(copy) = &dirs.copy {
            for (fingerprint, der) in &known {
                write(copy, fingerprint, der)?;
            }
        }
        Ok(Issuers {
            dirs: dirs.clone(),
            known: Mutex::new(known),
        })
    }

    /// The certificate of that fingerprint.
    pub(crate) fn find(&self, fingerprint: &Fingerprint) -> Option<Bytes> {
        self.known().get(fingerprint).cloned()
    }

    /// Whether the certificates of all these fingerprints are kept.
    pub(crate) fn have(&self, fingerprints: &[Fingerprint]) -> bool {
        let known = self.known();
        let mut fingerprints = fingerprints.iter();
        fingerprints.all(|fingerprint| known.contains_key(fingerprint))
    }

    /// Makes these durable. Blocks.
    ///
    /// # Errors
    /// See [`IssuerError`]. Some of them may be kept then, which does no harm.
    pub(crate) fn keep(&self, certificates: &[Vec<u8>]) -> Result<(), IssuerError> {
        for der in certificates {
            let fingerprint = fingerprint(der);
            if self.find(&fingerprint).is_some() {
                continue;
            }
            if self.known().len() >= ISSUERS_COUNT_MAX {
                return Err(IssuerError::Full);
            }
            // The copy first: what is in the log's own directory is taken to be in both.
            for dir in self.dirs.copy.iter().chain([&self.dirs.own]) {
                write(dir, &fingerprint, der)?;
            }
            let der = Bytes::copy_from_slice(der);
            self.known().insert(fingerprint, der);
        }
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Fingerprint, Bytes>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies what the log at `own` keeps into `copy`, for a log that is not being served.
///
/// # Errors
/// See [`IssuerError`].
pub(crate) fn copy_all(own: &Path, copy: &Path) -> Result<(), IssuerError> {
    let dirs = IssuerDirs {
        own: own.to_owned(),
        copy: Some(copy.to_owned()),
    };
    Issuers::open(&dirs).map(|_| ())
}

fn read_all(dir: &Path) -> Result<BTreeMap<Fingerprint, Bytes>, IssuerError> {
    let failed = |path: &Path, cause| IssuerError::Read {
        path: path.to_owned(),
        cause,
    };
    let mut known = BTreeMap::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(known),
        Err(error) => return Err(failed(dir, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| failed(dir, error))?;
        let name = entry.file_name();
        let Some(wanted) = name.to_str().and_then(super::parse_fingerprint) else {
            // A file that was never finished.
            continue;
        };
        let path = entry.path();
        let der = fs::read(&path).map_err(|error| failed(&path, error))?;
        if fingerprint(&der) != wanted {
            return Err(IssuerError::Damaged(path));
        }
        known.insert(wanted, Bytes::from(der));
    }
    Ok(known)
}

/// Puts a certificate into `dir`, whole and durable, unless it is there.
fn write(dir: &Path, fingerprint: &Fingerprint, der: &[u8]) -> Result<(), IssuerError> {
    let path = dir.join(hex::encode(fingerprint));
    let done = || -> io::Result<()> {
        fs::create_dir_all(dir)?;
        if fs::read(&path).is_ok_and(|found| found == der) {
            // Its name may be as young as a crash.
            return File::open(dir)?.sync_all();
        }
        let mut file = tempfile::Builder::new()
            .prefix(".unfinished-")
            .tempfile_in(dir)?;
        file.write_all(der)?;
        // For a web server to read, in the copy.
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        File::open(dir)?.sync_all()?;
        match dir.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    done().map_err(|cause| IssuerError::Write {
        path: path.clone(),
        cause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirs(root: &Path) -> IssuerDirs {
        IssuerDirs {
            own: root.join("logs/ct/issuer"),
            copy: Some(root.join("public/issuer")),
        }
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart_and_in_the_copy() {
        let root = tempfile::tempdir().unwrap();
        let dirs = dirs(root.path());
        let certificates = [b"one".to_vec(), b"two".to_vec()];
        let fingerprints = [fingerprint(b"one"), fingerprint(b"two")];
        let issuers = Issuers::open(&dirs).unwrap();
        assert!(!issuers.have(&fingerprints));
        issuers.keep(&certificates[..1]).unwrap();
        assert!(!issuers.have(&fingerprints));
        issuers.keep(&certificates).unwrap();
        assert!(issuers.have(&fingerprints));

        fs::remove_dir_all(dirs.copy.as_ref().unwrap()).unwrap();
        fs::write(dirs.own.join(".unfinished-x"), "on").unwrap();
        let again = Issuers::open(&dirs).unwrap();
        assert!(again.have(&fingerprints));
        let found = again.find(&fingerprint(b"two")).unwrap();
        assert_eq!(found, &b"two"[..]);
        assert_eq!(again.find(&[0; 32]), None);
        let name = hex::encode(fingerprint(b"one"));
        assert_eq!(fs::read(dirs.copy.unwrap().join(name)).unwrap(), b"one");
    }

    #[test]
    fn a_damaged_file_is_found_when_the_log_is_opened() {
        let root = tempfile::tempdir().unwrap();
        let dirs = dirs(root.path());
        Issuers::open(&dirs)
            .unwrap()
            .keep(&[b"one".to_vec()])
            .unwrap();
        let path = dirs.own.join(hex::encode(fingerprint(b"one")));
        fs::write(&path, "two").unwrap();
        let error = Issuers::open(&dirs).unwrap_err();
        assert!(matches!(error, IssuerError::Damaged(found) if found == path));
    }
}
