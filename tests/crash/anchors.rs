//! Anchors and recovery: an old copy of a log is known for what it is, and gets back what it lacks.

use std::fs;
use std::path::{Path, PathBuf};

use cairn_tests::cairnd::{Data, Server, run, said};
use cairn_tests::files::FileServer;
use cairn_tests::http::{Client, Request};
use cairn_tests::remote::RemoteLog;
use cairn_tests::wait::until;
use tempfile::TempDir;

/// What lies outside the data directory: an anchor, a published copy, a backup.
struct Outside {
    dir: TempDir,
}

impl Outside {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("safe")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn anchor(&self) -> PathBuf {
        self.path("safe/log.checkpoint")
    }

    /// A raw log with these anchors, kept in `public` too.
    fn data(&self, anchors: &[&str]) -> Data {
        Data::init("raw", "log.example.org")
            .set(
                "publish_dir",
                &format!("\"{}\"", self.path("public").display()),
            )
            .set("publish_dir_interval_ms", "0")
            .set("batch_count_max", "4096")
            .set("anchors", &format!("{anchors:?}"))
    }
}

/// Adds entries `begin..end` and gives their indices, once they are published.
fn add(server: &Server, begin: u64, end: u64) -> Vec<u64> {
    let mut body = Vec::new();
    for n in begin..end {
        tiles::append_entry(&mut body, format!("entry {n}").as_bytes()).unwrap();
    }
    let request = Request::post("/logs/log/add-batch?wait=published", body);
    let answer = server.client().send(&request).expect(200);
    answer
        .text()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect()
}

/// The size of the checkpoint in a file.
fn size_in(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().nth(1)?.parse().ok()
}

/// `cairnd serve` must refuse to start, in these words.
#[track_caller]
fn check_not_served(data: &Data, words: &[&str]) {
    let options = ["--listen", "127.0.0.1:0", "--metrics-listen", "off"];
    let refused = data.run(&[&["serve"], &options[..]].concat());
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    for words in words {
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
}

fn recover(data: &Data, from: &str) -> String {
    data.done(&["recover", "--from", from])
}

#[test]
fn an_old_backup_is_refused_by_its_anchor_and_recovered_from_a_public_copy() {
    let outside = Outside::new();
    let anchor = outside.anchor();
    let anchor = anchor.to_str().unwrap();
    let data = outside.data(&[anchor]);
    check_not_served(&data, &[anchor, "--without-anchor"]);
    let started = ["--metrics-listen", "off", "--without-anchor", anchor];
    let server = data.serve_with(&started);
    assert_eq!(add(&server, 0, 300), (0..300).collect::<Vec<u64>>());
    let to = outside.path("backup");
    data.done(&["backup", "--to", to.to_str().unwrap()]);
    assert_eq!(add(&server, 300, 1500), (300..1500).collect::<Vec<u64>>());
    let vkey = data.vkey("log");
    let log = RemoteLog::new(server.client(), "log", vkey.clone());
    let seen = log.checkpoint();
    assert!(
        size_in(&outside.anchor()) >= Some(1500),
        "before anybody saw it"
    );
    until("the copy is complete", || {
        (size_in(&outside.path("public/checkpoint"))? >= 1500).then_some(())
    });
    server.kill();
    drop(data);

    let restored = Data::copy_of(&to);
    check_not_served(&restored, &[anchor, "1500", "300", "cairnd recover --from"]);
    let copy = FileServer::start(&outside.path("public"));
    let told = recover(&restored, &copy.url());
    assert!(told.contains("1200 entries recovered"), "{told}");
    let told = recover(&restored, &copy.url());
    assert!(told.contains("0 entries recovered"), "{told}");
    restored.fsck();
    let server = restored.serve();
    let log = RemoteLog::new(server.client(), "log", vkey);
    assert_eq!(add(&server, 0, 1501), (0..1501).collect::<Vec<u64>>());
    let newest = log.checkpoint_covering(1501);
    log.check_extends(&seen, &newest);
    let entries = log.check_whole(&newest);
    assert_eq!(entries[1499], b"entry 1499");
    server.stop();
    restored.fsck();
}

#[test]
fn the_url_of_a_public_copy_is_an_anchor() {
    let outside = Outside::new();
    fs::create_dir(outside.path("public")).unwrap();
    let copy = FileServer::start(&outside.path("public"));
    let url = copy.url();
    let data = outside.data(&[&url]);
    check_not_served(&data, &[&url, "404", "--without-anchor"]);
    let started = ["--metrics-listen", "off", "--without-anchor", &url];
    let server = data.serve_with(&started);
    add(&server, 0, 10);
    until("the copy is there", || {
        (size_in(&outside.path("public/checkpoint"))? >= 10).then_some(())
    });
    server.stop();
    let old = Data::copy_of(data.path());
    let server = data.serve();
    add(&server, 10, 20);
    until("the copy is there", || {
        (size_in(&outside.path("public/checkpoint"))? >= 20).then_some(())
    });
    // Another public copy is as good: here the server itself.
    let own = format!("{}/logs/log", server.url());
    check_not_served(&old, &[&url, "cairnd recover"]);
    recover(&old, &own);
    server.stop();
    old.serve().stop();
    drop(copy);
    check_not_served(&old, &[&url, "--without-anchor"]);
    old.serve_with(&started).stop();
}

#[test]
fn a_copy_that_is_wrong_changes_nothing() {
    let outside = Outside::new();
    let data = outside.data(&[]);
    let server = data.serve();
    add(&server, 0, 300);
    let to = outside.path("backup");
    data.done(&["backup", "--to", to.to_str().unwrap()]);
    add(&server, 300, 600);
    until("the copy is there", || {
        (size_in(&outside.path("public/checkpoint"))? >= 600).then_some(())
    });
    server.stop();
    let restored = Data::copy_of(&to);
    let copy = FileServer::start(&outside.path("public"));
    let bundle = outside.path("public/tile/entries/001");
    let right = fs::read(&bundle).unwrap();
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let refused = |words: &str| {
        let refused = restored.run(&["recover", "--from", &copy.url()]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains(words), "{}", said(&refused));
        restored.fsck();
    };
    fs::write(&bundle, wrong).unwrap();
    refused("damaged");
    fs::remove_file(&bundle).unwrap();
    refused("tile/entries/001");
    fs::write(&bundle, right).unwrap();
    // Somebody else's log.
    let checkpoint = outside.path("public/checkpoint");
    let ours = fs::read(&checkpoint).unwrap();
    let other = Data::init("raw", "log.example.org");
    fs::copy(other.store("log").join("checkpoint"), &checkpoint).unwrap();
    refused("not one of the log");
    fs::write(&checkpoint, ours).unwrap();
    recover(&restored, &copy.url());
    restored.fsck();
}

#[test]
fn a_log_that_is_served_is_not_recovered() {
    let data = Data::init("raw", "log.example.org");
    let server = data.serve();
    let refused = data.run(&["recover", "--from", &server.url()]);
    assert!(said(&refused).contains("in use by"), "{}", said(&refused));
    server.stop();
}

/// What the metrics listener says of the server's health, and with which status.
fn health(server: &Server) -> (u16, String) {
    let address = server.line("metrics on http://");
    let address = address.strip_suffix("/metrics").unwrap().parse().unwrap();
    let answer = Client::new(address).get("/healthz");
    (answer.status, answer.text().to_owned())
}

#[test]
fn nothing_is_published_past_an_anchor_that_cannot_be_written() {
    let outside = Outside::new();
    let anchor = outside.anchor();
    let anchor = anchor.to_str().unwrap();
    let data = outside.data(&[anchor]);
    let server = data.serve_with(&["--without-anchor", anchor]);
    add(&server, 0, 10);
    fs::rename(outside.path("safe"), outside.path("gone")).unwrap();
    let answer = server
        .client()
        .post("/logs/log/add", "entry 10")
        .expect(200);
    assert_eq!(answer.text().trim(), "10", "adding goes on");
    server.says("cannot be written");
    let log = RemoteLog::new(server.client(), "log", data.vkey("log"));
    assert_eq!(log.checkpoint().size().get(), 10);
    let (status, said) = health(&server);
    assert_eq!(status, 503);
    assert!(said.contains(anchor), "{said}");
    fs::rename(outside.path("gone"), outside.path("safe")).unwrap();
    assert_eq!(log.checkpoint_covering(11).size().get(), 11);
    assert_eq!(size_in(&outside.anchor()), Some(11));
    server.client().get("/healthz").expect(200);
    server.stop();
}

#[test]
fn a_log_without_anchors_is_served_with_a_warning() {
    let data = Data::init("raw", "log.example.org");
    let server = data.serve_with(&[]);
    server.says("no anchor is configured");
    let (status, said) = health(&server);
    assert_eq!(status, 200);
    assert!(said.contains("no anchor is configured"), "{said}");
    let public = server.client().get("/healthz").expect(200);
    assert!(!public.text().contains("anchor"), "{}", public.text());
    server.stop();
}

#[test]
fn an_anchor_that_nobody_has_cannot_be_waived() {
    let data = Data::init("raw", "log.example.org");
    let dir = data.path().to_str().unwrap();
    let refused = run(&["serve", "--dir", dir, "--without-anchor", "/mnt/typo"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("/mnt/typo"), "{}", said(&refused));
}
