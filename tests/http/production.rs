//! A private Sigstore for production: what `cairnd init --sigstore` makes, what is refused before
//! it is served, and a backup of it that goes on elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cairn_tests::cairnd::{Data, Server, run, said};
use cairn_tests::http::{Request, Response};
use serde_json::Value;
use tempfile::TempDir;

use crate::instance::{json_of, signing_request};

/// An instance for production, and what is not in its directory.
pub(crate) struct Production {
    pub(crate) data: Data,
    secrets: TempDir,
}

impl Production {
    /// An instance that believes these issuers, as `--issuer` takes them.
    pub(crate) fn new(issuers: &[String]) -> Self {
        let (production, args) = Self::begin(issuers);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        production.data.done(&args);
        production
    }

    /// Nothing yet, and the arguments that make it.
    pub(crate) fn begin(issuers: &[String]) -> (Self, Vec<String>) {
        let secrets = tempfile::tempdir().unwrap();
        let production = Self {
            data: Data::empty(),
            secrets,
        };
        let passphrase = production.passphrase_file();
        let offline = production.offline_keys();
        let mut args = vec!["init", "--sigstore", "--url", "http://localhost:3000"];
        args.extend(["--passphrase-file", text(&passphrase)]);
        args.extend(["--offline-keys", text(&offline)]);
        for issuer in issuers {
            args.extend(["--issuer", issuer]);
        }
        let args = args.into_iter().map(str::to_owned).collect();
        (production, args)
    }

    pub(crate) fn passphrase_file(&self) -> PathBuf {
        self.secrets.path().join("server/passphrase")
    }

    pub(crate) fn offline_keys(&self) -> PathBuf {
        self.secrets.path().join("offline/keys.pem")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The answer to a request for a certificate with that token, whose subject proves its key.
pub(crate) fn certify(server: &Server, token: &str, subject: &str) -> Response {
    let body = signing_request(token, subject).to_string();
    server
        .client()
        .send(&Request::post("/api/v2/signingCert", body))
}

/// A token of the dev issuers in `data`.
pub(crate) fn token_of(data: &Data, args: &[&str]) -> String {
    let token = data.done(&[&["dev-token"], args].concat());
    token.trim_end().to_owned()
}

/// An issuer of email addresses, as `--issuer` takes it.
pub(crate) fn email_issuer(server: &Server) -> String {
    format!("email,url={}/dev/oidc/email", server.url())
}

/// Every file below `dir`, as it is.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            all.extend(contents(&entry.path()));
        } else {
            all.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
    all
}

#[test]
fn every_key_is_encrypted_and_its_passphrase_is_elsewhere() {
    let production = Production::new(&["github,owner=acme".to_owned()]);
    let passphrase = fs::read_to_string(production.passphrase_file()).unwrap();
    let files = contents(production.data.path());
    let keys = files
        .iter()
        .filter(|(path, _)| path.parent().unwrap().ends_with("keys"));
    for (path, key) in keys.clone() {
        let key = String::from_utf8_lossy(key);
        assert!(
            key.contains("BEGIN ENCRYPTED PRIVATE KEY"),
            "{}",
            path.display()
        );
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(keys.count(), 5);
    let secret = passphrase.trim().as_bytes();
    let has_it = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    assert!(!files.iter().any(|(_, bytes)| has_it(bytes)));
    let offline = fs::read_to_string(production.offline_keys()).unwrap();
    assert_eq!(offline.matches("BEGIN ENCRYPTED PRIVATE KEY").count(), 2);
}

#[test]
fn what_protects_nothing_or_lets_everybody_in_is_not_made() {
    let check = |change: &dyn Fn(&Production, &mut Vec<String>), words: &str| {
        let (production, mut args) = Production::begin(&[]);
        change(&production, &mut args);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let refused = production.data.run(&args);
        assert!(!refused.status.success(), "{}", said(&refused));
        assert!(
            said(&refused).contains(words),
            "{words}: {}",
            said(&refused)
        );
        assert!(contents(production.data.path()).is_empty(), "{words}");
    };
    let offline_inside = |production: &Production, args: &mut Vec<String>| {
        let inside = production.data.path().join("offline.pem");
        args.extend(["--offline-keys".to_owned(), text(&inside).to_owned()]);
        args.drain(6..8);
    };
    check(&offline_inside, "is inside the data directory");
    let beside = |production: &Production, args: &mut Vec<String>| {
        let beside = production.offline_keys().with_file_name("passphrase");
        args.extend([
            "--offline-passphrase-file".to_owned(),
            text(&beside).to_owned(),
        ]);
    };
    check(&beside, "must not be found where its keys are");
    let everybody = |_: &Production, args: &mut Vec<String>| {
        args.extend(["--issuer", "github"].map(str::to_owned));
    };
    check(&everybody, "everybody on GitHub");
}

#[test]
fn what_contradicts_itself_is_not_served() {
    let production = Production::new(&[]);
    let good = production.data.config();
    let check = |old: &str, new: &str, words: &str| {
        assert!(good.contains(old), "{old}");
        production.data.write_config(&good.replace(old, new));
        // `--listen` of the harness is on loopback, as cairn.toml says, too.
        let said = production.data.serve_refused();
        assert!(said.contains(words), "{words}: {said}");
    };
    let url = "url = \"http://localhost:3000\"";
    check(
        url,
        "url = \"https://sigstore.example.org\"",
        "trusted_proxies",
    );
    let passphrase = format!(
        "passphrase_file = \"{}\"",
        text(&production.passphrase_file())
    );
    check(&passphrase, "", "CAIRND_PASSPHRASE");
    let wrong = production.passphrase_file().with_file_name("wrong");
    fs::write(&wrong, "battery staple").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    let named = format!("passphrase_file = \"{}\"", text(&wrong));
    check(&passphrase, &named, "wrong passphrase");

    let dev = Data::empty();
    dev.up().stop();
    dev.write_config(
        &dev.config()
            .replace("profile = \"dev\"", "profile = \"production\""),
    );
    let said = dev.serve_refused();
    assert!(
        said.contains("anybody could get any identity in it"),
        "{said}"
    );
}

#[test]
fn the_passphrase_may_be_in_the_environment() {
    let idp = Data::empty();
    let issuer = idp.up();
    let production = Production::new(&[email_issuer(&issuer)]);
    let config = production.data.config();
    let line = format!(
        "passphrase_file = \"{}\"\n",
        text(&production.passphrase_file())
    );
    production.data.write_config(&config.replace(&line, ""));
    let passphrase = fs::read_to_string(production.passphrase_file()).unwrap();
    let environment = [("CAIRND_PASSPHRASE", Path::new(passphrase.as_str()))];
    let server = production
        .data
        .serve_in(&["--metrics-listen", "off"], &environment);
    let token = token_of(&idp, &["--identity", "ada@example.com"]);
    certify(&server, &token, "ada@example.com").expect(200);
}

#[test]
fn a_restored_backup_issues_and_is_the_same_instance() {
    let idp = Data::empty();
    let issuer = idp.up();
    let production = Production::new(&[email_issuer(&issuer)]);
    let server = production.data.serve();
    let trust_root = server.line("trust root ");
    let chain = server.client().get("/api/v1/rootCert").expect(200).body;
    let token = token_of(&idp, &["--identity", "ada@example.com"]);
    certify(&server, &token, "ada@example.com").expect(200);
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("backup");
    let printed = production.data.done(&["backup", "--to", text(&to)]);
    assert!(
        printed.contains(text(&production.passphrase_file())),
        "{printed}"
    );
    server.stop();
    let restored = Data::copy_of(&to);
    let server = restored.serve();
    assert_eq!(server.line("trust root "), trust_root);
    assert_eq!(
        server.client().get("/api/v1/rootCert").expect(200).body,
        chain
    );
    certify(&server, &token, "ada@example.com").expect(200);
    let timestamp = format!(
        "/tuf/{}/timestamp.json",
        trust_root.rsplit('/').next().unwrap()
    );
    server.client().get(&timestamp).expect(200);
}

#[test]
fn a_token_is_tried_without_a_server() {
    let idp = Data::empty();
    let issuer = idp.up();
    let github = format!("github,url={}/dev/oidc/github,owner=acme", issuer.url());
    let production = Production::new(&[email_issuer(&issuer), github]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let try_token = |args: &[&str]| {
        fs::write(file.path(), token_of(&idp, args)).unwrap();
        let dir = text(production.data.path());
        run(&[
            "issuer",
            "test-token",
            "--dir",
            dir,
            "--file",
            text(file.path()),
        ])
    };
    let workflow = |owner: &str| format!("{owner}/app/.github/workflows/x.yml@refs/heads/main");
    let shown = try_token(&["--preset", "github", "--identity", &workflow("acme")]);
    assert!(shown.status.success(), "{}", said(&shown));
    for words in [
        "uri https://github.com/acme/app/.github/workflows/x.yml@refs/heads/main",
        "1.3.6.1.4.1.57264.1.12 source-repository-uri = https://github.com/acme/app",
        "rule       1\n",
    ] {
        assert!(said(&shown).contains(words), "{words}: {}", said(&shown));
    }
    let refused = try_token(&["--preset", "github", "--identity", &workflow("eve")]);
    assert_eq!(refused.status.code(), Some(1));
    for words in ["refused: not_allowed", "rule 1", "\"acme\""] {
        assert!(
            said(&refused).contains(words),
            "{words}: {}",
            said(&refused)
        );
    }
    let refused = try_token(&["--identity", "ada@example.com", "--audience", "other"]);
    assert!(
        said(&refused).contains("refused: audience_wrong"),
        "{}",
        said(&refused)
    );
}

/// The code in a refusal of a token.
pub(crate) fn code_of(response: Response) -> String {
    let refused = json_of(&response.expect(400));
    let message = match &refused["message"] {
        Value::String(message) => message.clone(),
        other => panic!("{other}"),
    };
    let code = message.rsplit_once('(').unwrap().1;
    code.trim_end_matches(')').to_owned()
}
