//! A repository's life: made, renewed, changed, rotated, interrupted, damaged.

use proptest::prelude::*;
use sigstore::key_file::KeyFileError;
use sigstore::time_range::{ProtoTime, TimeRange};
use sigstore::tuf::{Role, TufKey};
use sigstore::{KeyKind, TrustFileError, UnixSeconds};

use super::*;
use crate::signer::{FileSigner, Signer, generate};

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const DAY: u64 = 86_400;

fn signer() -> FileSigner {
    FileSigner::from_pkcs8_der(&generate(KeyKind::EcdsaP256).unwrap()).unwrap()
}

fn tuf_key(signer: &FileSigner) -> TufKey {
    TufKey::from_spki_der(signer.public_key()).unwrap()
}

/// The keys of an instance.
struct Keys {
    root: FileSigner,
    targets: FileSigner,
    online: FileSigner,
}

impl Keys {
    fn new() -> Keys {
        Keys {
            root: signer(),
            targets: signer(),
            online: signer(),
        }
    }

    fn root_keys(&self) -> RootKeys {
        RootKeys {
            root: RoleHolders::single(tuf_key(&self.root)),
            targets: RoleHolders::single(tuf_key(&self.targets)),
            online: tuf_key(&self.online),
        }
    }

    fn repository(&self) -> Repository {
        let initial = InitialKeys {
            root: &self.root,
            targets: &self.targets,
            online: &self.online,
        };
        Repository::create(initial, files("1"), Lifetimes::default(), NOW).unwrap()
    }
}

fn files(content: &str) -> TargetFiles {
    TargetFiles::from([
        (TRUSTED_ROOT.to_owned(), content.as_bytes().to_vec()),
        (SIGNING_CONFIG.to_owned(), b"config".to_vec()),
    ])
}

fn new_files(content: &str) -> Change {
    Change {
        keys: None,
        files: Some(files(content)),
    }
}

fn new_keys(keys: &Keys) -> Change {
    Change {
        keys: Some(keys.root_keys()),
        files: None,
    }
}

fn load(repository: &Repository) -> Result<Repository, TrustRootError> {
    Repository::load(repository.files().clone(), Lifetimes::default())
}

fn versions(repository: &Repository) -> [u32; 4] {
    [
        repository.root.0.version.get(),
        repository.targets.version.get(),
        repository.snapshot.version.get(),
        repository.timestamp.version.get(),
    ]
}

#[test]
fn a_new_repository_is_complete() {
    let keys = Keys::new();
    let repository = keys.repository();
    assert_eq!(load(&repository).as_ref(), Ok(&repository));
    let paths: Vec<&str> = repository.files().keys().map(String::as_str).collect();
    let names = ["1.root.json", "1.snapshot.json", "1.targets.json"];
    assert_eq!(paths[..3], names);
    assert!(paths[3].starts_with("targets/") && paths[3].len() > 72);
    assert_eq!((paths.len(), paths[5]), (6, "timestamp.json"));
    assert_eq!(repository.target_files(), files("1"));
    assert_eq!(repository.id().len(), 8);
    assert!(!repository.is_renewal_due(NOW));
    let days = repository
        .expiries()
        .map(|expiry| expiry.seconds_left(NOW) / DAY);
    assert_eq!(days, [365, 365, 90, 14]);
}

#[test]
fn renewal_comes_long_before_expiry() {
    let keys = Keys::new();
    let mut repository = keys.repository();
    let early = NOW.plus_seconds(4 * DAY);
    assert_eq!(repository.renew(&keys.online, early), Ok(vec![]));
    let later = NOW.plus_seconds(5 * DAY);
    let written = repository.renew(&keys.online, later).unwrap();
    assert_eq!(written, ["timestamp.json"]);
    assert_eq!(versions(&repository), [1, 1, 1, 2]);
    let month = NOW.plus_seconds(31 * DAY);
    let written = repository.renew(&keys.online, month).unwrap();
    assert_eq!(written, ["2.snapshot.json", "timestamp.json"]);
    assert_eq!(versions(&repository), [1, 1, 2, 3]);
    assert_eq!(load(&repository).as_ref(), Ok(&repository));
}

/// Renewed whenever it is due, asked once a day, a timestamp always lasts a week more.
#[test]
fn a_year_of_renewals() {
    let keys = Keys::new();
    let mut repository = keys.repository();
    for day in 0..365 {
        let now = NOW.plus_seconds(day * DAY);
        repository.renew(&keys.online, now).unwrap();
        let [root, _, snapshot, timestamp] = repository.expiries();
        assert!(timestamp.seconds_left(now) >= 7 * DAY, "day {day}");
        assert!(snapshot.seconds_left(now) >= 59 * DAY, "day {day}");
        assert_eq!(root.seconds_left(now), (365 - day) * DAY);
    }
    assert!(
        repository.files().len() < 30,
        "{} files",
        repository.files().len()
    );
}

#[test]
fn a_server_that_was_off_for_a_year_renews() {
    let keys = Keys::new();
    let mut repository = load(&keys.repository()).unwrap();
    let late = NOW.plus_seconds(400 * DAY);
    let written = repository.renew(&keys.online, late).unwrap();
    assert_eq!(written, ["2.snapshot.json", "timestamp.json"]);
    let same = Change {
        keys: Some(keys.root_keys()),
        files: Some(repository.target_files()),
    };
    let mut update = repository.propose(same, late).unwrap();
    update.sign(&keys.root).unwrap();
    update.sign(&keys.targets).unwrap();
    repository.apply(&update, &keys.online, late).unwrap();
    let left = repository
        .expiries()
        .map(|expiry| expiry.seconds_left(late) / DAY);
    assert_eq!(left, [365, 365, 90, 14]);
}

#[test]
fn only_the_online_key_renews() {
    let keys = Keys::new();
    let mut repository = keys.repository();
    let before = repository.clone();
    let later = NOW.plus_seconds(40 * DAY);
    let error = repository.renew(&keys.targets, later).unwrap_err();
    assert!(matches!(error, TrustRootError::OnlineKey { .. }), "{error}");
    assert_eq!(repository, before);
}

#[test]
fn files_change_in_three_steps() {
    let keys = Keys::new();
    let mut repository = keys.repository();
    let proposed = repository.propose(new_files("2"), NOW).unwrap();
    let mut update = Update::parse(&proposed.encode()).unwrap();
    assert_eq!(update, proposed);
    assert!(!update.is_signed());
    let unsigned = repository.apply(&update, &keys.online, NOW).unwrap_err();
    assert!(
        unsigned
            .to_string()
            .contains("targets has 0 good signatures"),
        "{unsigned}"
    );
    let error = update.sign(&keys.root).unwrap_err();
    assert!(matches!(error, TrustRootError::NoPart { .. }), "{error}");
    assert_eq!(update.sign(&keys.targets), Ok(vec![Role::Targets]));
    let update = Update::parse(&update.encode()).unwrap();
    assert!(update.is_signed());
    let written = repository.apply(&update, &keys.online, NOW).unwrap();
    assert!(written[0].ends_with(".trusted_root.json"), "{written:?}");
    let metadata = ["2.targets.json", "2.snapshot.json", "timestamp.json"];
    assert_eq!(written[1..], metadata);
    assert_eq!(repository.target_files(), files("2"));
    assert_eq!(load(&repository).as_ref(), Ok(&repository));
    let again = repository.apply(&update, &keys.online, NOW).unwrap_err();
    let wanted = "the update was proposed for targets 1, but the repository is at 2";
    assert_eq!(again.to_string(), wanted);
}

#[test]
fn an_update_shows_what_it_does() {
    let keys = Keys::new();
    let mut change = new_keys(&Keys::new());
    change.files = Some(files("2"));
    let shown = keys.repository().propose(change, NOW).unwrap().to_string();
    assert!(
        shown.starts_with("root 2, expires 2028-01-15T08:00:00Z\n  root: 1 of "),
        "{shown}"
    );
    let hash = "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35";
    let line = format!("\n  trusted_root.json: 1 bytes, sha256 {hash}\n");
    assert!(shown.contains(&line), "{shown}");
}

#[test]
fn keys_rotate_twice() {
    let mut keys = Keys::new();
    let mut repository = keys.repository();
    for version in [2, 3] {
        let next = Keys::new();
        let mut update = repository.propose(new_keys(&next), NOW).unwrap();
        update.sign(&next.targets).unwrap();
        update.sign(&next.root).unwrap();
        let new_only = repository.apply(&update, &next.online, NOW).unwrap_err();
        assert!(
            new_only.to_string().contains("root has 0 good signatures"),
            "{new_only}"
        );
        assert_eq!(update.sign(&keys.root), Ok(vec![Role::Root]));
        let old_online = repository.apply(&update, &keys.online, NOW).unwrap_err();
        assert!(
            matches!(old_online, TrustRootError::OnlineKey { .. }),
            "{old_online}"
        );
        let written = repository.apply(&update, &next.online, NOW).unwrap();
        let names = ["targets", "root", "snapshot"].map(|name| format!("{version}.{name}.json"));
        assert_eq!(
            written,
            [&names[..], &["timestamp.json".to_owned()]].concat()
        );
        assert_eq!(versions(&repository), [version; 4]);
        assert_eq!(load(&repository).as_ref(), Ok(&repository));
        keys = next;
    }
    assert_eq!(repository.target_files(), files("1"));
}

#[test]
fn the_old_root_key_alone_rotates_nothing() {
    let (keys, next) = (Keys::new(), Keys::new());
    let mut repository = keys.repository();
    let mut update = repository.propose(new_keys(&next), NOW).unwrap();
    update.sign(&keys.root).unwrap();
    update.sign(&next.targets).unwrap();
    let error = repository.apply(&update, &next.online, NOW).unwrap_err();
    assert!(
        error.to_string().contains("keys of root 2, wanted 1"),
        "{error}"
    );
}

#[test]
fn two_of_three_root_keys() {
    let (keys, second, third) = (Keys::new(), signer(), signer());
    let mut repository = keys.repository();
    let mut wanted = keys.root_keys();
    wanted.root = RoleHolders {
        keys: [&keys.root, &second, &third].map(tuf_key).to_vec(),
        threshold: 2,
    };
    let change = Change {
        keys: Some(wanted.clone()),
        files: None,
    };
    let mut update = repository.propose(change.clone(), NOW).unwrap();
    update.sign(&keys.root).unwrap();
    assert!(!update.is_signed());
    update.sign(&third).unwrap();
    repository.apply(&update, &keys.online, NOW).unwrap();
    // From now on the old key cannot sign a root alone.
    let mut update = repository.propose(change, NOW).unwrap();
    update.sign(&keys.root).unwrap();
    assert!(repository.apply(&update, &keys.online, NOW).is_err());
    update.sign(&second).unwrap();
    repository.apply(&update, &keys.online, NOW).unwrap();
    assert_eq!(versions(&repository), [3, 1, 3, 3]);
}

#[test]
fn updates_that_come_too_late() {
    let keys = Keys::new();
    let mut repository = keys.repository();
    let mut update = repository.propose(new_files("2"), NOW).unwrap();
    update.sign(&keys.targets).unwrap();
    let year = NOW.plus_seconds(365 * DAY);
    let error = repository.apply(&update, &keys.online, year).unwrap_err();
    assert_eq!(
        error,
        TrustRootError::Expired {
            role: Role::Targets
        }
    );
    let mut rotation = repository.propose(new_keys(&keys), NOW).unwrap();
    rotation.sign(&keys.root).unwrap();
    repository.apply(&rotation, &keys.online, NOW).unwrap();
    let error = repository.apply(&update, &keys.online, NOW).unwrap_err();
    let stale = TrustRootError::Stale {
        role: Role::Root,
        found: 1,
        current: 2,
    };
    assert_eq!(error, stale);
}

#[test]
fn updates_that_are_none() {
    let keys = Keys::new();
    let repository = keys.repository();
    let nothing = repository.propose(Change::default(), NOW);
    assert_eq!(nothing, Err(TrustRootError::NothingToChange));
    for name in ["", "a/b", "..\\a", "a b", &"a".repeat(129)] {
        let files = TargetFiles::from([(name.to_owned(), vec![])]);
        let change = Change {
            keys: None,
            files: Some(files),
        };
        let error = repository.propose(change, NOW).unwrap_err();
        assert!(
            matches!(error, TrustRootError::FileName { .. }),
            "{name}: {error}"
        );
    }
    let good = repository.propose(new_files("2"), NOW).unwrap().encode();
    let good = String::from_utf8(good).unwrap();
    for (from, to, wanted) in [
        ("cairn trust update", "other", "kind is not"),
        ("\"base_root\"", "\"root\"", "base_root is missing"),
        ("\"files\"", "\"file\"", "files is missing"),
        ("\"Mg==\"", "\"Mw==\"", "the files are not those"),
        ("\"Mg==\"", "\"?\"", "is not base64"),
        (
            "{\n  \"",
            "{\n  \"more\": 1,\n  \"",
            "unknown field \"more\"",
        ),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "{from}");
        let found = Update::parse(changed.as_bytes()).unwrap_err().to_string();
        assert!(found.contains(wanted), "{from}: {found}");
    }
}

/// A crash between any two of the files that an update writes: clients have the old state, and
/// after loading and renewing they have the old or the new one, whole.
#[test]
fn an_update_may_be_interrupted_anywhere() {
    let (keys, next) = (Keys::new(), Keys::new());
    let before = keys.repository();
    let mut change = new_keys(&next);
    change.files = Some(files("2"));
    let mut update = before.propose(change, NOW).unwrap();
    for signer in [&keys.root, &next.root, &next.targets] {
        update.sign(signer).unwrap();
    }
    let mut after = before.clone();
    let written = after.apply(&update, &next.online, NOW).unwrap();
    for count in 0..=written.len() {
        let mut stored = before.files().clone();
        for path in &written[..count] {
            stored.insert(path.clone(), after.files()[path].clone());
        }
        let mut loaded = Repository::load(stored, Lifetimes::default()).unwrap();
        let root_is_written = count >= 3;
        let (online, content) = if root_is_written {
            (&next.online, "2")
        } else {
            (&keys.online, "1")
        };
        loaded.renew(online, NOW).unwrap();
        assert_eq!(loaded.target_files(), files(content), "after {count} files");
        assert!(!loaded.is_renewal_due(NOW));
        assert_eq!(load(&loaded).as_ref(), Ok(&loaded), "after {count} files");
        if !root_is_written {
            loaded.apply(&update, &next.online, NOW).unwrap();
            assert_eq!(loaded.target_files(), files("2"));
        }
    }
}

#[test]
fn missing_files_are_named() {
    let repository = Keys::new().repository();
    for path in repository.files().keys() {
        let mut files = repository.files().clone();
        files.remove(path);
        let error = Repository::load(files, Lifetimes::default()).unwrap_err();
        assert_eq!(error, TrustRootError::MissingFile { path: path.clone() });
    }
}

#[test]
fn lifetimes_that_lock_clients_out() {
    let refused = |change: fn(&mut Lifetimes)| {
        let mut lifetimes = Lifetimes::default();
        change(&mut lifetimes);
        lifetimes.check().unwrap_err().to_string()
    };
    assert_eq!(
        refused(|it| it.timestamp_days = 6),
        "timestamp: 6 days, wanted at least 7"
    );
    assert!(refused(|it| it.snapshot_days = 13).starts_with("snapshot: 13 days, wanted"));
    assert!(refused(|it| it.root_days = 89).starts_with("root: 89 days, wanted"));
    assert!(refused(|it| it.targets_days = 4000).starts_with("targets: 4000 days, wanted"));
    assert_eq!(Lifetimes::default().check(), Ok(()));
}

#[test]
fn offline_keys_come_back() {
    let (keys, pem) = OfflineKeys::generate(b"passphrase").unwrap();
    let again = OfflineKeys::read(pem.as_bytes(), b"passphrase").unwrap();
    assert_eq!(again.root.public_key(), keys.root.public_key());
    assert_eq!(again.targets.public_key(), keys.targets.public_key());
    assert_ne!(keys.root.public_key(), keys.targets.public_key());
    let wrong = OfflineKeys::read(pem.as_bytes(), b"another").unwrap_err();
    assert_eq!(wrong, TrustRootError::KeyFile(KeyFileError::Passphrase));
}

fn time(seconds: u64) -> ProtoTime {
    ProtoTime::from_seconds(UnixSeconds::new(seconds)).unwrap()
}

fn log(host: &str, start: u64, end: Option<u64>) -> TrustedLog {
    TrustedLog {
        base_url: format!("https://{host}"),
        identity: LogIdentity::Ed25519 {
            origin: host.to_owned(),
            public_key: [7; 32],
        },
        valid_for: TimeRange {
            start: time(start),
            end: end.map(time),
        },
    }
}

fn material() -> TrustMaterial {
    let authority = |url: &str, start| CertifiedAuthority {
        url: url.to_owned(),
        common_name: "a name".to_owned(),
        cert_chain: vec![vec![1], vec![2]],
        valid_for: TimeRange::starting(time(start)),
    };
    let (ca, tsa) = ("https://a.example", "https://a.example/api/v1/timestamp");
    TrustMaterial {
        operator: "a.example".to_owned(),
        logs: vec![
            log("old.a.example", 100, Some(200)),
            log("now.a.example", 150, None),
            log("newer.a.example", 250, None),
            log("next.a.example", 1000, None),
        ],
        ct_logs: vec![TrustedLog {
            base_url: "https://a.example/logs/ct".to_owned(),
            identity: LogIdentity::P256 {
                spki_der: vec![3; 91],
            },
            valid_for: TimeRange::starting(time(100)),
        }],
        certificate_authorities: vec![authority(ca, 100), authority(ca, 250)],
        timestamp_authorities: vec![authority(tsa, 100)],
        oidc_issuers: vec![],
    }
}

#[test]
fn signers_are_sent_to_what_is_active_newest_first() {
    let config = material().signing_config(time(300));
    let urls = |services: &[sigstore::signing_config::Service]| {
        let urls = services.iter().map(|it| it.url.clone());
        urls.collect::<Vec<_>>()
    };
    let logs = urls(&config.rekor_tlog_urls);
    assert_eq!(logs, ["https://newer.a.example", "https://now.a.example"]);
    assert_eq!(
        urls(&config.ca_urls),
        ["https://a.example"],
        "an operator's service is there once"
    );
    assert_eq!(config.ca_urls[0].valid_for.start, time(250));
    assert_eq!(
        urls(&config.tsa_urls),
        ["https://a.example/api/v1/timestamp"]
    );
    let later = material().signing_config(time(1000));
    assert_eq!(later.rekor_tlog_urls[0].url, "https://next.a.example");
    assert_eq!(later.rekor_tlog_urls[0].major_api_version, 2);
}

#[test]
fn verifiers_trust_what_was_and_what_will_be() {
    let root = material().trusted_root();
    assert_eq!(root.tlogs.len(), 4);
    assert_eq!(root.certificate_authorities.len(), 2);
    let files = material().target_files(time(300)).unwrap();
    assert_eq!(files[TRUSTED_ROOT], root.encode());
    let config = material().client_trust_config(time(300));
    assert_eq!(config.trusted_root, root);
    let mut bad = material();
    bad.logs[0].base_url = "old.a.example".to_owned();
    let error = bad.target_files(time(300)).unwrap_err();
    assert!(
        matches!(error, TrustRootError::Material(TrustFileError::Url { .. })),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever one byte is changed to, a repository that loads still says what it said.
    #[test]
    fn damage_is_noticed(
        file in 0_usize..6,
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let repository = Keys::new().repository();
        let mut files = repository.files().clone();
        let bytes = files.values_mut().nth(file).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(loaded) = Repository::load(files, Lifetimes::default()) {
            prop_assert_eq!(&loaded.root.0, &repository.root.0);
            prop_assert_eq!(&loaded.targets, &repository.targets);
            prop_assert_eq!(&loaded.snapshot, &repository.snapshot);
            prop_assert_eq!(&loaded.timestamp, &repository.timestamp);
        }
    }
}
