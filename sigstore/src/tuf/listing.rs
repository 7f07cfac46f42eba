//! The roles that list files: targets the files that clients want, snapshot the version of targets,
//! timestamp the version of snapshot.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fields::{header, hex, object, text, to_hex, version, wanted, write_header};
use super::{Envelope, Role, TufError, Version};
use crate::canonical_json::excerpt;
use crate::time::UnixSeconds;

/// The files that clients want, at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// Which version of the list.
    pub version: Version,
    /// The first moment at which clients refuse it.
    pub expires: UnixSeconds,
    /// The files by name.
    pub files: BTreeMap<String, TargetFile>,
}

/// What a list says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFile {
    /// Its length in bytes.
    pub length: u64,
    /// Its hash.
    pub sha256: [u8; 32],
}

impl TargetFile {
    /// What a list says of these bytes.
    ///
    /// # Panics
    ///
    /// Never: a length fits into 64 bits.
    #[must_use]
    pub fn of(bytes: &[u8]) -> TargetFile {
        TargetFile {
            length: u64::try_from(bytes.len()).expect("a length fits into 64 bits"),
            sha256: Sha256::digest(bytes).into(),
        }
    }

    /// Where the file is: `targets/<sha256>.<name>`.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("targets/{}.{name}", to_hex(&self.sha256))
    }

    fn read(value: &Value, path: &str) -> Result<TargetFile, TufError> {
        let file = object(Some(value), path)?;
        let length = file.get("length").and_then(Value::as_u64);
        let length = length.ok_or_else(|| wanted(path, "a length"))?;
        let hashes = object(file.get("hashes"), path)?;
        let sha256 = hex(text(hashes.get("sha256"), path)?, path)?;
        let sha256 = sha256.try_into();
        Ok(TargetFile {
            length,
            sha256: sha256.map_err(|_| wanted(path, "64 hex digits"))?,
        })
    }

    fn to_value(&self) -> Value {
        json!({"length": self.length, "hashes": {"sha256": to_hex(&self.sha256)}})
    }
}

impl Targets {
    /// Reads a list of files without looking at its signatures.
    ///
    /// # Errors
    ///
    /// [`TufError`] names the field.
    pub fn read(envelope: &Envelope) -> Result<Targets, TufError> {
        let signed = object(Some(envelope.signed()), "signed")?;
        let (version, expires) = header(signed, Role::Targets)?;
        let mut files = BTreeMap::new();
        for (name, value) in object(signed.get("targets"), "targets")? {
            let path = format!("targets.{}", excerpt(name));
            files.insert(name.clone(), TargetFile::read(value, &path)?);
        }
        Ok(Targets {
            version,
            expires,
            files,
        })
    }

    /// The file, for its keys to sign.
    #[must_use]
    pub fn unsigned(&self) -> Envelope {
        let mut signed = write_header(Role::Targets, self.version, self.expires);
        let files = self
            .files
            .iter()
            .map(|(name, file)| (name.clone(), file.to_value()));
        signed.insert("targets".to_owned(), Value::Object(files.collect()));
        Envelope::unsigned(Value::Object(signed))
    }
}

/// Which list of files is current.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which version of the snapshot.
    pub version: Version,
    /// The first moment at which clients refuse it.
    pub expires: UnixSeconds,
    /// The version of the list.
    pub targets: Version,
}

/// Which snapshot is current.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Which version of the timestamp.
    pub version: Version,
    /// The first moment at which clients refuse it.
    pub expires: UnixSeconds,
    /// The version of the snapshot.
    pub snapshot: Version,
}

impl Snapshot {
    /// Reads a snapshot without looking at its signatures.
    ///
    /// # Errors
    ///
    /// [`TufError`] names the field.
    pub fn read(envelope: &Envelope) -> Result<Snapshot, TufError> {
        let (version, expires, targets) = read_pointer(envelope, Role::Snapshot, "targets.json")?;
        Ok(Snapshot {
            version,
            expires,
            targets,
        })
    }

    /// The file, for its key to sign.
    #[must_use]
    pub fn unsigned(&self) -> Envelope {
        let mut signed = write_header(Role::Snapshot, self.version, self.expires);
        let meta = json!({"targets.json": {"version": self.targets.get()}});
        signed.insert("meta".to_owned(), meta);
        Envelope::unsigned(Value::Object(signed))
    }
}

impl Timestamp {
    /// Reads a timestamp without looking at its signatures.
    ///
    /// # Errors
    ///
    /// [`TufError`] names the field.
    pub fn read(envelope: &Envelope) -> Result<Timestamp, TufError> {
        let (version, expires, snapshot) =
            read_pointer(envelope, Role::Timestamp, "snapshot.json")?;
        Ok(Timestamp {
            version,
            expires,
            snapshot,
        })
    }

    /// The file, for its key to sign.
    #[must_use]
    pub fn unsigned(&self) -> Envelope {
        let mut signed = write_header(Role::Timestamp, self.version, self.expires);
        let meta = json!({"snapshot.json": {"version": self.snapshot.get()}});
        signed.insert("meta".to_owned(), meta);
        Envelope::unsigned(Value::Object(signed))
    }
}

/// Snapshot and timestamp both say the version of one other file.
fn read_pointer(
    envelope: &Envelope,
    role: Role,
    file: &str,
) -> Result<(Version, UnixSeconds, Version), TufError> {
    let signed = object(Some(envelope.signed()), "signed")?;
    let (own_version, expires) = header(signed, role)?;
    let meta = object(signed.get("meta"), "meta")?;
    let path = format!("meta.{file}");
    let entry = object(meta.get(file), &path)?;
    Ok((own_version, expires, version(entry.get("version"), &path)?))
}
