//! `cairnd doctor` before an instance that is well, and before instances of which one part is not:
//! every broken part is named, with what to do about it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::thread;

use ca::signer::FileSigner;
use ca::trust_root::{Change, Lifetimes, OfflineKeys, Repository};
use cairn_tests::cairnd::{Data, Server, run, said};
use cairn_tests::http::Request;
use serde_json::Value;
use sigstore::{UnixSeconds, pem};

/// What doctor finds at a URL, line by line.
fn doctor(url: &str, more: &[&str]) -> (Output, Vec<Value>) {
    let output = run(&[&["doctor", url, "--json"], more].concat());
    let found = serde_json::from_slice(&output.stdout);
    let found: Vec<Value> = found.unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    (output, found)
}

/// The checks that failed, each with what is wrong and what to do.
fn failed(found: &[Value]) -> Vec<(&str, &str, &str)> {
    let failed = found.iter().filter(|line| line["outcome"] == "failed");
    failed
        .map(|line| {
            (
                line["check"].as_str().unwrap(),
                line["detail"].as_str().unwrap(),
                line["fix"].as_str().unwrap(),
            )
        })
        .collect()
}

#[track_caller]
fn check_failed(url: &str, check: &str, detail: &str, fix: &str) -> Vec<Value> {
    let (output, found) = doctor(url, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let is_it = |line: &&(&str, &str, &str)| line.0.starts_with(check);
    let lines = failed(&found);
    let line = lines.iter().find(is_it);
    let (_, what, to_do) = line.unwrap_or_else(|| panic!("no {check:?} failed: {lines:?}"));
    assert!(what.contains(detail), "{check}: {what}");
    assert!(to_do.contains(fix), "{check}: {to_do}");
    found
}

#[test]
fn an_instance_that_is_well_passes_every_check() {
    let data = Data::empty();
    let server = data.up();
    let (output, found) = doctor(&server.url(), &[]);
    assert!(output.status.success(), "{}", said(&output));
    for line in &found {
        assert_eq!(line["outcome"], "ok", "{line}");
    }
    let url = server.url();
    let names = found.iter().map(|line| line["check"].as_str().unwrap());
    let names: Vec<String> = names.map(|name| name.replace(&url, "URL")).collect();
    for wanted in [
        "server",
        "clock",
        "tuf root",
        "tuf timestamp",
        "tuf snapshot",
        "tuf targets",
        "trusted_root.json",
        "signing_config.v0.2.json",
        "log URL",
        "log URL, proofs",
        "log URL, adds",
        "certificate log URL/logs/ct",
        "certificate log URL/logs/ct, proofs",
        "timestamp authority URL/api/v1/timestamp",
        "ca certificates",
        "ca configuration",
        "issuer URL/dev/oidc/email",
        "certificate",
        "certificate log's promise",
    ] {
        assert!(
            names.iter().any(|name| name == wanted),
            "{wanted}: {names:?}"
        );
    }

    // As lines, and from a root that is known.
    data.done(&[
        "trust",
        "export",
        "--to",
        data.path().join("out").to_str().unwrap(),
    ]);
    let root = data.path().join("out/root.json");
    let output = run(&["doctor", &url, "--root", root.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(text.lines().count(), found.len());
    assert!(
        text.lines().all(|line| line.starts_with("ok      ")),
        "{text}"
    );
    assert!(!text.contains("no --root was given"));
}

#[test]
fn a_server_with_logs_alone_is_looked_at_as_far_as_can_be() {
    let data = Data::init("raw", "log.example.org/builds");
    let server = data.serve();
    let (output, found) = doctor(&server.url(), &[]);
    assert!(output.status.success(), "{}", said(&output));
    let skipped = found.iter().filter(|line| line["outcome"] == "skipped");
    assert_eq!(skipped.count(), found.len() - 2, "{found:?}");
}

#[test]
fn a_server_that_does_not_answer_is_named() {
    let data = Data::empty();
    let server = data.up();
    let url = server.url();
    server.stop();
    check_failed(&url, "server", "GET http", "cairnd serve");
    let output = run(&["doctor", "log.example.org"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("https://"), "{}", said(&output));
}

#[test]
fn a_frozen_log_to_which_signers_are_sent_is_named() {
    let data = Data::empty();
    let server = data.up();
    data.done(&["log", "freeze", "rekor"]);
    let url = server.url();
    let found = check_failed(&url, "log ", "it is frozen", "cairnd trust rotate log");
    let name = format!("log {url}");
    let line = found.iter().find(|line| line["check"] == name).unwrap();
    assert_eq!(line["outcome"], "ok");
    assert!(line["detail"].as_str().unwrap().contains("Log frozen"));
}

#[test]
fn a_root_of_another_instance_is_named() {
    let (data, other) = (Data::empty(), Data::empty());
    let (server, _other) = (data.up(), other.up());
    let to = other.path().join("out");
    other.done(&["trust", "export", "--to", to.to_str().unwrap()]);
    let root = to.join("root.json");
    let (output, found) = doctor(&server.url(), &["--root", root.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    // Its first root is taken, and nothing of this server is signed by it.
    let lines = failed(&found);
    assert!(
        lines.iter().any(|(check, ..)| check.starts_with("tuf ")),
        "{lines:?}"
    );
}

#[test]
fn timestamps_by_another_key_are_named() {
    let (data, other) = (Data::empty(), Data::empty());
    data.up().stop();
    other.up().stop();
    for file in ["keys/tsa.pem", "tsa/chain.pem"] {
        fs::copy(other.path().join(file), data.path().join(file)).unwrap();
    }
    let server = data.up();
    let found = check_failed(
        &server.url(),
        "timestamp authority",
        "",
        "cairnd trust add tsa",
    );
    // The server knows, too.
    let lines = failed(&found);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].1.contains("not in the trusted root"), "{lines:?}");
}

#[test]
fn certificates_by_another_ca_are_named() {
    let (data, other) = (Data::empty(), Data::empty());
    data.up().stop();
    other.up().stop();
    for file in ["keys/ca.pem", "ca/chain.pem"] {
        fs::copy(other.path().join(file), data.path().join(file)).unwrap();
    }
    let server = data.up();
    let url = server.url();
    check_failed(
        &url,
        "ca certificates",
        "not in the trusted root",
        "cairnd trust add ca",
    );
}

#[test]
fn a_certificate_log_that_does_not_open_is_named_and_no_certificate_is_issued() {
    let data = Data::empty();
    data.up().stop();
    fs::remove_file(data.store("ct").join("checkpoint")).unwrap();
    let server = data.up();
    let url = server.url();
    let found = check_failed(&url, "certificate log ", "", "server's log");
    let lines = failed(&found);
    for check in ["server", "certificate"] {
        assert!(
            lines.iter().any(|line| line.0 == check),
            "{check}: {lines:?}"
        );
    }
}

#[test]
fn a_timestamp_that_has_expired_is_named() {
    let data = Data::empty();
    let server = data.up();
    let stale = stale_repository(data.path());
    let front = Front::new(server.address(), stale);
    let found = check_failed(
        &front.url(),
        "tuf timestamp",
        "has expired",
        "renews it by itself",
    );
    assert_eq!(failed(&found).len(), 1, "{found:?}");
}

#[test]
fn a_file_of_the_trust_root_that_was_changed_is_named() {
    let data = Data::empty();
    let server = data.up();
    let changed = timestamp(&server).replace("\"expires\": \"2", "\"expires\": \"3");
    let changed = BTreeMap::from([("timestamp.json".to_owned(), changed.into_bytes())]);
    let front = Front::new(server.address(), changed);
    check_failed(&front.url(), "tuf timestamp", "signature", "backup");
}

fn timestamp(server: &Server) -> String {
    let answer = server.client().send(&Request::get("/tuf/timestamp.json"));
    answer.expect(200).text().to_owned()
}

/// A repository as it would be had nobody renewed it for three weeks.
fn stale_repository(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    const DAY_SECONDS: u64 = 86_400;
    let files = repository_files(&dir.join("trust/tuf"));
    let mut repository = Repository::load(files, Lifetimes::default()).unwrap();
    let now = repository.expiries()[3].expires.get() - 14 * DAY_SECONDS;
    let then = UnixSeconds::new(now - 21 * DAY_SECONDS);
    let key = |file: &str| fs::read(dir.join("keys").join(file)).unwrap();
    let (online, _) = pem::parse_first(&key("trust-online.pem")).unwrap();
    let online = FileSigner::from_pkcs8_der(&online.der).unwrap();
    let passphrase = key("trust-offline.passphrase");
    let offline = OfflineKeys::read(&key("trust-offline.pem"), &passphrase).unwrap();
    let same = Change {
        keys: None,
        files: Some(repository.target_files()),
    };
    let mut update = repository.propose(same, then).unwrap();
    update.sign(&offline.targets).unwrap();
    repository.apply(&update, &online, then).unwrap();
    repository.files().clone()
}

/// What there is in a directory of the trust root.
pub(crate) fn repository_files(place: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for prefix in ["", "targets/"] {
        for entry in fs::read_dir(place.join(prefix)).unwrap() {
            let entry = entry.unwrap();
            if entry.metadata().unwrap().is_file() {
                let name = entry.file_name().into_string().unwrap();
                files.insert(format!("{prefix}{name}"), fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

/// A server in front of another, with files of the trust root of its own.
struct Front {
    address: SocketAddr,
}

impl Front {
    fn new(behind: SocketAddr, files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Whoever hangs up has had enough.
                let _ended = pass(client, behind, &files);
            }
        });
        Self { address }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Answers one request, and ends the connection.
fn pass(
    mut client: TcpStream,
    behind: SocketAddr,
    files: &BTreeMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut len) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
        if !line.to_lowercase().starts_with("host:") {
            head.push_str(&line);
        }
    }
    let mut sent = vec![0; len];
    reader.read_exact(&mut sent)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let own = path.strip_prefix("/tuf/").and_then(|path| files.get(path));
    if let Some(body) = own {
        let len = body.len();
        write!(
            client,
            "HTTP/1.1 200 OK\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n"
        )?;
        return client.write_all(body);
    }
    let mut server = TcpStream::connect(behind)?;
    write!(server, "{head}host: {behind}\r\nconnection: close\r\n\r\n")?;
    server.write_all(&sent)?;
    std::io::copy(&mut server, &mut client)?;
    Ok(())
}
