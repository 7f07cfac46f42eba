//! Settings and commands that are wrong: refused with file, line, key and the fix, before anything
//! is made or changed.

use std::fs;

use cairn_tests::cairnd::{Data, run, said};

/// `cairnd serve` with a line of cairn.toml replaced says all of `wanted`, and where the line is.
fn check(old: &str, new: &str, wanted: &[&str]) {
    let data = Data::init("rekor-v2", "log.example.org");
    let text = data.config().replacen(old, new, 1);
    assert!(text.contains(new), "no line is {old:?}");
    data.write_config(&text);
    let refused = data.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2), "{new}: {}", said(&refused));
    let line = 1 + text[..text.find(new).unwrap()].matches('\n').count();
    let path = data.path().join("cairn.toml");
    let place = format!("{}:{line}: ", path.display());
    let stderr = String::from_utf8(refused.stderr).unwrap();
    for wanted in wanted.iter().copied().chain([place.as_str()]) {
        assert!(stderr.contains(wanted), "{new}: no {wanted:?} in {stderr}");
    }
}

#[test]
fn wrong_settings_name_file_line_key_and_fix() {
    let listen = "listen = \"127.0.0.1:3000\"";
    check(
        listen,
        "listen = \"localhost\"",
        &["key `listen`", "\"localhost\""],
    );
    check(listen, "listen = 3000", &["key `listen`", "3000"]);
    check(
        listen,
        "lisen = \"127.0.0.1:1\"",
        &["key `lisen`", "unknown key", "listen"],
    );
    check(listen, "listen = ", &["key `listen`"]);
    check(
        "#connections_max = 4096",
        "connections_max = 0",
        &["key `limits.connections_max`", "0"],
    );
    check(
        "#batch_age_ms = 50",
        "batch_age_ms = \"50\"",
        &["key `log.batch_age_ms`"],
    );
    check(
        "#duplicates = \"existing\"",
        "duplicates = \"drop\"",
        &["`log.duplicates`", "conflict"],
    );
    check(
        "kind = \"rekor-v2\"",
        "kind = \"rekor\"",
        &["key `log.kind`", "rekor-v2"],
    );
    check(
        "origin = \"log.example.org\"",
        "origin = \"log:80\"",
        &["`log.origin`", "port"],
    );
    check("name = \"rekor\"", "name = \"../x\"", &["key `log.name`"]);
}

#[test]
fn serve_never_makes_a_log() {
    let empty = tempfile::tempdir().unwrap();
    let dir = empty.path().to_str().unwrap();
    let refused = run(&["serve", "--dir", dir]);
    assert!(!refused.status.success());
    assert!(said(&refused).contains("cairnd init"), "{}", said(&refused));
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);

    let data = Data::init("raw", "log.example.org").log("second", "raw");
    fs::remove_dir_all(data.store("log")).unwrap();
    let server = data.serve();
    assert_eq!(server.line("log log "), "raw log.example.org failed");
    server.client().post("/logs/second/add", "x").expect(200);
    assert!(!data.store("log").exists());
}

#[test]
fn init_touches_nothing_that_is_there() {
    let data = Data::init("raw", "log.example.org");
    let before = data.config();
    let refused = data.run(&["init", "--origin", "other.example.org"]);
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains("exists already"),
        "{}",
        said(&refused)
    );
    assert_eq!(data.config(), before);
    for origin in [
        "log.example.org:3000",
        "log.example.org/x",
        "a b",
        "a+b",
        "https://x",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("new");
        let refused = run(&["init", "--dir", new.to_str().unwrap(), "--origin", origin]);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{origin}: {}",
            said(&refused)
        );
        assert!(!new.exists(), "{origin}");
    }
}

#[test]
fn keys_are_for_their_owner_alone() {
    let data = Data::init("raw", "log.example.org");
    let key = fs::metadata(data.path().join("keys/log.pem")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!(mode & 0o777, 0o600);
}

/// What ends a `cairnd serve` of `data`, none of whose logs can be opened.
fn nothing_to_serve(data: &Data) -> String {
    let ended = data.run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "off",
    ]);
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
    assert_eq!(ended.stdout, b"", "{}", said(&ended));
    let stderr = String::from_utf8(ended.stderr).unwrap();
    let message = stderr.lines().last().unwrap_or_default();
    assert!(message.contains("no log can be opened"), "{stderr}");
    message.to_owned()
}

/// Serves a log after `change`; the log is refused, naming `what` differs from its store.
fn check_other_log(what: &str, change: impl FnOnce(&Data)) {
    let data = Data::init("raw", "log.example.org");
    change(&data);
    let message = nothing_to_serve(&data);
    assert!(message.contains(what), "no {what:?} in {message}");
}

#[test]
fn another_key_or_origin_than_the_stores_is_refused() {
    check_other_log("origin", |data| {
        let text = data.config();
        data.write_config(&text.replace("\"log.example.org\"", "\"other.example.org\""));
    });
    check_other_log("log id", |data| {
        let other = Data::init("raw", "log.example.org");
        let key = "keys/log.pem";
        fs::copy(other.path().join(key), data.path().join(key)).unwrap();
    });
}

#[test]
fn a_server_without_any_log_ends() {
    let data = Data::init("raw", "log.example.org").log("second", "rekor-v2");
    fs::remove_dir_all(data.store("log")).unwrap();
    fs::remove_file(data.path().join("keys/second.pem")).unwrap();
    let message = nothing_to_serve(&data);
    for log in ["log: ", "second: ", "keys/second.pem"] {
        assert!(message.contains(log), "no {log:?} in {message}");
    }
}

#[test]
fn a_copied_key_serves_one_log_only() {
    let data = Data::init("raw", "log.example.org").log("second", "raw");
    let key = |name: &str| data.path().join("keys").join(name);
    fs::copy(key("log.pem"), key("second.pem")).unwrap();
    let server = data.serve();
    assert_eq!(server.line("log log "), "raw log.example.org 0");
    assert!(server.line("log second ").ends_with(" failed"));
    server.says("a key must never sign for two");
    server.client().post("/logs/log/add", "x").expect(200);
}

#[test]
fn no_plain_copy_goes_over_a_log() {
    check(
        "#publish_dir = \"public/rekor\"",
        "publish_dir = \"logs/rekor\"",
        &["key `log.publish_dir`", "logs/rekor", "another directory"],
    );
    let data = Data::init("raw", "log.example.org");
    let checkpoint = data.store("log").join("checkpoint");
    let before = fs::read(&checkpoint).unwrap();
    let store = data.store("log");
    let refused = data.run(&["export", "--to", store.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("--to "), "{}", said(&refused));
    assert_eq!(fs::read(&checkpoint).unwrap(), before);
}
