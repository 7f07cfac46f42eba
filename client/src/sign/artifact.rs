//! Hashing what is signed, in one pass and in little memory.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aws_lc_rs::digest::{self, Context};
use sigstore::HashAlgorithm;

use crate::failure::Failure;

/// Bytes read at a time.
const BUFFER_LEN_BYTES: usize = 256 * 1024;

/// An artifact by its digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    /// By which everybody knows it.
    pub(crate) sha256: [u8; 32],
    /// What the signer's key is used with, if that is another.
    pub(crate) others: Vec<(HashAlgorithm, Vec<u8>)>,
}

impl Hashed {
    /// The digest by this hash, if it was made.
    pub(crate) fn digest(&self, hash: HashAlgorithm) -> Option<&[u8]> {
        if hash == HashAlgorithm::Sha256 {
            return Some(&self.sha256);
        }
        let mut others = self.others.iter();
        others.find_map(|(other, digest)| (*other == hash).then_some(digest.as_slice()))
    }
}

/// Hashes a file by SHA-256 and by the hash of the key that signs.
pub(crate) fn hash(path: &Path, hash: HashAlgorithm) -> Result<Hashed, Failure> {
    let unreadable = |error: std::io::Error| Failure::file(path, "can't be read").found(error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut sha256 = Context::new(&digest::SHA256);
    let mut other = (hash != HashAlgorithm::Sha256).then(|| Context::new(algorithm(hash)));
    let mut buffer = vec![0; BUFFER_LEN_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(unreadable)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        sha256.update(bytes);
        if let Some(other) = &mut other {
            other.update(bytes);
        }
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(sha256.finish().as_ref());
    let other = other.map(|other| (hash, other.finish().as_ref().to_vec()));
    Ok(Hashed {
        sha256: digest,
        others: other.into_iter().collect(),
    })
}

/// The digest of bytes in memory.
pub(super) fn digest_of(hash: HashAlgorithm, bytes: &[u8]) -> Vec<u8> {
    digest::digest(algorithm(hash), bytes).as_ref().to_vec()
}

fn algorithm(hash: HashAlgorithm) -> &'static digest::Algorithm {
    match hash {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hashed_in_pieces_as_it_is_in_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for len in [0, 1, BUFFER_LEN_BYTES, BUFFER_LEN_BYTES + 1] {
            let bytes = vec![b'x'; len];
            std::fs::write(&path, &bytes).unwrap();
            for key_hash in [
                HashAlgorithm::Sha256,
                HashAlgorithm::Sha384,
                HashAlgorithm::Sha512,
            ] {
                let hashed = hash(&path, key_hash).unwrap();
                for known in [HashAlgorithm::Sha256, key_hash] {
                    let wanted = digest_of(known, &bytes);
                    assert_eq!(hashed.digest(known), Some(wanted.as_slice()));
                }
            }
        }
        let failure = hash(&dir.path().join("b"), HashAlgorithm::Sha256).unwrap_err();
        assert!(failure.to_string().contains("can't be read"));
    }
}
