//! Updates from a repository that changes, that lies, and that mixes what it has.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::key_details::KeyDetails;
use crate::test_keys::TestKey;
use crate::tuf::{RoleKeys, Root, Snapshot, Timestamp, TufKey};

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const DAY: u64 = 86_400;
const FILES: [(&str, bool); 2] = [("trusted_root.json", true), ("signing_config.json", false)];

/// A signer of metadata.
struct Key(TestKey);

impl Key {
    fn new() -> Key {
        Key(TestKey::generate(KeyDetails::EcdsaP256Sha256))
    }

    fn public(&self) -> TufKey {
        TufKey::from_spki_der(&self.0.spki).unwrap()
    }
}

/// A repository: what each role says now, who signs it, and all files that were published.
struct Repository {
    root_keys: Vec<Key>,
    root_threshold: u32,
    targets_key: Key,
    online_key: Key,
    versions: BTreeMap<Role, u32>,
    lifetimes: BTreeMap<Role, u64>,
    targets: BTreeMap<String, Vec<u8>>,
    with_hashes: bool,
    served: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    /// With a root of version 1 and all that belongs to it.
    fn new() -> Repository {
        let trusted_root = ("trusted_root.json".to_owned(), b"trusted".to_vec());
        let signing_config = ("signing_config.json".to_owned(), b"config".to_vec());
        let mut repository = Repository {
            root_keys: vec![Key::new(), Key::new(), Key::new()],
            root_threshold: 2,
            targets_key: Key::new(),
            online_key: Key::new(),
            versions: Role::ALL.map(|role| (role, 1)).into(),
            lifetimes: Role::ALL.map(|role| (role, DAY)).into(),
            targets: BTreeMap::from([trusted_root, signing_config]),
            with_hashes: true,
            served: BTreeMap::new(),
        };
        let root = repository.root();
        repository.publish_root(&root, 0..2);
        repository.publish();
        repository
    }

    fn version(&self, role: Role) -> Version {
        Version::new(self.versions[&role]).unwrap()
    }

    fn expires(&self, role: Role) -> UnixSeconds {
        NOW.plus_seconds(self.lifetimes[&role])
    }

    fn bump(&mut self, role: Role) {
        *self.versions.get_mut(&role).unwrap() += 1;
    }

    fn root(&self) -> Root {
        let online = RoleKeys::single(&self.online_key.public());
        let keys = self
            .root_keys
            .iter()
            .chain([&self.targets_key, &self.online_key]);
        Root {
            version: self.version(Role::Root),
            expires: self.expires(Role::Root),
            keys: keys.map(|key| (key.public().id(), key.public())).collect(),
            root: RoleKeys {
                key_ids: self.root_keys.iter().map(|key| key.public().id()).collect(),
                threshold: self.root_threshold,
            },
            targets: RoleKeys::single(&self.targets_key.public()),
            snapshot: online.clone(),
            timestamp: online,
        }
    }

    /// Publishes a root that some of the present root keys signed.
    fn publish_root(&mut self, root: &Root, signers: std::ops::Range<usize>) {
        let mut file = root.unsigned();
        for key in &self.root_keys[signers] {
            let signature = key.0.sign(file.signed_bytes());
            file.add_signature(key.public().id(), signature);
        }
        self.served
            .insert(Role::Root.path(root.version), file.encode());
    }

    fn sign(&mut self, role: Role, mut file: Envelope) -> Vec<u8> {
        let key = match role {
            Role::Targets => &self.targets_key,
            _ => &self.online_key,
        };
        let signature = key.0.sign(file.signed_bytes());
        file.add_signature(key.public().id(), signature);
        let bytes = file.encode();
        self.served
            .insert(role.path(self.version(role)), bytes.clone());
        bytes
    }

    /// Publishes targets, snapshot and timestamp as they are now, and the files.
    fn publish(&mut self) {
        let listed = self.targets.iter();
        let files: BTreeMap<_, _> = listed
            .map(|(name, bytes)| (name.clone(), TargetFile::of(bytes)))
            .collect();
        for (name, file) in &files {
            self.served
                .insert(file.path(name), self.targets[name].clone());
        }
        let targets = Targets {
            version: self.version(Role::Targets),
            expires: self.expires(Role::Targets),
            files,
        };
        let targets = self.sign(Role::Targets, targets.unsigned());
        let snapshot = Snapshot {
            version: self.version(Role::Snapshot),
            expires: self.expires(Role::Snapshot),
            targets: self.version(Role::Targets),
        };
        let snapshot = self.naming(&snapshot.unsigned(), "targets.json", &targets);
        let snapshot = self.sign(Role::Snapshot, snapshot);
        let timestamp = Timestamp {
            version: self.version(Role::Timestamp),
            expires: self.expires(Role::Timestamp),
            snapshot: self.version(Role::Snapshot),
        };
        let timestamp = self.naming(&timestamp.unsigned(), "snapshot.json", &snapshot);
        self.sign(Role::Timestamp, timestamp);
    }

    /// Adds length and hashes of the named file, if this repository has them.
    fn naming(&self, file: &Envelope, name: &str, bytes: &[u8]) -> Envelope {
        let mut value = file.to_value();
        if self.with_hashes {
            let hash = TargetFile::of(bytes).sha256;
            let hash = hex::encode(hash);
            value["signed"]["meta"][name]["length"] = json!(bytes.len());
            value["signed"]["meta"][name]["hashes"] = json!({"sha256": hash});
        }
        Envelope::from_value(&value).unwrap()
    }

    /// The next version of everything but the root.
    fn publish_next(&mut self) {
        for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
            self.bump(role);
        }
        self.publish();
    }

    /// A client that has only the first root.
    fn first(&self) -> Known {
        Known::from_root(&self.served["1.root.json"]).unwrap()
    }

    /// Updates at a time; gives what is known at the end either way, and the paths asked for.
    fn update(&self, known: Known, now: UnixSeconds) -> (Known, Vec<String>, Result<(), String>) {
        let mut update = Update::new(known, &FILES, now);
        let mut asked = Vec::new();
        while let Some(wanted) = update.wanted() {
            asked.push(wanted.path.clone());
            let answer = self.served.get(&wanted.path).map(Vec::as_slice);
            if let Err(error) = update.receive(answer) {
                assert_eq!(update.wanted(), None, "after a refusal nothing is wanted");
                return (update.known, asked, Err(error.to_string()));
            }
        }
        (update.known, asked, Ok(()))
    }

    fn updated(&self, known: Known) -> Known {
        let (known, _, done) = self.update(known, NOW);
        done.unwrap();
        known
    }

    #[track_caller]
    fn refuses(&self, known: &Known, wanted: &str) {
        let (after, _, done) = self.update(known.clone(), NOW);
        let error = done.unwrap_err();
        assert!(error.contains(wanted), "{error}");
        assert_eq!(
            after.file("trusted_root.json"),
            known.file("trusted_root.json")
        );
    }

    fn change(&mut self, path: &str, change: impl Fn(&mut Vec<u8>)) {
        change(self.served.get_mut(path).unwrap());
    }
}

#[test]
fn a_first_update_asks_in_order_and_a_second_for_nothing_new() {
    let repository = Repository::new();
    let (known, asked, done) = repository.update(repository.first(), NOW);
    done.unwrap();
    let begin = [
        "2.root.json",
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
    ];
    assert_eq!(asked[..4], begin);
    assert_eq!(asked.len(), 6);
    assert_eq!(known.file("trusted_root.json"), Some(b"trusted".as_slice()));
    assert_eq!(
        known.file("signing_config.json"),
        Some(b"config".as_slice())
    );
    let (again, asked, done) = repository.update(known.clone(), NOW);
    done.unwrap();
    assert_eq!(asked, ["2.root.json", "timestamp.json"]);
    assert_eq!(again, known);
}

#[test]
fn what_is_kept_is_read_back_whole() {
    let repository = Repository::new();
    let known = repository.updated(repository.first());
    let keep = |known: &Known| {
        let files = known.to_files().into_iter();
        files
            .map(|(name, bytes)| (name, bytes.to_vec()))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(Known::from_files(&keep(&known)), Ok(known.clone()));
    assert_eq!(known.expires(), Some(NOW.plus_seconds(DAY)));
    assert_eq!(known.roles().len(), 4);
    assert_eq!(repository.first().expires(), None);
    // A changed byte in any of it is noticed: the file is missing, or there is no root.
    for name in keep(&known).keys() {
        let mut files = keep(&known);
        let bytes = files.get_mut(name).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        match Known::from_files(&files) {
            Ok(damaged) => assert!(damaged.to_files().len() < files.len(), "{name}"),
            Err(_) => assert_eq!(name, "root.json"),
        }
    }
}

#[test]
fn a_changed_file_is_fetched_and_an_unchanged_one_is_not() {
    let mut repository = Repository::new();
    let known = repository.updated(repository.first());
    repository
        .targets
        .insert("trusted_root.json".to_owned(), b"newer".to_vec());
    repository.publish_next();
    let (known, asked, done) = repository.update(known, NOW);
    done.unwrap();
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert!(asked[4].ends_with(".trusted_root.json"));
    assert_eq!(known.file("trusted_root.json"), Some(b"newer".as_slice()));
    assert_eq!(
        known.file("signing_config.json"),
        Some(b"config".as_slice())
    );
}

#[test]
fn what_need_not_be_there_may_be_missing() {
    let mut repository = Repository::new();
    repository.targets.remove("signing_config.json");
    repository.publish_next();
    let known = repository.updated(repository.first());
    assert_eq!(known.file("signing_config.json"), None);
    repository.targets.remove("trusted_root.json");
    repository.publish_next();
    repository.refuses(&known, "trusted_root.json is not among the files");
}

#[test]
fn roots_are_walked_one_by_one_by_old_and_new_keys() {
    let mut repository = Repository::new();
    let known = repository.updated(repository.first());
    // Version 2 replaces the first root key: the other two sign for both.
    repository.bump(Role::Root);
    let old = std::mem::replace(&mut repository.root_keys[0], Key::new());
    let root = repository.root();
    repository.publish_root(&root, 1..3);
    // Version 3 changes the online key.
    repository.bump(Role::Root);
    repository.online_key = Key::new();
    let root = repository.root();
    repository.publish_root(&root, 0..2);
    repository.publish_next();
    let (known, asked, done) = repository.update(known, NOW);
    done.unwrap();
    assert_eq!(asked[..3], ["2.root.json", "3.root.json", "4.root.json"]);
    assert_eq!(known.root().version, Version::new(3).unwrap());
    // The key that left may not sign a root any more.
    repository.bump(Role::Root);
    repository.root_keys = vec![old, repository.root_keys.remove(1)];
    let root = repository.root();
    repository.publish_root(&root, 0..2);
    repository.refuses(
        &known,
        "4.root.json: root has 1 good signatures by keys of root 3",
    );
}

#[test]
fn a_root_needs_enough_keys_of_both_sides() {
    for signers in [0..1, 2..3, 0..0] {
        let mut repository = Repository::new();
        let known = repository.updated(repository.first());
        repository.bump(Role::Root);
        let root = repository.root();
        repository.publish_root(&root, signers);
        repository.refuses(&known, "2.root.json: root has ");
    }
    // Enough of the old, too few of the new.
    let mut repository = Repository::new();
    let known = repository.updated(repository.first());
    repository.bump(Role::Root);
    repository.root_threshold = 3;
    let root = repository.root();
    repository.publish_root(&root, 0..2);
    repository.refuses(
        &known,
        "root has 2 good signatures by keys of root 2, wanted 3",
    );
}

#[test]
fn a_root_of_another_version_is_refused() {
    let mut repository = Repository::new();
    let known = repository.first();
    repository.versions.insert(Role::Root, 3);
    let root = repository.root();
    repository.publish_root(&root, 0..2);
    let third = repository.served["3.root.json"].clone();
    repository.served.insert("2.root.json".to_owned(), third);
    repository.refuses(&known, "2.root.json: root has version 3, wanted 2");
    let first = repository.served["1.root.json"].clone();
    repository.served.insert("2.root.json".to_owned(), first);
    repository.refuses(&known, "2.root.json: root has version 1, wanted 2");
}

#[test]
fn roots_do_not_go_on_for_ever() {
    let mut repository = Repository::new();
    for _ in 0..ROOT_COUNT_MAX {
        repository.bump(Role::Root);
        let root = repository.root();
        repository.publish_root(&root, 0..2);
    }
    let whole = repository.update(repository.first(), NOW);
    assert_eq!(whole.2, Ok(()));
    repository.bump(Role::Root);
    let root = repository.root();
    repository.publish_root(&root, 0..2);
    let (known, _, done) = repository.update(repository.first(), NOW);
    assert_eq!(
        done,
        Err("258.root.json: more than 256 roots in one update".to_owned())
    );
    // What was walked is kept, so that the next update goes on from there.
    assert_eq!(known.root().version.get(), 257);
    assert_eq!(repository.update(known, NOW).2, Ok(()));
}

#[test]
fn each_role_expires_and_an_expired_root_may_lead_to_a_newer_one() {
    for role in Role::ALL {
        let mut repository = Repository::new();
        let known = repository.first();
        repository.lifetimes.insert(role, 0);
        repository.bump(Role::Root);
        let root = repository.root();
        repository.publish_root(&root, 0..2);
        repository.publish_next();
        let date = "2027-01-15T08:00:00Z";
        let wanted = format!("{role} expired at {date}, and it is {date}");
        repository.refuses(&known, &wanted);
        let just_before = UnixSeconds::new(NOW.get() - 1);
        assert_eq!(repository.update(known.clone(), just_before).2, Ok(()));
        repository.lifetimes.insert(role, DAY);
        repository.bump(Role::Root);
        let root = repository.root();
        repository.publish_root(&root, 0..2);
        repository.publish_next();
        repository.updated(known);
    }
}

#[test]
fn what_is_known_already_expires_too() {
    for role in [Role::Snapshot, Role::Targets] {
        let mut repository = Repository::new();
        repository.lifetimes = Role::ALL.map(|role| (role, 3 * DAY)).into();
        repository.lifetimes.insert(role, DAY);
        repository.bump(Role::Root);
        let root = repository.root();
        repository.publish_root(&root, 0..2);
        repository.publish();
        let known = repository.updated(repository.first());
        let (_, _, done) = repository.update(known, NOW.plus_seconds(DAY));
        assert!(done.unwrap_err().contains(&format!("{role} expired")));
    }
}

/// Puts an older file in the place of the present one, as somebody would who kept it.
#[test]
fn older_versions_are_refused() {
    let mut repository = Repository::new();
    let timestamp = repository.served["timestamp.json"].clone();
    repository.publish_next();
    let known = repository.updated(repository.first());
    repository
        .served
        .insert("timestamp.json".to_owned(), timestamp);
    repository.refuses(
        &known,
        "timestamp.json: timestamp has version 1, but version 2 was seen",
    );
    // Whoever has the online key may number the timestamp higher; what it names may not go back.
    repository.versions.insert(Role::Timestamp, 3);
    repository.versions.insert(Role::Snapshot, 1);
    repository.publish();
    repository.refuses(
        &known,
        "timestamp.json: snapshot has version 1, but version 2 was seen",
    );
    repository.versions.insert(Role::Snapshot, 3);
    repository.versions.insert(Role::Targets, 1);
    repository.publish();
    repository.refuses(
        &known,
        "3.snapshot.json: targets has version 1, but version 2 was seen",
    );
}

/// The refusals again, by a client that was interrupted: it took the timestamp and no more.
#[test]
fn an_interrupted_update_still_knows_what_it_saw() {
    let mut repository = Repository::new();
    let known = repository.updated(repository.first());
    let old = repository.served.clone();
    repository.publish_next();
    let snapshot = repository.served.remove("2.snapshot.json").unwrap();
    let (known, _, done) = repository.update(known, NOW);
    assert_eq!(done, Err("2.snapshot.json: missing".to_owned()));
    assert_eq!(known.file("trusted_root.json"), Some(b"trusted".as_slice()));
    let present = std::mem::replace(&mut repository.served, old);
    repository.refuses(&known, "timestamp has version 1, but version 2 was seen");
    repository.served = present;
    repository
        .served
        .insert("2.snapshot.json".to_owned(), snapshot);
    repository.updated(known);
}

#[test]
fn after_the_online_key_changed_versions_may_begin_anew() {
    let mut repository = Repository::new();
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        repository.versions.insert(role, u32::MAX);
    }
    repository.publish();
    let known = repository.updated(repository.first());
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        repository.versions.insert(role, 2);
    }
    repository.publish();
    repository.refuses(
        &known,
        "timestamp has version 2, but version 4294967295 was seen",
    );
    repository.bump(Role::Root);
    repository.online_key = Key::new();
    let root = repository.root();
    repository.publish_root(&root, 0..2);
    repository.publish();
    let known = repository.updated(known);
    assert_eq!(
        known.roles()[1],
        (
            Role::Targets,
            Version::new(2).unwrap(),
            repository.expires(Role::Targets)
        )
    );
}

#[test]
fn a_list_by_keys_that_were_replaced_is_fetched_again() {
    let mut repository = Repository::new();
    let known = repository.updated(repository.first());
    repository.bump(Role::Root);
    repository.targets_key = Key::new();
    let root = repository.root();
    repository.publish_root(&root, 0..2);
    // The old list is still served: its signature is by a key that nobody trusts any more.
    let (after, _, done) = repository.update(known.clone(), NOW);
    let error = done.unwrap_err();
    assert!(
        error.contains("1.targets.json: targets has 0 good signatures"),
        "{error}"
    );
    assert_eq!(after.expires(), None);
    repository.publish_next();
    repository.updated(known);
}

/// Metadata and files of two honest states, put together.
#[test]
fn files_of_two_states_do_not_mix() {
    for with_hashes in [true, false] {
        let mut repository = Repository::new();
        repository.with_hashes = with_hashes;
        repository.publish();
        let old = repository.served.clone();
        repository
            .targets
            .insert("trusted_root.json".to_owned(), b"newer".to_vec());
        repository.publish_next();
        for (new_path, old_path) in [
            ("2.snapshot.json", "1.snapshot.json"),
            ("2.targets.json", "1.targets.json"),
        ] {
            let mut mixed = repository.served.clone();
            mixed.insert(new_path.to_owned(), old[old_path].clone());
            let client = Repository {
                served: mixed,
                ..Repository::new()
            };
            let known = repository.first();
            let wanted = if with_hashes {
                "bytes"
            } else {
                "has version 1, wanted 2"
            };
            client.refuses(&known, wanted);
        }
        let newer = TargetFile::of(b"newer").path("trusted_root.json");
        repository.served.insert(newer, b"trusted".to_vec());
        repository.refuses(&repository.first(), "not the bytes whose hash is signed");
    }
}

#[test]
fn metadata_of_one_role_does_not_pass_for_another() {
    let mut repository = Repository::new();
    // One key signs both, so only the type tells them apart.
    let timestamp = repository.served["timestamp.json"].clone();
    repository.with_hashes = false;
    repository.publish_next();
    repository
        .served
        .insert("2.snapshot.json".to_owned(), timestamp);
    repository.refuses(
        &repository.first(),
        "2.snapshot.json: _type: wanted snapshot",
    );
}

#[test]
fn changed_bytes_are_refused_everywhere() {
    let paths = ["timestamp.json", "1.snapshot.json", "1.targets.json"];
    for with_hashes in [true, false] {
        for path in paths {
            let mut repository = Repository::new();
            repository.with_hashes = with_hashes;
            repository.publish();
            repository.change(path, |bytes| {
                let text = str::from_utf8(bytes).unwrap();
                *bytes = text.replace("1.0.31", "1.0.30").into_bytes();
            });
            let hash = with_hashes && path != "timestamp.json";
            let wanted = if hash {
                "not the bytes"
            } else {
                "0 good signatures"
            };
            repository.refuses(&repository.first(), wanted);
        }
    }
}

#[test]
fn lengths_bind_before_anything_is_read() {
    let mut repository = Repository::new();
    repository.change("1.snapshot.json", |bytes| {
        bytes.pop();
    });
    repository.refuses(&repository.first(), "1.snapshot.json: ");
    let mut repository = Repository::new();
    let long = vec![b' '; TRUST_FILE_LEN_BYTES_MAX + 1];
    repository
        .targets
        .insert("trusted_root.json".to_owned(), long);
    repository.publish_next();
    repository.refuses(
        &repository.first(),
        "1048577 bytes, at most 1048576 are read",
    );
}

#[test]
fn hashes_of_no_known_kind_are_not_ignored() {
    let mut repository = Repository::new();
    let timestamp = &repository.served["timestamp.json"];
    let mut value = Envelope::parse(timestamp).unwrap().to_value();
    value["signed"]["meta"]["snapshot.json"]["hashes"] = json!({"md5": "00"});
    let file = Envelope::from_value(&value).unwrap();
    repository.sign(Role::Timestamp, file);
    repository.refuses(&repository.first(), "wanted a hash by sha256 or sha512");
}

#[test]
fn nothing_is_taken_that_was_not_wanted() {
    let repository = Repository::new();
    let known = repository.updated(repository.first());
    let mut update = Update::new(known, &FILES, NOW);
    update.receive(None).unwrap();
    update
        .receive(repository.served.get("timestamp.json").map(Vec::as_slice))
        .unwrap();
    assert_eq!(update.wanted(), None);
    let error = update.receive(Some(b"{}")).unwrap_err();
    assert_eq!(error.error, TufError::NotWanted);
}
