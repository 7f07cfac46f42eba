//! One log after another: a shard is added beside a log that is written to, and the old one is
//! frozen, without a restart and without a request that fails for it.

use std::sync::atomic::{AtomicBool, Ordering};

use cairn_tests::cairnd::{Data, Server, run, said};
use cairn_tests::http::{HOST, Request, Response};
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::{Signer, leaf_of};
use cairn_tests::wait::until;
use rustix::process::Signal;
use serde_json::Value;

const ADD: &str = "/api/v2/log/entries";
const FROZEN: &str = "This log has been frozen, please switch to the latest log.\n";

fn add(server: &Server, host: &str, text: &str) -> Response {
    let request = Request::post(ADD, Signer::new(7).body(text)).header("host", host);
    server.client().send(&request)
}

/// Ends the writer, whatever becomes of the test.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn health(server: &Server) -> Value {
    serde_json::from_slice(&server.client().get("/healthz").expect(200).body).unwrap()
}

fn checkpoint(server: &Server, log: &str) -> String {
    let answer = server.client().get(&format!("/logs/{log}/checkpoint"));
    answer.expect(200).text().to_owned()
}

#[test]
fn writers_go_on_while_a_shard_is_added_and_the_old_one_is_frozen() {
    let data = Data::init("rekor-v2", HOST);
    let server = data.serve();
    let ended = AtomicBool::new(false);
    let (next, logged) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut logged = 0;
            loop {
                let is_frozen = ended.load(Ordering::SeqCst);
                let answer = add(&server, HOST, &format!("text {logged}"));
                match answer.status {
                    201 => {
                        assert!(!is_frozen, "the frozen log still takes entries");
                        logged += 1;
                    }
                    405 => break (answer, logged),
                    // Between the freezing and the answer that says so: to be tried again.
                    503 => {}
                    other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
                }
            }
        });
        let end = OnDrop(&ended);
        let said = data.done(&["log", "rotate", "rekor"]);
        assert!(said.contains("the log rekor-2 is served"), "{said}");
        let next = add(&server, "log-2.example.org", "the first of others");
        let said = data.done(&["log", "freeze", "rekor"]);
        assert!(said.contains("the log rekor is frozen"), "{said}");
        drop(end);
        let (refused, logged) = writer.join().unwrap();
        assert_eq!(refused.text(), FROZEN);
        assert_eq!(
            refused.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        (next, logged)
    });
    let new = RemoteLog::new(server.client(), "rekor-2", data.vkey("rekor-2"));
    let leaf = leaf_of(&Signer::new(7).request("the first of others"));
    assert_eq!(new.check_answer(&next.expect(201).body, &leaf).0, 1);
    let old = RemoteLog::new(server.client(), "rekor", data.vkey("rekor"));
    let entries = old.check_whole(&old.checkpoint());
    assert_eq!(
        entries.len(),
        logged + 1,
        "acknowledged ones and the log's own"
    );
    assert_eq!(health(&server)["status"], "ok");
    server.stop();
    data.fsck();
}

#[test]
fn a_frozen_log_says_so_for_ever_in_the_words_of_other_servers() {
    let data = Data::init("rekor-v2", HOST);
    let server = data.serve();
    add(&server, HOST, "text").expect(201);
    assert!(!checkpoint(&server, "rekor").contains("frozen"));
    data.done(&["log", "freeze", "rekor"]);
    let last = checkpoint(&server, "rekor");
    let line = last.lines().nth(3).unwrap();
    let date = line.strip_prefix("Log frozen \u{2014} ").unwrap();
    // `Mon Jan  2 15:04:05 UTC 2006`
    assert_eq!((date.len(), &date[20..24]), (28, "UTC "), "{date}");
    assert_eq!(health(&server)["logs"][0]["writable"], false);
    data.done(&["log", "freeze", "rekor"]);
    assert_eq!(checkpoint(&server, "rekor"), last);
    server.stop();

    // Even if cairn.toml forgets it.
    let config = data.config();
    let line = config
        .lines()
        .find(|line| line.starts_with("frozen = "))
        .unwrap();
    data.write_config(&config.replace(&format!("{line}\n"), ""));
    let server = data.serve();
    assert_eq!(checkpoint(&server, "rekor"), last);
    add(&server, HOST, "more").expect(405);
    let (url, vkey) = (server.url(), data.vkey("rekor").to_string());
    let remote = run(&["fsck", "--url", &url, "--vkey", &vkey]);
    assert!(remote.status.success(), "{}", said(&remote));
}

#[test]
fn a_log_can_be_frozen_while_no_server_runs() {
    let data = Data::init("raw", "log.example.org/builds");
    data.done(&["log", "freeze", "log"]);
    let server = data.serve();
    assert!(checkpoint(&server, "log").contains("\nLog frozen \u{2014} "));
    server.client().post("/logs/log/add", "entry").expect(405);
}

#[test]
fn a_sighup_has_cairn_toml_read_again_and_a_wrong_one_changes_nothing() {
    let data = Data::init("raw", "log.example.org/builds");
    let server = data.serve();
    let right = data.config();
    data.write_config(&right.replace("kind = \"raw\"", "kind = \"cooked\""));
    server.signal(Signal::HUP);
    server.says("to no effect");
    server.client().post("/logs/log/add", "one").expect(200);
    data.write_config(&right);
    data.done(&["log", "add", "other", "--kind", "raw"]);
    server.client().get("/logs/other/checkpoint").expect(404);
    server.signal(Signal::HUP);
    until("the new log is served", || {
        let answer = server.client().get("/logs/other/checkpoint");
        (answer.status == 200).then_some(())
    });
    server.client().post("/logs/log/add", "two").expect(200);
    let readonly = data
        .config()
        .replacen("#read_only = false", "read_only = true", 1);
    data.write_config(&readonly);
    server.signal(Signal::HUP);
    until("the log takes no entries", || {
        let answer = server.client().post("/logs/log/add", "three");
        (answer.status == 405).then_some(())
    });
    server.client().post("/logs/other/add", "one").expect(200);
    assert!(!checkpoint(&server, "log").contains("frozen"));
}

#[test]
fn the_log_of_the_certificates_is_not_frozen_under_the_ca() {
    let data = Data::empty();
    let _server = data.up();
    let refused = data.run(&["log", "freeze", "ct"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("end issuance"),
        "{}",
        said(&refused)
    );
}
