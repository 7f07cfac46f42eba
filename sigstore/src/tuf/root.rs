//! The role that says which keys every role has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::fields::{Object, array, header, object, positive, text, wanted, write_header};
use super::{Envelope, Role, TufError, TufKey, Version};
use crate::time::UnixSeconds;

/// The most keys that a root may have, and the most of a role.
const KEY_COUNT_MAX: usize = 64;

/// The keys of each role at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Which version of the root this is.
    pub version: Version,
    /// The first moment at which clients refuse it.
    pub expires: UnixSeconds,
    /// The keys by their ids. Keys of other kinds than ours are left out when reading.
    pub keys: BTreeMap<String, TufKey>,
    /// Who may sign roots.
    pub root: RoleKeys,
    /// Who may sign lists of files.
    pub targets: RoleKeys,
    /// Who may sign snapshots.
    pub snapshot: RoleKeys,
    /// Who may sign timestamps.
    pub timestamp: RoleKeys,
}

/// Which keys may sign for a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    /// Their ids.
    pub key_ids: BTreeSet<String>,
    /// How many of them must sign; never 0.
    pub threshold: u32,
}

impl RoleKeys {
    /// One key that signs alone.
    #[must_use]
    pub fn single(key: &TufKey) -> RoleKeys {
        RoleKeys {
            key_ids: BTreeSet::from([key.id()]),
            threshold: 1,
        }
    }

    fn read(value: Option<&Value>, role: Role) -> Result<RoleKeys, TufError> {
        let path = format!("roles.{role}");
        let role = object(value, &path)?;
        let path = format!("{path}.keyids");
        let list = array(role.get("keyids"), &path)?;
        if list.len() > KEY_COUNT_MAX {
            return Err(wanted(&path, "at most 64 keys"));
        }
        let ids = list
            .iter()
            .map(|id| text(Some(id), &path).map(str::to_owned));
        let key_ids: BTreeSet<String> = ids.collect::<Result<_, _>>()?;
        if key_ids.len() != list.len() {
            return Err(wanted(&path, "each key once"));
        }
        let threshold = positive(role.get("threshold"), "threshold")?;
        Ok(RoleKeys { key_ids, threshold })
    }

    fn to_value(&self) -> Value {
        json!({"keyids": self.key_ids, "threshold": self.threshold})
    }
}

impl Root {
    /// Reads a root without looking at its signatures.
    ///
    /// # Errors
    ///
    /// [`TufError`] names the field.
    pub fn read(envelope: &Envelope) -> Result<Root, TufError> {
        let signed = object(Some(envelope.signed()), "signed")?;
        let (version, expires) = header(signed, Role::Root)?;
        if signed.get("consistent_snapshot") != Some(&Value::Bool(true)) {
            return Err(wanted("consistent_snapshot", "true"));
        }
        let keys = object(signed.get("keys"), "keys")?;
        if keys.len() > KEY_COUNT_MAX {
            return Err(wanted("keys", "at most 64 keys"));
        }
        let roles = object(signed.get("roles"), "roles")?;
        let role = |role: Role| RoleKeys::read(roles.get(role.name()), role);
        Ok(Root {
            version,
            expires,
            keys: read_keys(keys)?,
            root: role(Role::Root)?,
            targets: role(Role::Targets)?,
            snapshot: role(Role::Snapshot)?,
            timestamp: role(Role::Timestamp)?,
        })
    }

    /// Reads a root that its own keys signed: where a client begins.
    ///
    /// # Errors
    ///
    /// [`TufError`] names the field, or says that signatures are missing.
    pub fn verify_first(envelope: &Envelope) -> Result<Root, TufError> {
        let root = Root::read(envelope)?;
        root.verify(envelope, Role::Root)?;
        Ok(root)
    }

    /// Reads the root that follows this one: the next version, signed by the keys of both.
    ///
    /// # Errors
    ///
    /// [`TufError`] names the field, or says that the version is another or signatures are missing.
    pub fn verify_next(&self, envelope: &Envelope) -> Result<Root, TufError> {
        self.verify(envelope, Role::Root)?;
        let next = Root::verify_first(envelope)?;
        let wanted = self.version.next();
        if next.version != wanted {
            return Err(TufError::Version {
                role: Role::Root,
                found: next.version,
                wanted,
            });
        }
        Ok(next)
    }

    /// Checks that enough of a role's keys signed.
    ///
    /// # Errors
    ///
    /// [`TufError::Threshold`].
    pub fn verify(&self, envelope: &Envelope, role: Role) -> Result<(), TufError> {
        envelope.verify(role, self, self.role(role))
    }

    /// Who may sign for a role.
    #[must_use]
    pub fn role(&self, role: Role) -> &RoleKeys {
        match role {
            Role::Root => &self.root,
            Role::Targets => &self.targets,
            Role::Snapshot => &self.snapshot,
            Role::Timestamp => &self.timestamp,
        }
    }

    /// The file, for its keys to sign.
    #[must_use]
    pub fn unsigned(&self) -> Envelope {
        let mut signed = write_header(Role::Root, self.version, self.expires);
        signed.insert("consistent_snapshot".to_owned(), true.into());
        let keys = self
            .keys
            .iter()
            .map(|(id, key)| (id.clone(), key.to_value()));
        signed.insert("keys".to_owned(), Value::Object(keys.collect()));
        let mut roles = Map::new();
        for role in Role::ALL {
            roles.insert(role.name().to_owned(), self.role(role).to_value());
        }
        signed.insert("roles".to_owned(), Value::Object(roles));
        Envelope::unsigned(Value::Object(signed))
    }
}

/// A second id for one key would let it count twice towards a threshold.
fn read_keys(objects: &Object) -> Result<BTreeMap<String, TufKey>, TufError> {
    let mut keys: BTreeMap<String, TufKey> = BTreeMap::new();
    for (id, value) in objects {
        let path = format!("keys.{}", crate::canonical_json::excerpt(id));
        let Some(key) = TufKey::read(object(Some(value), &path)?, &path)? else {
            continue;
        };
        if keys.values().any(|known| *known == key) {
            return Err(wanted(&path, "each key under one id"));
        }
        keys.insert(id.clone(), key);
    }
    Ok(keys)
}
