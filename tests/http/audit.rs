//! `cairn audit` of a running cairnd, of a fork of it, of an old copy, and of exported files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cairn_tests::cairnd::{Data, Server, client_program, said};
use cairn_tests::files::FileServer;
use cairn_tests::http::Request;
use serde_json::Value;
use tempfile::TempDir;

use crate::raw::framed;

/// Somebody who audits, and remembers what was seen.
pub(crate) struct Auditor {
    home: TempDir,
    vkey: String,
}

impl Auditor {
    /// With the key of one log.
    pub(crate) fn of(data: &Data, log: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let vkey = data.vkey(log).to_string();
        Self { home, vkey }
    }

    fn run(&self, log: &str, args: &[&str]) -> Output {
        let mut command = Command::new(client_program());
        command.env("CAIRN_HOME", self.home.path());
        command.args(["--json", "audit", log, "--vkey", &self.vkey]);
        command.args(args).output().unwrap()
    }

    /// What is said of a log that is right.
    #[track_caller]
    pub(crate) fn passes(&self, log: &str, args: &[&str]) -> Value {
        let output = self.run(log, args);
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What is said of one that is not, in words.
    #[track_caller]
    fn refuses(&self, log: &str, args: &[&str], words: &[&str]) {
        let output = self.run(log, args);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let text = String::from_utf8(output.stderr).unwrap();
        for word in words {
            assert!(text.contains(word), "{text} does not say {word}");
        }
    }

    fn evidence(&self) -> Vec<Value> {
        let files = fs::read_dir(self.home.path().join("evidence")).unwrap();
        let read = |path: &Path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        files.map(|file| read(&file.unwrap().path())).collect()
    }
}

fn url(server: &Server) -> String {
    format!("{}/logs/log", server.url())
}

/// Adds entries to the log, and waits until they are published.
fn add(server: &Server, what: &str, count: usize) {
    let entries: Vec<String> = (0..count).map(|n| format!("{what} {n}")).collect();
    let entries: Vec<&[u8]> = entries.iter().map(String::as_bytes).collect();
    let path = "/logs/log/add-batch?wait=published";
    let request = Request::post(path, framed(&entries));
    server.client().send(&request).expect(200);
}

#[test]
fn a_log_may_grow_but_neither_fork_nor_go_back() {
    let data = Data::init("raw", "log.example.org");
    let auditor = Auditor::of(&data, "log");
    let server = data.serve();
    add(&server, "entry", 300);
    let found = auditor.passes(&url(&server), &[]);
    assert_eq!(found["size"], 300);
    assert_eq!(found["sizeSeenBefore"], Value::Null);
    server.stop();
    let (fork, old) = (Data::copy_of(data.path()), Data::copy_of(data.path()));

    let server = data.serve();
    add(&server, "more", 10);
    let found = auditor.passes(&url(&server), &["--since-last"]);
    assert_eq!(
        (&found["whole"], &found["sizeSeenBefore"]),
        (&false.into(), &300.into())
    );
    add(&server, "yet more", 290);
    assert_eq!(auditor.passes(&url(&server), &[])["size"], 600);
    server.stop();

    let server = old.serve();
    auditor.refuses(
        &url(&server),
        &[],
        &["went back", "300 entries", "600 entries"],
    );
    server.stop();
    let server = fork.serve();
    add(&server, "other", 500);
    for args in [&[][..], &["--since-last"]] {
        auditor.refuses(&url(&server), args, &["forked", "evidence"]);
    }
    let evidence = auditor.evidence();
    assert_eq!(evidence.len(), 2, "one of each contradiction");
    let key = data.vkey("log");
    for contradiction in evidence {
        for field in ["seenBefore", "seenNow"] {
            let note = contradiction[field].as_str().unwrap();
            tiles::open_checkpoint(note.as_bytes(), std::slice::from_ref(&key)).unwrap();
        }
    }
    // Nobody is asked to forget: the log itself still passes.
    let server = data.serve();
    assert_eq!(auditor.passes(&url(&server), &[])["sizeSeenBefore"], 600);
}

#[test]
fn a_flipped_byte_is_named_in_files_and_over_http() {
    let data = Data::init("raw", "log.example.org");
    let auditor = Auditor::of(&data, "log");
    let server = data.serve();
    add(&server, "entry", 300);
    server.stop();
    let exported = tempfile::tempdir().unwrap();
    let dir = exported.path().join("log");
    let dir_text = dir.to_str().unwrap();
    data.done(&["export", "--to", dir_text]);
    let files = FileServer::start(&dir);
    assert_eq!(auditor.passes(dir_text, &[])["size"], 300);
    assert_eq!(auditor.passes(&files.url(), &[])["sizeSeenBefore"], 300);

    let path = dir.join("tile/entries/000");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4] ^= 1;
    fs::write(&path, bytes).unwrap();
    for log in [dir_text, &files.url()] {
        auditor.refuses(log, &[], &["tile/0/000", "entry 0"]);
        // What was proven once is not read again.
        auditor.passes(log, &["--since-last"]);
    }
    fs::remove_file(&path).unwrap();
    auditor.refuses(&files.url(), &[], &["tile/entries/000", "not there"]);
}
