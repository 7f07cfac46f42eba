//! What timestamp says of snapshot, and snapshot of targets: a version, and perhaps length and
//! hashes, which then bind.

use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};

use super::fields::{hex, object, text, version, wanted};
use super::{Envelope, METADATA_LEN_BYTES_MAX, Role, TufError, Version};

/// One metadata file as another names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MetaFile {
    pub(super) version: Version,
    length: Option<usize>,
    sha256: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
}

impl MetaFile {
    /// Reads what the metadata says of the file of a role.
    pub(super) fn read(envelope: &Envelope, of: Role) -> Result<MetaFile, TufError> {
        let signed = object(Some(envelope.signed()), "signed")?;
        let meta = object(signed.get("meta"), "meta")?;
        let path = format!("meta.{of}.json");
        let file = object(meta.get(&format!("{of}.json")), &path)?;
        let length = match file.get("length") {
            None => None,
            Some(length) => {
                let length = length.as_u64().and_then(|len| usize::try_from(len).ok());
                let length = length.filter(|length| *length <= METADATA_LEN_BYTES_MAX);
                Some(length.ok_or_else(|| wanted(&path, "a length of at most 512 KiB"))?)
            }
        };
        let (mut sha256, mut sha512) = (None, None);
        if let Some(hashes) = file.get("hashes") {
            let hashes = object(Some(hashes), &path)?;
            let hash = |value: &Value| hex(text(Some(value), &path)?, &path);
            sha256 = hashes.get("sha256").map(hash).transpose()?;
            sha512 = hashes.get("sha512").map(hash).transpose()?;
            if sha256.is_none() && sha512.is_none() {
                return Err(wanted(&path, "a hash by sha256 or sha512"));
            }
        }
        Ok(MetaFile {
            version: version(file.get("version"), &path)?,
            length,
            sha256,
            sha512,
        })
    }

    /// The most bytes that the file may have.
    pub(super) fn length_max(&self) -> usize {
        self.length.unwrap_or(METADATA_LEN_BYTES_MAX)
    }

    /// Checks that these are the bytes, as far as anything is said of them.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), TufError> {
        if let Some(wanted) = self.length.filter(|length| *length != bytes.len()) {
            return Err(TufError::Length {
                found: bytes.len(),
                wanted,
            });
        }
        let by_256 = |hash: &Vec<u8>| *hash == Sha256::digest(bytes).to_vec();
        let by_512 = |hash: &Vec<u8>| *hash == Sha512::digest(bytes).to_vec();
        if self.sha256.as_ref().is_none_or(by_256) && self.sha512.as_ref().is_none_or(by_512) {
            Ok(())
        } else {
            Err(TufError::Hash)
        }
    }
}
