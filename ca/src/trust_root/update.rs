//! A change on its way to the keys that must sign it: a file that a machine without network can
//! read, show and sign.
//!
//! It carries the root that it follows, the new root and the new list of files with the files
//! themselves, as JSON. Shown, it says everything that a signature would agree to.
//!
//! Invariant: the versions follow one another, and the files are those that the new list names.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sigstore::canonical_json::parse_no_duplicates;
use sigstore::time_range::ProtoTime;
use sigstore::tuf::{Envelope, Role, RoleKeys, Root, TargetFile, Targets, TufError};

use super::repository::{check_name, in_file, key_of};
use super::{TargetFiles, TrustRootError};
use crate::signer::Signer;

/// The longest update file that is read.
const UPDATE_LEN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Metadata nests six levels deep, one level inside the update.
const JSON_DEPTH_MAX: usize = 16;

/// What the file calls itself.
const KIND: &str = "cairn trust update";

/// A change that is proposed, or signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    base_root: Envelope,
    root: Option<Envelope>,
    targets: Option<Envelope>,
    files: TargetFiles,
}

impl Update {
    pub(super) fn new(
        base_root: Envelope,
        root: Option<Envelope>,
        targets: Option<Envelope>,
        files: TargetFiles,
    ) -> Result<Update, TrustRootError> {
        let update = Update {
            base_root,
            root,
            targets,
            files,
        };
        update.check()?;
        Ok(update)
    }

    /// Reads an update file.
    ///
    /// # Errors
    ///
    /// [`TrustRootError`] says what it lacks, or what in it does not fit together.
    pub fn parse(json: &[u8]) -> Result<Update, TrustRootError> {
        let (found, max) = (json.len(), UPDATE_LEN_BYTES_MAX);
        if found > max {
            return Err(refused(format!("{found} bytes, at most {max} are read")));
        }
        let value = parse_no_duplicates(json, JSON_DEPTH_MAX);
        let value = value.map_err(|error| refused(error.to_string()))?;
        let Value::Object(mut object) = value else {
            return Err(refused("not an object".to_owned()));
        };
        if object.remove("kind") != Some(KIND.into()) {
            return Err(refused(format!("kind is not {KIND:?}")));
        }
        let base_root = envelope(&mut object, "base_root")?;
        let update = Update {
            base_root: base_root.ok_or_else(|| refused("base_root is missing".to_owned()))?,
            root: envelope(&mut object, "root")?,
            targets: envelope(&mut object, "targets")?,
            files: files(object.remove("files"))?,
        };
        if let Some(name) = object.keys().next() {
            return Err(refused(format!("unknown field {name:?}")));
        }
        update.check()?;
        Ok(update)
    }

    /// Writes the update file. Parsed again it is equal.
    ///
    /// # Panics
    ///
    /// Never: JSON can be written.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let files = self.files.iter();
        let files: BTreeMap<&str, String> = files
            .map(|(name, bytes)| (name.as_str(), STANDARD.encode(bytes)))
            .collect();
        let mut object = Map::new();
        object.insert("kind".to_owned(), KIND.into());
        object.insert("base_root".to_owned(), self.base_root.to_value());
        for (name, envelope) in [("root", &self.root), ("targets", &self.targets)] {
            if let Some(envelope) = envelope {
                object.insert(name.to_owned(), envelope.to_value());
            }
        }
        object.insert("files".to_owned(), json!(files));
        let mut bytes = serde_json::to_vec_pretty(&object).expect("json can be written");
        bytes.push(b'\n');
        bytes
    }

    /// Signs whatever the key has a part in, and returns what that was. No network, no clock.
    ///
    /// # Errors
    ///
    /// [`TrustRootError::NoPart`] if there is nothing for the key to sign, or signing failed.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<Vec<Role>, TrustRootError> {
        let key_id = key_of(signer, "root or targets")?.id();
        let (old, new) = self.roots()?;
        let mut signed = Vec::new();
        let signs_root = [&old, &new]
            .iter()
            .any(|root| root.root.key_ids.contains(&key_id));
        if let Some(root) = self.root.as_mut().filter(|_| signs_root) {
            sign(root, signer)?;
            signed.push(Role::Root);
        }
        let signs_targets = new.targets.key_ids.contains(&key_id);
        if let Some(targets) = self.targets.as_mut().filter(|_| signs_targets) {
            sign(targets, signer)?;
            signed.push(Role::Targets);
        }
        if signed.is_empty() {
            return Err(TrustRootError::NoPart { key_id });
        }
        Ok(signed)
    }

    /// Whether everybody who must sign has.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let Ok((old, new)) = self.roots() else {
            return false;
        };
        let root = self.root.as_ref();
        let targets = self.targets.as_ref();
        root.is_none_or(|root| old.verify_next(root).is_ok())
            && targets.is_none_or(|targets| new.verify(targets, Role::Targets).is_ok())
    }

    /// The root that was current when the change was proposed.
    #[must_use]
    pub fn base_root(&self) -> &Envelope {
        &self.base_root
    }

    /// The new root, if there is one.
    #[must_use]
    pub fn root(&self) -> Option<&Envelope> {
        self.root.as_ref()
    }

    /// The new list of files, if there is one.
    #[must_use]
    pub fn targets(&self) -> Option<&Envelope> {
        self.targets.as_ref()
    }

    /// The files of the new list.
    #[must_use]
    pub fn files(&self) -> &TargetFiles {
        &self.files
    }

    /// The root before, and the one that holds for the rest of the update.
    fn roots(&self) -> Result<(Root, Root), TrustRootError> {
        let base = Root::read(&self.base_root).map_err(in_file("update: base_root"))?;
        let root = match &self.root {
            None => base.clone(),
            Some(root) => Root::read(root).map_err(in_file("update: root"))?,
        };
        Ok((base, root))
    }

    fn check(&self) -> Result<(), TrustRootError> {
        let (base, root) = self.roots()?;
        let wanted = base.version.next();
        if self.root.is_some() && root.version != wanted {
            let (role, found) = (Role::Root, root.version);
            let error = TufError::Version {
                role,
                found,
                wanted,
            };
            return Err(in_file("update: root")(error));
        }
        let listed = match &self.targets {
            None => BTreeMap::new(),
            Some(targets) => {
                let targets = Targets::read(targets).map_err(in_file("update: targets"))?;
                targets.files
            }
        };
        for name in listed.keys() {
            check_name(name)?;
        }
        let held = self.files.iter();
        let held: BTreeMap<String, TargetFile> = held
            .map(|(name, bytes)| (name.clone(), TargetFile::of(bytes)))
            .collect();
        if held != listed {
            return Err(refused(
                "the files are not those that targets lists".to_owned(),
            ));
        }
        Ok(())
    }
}

/// What a signature would agree to, for people.
impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Ok((_, root)), Ok(targets)) = (
            self.roots(),
            self.targets.as_ref().map(Targets::read).transpose(),
        ) else {
            return f.write_str("an update that cannot be read");
        };
        let date =
            |seconds| ProtoTime::from_seconds(seconds).map_or_else(String::new, |t| t.to_string());
        if self.root.is_some() {
            writeln!(f, "root {}, expires {}", root.version, date(root.expires))?;
            for role in Role::ALL {
                let RoleKeys { key_ids, threshold } = root.role(role);
                let ids = key_ids.iter().map(String::as_str).collect::<Vec<_>>();
                writeln!(f, "  {role}: {threshold} of {}", ids.join(", "))?;
            }
        }
        if let Some(targets) = targets {
            writeln!(
                f,
                "targets {}, expires {}",
                targets.version,
                date(targets.expires)
            )?;
            for (name, file) in &targets.files {
                let hash = hex::encode(file.sha256);
                writeln!(f, "  {name}: {} bytes, sha256 {hash}", file.length)?;
            }
        }
        Ok(())
    }
}

/// Adds a signer's signature.
pub(super) fn sign(envelope: &mut Envelope, signer: &dyn Signer) -> Result<(), TrustRootError> {
    let key = key_of(signer, "metadata")?;
    let signature = signer.sign(envelope.signed_bytes())?;
    envelope.add_signature(key.id(), signature);
    Ok(())
}

fn refused(reason: String) -> TrustRootError {
    TrustRootError::Update { reason }
}

fn envelope(
    object: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<Envelope>, TrustRootError> {
    let Some(value) = object.remove(name) else {
        return Ok(None);
    };
    let envelope = Envelope::from_value(&value).map_err(in_file(&format!("update: {name}")))?;
    Ok(Some(envelope))
}

fn files(value: Option<Value>) -> Result<TargetFiles, TrustRootError> {
    let Some(Value::Object(object)) = value else {
        return Err(refused("files is missing".to_owned()));
    };
    let mut files = TargetFiles::new();
    for (name, value) in object {
        let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.ok_or_else(|| refused(format!("files: {name:?} is not base64")))?;
        files.insert(name, bytes);
    }
    Ok(files)
}
