//! The artifact: a file, the digest of one, or bytes that came from elsewhere.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore::HashAlgorithm;
use sigstore::pki::Check;
use sigstore::verify::Artifact;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// What signatures are over, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArtifactFile {
    /// A file.
    File(PathBuf),
    /// A file that is elsewhere, by its digest.
    Digest(HashAlgorithm, Vec<u8>),
    /// Bytes in memory, and what they are.
    Memory(String, Vec<u8>),
}

/// How much of a file is in memory at a time.
const PIECE_LEN_BYTES: usize = 256 * 1024;

/// The longest file that is read whole, for the one kind of signature that wants it.
const WHOLE_LEN_BYTES_MAX: usize = 1 << 30;

impl ArtifactFile {
    /// `sha256:` and hex is a digest, unless there is a file of that name.
    pub(crate) fn parse(text: &str) -> Result<ArtifactFile, Failure> {
        let path = PathBuf::from(text);
        let Some((name, hex_digest)) = text.split_once(':').filter(|_| !path.exists()) else {
            return Ok(ArtifactFile::File(path));
        };
        let Some(algorithm) = HashAlgorithm::from_lower_case_name(name) else {
            return Ok(ArtifactFile::File(path));
        };
        let wanted = algorithm.digest_len_bytes();
        match hex::decode(hex_digest)
            .ok()
            .filter(|digest| digest.len() == wanted)
        {
            Some(digest) => Ok(ArtifactFile::Digest(algorithm, digest)),
            None => Err(
                Failure::new(Exit::Usage, text, "is neither a file nor a digest")
                    .expected(format!("{name}: and {} hex digits", wanted * 2)),
            ),
        }
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            ArtifactFile::File(path) => Some(path),
            ArtifactFile::Digest(..) | ArtifactFile::Memory(..) => None,
        }
    }

    /// Its name, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            ArtifactFile::File(path) => path.display().to_string(),
            ArtifactFile::Digest(algorithm, digest) => {
                format!("{}:{}", algorithm.lower_case_name(), hex::encode(digest))
            }
            ArtifactFile::Memory(name, _) => name.clone(),
        }
    }

    /// The digests that are needed, by reading the file once, in little memory.
    pub(crate) fn digests(
        &self,
        needed: &BTreeSet<HashAlgorithm>,
    ) -> Result<Artifact<'static>, Failure> {
        let path = match self {
            ArtifactFile::Digest(algorithm, digest) => {
                return Ok(Artifact::default().with_digest(*algorithm, digest.clone()));
            }
            ArtifactFile::Memory(_, bytes) => {
                let mut digests = Digests::of(needed);
                digests.update(bytes);
                return Ok(digests.finish());
            }
            ArtifactFile::File(path) => path,
        };
        let mut digests = Digests::of(needed);
        read_pieces(path, |piece| digests.update(piece))?;
        Ok(digests.finish())
    }

    /// The whole of the file, or nothing if only its digest is known.
    pub(crate) fn content(&self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            ArtifactFile::File(path) => files::read(path, WHOLE_LEN_BYTES_MAX).map(Some),
            ArtifactFile::Memory(_, bytes) => Ok(Some(bytes.clone())),
            ArtifactFile::Digest(..) => Ok(None),
        }
    }

    /// Shows the whole of a file to the check of a signature.
    pub(crate) fn show_to(path: &Path, check: &mut Check<'_>) -> Result<(), Failure> {
        read_pieces(path, |piece| check.update(piece))
    }
}

/// Digests under way.
#[derive(Default)]
struct Digests {
    sha256: Option<Sha256>,
    sha384: Option<Sha384>,
    sha512: Option<Sha512>,
}

impl Digests {
    fn of(needed: &BTreeSet<HashAlgorithm>) -> Digests {
        Digests {
            sha256: needed.contains(&HashAlgorithm::Sha256).then(Sha256::new),
            sha384: needed.contains(&HashAlgorithm::Sha384).then(Sha384::new),
            sha512: needed.contains(&HashAlgorithm::Sha512).then(Sha512::new),
        }
    }

    fn update(&mut self, piece: &[u8]) {
        if let Some(hash) = &mut self.sha256 {
            hash.update(piece);
        }
        if let Some(hash) = &mut self.sha384 {
            hash.update(piece);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(piece);
        }
    }

    fn finish(self) -> Artifact<'static> {
        let digests = [
            (
                HashAlgorithm::Sha256,
                self.sha256.map(|h| h.finalize().to_vec()),
            ),
            (
                HashAlgorithm::Sha384,
                self.sha384.map(|h| h.finalize().to_vec()),
            ),
            (
                HashAlgorithm::Sha512,
                self.sha512.map(|h| h.finalize().to_vec()),
            ),
        ];
        let known = digests
            .into_iter()
            .filter_map(|(hash, digest)| Some((hash, digest?)));
        known.fold(Artifact::default(), |artifact, (hash, digest)| {
            artifact.with_digest(hash, digest)
        })
    }
}

fn read_pieces(path: &Path, mut take: impl FnMut(&[u8])) -> Result<(), Failure> {
    let unreadable = |error: io::Error| Failure::file(path, "can't be read").found(error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut buffer = vec![0; PIECE_LEN_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => take(buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_told_from_a_file() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let parsed = ArtifactFile::parse(&digest).unwrap();
        assert_eq!(
            parsed,
            ArtifactFile::Digest(HashAlgorithm::Sha256, vec![10; 32])
        );
        assert_eq!(parsed.name(), digest);
        for file in ["a.txt", "dir/a:b", "md5:00"] {
            let parsed = ArtifactFile::parse(file).unwrap();
            assert_eq!(parsed, ArtifactFile::File(PathBuf::from(file)));
        }
        let error = ArtifactFile::parse("sha256:00").unwrap_err();
        assert!(
            error.to_string().contains("sha256: and 64 hex digits"),
            "{error}"
        );
    }

    #[test]
    fn a_file_is_hashed_once_for_every_digest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let content = vec![7; PIECE_LEN_BYTES + 1];
        std::fs::write(&path, &content).unwrap();
        let all = BTreeSet::from([
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ]);
        let artifact = ArtifactFile::File(path).digests(&all).unwrap();
        let wanted = Artifact::from_content(&content);
        assert!(artifact.digests().eq(wanted.digests()));
        assert_eq!(artifact.digests().count(), 3);
    }
}
