//! Files: read up to a limit, written whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::Builder;

use crate::failure::Failure;

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the user's umask allows.
    Anybody,
    /// The user alone: it is secret.
    Owner,
}

/// Reads a file of at most so many bytes.
pub(crate) fn read(path: &Path, len_bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: io::Error| Failure::file(path, "can't be read").found(error);
    let limit = u64::try_from(len_bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than fits tells a longer file from one that just fits.
    let file = file.take(limit.saturating_add(1));
    { file }.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > len_bytes_max {
        let expected = format!("at most {len_bytes_max} bytes");
        return Err(Failure::file(path, "is longer than any such file").expected(expected));
    }
    Ok(bytes)
}

/// Reads a file that need not be there.
pub(crate) fn read_if_there(path: &Path, len_max: usize) -> Result<Option<Vec<u8>>, Failure> {
    match fs::exists(path) {
        Ok(false) => Ok(None),
        _ => read(path, len_max).map(Some),
    }
}

/// Writes a file whole: whoever reads it sees all of the new bytes, or what was there before.
pub(crate) fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Failure> {
    let written = try_write(path, bytes, readers);
    written.map_err(|error| Failure::file(path, "can't be written").found(error))
}

fn try_write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    // The umask takes from this what it must.
    let mode = match readers {
        Readers::Anybody => 0o666,
        Readers::Owner => 0o600,
    };
    let mut builder = Builder::new();
    let builder = builder
        .prefix(".cairn-")
        .permissions(Permissions::from_mode(mode));
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The name, too, must outlast a power cut.
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_read_within_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert_eq!(read_if_there(&path, 5), Ok(None));
        write(&path, b"12345", Readers::Anybody).unwrap();
        write(&path, b"54321", Readers::Owner).unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"54321");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            read(&path, 4)
                .unwrap_err()
                .to_string()
                .contains("at most 4 bytes")
        );
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
        let nowhere = dir.path().join("b/c");
        assert!(write(&nowhere, b"", Readers::Anybody).is_err());
    }
}
