//! The trust root through an operator's years, under a running server: parties are added, succeed
//! one another and end, keys are replaced, and `cairnd doctor` finds every state of it good.

use std::fs;
use std::path::{Path, PathBuf};

use ca::signer::FileSigner;
use ca::trust_root::{
    Change, Lifetimes, OfflineKeys, Repository, RoleHolders, RootKeys, SIGNING_CONFIG, TRUSTED_ROOT,
};
use cairn_tests::cairnd::{Data, Server, run, said};
use serde_json::Value;
use sigstore::signing_config::SigningConfig;
use sigstore::trusted_root::TrustedRoot;
use sigstore::tuf::TufKey;
use sigstore::{UnixSeconds, pem};

use crate::doctor::repository_files;

/// An instance for development, whose offline keys have never left.
struct Instance {
    data: Data,
    server: Server,
}

impl Instance {
    fn new() -> Self {
        let data = Data::empty();
        let server = data.up();
        Self { data, server }
    }

    fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// Runs a command that proposes an update, and gives what it said.
    fn propose(&self, command: &[&str]) -> String {
        // What was there before was applied.
        let _earlier = fs::remove_file(self.path("update"));
        self.data
            .done(&[command, &["--to", &self.file("update")]].concat())
    }

    fn sign(&self, keys: &str) {
        let output = self.try_sign(keys);
        assert!(output.0, "{}", output.1);
    }

    fn try_sign(&self, keys: &str) -> (bool, String) {
        let (update, keys) = (self.file("update"), self.file(keys));
        let passphrase = self.file("keys/trust-offline.passphrase");
        let args = ["trust", "sign", &update, "--keys", &keys];
        let output = run(&[&args[..], &["--passphrase-file", &passphrase]].concat());
        (output.status.success(), said(&output))
    }

    fn apply(&self) -> String {
        self.data.done(&["trust", "apply", &self.file("update")])
    }

    fn refused(&self, command: &[&str]) -> String {
        let output = self.data.run(command);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        said(&output)
    }

    /// Signs with the offline keys and publishes.
    fn sign_and_apply(&self) -> String {
        self.sign("keys/trust-offline.pem");
        self.apply()
    }

    /// What clients are told, by way of the served files.
    fn told(&self) -> (TrustedRoot, SigningConfig) {
        let to = self.path("told");
        self.data
            .done(&["trust", "export", "--to", to.to_str().unwrap()]);
        let read = |name: &str| fs::read(to.join(name)).unwrap();
        let root = TrustedRoot::parse(&read(TRUSTED_ROOT)).unwrap();
        (root, SigningConfig::parse(&read(SIGNING_CONFIG)).unwrap())
    }

    #[track_caller]
    fn check_well(&self) {
        let output = run(&[
            "doctor",
            &self.server.url(),
            "--root",
            &self.file("told/root.json"),
        ]);
        assert!(output.status.success(), "{}", said(&output));
    }

    fn health(&self) -> Value {
        serde_json::from_slice(&self.server.client().get("/healthz").expect(200).body).unwrap()
    }
}

#[test]
fn a_log_succeeds_another_and_no_client_meets_one_that_it_does_not_trust() {
    let instance = Instance::new();
    let (before, config) = instance.told();
    let said = instance.data.done(&["log", "rotate", "rekor"]);
    assert!(said.contains("cairnd trust add log rekor-2"), "{said}");
    instance.propose(&["trust", "add", "log", "rekor-2"]);
    let unsigned = instance.refused(&["trust", "apply", &instance.file("update")]);
    assert!(unsigned.contains("not signed"), "{unsigned}");
    let said = instance.sign_and_apply();
    assert!(said.contains("the trust root is updated"), "{said}");
    let (root, still) = instance.told();
    assert_eq!(root.tlogs.len(), before.tlogs.len() + 1);
    assert_eq!(still, config, "nobody is sent to it yet");
    instance.check_well();

    let early = instance.refused(&["trust", "rotate", "log", "rekor-2"]);
    assert!(early.contains("--at-once"), "{early}");
    let said = instance.propose(&["trust", "rotate", "log", "rekor-2", "--at-once"]);
    assert!(said.contains("freeze it before"), "{said}");
    instance.sign_and_apply();
    let (root, config) = instance.told();
    let new = root.tlogs.last().unwrap();
    let urls = config.rekor_tlog_urls.iter().map(|log| log.url.as_str());
    assert_eq!(urls.collect::<Vec<_>>(), [new.base_url.as_str()]);
    assert!(root.tlogs[0].valid_for.end.is_some() && new.valid_for.end.is_none());
    instance.check_well();
    instance.data.done(&["log", "freeze", "rekor"]);
    instance.check_well();
    assert_eq!(instance.health()["status"], "ok");
}

#[test]
fn authorities_and_the_certificate_log_change_over_under_a_running_server() {
    let instance = Instance::new();
    instance.told();
    for (kind, more) in [("ca", None), ("tsa", None), ("ct", Some("ct-2"))] {
        if more.is_some() {
            instance.data.done(&["log", "rotate", "ct"]);
        }
        let add: Vec<&str> = ["trust", "add", kind].into_iter().chain(more).collect();
        instance.propose(&add);
        // It must be trusted first.
        let rotate: Vec<&str> = ["trust", "rotate", kind].into_iter().chain(more).collect();
        let early = instance.refused(&[&rotate[..], &["--at-once"]].concat());
        assert!(early.contains("not in the trusted root"), "{early}");
        instance.sign_and_apply();
        instance.check_well();
        instance.propose(&[&rotate[..], &["--at-once"]].concat());
        instance.check_well();
        instance.sign_and_apply();
        instance.check_well();
        assert_eq!(instance.health()["status"], "ok", "{kind}");
    }
    let (root, _) = instance.told();
    for ends in [
        root.certificate_authorities
            .iter()
            .map(|it| it.valid_for.end.is_some())
            .collect::<Vec<_>>(),
        root.timestamp_authorities
            .iter()
            .map(|it| it.valid_for.end.is_some())
            .collect(),
        root.ctlogs
            .iter()
            .map(|it| it.valid_for.end.is_some())
            .collect(),
    ] {
        assert_eq!(ends, [true, false]);
    }
    instance.data.done(&["log", "freeze", "ct"]);
    // And after a restart.
    let Instance { data, server } = instance;
    server.stop();
    let server = data.up();
    let instance = Instance { data, server };
    instance.check_well();
    let shown = instance.data.done(&["trust", "show"]);
    assert_eq!(shown.matches(", published ").count(), 7, "{shown}");
}

#[test]
fn the_keys_of_the_root_are_replaced_and_clients_walk_along() {
    let instance = Instance::new();
    instance.told();
    let (new, passphrase) = (instance.file("new.pem"), "keys/trust-offline.passphrase");
    let passphrase = instance.file(passphrase);
    instance.propose(&[
        "trust",
        "rotate",
        "root",
        "--new-keys",
        &new,
        "--passphrase-file",
        &passphrase,
    ]);
    instance.sign("keys/trust-offline.pem");
    let half = instance.refused(&["trust", "apply", &instance.file("update")]);
    assert!(half.contains("not signed by all"), "{half}");
    instance.sign("new.pem");
    instance.apply();
    instance.check_well();
    instance.propose(&["trust", "renew"]);
    let (done, said) = instance.try_sign("keys/trust-offline.pem");
    assert!(!done && said.contains("no key of"), "{said}");
    instance.sign("new.pem");
    instance.apply();
    let again = instance.refused(&["trust", "apply", &instance.file("update")]);
    assert!(again.contains("was proposed for"), "{again}");
    instance.check_well();
}

#[test]
fn an_update_is_applied_where_no_server_runs() {
    let Instance { data, server } = Instance::new();
    server.stop();
    let update = data.path().join("update");
    let (update, dir) = (update.to_str().unwrap(), data.path());
    data.done(&["trust", "renew", "--to", update]);
    let keys = dir.join("keys/trust-offline.pem");
    let passphrase = dir.join("keys/trust-offline.passphrase");
    let signed = run(&[
        "trust",
        "sign",
        update,
        "--keys",
        keys.to_str().unwrap(),
        "--passphrase-file",
        passphrase.to_str().unwrap(),
    ]);
    assert!(signed.status.success(), "{}", said(&signed));
    data.done(&["trust", "apply", update]);
    let server = data.up();
    server.client().get("/tuf/2.root.json").expect(200);
}

#[test]
fn what_ends_soon_is_told_before_it_does_and_all_is_served() {
    let Instance { data, server } = Instance::new();
    let health: Value =
        serde_json::from_slice(&server.client().get("/healthz").expect(200).body).unwrap();
    assert_eq!(health["status"], "ok");
    assert_eq!(health.get("expiring"), None);
    server.stop();
    sign_for_days(data.path(), 50);
    let server = data.up();
    let health: Value =
        serde_json::from_slice(&server.client().get("/healthz").expect(200).body).unwrap();
    assert_eq!(health["status"], "degraded");
    let what = health["expiring"].as_array().unwrap().iter();
    let what: Vec<&str> = what.map(|it| it["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["tuf root", "tuf targets"]);
    assert_eq!(health["expiring"][0]["fix"], "cairnd trust renew");
    let output = run(&["doctor", &server.url()]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("it is degraded: tuf root: "), "{text}");
}

/// Signs root and list of files anew, for fewer days than the server would.
fn sign_for_days(dir: &Path, days: u32) {
    let place = dir.join("trust/tuf");
    let files = repository_files(&place);
    let lifetimes = Lifetimes {
        root_days: days,
        targets_days: days,
        snapshot_days: days,
        ..Lifetimes::default()
    };
    let mut repository = Repository::load(files, lifetimes).unwrap();
    let key = |file: &str| fs::read(dir.join("keys").join(file)).unwrap();
    let (online, _) = pem::parse_first(&key("trust-online.pem")).unwrap();
    let online = FileSigner::from_pkcs8_der(&online.der).unwrap();
    let passphrase = key("trust-offline.passphrase");
    let offline = OfflineKeys::read(&key("trust-offline.pem"), &passphrase).unwrap();
    let tuf_key =
        |signer: &FileSigner| TufKey::from_spki_der(ca::Signer::public_key(signer)).unwrap();
    let change = Change {
        keys: Some(RootKeys {
            root: RoleHolders::single(tuf_key(&offline.root)),
            targets: RoleHolders::single(tuf_key(&offline.targets)),
            online: tuf_key(&online),
        }),
        files: Some(repository.target_files()),
    };
    let default_days = u64::from(Lifetimes::default().timestamp_days);
    let made_at = repository.expiries()[3].expires.get() - default_days * 86_400;
    let now = UnixSeconds::new(made_at);
    let mut update = repository.propose(change, now).unwrap();
    update.sign(&offline.root).unwrap();
    update.sign(&offline.targets).unwrap();
    repository.apply(&update, &online, now).unwrap();
    for (path, bytes) in repository.files() {
        fs::write(place.join(path), bytes).unwrap();
    }
}
